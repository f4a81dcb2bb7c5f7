"""EverFocus frame streams written and taken apart the slow way, from the guide's section 3.1 alone.

The whole body is in memory and every rule is applied in its plainest form. It shares nothing with
the product's parser, and is what the tests believe about a stream.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

MAGIC = bytes.fromhex("15966389")
H264I, H264P, H265I, H265P, G711 = 6, 7, 8, 9, 16
CAP = 16 << 20


def frame(
    kind: int,
    data: bytes,
    ms: int,
    *,
    size: int | None = None,
    msec: int | None = None,
    shape: tuple[int, int] = (256, 128),
    reserved: bytes = bytes(12),
) -> bytes:
    """A frame as the guide lays it out, field by field. `size`, `msec`: what the header claims."""
    return b"".join(
        (
            MAGIC,
            (len(data) if size is None else size).to_bytes(4, "little"),
            kind.to_bytes(2, "little"),
            shape[0].to_bytes(2, "little"),
            shape[1].to_bytes(2, "little"),
            (ms // 1000).to_bytes(4, "little"),
            (ms % 1000 if msec is None else msec).to_bytes(2, "little"),
            reserved,
            data,
        )
    )


def annexb(nals: Sequence[bytes]) -> bytes:
    return b"".join(b"\0\0\0\1" + nal for nal in nals)


def lengths(nals: Sequence[bytes]) -> bytes:
    return b"".join(len(nal).to_bytes(4, "big") + nal for nal in nals)


@dataclass
class Found:
    """A frame that is believed. `ms`: None where the header says no time."""

    offset: int
    kind: int
    data: bytes
    ms: int | None
    width: int
    height: int


@dataclass
class Parsed:
    frames: list[Found] = field(default_factory=list)
    cut: int = 0

    @property
    def audio(self) -> list[Found]:
        return [f for f in self.frames if f.kind == G711 and f.data]

    @property
    def nals(self) -> list[bytes]:
        """NAL units of all pictures' frames, without zeros behind them; of those frames that are
        framed as the first one is."""
        out: list[bytes] = []
        framing = None
        for each in self.frames:
            if each.kind in (6, 7, 8, 9):
                how, nals = _nals(each.data, framing)
                framing = framing or how
                out += nals if how == framing else []
        return out


def _nals(data: bytes, stream: str | None = None) -> tuple[str, list[bytes]]:
    how, nals = _by_length(data)
    if how and stream == "length":
        return how, nals
    if re.match(rb"\x00\x00+\x01", data):
        parts = re.split(rb"\x00\x00\x01", data)[1:]
        return "annexb", [part.rstrip(b"\0") for part in parts if part.rstrip(b"\0")]
    return how, nals


def _by_length(data: bytes) -> tuple[str, list[bytes]]:
    out, at = [], 0
    while at + 4 < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        if not 0 < size <= len(data) - at - 4:
            return "", []
        out.append(data[at + 4 : at + 4 + size])
        at += 4 + size
    return ("length", out) if out and at == len(data) else ("", [])


def parse(body: bytes, cap: int = CAP) -> Parsed:
    """The frames of a body: each is believed if a frame, or the end, follows it; else a header
    inside it says that it is cut short; else it is believed."""
    out = Parsed()
    at = body.find(MAGIC)
    while at >= 0:
        if len(body) - at < 32:
            out.cut = len(body) - at
            break
        size, kind, width, height, sec, msec = struct.unpack_from("<IHHHIH", body, at + 4)
        if size > cap:
            at = body.find(MAGIC, at + 4)
            continue
        end = at + 32 + size
        if end != len(body) and body[end : end + 4] != MAGIC:
            inside = _inside(body[: end + 4], at + 32, cap)
            if inside is not None:
                at = inside
                continue
            if end > len(body):
                out.cut = len(body) - at
                break
        ms = None if msec > 999 or (sec == 0 and msec == 0) else sec * 1000 + msec
        out.frames.append(Found(at, kind, body[at + 32 : end], ms, width, height))
        at = body.find(MAGIC, end)
    return out


def _inside(body: bytes, begin: int, cap: int) -> int | None:
    at = body.find(MAGIC, begin)
    while at >= 0:
        if len(body) - at < 32:
            return at
        size, kind = struct.unpack_from("<IH", body, at + 4)
        if kind in (6, 7, 8, 9, 16) and size <= cap:
            return at
        at = body.find(MAGIC, at + 4)
    return None
