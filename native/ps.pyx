# cython: language_level=3
"""MPEG program stream (ISO 13818-1 and 11172-1, as Hikvision and others write it) to columns.

A push parser: bytes in pieces of any size go in, records of video access units, audio units, extents
and wall-clock readings grow. No I/O, no Python object in a loop, the GIL released. Every read is
behind a check of what is left; headers that straddle two pieces are collected in a small buffer.
Access units are told apart by their NAL units, not by packs or packet sizes. Layout: docs/formats.md.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcpy

from hikcore.native.es cimport VideoStream, drain
from hikcore.native.hik cimport big32
from hikcore.native.pes cimport (
    Ends, PES_ROOM, frame_ends, header_size, more_may_come, more_was_to_come, next_packet, times,
)
from hikcore.native.psm cimport MAP_ROOM, ProgramMap
from hikcore.native.records cimport (
    Array, FAULT_CAP, FAULT_PES_HEADER, FAULT_PSM, FAULT_STRAY, FAULTS, Fault, NONE32, push,
)
from hikcore.native.sound cimport AdtsStream, AudioStream
from hikcore.native.window cimport Fed

cdef class PsCore(Fed):
    """The parser. See hikcore.media.ps for the public face.

    Args:
        max_samples, max_extents: caps of each track; past one the table ends with a fault there.
    """

    def __cinit__(self, size_t max_samples=3_000_000, size_t max_extents=6_000_000, **_):
        self.video = VideoStream(max_samples, max_extents)
        self.audio = AudioStream(max_samples, max_extents)
        self.aac = AdtsStream(max_samples, max_extents)
        self.map_ = ProgramMap()
        self.faults.item = sizeof(Fault)
        self.state = START
        self.mpeg1 = True
        self.audio_stream = self.video_stream = self.private_type = -1

    def __dealloc__(self):
        free(self.faults.data)

    def told(self):
        """What the stream says of itself.

        Returns:
            (stream_type of video, 0 without, or 256 + the start code that another codec's stream
            began with; Hz, channels of sound by the map, 0 without; its first two bytes).
        """
        cdef int video = self.map_.video_type
        if self.video.first_code >= 0x80 and self.video.no_nals * 4 >= self.video_pictures:
            video = 256 + self.video.first_code
        head = self.aac.first[0] << 8 | self.aac.first[1]
        return video, self.map_.rate, self.map_.channels, head

    def expect(self, int codec, int audio_type):
        """What a header before the stream says, until the stream itself tells."""
        self.hikvision = True
        if not self.video.codec_sure:
            self.video.codec = codec
        if self.audio_type == 0:
            self.audio_type = audio_type

    def skip(self, uint64_t count):
        """Count bytes that the caller passed over (a file header)."""
        self.offset += count

    def finish(self):
        """The end of the body: closes what is open.

        Returns:
            dict of bytes: `video`, `audio` (Sample records, units as packets frame them), `aac`
            (the same sound by ADTS headers), their extents, `heads`, `anchors`, `faults`, and
            `configs` (tuple of blobs, see es.VideoStream.config_blobs).
        """
        with nogil:
            self.close()
        self.cut_off = self.video.cut_off
        self.video_pictures = self.video.samples.count
        return {
            "video": drain(&self.video.samples),
            "audio": drain(&self.audio.samples),
            "video_extents": drain(&self.video.extents),
            "audio_extents": drain(&self.audio.extents),
            "aac": drain(&self.aac.samples),
            "aac_extents": drain(&self.aac.extents),
            "heads": drain(&self.video.heads),
            "anchors": drain(&self.video.anchors),
            "faults": drain(&self.faults) + drain(&self.video.faults),
            "configs": tuple(self.video.config_blobs()),
        }

    cdef void close(self) noexcept nogil:
        """The end of the body, for every track."""
        # A video packet directly behind another continues its picture: cut in its header, too.
        cdef bint inside = self.state == PAYLOAD and self.left > 0
        cdef bint ahead = self.state == LENGTH or self.state == PES_HEAD, cut
        cdef uint8_t* held = [0, 0, 1]
        if self.state == UNBOUNDED:
            self.deliver(held, self.head_n, self.offset - self.head_n)
        if inside and self.stream == self.audio_stream and self.audio.unit_open:
            # Its extents go with it: a table's last sample has all that are behind it.
            self.audio.extents.count = self.audio.unit.first
            self.audio.unit_open = False
        self.audio.close()
        self.aac.close()
        cut = (inside or ahead) and self.stream == self.video_stream
        if not cut and not self.ended:
            cut = more_was_to_come(&self.ends)
            self.open_end = not cut and more_may_come(&self.ends)
        self.video.close(cut)

    cdef void take(self, const uint8_t* p, size_t n) noexcept nogil:
        """Each turn either consumes bytes or changes to a state that does."""
        cdef size_t used
        while n and self.state != STOPPED:
            if self.state == START:
                used = self.at_start(p, n)
            elif self.state == PACK:
                used = self.at_pack(p, n)
            elif self.state == PACK_STUFFING:
                used = self.at_stuffing(p, n)
            elif self.state == LENGTH:
                used = self.at_length(p, n)
            elif self.state == PES_HEAD:
                used = self.at_pes_head(p, n)
            elif self.state == MAP:
                used = self.at_map(p, n)
            elif self.state == SKIP:
                used = n if n < self.left else self.left
                self.left -= <uint32_t> used
                if self.left == 0:
                    self.state = START
            elif self.state == PAYLOAD:
                used = self.at_payload(p, n)
            elif self.state == UNBOUNDED:
                used = self.at_unbounded(p, n)
            else:
                used = self.at_resync(p, n)
            p += used
            n -= used
            self.offset += used

    cdef size_t collect(self, const uint8_t* p, size_t n, uint32_t want) noexcept nogil:
        """Bytes into `head` until it holds `want`; returns how many were taken."""
        cdef size_t take = want - self.head_n
        if take > n:
            take = n
        memcpy(self.head + self.head_n, p, take)
        self.head_n += <uint32_t> take
        return take

    cdef size_t at_start(self, const uint8_t* p, size_t n) noexcept nogil:
        cdef size_t used = self.collect(p, n, 4)
        if self.head_n < 4:
            return used
        if self.head[0] != 0 or self.head[1] != 0 or self.head[2] != 1 or self.head[3] < 0xB9:
            self.packet = self.offset + used - 4
            self.fault(FAULT_STRAY)
            self.begin_resync(4)
            return used
        self.dispatch(self.head[3], self.offset + used - 4)
        return used

    cdef void dispatch(self, uint8_t code, uint64_t at) noexcept nogil:
        self.stream = code
        self.packet = at
        self.head_n = 0
        self.ended = code == 0xB9
        if code == 0xBA:
            self.state = PACK
        elif code == 0xB9:
            self.state = START
        else:
            self.state = LENGTH

    cdef void begin_resync(self, size_t count) noexcept nogil:
        """Look for the next start code, the `count` (at most four) bytes in `head` included."""
        cdef uint8_t kept[4]
        memcpy(kept, self.head, count)
        self.head_n = 0
        self.zero_run = 0
        self.state = RESYNC
        self.at_resync(kept, count)

    cdef size_t at_resync(self, const uint8_t* p, size_t n) noexcept nogil:
        """Pass over bytes up to a start code of the system layer (0xB9 and above).

        An empty pack `00 00 01 BA 00 00 01 E0` (seen from Hikvision H.265) ends here too."""
        cdef size_t i = 0
        cdef uint8_t b
        while i < n:
            b = p[i]
            i += 1
            if self.zero_run == 0xFF:            # behind 00 00 01
                if b >= 0xB9:
                    self.zero_run = 0
                    self.dispatch(b, self.offset + i - 4)
                    return i
                self.zero_run = 1 if b == 0 else 0
            elif b == 0:
                if self.zero_run < 2:
                    self.zero_run += 1
            elif b == 1 and self.zero_run == 2:
                self.zero_run = 0xFF
            else:
                self.zero_run = 0
        return n

    cdef size_t at_pack(self, const uint8_t* p, size_t n) noexcept nogil:
        """ISO 13818-1 2.5.3.3: ten bytes behind the start code; MPEG-1 has eight."""
        cdef size_t used
        cdef uint32_t want = 4
        if self.head_n >= 4:
            want = 8 if (self.head[0] >> 4) == 2 else 10
        used = self.collect(p, n, want)
        if self.head_n == 4:
            if self.head[0] == 0 and self.head[1] == 0 and self.head[2] == 1 and self.head[3] >= 0xB9:
                self.dispatch(self.head[3], self.offset + used - 4)
            elif (self.head[0] >> 6) != 1 and (self.head[0] >> 4) != 2:
                self.fault(FAULT_STRAY)
                self.begin_resync(4)
        elif self.head_n == 8 and want == 8:
            self.head_n = 0
            self.mpeg1 = True
            self.state = START
        elif self.head_n == 10:
            self.mpeg1 = False
            self.left = self.head[9] & 7
            self.head_n = 0
            self.got = 0
            self.video.pack_frame = NONE32
            self.video.packs += 1
            self.state = PACK_STUFFING if self.left else START
        return used

    cdef size_t at_stuffing(self, const uint8_t* p, size_t n) noexcept nogil:
        """Hikvision puts a picture number behind FF FF: a loss detector."""
        cdef size_t used = self.left if self.left < n else n
        memcpy(self.stuffing + self.got, p, used)
        self.got += <uint32_t> used
        self.left -= <uint32_t> used
        if self.left == 0:
            if self.got >= 6 and self.stuffing[0] == 0xFF and self.stuffing[1] == 0xFF:
                self.video.pack_frame = big32(self.stuffing + 2)
            self.state = START
        return used

    cdef size_t at_length(self, const uint8_t* p, size_t n) noexcept nogil:
        cdef size_t used = self.collect(p, n, 2)
        if self.head_n < 2:
            return used
        self.left = (<uint32_t> self.head[0] << 8) | self.head[1]
        self.head_n = 0
        self.got = 0
        if self.stream == 0xBC and 0 < self.left <= MAP_ROOM:
            self.state = MAP
        elif self.stream == 0xBC:
            self.fault(FAULT_PSM)
            self.state = SKIP if self.left else START
        elif 0xC0 <= self.stream <= 0xEF:
            self.state = PES_HEAD
        elif self.stream == 0xBD and self.left and self.private_type < 0 and not self.hikvision:
            self.state = PES_HEAD
        else:
            self.state = SKIP if self.left else START
        return used

    cdef size_t at_pes_head(self, const uint8_t* p, size_t n) noexcept nogil:
        """A length of 0 means: until the next start code of the system layer."""
        cdef size_t used = 0, take
        cdef int want
        while True:
            want = header_size(self.pes, self.got, self.left, self.mpeg1)
            if want < 0:
                self.no_pes()
                return used
            if self.got and <uint32_t> want == self.got:
                self.begin_payload(self.left == 0)
                return used
            take = want - self.got
            if take > n - used:
                take = n - used
            if take == 0:
                return used
            memcpy(self.pes + self.got, p + used, take)
            self.got += <uint32_t> take
            used += take

    cdef void no_pes(self) noexcept nogil:
        """Not a PES header: passed over by its length, or by looking for a start code."""
        if self.stream != 0xBD:
            self.fault(FAULT_PES_HEADER)
        if self.left:
            self.left -= self.got
            self.state = SKIP if self.left else START
        else:
            # An empty packet directly before the next pack, for one: its first byte told.
            memcpy(self.head, self.pes, 1)
            self.begin_resync(1)

    cdef void begin_payload(self, bint unbounded) noexcept nogil:
        cdef int64_t pts
        cdef uint32_t lead, length = 0 if unbounded else self.left
        times(self.pes, self.got, &pts, &lead)
        self.left = 0 if unbounded else self.left - self.got
        self.zero_run = 0
        self.head_n = 0
        if (self.stream & 0xF0) == 0xE0:
            self.begin_video(pts, lead, length)
        elif self.stream == 0xBD:
            self.private = True
        else:
            self.begin_sound(pts)
        if unbounded:
            self.state = UNBOUNDED
        else:
            self.state = PAYLOAD if self.left else START

    cdef void begin_video(self, int64_t pts, uint32_t lead, uint32_t length) noexcept nogil:
        """The first stream in which a NAL unit begins is the one to read: Hikvision's is E0,
        FFmpeg gives H.264 E2."""
        if self.stream != self.video_stream:
            if self.video.nal_open or self.video.au_open or self.video.samples.count:
                return
            if self.video_stream >= 0 and self.video.es_end:
                self.dropped_streams |= <uint64_t> 1 << (self.video_stream & 15)
            self.dropped_streams &= ~(<uint64_t> 1 << (self.stream & 15))
            self.video_stream = self.stream
            self.video.restart()
        if lead != NONE32 and lead > 0:
            # Pictures are shown in another order: what tells which is wanted for those
            # without a PTS of their own.
            self.video.want_heads = True
        self.video.at = self.packet
        self.video.packet(pts, lead, (self.pes[0] >> 6) == 2 and (self.pes[0] & 4))
        next_packet(&self.ends, pts, length, frame_ends(self.pes, self.got))

    cdef void begin_sound(self, int64_t pts) noexcept nogil:
        if self.audio_stream < 0:
            self.audio_stream = self.stream
        if self.stream != self.audio_stream:
            return
        self.aac.packet(pts)
        if pts >= 0 or not self.audio.unit_open:
            self.audio.kind = self.map_.sounds[self.stream & 31]
            if self.audio.kind == 0:
                self.audio.kind = <uint16_t> self.audio_type
            self.audio.begin(pts)

    cdef size_t at_payload(self, const uint8_t* p, size_t n) noexcept nogil:
        cdef size_t used = self.left if self.left < n else n
        self.deliver(p, used, self.offset)
        self.left -= <uint32_t> used
        if self.left == 0 and self.state == PAYLOAD:
            self.state = START
        return used

    cdef size_t at_unbounded(self, const uint8_t* p, size_t n) noexcept nogil:
        """Deliver up to the next 00 00 01 B9..FF (no NAL header is above 0x7F). Zeros and the one
        before it are held back in `head` until it is clear whose they are."""
        cdef size_t i = 0, begin = 0
        cdef uint8_t held[4]
        cdef uint32_t k
        while i < n:
            if self.head_n == 3:
                if p[i] >= 0xB9:
                    self.dispatch(p[i], self.offset + i - 3)
                    return i + 1
                held[0] = held[1] = 0
                held[2] = 1
                self.head_n = 0
                self.deliver(held, 3, self.offset + i - 3)
                begin = i
            k = self.head_n
            if p[i] == 0:
                if k == 2:
                    held[0] = 0
                    self.deliver(held, 1, self.offset + i - 2)
                else:
                    self.head_n = k + 1
                i += 1
                begin = i
                continue
            if p[i] == 1 and k == 2:
                self.head_n = 3
                i += 1
                begin = i
                continue
            if k:
                held[0] = held[1] = 0
                self.head_n = 0
                self.deliver(held, k, self.offset + i - k)
            begin = i
            while i < n and p[i] != 0:
                i += 1
            self.deliver(p + begin, i - begin, self.offset + begin)
            begin = i
            if self.state == STOPPED:
                return n
        return n

    cdef size_t at_map(self, const uint8_t* p, size_t n) noexcept nogil:
        cdef size_t used = self.left - self.got
        if used > n:
            used = n
        memcpy(self.map_.data + self.got, p, used)
        self.got += <uint32_t> used
        if self.got == self.left:
            self.read_map()
            self.state = START
        return used

    cdef void read_map(self) noexcept nogil:
        if not self.map_.read(self.left):
            self.fault(FAULT_PSM)
        if self.map_.codec and not self.video.codec_sure:
            self.video.codec = self.map_.codec
        self.hikvision |= self.map_.hikvision
        if self.map_.wall_seen:
            self.video.wall = self.map_.wall
            self.video.wall_fresh = True
            self.video.walls += 1
            self.video.encrypted = self.map_.encrypted
            if self.map_.encrypted != 0 and self.map_.encrypted != 7:
                self.encrypted = True
                self.video.want_heads = True    # are they readable all the same?
            else:
                self.clear = True

    cdef void deliver(self, const uint8_t* p, size_t n, uint64_t at) noexcept nogil:
        """Payload of a packet to its track. Only the first video and audio stream are read."""
        if n == 0:
            return
        if self.stream == self.video_stream:
            self.video.deliver(p, n, at)
        elif (self.stream & 0xF0) == 0xE0:
            self.dropped_streams |= <uint64_t> 1 << (self.stream & 15)
        elif self.stream == self.audio_stream:
            self.audio.deliver(p, n, at)
            self.aac.deliver(p, n, at)
        elif self.stream == 0xBD and self.private:
            # AC-3 and the like: which, the first byte tells (DVD), or its sync word.
            if p[0] == 0x0B or p[0] >= 0x80:
                self.private_type = p[0]
            self.private = False
        if self.audio.full or self.aac.full:
            self.fault(FAULT_CAP)
        if self.video.full or self.audio.full or self.aac.full:
            self.state = STOPPED

    cdef void fault(self, uint64_t code) noexcept nogil:
        """Noted at the packet's start code: an offset that no size of pieces changes."""
        cdef Fault* slot = <Fault*> push(&self.faults, FAULTS)
        if slot != NULL:
            slot.offset = self.packet
            slot.code = code
