# cython: language_level=3
"""The samples that a track of a clip is made of, and the tables of its stbl.

What they are is chosen by cutting.pyx (pictures) and sounding.pyx (units of sound); how a file of
them is laid out is here, byte for byte as by hikcore/media/mp4/write.py.

Facts: ISO/IEC 14496-12 8.6.1 (stts, ctts), 8.6.2 (stss), 8.7.3 (stsz), 8.7.4 (stsc), 8.7.5 (co64).
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc

from hikcore.native.stbl cimport REFUSED_NONE, REFUSED_TABLE, be64


cdef inline void put32(uint8_t* p, uint32_t value) noexcept nogil:
    p[0], p[1], p[2], p[3] = value >> 24, (value >> 16) & 255, (value >> 8) & 255, value & 255


cdef inline void put64(uint8_t* p, uint64_t value) noexcept nogil:
    put32(p, <uint32_t> (value >> 32))
    put32(p + 4, <uint32_t> value)


cdef class Rows:
    """Samples of one track, in decoding order.

    Attributes (known when the track is complete):
        media: bytes of all samples.
        duration: ticks that all last.
    """

    def __dealloc__(self):
        free(self.rows)

    def __len__(self):
        return self.count

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

    cdef int measure(self) noexcept nogil:
        """Sum up a track whose times are made; refused where they fit no table."""
        cdef size_t i
        cdef int64_t apart
        self.media = 0
        for i in range(self.count):
            self.media += self.rows[i].size
            apart = self.rows[i].pts - self.rows[i].dts
            if not (0 <= self.lasts(i) <= 0x7FFFFFFF and -0x7FFFFFFF <= apart <= 0x7FFFFFFF):
                return REFUSED_TABLE
        self.duration = self.rows[self.count - 1].dts - self.rows[0].dts + self.last_duration
        return REFUSED_NONE

    cdef int64_t lasts(self, size_t i) noexcept nogil:
        if i + 1 < self.count:
            return self.rows[i + 1].dts - self.rows[i].dts
        return self.last_duration

    cdef int some(self) except -1:
        """No tables are made of nothing: their first row is there."""
        if self.count == 0:
            raise ValueError("a track without samples has no tables")
        return 0

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

    def bounds(self):
        """(first byte, end of the last) of the samples in their source; of one source."""
        cdef size_t i
        cdef uint64_t begin, end
        self.some()
        begin, end = self.rows[0].offset, 0
        for i in range(self.count):
            begin = min(begin, self.rows[i].offset)
            end = max(end, self.rows[i].offset + self.rows[i].size)
        return begin, end

    cdef bint following(self, Chunk* chunk) noexcept nogil:
        """On to the next chunk: samples of one second of the clip's time and one configuration."""
        cdef size_t i = chunk.last
        if i == self.count:
            return False
        chunk.first = i
        chunk.second = floor_div(self.rows[i].dts - self.zero, self.rate)
        i += 1
        while i < self.count and (
            self.rows[i].config == self.rows[i - 1].config
            and floor_div(self.rows[i].dts - self.zero, self.rate) == chunk.second
        ):
            i += 1
        chunk.last = i
        return True


cdef class _Chunks:
    """The tables of the chunks of a track, as they are laid out one by one."""

    cdef bytes stsc, offsets
    cdef size_t count, rows
    cdef size_t held
    cdef uint32_t entry

    def __cinit__(self, Rows track):
        # At most one chunk a sample.
        self.stsc = PyBytes_FromStringAndSize(NULL, 12 * track.count)
        self.offsets = PyBytes_FromStringAndSize(NULL, 8 * track.count)

    cdef void add(self, uint64_t offset, size_t held, uint32_t entry):
        cdef uint8_t* row = <uint8_t*> PyBytes_AS_STRING(self.stsc) + 12 * self.rows
        put64(<uint8_t*> PyBytes_AS_STRING(self.offsets) + 8 * self.count, offset)
        self.count += 1
        if self.count == 1 or held != self.held or entry != self.entry:
            self.held, self.entry = held, entry
            put32(row, <uint32_t> self.count)
            put32(row + 4, <uint32_t> held)
            put32(row + 8, entry + 1)
            self.rows += 1


cdef class Layout:
    """Where the media of a clip lie in its file: chunks of a second, pictures before sound.

    Attributes:
        extents: [(source, offset, bytes)] of the media in the order of the file, neighbours
            together.
    """

    cdef list tracks
    cdef readonly list extents
    cdef uint32_t source
    cdef uint64_t begin, size

    def __init__(self, *tracks: Rows):
        cdef list chunks = [_Chunks(track) for track in tracks]
        cdef Chunk pictures, units
        cdef Rows video, sound = None
        cdef bint shown, heard = False
        cdef uint64_t at = 0
        self.extents = []
        self.tracks = chunks
        video = tracks[0]
        video.some()
        pictures.last = units.last = 0
        shown = video.following(&pictures)
        if len(tracks) > 1:
            sound = tracks[1]
            sound.some()
            heard = sound.following(&units)
        while shown or heard:
            if shown and (not heard or pictures.second <= units.second):
                at = self.put(video, &pictures, chunks[0], at)
                shown = video.following(&pictures)
            else:
                at = self.put(sound, &units, chunks[1], at)
                heard = sound.following(&units)
        if self.size:
            self.extents.append((self.source, self.begin, self.size))

    cdef uint64_t put(self, Rows track, Chunk* chunk, _Chunks tables, uint64_t at):
        """A chunk at offset `at` of the media; where the next one lies."""
        cdef size_t i
        cdef Row* row
        tables.add(at, chunk.last - chunk.first, track.rows[chunk.first].config)
        for i in range(chunk.first, chunk.last):
            row = &track.rows[i]
            at += row.size
            if self.size and row.source == self.source and row.offset == self.begin + self.size:
                self.size += row.size
                continue
            if self.size:
                self.extents.append((self.source, self.begin, self.size))
            self.source, self.begin, self.size = row.source, row.offset, row.size
        return at

    def chunks(self, size_t track, uint64_t base):
        """(rows of stsc, rows of co64) of a track, where the media begin at `base`."""
        cdef _Chunks tables = self.tracks[track]
        cdef bytes out = PyBytes_FromStringAndSize(NULL, 8 * tables.count)
        cdef const uint8_t* here = <const uint8_t*> PyBytes_AS_STRING(tables.offsets)
        cdef uint8_t* p = <uint8_t*> PyBytes_AS_STRING(out)
        cdef size_t i
        for i in range(tables.count):
            put64(p + 8 * i, base + be64(here + 8 * i))
        return tables.stsc[: 12 * tables.rows], out
