# cython: language_level=3
"""Pictures of a program stream whose times need no repair: the rows of their track, without numpy.

Every picture has a PTS of its own and no DTS, and the next is not far: what nearly every body of a
recorder is. All others are refused, and go the way of hikcore/media/ps_times.py, which this agrees
with.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.stdlib cimport free, malloc, qsort
from libc.string cimport memcpy

from hikcore.native.pes cimport PTS_MASK
from hikcore.native.records cimport NONE32, Sample
from hikcore.native.rows cimport TICKS, Row, Rows
from hikcore.native.stbl cimport REFUSED_EMPTY, REFUSED_MEMORY, REFUSED_NONE, REFUSED_TABLE

cdef enum:
    NEAR = 5 * TICKS       # as hikcore/media/times.py: less than any jump
    USUAL = 3600           # between pictures, where there is but one


cdef int by_size(const void* a, const void* b) noexcept nogil:
    cdef int64_t x = (<const int64_t*> a)[0], y = (<const int64_t*> b)[0]
    return (x > y) - (x < y)


cdef class Pictures(Rows):
    """Rows in ticks of 90 kHz, unwrapped, one behind the other in the media.

    Attributes:
        begin: of the picture shown first. end: when the one shown last ends.
        key: whether decoding can begin at the first one, and it is the one shown first.
    """

    cdef readonly int64_t begin, end
    cdef readonly bint key

    def fill(self, const uint8_t[::1] records not None):
        """The pictures of SAMPLE records (hikcore/media/columns.py), all of one configuration.

        Returns:
            0, or why they are refused.
        """
        cdef size_t n = records.shape[0] // sizeof(Sample)
        cdef int code
        if n == 0 or self.count:
            return REFUSED_EMPTY
        with nogil:
            code = self.take(<const Sample*> &records[0], n)
        return code

    cdef int take(self, const Sample* samples, size_t n) noexcept nogil:
        cdef int64_t* times
        cdef Row* row
        cdef int64_t step, pts = 0, delay = 0
        cdef uint64_t at = 0
        cdef bint ordered = True
        cdef size_t i
        for i in range(n):
            if samples[i].pts < 0 or samples[i].lead != NONE32:
                return REFUSED_TABLE
            if i == 0:
                pts = samples[i].pts
            else:
                # As near as it can be, modulo 2^33.
                step = (samples[i].pts - samples[i - 1].pts) & PTS_MASK
                step = step - PTS_MASK - 1 if step > PTS_MASK / 2 else step
                if not -NEAR <= step <= NEAR:
                    return REFUSED_TABLE
                ordered = ordered and step >= 0
                pts += step
            row = self.push()
            if row == NULL:
                return REFUSED_MEMORY
            row.pts, row.dts, row.offset, row.size = pts, pts, at, samples[i].size
            row.source, row.config, row.sync = 0, 0, samples[i].flags & 1
            at += row.size
        times = <int64_t*> malloc(n * sizeof(int64_t))
        if times == NULL:
            return REFUSED_MEMORY
        for i in range(n):
            times[i] = self.rows[i].pts
        if not ordered:
            qsort(times, n, sizeof(int64_t), by_size)
            for i in range(n):
                if times[i] - self.rows[i].pts > delay:
                    delay = times[i] - self.rows[i].pts
            for i in range(n):
                self.rows[i].dts = times[i] - delay
        self.begin = times[0]
        self.end = times[n - 1]
        self.last_duration = median_step(times, n)
        free(times)
        self.end += self.last_duration
        self.rate = TICKS
        self.zero = self.begin
        self.key = self.rows[0].sync and self.rows[0].pts == self.begin
        return self.measure()

    @property
    def first(self):
        """When the first one is decoded."""
        self.some()
        return self.rows[0].dts

    @property
    def pts(self):
        """int64 of each picture, as a buffer."""
        return self.times(True)

    @property
    def dts(self):
        """The same of when it is decoded."""
        return self.times(False)

    cdef object times(self, bint shown):
        cdef bytes out = PyBytes_FromStringAndSize(NULL, 8 * self.count)
        cdef char* p = PyBytes_AS_STRING(out)
        cdef size_t i
        for i in range(self.count):
            memcpy(p + 8 * i, &self.rows[i].pts if shown else &self.rows[i].dts, 8)
        return memoryview(out).cast("q")


cdef int64_t median_step(int64_t* times, size_t n) noexcept nogil:
    """Ticks between pictures in the order of showing, the median of those that differ; in place."""
    cdef size_t i, k = 0
    cdef int64_t before = times[0], step
    for i in range(1, n):
        step = times[i] - before
        before = times[i]
        if step > 0:
            times[k] = step
            k += 1
    if k == 0:
        return USUAL
    qsort(times, k, sizeof(int64_t), by_size)
    return times[k / 2] if k % 2 else (times[k / 2 - 1] + times[k / 2]) / 2
