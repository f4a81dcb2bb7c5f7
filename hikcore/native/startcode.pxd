"""Where the next start code is (00 00 01): the one loop that sees every byte of a stream."""

from libc.stdint cimport uint8_t
from libc.string cimport memchr

cdef enum:
    STRIDE = 256


cdef inline size_t next_start_code(const uint8_t* p, size_t i, size_t n,
                                   size_t tail) noexcept nogil:
    """The place of the first 01 at or behind `i` that two zeros stand before; n if there is none.

    Args:
        p, n: a stretch of a stream. tail: zeros at the end of what came before it.
    """
    cdef const uint8_t* found
    cdef size_t k
    cdef uint8_t least, pair
    while i < 2 and i < n:
        if p[i] == 1 and (tail >= 2 if i == 0 else p[0] == 0 and tail >= 1):
            return i
        i += 1
    while i < n:
        if n - i >= STRIDE:
            # Two zeros side by side are rare; this loop becomes one of vectors.
            least = 255
            for k in range(STRIDE):
                pair = p[i + k - 2] | p[i + k - 1]
                least = pair if pair < least else least
            if least != 0:
                i += STRIDE
                continue
            k = i + STRIDE
        else:
            k = n
        while i < k:
            found = <const uint8_t*> memchr(p + i, 1, k - i)
            if found == NULL:
                i = k
                break
            i = found - p
            if p[i - 1] == 0 and p[i - 2] == 0:
                return i
            i += 1
    return n
