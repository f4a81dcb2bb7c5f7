# cython: language_level=3
"""Samples of MP4 tracks cut to spans, and the tables of the clip that they make.

A track is walked once and rows of the span alone are kept, so a cut of ten seconds costs what ten
seconds cost, and no numpy. What is refused (see stbl.pyx) is the general writer's to do
(hikcore/media/clip.py), and what is done here comes out byte for byte as there.

Facts: ISO/IEC 14496-12 8.6.1 (stts, ctts), 8.6.2 (stss), 8.7.3 (stsz), 8.7.4 (stsc), 8.7.5 (co64).
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc, qsort, realloc

from hikcore.native.stbl cimport (
    REFUSED_BEGIN, REFUSED_BEYOND, REFUSED_EMPTY, REFUSED_MEMORY, REFUSED_NONE, REFUSED_TABLE,
    Cursor, Track, be32,
)

cdef enum:
    TICKS = 90000
    NEAR = 64              # as hikcore/media/mp4/join.py

cdef struct Row:
    int64_t pts        # of clip time, 90 kHz
    int64_t dts        # of clip time, where the clip is complete
    uint64_t offset    # in the source
    uint32_t size
    uint32_t source
    uint32_t config
    uint32_t sync


cdef inline void put32(uint8_t* p, uint32_t value) noexcept nogil:
    p[0], p[1], p[2], p[3] = value >> 24, (value >> 16) & 255, (value >> 8) & 255, value & 255


cdef inline void put64(uint8_t* p, uint64_t value) noexcept nogil:
    put32(p, <uint32_t> (value >> 32))
    put32(p + 4, <uint32_t> value)


cdef inline int64_t floor_div(int64_t value, int64_t by) noexcept nogil:
    """As Python's `//`, by a positive number (cdivision is on: C rounds towards 0)."""
    cdef int64_t out = value / by
    return out - 1 if value % by < 0 else out


cdef inline int64_t ticks(int64_t time, int64_t scale) noexcept nogil:
    """To 90 kHz, to the nearest tick, a half up: as hikcore/media/mp4/clock.py."""
    cdef int64_t whole, rest
    if scale == TICKS:
        return time
    whole = floor_div(time, scale)
    rest = time - whole * scale
    return whole * TICKS + (2 * rest * TICKS + scale) / (2 * scale)


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


cdef class Clip:
    """Rows of the samples of a clip, cut by cut, and the tables made of them.

    Attributes:
        begin, end: when the cut that was added last is shown, in clip time (90 kHz).
        shown: media time of the first picture it shows, 90 kHz.
        skipped: samples of its track before its first.
        rounded: a composition time does not fall on a tick.
        media: bytes of all samples.
        duration: ticks that all samples last; media_time: of the first picture shown in the first
            cut, from the first decoding time on. Known after `close`.
    """

    cdef Row* rows
    cdef size_t count, room
    cdef uint32_t sources
    cdef readonly int64_t begin, end, shown, duration, media_time
    cdef readonly uint32_t skipped
    cdef readonly bint rounded
    cdef readonly uint64_t media
    cdef int64_t last_duration, show_from

    def __dealloc__(self):
        free(self.rows)

    def __len__(self):
        return self.count

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
            self.show_from = self.begin
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

    cdef Row* push(self) noexcept nogil:
        cdef size_t room
        cdef Row* more
        if self.count == self.room:
            room = self.room * 2 if self.room else 1024
            more = <Row*> realloc(self.rows, room * sizeof(Row))
            if more == NULL:
                return NULL
            self.rows, self.room = more, room
        self.count += 1
        return &self.rows[self.count - 1]

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
        cdef int64_t delay = 0, step
        cdef bint ordered = True
        cdef size_t i
        if times == NULL:
            return REFUSED_MEMORY
        self.media = 0
        for i in range(self.count):
            times[i] = self.rows[i].pts
            ordered = ordered and (i == 0 or times[i] >= times[i - 1])
            self.media += self.rows[i].size
        if not ordered:
            qsort(times, self.count, sizeof(int64_t), by_time)
        for i in range(self.count):
            if times[i] - self.rows[i].pts > delay:
                delay = times[i] - self.rows[i].pts
        for i in range(self.count):
            self.rows[i].dts = times[i] - delay
        free(times)
        for i in range(self.count):
            step = self.lasts(i)
            if step > 0x7FFFFFFF or self.rows[i].pts - self.rows[i].dts > 0x7FFFFFFF:
                return REFUSED_TABLE
            if self.rows[i].dts - self.rows[i].pts > 0x7FFFFFFF:
                return REFUSED_TABLE
        self.duration = self.rows[self.count - 1].dts - self.rows[0].dts + self.last_duration
        self.media_time = self.show_from - self.rows[0].dts
        return REFUSED_NONE if self.media_time >= 0 else REFUSED_BEGIN

    cdef int64_t lasts(self, size_t i) noexcept nogil:
        if i + 1 < self.count:
            return self.rows[i + 1].dts - self.rows[i].dts
        return self.last_duration

    def durations(self):
        """(count, duration) of every run, big-endian: the rows of stts."""
        return self.runs(False)

    def compositions(self):
        """The rows of ctts, and whether any is negative; None where all are 0."""
        cdef size_t i
        cdef bint any_ = False, negative = False
        for i in range(self.count):
            any_ = any_ or self.rows[i].pts != self.rows[i].dts
            negative = negative or self.rows[i].pts < self.rows[i].dts
        return (self.runs(True), bool(negative)) if any_ else None

    cdef int some(self) except -1:
        """No tables are made of nothing: their first row is there."""
        if self.count == 0:
            raise ValueError("a clip without samples has no tables")
        return 0

    cdef bytes runs(self, bint composition):
        cdef size_t i, n = 0
        cdef int64_t value, before = 0
        cdef bytes out = PyBytes_FromStringAndSize(NULL, 8 * self.count)
        cdef uint8_t* p = <uint8_t*> PyBytes_AS_STRING(out)
        cdef uint32_t held = 0
        self.some()
        with nogil:
            for i in range(self.count):
                value = self.rows[i].pts - self.rows[i].dts if composition else self.lasts(i)
                if i and value != before:
                    put32(p + 8 * n, held)
                    put32(p + 8 * n + 4, <uint32_t> before)
                    n, held = n + 1, 0
                before = value
                held += 1
            put32(p + 8 * n, held)
            put32(p + 8 * n + 4, <uint32_t> before)
        return out[: 8 * (n + 1)]

    def syncs(self):
        """The rows of stss; None where every sample is sync."""
        cdef size_t i, n = 0
        cdef bytes out = PyBytes_FromStringAndSize(NULL, 4 * self.count)
        cdef uint8_t* p = <uint8_t*> PyBytes_AS_STRING(out)
        for i in range(self.count):
            if self.rows[i].sync:
                put32(p + 4 * n, <uint32_t> (i + 1))
                n += 1
        return None if n == self.count else out[: 4 * n]

    def sizes(self):
        """(size of every sample, or 0; the rows of stsz where it is 0)."""
        cdef size_t i
        cdef bint same = True
        cdef bytes out = PyBytes_FromStringAndSize(NULL, 4 * self.count)
        cdef uint8_t* p = <uint8_t*> PyBytes_AS_STRING(out)
        self.some()
        same = self.rows[0].size != 0
        for i in range(self.count):
            same = same and self.rows[i].size == self.rows[0].size
            put32(p + 4 * i, self.rows[i].size)
        return (self.rows[0].size, b"") if same else (0, out)

    def chunks(self, uint64_t base):
        """(rows of stsc, rows of co64) of chunks of a second of the clip's time, as
        hikcore/media/mp4/write.py lays them out; the first lies at `base`."""
        cdef bytes stsc = PyBytes_FromStringAndSize(NULL, 12 * self.count)
        cdef bytes co64 = PyBytes_FromStringAndSize(NULL, 8 * self.count)
        cdef uint8_t* s = <uint8_t*> PyBytes_AS_STRING(stsc)
        cdef uint8_t* o = <uint8_t*> PyBytes_AS_STRING(co64)
        cdef size_t i, first = 0, chunks = 0, n = 0
        cdef int64_t zero, second
        cdef uint32_t held = 0, entry = 0
        self.some()
        zero = self.rows[0].dts + self.media_time
        with nogil:
            second = floor_div(self.rows[0].dts - zero, TICKS)
            for i in range(self.count + 1):
                if i < self.count and (i == 0 or (
                    floor_div(self.rows[i].dts - zero, TICKS) == second
                    and self.rows[i].config == self.rows[i - 1].config
                )):
                    if i == 0:
                        put64(o, base)
                    base += self.rows[i].size
                    continue
                # A chunk ends before sample i.
                if chunks == 0 or held != i - first or entry != self.rows[first].config:
                    held, entry = <uint32_t> (i - first), self.rows[first].config
                    put32(s + 12 * n, <uint32_t> (chunks + 1))
                    put32(s + 12 * n + 4, held)
                    put32(s + 12 * n + 8, entry + 1)
                    n += 1
                chunks += 1
                if i < self.count:
                    put64(o + 8 * chunks, base)
                    base += self.rows[i].size
                    first = i
                    second = floor_div(self.rows[i].dts - zero, TICKS)
        return stsc[: 12 * n], co64[: 8 * chunks]

    def extents(self):
        """[(source, offset, bytes)] of the media in the order of the clip, neighbours together."""
        cdef list out = []
        cdef size_t i
        cdef uint32_t source = 0
        cdef uint64_t begin = 0, size = 0
        for i in range(self.count):
            if size and self.rows[i].source == source and self.rows[i].offset == begin + size:
                size += self.rows[i].size
                continue
            if size:
                out.append((source, begin, size))
            source, begin, size = self.rows[i].source, self.rows[i].offset, self.rows[i].size
        if size:
            out.append((source, begin, size))
        return out

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
