# cython: language_level=3
"""Pieces of memory written one behind the other, as one call for many of them.

What a file in MP4 form is made of lies where it was read: headers of packets in between are left
out, lengths are put in. Written from there it is copied once, by the kernel. Beside
everfocus_scan the one place in native/ that does I/O: lists of views cost Python more than the work.
"""

from libc.errno cimport EINTR, errno
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdio cimport SEEK_SET
from libc.string cimport memcpy
from posix.types cimport off_t
from posix.uio cimport iovec, writev
from posix.unistd cimport lseek, pwrite

cdef const uint8_t[SMALL] ZEROS


cdef class GatheredWrite:
    """Writes to a descriptor, from where it stands.

    Args:
        descriptor: of a file that can be sought in; not closed here.
        base: where it stands.
    """

    def __cinit__(self, int descriptor, uint64_t base):
        self.descriptor = descriptor
        self.base = base

    cdef void put(self, const uint8_t* p, size_t n) noexcept nogil:
        """A piece. What is not small must stay as it is until `flush`."""
        if n <= SMALL:
            self.put_copy(p, n)
            return
        if self.count == VECTORS:
            self.flush()
        self.vectors[self.count].iov_base = <void*> p
        self.vectors[self.count].iov_len = n
        self.count += 1
        self.end += n

    cdef void put_copy(self, const uint8_t* p, size_t n) noexcept nogil:
        """A piece whose memory is free for other use at once."""
        cdef size_t take
        cdef iovec* last
        while n:
            if self.used == SIDE or self.count == VECTORS:
                self.flush()
            take = SIDE - self.used if n > SIDE - self.used else n
            memcpy(self.side + self.used, p, take)
            last = &self.vectors[self.count - 1] if self.count else NULL
            if last != NULL and <uint8_t*> last.iov_base + last.iov_len == self.side + self.used:
                last.iov_len += take
            else:
                self.vectors[self.count].iov_base = self.side + self.used
                self.vectors[self.count].iov_len = take
                self.count += 1
            self.used += take
            self.end += take
            p += take
            n -= take

    cdef void put_zeros(self, uint64_t n) noexcept nogil:
        cdef size_t take
        while n:
            take = SMALL if n > SMALL else <size_t> n
            self.put_copy(ZEROS, take)
            n -= take

    cdef void open_field(self) noexcept nogil:
        """Four bytes that `close_field` fills."""
        if SIDE - self.used < 4 or self.count == VECTORS:
            self.flush()
        self.field_at = self.side + self.used
        self.field_turn = self.turn
        self.put_copy(ZEROS, 4)
        self.field_end = self.end

    cdef void close_field(self) noexcept nogil:
        """The field opened last says how many bytes came behind it, big-endian."""
        cdef uint32_t value = <uint32_t> (self.end - self.field_end)
        cdef uint8_t[4] field
        cdef uint8_t* at = self.field_at if self.turn == self.field_turn else field
        cdef ssize_t done = -1
        at[0], at[1], at[2], at[3] = value >> 24, value >> 16 & 255, value >> 8 & 255, value & 255
        if at != field or self.error:
            return
        while done != 4:
            done = pwrite(self.descriptor, field, 4, <off_t> (self.base + self.field_end - 4))
            if done < 0 and errno != EINTR:
                self.error = errno
                return

    cdef void flush(self) noexcept nogil:
        """Write what waits."""
        cdef iovec* at = self.vectors
        cdef int left = self.count
        cdef ssize_t done
        self.count = 0
        self.used = 0
        self.turn += 1
        while left and not self.error:
            done = writev(self.descriptor, at, left)
            if done < 0:
                if errno != EINTR:
                    self.error = errno
                continue
            while left and <size_t> done >= at.iov_len:
                done -= at.iov_len
                at += 1
                left -= 1
            if done:
                at.iov_base = <uint8_t*> at.iov_base + done
                at.iov_len -= done

    cdef void go_back(self, uint64_t end) noexcept nogil:
        """What was put behind the first `end` bytes counts no more."""
        self.flush()
        self.end = end
        if not self.error and lseek(self.descriptor, <off_t> (self.base + end), SEEK_SET) < 0:
            self.error = errno
