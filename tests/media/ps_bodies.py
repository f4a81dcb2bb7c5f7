"""Program streams for the tests, and how they are read."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hikcore.deviceclock import ZoneRule
from hikcore.media.ps import PsIndexer
from hikcore.media.samples import read_samples
from hikcore.media.table import Samples, SampleTable
from hikcore.sim import hikps
from hikcore.sim.camera import CameraProfile
from hikcore.sim.encoder import AccessUnit
from hikcore.sim.footage import Footage
from hikcore.sim.psmux import Muxer, MuxProfile, parts

BEGIN = 1_790_000_000_000 // 480 * 480  # ms; on the grid of groups
FRAME, GOP = 80, 6


class Bytes:
    """A body in memory as the source of a table."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    def read_at(self, offset: int, size: int) -> bytes:
        assert 0 <= offset <= offset + size <= len(self.body)
        return self.body[offset : offset + size]


@functools.cache
def footage(codec: str = "h264", b_frames: int = 0, audio: str | None = "alaw") -> Footage:
    """A minute of small footage in no time: two coded groups of six pictures, repeated."""
    camera = CameraProfile(
        channel=1, codec=codec, width=320, height=144, crf=51, frame_ms=FRAME, gop=GOP,
        b_frames=b_frames, bank=2, audio=audio, audio_ms=40,
    )  # fmt: skip
    return Footage(camera, cache=_cache())


@functools.cache
def _cache() -> Path:
    return Path(tempfile.mkdtemp(prefix="hikcore-test-"))


@dataclass(frozen=True)
class Muxed:
    """A body and what was put into it."""

    body: bytes
    pictures: list[AccessUnit]
    sounds: list[tuple[int, bytes]]
    muxer: Muxer


def muxed(
    mux: MuxProfile | None = None,
    *,
    codec: str = "h264",
    b_frames: int = 0,
    audio: str | None = "alaw",
    begin: int = BEGIN,
    seconds: float = 1.5,
    headless: bool = False,
) -> Muxed:
    source = footage(codec, b_frames, audio)
    muxer = Muxer(source.camera, mux or MuxProfile(), ZoneRule())
    end = begin + int(seconds * 1000)
    body = b"".join(data for _, data in parts(source, muxer, begin, end, headless=headless))
    pictures = list(source.pictures(begin, end, headless=headless))
    sounds = list(source.audio(begin if headless else source.first_key(begin), end))
    return Muxed(body, pictures, sounds, muxer)


def blocks(body: bytes, sizes: list[int]) -> Iterator[bytes]:
    """The body in pieces of these sizes, over and over."""
    at = number = 0
    while at < len(body):
        size = sizes[number % len(sizes)]
        yield body[at : at + size]
        at += size
        number += 1


def index(body: bytes, sizes: list[int] | None = None, **caps: int) -> SampleTable:
    indexer = PsIndexer(**caps)
    for block in blocks(body, sizes or [1 << 20]):
        indexer.feed(block)
    return indexer.finish()


def nal_units(body: bytes, samples: Samples) -> list[list[bytes]]:
    """NAL units of every sample, gathered as the product does; lengths must add up."""
    data = read_samples(Bytes(body), samples, 0, len(samples))
    assert len(data) == samples.size.sum()
    out, at = [], 0
    for size in samples.size.tolist():
        end, nals = at + size, []
        while at < end:
            length = int.from_bytes(data[at : at + 4], "big")
            nals.append(data[at + 4 : at + 4 + length])
            at += 4 + length
        assert at == end
        out.append(nals)
    return out


def pack(pts: int = 0, number: int = 0) -> bytes:
    return hikps.pack_header(pts, number)


def video(payload: bytes, pts: int | None = None) -> bytes:
    return hikps.pes(0xE0, payload, pts=pts)


PLAIN = MuxProfile(private=False, header=False)


def whole(made: Muxed) -> list[list[bytes]]:
    return [unit.units() for unit in made.pictures]


def read(body: bytes) -> tuple[SampleTable, list[list[bytes]]]:
    """Indexed, and all of it gathered."""
    table = index(body)
    assert table.video is not None
    return table, nal_units(body, table.video)


def picture(made: Muxed, number: int) -> bytes:
    return made.muxer.picture(made.pictures[number])
