# cython: language_level=3
"""Gathering: extents of a source in, samples in MP4 form out; and their fingerprints.

No I/O: the caller reads the block of the source in which the extents lie. The GIL is released; every
copy is behind a check of both sides.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from hikcore.native.startcode cimport next_start_code, pass_any, pass_over


cdef uint64_t P1 = 0x9E3779B185EBCA87ULL
cdef uint64_t P2 = 0xC2B2AE3D27D4EB4FULL
cdef uint64_t P3 = 0x165667B19E3779F9ULL
cdef uint64_t P4 = 0x85EBCA77C2B2AE63ULL
cdef uint64_t P5 = 0x27D4EB2F165667C5ULL


cdef inline uint64_t rotl(uint64_t x, int r) noexcept nogil:
    return (x << r) | (x >> (64 - r))


cdef inline uint64_t turn(uint64_t acc, uint64_t lane) noexcept nogil:
    return rotl(acc + lane * P2, 31) * P1


cdef uint64_t xxh64(const uint8_t* p, size_t n, uint64_t seed) noexcept nogil:
    """XXH64 as its public specification defines it (little-endian lanes)."""
    cdef const uint8_t* end = p + n
    cdef uint64_t h, v1, v2, v3, v4, lane
    cdef uint32_t half
    if n >= 32:
        v1, v2, v3, v4 = seed + P1 + P2, seed + P2, seed, seed - P1
        while end - p >= 32:
            memcpy(&lane, p, 8)
            v1 = turn(v1, lane)
            memcpy(&lane, p + 8, 8)
            v2 = turn(v2, lane)
            memcpy(&lane, p + 16, 8)
            v3 = turn(v3, lane)
            memcpy(&lane, p + 24, 8)
            v4 = turn(v4, lane)
            p += 32
        h = rotl(v1, 1) + rotl(v2, 7) + rotl(v3, 12) + rotl(v4, 18)
        h = (h ^ turn(0, v1)) * P1 + P4
        h = (h ^ turn(0, v2)) * P1 + P4
        h = (h ^ turn(0, v3)) * P1 + P4
        h = (h ^ turn(0, v4)) * P1 + P4
    else:
        h = seed + P5
    h += n
    while end - p >= 8:
        memcpy(&lane, p, 8)
        h = rotl(h ^ turn(0, lane), 27) * P1 + P4
        p += 8
    if end - p >= 4:
        memcpy(&half, p, 4)
        h = rotl(h ^ (<uint64_t> half * P1), 23) * P2 + P3
        p += 4
    while end > p:
        h = rotl(h ^ (p[0] * P5), 11) * P1
        p += 1
    h = (h ^ (h >> 33)) * P2
    h = (h ^ (h >> 29)) * P3
    return h ^ (h >> 32)


cdef struct Writer:
    uint8_t* out
    size_t room
    size_t at
    size_t length_at    # of the open NAL unit's length field
    bint open
    bint empty          # no byte of it so far, so no length field either
    uint64_t zeros      # zero bytes at the end of what was read
    bint full


cdef void put(Writer* w, const uint8_t* p, size_t n) noexcept nogil:
    if n > w.room - w.at:
        w.full = True
        return
    memcpy(w.out + w.at, p, n)
    w.at += n


cdef void put_zeros(Writer* w) noexcept nogil:
    """Zeros that were held back and turned out to lie inside a NAL unit."""
    if w.zeros > w.room - w.at:
        w.full = True
        return
    memset(w.out + w.at, 0, w.zeros)
    w.at += w.zeros
    w.zeros = 0


cdef void end_nal(Writer* w) noexcept nogil:
    """Write the open NAL unit's length. Zeros held back belong to the byte stream, not to it."""
    cdef size_t size
    w.zeros = 0
    if not w.open:
        return
    w.open = False
    if w.empty:
        return
    size = w.at - w.length_at - 4
    w.out[w.length_at] = <uint8_t> (size >> 24)
    w.out[w.length_at + 1] = <uint8_t> (size >> 16)
    w.out[w.length_at + 2] = <uint8_t> (size >> 8)
    w.out[w.length_at + 3] = <uint8_t> size


cdef void copy_nal(Writer* w, const uint8_t* p, size_t n) noexcept nogil:
    """Bytes of the open NAL unit; bytes before the first start code belong to none."""
    if n == 0:
        return
    if not w.open:
        w.zeros = 0
        return
    if w.empty:
        if w.room - w.at < 4:
            w.full = True
            return
        w.length_at = w.at
        w.at += 4
        w.empty = False
    put_zeros(w)
    if not w.full:
        put(w, p, n)


cdef void annexb(Writer* w, const uint8_t* p, size_t n) noexcept nogil:
    """Copy a stretch of byte stream (ISO 14496-10 Annex B), start codes turned into lengths.

    Zeros at its end are held back until it is clear whether a start code follows."""
    cdef size_t i = 0, begin = 0, zeros, tail = w.zeros
    while i < n:
        i = next_start_code(p, i, n, tail)
        if i == n:
            break
        zeros = 0
        while zeros < i - begin and p[i - 1 - zeros] == 0:
            zeros += 1
        copy_nal(w, p + begin, i - begin - zeros)
        end_nal(w)
        if w.full:
            return
        w.open = w.empty = True
        begin = i + 1
        i += 1
    zeros = 0
    while zeros < n - begin and p[n - 1 - zeros] == 0:
        zeros += 1
    copy_nal(w, p + begin, n - begin - zeros)
    w.zeros += zeros


def stretch(const uint64_t[::1] offsets not None, const uint32_t[::1] sizes not None,
            const int64_t[::1] first not None, const uint32_t[::1] expected not None,
            Py_ssize_t low, Py_ssize_t high, uint64_t room):
    """The samples from `low` on, up to `high`, whose bytes lie within `room` bytes of the source: at
    least one, whatever it needs.

    Args:
        offsets, sizes, first, expected: as of `gather`, of all samples.

    Returns:
        (end, begin and end of their bytes in the source, bytes in MP4 form, whether their extents
        lie one behind the other).

    Raises:
        ValueError: columns of different lengths, or samples or extents outside of them.
    """
    cdef Py_ssize_t n = expected.shape[0], extents = offsets.shape[0], i, k
    cdef uint64_t begin = 0, end = 0, least, most, total = 0, last = 0
    cdef bint any_so_far = False, got, adjacent = True, joined, bad = False
    if first.shape[0] != n + 1 or sizes.shape[0] != extents or not 0 <= low < high <= n:
        raise ValueError("columns of different lengths, or no such samples")
    with nogil:
        i = low
        while i < high:
            if first[i] < 0 or first[i + 1] < first[i] or first[i + 1] > extents:
                bad = True
                break
            least, most, got, joined = begin, end, any_so_far, adjacent
            for k in range(first[i], first[i + 1]):
                if offsets[k] >> 62:
                    bad = True
                    break
                if got:
                    joined = joined and offsets[k] == last
                    least = offsets[k] if offsets[k] < least else least
                    most = offsets[k] + sizes[k] if offsets[k] + sizes[k] > most else most
                else:
                    least, most, got = offsets[k], offsets[k] + sizes[k], True
                last = offsets[k] + sizes[k]
            if bad or (i > low and most - least > room):
                break
            begin, end, any_so_far, adjacent = least, most, got, joined
            total += expected[i]
            i += 1
    if bad:
        raise ValueError(f"the extents of sample {i} cannot be")
    return i, begin, end, total, adjacent


def gather(const uint8_t[::1] block not None, uint64_t base,
           const uint64_t[::1] offsets not None, const uint32_t[::1] sizes not None,
           const int64_t[::1] first not None, const uint32_t[::1] expected not None,
           uint8_t[::1] out not None, bint byte_stream):
    """Write samples one behind the other.

    Args:
        block: bytes of the source; the first lies at offset `base`.
        offsets, sizes: all extents of the track (uint64, uint32).
        first: int64 (n+1,), extents of sample i are first[i] to first[i+1].
        expected: uint32 (n,), size of each sample in MP4 form.
        out: as long as the sum of `expected`.
        byte_stream: turn start codes into 4-byte lengths; else copy.

    Returns:
        -1, or the index of the first sample that does not come out at its expected size or whose
        extents lie outside the block: the source is not the one that was indexed.
    """
    cdef Py_ssize_t n = expected.shape[0], i, k, extents = offsets.shape[0]
    cdef Py_ssize_t bad = -1
    cdef uint64_t span = block.shape[0], at
    cdef Writer w
    if first.shape[0] != n + 1 or sizes.shape[0] != extents:
        raise ValueError("columns of different lengths")
    if n == 0:
        return -1
    if out.shape[0] == 0 or block.shape[0] == 0:
        return 0
    with nogil:
        w.out = &out[0]
        w.at = 0
        w.full = False
        for i in range(n):
            w.open = False
            w.zeros = 0
            at = w.at
            w.room = w.at + expected[i]
            if w.room > <size_t> out.shape[0] or first[i] < 0 or first[i + 1] > extents:
                bad = i
                break
            for k in range(first[i], first[i + 1]):
                if offsets[k] < base or offsets[k] - base > span \
                        or sizes[k] > span - (offsets[k] - base):
                    w.full = True
                    break
                if byte_stream:
                    annexb(&w, &block[0] + (offsets[k] - base), sizes[k])
                else:
                    put(&w, &block[0] + (offsets[k] - base), sizes[k])
                if w.full:
                    break
            if byte_stream and not w.full:
                end_nal(&w)
            if w.full or w.at - at != expected[i]:
                bad = i
                break
    return bad


def passed_over(const uint8_t[::1] data not None, Py_ssize_t begin, bint any_processor):
    """How far the search for start codes passes over whole strides, from `begin` (2 at least) on.

    Args:
        any_processor: by the form for all processors, not by the one for this.
    """
    cdef size_t out
    if not 2 <= begin <= data.shape[0]:
        raise ValueError("two bytes must lie before, and no more than there are")
    with nogil:
        if any_processor:
            out = pass_any(&data[0], begin, data.shape[0])
        else:
            out = pass_over(&data[0], begin, data.shape[0])
    return out


def fingerprints(const uint8_t[::1] samples not None, const uint32_t[::1] sizes not None,
                 uint64_t[::1] out not None, int codec):
    """XXH64 of the VCL NAL units of each sample, chained: the hash of one is the seed of the next,
    the first seed is 0; a sample without any has 0.

    Args:
        samples: samples in MP4 form, one behind the other.
        sizes: uint32 (n,). out: uint64 (n,). codec: 1 H.264, 2 H.265.

    Returns:
        -1, or the index of the first sample whose lengths do not add up.
    """
    cdef Py_ssize_t n = sizes.shape[0], i, bad = -1
    cdef size_t at = 0, end, total = samples.shape[0]
    cdef uint64_t h, length
    cdef uint8_t kind
    cdef const uint8_t* p
    if out.shape[0] < n:
        raise ValueError("out is shorter than sizes")
    if n == 0:
        return -1
    if total == 0:
        return 0
    with nogil:
        p = &samples[0]
        for i in range(n):
            if sizes[i] > total - at:
                bad = i
                break
            end = at + sizes[i]
            h = 0
            while end - at >= 4:
                length = (<uint64_t> p[at] << 24) | (p[at + 1] << 16) | (p[at + 2] << 8) | p[at + 3]
                at += 4
                if length > end - at:
                    bad = i
                    break
                if length:
                    kind = (p[at] >> 1) & 63 if codec == 2 else p[at] & 31
                    if kind < 32 if codec == 2 else 1 <= kind <= 5:
                        h = xxh64(p + at, length, h)
                at += length
            if bad >= 0 or at != end:
                bad = i
                break
            out[i] = h
    return bad


def digest(const uint8_t[::1] data not None, uint64_t seed=0):
    """XXH64 of bytes, as an int."""
    cdef uint64_t h
    cdef uint8_t none = 0
    cdef size_t n = data.shape[0]
    with nogil:
        h = xxh64(&data[0] if n else &none, n, seed)
    return h


def digest_groups(const uint64_t[::1] hashes not None, const int64_t[::1] begins not None,
                  uint64_t[::1] out not None):
    """XXH64 (seed 0) over the hashes begins[i] to begins[i+1], 8 bytes little-endian each.

    Args:
        hashes: uint64 (n,). begins: int64 (g+1,), rising, last <= n. out: uint64 (g,).
    """
    cdef Py_ssize_t i, groups = begins.shape[0] - 1
    cdef uint8_t none = 0
    for i in range(groups):
        if begins[i] < 0 or begins[i + 1] < begins[i] or begins[i + 1] > hashes.shape[0]:
            raise ValueError(f"group {i} lies outside the hashes")
    if groups > out.shape[0]:
        raise ValueError("out is shorter than the groups")
    with nogil:
        for i in range(groups):
            if begins[i + 1] == begins[i]:
                out[i] = xxh64(&none, 0, 0)
            else:
                out[i] = xxh64(
                    <const uint8_t*> &hashes[begins[i]], (begins[i + 1] - begins[i]) * 8, 0
                )
