# cython: language_level=3
"""Sound of MP4 tracks cut to spans: the units that are heard, on a clock of samples.

As hikcore/media/mp4/sound.py copies them, byte for byte, and without numpy; what is refused (see
stbl.pyx) is left to it. A unit is an AAC or Opus packet, a FLAC frame, a piece of PCM; a file that
counts every frame of PCM by itself (QuickTime's) is read as hikcore/media/mp4/pcm.py does it.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from hikcore.native.rows cimport TICKS, Row, Rows, floor_div, ticks
from hikcore.native.stbl cimport (
    REFUSED_BEYOND, REFUSED_EMPTY, REFUSED_MANY, REFUSED_MEMORY, REFUSED_NONE, REFUSED_TABLE,
    Cursor, Track, be32, be64,
)

cdef enum:
    PIECE = 1024               # frames of PCM, as FRAMES of hikcore/media/mp4/pcm.py
    MOST = 5000000             # units of a track, as MAX_SAMPLES of hikcore/media/mp4/stbl.py

#: So that nothing leaves 64 bits on a clock of a million samples a second: 141 days.
cdef int64_t FAR = <int64_t> 1 << 40

# A unit where it lies, in the ticks of its track.
cdef struct Unit:
    int64_t begin, end
    uint64_t offset
    uint32_t size
    bint sync

# Where a walk over pieces of PCM stands: a chunk, and frames of it that were taken.
cdef struct Frames:
    uint32_t chunk, row, held, taken
    uint32_t run, left         # of stts: the run that the next frame is in, its frames left
    int64_t time


cdef class Sound(Rows):
    """The units of a clip's sound, cut by cut.

    Args:
        rate: samples a second, and of what the track counts its time in.
        unit: samples that every unit decodes to; 0 where its size or its time says it.
        frame: bytes of one sample of all channels (PCM); else 0.

    Attributes (known after `close`):
        first, until: when the first unit is heard, and to when, in clip time (90 kHz).
        media_time: samples of the first unit that are not.
    """

    cdef int64_t unit, frame
    cdef bint frames                   # of the track: it counts frames, not units
    cdef Cursor cursor
    cdef Frames pieces
    cdef readonly int64_t first, until, media_time

    def __cinit__(self, int64_t rate, int64_t unit, int64_t frame):
        if not 0 < rate < 1 << 20 or not 0 <= unit <= 1 << 20 or not 0 <= frame <= 1 << 20:
            raise ValueError(f"no sound: {rate} Hz, {unit} samples a unit, {frame} bytes a sample")
        self.rate, self.unit, self.frame = rate, unit, frame

    def add(self, Track track not None, int64_t late, int64_t shift, int64_t end, uint32_t source,
            bint priming):
        """The units of a track that are heard in [0, end) of clip time.

        Args:
            late: ticks of the track from its media time to that of the pictures.
            shift: ticks of 90 kHz from there to clip time.
            source: number of the bytes' source in the clip.
            priming: with the unit before the first, if this is the first cut of all.

        Returns:
            0, or why the cut is refused: then nothing is added.
        """
        cdef size_t before = self.count
        cdef int code = track.refused
        if code == REFUSED_NONE and not (0 <= end <= FAR):
            code = REFUSED_BEYOND
        # As FURTHEST of hikcore/media/mp4/headers.py, and as `Track.check`.
        if code == REFUSED_NONE and (abs(late) // track.scale >> 33 or abs(shift) > FAR * 1024):
            code = REFUSED_BEYOND
        if code == REFUSED_NONE:
            with nogil:
                code = self.cut(track, late, shift, end, source, priming and before == 0)
        if code != REFUSED_NONE:
            self.count = before
        return code

    cdef int cut(self, Track track, int64_t late, int64_t shift, int64_t end, uint32_t source,
                 bint priming) noexcept nogil:
        cdef Unit unit, ahead
        cdef size_t first = self.count, heard = self.count
        cdef int64_t begin, steps, count, last = 0
        cdef bint more, held = False
        cdef int code
        # QuickTime counts frames of sound; old writers say 1 for the size of any.
        self.frames = self.frame and (track.uniform == 1 or track.uniform == self.frame)
        if not self.frames and track.count > MOST:
            return REFUSED_MANY
        code = self.start(track, &unit)
        while code == REFUSED_NONE:
            begin = ticks(unit.begin + late, track.scale)
            steps = ticks(unit.end + late, track.scale) - begin
            count = self.decoded(unit.size, steps)
            if steps > FAR or count <= 0:
                return REFUSED_TABLE
            begin += shift
            if begin >= end:
                break
            if first != self.count or begin + self.lasting(count) > 0:
                if held and self.count == first and priming:
                    if not self.keep(&ahead, track, late, shift, source):
                        return REFUSED_MEMORY
                if not self.keep(&unit, track, late, shift, source):
                    return REFUSED_MEMORY
                if self.rows[self.count - 1].pts < -FAR:
                    return REFUSED_BEYOND
                if begin + self.lasting(count) > 0:
                    heard, last = self.count, count
            ahead, held = unit, True
            code = self.next(track, &unit)
        if code not in (REFUSED_NONE, REFUSED_EMPTY):
            return code
        self.count = heard
        if heard != first:
            self.last_duration = last
        return REFUSED_NONE

    cdef inline int64_t decoded(self, uint32_t size, int64_t steps) noexcept nogil:
        """Samples that a unit decodes to; 0 where neither its size nor its time says it."""
        if self.unit:
            return self.unit
        if self.frame:
            return size // self.frame
        # FLAC and Opus say it inside their units; where the next begins says it as well.
        if not 0 < steps <= FAR:
            return 0
        return max((2 * steps * self.rate + TICKS) // (2 * TICKS), 1)

    cdef inline int64_t lasting(self, int64_t count) noexcept nogil:
        """Ticks of 90 kHz that so many samples sound, rounded up."""
        return (count * TICKS + self.rate - 1) // self.rate

    cdef bint keep(self, Unit* unit, Track track, int64_t late, int64_t shift,
                   uint32_t source) noexcept nogil:
        cdef Row* row
        cdef int64_t begin = ticks(unit.begin + late, track.scale) + shift
        # A unit that begins before the one ahead of it (another file's clock) begins with it.
        if self.count and self.rows[self.count - 1].pts > begin:
            begin = self.rows[self.count - 1].pts
        row = self.push()
        if row == NULL:
            return False
        row.pts, row.dts, row.offset, row.size = begin, 0, unit.offset, unit.size
        row.source, row.config, row.sync = source, 0, unit.sync
        return True

    cdef int start(self, Track track, Unit* unit) noexcept nogil:
        """The first unit of a track."""
        if self.frames:
            if track.count > track.file_size // <uint64_t> self.frame:
                return REFUSED_BEYOND
            self.pieces.chunk = self.pieces.row = self.pieces.held = self.pieces.taken = 0
            self.pieces.run = self.pieces.left = 0
            self.pieces.time = 0
            return self.piece(track, unit)
        if not track.start(&self.cursor):
            return REFUSED_BEYOND
        return self.sample(track, unit)

    cdef int next(self, Track track, Unit* unit) noexcept nogil:
        """The next one; REFUSED_EMPTY behind the last."""
        if self.frames:
            return self.piece(track, unit)
        if self.cursor.sample + 1 == track.count:
            return REFUSED_EMPTY
        if not track.step(&self.cursor):
            return REFUSED_BEYOND
        return self.sample(track, unit)

    cdef int sample(self, Track track, Unit* unit) noexcept nogil:
        if self.cursor.total > 4 * track.file_size:
            return REFUSED_BEYOND
        unit.begin, unit.end = self.cursor.dts, self.cursor.dts + self.cursor.delta
        unit.offset, unit.size, unit.sync = self.cursor.offset, self.cursor.size, self.cursor.sync
        return REFUSED_NONE

    cdef int piece(self, Track track, Unit* unit) noexcept nogil:
        """At most PIECE frames of PCM of one chunk, and of a second."""
        cdef Frames* at = &self.pieces
        cdef int64_t most = min(PIECE, self.rate)
        cdef uint32_t take
        if at.taken == at.held:
            if at.chunk == track.chunks.count:
                return REFUSED_EMPTY
            at.chunk += 1
            if at.row < track.stsc.count and (
                be32(track.stsc.rows + 12 * <size_t> at.row) == at.chunk
            ):
                at.row += 1
            at.held, at.taken = be32(track.stsc.rows + 12 * <size_t> (at.row - 1) + 4), 0
        take = <uint32_t> min(most, <int64_t> (at.held - at.taken))
        if track.wide:
            unit.offset = be64(track.chunks.rows + 8 * <size_t> (at.chunk - 1))
        else:
            unit.offset = be32(track.chunks.rows + 4 * <size_t> (at.chunk - 1))
        if unit.offset > track.file_size:
            return REFUSED_BEYOND
        unit.offset += at.taken * <uint64_t> self.frame
        unit.size, unit.sync = <uint32_t> (take * self.frame), True
        if unit.offset > track.file_size or unit.size > track.file_size - unit.offset:
            return REFUSED_BEYOND
        at.taken += take
        unit.begin = at.time
        self.passed(track, take)
        unit.end = at.time
        return REFUSED_NONE

    cdef void passed(self, Track track, uint32_t frames) noexcept nogil:
        """Time goes on by so many frames. `Track.check` has summed stts: there are as many."""
        cdef Frames* at = &self.pieces
        cdef uint32_t now
        while frames:
            while at.left == 0:
                at.left = be32(track.stts.rows + 8 * <size_t> at.run)
                at.run += 1
            now = min(frames, at.left)
            at.time += <int64_t> now * be32(track.stts.rows + 8 * <size_t> (at.run - 1) + 4)
            at.left -= now
            frames -= now

    def close(self, int64_t end):
        """Bring the times to the clock of samples, in a clip that ends at `end`.

        Returns:
            0, or why there can be no tables (nothing is heard: there are none).
        """
        cdef size_t i
        cdef int64_t begin, last
        if self.count == 0:
            return REFUSED_EMPTY
        begin, last = self.rows[0].pts, self.rows[self.count - 1].pts
        for i in range(self.count):
            self.rows[i].pts = floor_div(2 * self.rows[i].pts * self.rate + TICKS, 2 * TICKS)
            self.rows[i].dts = self.rows[i].pts
        self.first = max(begin, 0)
        self.until = min(end, last + self.lasting(self.last_duration))
        self.media_time = max(-self.rows[0].pts, 0)
        # As hikcore/media/mp4/write.py counts seconds: an empty edit is whole samples long.
        self.zero = self.rows[0].dts - self.first * self.rate // TICKS + self.media_time
        return self.measure()
