"""Elementary streams to access units: the part that every byte-stream container shares."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from hikcore.native.records cimport Array, Sample
from hikcore.native.sets cimport StreamSets

cdef enum:
    UNIT_ROOM = 67108864   # bytes of one access unit, so that no reader needs more
    CODE_SPAN = 4          # packets that 00 00 00 01 may lie in

cdef struct Packet:
    uint64_t begin       # position of its payload in the elementary stream
    int64_t pts
    uint32_t lead
    bint aligned         # a start code begins its payload, it says


cdef bytes drain(Array* a)
cdef bint extend(Array* extents, size_t cap, bint join, uint64_t at, size_t n) noexcept nogil


cdef class VideoStream(StreamSets):
    cdef Array extents, anchors
    cdef size_t max_extents
    cdef bint codec_sure            # told by a parameter set, not by the container
    cdef uint32_t pack_frame        # frame number of the last pack, until used
    cdef uint32_t packs             # how many packs there were: two may say the same number
    cdef int64_t wall               # wall clock read last, until used
    cdef uint32_t encrypted
    cdef bint wall_fresh
    cdef uint32_t walls             # how many readings: two of a second may say the same
    cdef Packet packets[CODE_SPAN]  # the last ones, by their number
    cdef uint64_t packet_count
    cdef uint64_t used_packet       # number of the last whose PTS an access unit has
    cdef bint want_heads            # keep the beginnings of slices from now on
    cdef uint64_t es_end            # bytes of the stream so far
    cdef uint64_t tail_zeros        # zero bytes at its end
    cdef uint8_t first_code         # the first NAL unit's header byte; from 0x80 on it is none
    cdef uint64_t no_nals           # start codes behind which no NAL unit can be
    cdef uint8_t nal_head[3]
    cdef int nal_head_n             # bytes of a NAL header collected; 3 when none is awaited
    cdef bint nal_open
    cdef uint64_t nal_begin         # position of its first byte in the elementary stream
    cdef uint64_t nal_prefix        # position of the zeros before its start code
    cdef uint64_t nal_packet        # number of the packet that it begins in
    cdef int64_t nal_pts, nal_wall
    cdef uint32_t nal_lead
    cdef uint32_t nal_frame, nal_packs, nal_walls
    cdef bint nal_fresh
    cdef bint au_open, au_vcl
    cdef Sample au
    cdef uint64_t au_begin
    cdef int64_t last_cra           # sample that is a CRA without RASL pictures so far, -1
    cdef int au_codec               # of the access unit's picture
    cdef uint32_t au_sets           # codecs (bits 0 and 1) of whose sets the access unit has some
    cdef uint64_t cut_off

    cdef void packet(self, int64_t pts, uint32_t lead, bint aligned) noexcept nogil
    cdef void deliver(self, const uint8_t* p, size_t n, uint64_t at) noexcept nogil
    cdef void restart(self) noexcept nogil
    cdef void close(self, bint cut) noexcept nogil
    cdef void scan(self, const uint8_t* p, size_t n) noexcept nogil
    cdef void start_code(self, uint64_t one, uint64_t zeros) noexcept nogil
    cdef void short_nal(self) noexcept nogil
    cdef void nal_begins(self, uint64_t one, uint64_t zeros) noexcept nogil
    cdef void close_nal(self, uint64_t end) noexcept nogil
    cdef void nal_known(self) noexcept nogil
    cdef void tell_codec(self, uint8_t b0, uint8_t b1) noexcept nogil
    cdef void saw_set(self, uint32_t codec) noexcept nogil
    cdef void shown(self, uint32_t codec) noexcept nogil
    cdef bint tell_picture(self, uint8_t b0, uint8_t b1) noexcept nogil
    cdef void open_access_unit(self) noexcept nogil
    cdef size_t split_extents(self) noexcept nogil
    cdef void close_access_unit(self) noexcept nogil
    cdef void drop_access_unit(self) noexcept nogil
