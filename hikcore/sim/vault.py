"""One camera's footage as the recorder serves it: files, their sizes and their bytes."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from hikcore.instants import Span
from hikcore.sim.camera import CameraProfile
from hikcore.sim.footage import Footage
from hikcore.sim.profile import Profile
from hikcore.sim.psmux import Muxer, write_ps
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
        zone = profile.clock.rule
        self.camera = camera
        self.footage = Footage(camera, profile.seed, zone, cache)
        self.muxer = Muxer(camera, profile.mux, zone, profile.seed)
        self.schedule = Schedule(camera, profile.recorded, profile.seed, start)
        self._sizes: dict[str, int] = {}
        parts = (self.footage.identity, profile.mux, zone, profile.seed, camera)
        self._identity = repr(parts)

    def files(self, span: Span, now: int) -> list[StoredFile]:
        """Files that touch a span (ns) by their listed times, as they are at `now`."""
        return self.schedule.files(span.begin // _MS, -(-span.end // _MS), now // _MS)

    def body(self, file: StoredFile) -> Iterator[bytes]:
        """The bytes that a download of the file brings, in blocks."""
        blocks = write_ps(
            self.footage, self.muxer, file.begin_ms, file.written_ms, headless=file.headless
        )
        held = b""
        for block in blocks:
            held += block
            if len(held) > file.cut_tail:
                keep = len(held) - file.cut_tail
                yield held[:keep]
                held = held[keep:]

    def size(self, file: StoredFile) -> int:
        """How many bytes `body` brings: known once made, on disk too where it is closed."""
        parts = (self._identity, file.begin_ms, file.written_ms, file.headless, file.cut_tail)
        key = hashlib.sha256(repr(parts).encode()).hexdigest()[:24]
        if key not in self._sizes:
            path = self.footage.cache / "sizes" / key
            try:
                self._sizes[key] = int(path.read_text())
            except (FileNotFoundError, ValueError):
                self._sizes[key] = sum(len(block) for block in self.body(file))
                if not file.growing:
                    _write(path, str(self._sizes[key]))
        return self._sizes[key]

    def recorded(self, span: Span, now: int) -> list[int]:
        """The instants (ns) of all pictures of a span that any file holds at `now`, each once."""
        held: set[int] = set()
        begin, end = -(-span.begin // _MS), -(-span.end // _MS)
        for file in self.files(span, now):
            if file.cut_tail:
                raise ValueError("what a file with a cut tail holds is only known by reading it")
            held.update(self.footage.instants(max(begin, file.begin_ms), min(end, file.written_ms)))
        return sorted(ms * _MS for ms in held)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "w") as out:
        out.write(text)
    Path(name).replace(path)
