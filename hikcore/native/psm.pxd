"""The program stream map (ISO 13818-1 2.5.4) with Hikvision's descriptors."""

from libc.stdint cimport int64_t, uint8_t, uint32_t

cdef enum:
    MAP_ROOM = 4096        # a PSM is at most 1018 bytes by the standard


cdef class ProgramMap:
    cdef uint8_t data[MAP_ROOM]     # of the map being collected, behind its length
    cdef int codec                  # of video as the last map says: 0 not said, 1 H.264, 2 H.265
    cdef uint8_t video_type         # stream_type of video, 0 without
    cdef uint8_t sounds[32]         # stream_type of C0 to DF, 0 without
    cdef bint hikvision             # a descriptor had the HK mark
    cdef int64_t wall               # wall clock, -1: no date
    cdef bint wall_seen
    cdef uint32_t encrypted         # encrypt_type
    cdef uint32_t rate, channels    # of sound, 0 without

    cdef bint read(self, uint32_t n) noexcept nogil
    cdef void stream_type(self, uint8_t kind, uint8_t stream) noexcept nogil
    cdef void descriptors(self, uint32_t at, uint32_t end) noexcept nogil
