# cython: language_level=3
"""A push parser's view of its input: whole units in one piece of memory, however they arrive.

A parser that must see a whole frame, and a little of what follows it, before it believes the frame's
length derives from Window and writes `step`. Units that lie within the piece that is fed are
parsed where they are; only one that straddles two pieces is copied. What is kept grows with the bytes
that really came, never with a length that they declare, and is moved at most once a byte.
"""

from libc.stdint cimport uint8_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy, memmove


cdef class Fed:
    """A parser that bytes are pushed into: it writes `take`. Not safe for two threads at once."""

    cdef void take(self, const uint8_t* p, size_t n) noexcept nogil:
        """The next piece of the input, of any size."""
        pass

    def feed(self, const uint8_t[::1] data not None):
        """Parse the next piece of the input: a block of a file or a message, of any size.

        Args:
            data: contiguous uint8, any length; not kept.

        Raises:
            MemoryError: what must be kept of it found no room; nothing more is taken.
        """
        cdef size_t n = data.shape[0]
        if n:
            with nogil:
                self.take(&data[0], n)
        if self.starved:
            raise MemoryError("no room for what a parser has to keep of its input")


cdef class Window(Fed):
    """See the module."""

    def __dealloc__(self):
        free(self.kept)

    cdef size_t step(self, const uint8_t* p, size_t n, bint last) noexcept nogil:
        """Parse at `p`: the number of bytes used; or 0, and `need` > n says how many it takes to
        go on. `last`: nothing follows these n bytes, so some must be used."""
        return n

    cdef size_t run(self, const uint8_t* p, size_t n, bint last) noexcept nogil:
        """Steps until one asks for more; the number of bytes used."""
        cdef size_t used = 0, now
        while used < n and not self.stopped:
            now = self.step(p + used, n - used, last)
            if now == 0:
                break
            used += now
            self.offset += now
        return used

    cdef void take(self, const uint8_t* p, size_t n) noexcept nogil:
        """The next piece of the input, of any size."""
        cdef const uint8_t* begin = p
        cdef size_t held, more, used
        while n and not self.stopped:
            held = self.kept_end - self.kept_begin
            if held == 0:
                self.kept_begin = self.kept_end = 0
                used = self.run(p, n, False)
                p += used
                n -= used
                if n and not self.stopped and self.keep(p, n):
                    n = 0
                continue
            more = self.need - held if self.need > held else 1
            if more > n:
                more = n
            if not self.keep(p, more):
                return
            p += more
            n -= more
            held += more
            if held < self.need:
                continue
            used = self.run(self.kept + self.kept_begin, held, False)
            self.kept_begin += used
            held -= used
            if held <= <size_t> (p - begin):
                # What is left of it lies in this piece too: go on there, without copies.
                p -= held
                n += held
                self.kept_begin = self.kept_end = 0

    cdef void end(self) noexcept nogil:
        """No more input: what is kept is parsed for what it is."""
        if self.kept_end > self.kept_begin:
            self.kept_begin += self.run(
                self.kept + self.kept_begin, self.kept_end - self.kept_begin, True
            )
        free(self.kept)
        self.kept = NULL
        self.kept_begin = self.kept_end = self.kept_room = 0

    cdef bint keep(self, const uint8_t* p, size_t n) noexcept nogil:
        """Copy behind what is kept already. Out of memory: stops."""
        cdef size_t room, held = self.kept_end - self.kept_begin
        cdef uint8_t* grown
        if n > self.kept_room - self.kept_end:
            if self.kept_begin >= held and self.kept_begin:
                memmove(self.kept, self.kept + self.kept_begin, held)
                self.kept_begin, self.kept_end = 0, held
            if n > self.kept_room - self.kept_end:
                room = 2 * (self.kept_end + n)
                grown = <uint8_t*> realloc(self.kept, room)
                if grown == NULL:
                    self.stopped = self.starved = True
                    return False
                self.kept = grown
                self.kept_room = room
        memcpy(self.kept + self.kept_end, p, n)
        self.kept_end += n
        return True
