"""AVI files written and taken apart the slow way, from the RIFF and AVI documents alone.

The whole file is in memory and every rule is applied in its plainest form. It shares nothing with
the product's parser, and is what the tests believe about a file.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

CAP = 16 << 20


def chunk(name: bytes, data: bytes, *, size: int | None = None, pad: bool = True) -> bytes:
    """A chunk. `size`: what it declares."""
    head = name + struct.pack("<I", len(data) if size is None else size)
    return head + data + b"\0" * (len(data) % 2 if pad else 0)


def listed(kind: bytes, *parts: bytes, size: int | None = None, name: bytes = b"LIST") -> bytes:
    return chunk(name, kind + b"".join(parts), size=size, pad=False)


def video_header(
    fourcc: bytes = b"H264", rate: int = 25, scale: int = 1, *, start: int = 0, length: int = 0,
    extra: bytes = b"",
) -> bytes:  # fmt: skip
    strh = struct.pack(
        "<4s4sIHHIIIIIIII8s", b"vids", fourcc, 0, 0, 0, 0, scale, rate, start, length, 0, 0, 0, b""
    )
    strf = struct.pack("<IiiHH4sIiiII", 40, 256, 128, 1, 24, fourcc, 0, 0, 0, 0, 0) + extra
    return listed(b"strl", chunk(b"strh", strh), chunk(b"strf", strf))


def sound_header(tag: int = 7, rate: int = 8000, channels: int = 1, *, start: int = 0) -> bytes:
    strh = struct.pack(
        "<4s4sIHHIIIIIIII8s", b"auds", b"", 0, 0, 0, 0, 1, rate, start, 0, 0, 0, channels, b""
    )
    strf = struct.pack("<HHIIHHH", tag, channels, rate, rate * channels, channels, 8, 0)
    return listed(b"strl", chunk(b"strh", strh), chunk(b"strf", strf))


def head(*streams: bytes) -> bytes:
    return listed(b"hdrl", chunk(b"avih", bytes(56)), *streams)


def index(chunks: Sequence[bytes], base: int) -> bytes:
    """idx1 of chunks that lie one behind the other; the first at offset `base`."""
    rows, at = b"", base
    for each in chunks:
        rows += each[:4] + struct.pack("<III", 0x10, at, int.from_bytes(each[4:8], "little"))
        at += len(each)
    return chunk(b"idx1", rows)


def avi(
    chunks: Sequence[bytes], *streams: bytes, idx1: str = "movi", riff: int | None = None,
    movi: int | None = None, further: Sequence[bytes] = (),
) -> bytes:  # fmt: skip
    """A file. `idx1`: movi, file (what its offsets count from), short, none."""
    header = head(*(streams or (video_header(), sound_header())))
    data = listed(b"movi", *chunks, size=movi)
    bases = {"movi": 4, "file": 12 + len(header) + 12}
    rows = chunks[: len(chunks) // 2] if idx1 == "short" else chunks
    parts = [header, data]
    if idx1 != "none":
        parts.append(index(rows, bases.get(idx1, 4)))
    return listed(b"AVI ", *parts, size=riff, name=b"RIFF") + b"".join(further)


@dataclass
class Parsed:
    """`pictures`: data of each chunk of the first video stream, None for one that is not whole.
    `h265`: whether its header says so before any picture."""

    pictures: list[bytes | None] = field(default_factory=list)
    sounds: list[bytes] = field(default_factory=list)
    cut: int = 0
    unpadded: int = 0
    h265: bool | None = None


_DATA = re.compile(rb"[0-9][0-9](d[cb]|wb|pc|tx|sb)|LIST|RIFF|idx1|JUNK|ix[0-9][0-9]", re.DOTALL)
_NAME = re.compile(rb"[\x20-\x7e]{4}")


class Parser:
    """Walks the chunks of a file."""

    def __init__(self, body: bytes, cap: int = CAP) -> None:
        self.body, self.cap = body, cap
        self.out = Parsed()
        self.strl = -1
        self.video = self.audio = -1
        self.movi = self.lost = False

    def word(self, at: int) -> int:
        return int.from_bytes(self.body[at : at + 4], "little")

    def run(self) -> Parsed:
        at = 0
        while at < len(self.body):
            at = self.one(at)
        return self.out

    def named(self, at: int) -> bool:
        rule = _DATA if self.movi or self.lost else _NAME
        return rule.match(self.body, at, at + 4) is not None

    def one(self, at: int) -> int:
        body = self.body
        if self.lost:
            found = self.find(at, len(body), strict=False)
            if found != at:
                return len(body) if found is None else found
        elif len(body) - at < 8 or not self.named(at):
            return self.seek(at)
        name, size, kind = body[at : at + 4], self.word(at + 4), body[at + 8 : at + 12]
        if name == b"RIFF" and len(kind) == 4:
            if kind not in (b"AVI ", b"AVIX"):
                return self.seek(at)
            self.movi = self.lost = False
            return at + 12
        if name == b"LIST" and kind in (b"movi", b"rec ", b"hdrl", b"odml", b"strl"):
            self.movi, self.lost = kind in (b"movi", b"rec "), False
            if kind == b"strl":
                self.strl += 1
            return at + 12
        if name == b"idx1" and (self.out.pictures or self.out.sounds):
            self.movi = self.lost = False
            return self.rows(at + 8, size)
        if size > self.cap:
            self.lost = True
            return at + 4
        return self.whole(at, name, size)

    def rows(self, at: int, size: int) -> int:
        """Over an index, as far as it looks like one."""
        while size >= 16 and len(self.body) - at >= 16:
            name = self.body[at : at + 4]
            if name in (b"RIFF", b"LIST") or not _NAME.match(name):
                return at
            at, size = at + 16, size - 16
        return at + size if size < 16 else len(self.body)

    def follows(self, at: int) -> bool:
        rule = _DATA if self.movi else _NAME
        return at == len(self.body) or rule.match(self.body, at, at + 4) is not None

    def whole(self, at: int, name: bytes, size: int) -> int:
        body = self.body
        end = at + 8 + size
        padded = end + size % 2
        if self.follows(padded):
            return self.believe(at, name, end, padded)
        if padded != end and self.follows(end):
            self.out.unpadded += 1
            return self.believe(at, name, end, end)
        inside = self.find(at + 8, min(padded + 8, len(body)), strict=True)
        inside = inside if inside is not None and inside < end else None
        if inside is None and end <= len(body):
            return self.believe(at, name, end, end)
        if re.match(rb"\d\dd[cb]", name) and int(name[:2]) == self.video:
            self.out.pictures.append(None)
        if inside is None:
            self.out.cut = len(body) - at
            return len(body)
        return inside

    def find(self, at: int, stop: int, *, strict: bool) -> int | None:
        body = self.body[:stop]
        for found in _DATA.finditer(body, at):
            where = found.start()
            if where + 8 > stop:
                return None
            name = body[where : where + 4]
            if name in (b"RIFF", b"LIST", b"idx1"):
                if not strict or stop - where < 12 or _NAME.match(body, where + 8):
                    return where
            elif self.word(where + 4) <= self.cap:
                data = re.match(rb"\d\d(d[cb]|wb)", name)
                if not data or self.video < 0 or int(name[:2]) in (self.video, self.audio):
                    return where
        return None

    def seek(self, at: int) -> int:
        self.lost = True
        found = self.find(at + 1, len(self.body), strict=False)
        return len(self.body) if found is None else found

    def believe(self, at: int, name: bytes, end: int, after: int) -> int:
        data = self.body[at + 8 : end]
        self.lost = False
        if re.match(rb"\d\dwb", name):
            self.audio = int(name[:2]) if self.audio < 0 else self.audio
            if int(name[:2]) == self.audio:
                self.out.sounds.append(data)
        elif re.match(rb"\d\dd[cb]", name):
            self.video = int(name[:2]) if self.video < 0 else self.video
            if int(name[:2]) == self.video:
                self.out.pictures.append(data)
        elif name == b"strh" and not self.movi and 0 <= self.strl < 16:
            if data[:4] == b"vids" and self.video < 0:
                self.video = self.strl
            elif data[:4] == b"auds" and self.audio < 0:
                self.audio = self.strl
        elif name == b"strf" and not self.movi and 0 <= self.strl == self.video < 16:
            known = (b"H265", b"HEVC", b"HEV1", b"HVC1", b"X265")
            if data[16:20].upper() in known and not self.out.pictures:
                self.out.h265 = True
        return after


def parse(body: bytes, cap: int = CAP) -> Parsed:
    """What a file holds."""
    return Parser(body, cap).run()
