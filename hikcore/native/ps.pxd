"""The program stream parser, for those who derive from it."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from hikcore.native.es cimport VideoStream
from hikcore.native.pes cimport Ends, PES_ROOM
from hikcore.native.psm cimport ProgramMap
from hikcore.native.records cimport Array
from hikcore.native.sound cimport AdtsStream, AudioStream
from hikcore.native.window cimport Fed

cdef enum State:
    START, PACK, PACK_STUFFING, LENGTH, SKIP, MAP, PES_HEAD, PAYLOAD, UNBOUNDED, RESYNC, STOPPED


cdef class PsCore(Fed):
    cdef VideoStream video
    cdef AudioStream audio
    cdef AdtsStream aac             # the same bytes, should they be AAC
    cdef ProgramMap map_
    cdef Array faults
    cdef State state
    cdef uint64_t offset            # of the next byte to come
    cdef uint64_t packet            # offset of the start code of the packet being read
    cdef uint8_t head[16]           # start code, pack or PES fixed part being collected
    cdef uint32_t head_n
    cdef uint8_t pes[PES_ROOM]      # PES header
    cdef uint32_t left              # bytes left of what is being skipped, collected or delivered
    cdef uint32_t got
    cdef uint8_t stream
    cdef uint8_t stuffing[8]
    cdef uint64_t zero_run          # resynchronisation: zero bytes before
    cdef bint mpeg1                 # the last pack was one of MPEG-1, or there was none
    cdef bint ended                 # an end code was the last
    cdef bint private               # the payload of private data is awaited
    cdef int video_stream           # the first one in which a NAL unit begins, -1 before any
    cdef Ends ends                  # how video packets end pictures
    cdef readonly bint hikvision    # a PSM with the HK mark, or IMKH, was seen
    cdef readonly int audio_type    # stream_type that a file header told, 0 unknown
    cdef readonly int audio_stream
    cdef readonly int private_type  # first byte of private data that is not Hikvision's, -1
    cdef readonly bint encrypted    # a PSM's encrypt_type is neither 0 nor 7: both are clear
    cdef readonly bint clear        # one's is
    cdef readonly bint open_end     # the body may end between two packets of a picture
    cdef uint64_t video_pictures    # samples, counted when the body ended
    cdef readonly uint64_t cut_off
    cdef readonly uint64_t dropped_streams

    cdef void close(self) noexcept nogil
    cdef size_t collect(self, const uint8_t* p, size_t n, uint32_t want) noexcept nogil
    cdef size_t at_start(self, const uint8_t* p, size_t n) noexcept nogil
    cdef void dispatch(self, uint8_t code, uint64_t at) noexcept nogil
    cdef void begin_resync(self, size_t count) noexcept nogil
    cdef size_t at_resync(self, const uint8_t* p, size_t n) noexcept nogil
    cdef size_t at_pack(self, const uint8_t* p, size_t n) noexcept nogil
    cdef size_t at_stuffing(self, const uint8_t* p, size_t n) noexcept nogil
    cdef size_t at_length(self, const uint8_t* p, size_t n) noexcept nogil
    cdef size_t at_pes_head(self, const uint8_t* p, size_t n) noexcept nogil
    cdef void no_pes(self) noexcept nogil
    cdef void begin_payload(self, bint unbounded) noexcept nogil
    cdef void begin_video(self, int64_t pts, uint32_t lead, uint32_t length) noexcept nogil
    cdef void begin_sound(self, int64_t pts) noexcept nogil
    cdef size_t at_payload(self, const uint8_t* p, size_t n) noexcept nogil
    cdef size_t at_unbounded(self, const uint8_t* p, size_t n) noexcept nogil
    cdef size_t at_map(self, const uint8_t* p, size_t n) noexcept nogil
    cdef void read_map(self) noexcept nogil
    cdef void deliver(self, const uint8_t* p, size_t n, uint64_t at) noexcept nogil
    cdef void fault(self, uint64_t code) noexcept nogil
