"""Sound to units: as a container frames it, or by the headers in it."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from hikcore.native.records cimport Array, Sample

cdef enum:
    ADTS_ROOM = 32768      # a frame is at most 8191 bytes, and two are needed to believe the first


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


cdef packed struct Piece:
    uint64_t begin       # position in the stream
    uint64_t offset      # in the source
    uint64_t size
    uint64_t packet      # number of the packet that it lies in
    int64_t pts          # of that packet, -1 without


cdef class AdtsStream:
    cdef Array samples, extents, pieces
    cdef size_t max_samples, max_extents
    cdef bint full
    cdef uint8_t first[2]           # of the stream
    cdef uint64_t end               # bytes of the stream so far
    cdef uint64_t junk              # bytes in no frame
    cdef uint8_t data[ADTS_ROOM]    # what is not used yet, from `begin` on
    cdef size_t held
    cdef uint64_t begin
    cdef bint locked                # a frame must begin where the last one ended
    cdef uint8_t fixed[3]           # the fixed part of its header
    cdef int64_t pts
    cdef uint64_t packets, used     # number of the last packet, of the last whose PTS is used

    cdef void packet(self, int64_t pts) noexcept nogil
    cdef void deliver(self, const uint8_t* p, size_t n, uint64_t at) noexcept nogil
    cdef void close(self) noexcept nogil
    cdef void run(self, bint last) noexcept nogil
    cdef size_t seek(self, size_t i, bint last) noexcept nogil
    cdef void emit(self, size_t i, size_t size) noexcept nogil
    cdef void forget(self, size_t count) noexcept nogil
