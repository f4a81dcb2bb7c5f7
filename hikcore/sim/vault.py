"""One camera's footage as the recorder serves it: files, their sizes and their bytes."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from hikcore.instants import Span
from hikcore.sim.camera import CameraProfile
from hikcore.sim.footage import Footage
from hikcore.sim.mp4file import whole_file
from hikcore.sim.profile import Profile
from hikcore.sim.provenance import of_bodies
from hikcore.sim.psmux import Muxer, joined, parts
from hikcore.sim.recordings import Schedule, StoredFile

_MS = 1_000_000


class Vault:
    """What the disks hold of one camera.

    Args:
        profile: of the recorder.
        camera: which one.
        start: the clock when the recorder started, ns.
        cache: folder of coded footage.
    """

    def __init__(
        self, profile: Profile, camera: CameraProfile, start: int, cache: Path | None = None
    ) -> None:
        self.zone = zone = profile.clock.rule
        self.camera = camera
        self.footage = Footage(camera, profile.seed, zone, cache)
        self._eras: dict[int, tuple[Footage, Muxer]] = {}
        self._made_of = profile.mux, profile.seed, cache
        self.schedule = Schedule(camera, profile.recorded, profile.seed, start, zone)
        self._sizes: dict[str, int] = {}
        self._identity = repr(
            (of_bodies(), self.footage.identity, profile.mux, zone, profile.seed, camera)
        )
        self._unflushed = profile.recorded.unflushed

    def files(self, span: Span, now: int) -> list[StoredFile]:
        """Files that touch a span (ns) by their listed times, as they are at `now`."""
        return self.schedule.files(span.begin // _MS, -(-span.end // _MS), now // _MS)

    def maker(self, era: int) -> tuple[Footage, Muxer]:
        """What films and muxes after so many settings of the clock: each time another scene, so
        that footage of the same readings can be told apart."""
        if era not in self._eras:
            mux, seed, cache = self._made_of
            other = seed + 1_000_003 * era
            footage = Footage(self.camera, other, self.zone, cache) if era else self.footage
            self._eras[era] = footage, Muxer(self.camera, mux, self.zone, other)
        return self._eras[era]

    def body(self, file: StoredFile) -> Iterator[bytes]:
        """The bytes that a download of the file brings, in blocks of some 256 KiB."""
        footage, muxer = self.maker(file.era)
        if muxer.mux.container == "mp4":
            return whole_file(
                footage, file.begin_ms, file.written_ms, headless=file.headless, cut=file.cut_tail
            )
        found = parts(footage, muxer, file.begin_ms, file.written_ms, headless=file.headless)
        return joined(_cut(found, file.cut_tail) if file.cut_tail else (data for _, data in found))

    def size(self, file: StoredFile) -> int:
        """How many bytes `body` brings: known once made, on disk too where it is closed."""
        what = (self._identity, file.begin_ms, file.written_ms, file.headless, file.cut_tail,
                file.era)  # fmt: skip
        key = hashlib.sha256(repr(what).encode()).hexdigest()[:24]
        if key not in self._sizes:
            path = self.footage.cache / "sizes" / key
            try:
                self._sizes[key] = int(path.read_text())
            except (FileNotFoundError, ValueError):
                self._sizes[key] = sum(len(block) for block in self.body(file))
                if not file.growing:
                    _write(path, str(self._sizes[key]))
        return self._sizes[key]

    def served_size(self, file: StoredFile) -> int:
        """How many bytes a download brings: fewer than listed while the tail is not flushed."""
        return max(1, self.size(file) - (self._unflushed if file.growing else 0))

    def served(self, file: StoredFile) -> Iterator[bytes]:
        """The body of a download."""
        left = self.served_size(file)
        for block in self.body(file):
            yield block[:left]
            left -= min(left, len(block))
            if not left:
                return

    def recorded(self, span: Span, now: int) -> list[int]:
        """The instants (ns) of all pictures of a span that any file holds whole at `now`, once."""
        held: set[int] = set()
        begin, end = -(-span.begin // _MS), -(-span.end // _MS)
        for file in self.files(span, now):
            found = self._instants(file)
            held.update(found[:-1] if file.cut_tail else found)
        return sorted(ms * _MS for ms in held if begin <= ms < end)

    def _instants(self, file: StoredFile) -> Sequence[int]:
        """Of a file's pictures in decoding order."""
        if not self.camera.b_frames:
            return self.footage.instants(file.begin_ms, file.written_ms)
        footage, _ = self.maker(file.era)
        units = footage.pictures(file.begin_ms, file.written_ms, headless=file.headless)
        return [unit.ms for unit in units]


def _cut(found: Iterator[tuple[int | None, bytes]], missing: int) -> Iterator[bytes]:
    """All up to the last picture, which lacks that many bytes (but never its first)."""
    held: list[bytes] = []
    for ms, data in found:
        if ms is not None:
            yield from held
            held = []
        held.append(data)
    yield held[0][: max(1, len(held[0]) - missing)]


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "w") as out:
        out.write(text)
    Path(name).replace(path)
