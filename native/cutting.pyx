# cython: language_level=3
"""Pictures of MP4 tracks cut to spans: those that a clip shows, and those that they need.

A track is walked once and rows of the span alone are kept, so a cut of ten seconds costs what ten
seconds cost, and no numpy. What is refused (see stbl.pyx) is the general writer's to do
(hikcore/media/clip.py), and what is done here comes out byte for byte as there.
"""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc, qsort

from hikcore.native.rows cimport TICKS, Row, Rows, ticks
from hikcore.native.stbl cimport (
    REFUSED_BEGIN, REFUSED_BEYOND, REFUSED_EMPTY, REFUSED_MEMORY, REFUSED_NONE, Cursor, Track, be32,
)

cdef enum:
    NEAR = 64              # as hikcore/media/mp4/join.py


cdef int by_time(const void* a, const void* b) noexcept nogil:
    cdef int64_t x = (<const int64_t*> a)[0], y = (<const int64_t*> b)[0]
    return (x > y) - (x < y)


cdef int64_t lasting(Track track, Cursor* c, int64_t latest) noexcept nogil:
    """How long the picture shown at `latest` lasts: until the next of those decoded behind `c`, else
    as long as the last sample of all; -1 where a sample lies outside the file."""
    cdef int64_t pts, following = 0
    cdef bint found = False
    cdef uint32_t behind = 0
    while c.sample + 1 < track.count and not (found and behind >= NEAR):
        if not track.step(c):
            return -1
        behind += 1
        pts = ticks(c.dts + c.composition, track.scale)
        if pts > latest and (not found or pts < following):
            found, following = True, pts
    if found:
        return following - latest
    return ticks(c.dts + c.delta, track.scale) - ticks(c.dts, track.scale)


cdef class Clip(Rows):
    """The pictures of a clip, cut by cut.

    Attributes:
        begin, end: when the cut that was added last is shown, in clip time (90 kHz).
        shown: media time of the first picture it shows, 90 kHz.
        skipped: samples of its track before its first.
        rounded: a composition time does not fall on a tick.
        media_time: of the first picture shown in the first cut, from the first decoding time on.
            Known after `close`.
    """

    cdef uint32_t sources
    cdef readonly int64_t begin, end, shown, media_time
    cdef readonly uint32_t skipped
    cdef readonly bint rounded

    def add(self, Track track not None, int64_t at, int64_t until, int64_t place, uint32_t config):
        """The samples that show [at, until) of a track (90 kHz of its media time), from the sync
        sample that they need on, with the first picture shown at `place` in the clip.

        The first picture shown is the one that covers `at`: the last not after it, or the first of
        all. `begin` becomes its time, `end` where the last one ends, `until` at most.

        Returns:
            0, or why the cut is refused; then nothing is added.
        """
        cdef size_t before = self.count
        cdef int code = track.refused
        if code == REFUSED_NONE:
            with nogil:
                code = self.cut(track, at, until, place, config)
        if code != REFUSED_NONE:
            self.count = before
            return code
        if self.sources == 0:
            self.zero, self.rate = self.begin, TICKS
        self.sources += 1
        return 0

    cdef int cut(self, Track track, int64_t at, int64_t until, int64_t place,
                 uint32_t config) noexcept nogil:
        cdef Cursor c, key, begin
        cdef int64_t pts, following, shown = 0, least = 0
        cdef bint found = False, early = False, keyed = False, good = False, later = False
        cdef uint32_t i
        # How far before its decoding time a picture may be shown: past that no more can come.
        if track.has_ctts:
            for i in range(track.ctts.count):
                pts = <int32_t> be32(track.ctts.rows + 8 * <size_t> i + 4)
                if pts < least:
                    least = pts
        if not track.start(&c):
            return REFUSED_BEYOND
        while True:
            if c.sync:
                key, keyed = c, True
            pts = ticks(c.dts + c.composition, track.scale)
            later = later or pts > at
            # The last that is not after `at`; where none is, the first of all.
            if (not found or (pts <= at and (not early or pts > shown))
                    or (not early and pts < shown)):
                found, early, shown, good = True, pts <= at, pts, keyed
                if keyed:
                    begin = key
            if c.total > 4 * track.file_size:
                return REFUSED_BEYOND
            following = ticks(c.dts + c.delta + least, track.scale)
            if c.sample + 1 == track.count or (following > at and (early or following > shown)):
                break
            if not track.step(&c):
                return REFUSED_BEYOND
        if c.sample + 1 == track.count and early and not later and (
            shown + ticks(c.dts + c.delta, track.scale) - ticks(c.dts, track.scale) <= at
        ):
            return REFUSED_EMPTY       # it all lies before
        if not good:
            return REFUSED_BEGIN
        return self.keep(track, &begin, shown, until, place - shown, config, least)

    cdef int keep(self, Track track, Cursor* c, int64_t shown, int64_t until, int64_t shift,
                  uint32_t config, int64_t least) noexcept nogil:
        """Rows from a sync sample to the last that is needed: B pictures that are decoded after the
        last one shown, and would be shown before the first, are not."""
        cdef size_t first = self.count, whole = self.count, wanted = self.count, later = self.count
        cdef Cursor at_whole = c[0], at_wanted = c[0], at_later = c[0]
        cdef int64_t pts, latest, length
        cdef Row* row
        if shown >= until:
            return REFUSED_EMPTY
        self.skipped = c.sample
        while True:
            pts = ticks(c.dts + c.composition, track.scale)
            row = self.push()
            if row == NULL:
                return REFUSED_MEMORY
            row.pts, row.dts, row.offset, row.size = pts + shift, 0, c.offset, c.size
            row.source, row.config, row.sync = self.sources, config, c.sync
            if track.scale != TICKS and (c.dts + c.composition) % track.scale * TICKS % track.scale:
                self.rounded = True
            if pts >= shown:
                later, at_later = self.count, c[0]
            if pts < until:
                whole, at_whole, wanted, at_wanted = self.count, c[0], later, at_later
            if c.total > 4 * track.file_size:
                return REFUSED_BEYOND
            if c.sample + 1 == track.count or ticks(c.dts + c.delta + least, track.scale) >= until:
                break
            if not track.step(c):
                return REFUSED_BEYOND
        latest = self.latest(first, whole) - shift
        length = lasting(track, &at_whole, latest)
        self.begin, self.shown = shown + shift, shown
        self.end = (latest + length if latest + length < until else until) + shift
        self.count = wanted
        if wanted != whole:
            length = lasting(track, &at_wanted, self.latest(first, wanted) - shift)
        if length < 0:
            return REFUSED_BEYOND
        self.last_duration = length
        return REFUSED_NONE

    cdef int64_t latest(self, size_t first, size_t last) noexcept nogil:
        """The latest time of some rows; there is one at least."""
        cdef size_t i
        cdef int64_t out = self.rows[first].pts
        for i in range(first, last):
            if self.rows[i].pts > out:
                out = self.rows[i].pts
        return out

    def close(self):
        """Decoding times of the whole: the composition times in order, less the least delay.

        Returns:
            0, or why there can be no tables.
        """
        cdef int code
        if self.count == 0:
            return REFUSED_EMPTY
        with nogil:
            code = self.decode()
        return code

    cdef int decode(self) noexcept nogil:
        cdef int64_t* times = <int64_t*> malloc(self.count * sizeof(int64_t))
        cdef int64_t delay = 0
        cdef bint ordered = True
        cdef size_t i
        cdef int code
        if times == NULL:
            return REFUSED_MEMORY
        for i in range(self.count):
            times[i] = self.rows[i].pts
            ordered = ordered and (i == 0 or times[i] >= times[i - 1])
        if not ordered:
            qsort(times, self.count, sizeof(int64_t), by_time)
        for i in range(self.count):
            if times[i] - self.rows[i].pts > delay:
                delay = times[i] - self.rows[i].pts
        for i in range(self.count):
            self.rows[i].dts = times[i] - delay
        free(times)
        code = self.measure()
        if code != REFUSED_NONE:
            return code
        self.media_time = self.zero - self.rows[0].dts
        return REFUSED_NONE if self.media_time >= 0 else REFUSED_BEGIN

    def sync_samples(self):
        """[(source, offset, bytes)] of the samples that are marked as sync."""
        cdef size_t i
        return [
            (self.rows[i].source, self.rows[i].offset, self.rows[i].size)
            for i in range(self.count) if self.rows[i].sync
        ]

    def counts(self, int64_t begin, int64_t end):
        """(pictures with clip time in [begin, end), the first time of those, the last, the first of
        all)."""
        cdef size_t i, shown = 0
        cdef int64_t first = 0, last = 0, least = 0, pts
        with nogil:
            for i in range(self.count):
                pts = self.rows[i].pts
                least = pts if i == 0 or pts < least else least
                if begin <= pts < end:
                    first = pts if shown == 0 or pts < first else first
                    last = pts if shown == 0 or pts > last else last
                    shown += 1
        return shown, first, last, least
