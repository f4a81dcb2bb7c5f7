"""Samples that a track of a clip is made of, and its tables (native/rows.pyx)."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

cdef enum:
    TICKS = 90000          # a second of clip time

cdef struct Row:
    int64_t pts        # of clip time, in the ticks of the track
    int64_t dts        # the same, where the track is complete
    uint64_t offset    # in the source
    uint32_t size
    uint32_t source
    uint32_t config
    uint32_t sync

# A chunk of a track: samples first to last, half-open, of one second.
cdef struct Chunk:
    size_t first, last
    int64_t second


cdef inline int64_t floor_div(int64_t value, int64_t by) noexcept nogil:
    """As Python's `//`, by a positive number (cdivision is on: C rounds towards 0)."""
    cdef int64_t out = value / by
    return out - 1 if value % by < 0 else out


cdef inline int64_t ticks(int64_t time, int64_t scale) noexcept nogil:
    """To 90 kHz, to the nearest tick, a half up: as hikcore/media/mp4/clock.py."""
    cdef int64_t whole, rest
    if scale == TICKS:
        return time
    whole = floor_div(time, scale)
    rest = time - whole * scale
    return whole * TICKS + (2 * rest * TICKS + scale) / (2 * scale)


cdef class Rows:
    cdef Row* rows
    cdef size_t count, room
    cdef int64_t rate           # ticks a second of its times
    cdef int64_t zero           # of its times: where the clip's own time begins
    cdef int64_t last_duration
    cdef readonly int64_t duration
    cdef readonly uint64_t media

    cdef Row* push(self) noexcept nogil
    cdef int measure(self) noexcept nogil
    cdef int64_t lasts(self, size_t i) noexcept nogil
    cdef int some(self) except -1
    cdef bytes runs(self, bint composition)
    cdef bint following(self, Chunk* chunk) noexcept nogil
