# cython: language_level=3
"""EverFocus' frame stream: a 32-byte header and a frame, over and over (NVR SDK guide, 3.1).

Two faces: `parse_header` for one message of a live stream, `FrameCore` for a stream in pieces of any
size, to columns of samples; native/everfocus_scan.pyx reads headers alone. The header is packed and
little-endian: read with C's natural alignment it would be 36 bytes and look plausible, but for
`sec` and `msec`.

A frame is believed when another header, or the end, follows it. Where none does, either its declared
length lies, or bytes follow that are no frame: a header found inside it decides.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memchr
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_GET_SIZE
cimport cython

from hikcore.errors import MediaDamaged
from hikcore.native.es cimport VideoStream, drain
from hikcore.native.frames cimport deliver_frame, nal_framing
from hikcore.native.records cimport Array, FAULT_CAP, FAULTS, Fault, NONE32, push
from hikcore.native.sound cimport AudioStream
from hikcore.native.window cimport Window

cdef enum:
    # Codes of faults; hikcore.media.everfocus says them in words.
    FAULT_BETWEEN = 101, FAULT_HEADER = 102, FAULT_SHORT = 103, FAULT_NO_NAL = 104
    FAULT_TIME = 105, FAULT_MIXED = 106

cdef int64_t MS = 1000000


cdef inline bint known(uint16_t kind) noexcept nogil:
    return H264I <= kind <= H265P or kind == G711


@cython.final
@cython.freelist(64)
cdef class Header:
    """A frame's header.

    Attributes:
        size: bytes of the frame behind it, as declared.
        kind: 6 and 7 H.264 key and other frames, 8 and 9 those of H.265, 16 G.711; others unknown.
        width, height: pixels, as declared (0 on some audio frames).
        time: UTC, ns since 1970, a whole number of ms; -1 where the header says none.
    """

    cdef readonly uint32_t size
    cdef readonly uint16_t kind, width, height
    cdef readonly int64_t time

    def __repr__(self):
        return (
            f"Header(size={self.size}, kind={self.kind}, width={self.width}, "
            f"height={self.height}, time={self.time})"
        )


def parse_header(object data not None):
    """The header at the begin of a message.

    Args:
        data: bytes, or any contiguous buffer, of at least 32 bytes. More is not looked at, and
            `Header.size` is not compared with it.

    Raises:
        MediaDamaged: shorter than 32 bytes, or another magic number.
        TypeError: no buffer.
    """
    cdef Py_buffer view
    cdef Header out
    if PyBytes_CheckExact(data):
        return read_header(
            <const uint8_t*> PyBytes_AS_STRING(data), <size_t> PyBytes_GET_SIZE(data)
        )
    PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
    try:
        return read_header(<const uint8_t*> view.buf, <size_t> view.len)
    finally:
        PyBuffer_Release(&view)


cdef Header read_header(const uint8_t* p, size_t n):
    cdef Frame f
    cdef Header out
    if n < HEADER:
        raise MediaDamaged(
            f"an EverFocus message of {n} bytes, less than its header of 32", offset=n
        )
    if not magic(p):
        raise no_magic(p)
    fields(p, &f)
    out = Header.__new__(Header)
    out.size = f.size
    out.kind = f.kind
    out.width = f.width
    out.height = f.height
    out.time = time_ns(&f)
    return out


cdef object no_magic(const uint8_t* p):
    if p[0] == 0x89 and p[1] == 0x63 and p[2] == 0x96 and p[3] == 0x15:
        return MediaDamaged("an EverFocus header in big-endian order: not read", offset=0)
    return MediaDamaged(
        f"no EverFocus frame: it begins with {little32(p):#010x}, not {MAGIC:#010x}", offset=0
    )


cdef const uint8_t* find_magic(const uint8_t* p, size_t n) noexcept nogil:
    """The next magic number in n bytes, or NULL."""
    cdef const uint8_t* end = p + n
    while end - p >= 4:
        p = <const uint8_t*> memchr(p, 0x15, end - p - 3)
        if p == NULL:
            return NULL
        if magic(p):
            return p
        p += 1
    return NULL


cdef size_t find_inside(const uint8_t* p, size_t n, uint32_t cap) noexcept nogil:
    """Offset of a header of a known frame in n bytes, or n."""
    cdef const uint8_t* at = p
    cdef const uint8_t* end = p + n
    cdef Frame f
    while True:
        at = find_magic(at, end - at)
        if at == NULL:
            return n
        if end - at < HEADER:
            # Too little of it to tell: a header that the next bytes complete.
            return at - p
        fields(at, &f)
        if known(f.kind) and f.size <= cap:
            return at - p
        at += 4


cdef class FrameWindow(Window):
    """Frames one after the other; `frame` is called with each that is believed."""

    def __cinit__(self):
        self.faults.item = sizeof(Fault)
        self.counted = -1

    def __dealloc__(self):
        free(self.faults.data)

    cdef void frame(self, const uint8_t* p, const Frame* f, size_t n) noexcept nogil:
        """A frame of n bytes at p (its header aside), at `offset` + 32 of the source."""

    cdef size_t step(self, const uint8_t* p, size_t n, bint last) noexcept nogil:
        cdef Frame f
        cdef size_t total
        if n < 4 or not magic(p):
            return self.seek(p, n, last)
        if n < HEADER:
            self.need = HEADER
            if last:
                self.cut = n
            return n if last else 0
        fields(p, &f)
        if f.size > self.max_frame or (self.counted == 1 and f.size < HEADER):
            self.fault(self.offset, FAULT_HEADER)
            self.lost = True
            return 4
        total = f.size if self.counted == 1 else HEADER + <size_t> f.size
        if n < total + 4 and not last:
            self.need = total + 4
            return 0
        if self.follows(p, total, n, last):
            if self.counted == -1 and f.size:
                self.counted = 0
            return self.believe(p, &f, total)
        if self.counted == -1 and f.size >= HEADER and self.follows(p, f.size, n, last):
            self.counted = 1
            return self.believe(p, &f, f.size)
        return self.doubt(p, &f, total, n)

    cdef size_t doubt(self, const uint8_t* p, const Frame* f, size_t total,
                      size_t n) noexcept nogil:
        """No frame follows at the end of this one: is there one in it?"""
        cdef size_t end = total + 4 if n > total + 4 else n
        cdef size_t inside = HEADER + find_inside(p + HEADER, end - HEADER, self.max_frame)
        if inside < end:
            self.fault(self.offset, FAULT_SHORT)
            return inside
        if n < total:
            self.cut = n
            return n
        return self.believe(p, f, total)

    cdef bint follows(self, const uint8_t* p, size_t at, size_t n, bint last) noexcept nogil:
        """Whether a frame, or the end, begins at `at`."""
        return magic(p + at) if n >= at + 4 else last and n == at

    cdef size_t believe(self, const uint8_t* p, const Frame* f, size_t total) noexcept nogil:
        self.lost = False
        self.frame(p + HEADER, f, total - HEADER)
        return total

    cdef size_t seek(self, const uint8_t* p, size_t n, bint last) noexcept nogil:
        """Pass over bytes up to the next magic number."""
        cdef const uint8_t* found
        if n < 4 and not last:
            self.need = 4
            return 0
        if not self.lost:
            self.lost = True
            self.fault(self.offset, FAULT_BETWEEN)
        found = find_magic(p, n)
        if found != NULL:
            return found - p
        return n if last or n < 4 else n - 3

    cdef void fault(self, uint64_t at, uint64_t code) noexcept nogil:
        cdef Fault* slot = <Fault*> push(&self.faults, FAULTS)
        if slot != NULL:
            slot.offset = at
            slot.code = code


cdef class FrameCore(FrameWindow):
    """The parser. See hikcore.media.everfocus for the public face.

    Args:
        max_frame: a header that declares more bytes is none.
        counted: whether the declared length counts the header's 32 bytes; None: the first frame
            shows it.
        max_samples, max_extents: caps of each track; past one the table ends with a fault there.
    """

    cdef VideoStream video
    cdef AudioStream audio
    cdef uint32_t ordinal           # of the frame
    cdef int framing                # of the first picture; others are passed over
    cdef readonly uint64_t frames, empty, unknown
    cdef readonly int64_t latest    # time of the last frame that said one, -1 before

    def __cinit__(self, uint32_t max_frame=16 << 20, counted=None,
                  size_t max_samples=3_000_000, size_t max_extents=6_000_000):
        self.video = VideoStream(max_samples, max_extents)
        self.audio = AudioStream(max_samples, max_extents)
        self.max_frame = max_frame
        if counted is not None:
            self.counted = 1 if counted else 0
        self.latest = -1

    def finish(self):
        """The end of the stream.

        Returns:
            dict of bytes: `video`, `audio` (Sample records; `pts` is UTC ms or -1, `frame` the
            ordinal of the frame), `video_extents`, `audio_extents`, `faults`; `configs` (tuple of
            blobs, see es.VideoStream.config_blobs); `framing`, `cut_off` (int).
        """
        with nogil:
            self.end()
            self.audio.close()
            self.video.close(False)
        return {
            "video": drain(&self.video.samples),
            "audio": drain(&self.audio.samples),
            "video_extents": drain(&self.video.extents),
            "audio_extents": drain(&self.audio.extents),
            "faults": drain(&self.faults) + drain(&self.video.faults),
            "configs": tuple(self.video.config_blobs()),
            "framing": self.framing,
            "cut_off": self.cut + self.video.cut_off,
        }

    cdef void frame(self, const uint8_t* p, const Frame* f, size_t n) noexcept nogil:
        cdef int64_t time = time_ns(f)
        self.ordinal += 1
        self.frames += 1
        if time >= 0:
            self.latest = time
            time = time // MS
        elif n and known(f.kind):
            self.fault(self.offset, FAULT_TIME)
        if not known(f.kind):
            self.unknown += 1
        elif n == 0:
            self.empty += 1
        elif f.kind == G711:
            self.audio.begin(time)
            self.audio.unit.frame = self.ordinal
            self.audio.deliver(p, n, self.offset + HEADER)
        else:
            self.picture(p, f, n, time)
        if self.video.full or self.audio.full:
            self.fault(self.offset, FAULT_CAP)
            self.stopped = True

    cdef void picture(self, const uint8_t* p, const Frame* f, size_t n, int64_t time) noexcept nogil:
        """What the header says of the codec counts until parameter sets tell; what it says of key
        frames never does."""
        cdef int framing = nal_framing(p, n, self.framing)
        if framing == 0:
            self.fault(self.offset, FAULT_NO_NAL)
            return
        if self.framing == 0:
            self.framing = framing
        elif self.framing != framing:
            self.fault(self.offset, FAULT_MIXED)
            return
        if not self.video.codec_sure:
            self.video.codec = 1 if f.kind <= H264P else 2
        self.video.packet(time, NONE32, True)
        self.video.pack_frame = self.ordinal
        self.video.packs += 1
        deliver_frame(self.video, p, n, self.offset + HEADER, framing)
