"""Elementary streams to access units: the part that every byte-stream container shares."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from hikcore.native.records cimport Array, Sample

cdef enum:
    SET_ROOM = 8192        # of one parameter set
    CONFIG_ROOM = 65536    # of the parameter sets of one access unit
    CONFIGS = 256          # distinct ones of a body
    UNIT_ROOM = 67108864   # bytes of one access unit, so that no reader needs more


cdef bytes drain(Array* a)


cdef class VideoStream:
    cdef Array samples, extents, anchors, faults
    cdef size_t max_samples, max_extents
    cdef bint full                  # memory or a cap was reached: nothing more is taken
    cdef int codec                  # 0 unknown, 1 H.264, 2 H.265
    cdef bint codec_sure            # told by a parameter set, not by the container
    cdef uint32_t pack_frame        # frame number of the last pack, until used
    cdef int64_t wall               # wall clock read last, until used
    cdef uint32_t encrypted
    cdef bint wall_fresh
    cdef int64_t pending_pts        # PTS waiting for an access unit to begin
    cdef uint64_t es_end            # bytes of the stream so far
    cdef uint64_t tail_zeros        # zero bytes at its end
    cdef uint8_t nal_head[3]
    cdef int nal_head_n             # bytes of a NAL header collected; 3 when none is awaited
    cdef bint nal_open
    cdef uint64_t nal_begin         # position of its first byte in the elementary stream
    cdef uint64_t nal_prefix        # position of the zeros before its start code
    cdef int64_t nal_pts, nal_wall
    cdef uint32_t nal_frame
    cdef bint nal_fresh
    cdef bint au_open, au_vcl
    cdef Sample au
    cdef uint64_t au_begin
    cdef int64_t last_cra           # sample that is a CRA without RASL pictures so far, -1
    cdef bint set_open              # a parameter set is being collected
    cdef uint8_t set_bytes[SET_ROOM]
    cdef uint32_t set_n
    cdef uint8_t config[CONFIG_ROOM]
    cdef uint32_t config_n
    cdef Array configs              # concatenated blobs
    cdef Array config_ends          # their ends, uint32
    cdef uint16_t active
    cdef uint64_t cut_off
    cdef uint64_t at                # offset of the packet being delivered: where faults are

    cdef void deliver(self, const uint8_t* p, size_t n, uint64_t at) noexcept nogil
    cdef void close(self, bint cut) noexcept nogil
    cdef list config_blobs(self)
    cdef void scan(self, const uint8_t* p, size_t n) noexcept nogil
    cdef void start_code(self, uint64_t one, uint64_t zeros) noexcept nogil
    cdef void close_nal(self, uint64_t end) noexcept nogil
    cdef void nal_known(self) noexcept nogil
    cdef void tell_codec(self, uint8_t b0, uint8_t b1) noexcept nogil
    cdef void open_access_unit(self) noexcept nogil
    cdef size_t split_extents(self) noexcept nogil
    cdef void close_access_unit(self) noexcept nogil
    cdef void drop_access_unit(self) noexcept nogil
    cdef void keep_set(self, const uint8_t* p, size_t n) noexcept nogil
    cdef void close_set(self) noexcept nogil
    cdef uint16_t find_config(self) noexcept nogil
    cdef void fault(self, uint64_t code) noexcept nogil


cdef class AudioStream:
    cdef Array samples, extents
    cdef size_t max_samples, max_extents
    cdef bint full
    cdef bint unit_open
    cdef Sample unit
    cdef uint16_t kind              # of units that begin, a number of the container's

    cdef void begin(self, int64_t pts) noexcept nogil
    cdef void deliver(self, const uint8_t* p, size_t n, uint64_t at) noexcept nogil
    cdef void close(self) noexcept nogil
