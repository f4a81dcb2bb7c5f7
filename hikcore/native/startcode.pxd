"""Where the next start code is (00 00 01): the one loop that sees every byte of a stream."""

from libc.stdint cimport uint8_t
from libc.string cimport memchr

cdef extern from *:
    """
    #include <stddef.h>
    #include <stdint.h>

    #define HIKCORE_STRIDE 256

    /* Two zeros side by side are rare; the inner loop becomes one of vectors. */
    #define HIKCORE_PASS_OVER(p, i, n)                                          \\
        while ((n) - (i) >= HIKCORE_STRIDE) {                                   \\
            uint8_t least = 255;                                                \\
            for (size_t k = 0; k < HIKCORE_STRIDE; k++) {                       \\
                uint8_t pair = (uint8_t) ((p)[(i) + k - 2] | (p)[(i) + k - 1]); \\
                least = pair < least ? pair : least;                            \\
            }                                                                   \\
            if (!least) break;                                                  \\
            (i) += HIKCORE_STRIDE;                                              \\
        }                                                                       \\
        return (i)

    static size_t hikcore_pass_any(const uint8_t *p, size_t i, size_t n) {
        HIKCORE_PASS_OVER(p, i, n);
    }

    #if defined(__x86_64__) && defined(__GNUC__)
    /* Wheels are built for any x86-64: wider vectors where the processor has them. */
    __attribute__((target("avx2")))
    static size_t hikcore_pass_avx2(const uint8_t *p, size_t i, size_t n) {
        HIKCORE_PASS_OVER(p, i, n);
    }
    static inline size_t hikcore_pass_over(const uint8_t *p, size_t i, size_t n) {
        return __builtin_cpu_supports("avx2") ? hikcore_pass_avx2(p, i, n)
                                              : hikcore_pass_any(p, i, n);
    }
    #else
    #define hikcore_pass_over hikcore_pass_any
    #endif
    """
    enum: STRIDE "HIKCORE_STRIDE"
    # From `i` (2 at least) over whole strides in which no 01 has two zeros before it.
    size_t pass_over "hikcore_pass_over" (const uint8_t* p, size_t i, size_t n) noexcept nogil
    size_t pass_any "hikcore_pass_any" (const uint8_t* p, size_t i, size_t n) noexcept nogil


cdef inline size_t next_start_code(const uint8_t* p, size_t i, size_t n,
                                   size_t tail) noexcept nogil:
    """The place of the first 01 at or behind `i` that two zeros stand before; n if there is none.

    Args:
        p, n: a stretch of a stream. tail: zeros at the end of what came before it.
    """
    cdef const uint8_t* found
    cdef size_t k
    while i < 2 and i < n:
        if p[i] == 1 and (tail >= 2 if i == 0 else p[0] == 0 and tail >= 1):
            return i
        i += 1
    while i < n:
        i = pass_over(p, i, n)
        k = i + STRIDE if n - i >= STRIDE else n
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
