# cython: language_level=3
"""NAL units behind lengths of any width: what they are in MP4 form, and into it.

No I/O; bounds are checked against the block before every read. Facts: ISO/IEC 14496-15 4.3, 5.3.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memchr, memcpy


cdef struct Units:
    uint64_t size       # with 4-byte lengths
    uint8_t first       # type of the first VCL NAL unit, 255 without one
    uint8_t flags       # 1: parameter sets inside; 2: lengths do not add up


cdef inline void unit(Units* u, const uint8_t* p, size_t n, int codec) noexcept nogil:
    cdef uint8_t t
    u.size += 4 + n
    if n == 0:
        return
    t = (p[0] >> 1) & 63 if codec == 2 else p[0] & 31
    if u.first == 255 and (t < 32 if codec == 2 else 1 <= t <= 5):
        u.first = t
    if 32 <= t <= 34 if codec == 2 else (t == 7 or t == 8):
        u.flags |= 1


cdef void by_length(Units* u, const uint8_t* p, size_t n, int width, int codec) noexcept nogil:
    cdef size_t at = 0, size
    cdef int i
    while at < n:
        if n - at < <size_t> width:
            u.flags |= 2
            return
        size = 0
        for i in range(width):
            size = (size << 8) | p[at + i]
        at += width
        if size > n - at:
            u.flags |= 2
            return
        if size:
            unit(u, p + at, size, codec)
        at += size


cdef void by_start_code(Units* u, const uint8_t* p, size_t n, int codec) noexcept nogil:
    """As `gather` cuts a byte stream: zeros before a start code and at the end are no one's."""
    cdef size_t i = 0, begin = 0, end
    cdef bint open = False
    cdef const uint8_t* found
    while True:
        found = <const uint8_t*> memchr(p + i, 1, n - i) if i < n else NULL
        if found != NULL:
            i = found - p
            if not (i >= begin + 2 and p[i - 1] == 0 and p[i - 2] == 0):
                i += 1
                continue
            end = i - 2
        else:
            end = n
        while end > begin and p[end - 1] == 0:
            end -= 1
        if open and end > begin:
            unit(u, p + begin, end - begin, codec)
        if found == NULL:
            return
        open = True
        i += 1
        begin = i


def measure(const uint8_t[::1] block not None, uint64_t base,
            const uint64_t[::1] offsets not None, const uint32_t[::1] sizes not None,
            int width, int codec, uint32_t[::1] out_size not None,
            uint8_t[::1] out_first not None, uint8_t[::1] out_flags not None):
    """Look at the NAL units of samples.

    Args:
        block: bytes of the source; the first lies at offset `base`.
        offsets, sizes: (n,) where each sample lies; all inside the block.
        width: bytes of a NAL unit's length, 1 to 4; 0: start codes.
        codec: 1 H.264, 2 H.265.
        out_size: size with 4-byte lengths. out_first: type of the first VCL NAL unit (255: none).
        out_flags: 1 parameter sets inside, 2 broken (its size then counts what precedes).
    """
    cdef Py_ssize_t n = offsets.shape[0], i
    cdef uint64_t span = block.shape[0]
    cdef Units u
    if sizes.shape[0] < n or out_size.shape[0] < n or out_first.shape[0] < n \
            or out_flags.shape[0] < n or not 0 <= width <= 4:
        raise ValueError("columns of different lengths, or no such width")
    for i in range(n):
        if offsets[i] < base or offsets[i] - base > span or sizes[i] > span - (offsets[i] - base):
            raise ValueError(f"sample {i} lies outside the block")
    if n == 0:
        return
    with nogil:
        for i in range(n):
            u.size, u.first, u.flags = 0, 255, 0
            if sizes[i] == 0:
                pass
            elif width:
                by_length(&u, &block[0] + (offsets[i] - base), sizes[i], width, codec)
            else:
                by_start_code(&u, &block[0] + (offsets[i] - base), sizes[i], codec)
            if u.size >> 32:
                u.size = 0
                u.flags |= 2
            out_size[i], out_first[i], out_flags[i] = <uint32_t> u.size, u.first, u.flags


def reframe(const uint8_t[::1] block not None, uint64_t base,
            const uint64_t[::1] offsets not None, const uint32_t[::1] sizes not None,
            const int64_t[::1] first not None, const uint32_t[::1] expected not None,
            uint8_t[::1] out not None, int width):
    """As `gather`, from NAL units behind lengths of `width` bytes to ones of 4; one extent a
    sample. Empty NAL units are left out.

    Returns:
        -1, or the index of the first sample that does not come out at its expected size.
    """
    cdef Py_ssize_t n = expected.shape[0], i
    cdef uint64_t span = block.shape[0]
    cdef size_t at = 0, q, left, size, end
    cdef const uint8_t* p
    cdef int k
    if first.shape[0] != n + 1 or sizes.shape[0] != offsets.shape[0] or not 1 <= width <= 4:
        raise ValueError("columns of different lengths, or no such width")
    for i in range(n):
        if first[i] < 0 or first[i] + 1 != first[i + 1] or first[i + 1] > offsets.shape[0]:
            return i
        q = first[i]
        if offsets[q] < base or offsets[q] - base > span or sizes[q] > span - (offsets[q] - base):
            return i
        if expected[i] > out.shape[0] - at:
            return i
        end = at + expected[i]
        if sizes[q] == 0:
            if expected[i]:
                return i
            continue
        p = &block[0] + (offsets[q] - base)
        left = sizes[q]
        while left:
            if left < <size_t> width:
                return i
            size = 0
            for k in range(width):
                size = (size << 8) | p[k]
            p += width
            left -= width
            if size > left:
                return i
            if size:
                if end - at < 4 or size > end - at - 4:
                    return i
                out[at] = <uint8_t> (size >> 24)
                out[at + 1] = <uint8_t> (size >> 16)
                out[at + 2] = <uint8_t> (size >> 8)
                out[at + 3] = <uint8_t> size
                memcpy(&out[at + 4], p, size)
                at += 4 + size
            p += size
            left -= size
        if at != end:
            return i
    return -1
