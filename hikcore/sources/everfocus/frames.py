"""Messages of a live WebSocket to frames, each as soon as it is whole (NVR SDK guide, 3.1).

The guide does not say whether a message is a frame. Here it may be one, several, or a part of one.
A frame is believed when another header follows it, or when it ends where its message ends: live
frames must not wait for the next one. Where neither is so, its declared length lies, or bytes
follow that are no frame: a header found inside it decides, as in `hikcore.native.everfocus`, which
reads each header.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from hikcore.errors import MediaDamaged, MediaUnsupported
from hikcore.media.everfocus import MAX_FRAME
from hikcore.native.everfocus import Header, parse_header

HEADER: Final = 32
MAGIC: Final = bytes.fromhex("15966389")
KNOWN: Final = frozenset((6, 7, 8, 9, 16))
G711: Final = 16
H265: Final = frozenset((8, 9))


class FrameCutter:
    """Cuts the messages of one connection into frames.

    Args:
        max_frame: bytes; a header that declares more is none.
        size_counts_header: whether the declared length counts the header's own 32 bytes, which the
            guide leaves open; None: the first frame shows it.
        whole: the views begin with the header.

    Attributes:
        faults: how often what was passed over, in words.
        before: what was passed over ahead of the frame at hand, with `whole`; of more than a frame
            holds the last part.
    """

    def __init__(
        self,
        *,
        max_frame: int = MAX_FRAME,
        size_counts_header: bool | None = None,
        whole: bool = False,
    ) -> None:
        self.faults: Counter[str] = Counter()
        self.before = b""
        self._whole = whole
        self._passed = b""
        self._max_frame = max_frame
        self._counted = size_counts_header
        self._kept = bytearray()
        self._need = 0
        self._lost = False
        self._begun = False

    @property
    def between(self) -> bool:
        """Whether a message that comes now begins with a frame, if all is well."""
        return not self._kept

    def feed(self, message: bytes) -> Iterable[tuple[Header, memoryview]]:
        """The frames that this message completes, in order: their headers, and their bytes as views
        of memory that nothing else changes. Take all of them before the next call.

        Raises:
            MediaUnsupported: headers in big-endian order.
        """
        size = len(message)
        if not self._kept and size >= HEADER and not self._counted:
            # Nearly always a message is a frame: one call into the parser, nothing copied.
            try:
                header = parse_header(message)
            except MediaDamaged:
                return self._cut(message, 0)
            if header.size + HEADER == size and header.size <= self._max_frame:
                self._believe(header, counted=False)
                self._told_before()
                return ((header, memoryview(message)[0 if self._whole else HEADER :]),)
        elif self._kept:
            begin = len(self._kept)
            self._kept += message
            if len(self._kept) < self._need and not self._fresh(message):
                return ()
            data = bytes(self._kept)
            self._kept = bytearray()
            return self._cut(data, begin)
        return self._cut(message, 0)

    def _cut(self, data: bytes, border: int) -> Iterator[tuple[Header, memoryview]]:
        """Args:
        border: where in `data` the newest message begins.
        """
        view, size, at = memoryview(data), len(data), 0
        done = 0
        while at < size:
            if data[at : at + 4] != MAGIC:
                at = self._seek(data, at)
                if at < 0:
                    self._pass(data[done : size - len(self._kept)])
                    return
            if size - at < HEADER:
                self._keep(data, at, HEADER)
                self._pass(data[done:at])
                return
            header = parse_header(view[at : at + HEADER])
            if header.size > self._max_frame or (self._counted and header.size < HEADER):
                self.faults["a header that declares more than any frame holds"] += 1
                self._lost = True
                at += 4
                continue
            total = header.size + (0 if self._counted else HEADER)
            if self._counted is None and not _follows(data, at + total):
                counted = header.size > HEADER and _follows(data, at + header.size)
                if counted:
                    self._counted, total = True, header.size
            end = at + total
            if not _follows(data, end):
                if end + 4 > size:
                    if border <= at or not self._fresh(data[border:]):
                        self._keep(data, at, total if end > size else total + 4)
                        self._pass(data[done:at])
                        return
                    inside = border
                else:
                    inside = _inside(data, at + HEADER, end + 4, self._max_frame)
                if inside >= 0:
                    self.faults["a frame that is shorter than it declares"] += 1
                    at = inside
                    continue
            self._believe(header, counted=bool(self._counted))
            self._pass(data[done:at])
            self._told_before()
            yield header, view[at + (0 if self._whole else HEADER) : end]
            at = done = end
        self._pass(data[done:])

    def _pass(self, data: bytes) -> None:
        if self._whole and data:
            self._passed = (self._passed + data)[-self._max_frame :]

    def _told_before(self) -> None:
        if self._whole:
            self.before, self._passed = self._passed, b""

    def _believe(self, header: Header, *, counted: bool) -> None:
        self._begun, self._lost = True, False
        if self._counted is None and header.size:
            self._counted = counted

    def _seek(self, data: bytes, at: int) -> int:
        """The next magic number; -1: there is none, and what may be the begin of one is kept."""
        if not self._begun and data[at : at + 4] == MAGIC[::-1]:
            raise MediaUnsupported("EverFocus frames with big-endian headers", offset=at)
        found = data.find(MAGIC, at)
        tail = max(at, len(data) - 3)
        if found < 0 and len(data) - at < 4 and MAGIC.startswith(data[at:]):
            self._keep(data, at, HEADER)
            return -1
        if not self._lost:
            self._lost = True
            self.faults["bytes between frames"] += 1
        if found < 0:
            while tail < len(data) and not MAGIC.startswith(data[tail:]):
                tail += 1
            if tail < len(data):
                self._keep(data, tail, HEADER)
        return found

    def _keep(self, data: bytes, at: int, need: int) -> None:
        self._kept = bytearray(data[at:])
        self._need = need

    def _fresh(self, message: bytes) -> bool:
        """Whether this message is frames from its begin to its end: then the frame before it, which
        wants more bytes, was cut off. No chance makes part of a picture look so."""
        at, size = 0, len(message)
        while size - at >= HEADER and message[at : at + 4] == MAGIC:
            header = parse_header(message[at : at + HEADER])
            if header.kind not in KNOWN or header.size > self._max_frame:
                return False
            at += max(header.size, HEADER) if self._counted else HEADER + header.size
        return at == size and at > 0


def _follows(data: bytes, at: int) -> bool:
    """Whether a frame, or the end of the message, begins at `at`."""
    return at == len(data) or data[at : at + 4] == MAGIC


def _inside(data: bytes, begin: int, end: int, cap: int) -> int:
    """Offset of a header of a known frame; -1 without one."""
    at = data.find(MAGIC, begin, end)
    while at >= 0:
        if len(data) - at < HEADER:
            return at
        header = parse_header(data[at : at + HEADER])
        if header.kind in KNOWN and header.size <= cap:
            return at
        at = data.find(MAGIC, at + 4, end)
    return -1
