# cython: language_level=3
"""Headers alone of EverFocus frame streams: of a buffer, and of a file.

While one frame follows the other as declared, only headers are touched; at the first that does not
fit, one step of the parser that can find its way again decides (hikcore.native.everfocus). The file
is the one place in native/ that reads: 32 bytes a frame, which from Python cost more than the work,
and which as a map of memory cost a page fault each.
"""

from libc.errno cimport EINTR, errno
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy
from cpython.bytearray cimport (
    PyByteArray_AS_STRING, PyByteArray_FromStringAndSize, PyByteArray_Resize,
)
from cpython.exc cimport PyErr_SetFromErrno
from posix.types cimport off_t
from posix.unistd cimport pread

from hikcore.native.es cimport drain
from hikcore.native.everfocus cimport (
    HEADER, Frame, FrameWindow, fields, little32, magic, time_ns,
)
from hikcore.native.records cimport Array, push

cdef enum:
    ROOM = 4096            # rows at first
    BLOCK = 65536          # bytes read at once where headers do not follow each other

cdef packed struct Row:
    uint64_t offset
    int64_t time
    uint32_t size
    uint16_t kind, width, height, msec
    uint32_t sec


cdef inline void put(Row* row, const Frame* f, uint64_t offset, size_t n) noexcept nogil:
    row.offset = offset
    row.time = time_ns(f)
    row.size = <uint32_t> n
    row.kind = f.kind
    row.width = f.width
    row.height = f.height
    row.msec = f.msec
    row.sec = f.sec


cdef class ScanWindow(FrameWindow):
    """One row for each frame that is believed."""

    cdef Row row
    cdef bint found

    def __cinit__(self, uint32_t max_frame):
        self.max_frame = max_frame
        self.counted = 0

    cdef void frame(self, const uint8_t* p, const Frame* f, size_t n) noexcept nogil:
        put(&self.row, f, self.offset, n)
        self.found = True


cdef size_t in_memory(const uint8_t* p, size_t n, uint64_t base, uint32_t cap, Row* rows,
                      size_t room, size_t* count) noexcept nogil:
    """Rows while one frame follows the other as declared; the number of bytes used."""
    cdef const uint8_t* q = p
    cdef const uint8_t* end = p + n
    cdef Row* row = rows
    cdef Row* full = rows + room
    cdef size_t total
    cdef uint32_t size
    cdef Frame f
    if n >= HEADER and magic(p):
        while row < full:
            size = little32(q + 4)
            total = HEADER + <size_t> size
            if size > cap or <size_t> (end - q) < total:
                break
            if <size_t> (end - q) < total + HEADER:
                # The last one, or a doubtful end: never a header that is not whole at q.
                if <size_t> (end - q) != total:
                    break
            elif not magic(q + total):
                break
            fields(q, &f)
            put(row, &f, base + (q - p), size)
            row += 1
            q += total
            if q == end:
                break
    count[0] = row - rows
    return q - p


cdef ssize_t read_at(int fd, uint8_t* out, size_t n, uint64_t at) noexcept nogil:
    """Bytes at an offset, fewer at the end of the file; -1: errno says why."""
    cdef ssize_t got, done = 0
    while <size_t> done < n:
        got = pread(fd, out + done, n - done, <off_t> (at + done))
        if got < 0 and errno == EINTR:
            continue
        if got < 0:
            return -1
        if got == 0:
            break
        done += got
    return done


cdef int in_file(int fd, uint64_t size, uint64_t* where, uint32_t cap, Row* rows, size_t room,
                 size_t* count) noexcept nogil:
    """The same of a file, header by header; -1: errno says why."""
    cdef uint8_t head[HEADER]
    cdef uint64_t at = where[0], total
    cdef size_t k = 0
    cdef ssize_t got = read_at(fd, head, HEADER, at)
    cdef Frame f
    while k < room and got == HEADER and magic(head):
        fields(head, &f)
        total = HEADER + <uint64_t> f.size
        if f.size > cap or size - at < total:
            break
        got = 0
        if size - at > total:
            got = read_at(fd, head, HEADER, at + total)
            if got < 4 or not magic(head):
                break
        put(rows + k, &f, at, f.size)
        k += 1
        at += total
    count[0] = k
    where[0] = at
    return -1 if got < 0 else 0


cdef class Rows:
    """Rows that grow."""

    cdef bytearray data
    cdef size_t count, room

    def __cinit__(self, uint64_t size):
        self.room = ROOM if size // HEADER >= ROOM else size // HEADER + 1
        self.data = PyByteArray_FromStringAndSize(NULL, self.room * sizeof(Row))

    cdef Row* next(self) except NULL:
        if self.count == self.room:
            PyByteArray_Resize(self.data, 2 * self.room * sizeof(Row))
            self.room *= 2
        return <Row*> PyByteArray_AS_STRING(self.data) + self.count

    cdef int add(self, ScanWindow slow) except -1:
        cdef Row* row
        if slow.found:
            row = self.next()
            row[0] = slow.row
            self.count += 1
            slow.found = False
        return 0

    cdef tuple done(self, ScanWindow slow):
        PyByteArray_Resize(self.data, self.count * sizeof(Row))
        return self.data, b"" if slow is None else drain(&slow.faults)


def scan(const uint8_t[::1] data not None, uint32_t max_frame=16 << 20):
    """The headers of all whole frames in a buffer, in order.

    Args:
        data: contiguous uint8; datalen counts the frame alone, not its header.
        max_frame: a header that declares more bytes is none.

    Returns:
        (rows, faults). Rows (bytearray) of 32 bytes: offset of the header u64, time i64 (UTC ns,
        -1 none), size u32, kind, width, height, msec u16, sec u32. Faults (bytes) of 16: offset,
        code u64; at most 1000.
    """
    cdef size_t n = data.shape[0], at = 0, count = 0, room
    cdef const uint8_t* p = &data[0] if n else NULL
    cdef Rows rows = Rows(n)
    cdef ScanWindow slow = None
    cdef Row* row
    while at < n:
        row = rows.next()
        room = rows.room - rows.count
        with nogil:
            at += in_memory(p + at, n - at, at, max_frame, row, room, &count)
        rows.count += count
        if at < n and count < room:
            if slow is None:
                slow = ScanWindow(max_frame)
            slow.offset = at
            with nogil:
                at += slow.step(p + at, n - at, True)
            rows.add(slow)
    return rows.done(slow)


def scan_file(int fd, uint64_t size, uint32_t max_frame=16 << 20):
    """The same of an open file, of which headers alone are read where it is whole.

    Args:
        fd: open for reading; its position is not used and not moved.
        size: bytes of the file.
        max_frame: a header that declares more bytes is none; at most about so much is read at once.

    Raises:
        OSError: the file cannot be read.
    """
    cdef uint64_t at = 0
    cdef size_t count = 0, room, used
    cdef ssize_t got
    cdef Rows rows = Rows(size)
    cdef ScanWindow slow = None
    cdef Row* row
    cdef Block block = Block()
    cdef int failed
    while at < size:
        row = rows.next()
        room = rows.room - rows.count
        with nogil:
            failed = in_file(fd, size, &at, max_frame, row, room, &count)
        if failed:
            PyErr_SetFromErrno(OSError)
        rows.count += count
        if at < size and count < room:
            if slow is None:
                slow = ScanWindow(max_frame)
            slow.offset = at
            used = 0
            slow.need = BLOCK
            while used == 0:
                got = block.read(fd, slow.need, at)
                if got == 0:
                    return rows.done(slow)
                with nogil:
                    used = slow.step(block.data, got, at + got >= size or <size_t> got < slow.need)
            at += used
            rows.add(slow)
    return rows.done(slow)


cdef class Block:
    """A stretch of a file in memory."""

    cdef uint8_t* data
    cdef size_t room

    def __dealloc__(self):
        free(self.data)

    cdef ssize_t read(self, int fd, size_t n, uint64_t at) except -1:
        cdef uint8_t* grown
        cdef ssize_t got
        if n > self.room:
            grown = <uint8_t*> realloc(self.data, n)
            if grown == NULL:
                raise MemoryError
            self.data = grown
            self.room = n
        with nogil:
            got = read_at(fd, self.data, n, at)
        if got < 0:
            PyErr_SetFromErrno(OSError)
        return got
