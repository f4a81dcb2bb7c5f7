# cython: language_level=3
"""AVI (RIFF, and OpenDML's further RIFFs) to columns of samples.

Chunks are walked from the first to the last, lists entered where they begin and never left: no size
of a list or a RIFF is trusted, so a file whose writer was killed reads like a whole one, and its index
(idx1, of either base, missing or short; indx and ix##) is counted, not needed. A chunk is believed
when another follows it, at an even offset or, where a writer forgot to pad, at an odd one; else a
chunk header inside it decides. AVI has no times: a sample carries the ordinal of its chunk, and a
chunk of no bytes takes its turn too.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcpy
from cpython.bytes cimport PyBytes_FromStringAndSize

from hikcore.native.es cimport VideoStream, drain
from hikcore.native.frames cimport deliver_frame, nal_framing
from hikcore.native.records cimport Array, FAULT_CAP, FAULTS, Fault, NONE32, push
from hikcore.native.riff cimport in_movi, letters, little32, named, stream_of
from hikcore.native.sound cimport AudioStream
from hikcore.native.window cimport Window

cdef enum:
    STREAMS = 16           # whose headers are kept
    FORMAT_ROOM = 4096     # bytes of a stream's format that are kept
    # Codes of faults; hikcore.media.avi says them in words.
    FAULT_BETWEEN = 201, FAULT_SIZE = 202, FAULT_SHORT = 203, FAULT_NO_NAL = 204
    FAULT_MIXED = 205, FAULT_PADDING = 206


cdef struct Header:
    uint8_t head[56]       # strh
    uint32_t head_n
    uint8_t format[FORMAT_ROOM]
    uint32_t format_n


cdef bint b_slice(const uint8_t* p, size_t n) noexcept nogil:
    """Whether a frame of H.264 begins with a B slice (7.3.3: first_mb_in_slice, slice_type)."""
    cdef size_t i = 0, bit
    cdef int k, zeros
    cdef uint32_t value = 0
    while i + 4 < n:
        if p[i] == 0 and p[i + 1] == 0 and p[i + 2] == 1 and 1 <= (p[i + 3] & 31) <= 5:
            break
        i += 1
    if i + 8 > n or (p[i + 3] & 31) != 1:
        return False
    bit = 8 * (i + 4)
    for k in range(2):
        zeros = 0
        while bit < 8 * n and zeros < 16 and not (p[bit >> 3] >> (7 - (bit & 7))) & 1:
            zeros += 1
            bit += 1
        value = 0
        while zeros >= 0 and bit < 8 * n:
            value = (value << 1) | ((p[bit >> 3] >> (7 - (bit & 7))) & 1)
            zeros -= 1
            bit += 1
    return value == 2 or value == 7


cdef class AviCore(Window):
    """The parser. See hikcore.media.avi for the public face.

    Args:
        max_chunk: a chunk that declares more bytes is none.
        max_samples, max_extents: caps of each track; past one the table ends with a fault there.
    """

    cdef VideoStream video
    cdef AudioStream audio
    cdef Array faults
    cdef Header headers[STREAMS]
    cdef uint32_t max_chunk
    cdef int header             # of the stream whose strl is open, -1
    cdef bint movi              # inside a list of data
    cdef bint lost
    cdef uint64_t index_left    # bytes of idx1 still to come
    cdef int64_t sound          # bytes of it so far
    cdef uint64_t cut
    cdef int framing
    cdef readonly int streams, video_stream, audio_stream
    cdef readonly uint64_t pictures, empty, units, others, b_pictures, unpadded
    cdef readonly uint64_t indexed      # chunks of the video stream that idx1 lists
    cdef readonly bint has_index, has_header

    def __cinit__(self, uint32_t max_chunk=16 << 20, size_t max_samples=3_000_000,
                  size_t max_extents=6_000_000):
        self.video = VideoStream(max_samples, max_extents)
        self.audio = AudioStream(max_samples, max_extents)
        self.faults.item = sizeof(Fault)
        self.max_chunk = max_chunk
        self.header = self.video_stream = self.audio_stream = -1

    def __dealloc__(self):
        free(self.faults.data)

    def finish(self):
        """The end of the file.

        Returns:
            dict of bytes: `video`, `audio` (Sample records; `pts` is the ordinal of the chunk, -1
            for pictures behind the first in one; of sound the bytes before it), `video_extents`,
            `audio_extents`, `faults`; `configs` (tuple of blobs, see
            es.VideoStream.config_blobs); `headers` (tuple of (strh, strf)); `framing`, `cut_off`.
        """
        cdef int i
        cdef list headers = []
        with nogil:
            self.end()
            self.audio.close()
            self.video.close(False)
        for i in range(self.streams):
            headers.append((
                PyBytes_FromStringAndSize(<char*> self.headers[i].head, self.headers[i].head_n),
                PyBytes_FromStringAndSize(<char*> self.headers[i].format, self.headers[i].format_n),
            ))
        return {
            "video": drain(&self.video.samples),
            "audio": drain(&self.audio.samples),
            "video_extents": drain(&self.video.extents),
            "audio_extents": drain(&self.audio.extents),
            "faults": drain(&self.faults) + drain(&self.video.faults),
            "configs": tuple(self.video.config_blobs()),
            "headers": tuple(headers),
            "framing": self.framing,
            "cut_off": self.cut + self.video.cut_off,
        }

    cdef size_t step(self, const uint8_t* p, size_t n, bint last) noexcept nogil:
        cdef size_t size, used
        if self.index_left:
            return self.index(p, n, last)
        if n < 12 and not last:
            self.need = 12
            return 0
        if self.lost:
            used = self.seek(p, n, last)
            if used:
                return used
        elif n < 8 or not (in_movi(p) if self.movi else letters(p)):
            return self.lose(p, n, last)
        size = little32(p + 4)
        if named(p, b"RIFF") and n >= 12:
            if named(p + 8, b"AVI ") or named(p + 8, b"AVIX"):
                self.movi = self.lost = False
                return 12
            return self.lose(p, n, last)
        if named(p, b"LIST") and n >= 12:
            used = self.enter(p)
            if used:
                return used
        elif named(p, b"idx1") and self.pictures + self.units:
            self.has_index = True
            self.movi = self.lost = False
            self.index_left = size
            return 8
        if size > self.max_chunk:
            self.fault(self.offset, FAULT_SIZE)
            self.lost = True
            return 4
        return self.whole(p, size, n, last)

    cdef size_t enter(self, const uint8_t* p) noexcept nogil:
        """Into a list, if it is one whose chunks are read."""
        if named(p + 8, b"movi") or named(p + 8, b"rec "):
            self.movi = True
        elif named(p + 8, b"hdrl") or named(p + 8, b"odml"):
            self.movi = False
            self.has_header = True
        elif named(p + 8, b"strl"):
            self.movi = False
            self.header = self.streams if self.streams < STREAMS else -1
            if self.header >= 0:
                self.streams += 1
        else:
            return 0
        self.lost = False
        return 12

    cdef size_t whole(self, const uint8_t* p, size_t size, size_t n, bint last) noexcept nogil:
        """A chunk of which all bytes are there, and what follows it."""
        cdef size_t end = 8 + size, padded = 8 + size + (size & 1), inside, stop
        if n < padded + 8 and not last:
            self.need = padded + 8
            return 0
        if self.follows(p, padded, n, last):
            return self.believe(p, size, padded)
        if padded != end and (self.follows(p, end, n, last) or (last and n == end)):
            self.unpadded += 1
            return self.believe(p, size, end)
        stop = padded + 8 if n > padded + 8 else n
        inside = self.find(p + 8, stop - 8, True) + 8
        if inside < stop and inside < end:
            self.fault(self.offset, FAULT_SHORT)
            self.count(p)
            return inside
        if n < end:
            self.count(p)
            self.cut = n
            return n
        return self.believe(p, size, end)

    cdef bint follows(self, const uint8_t* p, size_t at, size_t n, bint last) noexcept nogil:
        """Whether a chunk, or the end, begins at `at`."""
        if n >= at + 4:
            return in_movi(p + at) if self.movi else letters(p + at)
        return last and n == at

    cdef void count(self, const uint8_t* p) noexcept nogil:
        """A picture that is not whole takes its turn all the same."""
        if p[2] == 0x64 and stream_of(p) == self.video_stream:
            self.pictures += 1

    cdef size_t find(self, const uint8_t* p, size_t n, bint strict) noexcept nogil:
        """Offset of a chunk of data, list or index in n bytes, or n."""
        cdef size_t i
        cdef int stream
        for i in range(n - 7 if n > 7 else 0):
            if p[i] > 0x69 or not in_movi(p + i):
                continue
            stream = stream_of(p + i)
            if named(p + i, b"RIFF") or named(p + i, b"LIST") or named(p + i, b"idx1"):
                if not strict or n - i < 12 or letters(p + i + 8):
                    return i
            elif little32(p + i + 4) <= self.max_chunk and (
                stream < 0 or stream == self.video_stream or stream == self.audio_stream
                or self.video_stream < 0
            ):
                return i
        return n

    cdef size_t lose(self, const uint8_t* p, size_t n, bint last) noexcept nogil:
        """Here is no chunk: pass over a byte at least, and look for the next one."""
        if not self.lost:
            self.lost = True
            self.fault(self.offset, FAULT_BETWEEN)
        return 1 + self.seek(p + 1, n - 1, last) if n > 1 else n

    cdef size_t seek(self, const uint8_t* p, size_t n, bint last) noexcept nogil:
        """Bytes up to the next chunk of data, list or index; 0 if one begins here."""
        cdef size_t found = self.find(p, n, False)
        if found < n or last:
            return found
        return n - 7 if n > 7 else 0

    cdef size_t index(self, const uint8_t* p, size_t n, bint last) noexcept nogil:
        """idx1: rows of 16 bytes (AVIOLDINDEX), of which only the names are looked at."""
        cdef size_t at = 0
        if self.index_left < 16:
            at = n if n < self.index_left else self.index_left
            self.index_left -= at
            return at
        while n - at >= 16 and self.index_left >= 16:
            if not in_movi(p + at) and not letters(p + at):
                # Shorter than it says: something else begins, or nothing sensible.
                self.index_left = 0
                return at if at else self.lose(p, n, last)
            if named(p + at, b"RIFF") or named(p + at, b"LIST"):
                self.index_left = 0
                return at if at else self.step(p, n, last)
            if stream_of(p + at) == self.video_stream and p[at + 2] == 0x64:
                self.indexed += 1
            at += 16
            self.index_left -= 16
        if at == 0:
            self.need = 16
            if last:
                self.index_left = 0
                return n
        return at

    cdef size_t believe(self, const uint8_t* p, size_t size, size_t total) noexcept nogil:
        cdef int stream = stream_of(p)
        self.lost = False
        if stream >= 0:
            if p[2] == 0x77:
                self.hear(p + 8, size, stream)
            else:
                self.picture(p + 8, size, stream)
        elif self.header >= 0 and not self.movi:
            if named(p, b"strh"):
                self.describe(p + 8, size)
            elif named(p, b"strf"):
                self.format(p + 8, size)
        if self.video.full or self.audio.full:
            self.fault(self.offset, FAULT_CAP)
            self.stopped = True
        return total

    cdef void describe(self, const uint8_t* p, size_t size) noexcept nogil:
        """strh: the first video and the first sound stream are read."""
        cdef Header* h = &self.headers[self.header]
        h.head_n = <uint32_t> size if size < 56 else 56
        memcpy(h.head, p, h.head_n)
        if size >= 4 and named(p, b"vids") and self.video_stream < 0:
            self.video_stream = self.header
        elif size >= 4 and named(p, b"auds") and self.audio_stream < 0:
            self.audio_stream = self.header

    cdef void format(self, const uint8_t* p, size_t size) noexcept nogil:
        """strf: BITMAPINFOHEADER or WAVEFORMATEX. Its name of a codec counts until parameter sets
        tell."""
        cdef Header* h = &self.headers[self.header]
        cdef uint8_t name[4]
        cdef int i
        h.format_n = <uint32_t> size if size < FORMAT_ROOM else FORMAT_ROOM
        memcpy(h.format, p, h.format_n)
        if self.header == self.video_stream and size >= 20 and not self.pictures:
            for i in range(4):
                name[i] = p[16 + i] - 32 if 0x61 <= p[16 + i] <= 0x7A else p[16 + i]
            if named(name, b"H265") or named(name, b"HEVC") or named(name, b"HEV1") \
                    or named(name, b"HVC1") or named(name, b"X265"):
                self.video.codec = 2

    cdef void hear(self, const uint8_t* p, size_t size, int stream) noexcept nogil:
        if self.audio_stream < 0:
            self.audio_stream = stream
        if stream != self.audio_stream:
            self.others += 1
            return
        self.units += 1
        if size:
            self.audio.begin(self.sound)
            self.audio.deliver(p, size, self.offset + 8)
            self.sound += size

    cdef void picture(self, const uint8_t* p, size_t size, int stream) noexcept nogil:
        cdef int framing
        if self.video_stream < 0:
            self.video_stream = stream
        if stream != self.video_stream:
            self.others += 1
            return
        self.pictures += 1
        if size == 0:
            self.empty += 1
            return
        framing = nal_framing(p, size, self.framing)
        if framing == 0:
            self.fault(self.offset, FAULT_NO_NAL)
            return
        if self.framing == 0:
            self.framing = framing
        elif self.framing != framing:
            self.fault(self.offset, FAULT_MIXED)
            return
        self.video.packet(<int64_t> self.pictures - 1, NONE32, True)
        deliver_frame(self.video, p, size, self.offset + 8, framing)
        if self.video.codec != 2 and framing == 1 and b_slice(p, size):
            self.b_pictures += 1

    cdef void fault(self, uint64_t at, uint64_t code) noexcept nogil:
        cdef Fault* slot = <Fault*> push(&self.faults, FAULTS)
        if slot != NULL:
            slot.offset = at
            slot.code = code
