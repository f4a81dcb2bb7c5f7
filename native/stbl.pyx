# cython: language_level=3
"""The tables of an MP4 track where they lie, walked sample by sample in the order of decoding.

For the file that nearly every one is: whole tables, one sample entry. Whatever is odd is refused
with a code: the general reader (hikcore/media/mp4/stbl.py) then says what is wrong and uses what is
good. So nothing here needs a judgement of its own; that both say the same is what the tests say.

Facts: ISO/IEC 14496-12 8.6.1 (stts, ctts), 8.6.2 (stss), 8.7.3 (stsz), 8.7.4 (stsc), 8.7.5 (stco).
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

cdef enum:
    LARGEST = 64 << 20         # bytes of a sample, as LARGEST_SAMPLE of hikcore/media/mp4/read.py


cdef class Track:
    """The tables of one track of a moov.

    Args:
        data: bytes that hold the moov; kept.
        boxes: kind to (payload begin, end) of the children of its stbl.
        scale: ticks a second. file_size: bytes of the whole file.
        max_samples: more are refused.
    """

    def __cinit__(self, const uint8_t[::1] data not None, dict boxes not None, int64_t scale,
                  uint64_t file_size, uint32_t max_samples):
        cdef uint32_t n
        self.data = data
        self.scale = scale
        self.file_size = file_size
        self.refused = REFUSED_TABLE
        # So that no arithmetic here leaves 64 bits.
        if not 1 <= scale <= 0xFFFFFFFF or file_size >> 60:
            return
        self.has_ctts = b"ctts" in boxes
        self.has_stss = b"stss" in boxes
        self.wide = b"co64" in boxes
        if not (self.open(boxes, b"stts", 8, 4, &self.stts)
                and (not self.has_ctts or self.open(boxes, b"ctts", 8, 4, &self.ctts))
                and (not self.has_stss or self.open(boxes, b"stss", 4, 4, &self.stss))
                and self.open(boxes, b"stsc", 12, 4, &self.stsc)
                and self.open(boxes, b"co64" if self.wide else b"stco", 8 if self.wide else 4, 4,
                              &self.chunks)
                and self.sizes(boxes)):
            return
        if self.count > max_samples:
            self.refused = REFUSED_MANY
            return
        with nogil:
            self.refused = self.check()

    cdef bint open(self, dict boxes, bytes kind, uint32_t width, uint32_t skip, Table* table):
        """The rows of a table, whose count stands `skip` bytes into its payload."""
        cdef Py_ssize_t begin, end
        if kind not in boxes:
            return False
        begin, end = boxes[kind]
        if not 0 <= begin <= end <= self.data.shape[0] or end - begin < skip + 4:
            return False
        table.count = be32(&self.data[0] + begin + skip)
        table.rows = &self.data[0] + begin + skip + 4
        return table.count <= <uint64_t> (end - begin - skip - 4) // width

    cdef bint sizes(self, dict boxes):
        cdef Py_ssize_t begin, end
        if b"stsz" not in boxes:
            return False
        begin, end = boxes[b"stsz"]
        if not 0 <= begin <= end <= self.data.shape[0] or end - begin < 12:
            return False
        self.uniform = be32(&self.data[0] + begin + 4)
        self.count = be32(&self.data[0] + begin + 8)
        if self.uniform:
            return self.count <= self.file_size // self.uniform
        return self.open(boxes, b"stsz", 4, 8, &self.stsz)

    cdef int check(self) noexcept nogil:
        """Whether the tables agree on how many samples there are, and hold nothing odd."""
        cdef uint64_t total = 0, time = 0
        cdef int64_t offset, least = 0, most = 0
        cdef uint32_t i, first, held, last = 0
        cdef const uint8_t* row
        if self.count == 0:
            return REFUSED_EMPTY
        for i in range(self.stts.count):
            if be32(self.stts.rows + 8 * <size_t> i + 4) >> 31:
                return REFUSED_TABLE
            total += be32(self.stts.rows + 8 * <size_t> i)
            if total > self.count:
                return REFUSED_COUNT
            time += <uint64_t> be32(self.stts.rows + 8 * <size_t> i) * be32(
                self.stts.rows + 8 * <size_t> i + 4
            )
        # As FURTHEST of hikcore/media/mp4/headers.py: so that no time in 90 kHz leaves 64 bits.
        if time // <uint64_t> self.scale >> 33:
            return REFUSED_TABLE
        if total != self.count:
            return REFUSED_COUNT
        if self.has_ctts:
            total = 0
            for i in range(self.ctts.count):
                total += be32(self.ctts.rows + 8 * <size_t> i)
                offset = <int32_t> be32(self.ctts.rows + 8 * <size_t> i + 4)
                if i == 0 or offset < least:
                    least = offset
                if i == 0 or offset > most:
                    most = offset
            if total != self.count:
                return REFUSED_COUNT
            if most - least > 5 * self.scale:
                return REFUSED_TABLE   # no reordering, but a clock that goes back
        if self.has_stss:
            for i in range(self.stss.count):
                first = be32(self.stss.rows + 4 * <size_t> i)
                if first <= last or first > self.count:
                    return REFUSED_TABLE
                last = first
        total = 0
        if self.stsc.count == 0 or be32(self.stsc.rows) != 1:
            return REFUSED_TABLE
        for i in range(self.stsc.count):
            row = self.stsc.rows + 12 * <size_t> i
            first, held = be32(row), be32(row + 4)
            last = be32(row + 12) if i + 1 < self.stsc.count else self.chunks.count + 1
            if last <= first or first > self.chunks.count or held == 0 or be32(row + 8) != 1:
                return REFUSED_TABLE
            total += <uint64_t> (last - first) * held
        return REFUSED_NONE if total == self.count else REFUSED_COUNT

    cdef bint start(self, Cursor* c) noexcept nogil:
        """Stand on the first sample."""
        c.sample = 0
        c.dts = 0
        c.delta_row = c.delta_left = 0
        c.composition = 0
        c.composition_row = c.composition_left = 0
        c.sync_row = 0
        c.chunk = c.chunk_row = c.chunk_left = 0
        c.size = 0
        c.offset = c.total = 0
        c.delta = 0
        return self.fill(c)

    cdef bint step(self, Cursor* c) noexcept nogil:
        """On to the next sample; there must be one."""
        c.dts += c.delta
        c.sample += 1
        c.offset += c.size
        return self.fill(c)

    cdef bint fill(self, Cursor* c) noexcept nogil:
        """The columns of sample `c.sample`; false where its bytes are not in the file, or too many. `check` has
        summed the tables: each holds a row for every sample, so no loop here runs past its rows."""
        cdef uint32_t number = c.sample + 1
        while c.delta_left == 0:
            c.delta_left = be32(self.stts.rows + 8 * <size_t> c.delta_row)
            c.delta = be32(self.stts.rows + 8 * <size_t> c.delta_row + 4)
            c.delta_row += 1
        c.delta_left -= 1
        if self.has_ctts:
            while c.composition_left == 0:
                c.composition_left = be32(self.ctts.rows + 8 * <size_t> c.composition_row)
                c.composition = <int32_t> be32(self.ctts.rows + 8 * <size_t> c.composition_row + 4)
                c.composition_row += 1
            c.composition_left -= 1
        c.sync = not self.has_stss
        if self.has_stss and c.sync_row < self.stss.count and (
            be32(self.stss.rows + 4 * <size_t> c.sync_row) == number
        ):
            c.sync = True
            c.sync_row += 1
        if c.chunk_left == 0:
            if self.wide:
                c.offset = be64(self.chunks.rows + 8 * <size_t> c.chunk)
            else:
                c.offset = be32(self.chunks.rows + 4 * <size_t> c.chunk)
            c.chunk += 1
            if c.chunk_row < self.stsc.count and (
                be32(self.stsc.rows + 12 * <size_t> c.chunk_row) == c.chunk
            ):
                c.chunk_row += 1
            c.chunk_left = be32(self.stsc.rows + 12 * <size_t> (c.chunk_row - 1) + 4)
        c.chunk_left -= 1
        c.size = self.uniform if self.uniform else be32(self.stsz.rows + 4 * <size_t> c.sample)
        c.total += c.size
        return (
            c.size <= LARGEST
            and c.offset <= self.file_size and c.size <= self.file_size - c.offset
        )
