"""Parameter sets and the heads of slices of an elementary stream."""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from hikcore.native.records cimport Array

cdef enum:
    SET_ROOM = 8192        # of one parameter set
    CONFIG_ROOM = 65536    # of the parameter sets of one access unit
    CONFIGS = 256          # distinct ones of a body
    HEAD_ROOM = 16         # kept of a slice: what orders pictures stands within it


cdef class StreamSets:
    cdef Array samples, faults, heads
    cdef size_t max_samples
    cdef bint full                  # memory or a cap was reached: nothing more is taken
    cdef int codec                  # 0 unknown, 1 H.264, 2 H.265
    cdef bint set_open              # a parameter set, or a slice's head, is being collected
    cdef bint set_is_head
    cdef uint8_t set_bytes[SET_ROOM]
    cdef uint32_t set_n
    cdef uint8_t config[CONFIG_ROOM]
    cdef uint32_t config_n
    cdef Array configs              # concatenated blobs
    cdef Array config_ends          # their ends, uint32
    cdef uint16_t active
    cdef uint64_t at                # offset of the packet being delivered: where faults are

    cdef list config_blobs(self)
    cdef void keep_set(self, const uint8_t* p, size_t n) noexcept nogil
    cdef void close_set(self) noexcept nogil
    cdef void close_head(self) noexcept nogil
    cdef uint16_t find_config(self) noexcept nogil
    cdef void fault(self, uint64_t code) noexcept nogil
