# cython: language_level=3
"""Parameter sets and the heads of slices, kept while an elementary stream is taken apart.

A set is collected whole, up to its room; those of an access unit are its configuration, told apart
by their bytes from those before. All nogil; no I/O.
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcmp, memcpy, memset
from cpython.bytes cimport PyBytes_FromStringAndSize

from hikcore.native.records cimport FAULT_PARAMETER_SET, FAULTS, Fault, Head, Sample, push


cdef class StreamSets:
    """What a stream says of its codec, and the pictures that it is said of."""

    def __cinit__(self, size_t max_samples, size_t max_extents):
        self.samples.item = sizeof(Sample)
        self.faults.item = sizeof(Fault)
        self.heads.item = sizeof(Head)
        self.configs.item = 1
        self.config_ends.item = 4
        self.max_samples = max_samples
        self.active = 0xFFFF

    def __dealloc__(self):
        free(self.samples.data)
        free(self.faults.data)
        free(self.heads.data)
        free(self.configs.data)
        free(self.config_ends.data)

    cdef void keep_set(self, const uint8_t* p, size_t n) noexcept nogil:
        cdef size_t room = HEAD_ROOM if self.set_is_head else SET_ROOM
        if n > room - self.set_n:
            n = room - self.set_n
        memcpy(self.set_bytes + self.set_n, p, n)
        self.set_n += <uint32_t> n

    cdef void close_set(self) noexcept nogil:
        """Into the configuration of the access unit: type, length, bytes."""
        self.set_open = False
        if self.set_is_head:
            self.close_head()
            return
        while self.set_n and self.set_bytes[self.set_n - 1] == 0:
            self.set_n -= 1
        if self.set_n == 0 or self.set_n >= SET_ROOM or CONFIG_ROOM - self.config_n < self.set_n + 5:
            self.fault(FAULT_PARAMETER_SET)
            return
        self.config[self.config_n] = self.codec
        memcpy(self.config + self.config_n + 1, &self.set_n, 4)
        memcpy(self.config + self.config_n + 5, self.set_bytes, self.set_n)
        self.config_n += 5 + self.set_n

    cdef void close_head(self) noexcept nogil:
        """One a sample at most: past the cap on samples there is none."""
        cdef Head* head = <Head*> push(&self.heads, self.max_samples)
        if head == NULL:
            return
        memset(head.data, 0, HEAD_ROOM)
        memcpy(head.data, self.set_bytes, self.set_n)
        head.sample = <uint32_t> self.samples.count

    cdef uint16_t find_config(self) noexcept nogil:
        """The index of this access unit's parameter sets among those seen; a new one if none."""
        cdef size_t i
        cdef uint32_t begin = 0, end
        cdef uint8_t* byte
        cdef uint32_t* slot = NULL
        for i in range(self.config_ends.count):
            end = (<uint32_t*> self.config_ends.data)[i]
            if end - begin == self.config_n and memcmp(
                self.configs.data + begin, self.config, self.config_n
            ) == 0:
                return <uint16_t> i
            begin = end
        if self.config_ends.count >= CONFIGS:
            self.fault(FAULT_PARAMETER_SET)
            return self.active
        for i in range(self.config_n):
            byte = <uint8_t*> push(&self.configs, <size_t> 1 << 28)
            if byte == NULL:
                break
            byte[0] = self.config[i]
        if self.configs.count == begin + self.config_n:
            slot = <uint32_t*> push(&self.config_ends, CONFIGS)
        if slot == NULL:
            self.full = True
            return self.active
        slot[0] = begin + self.config_n
        return <uint16_t> (self.config_ends.count - 1)

    cdef list config_blobs(self):
        """The distinct parameter sets of access units: codec u8, length u32, NAL unit, …
        The last one's codec is the picture's."""
        cdef list blobs = []
        cdef uint32_t begin = 0, end
        cdef size_t i
        for i in range(self.config_ends.count):
            end = (<uint32_t*> self.config_ends.data)[i]
            blobs.append(PyBytes_FromStringAndSize(<char*> self.configs.data + begin, end - begin))
            begin = end
        return blobs

    cdef void fault(self, uint64_t code) noexcept nogil:
        cdef Fault* slot = <Fault*> push(&self.faults, FAULTS)
        if slot != NULL:
            slot.offset = self.at
            slot.code = code
