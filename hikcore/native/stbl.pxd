"""The tables of an MP4 track, for those who walk them (native/stbl.pyx)."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

# Why a table is refused: the general reader has the texts.
cdef enum:
    REFUSED_NONE = 0
    REFUSED_TABLE = 1      # a table that is missing, cut off, or holds what no file has
    REFUSED_COUNT = 2      # tables for different numbers of samples
    REFUSED_BEYOND = 3     # samples outside the file, or over each other
    REFUSED_MANY = 4       # more samples than the cap
    REFUSED_BEGIN = 5      # no sync sample to begin with
    REFUSED_MEMORY = 6
    REFUSED_EMPTY = 7      # no picture in the span

cdef struct Table:
    const uint8_t* rows
    uint32_t count

# Where a walk over the samples of a track stands.
cdef struct Cursor:
    uint32_t sample
    int64_t dts            # ticks of the track
    uint32_t delta         # that this sample lasts
    uint32_t delta_row, delta_left
    int32_t composition
    uint32_t composition_row, composition_left
    uint32_t sync_row
    bint sync
    uint32_t chunk, chunk_row, chunk_left
    uint64_t offset
    uint32_t size
    uint64_t total         # bytes of all samples up to this one


cdef inline uint32_t be32(const uint8_t* p) noexcept nogil:
    return (<uint32_t> p[0] << 24) | (<uint32_t> p[1] << 16) | (<uint32_t> p[2] << 8) | p[3]


cdef inline uint64_t be64(const uint8_t* p) noexcept nogil:
    return (<uint64_t> be32(p) << 32) | be32(p + 4)


cdef class Track:
    cdef const uint8_t[::1] data
    cdef Table stts, ctts, stss, stsz, stsc, chunks
    cdef bint has_ctts, has_stss, wide
    cdef uint32_t uniform, count
    cdef int64_t scale
    cdef uint64_t file_size
    cdef readonly int refused

    cdef bint open(self, dict boxes, bytes kind, uint32_t width, uint32_t skip, Table* table)
    cdef bint sizes(self, dict boxes)
    cdef int check(self) noexcept nogil
    cdef bint start(self, Cursor* c) noexcept nogil
    cdef bint step(self, Cursor* c) noexcept nogil
    cdef bint fill(self, Cursor* c) noexcept nogil
