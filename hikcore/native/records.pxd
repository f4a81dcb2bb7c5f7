"""Records that parsers grow in C, and the growing. Layouts are mirrored as dtypes in
hikcore.media.columns; change both together."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport realloc

cdef packed struct Sample:
    int64_t pts          # 33 bits as in the stream, -1 without
    uint32_t size        # bytes in MP4 form (4-byte lengths), or of the audio unit
    uint32_t first       # index of its first extent
    uint32_t frame       # the pack's frame number, 0xFFFFFFFF without
    uint32_t lead        # ticks from decoding to presentation, 0xFFFFFFFF without a DTS
    uint16_t config      # index of the parameter sets, 0xFFFF before any
    uint8_t flags        # bit 0: random access picture
    uint8_t kind         # NAL type of the first VCL NAL unit

cdef packed struct Head:
    uint32_t sample      # whose first slice this is
    uint8_t data[16]     # the beginning of its NAL unit, zeros where it is shorter

cdef packed struct Extent:
    uint64_t offset
    uint64_t size

cdef packed struct Anchor:
    int64_t wall         # ns of the device's own reading, as if UTC
    uint32_t sample
    uint32_t encrypted   # encrypt_type of the basic descriptor

cdef packed struct Fault:
    uint64_t offset
    uint64_t code

cdef struct Array:
    uint8_t* data
    size_t count
    size_t room
    size_t item

# Codes of faults; hikcore.media says them in words.
cdef enum:
    FAULT_STRAY = 1, FAULT_PES_HEADER = 2, FAULT_PSM = 3, FAULT_PARAMETER_SET = 4, FAULT_CAP = 5
    FAULT_TWO_CODECS = 6
    FAULTS = 1000
    NONE32 = 0xFFFFFFFF

cdef inline void* push(Array* a, size_t cap) noexcept nogil:
    """Room for one more record, or NULL when memory or the cap is reached."""
    cdef size_t room
    cdef uint8_t* grown
    if a.count >= cap:
        return NULL
    if a.count == a.room:
        room = a.room * 2 if a.room else 256
        grown = <uint8_t*> realloc(a.data, room * a.item)
        if grown == NULL:
            return NULL
        a.data = grown
        a.room = room
    a.count += 1
    return a.data + (a.count - 1) * a.item
