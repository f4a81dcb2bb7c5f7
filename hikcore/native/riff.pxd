"""Names of chunks in a RIFF file: AVI, OpenDML."""

from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memcmp


cdef inline uint32_t little32(const uint8_t* p) noexcept nogil:
    return p[0] | (<uint32_t> p[1] << 8) | (<uint32_t> p[2] << 16) | (<uint32_t> p[3] << 24)


cdef inline bint named(const uint8_t* p, const char* name) noexcept nogil:
    return memcmp(p, name, 4) == 0


cdef inline bint digit(uint8_t b) noexcept nogil:
    return 0x30 <= b <= 0x39


cdef inline int stream_of(const uint8_t* p) noexcept nogil:
    """The number of a data chunk's stream (`01wb`: 1), -1 if it is none."""
    if digit(p[0]) and digit(p[1]) and (
        (p[2] == 0x64 and (p[3] == 0x63 or p[3] == 0x62)) or (p[2] == 0x77 and p[3] == 0x62)
    ):
        return (p[0] - 0x30) * 10 + p[1] - 0x30
    return -1


cdef inline bint in_movi(const uint8_t* p) noexcept nogil:
    """A name that a chunk between pictures can have."""
    return (
        stream_of(p) >= 0 or named(p, b"LIST") or named(p, b"RIFF") or named(p, b"idx1")
        or named(p, b"JUNK") or (p[0] == 0x69 and p[1] == 0x78 and digit(p[2]) and digit(p[3]))
        or (digit(p[0]) and digit(p[1]) and (
            (p[2] == 0x70 and p[3] == 0x63) or (p[2] == 0x74 and p[3] == 0x78)
            or (p[2] == 0x73 and p[3] == 0x62)
        ))
    )


cdef inline bint letters(const uint8_t* p) noexcept nogil:
    """Any name: four printing ASCII characters."""
    cdef int i
    for i in range(4):
        if p[i] < 0x20 or p[i] > 0x7E:
            return False
    return True
