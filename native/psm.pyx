# cython: language_level=3
"""The program stream map (ISO 13818-1 2.5.4) with Hikvision's descriptors (docs/formats.md)."""

from libc.stdint cimport int64_t, uint8_t, uint32_t

from hikcore.native.hik cimport wall_clock


cdef class ProgramMap:
    """What the maps of a stream say, the last one of each."""

    cdef bint read(self, uint32_t n) noexcept nogil:
        """Read `n` (at most MAP_ROOM) bytes of `data`; False where it cannot be as it says.

        CRC and es_map_length are not trusted: devices write both wrong."""
        cdef uint32_t at, end, info, listed
        cdef bint whole = True
        self.codec = 0
        self.wall_seen = False
        if n < 6:
            return False
        info = (<uint32_t> self.data[2] << 8) | self.data[3]
        end = 4 + info
        if end > n:
            whole = False
            end = n
        self.descriptors(4, end)
        at = 4 + info + 2
        if at > n:
            return whole
        listed = at + ((<uint32_t> self.data[at - 2] << 8) | self.data[at - 1])
        while at + 4 <= n:
            if at + 4 == n and at >= listed:
                break       # the CRC: it may look like an entry
            info = (<uint32_t> self.data[at + 2] << 8) | self.data[at + 3]
            if at + 4 + info > n:
                break
            self.stream_type(self.data[at], self.data[at + 1])
            self.descriptors(at + 4, at + 4 + info)
            at += 4 + info
        return whole

    cdef void stream_type(self, uint8_t kind, uint8_t stream) noexcept nogil:
        if (stream & 0xF0) == 0xE0:
            self.video_type = kind
            if kind == 0x1B or kind == 0xB0:
                self.codec = 1
            elif kind == 0x24:
                self.codec = 2
        elif 0xC0 <= stream <= 0xDF:
            self.sounds[stream & 31] = kind

    cdef void descriptors(self, uint32_t at, uint32_t end) noexcept nogil:
        cdef const uint8_t* b
        cdef uint32_t size
        while at + 2 <= end:
            b = self.data + at
            size = b[1]
            if at + 2 + size > end:
                return
            if b[0] == 0x40 and size >= 10 and b[2] == 0x48 and b[3] == 0x4B:
                self.hikvision = True
                self.wall = wall_clock(b)
                self.encrypted = b[11] & 7
                self.wall_seen = True
            elif b[0] == 0x43 and size >= 8:
                self.channels = 2 if b[4] & 1 else 1
                self.rate = (<uint32_t> b[5] << 14) | (<uint32_t> b[6] << 6) | (b[7] >> 2)
            at += 2 + size
