# cython: language_level=3
"""A program stream made the media of an MP4 while it is parsed: each byte is read once.

NAL units are written from where the block lies that was read, lengths before them; a length that is
not known when the block ends is filled in later. Sound is kept until a second of pictures is there,
and written behind them. The tables come after: `finish` gives the columns as PsCore does, and what
says where each sample lies. What this does not write as hikcore.native.gather would is told
(`odd`, `sound_kind`), and then gathered by a second reading.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memmove, memcpy

from hikcore.native.es cimport VideoStream, drain
from hikcore.native.pes cimport PTS_MASK
from hikcore.native.ps cimport PsCore
from hikcore.native.records cimport Array, Extent, Sample, push
from hikcore.native.writev cimport GatheredWrite

cdef enum:
    SECOND = 90000
    MOST_HELD = 1048576    # bytes of sound that wait for a picture
    LATE = 65536           # bytes of sound that wait for no second to be full
    BORDERS = 4000000

cdef enum SoundKind:
    UNDECIDED, UNITS, FRAMES, SILENT

cdef packed struct Border:
    uint32_t pictures      # before which this sound lies
    uint32_t units         # sound up to here

cdef packed struct Piece:
    uint64_t offset        # in the source
    uint64_t size
    uint64_t at            # of those that were ever held


cdef class HeldSound:
    """Bytes of a track of sound that wait to be written."""

    cdef uint8_t* data
    cdef size_t held, room
    cdef uint64_t begin    # of the first byte held, of all that ever were
    cdef Array pieces
    cdef size_t piece      # the first that is not passed

    def __cinit__(self):
        self.pieces.item = sizeof(Piece)

    def __dealloc__(self):
        free(self.data)
        free(self.pieces.data)

    cdef bint keep(self, const uint8_t* p, size_t n, uint64_t at) noexcept nogil:
        """Bytes that lie at `at` in the source; False: too many, or no memory."""
        cdef size_t room = self.room if self.room else 65536
        cdef uint8_t* grown
        cdef Piece* last = NULL
        if n > MOST_HELD - self.held:
            return False
        while room < self.held + n:
            room *= 2
        if room != self.room:
            grown = <uint8_t*> realloc(self.data, room)
            if grown == NULL:
                return False
            self.data, self.room = grown, room
        if self.pieces.count:
            last = <Piece*> self.pieces.data + (self.pieces.count - 1)
        if last != NULL and last.offset + last.size == at:
            last.size += n
        else:
            last = <Piece*> push(&self.pieces, MOST_HELD)
            if last == NULL:
                return False
            last.offset, last.size, last.at = at, n, self.begin + self.held
        memcpy(self.data + self.held, p, n)
        self.held += n
        return True

    cdef bint write(self, GatheredWrite out, uint64_t at, uint64_t size) noexcept nogil:
        """Bytes that lie at `at` in the source; False: they are not here. Calls go forward."""
        cdef Piece* piece
        cdef uint64_t skip, take
        while size:
            while True:
                if self.piece == self.pieces.count:
                    return False
                piece = <Piece*> self.pieces.data + self.piece
                if at < piece.offset:
                    return False
                if at < piece.offset + piece.size:
                    break
                self.piece += 1
            skip = at - piece.offset
            take = size if size < piece.size - skip else piece.size - skip
            out.put_copy(self.data + (piece.at + skip - self.begin), take)
            at += take
            size -= take
        return True

    cdef void forget(self) noexcept nogil:
        """What was passed is not held any more."""
        cdef Piece* pieces = <Piece*> self.pieces.data
        cdef uint64_t end = self.begin + self.held
        if self.piece < self.pieces.count:
            end = pieces[self.piece].at
        self.held -= end - self.begin
        memmove(self.data, self.data + (end - self.begin), self.held)
        self.begin = end
        self.pieces.count -= self.piece
        memmove(pieces, pieces + self.piece, self.pieces.count * sizeof(Piece))
        self.piece = 0


cdef class WrittenVideo(VideoStream):
    """Access units whose NAL units are written while they are found."""

    cdef GatheredWrite out
    cdef WrittenPs owner
    cdef const uint8_t* piece       # the stretch being delivered
    cdef uint64_t piece_begin       # its position in the elementary stream
    cdef uint64_t done              # position of the first byte that is not written
    cdef bint field                 # the open NAL unit's length awaits its end
    cdef uint64_t opened            # access units that began
    cdef uint64_t unit_at           # where in the output the open one does
    cdef bint odd                   # one is not as long as its record says

    cdef void deliver(self, const uint8_t* p, size_t n, uint64_t at) noexcept nogil:
        self.piece = p
        self.piece_begin = self.es_end
        VideoStream.deliver(self, p, n, at)
        if self.nal_head_n == 3 and not self.full:
            # Zeros at the end may belong to a start code.
            self.write(self.es_end - self.tail_zeros)
        # The block may be gone when the next call comes: what is not written is a header, or zeros.
        self.piece_begin = self.es_end

    cdef void start_code(self, uint64_t one, uint64_t zeros) noexcept nogil:
        self.short_nal()
        self.end_nal(one - zeros)
        VideoStream.start_code(self, one, zeros)
        self.done = one + 1

    cdef void close(self, bint cut) noexcept nogil:
        if not self.full:
            self.short_nal()
            self.end_nal(self.es_end - self.tail_zeros)
        VideoStream.close(self, cut)
        if self.samples.count == self.opened:
            self.check_unit()
        elif self.opened and self.samples.count + 1 == self.opened:
            self.out.go_back(self.unit_at)
        else:
            self.odd = True

    cdef void end_nal(self, uint64_t end) noexcept nogil:
        self.write(end)
        if self.field:
            self.out.close_field()
            self.field = False

    cdef void write(self, uint64_t end) noexcept nogil:
        """The open NAL unit's bytes up to a position of the elementary stream."""
        cdef uint64_t before, head
        if not self.nal_open or end <= self.done:
            return
        before = self.piece_begin - self.done if self.piece_begin > self.done else 0
        if before > end - self.done:
            before = end - self.done
        if not self.field:
            if self.nal_prefix == self.au_begin:
                self.begin_unit()
            self.out.open_field()
            self.field = True
            # What came of it in stretches before is kept as far as it is its header, or zeros.
            head = before if before < 3 else 3
            self.out.put_copy(self.nal_head, head)
            before -= head
            self.done += head
        self.out.put_zeros(before)
        self.done += before
        if self.done < end:
            self.out.put(self.piece + (self.done - self.piece_begin), end - self.done)
            self.done = end

    cdef void begin_unit(self) noexcept nogil:
        if self.opened:
            self.check_unit()
        self.owner.border(self.au.pts)
        self.opened += 1
        self.unit_at = self.out.end

    cdef void check_unit(self) noexcept nogil:
        """The access unit that was closed last is as long as its record says."""
        if self.opened == 0:
            return
        if self.samples.count != self.opened or self.out.end - self.unit_at != (
            <Sample*> self.samples.data + (self.samples.count - 1)
        ).size:
            self.odd = True


cdef class WrittenPs(PsCore):
    """A parser of program streams that writes what it reads.

    Args:
        max_samples, max_extents: as of PsCore.
        out: a descriptor that can be sought in and stands at `base`: there the media begins.

    Attributes:
        error: errno of a write that failed, 0 without. odd: what was written cannot be used.
        sound_kind: 0 no sound is written, 1 units as packets frame them, 2 frames of AAC.
        media: bytes written. borders: uint32 pairs: before which picture sound lies, up to which
            unit. Known after `finish`.
    """

    cdef GatheredWrite out
    cdef WrittenVideo pictures
    cdef HeldSound held
    cdef SoundKind kind
    cdef size_t units               # of sound that are written
    cdef int64_t second             # PTS from which the open second of pictures counts
    cdef bint failed
    cdef Array parts

    def __cinit__(self, size_t max_samples=3_000_000, size_t max_extents=6_000_000, *, int out,
                  uint64_t base):
        self.out = GatheredWrite(out, base)
        self.pictures = WrittenVideo(max_samples, max_extents)
        self.pictures.out = self.out
        self.pictures.owner = self
        self.video = self.pictures
        self.held = HeldSound()
        self.parts.item = sizeof(Border)
        self.second = -1

    def __dealloc__(self):
        free(self.parts.data)

    @property
    def error(self):
        return self.out.error

    @property
    def odd(self):
        return bool(self.failed or self.pictures.odd)

    @property
    def media(self):
        return self.out.end

    @property
    def sound_kind(self):
        return 0 if self.units == 0 else 1 if self.kind == UNITS else 2

    def borders(self):
        """The borders as bytes; there are none after."""
        return drain(&self.parts)

    def finish(self):
        """As PsCore."""
        columns = PsCore.finish(self)
        self.pictures.owner = None
        return columns

    cdef void take(self, const uint8_t* p, size_t n) noexcept nogil:
        PsCore.take(self, p, n)
        self.out.flush()

    cdef void deliver(self, const uint8_t* p, size_t n, uint64_t at) noexcept nogil:
        if n and self.stream == self.audio_stream and self.kind != SILENT:
            if not self.held.keep(p, n, at):
                self.failed = True
                self.kind = SILENT
        PsCore.deliver(self, p, n, at)

    cdef void close(self) noexcept nogil:
        PsCore.close(self)
        self.sound()
        self.out.flush()

    cdef void border(self, int64_t pts) noexcept nogil:
        """A picture begins: sound that waited goes before it, once a second is full."""
        cdef int64_t passed
        if pts >= 0:
            passed = (pts - self.second) & PTS_MASK
            if self.second < 0:
                self.second = pts
            elif SECOND <= passed < PTS_MASK / 2:
                self.second = pts
                self.sound()
                return
        if self.held.held > LATE:
            self.sound()

    cdef void sound(self) noexcept nogil:
        """Write the units of sound that are whole."""
        cdef Array* samples
        cdef Array* extents
        cdef Sample* unit
        cdef Extent* extent
        cdef Border* border
        cdef size_t last, k
        cdef uint64_t size
        if self.kind == UNDECIDED:
            self.decide()
        if self.kind == UNITS:
            samples = &self.audio.samples
            extents = &self.audio.extents
        elif self.kind == FRAMES:
            samples = &self.aac.samples
            extents = &self.aac.extents
        else:
            return
        if self.units == samples.count:
            return
        while self.units < samples.count:
            unit = <Sample*> samples.data + self.units
            if self.units + 1 < samples.count:
                last = unit[1].first
            elif self.kind == UNITS and self.audio.unit_open:
                last = self.audio.unit.first
            else:
                last = extents.count
            size = 0
            for k in range(unit.first, last):
                extent = <Extent*> extents.data + k
                size += extent.size
                if not self.held.write(self.out, extent.offset, extent.size):
                    self.failed = True
            if size != unit.size:
                self.failed = True
            self.units += 1
        border = <Border*> push(&self.parts, BORDERS)
        if border == NULL:
            self.failed = True
            return
        border.pictures = <uint32_t> self.pictures.samples.count
        border.units = <uint32_t> self.units
        self.held.forget()

    cdef void decide(self) noexcept nogil:
        """As hikcore.media.ps_sound does in the end; where that decides otherwise, what is written
        is not used."""
        cdef uint64_t framed = 0, coded = 0
        cdef bint law = False
        cdef size_t i
        cdef Sample* unit
        for i in range(self.audio.samples.count):
            unit = <Sample*> self.audio.samples.data + i
            framed += unit.size
            law = law or unit.config == 0x90 or unit.config == 0x91
        for i in range(self.aac.samples.count):
            coded += (<Sample*> self.aac.samples.data + i).size
        if coded and coded * 2 >= framed:
            self.kind = FRAMES
        elif law:
            self.kind = UNITS
        elif self.audio.samples.count:
            self.kind = SILENT
