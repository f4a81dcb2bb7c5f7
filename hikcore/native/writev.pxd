"""Pieces of memory written one behind the other (native/writev.pyx)."""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from posix.uio cimport iovec

cdef enum:
    VECTORS = 256          # pieces of one call
    SMALL = 512            # bytes up to which a piece is copied, which costs less than a vector
    SIDE = 65536           # room for those


cdef class GatheredWrite:
    cdef int descriptor
    cdef readonly int error         # errno of the first call that failed; nothing is written after
    cdef uint64_t base              # where the first byte lies in the file
    cdef uint64_t end               # bytes so far, those that wait to be written included
    cdef uint64_t turn              # calls so far
    cdef iovec vectors[VECTORS]
    cdef int count
    cdef uint8_t side[SIDE]
    cdef size_t used
    cdef uint64_t field_end, field_turn
    cdef uint8_t* field_at

    cdef void put(self, const uint8_t* p, size_t n) noexcept nogil
    cdef void put_copy(self, const uint8_t* p, size_t n) noexcept nogil
    cdef void put_zeros(self, uint64_t n) noexcept nogil
    cdef void open_field(self) noexcept nogil
    cdef void close_field(self) noexcept nogil
    cdef void flush(self) noexcept nogil
    cdef void go_back(self, uint64_t end) noexcept nogil
