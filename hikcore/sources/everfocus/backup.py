"""AVI of a window (NVR SDK guide, 9.12), and when its first and last pictures were filmed.

AVI has no times. Short playbacks at both ends have: where the bytes of a picture of the AVI come in
one of them too, that is when it was filmed.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from hikcore.instants import NS, Span
from hikcore.media.everfocus import HEADERS, read_headers

#: Pictures at each end of the AVI whose bytes are remembered.
_ENDS: Final = 1000
#: Seconds of playback at each end.
STRETCH: Final = 20
_LARGEST: Final = 16 << 20
_PICTURES: Final = (b"dc", b"db")
_SOUND: Final = 16


@dataclass(slots=True)
class Pictures:
    """The first and last pictures of an AVI that is fed in blocks, by their bytes.

    Attributes:
        count: of all pictures. first, last: digests, in order.
    """

    count: int = 0
    first: list[bytes] = field(default_factory=list)
    last: deque[bytes] = field(default_factory=lambda: deque(maxlen=_ENDS))
    _held: bytearray = field(default_factory=bytearray)
    _inside: bool = False
    _over: bool = False

    def feed(self, block: bytes) -> None:
        """The next bytes."""
        if self._over:
            return
        self._held += block
        at = 0
        if not self._inside:
            at = self._held.find(b"movi")
            if at < 0:
                self._over = len(self._held) > _LARGEST
                return
            self._inside, at = True, at + 4
        del self._held[: self._chunks(at)]

    def _chunks(self, at: int) -> int:
        held = self._held
        while len(held) - at >= 12:
            kind, size = bytes(held[at : at + 4]), int.from_bytes(held[at + 4 : at + 8], "little")
            if kind == b"LIST":
                at += 12
                continue
            if size > _LARGEST or kind == b"idx1":
                self._over = True
                return len(held)
            end = at + 8 + size
            if len(held) < end + size % 2:
                break
            if kind[2:] in _PICTURES and size:
                self._add(bytes(held[at + 8 : end]))
            at = end + size % 2
        return at

    def _add(self, picture: bytes) -> None:
        digest = hashlib.blake2b(picture, digest_size=16).digest()
        self.count += 1
        if len(self.first) < _ENDS:
            self.first.append(digest)
        self.last.append(digest)


def filmed(frames: bytes) -> dict[bytes, int]:
    """When each picture of a playback was filmed (UTC ns), by its bytes; of two alike neither."""
    found: dict[bytes, int] = {}
    twice = set()
    for digest, time in _pictures(frames):
        if digest in found:
            twice.add(digest)
        found[digest] = time
    return {digest: time for digest, time in found.items() if digest not in twice}


def told(pictures: Pictures, begin: Mapping[bytes, int], end: Mapping[bytes, int]) -> Span | None:
    """When an AVI begins and ends, by the first and the last of its pictures that came in a
    playback too; what lies outside of them goes on at their pace. None: not matched, so its times
    are estimated."""
    low = next((n for n, each in enumerate(pictures.first) if each in begin), None)
    back = next((n for n, each in enumerate(reversed(pictures.last)) if each in end), None)
    if low is None or back is None or low >= pictures.count - 1 - back:
        return None
    high = pictures.count - 1 - back
    first, last = begin[pictures.first[low]], end[pictures.last[-1 - back]]
    if last <= first:
        return None
    whole = (last - first) * pictures.count // (high - low)
    start = first - (last - first) * low // (high - low)
    return Span(start, start + whole)


def _pictures(frames: bytes) -> Iterator[tuple[bytes, int]]:
    rows, _ = read_headers(frames)
    assert rows.dtype == HEADERS
    for row in rows:
        if int(row["kind"]) == _SOUND or int(row["time"]) < 0:
            continue
        begin = int(row["offset"]) + 32
        payload = frames[begin : begin + int(row["size"])]
        yield hashlib.blake2b(payload, digest_size=16).digest(), int(row["time"])


async def collected(
    play: Callable[[Callable[[bytes], Awaitable[None]], Span], Awaitable[object]], span: Span
) -> dict[bytes, int]:
    """The pictures of a short playback, see `filmed`."""
    body = bytearray()

    async def keep(block: bytes) -> None:
        body.extend(block)

    await play(keep, span)
    return filmed(bytes(body))


def ends_of(span: Span) -> tuple[Span, Span]:
    """What is played of a window: its first and last seconds."""
    length = min(STRETCH * NS, span.length)
    return Span(span.begin, span.begin + length), Span(span.end - length, span.end + NS)
