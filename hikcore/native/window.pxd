"""A push parser's view of its input: whole units in one piece of memory, however they arrive."""

from libc.stdint cimport uint8_t, uint64_t


cdef class Fed:
    cdef bint starved       # memory that was asked for could not be had

    cdef void take(self, const uint8_t* p, size_t n) noexcept nogil


cdef class Window(Fed):
    cdef uint8_t* kept
    cdef size_t kept_begin, kept_end, kept_room
    cdef size_t need        # bytes from the first one not used that the next step asks for
    cdef uint64_t offset    # of the first byte not used, in the source
    cdef bint stopped       # nothing more is taken

    cdef void end(self) noexcept nogil
    cdef size_t step(self, const uint8_t* p, size_t n, bint last) noexcept nogil
    cdef size_t run(self, const uint8_t* p, size_t n, bint last) noexcept nogil
    cdef bint keep(self, const uint8_t* p, size_t n) noexcept nogil
