"""An archive of every class of footage: each body is one camera's recording, committed as a
device's is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hikcore.archive.clip_document import ClipDocument
from hikcore.archive.local import LocalStore
from hikcore.archive.reader import Archive
from hikcore.deviceclock import UTC_CLOCK
from hikcore.errors import MediaDamaged
from hikcore.extract.commit import Commit
from hikcore.extract.intake import Intake
from hikcore.extract.plan import PlannedChunk, identity
from hikcore.extract.report import CameraJob
from hikcore.extract.spool import Spool
from hikcore.instants import Span, format_local
from hikcore.sources.base import Recording
from tests.media.cut_bodies import Body

_SITE = "cuts"


@dataclass(frozen=True)
class Held:
    """A body in the archive, under its own camera; `path`: the body as received."""

    body: Body
    camera: str
    path: Path


class Cameras:
    """An archive in a folder, filled class by class as it is asked."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._store = LocalStore(folder / "archive")
        self._held: dict[str, Held] = {}
        self.archive = Archive(self._store)

    def held(self, body: Body) -> Held:
        """The body, committed when it is first asked for."""
        name = "".join(c if c.isalnum() else "-" for c in str(body).lower()).replace("--", "-")
        if name not in self._held:
            path = self._folder / f"{name}.body"
            path.write_bytes(body.data)
            self.commit(name, body.data, body.listed, body.footage.end)
            self._held[name] = Held(body, name, path)
        return self._held[name]

    def commit(self, camera: str, data: bytes, begin: int, end: int) -> None:
        """A recording of a camera, listed over [begin, end) UTC ns."""
        literal = (format_local(begin, 0), format_local(end, 0))
        row = Recording(3, "main", "file", *literal, Span(begin, end), len(data), camera, False, "")
        job = CameraJob(_SITE, camera, "main", "nvr1", 3)
        spool = Spool(self._folder / "spool", 1 << 30)
        part = spool.part(camera)
        try:
            intake = Intake(part, store=True)
            intake.take(data)
            chunk = PlannedChunk(identity(camera, row), row)
            committed = Commit(job, UTC_CLOCK, self._store, spool).put(chunk, intake.finish())
        finally:
            part.close()
        if committed.manifest.raw is not None:
            raise MediaDamaged(f"not held: {committed.manifest.raw.reason}")

    def clip(self, held: Held, span: Span, out: Path, **options: str | bool) -> ClipDocument:
        """Cut it; the clip's document."""
        return self.archive.clip(_SITE, held.camera, span, out, **options).document
