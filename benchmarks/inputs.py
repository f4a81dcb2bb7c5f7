"""The files that are measured: made once of real footage and kept in the user's cache."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import av

from benchmarks.footage import FRAME_MS, GOP, HEIGHT, WIDTH, Footage, load
from benchmarks.frames import BEGIN_MS, everfocus_header
from hikcore.deviceclock import ZoneRule
from hikcore.media.container import index_file
from hikcore.media.mp4.write import align, write_mp4
from hikcore.media.samples import FileSource, read_samples
from hikcore.sim.camera import CameraProfile
from hikcore.sim.encoder import AccessUnit
from hikcore.sim.psmux import Muxer, MuxProfile

#: Raised when anything here would give other bytes, so that no cache of old ones is used.
_VERSION = 2


@dataclass(frozen=True)
class Size:
    """Bytes of footage, seconds of a segment of the join, seconds of the long cut."""

    name: str
    size: int
    segment: int
    long_cut: int


SIZES = {
    "small": Size("small", 80_000_000, 60, 60),
    "full": Size("full", 1_070_000_000, 600, 600),
}


@dataclass(frozen=True)
class Inputs:
    """The files of one size, made when they are first asked for."""

    size: Size
    folder: Path

    def footage(self, codec: str) -> Footage:
        """What all of the files repeat."""
        return load(codec, self.folder.parent)

    def pictures(self, codec: str, seconds: int | None = None) -> Iterator[tuple[int, bool, bytes]]:
        """(number, key, data): whole groups, of so many seconds or bytes."""
        footage = self.footage(codec)
        count = (seconds or 0) * 1000 // FRAME_MS
        if seconds is None:
            count = int(self.size.size / footage.size * len(footage.pictures)) // GOP * GOP
        return islice(footage.endless(), count)

    def seconds(self, codec: str = "h264") -> float:
        """How long the footage of `size` lasts."""
        footage = self.footage(codec)
        return self.size.size / footage.size * len(footage.pictures) * FRAME_MS / 1000

    def ps(self, codec: str) -> Path:
        """A Hikvision program stream, PES of 65484 bytes, as new firmware writes it."""
        return self._made(f"{codec}.ps", lambda out: _write(out, self._ps_parts(codec, None)))

    def segment(self) -> Path:
        """An archive's segment (H.264)."""

        def make(out: Path) -> None:
            stream = out.with_suffix(".stream")
            _write(stream, self._ps_parts("h264", self.size.segment))
            _own_mp4(stream, out)
            stream.unlink()

        return self._made("segment.mp4", make)

    def mp4(self) -> Path:
        """All of the H.264 footage as our MP4: moov first."""
        return self._made("first.mp4", lambda out: _own_mp4(self.ps("h264"), out))

    def mp4_last(self) -> Path:
        """The same with the moov last, by libavformat."""
        return self._made("last.mp4", lambda out: _remux(self.mp4(), out, {}))

    def fragmented(self) -> Path:
        """The same in fragments of a group each, without any index, by libavformat."""
        flags = "frag_keyframe+empty_moov+default_base_moof+skip_trailer"
        return self._made(
            "fragmented.mp4", lambda out: _remux(self.mp4(), out, {"movflags": flags})
        )

    def everfocus(self) -> Path:
        """An EverFocus frame stream (H.264)."""
        return self._made("everfocus.bin", lambda out: _write(out, self._frames()))

    def _frames(self) -> Iterator[bytes]:
        for number, key, data in self.pictures("h264"):
            ms = BEGIN_MS + number * FRAME_MS
            kind = 6 if key else 7
            yield everfocus_header(len(data), kind, ms)
            yield data

    def _ps_parts(self, codec: str, seconds: int | None) -> Iterator[bytes]:
        camera = CameraProfile(
            channel=1, codec="h265" if codec == "h265" else "h264", width=WIDTH, height=HEIGHT,
            frame_ms=FRAME_MS, gop=GOP,
        )  # fmt: skip
        muxer = Muxer(camera, MuxProfile(pes_size=65_484), ZoneRule())
        yield muxer.head()
        for number, key, data in self.pictures(codec, seconds):
            yield muxer.picture(AccessUnit(BEGIN_MS + number * FRAME_MS, key, data))

    def _made(self, name: str, make: Callable[[Path], None]) -> Path:
        path = self.folder / name
        if not path.exists():
            part = path.with_name(f"{path.stem}.{os.getpid()}{path.suffix}")
            make(part)
            part.replace(path)
        return path


def open_inputs(name: str) -> Inputs:
    """The inputs of a size, in $XDG_CACHE_HOME/hikcore-bench."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "hikcore-bench" / f"v{_VERSION}" / name
    folder.mkdir(parents=True, exist_ok=True)
    return Inputs(SIZES[name], folder)


def _write(path: Path, parts: Iterable[bytes]) -> None:
    with path.open("wb") as out:
        out.writelines(parts)


def _own_mp4(stream: Path, path: Path) -> None:
    table = index_file(stream)
    tracks = align(table.video, table.audio)
    with FileSource(stream) as source, path.open("wb") as out:
        write_mp4(out, tracks, lambda n, a, b: read_samples(source, tracks[n].samples, a, b))


def _remux(source: Path, path: Path, options: dict[str, str]) -> None:
    with av.open(source) as give, av.open(path, "w", format="mp4", options=options) as take:
        stream = give.streams.video[0]
        out = take.add_stream_from_template(stream)
        for packet in give.demux(stream):
            if packet.dts is not None:
                packet.stream = out
                take.mux(packet)
