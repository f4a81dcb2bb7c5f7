"""Layout of EverFocus frames (NVR SDK guide, 3.1), and the walk over them."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from hikcore.native.records cimport Array
from hikcore.native.window cimport Window

cdef enum:
    HEADER = 32
    MAGIC = 0x89639615
    H264I = 6, H264P = 7, H265I = 8, H265P = 9, G711 = 16

cdef struct Frame:
    uint32_t size
    uint16_t kind, width, height, msec
    uint32_t sec


cdef inline uint32_t little32(const uint8_t* p) noexcept nogil:
    return p[0] | (<uint32_t> p[1] << 8) | (<uint32_t> p[2] << 16) | (<uint32_t> p[3] << 24)


cdef inline uint16_t little16(const uint8_t* p) noexcept nogil:
    return p[0] | (<uint16_t> p[1] << 8)


cdef inline bint magic(const uint8_t* p) noexcept nogil:
    return little32(p) == <uint32_t> MAGIC


cdef inline void fields(const uint8_t* p, Frame* out) noexcept nogil:
    """Packed: `sec` at 14, `msec` at 18."""
    out.size = little32(p + 4)
    out.kind = little16(p + 8)
    out.width = little16(p + 10)
    out.height = little16(p + 12)
    out.sec = little32(p + 14)
    out.msec = little16(p + 18)


cdef inline int64_t time_ns(const Frame* f) noexcept nogil:
    """UTC ns; -1 where it says none (0) or a millisecond that is none."""
    if f.msec > 999 or (f.sec == 0 and f.msec == 0):
        return -1
    return (<int64_t> f.sec * 1000 + f.msec) * 1000000


cdef class FrameWindow(Window):
    cdef uint32_t max_frame
    cdef Array faults
    cdef bint lost              # between frames: reported once until the next one
    cdef int counted            # whether datalen counts the header; -1 until a frame shows it
    cdef uint64_t cut           # bytes of a frame that the end cut

    cdef void frame(self, const uint8_t* p, const Frame* f, size_t n) noexcept nogil
    cdef size_t doubt(self, const uint8_t* p, const Frame* f, size_t total, size_t n) noexcept nogil
    cdef bint follows(self, const uint8_t* p, size_t at, size_t n, bint last) noexcept nogil
    cdef size_t believe(self, const uint8_t* p, const Frame* f, size_t total) noexcept nogil
    cdef size_t seek(self, const uint8_t* p, size_t n, bint last) noexcept nogil
    cdef void fault(self, uint64_t at, uint64_t code) noexcept nogil
