"""Frames that a container delivers whole, handed to the access unit parser."""

from libc.stdint cimport uint8_t, uint64_t

from hikcore.native.es cimport VideoStream

cdef enum:
    BY_START_CODE = 1, BY_LENGTH = 2

cdef int nal_framing(const uint8_t* p, size_t n, int stream) noexcept nogil
cdef void deliver_frame(VideoStream v, const uint8_t* p, size_t n, uint64_t at,
                        int framing) noexcept nogil
cdef void end_nal(VideoStream v) noexcept nogil
