# cython: language_level=3
"""Elementary streams to access units: the part that every byte-stream container shares.

A container parser delivers stretches of a stream with the offset at which they lie. NAL units are
found by their start codes (also over the edges of packets and of pieces), access units by their NAL
units (H.264 7.4.1.2.3, H.265 7.4.2.4.4). All nogil; no I/O.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memmove, memset
from cpython.bytes cimport PyBytes_FromStringAndSize

from hikcore.native.records cimport (
    Anchor, Array, Extent, FAULT_CAP, FAULT_TWO_CODECS, NONE32, Sample, push,
)
from hikcore.native.sets cimport CONFIG_ROOM, StreamSets
from hikcore.native.startcode cimport next_start_code

cdef bytes drain(Array* a):
    """The records as bytes; the array is empty after."""
    cdef bytes out = PyBytes_FromStringAndSize(<char*> a.data, a.count * a.item)
    free(a.data)
    a.data = NULL
    a.count = a.room = 0
    return out


cdef bint extend(Array* extents, size_t cap, bint join, uint64_t at, size_t n) noexcept nogil:
    """Append a stretch, or lengthen the last one where it is adjacent; False when full."""
    cdef Extent* last
    if join and extents.count:
        last = <Extent*> (extents.data + (extents.count - 1) * sizeof(Extent))
        if last.offset + last.size == at:
            last.size += n
            return True
    last = <Extent*> push(extents, cap)
    if last == NULL:
        return False
    last.offset = at
    last.size = n
    return True


cdef class VideoStream(StreamSets):
    """A video elementary stream being taken apart into access units."""

    def __cinit__(self, size_t max_samples, size_t max_extents):
        self.extents.item = sizeof(Extent)
        self.anchors.item = sizeof(Anchor)
        self.max_extents = max_extents
        self.pack_frame = self.nal_frame = NONE32
        self.packs = self.nal_packs = 0
        self.walls = self.nal_walls = 0
        self.nal_pts = -1
        self.nal_head_n = 3
        self.last_cra = -1

    def __dealloc__(self):
        free(self.extents.data)
        free(self.anchors.data)

    cdef void packet(self, int64_t pts, uint32_t lead, bint aligned) noexcept nogil:
        """A packet of the container begins. Its PTS (-1: none), and ticks from decoding to
        presentation (NONE32: no DTS), are those of the first access unit that begins in it."""
        cdef Packet* slot
        if self.packet_count == 0 or (
            self.packets[self.packet_count % CODE_SPAN].begin != self.es_end
        ):
            self.packet_count += 1
        slot = &self.packets[self.packet_count % CODE_SPAN]
        slot.begin = self.es_end
        slot.pts = pts
        slot.lead = lead
        slot.aligned = aligned

    cdef void restart(self) noexcept nogil:
        """What came so far was another stream: no NAL unit began in it."""
        self.tail_zeros = 0
        self.extents.count = 0

    cdef void deliver(self, const uint8_t* p, size_t n, uint64_t at) noexcept nogil:
        """The next stretch of the stream, which lies at offset `at` of the source."""
        if n == 0 or self.full:
            return
        if self.au_open and self.es_end - self.au_begin + n > UNIT_ROOM:
            self.full = True
        elif extend(&self.extents, self.max_extents, True, at, n):
            self.scan(p, n)
        else:
            self.full = True
        if self.full:
            self.fault(FAULT_CAP)

    cdef void scan(self, const uint8_t* p, size_t n) noexcept nogil:
        """Find start codes (00 00 01), also over the edges of packets."""
        cdef uint64_t base = self.es_end
        cdef size_t i = 0, begin = 0, zeros, k
        self.es_end += n
        if self.nal_head_n < 3:
            k = self.nal_head_n
            while self.nal_head_n < 3 and i < n:
                self.nal_head[self.nal_head_n] = p[i]
                self.nal_head_n += 1
                i += 1
            if self.nal_head_n == 3:
                self.nal_known()
                if self.set_open:
                    self.keep_set(self.nal_head, k)
            i = 0
        while i < n:
            i = next_start_code(p, i, n, self.tail_zeros)
            if i == n:
                break
            zeros = 0
            while zeros < i and p[i - 1 - zeros] == 0 and zeros < i - begin:
                zeros += 1
            if zeros == i:
                zeros += self.tail_zeros
            if self.set_open:
                self.keep_set(p + begin, i - begin)
            self.start_code(base + i, zeros)
            begin = i + 1
            k = n - begin
            if k >= 3:
                self.nal_head_n = 3
                memcpy(self.nal_head, p + begin, 3)
                self.nal_known()
            else:
                memcpy(self.nal_head, p + begin, k)
                self.nal_head_n = <int> k
            i += 1
            if self.full:
                return
        if self.set_open and begin < n:
            self.keep_set(p + begin, n - begin)
        zeros = 0
        while zeros < n - begin and p[n - 1 - zeros] == 0:
            zeros += 1
        self.tail_zeros = zeros + self.tail_zeros if zeros == n else zeros

    cdef void start_code(self, uint64_t one, uint64_t zeros) noexcept nogil:
        """A start code whose 01 lies at `one`: ends the NAL unit before, promises another."""
        self.short_nal()
        self.close_nal(one - zeros)
        self.nal_open = True
        self.nal_begin = one + 1
        self.nal_begins(one, zeros)

    cdef void short_nal(self) noexcept nogil:
        """A NAL unit of one or two bytes ends: its header is known as far as it goes."""
        if self.nal_head_n < 3:
            memcpy(self.nal_head + self.nal_head_n, b"\0\0\0", 3 - self.nal_head_n)
            self.nal_head_n = 3
            self.nal_known()

    cdef void nal_begins(self, uint64_t one, uint64_t zeros) noexcept nogil:
        """Keep what packets said so far: another may begin before the NAL unit's header is whole.

        An access unit begins in the packet that holds the first byte of 00 00 01 (ISO 13818-1
        2.4.3.7). The zero before, where there is one, belongs to it too (H.264 B.1.1), but not all
        muxers know: lies it alone in the packet before, that one's PTS tells, if it is not used up;
        if it is, nobody can tell whose the next one's is."""
        cdef uint64_t number = self.packet_count
        cdef Packet* packet = &self.packets[number % CODE_SPAN]
        cdef Packet* before
        self.nal_prefix = one - zeros
        while packet.begin + 2 > one and zeros >= 2 and (
            number > 1 and number + CODE_SPAN > self.packet_count + 1
        ):
            number -= 1
            packet = &self.packets[number % CODE_SPAN]
        self.nal_packet = number
        self.nal_pts = packet.pts
        self.nal_lead = packet.lead
        if zeros > 2 and packet.begin + 2 == one and not packet.aligned and number > 1:
            before = &self.packets[(number - 1) % CODE_SPAN]
            if before.pts >= 0 and self.used_packet == number - 1:
                self.nal_pts = -1
            elif before.pts >= 0:
                self.nal_packet = number - 1
                self.nal_pts = before.pts
                self.nal_lead = before.lead
        self.nal_frame = self.pack_frame
        self.nal_packs = self.packs
        self.nal_wall = self.wall
        self.nal_walls = self.walls
        self.nal_fresh = self.wall_fresh

    cdef void close_nal(self, uint64_t end) noexcept nogil:
        cdef uint64_t size
        if self.nal_open and end > self.nal_begin:
            size = end - self.nal_begin
            if self.au_open:
                self.au.size += <uint32_t> (size + 4)
        if self.set_open:
            self.close_set()
        self.nal_open = False

    cdef void nal_known(self) noexcept nogil:
        """The header of the open NAL unit is there: does it begin an access unit?"""
        cdef uint8_t b0 = self.nal_head[0], b1 = self.nal_head[1], b2 = self.nal_head[2]
        cdef uint8_t kind
        cdef bint vcl, first, opens, is_set, sync = False, base = True, doubtful = False
        if self.au_sets and self.au_open and not self.au_vcl and (
            self.au_sets == 3 or self.au_sets + self.au_codec == 3
        ):
            doubtful = not self.tell_picture(b0, b1)
        if not self.codec_sure or (b0 == 0x40 and b1 == 1) or (self.codec == 2 and (b0 & 0x9F) == 7):
            # Types that the other codec never has: a camera that was set to another in mid-file.
            self.tell_codec(b0, b1)
        if self.codec == 2:
            kind = (b0 >> 1) & 63
            # Layer 0; a temporal id plus 1 of 0 is forbidden: no NAL unit at all.
            base = (b0 & 1) == 0 and (b1 >> 3) == 0 and (b1 & 7) != 0
            vcl = kind < 32
            first = (b2 & 0x80) != 0
            is_set = 32 <= kind <= 34
            opens = kind == 39 or 32 <= kind <= 35 or 41 <= kind <= 44 or 48 <= kind <= 55
            sync = 16 <= kind <= 21
        else:
            kind = b0 & 31
            vcl = 1 <= kind <= 5
            first = (b1 & 0x80) != 0 and kind != 3 and kind != 4
            is_set = kind == 7 or kind == 8
            opens = 6 <= kind <= 9 or 14 <= kind <= 18
            sync = kind == 5
        if self.samples.count == 0 and not self.au_open:
            self.first_code = b0
        self.no_nals += b0 >> 7
        if not self.au_open or (base and self.au_vcl and (opens or (vcl and first))):
            self.close_access_unit()
            if self.full:
                return
            self.open_access_unit()
        if vcl and base and not doubtful:
            if not self.au_vcl:
                self.au_vcl = True
                self.au_codec = 2 if self.codec == 2 else 1
                self.au.kind = kind
                if self.want_heads:
                    self.set_open = self.set_is_head = True
                    self.set_n = 0
                if sync:
                    self.au.flags |= 1
                    self.last_cra = self.samples.count if self.codec == 2 and kind == 21 else -1
                elif self.codec == 2 and (kind == 8 or kind == 9) and self.last_cra >= 0:
                    # RASL pictures refer to before their CRA: no place to cut (H.265 8.1.3).
                    (<Sample*> (self.samples.data + self.last_cra * sizeof(Sample))).flags &= 0xFE
                    self.last_cra = -1
        if is_set:
            self.set_open = True
            self.set_is_head = False
            self.set_n = 0
            # With the forbidden bit it is none, but a start code of the system layer or noise.
            if self.codec == 2 and b1 == 1 and base and b0 < 0x80:
                self.saw_set(2)
            elif self.codec != 2 and kind == 7 and b0 < 0x80:
                self.saw_set(1)

    cdef void tell_codec(self, uint8_t b0, uint8_t b1) noexcept nogil:
        """VPS/SPS/PPS of H.265 are 40/42/44 01; SPS of H.264 is x7 (as H.265: reserved types)."""
        if (b0 == 0x40 or b0 == 0x42 or b0 == 0x44) and b1 == 1:
            self.codec = 2
            self.codec_sure = True
        elif (b0 & 0x9F) == 7:
            self.codec = 1
            self.codec_sure = True
        elif self.codec == 0 and b1 == 1 and (
            b0 == 0 or b0 == 2 or 0x20 <= b0 <= 0x2A and not b0 & 1 or b0 == 0x46 or b0 == 0x4E
        ):
            # Pictures, AUD or SEI of H.265 before any parameter set: a body that begins in a GOP.
            self.codec = 2

    cdef void saw_set(self, uint32_t codec) noexcept nogil:
        """A set of the open access unit that no other codec has."""
        if self.au_sets == 3 - codec:
            self.fault(FAULT_TWO_CODECS)
        self.au_sets |= codec

    cdef bint tell_picture(self, uint8_t b0, uint8_t b1) noexcept nogil:
        """Behind sets of both codecs, or of another codec than the picture before had, the picture
        itself shows its codec: slices of H.264 have an odd first byte, which H.265 has in layers
        above the base alone. Else pictures that go on behind stray sets would be taken for units
        of no picture, up to the next sets: one access unit that grows and grows.
        False: whatever it is (an SEI of H.264 looks like a picture of H.265), it is none."""
        if (b0 & 0x81) == 1 and ((b0 & 31) == 1 or (b0 & 31) == 5):
            self.shown(1)
            return True
        if b1 == 1 and (b0 == 0 or b0 == 2 or 0x20 <= b0 <= 0x2A and not b0 & 1):
            self.shown(2)
            return True
        return False

    cdef void shown(self, uint32_t codec) noexcept nogil:
        """The codec of a picture, and whether all sets before it are of another."""
        self.codec = codec
        if self.au_sets == 3 - codec:
            self.fault(FAULT_TWO_CODECS)

    cdef size_t split_extents(self) noexcept nogil:
        """Make an extent begin at the prefix of the open NAL unit; returns its index."""
        cdef Extent* last = NULL
        cdef uint64_t behind = self.es_end - self.nal_prefix
        cdef uint64_t kept
        cdef size_t i = self.extents.count
        while i:
            i -= 1
            last = <Extent*> (self.extents.data + i * sizeof(Extent))
            if behind <= last.size:
                break
            behind -= last.size
        if last == NULL or behind >= last.size:
            return i
        kept = last.size - behind
        if push(&self.extents, self.max_extents) == NULL:
            # What lies before still belongs to the access unit before: it stays whole.
            self.full = True
            last.size = kept
            self.extents.count = i + 1
            return i + 1
        last = <Extent*> (self.extents.data + i * sizeof(Extent))
        memmove(last + 1, last, (self.extents.count - 1 - i) * sizeof(Extent))
        last.size = kept
        last[1].offset += kept
        last[1].size = behind
        return i + 1

    cdef void open_access_unit(self) noexcept nogil:
        cdef Anchor* anchor
        self.au.first = <uint32_t> self.split_extents()
        self.au.pts = -1
        self.au.lead = NONE32
        if self.nal_packet != self.used_packet:
            self.au.pts = self.nal_pts
            self.au.lead = self.nal_lead
        self.used_packet = self.nal_packet
        self.au.size = 0
        self.au.frame = self.nal_frame
        self.au.config = self.active
        self.au.flags = 0
        self.au.kind = 0
        self.au_open = True
        self.au_vcl = False
        self.au_sets = 0
        self.au_begin = self.nal_prefix
        if self.packs == self.nal_packs:
            self.pack_frame = NONE32
        if self.nal_fresh:
            if self.walls == self.nal_walls:
                self.wall_fresh = False
            self.nal_fresh = False
            anchor = <Anchor*> push(&self.anchors, self.max_samples)
            if anchor != NULL:
                anchor.wall = self.nal_wall
                anchor.sample = <uint32_t> self.samples.count
                anchor.encrypted = self.encrypted

    cdef void close_access_unit(self) noexcept nogil:
        cdef Sample* sample
        if not self.au_open:
            return
        if self.config_n:
            if (self.au_sets == 3 or (self.au_vcl and self.au_sets + self.au_codec == 3)) \
                    and CONFIG_ROOM - self.config_n >= 5:
                # Sets of another codec too: an empty one behind them tells that of the picture.
                self.config[self.config_n] = <uint8_t> self.au_codec
                memset(self.config + self.config_n + 1, 0, 4)
                self.config_n += 5
            self.active = self.find_config()
            self.config_n = 0
        self.au.config = self.active
        sample = <Sample*> push(&self.samples, self.max_samples)
        if sample == NULL:
            self.full = True
            self.drop_access_unit()
            return
        sample[0] = self.au
        self.au_open = False

    cdef void close(self, bint cut) noexcept nogil:
        """The end of the stream. `cut`: in the middle of a packet, so its last access unit is not
        whole: it is counted in `cut_off` and left out, as is one without a picture."""
        if self.full:
            self.drop_access_unit()
            return
        self.short_nal()
        self.close_nal(self.es_end - self.tail_zeros)
        if self.au_open and (cut or not self.au_vcl):
            self.cut_off = self.es_end - self.au_begin
            self.drop_access_unit()
        self.close_access_unit()

    cdef void drop_access_unit(self) noexcept nogil:
        """Its extents go with it (a table's last sample has all that lie behind it), and its
        reading of the wall clock."""
        cdef Anchor* anchor
        if not self.au_open:
            return
        self.au_open = False
        if self.au.first < self.extents.count:
            self.extents.count = self.au.first
        if self.anchors.count:
            anchor = <Anchor*> (self.anchors.data + (self.anchors.count - 1) * sizeof(Anchor))
            if anchor.sample >= self.samples.count:
                self.anchors.count -= 1
