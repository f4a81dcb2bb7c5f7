# cython: language_level=3
"""Frames that a container delivers whole, handed to the access unit parser of hikcore.native.es.

A program stream cuts its elementary stream anywhere; EverFocus frames and AVI chunks hold whole NAL
units. So a NAL unit ends with its frame, a frame that begins with none is told apart before it can
spoil the picture before it, and NAL units may lie behind 4-byte lengths (ISO 14496-15) instead of
start codes.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from hikcore.native.es cimport UNIT_ROOM, VideoStream
from hikcore.native.records cimport Extent, push


cdef inline uint32_t big32(const uint8_t* p) noexcept nogil:
    return (<uint32_t> p[0] << 24) | (<uint32_t> p[1] << 16) | (<uint32_t> p[2] << 8) | p[3]


cdef inline bint lengths_add_up(const uint8_t* p, size_t n) noexcept nogil:
    """Whether lengths, none of them 0, end exactly with the frame."""
    cdef size_t at = 0, length
    while n - at > 4:
        length = big32(p + at)
        if length == 0 or length > n - at - 4:
            return False
        at += 4 + length
    return n > 0 and at == n


cdef int nal_framing(const uint8_t* p, size_t n, int stream) noexcept nogil:
    """How the NAL units of a frame are told apart: BY_START_CODE, BY_LENGTH, or 0: it holds none.

    A frame can look like both: a length of 256 to 511 is also a start code of 3 bytes, one of 1
    also one of 4. Then it is framed as the stream is so far; before the first frame the start code
    is believed.

    Args:
        stream: how the frames before were framed; 0: there was none."""
    cdef size_t zeros = 0
    if stream == BY_LENGTH and lengths_add_up(p, n):
        return BY_LENGTH
    while zeros < n and p[zeros] == 0:
        zeros += 1
    if zeros >= 2 and zeros < n and p[zeros] == 1:
        return BY_START_CODE
    return BY_LENGTH if lengths_add_up(p, n) else 0


cdef void deliver_frame(VideoStream v, const uint8_t* p, size_t n, uint64_t at,
                        int framing) noexcept nogil:
    """One frame, as `nal_framing` found it. The caller has begun a packet and set pack_frame."""
    v.at = at
    if framing == BY_START_CODE:
        v.deliver(p, n, at)
        end_nal(v)
    elif framing == BY_LENGTH:
        by_length(v, p, n, at)


cdef void by_length(VideoStream v, const uint8_t* p, size_t n, uint64_t at) noexcept nogil:
    """NAL units behind 4-byte lengths that end exactly with the frame (`nal_framing`)."""
    cdef size_t i = 0, length
    cdef uint64_t base = v.es_end
    cdef Extent* extent = NULL
    if v.full:
        return
    if not v.au_open or base - v.au_begin + n <= UNIT_ROOM:
        extent = <Extent*> push(&v.extents, v.max_extents)
    if extent == NULL:
        v.full = True
        return
    extent.offset = at
    extent.size = n
    v.es_end += n
    while i < n and not v.full:
        length = big32(p + i)
        v.nal_open = True
        v.nal_begins(base + i, 0)
        v.nal_begin = base + i + 4
        v.nal_fresh = False
        v.nal_head[0] = v.nal_head[1] = v.nal_head[2] = 0
        memcpy(v.nal_head, p + i + 4, length if length < 3 else 3)
        v.nal_head_n = 3
        v.nal_known()
        if v.set_open:
            v.keep_set(p + i + 4, length)
        i += 4 + length
        v.close_nal(base + i)


cdef void end_nal(VideoStream v) noexcept nogil:
    """The open NAL unit ends with what was delivered; zeros behind it belong to nothing."""
    if v.nal_head_n < 3:
        while v.nal_head_n < 3:
            v.nal_head[v.nal_head_n] = 0
            v.nal_head_n += 1
        v.nal_known()
    v.close_nal(v.es_end - v.tail_zeros)
    v.tail_zeros = 0
