"""Headers of PES packets: ISO 13818-1 2.4.3.6, and ISO 11172-1 2.4.3.3 (MPEG-1)."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from hikcore.native.records cimport NONE32

cdef extern from *:
    """
    #define HIKCORE_PTS_MASK 0x1FFFFFFFFLL
    """
    int64_t PTS_MASK "HIKCORE_PTS_MASK"

cdef enum:
    PES_ROOM = 264
    MOST_LEAD = 900000     # 10 s: what a decoder may have to buffer of H.264 (2.14.3.1), and more


cdef inline int header_size(const uint8_t* b, uint32_t got, uint32_t length,
                            bint mpeg1) noexcept nogil:
    """How long the header behind the length field is, as far as `got` bytes of it tell: it is
    complete when that is `got`. -1: not a header, or longer than its packet (`length`; 0 means
    that it says none)."""
    cdef uint32_t size = 1, i = 0
    if got == 0:
        return 1
    if (b[0] >> 6) == 2:
        size = 3 if got < 3 else 3 + <uint32_t> b[2]
    elif not mpeg1 or length == 0:
        return -1
    else:
        while i < got and b[i] == 0xFF:
            i += 1
        if i > 16:
            return -1
        size = i + 1
        if i < got and (b[i] >> 6) == 1:
            i += 2
            size = i + 1
        if i < got:
            if (b[i] >> 4) == 2:
                size = i + 5
            elif (b[i] >> 4) == 3:
                size = i + 10
            elif b[i] == 0x0F:
                size = i + 1
            else:
                return -1
    if length and size > length:
        return -1
    return <int> size


cdef inline int64_t stamp(const uint8_t* b) noexcept nogil:
    """33 bits in five bytes. Marker bits are not looked at: devices write them wrong."""
    return (
        (<int64_t> (b[0] >> 1) & 7) << 30 | <int64_t> b[1] << 22
        | <int64_t> (b[2] >> 1) << 15 | <int64_t> b[3] << 7 | (b[4] >> 1)
    )


cdef inline void times(const uint8_t* b, uint32_t size, int64_t* pts, uint32_t* lead) noexcept nogil:
    """PTS (-1: none) and the ticks by which decoding goes before it (NONE32: no DTS) of a complete
    header. A DTS behind its PTS, or more than 10 s before it, is none."""
    cdef uint32_t at = 0, kind
    cdef int64_t ticks
    pts[0] = -1
    lead[0] = NONE32
    if (b[0] >> 6) == 2:
        kind = b[1] >> 6
        at = 3
        if size < 8 or kind < 2:
            return
        if size < 13:
            kind = 2
    else:
        while at < size and b[at] == 0xFF:
            at += 1
        if at < size and (b[at] >> 6) == 1:
            at += 2
        if at + 5 > size:
            return
        kind = b[at] >> 4
        if kind == 3 and at + 10 > size:
            return
    pts[0] = stamp(b + at)
    if kind == 3:
        ticks = (pts[0] - stamp(b + at + 5)) & PTS_MASK
        if ticks <= MOST_LEAD:
            lead[0] = <uint32_t> ticks


cdef inline bint frame_ends(const uint8_t* b, uint32_t size) noexcept nogil:
    """Whether Hikvision's flag byte, the last of the stuffing, says that a picture ends here."""
    cdef uint32_t fields = 3
    if (b[0] >> 6) != 2 or (b[1] & 0x3F):
        return False
    if b[1] & 0x80:
        fields = 13 if b[1] & 0x40 else 8
    return size > fields and (b[size - 1] >> 3) == 0x1F and not b[size - 1] & 4


cdef struct Ends:
    bint any                        # a video packet came
    bint flag                       # the last one is flagged as a picture's end
    uint64_t flagged, unflagged     # pictures whose last packet is flagged so, or is not
    uint32_t last, full             # length of the last; of the longest that another continued


cdef inline void next_packet(Ends* e, int64_t pts, uint32_t length, bint flag) noexcept nogil:
    """A video packet begins: what that says of the one before."""
    if e.any:
        if pts < 0:
            e.unflagged += e.flag
            if e.last > e.full:
                e.full = e.last
        elif e.flag:
            e.flagged += 1
        else:
            e.unflagged += 1
    e.any = True
    e.last = length
    e.flag = flag


cdef inline bint more_was_to_come(const Ends* e) noexcept nogil:
    """Every picture but the last ends with the flag: a hint that is as good as its record."""
    return e.any and not e.flag and e.flagged > 0 and e.unflagged == 0


cdef inline bint more_may_come(const Ends* e) noexcept nogil:
    """The last packet is as long as the longest that another continued."""
    return e.any and not e.flag and e.last > 0 and e.last == e.full
