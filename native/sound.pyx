# cython: language_level=3
"""Sound to units: as a container frames it, or by the headers in it (ADTS). All nogil; no I/O."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memchr, memcpy, memmove

from hikcore.native.es cimport UNIT_ROOM, extend
from hikcore.native.records cimport Extent, NONE32, Sample, push


cdef class AudioStream:
    """Audio units: what a container frames as one."""

    def __cinit__(self, size_t max_samples, size_t max_extents):
        self.samples.item = sizeof(Sample)
        self.extents.item = sizeof(Extent)
        self.max_samples = max_samples
        self.max_extents = max_extents

    def __dealloc__(self):
        free(self.samples.data)
        free(self.extents.data)

    cdef void begin(self, int64_t pts) noexcept nogil:
        """A unit begins; the one before ends."""
        self.close()
        self.unit.pts = pts
        self.unit.size = 0
        self.unit.first = <uint32_t> self.extents.count
        self.unit.frame = NONE32
        self.unit.lead = NONE32
        self.unit.config = self.kind
        self.unit.flags = 1
        self.unit.kind = 0
        self.unit_open = True

    cdef void deliver(self, const uint8_t* p, size_t n, uint64_t at) noexcept nogil:
        """More bytes of the open unit."""
        if n == 0 or self.full or not self.unit_open:
            return
        if self.unit.size + n <= UNIT_ROOM and extend(
            &self.extents, self.max_extents, self.unit.first < self.extents.count, at, n
        ):
            self.unit.size += <uint32_t> n
        else:
            self.full = True

    cdef void close(self) noexcept nogil:
        cdef Sample* sample
        if not self.unit_open:
            return
        self.unit_open = False
        if not self.full and self.unit.size:
            sample = <Sample*> push(&self.samples, self.max_samples)
            if sample != NULL:
                sample[0] = self.unit
                return
            self.full = True
        # What has no sample leaves no extents: the last sample has all that lie behind it.
        self.extents.count = self.unit.first


cdef inline size_t frame_size(const uint8_t* b) noexcept nogil:
    """Bytes of the ADTS frame that this header (seven bytes) begins, 0 if it begins none
    (ISO 14496-3 1.A.2.2). Frames of several blocks are not read: nobody was seen to write them."""
    cdef size_t size
    if b[0] != 0xFF or (b[1] & 0xF6) != 0xF0 or (b[2] >> 2 & 15) > 12 or (b[6] & 3):
        return 0
    size = (<size_t> (b[3] & 3) << 11) | (<size_t> b[4] << 3) | (b[5] >> 5)
    return size if size > header_bytes(b) else 0


cdef inline size_t header_bytes(const uint8_t* b) noexcept nogil:
    return 7 if b[1] & 1 else 9


cdef inline bint same_stream(const uint8_t* a, const uint8_t* b) noexcept nogil:
    """The fixed part of two headers, from the second byte on."""
    return a[0] == b[0] and a[1] == b[1] and (a[2] & 0xF0) == (b[2] & 0xF0)


cdef class AdtsStream:
    """AAC in ADTS being taken apart: units are its raw data blocks. Frames may lie anywhere in
    packets; the first after any junk is believed when another like it follows."""

    def __cinit__(self, size_t max_samples, size_t max_extents):
        self.samples.item = sizeof(Sample)
        self.extents.item = sizeof(Extent)
        self.pieces.item = sizeof(Piece)
        self.max_samples = max_samples
        self.max_extents = max_extents
        self.pts = -1

    def __dealloc__(self):
        free(self.samples.data)
        free(self.extents.data)
        free(self.pieces.data)

    cdef void packet(self, int64_t pts) noexcept nogil:
        """A packet of the container begins; its PTS is that of the first frame that does so in it."""
        self.pts = pts
        self.packets += 1

    cdef void deliver(self, const uint8_t* p, size_t n, uint64_t at) noexcept nogil:
        """The next stretch of the stream, which lies at offset `at` of the source."""
        cdef size_t take
        cdef Piece* piece
        while n and not self.full:
            take = ADTS_ROOM - self.held if n > ADTS_ROOM - self.held else n
            memcpy(self.data + self.held, p, take)
            if self.end < 2:
                self.first[self.end] = p[0]
                if take > 1 and self.end == 0:
                    self.first[1] = p[1]
            piece = NULL
            if self.pieces.count:
                piece = <Piece*> (self.pieces.data + (self.pieces.count - 1) * sizeof(Piece))
            if piece != NULL and piece.packet == self.packets and piece.offset + piece.size == at:
                piece.size += take
            else:
                piece = <Piece*> push(&self.pieces, ADTS_ROOM)
                if piece == NULL:
                    self.full = True
                    return
                piece.begin = self.end
                piece.offset = at
                piece.size = take
                piece.packet = self.packets
                piece.pts = self.pts
            self.held += take
            self.end += take
            p += take
            n -= take
            at += take
            self.run(False)

    cdef void close(self) noexcept nogil:
        """The end of the stream; a frame that it cuts is left out."""
        self.run(True)

    cdef void run(self, bint last) noexcept nogil:
        """Frames out of `data`. What is left waits for more, never over half of the room."""
        cdef size_t i = 0, size
        while self.held - i >= 7 and not self.full:
            if not self.locked:
                i = self.seek(i, last)
                if not self.locked:
                    break
            size = frame_size(self.data + i)
            if size == 0 or not same_stream(self.data + i + 1, self.fixed):
                self.locked = False
                continue
            if self.held - i < size:
                break
            self.emit(i, size)
            i += size
        self.forget(i)

    cdef size_t seek(self, size_t i, bint last) noexcept nogil:
        """From `i` to the first header that another follows (`locked`), or to where more bytes are
        needed."""
        cdef size_t size
        cdef const uint8_t* found
        while self.held - i >= 7:
            found = <const uint8_t*> memchr(self.data + i, 0xFF, self.held - i)
            if found == NULL:
                self.junk += self.held - i
                return self.held
            self.junk += (found - self.data) - i
            i = found - self.data
            if self.held - i < 7:
                break
            size = frame_size(found)
            if size:
                if self.held - i < size + 7:
                    if not last:
                        break
                elif frame_size(found + size) and same_stream(found + 1, found + size + 1):
                    self.locked = True
                    memcpy(self.fixed, found + 1, 3)
                    break
            self.junk += 1
            i += 1
        return i

    cdef void emit(self, size_t i, size_t size) noexcept nogil:
        cdef size_t head = header_bytes(self.data + i), k = 0, take, skip
        cdef const uint8_t* b = self.data + i
        cdef uint64_t at = self.begin + i
        cdef Piece* piece = <Piece*> self.pieces.data
        cdef Sample* unit = <Sample*> push(&self.samples, self.max_samples)
        if unit == NULL:
            self.full = True
            return
        while piece[k].begin + piece[k].size <= at:
            k += 1
        unit.pts = piece[k].pts if piece[k].packet != self.used else -1
        self.used = piece[k].packet
        unit.size = <uint32_t> (size - head)
        unit.first = <uint32_t> self.extents.count
        unit.frame = NONE32
        unit.lead = NONE32
        # Profile, sampling frequency index, channel configuration: two bits, four, three.
        unit.config = <uint16_t> (
            (b[2] >> 6) << 7 | (b[2] >> 2 & 15) << 3 | (b[2] & 1) << 2 | b[3] >> 6
        )
        unit.flags = 1
        unit.kind = 0
        at += head
        size -= head
        while size:
            while piece[k].begin + piece[k].size <= at:
                k += 1
            skip = at - piece[k].begin
            take = piece[k].size - skip
            if take > size:
                take = size
            if not extend(
                &self.extents, self.max_extents, unit.first < self.extents.count,
                piece[k].offset + skip, take,
            ):
                self.full = True
                self.extents.count = unit.first
                self.samples.count -= 1
                return
            at += take
            size -= take

    cdef void forget(self, size_t count) noexcept nogil:
        """The first bytes of `data` are used up, and the pieces that they came in."""
        cdef size_t k = 0
        cdef Piece* piece = <Piece*> self.pieces.data
        if count == 0:
            return
        self.begin += count
        self.held -= count
        memmove(self.data, self.data + count, self.held)
        while k < self.pieces.count and piece[k].begin + piece[k].size <= self.begin:
            k += 1
        self.pieces.count -= k
        memmove(piece, piece + k, self.pieces.count * sizeof(Piece))
