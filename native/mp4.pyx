# cython: language_level=3
"""Movie fragments of an MP4 to columns.

No I/O: the caller reads the bytes. What a box declares is held against the bytes that carry it, and
against the size of the file, before anything is made of it; memory grows with samples that have
bytes in the file, up to a cap. Facts: ISO/IEC 14496-12 8.8.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc

cdef enum:
    TRACKS = 64          # registered tracks; further ones are passed over

# Codes of faults; texts in hikcore/media/mp4/fragments.py.
cdef enum:
    FAULT_NONE = 0
    FAULT_BOX = 1            # a box that does not fit its parent
    FAULT_SHORT = 2          # a table shorter than it declares
    FAULT_NO_HEADER = 3      # a traf without tfhd
    FAULT_COUNT = 4          # more samples than bytes that could hold them
    FAULT_BEYOND = 5         # sample bytes outside the file
    FAULT_BACK = 6           # decoding times go back (the samples are kept)
    FAULT_FULL = 7           # the cap on samples
    FAULT_TIME = 8           # a decoding time that cannot be

cdef packed struct Row:
    int64_t dts
    uint64_t offset
    int32_t composition
    uint32_t size
    uint32_t duration
    uint32_t flags
    uint32_t entry

cdef struct Track:
    uint32_t identifier
    uint32_t entry
    uint32_t duration
    uint32_t size
    uint32_t flags
    int64_t following     # dts of the next sample, where no tfdt says it
    uint64_t latest       # no decoding time is past it
    Row* rows
    size_t count
    size_t room


cdef inline uint32_t be32(const uint8_t* p) noexcept nogil:
    return (<uint32_t> p[0] << 24) | (<uint32_t> p[1] << 16) | (<uint32_t> p[2] << 8) | p[3]


cdef inline uint64_t be64(const uint8_t* p) noexcept nogil:
    return (<uint64_t> be32(p) << 32) | be32(p + 4)


cdef inline uint32_t kind(const char* name) noexcept nogil:
    return be32(<const uint8_t*> name)


cdef struct Box:
    uint32_t kind
    size_t begin    # of its payload
    size_t end


cdef bint next_box(const uint8_t* p, size_t at, size_t end, Box* box) noexcept nogil:
    """The box at `at` of a parent that ends at `end`; false where none fits there."""
    cdef uint64_t size
    if end - at < 8:
        return False
    size = be32(p + at)
    box.kind = be32(p + at + 4)
    box.begin = at + 8
    if size == 1:
        if end - at < 16:
            return False
        size = be64(p + at + 8)
        box.begin = at + 16
    elif size == 0:
        size = end - at
    if size < box.begin - at or size > end - at:
        return False
    box.end = at + <size_t> size
    return True


cdef class FragmentCore:
    """Rows of samples from movie fragments, track by track.

    Args:
        file_size: bytes of the file: no sample lies beyond.
        max_samples: over all tracks; past it the tables end, with a fault.
    """

    cdef Track tracks[TRACKS]
    cdef int registered
    cdef uint64_t file_size
    cdef size_t left
    cdef list found
    cdef uint64_t fault_at

    def __cinit__(self, uint64_t file_size, size_t max_samples):
        self.registered = 0
        self.file_size = file_size
        self.left = max_samples
        self.found = []

    def __dealloc__(self):
        cdef int i
        for i in range(self.registered):
            free(self.tracks[i].rows)

    def register(self, uint32_t identifier, uint32_t entry, uint32_t duration, uint32_t size,
                 uint32_t flags, int64_t following, uint64_t latest=<uint64_t> 1 << 62):
        """A track with the defaults of its trex; `following` is the dts after what moov holds, and
        no fragment begins past `latest`, 2^62 at most. False: too many tracks."""
        cdef Track* t
        if self.registered >= TRACKS:
            return False
        t = &self.tracks[self.registered]
        t.identifier, t.entry, t.duration, t.size = identifier, entry, duration, size
        t.flags, t.following = flags, following
        t.latest = latest if latest < <uint64_t> 1 << 62 else <uint64_t> 1 << 62
        t.rows, t.count, t.room = NULL, 0, 0
        self.registered += 1
        return True

    def restart(self):
        """Forget how far the decoding times are: the next fragment does not follow the last."""
        cdef int i
        for i in range(self.registered):
            self.tracks[i].following = 0

    @property
    def faults(self):
        """(offset in the file, code) of what was found wrong, at most 1000."""
        return tuple(self.found)

    def rows(self, uint32_t identifier):
        """The rows of a track as bytes (dtype in hikcore/media/mp4/fragments.py)."""
        cdef int i
        for i in range(self.registered):
            if self.tracks[i].identifier == identifier:
                return PyBytes_FromStringAndSize(
                    <char*> self.tracks[i].rows, self.tracks[i].count * sizeof(Row)
                )
        return b""

    def feed(self, const uint8_t[::1] moof not None, uint64_t at):
        """A whole moof box, its header included, that lies at `at`.

        Returns:
            False: the fragment is broken, or the cap is reached; what lies before the fault stays.
        """
        cdef int code = FAULT_SHORT
        if moof.shape[0] >= 8:
            with nogil:
                code = self.fragment(&moof[0], moof.shape[0], at)
        if code != FAULT_NONE and len(self.found) < 1000:
            self.found.append((at + self.fault_at, code))
        return code == FAULT_NONE or code == FAULT_BACK

    cdef int fragment(self, const uint8_t* p, size_t n, uint64_t at) noexcept nogil:
        cdef Box outer, box
        cdef size_t i
        cdef uint64_t previous = at     # where the data of the traf before ended
        cdef int code = FAULT_NONE, one
        self.fault_at = 0
        if not next_box(p, 0, n, &outer):
            return FAULT_BOX
        i = outer.begin
        while i < outer.end:
            if not next_box(p, i, outer.end, &box):
                self.fault_at = i
                return FAULT_BOX
            if box.kind == kind(b"traf"):
                one = self.traf(p, box.begin, box.end, at, &previous)
                if one != FAULT_NONE:
                    code = one
                    if one != FAULT_BACK:
                        return one
            i = box.end
        return code

    cdef int traf(self, const uint8_t* p, size_t begin, size_t end, uint64_t at,
                  uint64_t* previous) noexcept nogil:
        cdef Box box
        cdef size_t i = begin, q
        cdef uint32_t flags, entry, duration, size, sample_flags
        cdef uint64_t base, data, time
        cdef Track* t = NULL
        cdef int k, code = FAULT_NONE, one
        # tfhd and tfdt come first (8.8.7, 8.8.12), but a reader that wants them there loses files.
        while i < end:
            if not next_box(p, i, end, &box):
                self.fault_at = i
                return FAULT_BOX
            if box.kind == kind(b"tfhd"):
                break
            i = box.end
        else:
            self.fault_at = begin
            return FAULT_NO_HEADER
        q = box.begin
        if box.end - q < 8:
            self.fault_at = q
            return FAULT_SHORT
        flags = be32(p + q) & 0xFFFFFF
        for k in range(self.registered):
            if self.tracks[k].identifier == be32(p + q + 4):
                t = &self.tracks[k]
        if t == NULL:
            return FAULT_NONE      # a track that nobody asked for
        entry, duration, size, sample_flags = t.entry, t.duration, t.size, t.flags
        q += 8
        base = previous[0]
        if flags & 0x20000:
            base = at
        if flags & 0x1:
            if box.end - q < 8:
                self.fault_at = q
                return FAULT_SHORT
            base = be64(p + q)
            if base > self.file_size:
                self.fault_at = q
                return FAULT_BEYOND
            q += 8
        for k in range(4):
            if not flags & (2 if k == 0 else 4 << k):
                continue
            if box.end - q < 4:
                self.fault_at = q
                return FAULT_SHORT
            if k == 0:
                entry = be32(p + q)
            elif k == 1:
                duration = be32(p + q)
            elif k == 2:
                size = be32(p + q)
            else:
                sample_flags = be32(p + q)
            q += 4
        i = begin
        while i < end:
            if not next_box(p, i, end, &box):
                self.fault_at = i
                return FAULT_BOX
            if box.kind == kind(b"tfdt"):
                q = box.begin
                if box.end - q < (12 if box.end > q and p[q] == 1 else 8):
                    self.fault_at = q
                    return FAULT_SHORT
                time = be64(p + q + 4) if p[q] == 1 else be32(p + q + 4)
                if time > t.latest:
                    self.fault_at = q
                    return FAULT_TIME
                if <int64_t> time < t.following and t.count:
                    self.fault_at = q
                    code = FAULT_BACK
                t.following = <int64_t> time
                break
            i = box.end
        data = base
        i = begin
        while i < end:
            if not next_box(p, i, end, &box):
                self.fault_at = i
                return FAULT_BOX
            if box.kind == kind(b"trun"):
                one = self.trun(p, box.begin, box.end, t, base, &data, entry, duration, size,
                                sample_flags)
                if one != FAULT_NONE:
                    return one
            i = box.end
        previous[0] = data
        return code

    cdef int trun(self, const uint8_t* p, size_t q, size_t end, Track* t, uint64_t base,
                  uint64_t* data, uint32_t entry, uint32_t duration, uint32_t size,
                  uint32_t sample_flags) noexcept nogil:
        cdef uint32_t flags, count, n, first_flags = 0
        cdef uint64_t width
        cdef bint has_first
        cdef Row* row
        self.fault_at = q
        if end - q < 8:
            return FAULT_SHORT
        flags = be32(p + q) & 0xFFFFFF
        count = be32(p + q + 4)
        q += 8
        if flags & 1:
            if end - q < 4:
                return FAULT_SHORT
            data[0] = base + <uint64_t> <int64_t> <int32_t> be32(p + q)
            q += 4
        has_first = (flags & 4) != 0
        if has_first:
            if end - q < 4:
                return FAULT_SHORT
            first_flags = be32(p + q)
            q += 4
        width = 4 * (((flags >> 8) & 1) + ((flags >> 9) & 1) + ((flags >> 10) & 1)
                     + ((flags >> 11) & 1))
        if width == 0 and count and (
            size == 0 or count > self.file_size // size
        ):
            return FAULT_COUNT
        for n in range(count):
            if end - q < width:
                self.fault_at = q
                return FAULT_SHORT
            row = self.push(t)
            if row == NULL:
                self.fault_at = q
                return FAULT_FULL
            row.duration, row.size, row.flags, row.entry = duration, size, sample_flags, entry
            row.composition = 0
            if n == 0 and has_first:
                row.flags = first_flags
            if flags & 0x100:
                row.duration = be32(p + q)
                q += 4
            if flags & 0x200:
                row.size = be32(p + q)
                q += 4
            if flags & 0x400:
                row.flags = be32(p + q)    # also of the first: 8.8.8 forbids both, this is newer
                q += 4
            if flags & 0x800:
                row.composition = <int32_t> be32(p + q)
                q += 4
            if data[0] > self.file_size or row.size > self.file_size - data[0]:
                t.count -= 1
                self.left += 1
                return FAULT_BEYOND
            row.offset = data[0]
            row.dts = t.following
            data[0] += row.size
            t.following += row.duration
        return FAULT_NONE

    cdef Row* push(self, Track* t) noexcept nogil:
        cdef size_t room
        cdef Row* more
        if self.left == 0:
            return NULL
        if t.count == t.room:
            room = t.room * 2 if t.room else 256
            more = <Row*> realloc(t.rows, room * sizeof(Row))
            if more == NULL:
                return NULL
            t.rows, t.room = more, room
        self.left -= 1
        t.count += 1
        return &t.rows[t.count - 1]
