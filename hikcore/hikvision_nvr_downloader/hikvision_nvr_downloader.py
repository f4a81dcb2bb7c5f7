"""`HikvisionNVRClient`: one clip straight from a recorder, cut to the frame, as MP4 with AAC sound.

A recorder serves whole files of up to 1 GB only, so those that the span touches are fetched whole,
and the clip is cut from them without re-encoding the picture. Sound is encoded to AAC, as hardly
anything plays the recorder's G.711 in an MP4.
"""

from __future__ import annotations

import asyncio
import logging
import re
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeVar, get_args

from pydantic import SecretStr

from hikcore.archive.clip import ClipReport
from hikcore.archive.open import open_store
from hikcore.archive.reader import open_archive
from hikcore.errors import MediaDamaged, NoRecording
from hikcore.extract.camera import extract_camera
from hikcore.extract.fetch import Patience
from hikcore.extract.report import CameraJob, CameraReport, Outcome, Quiet
from hikcore.extract.spool import Spool
from hikcore.folders import cache_folder, state_folder
from hikcore.hikvision_nvr_downloader.work import WorkFolder, is_complete
from hikcore.instants import NS, Span, compact_instant, format_instant, from_datetime
from hikcore.sources.base import Stream
from hikcore.sources.fileguard import FileGuard
from hikcore.sources.isapi import Busy, IsapiSource, Retries, Settings
from hikcore.sources.notes import TomlNotes, file_name

_T = TypeVar("_T")
_SITE: Final = "download"
#: The spool's limit is the disk's: it waits for room that nothing else would free.
_NO_LIMIT: Final = 1 << 62
_CONNECT_TIMEOUT: Final = 10.0


class HikvisionNVRClient:
    """Clips from one recorder.

    Args:
        host: its name or address.
        username, password: an account with the right of remote playback.
        port: 80, or 443 with https, unless said.
        scheme: `http` or `https`.
        logger: told what is done, and of holes.
        timeout: seconds without a byte before a transfer counts as stalled.
        max_retries: further tries where a repeat can help (never after a refused password).
        backoff_factor: seconds before the first of them; doubled for each, up to a minute.
        tls: `verify`, `ca:FILE`, `pin:SHA256` or `off`.
        device_time: what the recorder's times mean, where it cannot be measured: `utc`, `local`
            (its wall clock), or the zone of that wall clock (`Europe/Berlin`, `CET-1CEST,…`).
        now: the clock, ns UTC.

    Raises:
        ConfigurationError: a setting that is none of its values.
    """

    def __init__(
        self,
        host: str,
        username: str,
        password: str | SecretStr,
        port: int | None = None,
        scheme: str = "http",
        logger: logging.Logger | None = None,
        timeout: float = 60.0,
        max_retries: int = 4,
        backoff_factor: float = 1.0,
        tls: str = "verify",
        *,
        device_time: str = "auto",
        now: Callable[[], int] = time.time_ns,
    ) -> None:
        secret = password if isinstance(password, SecretStr) else SecretStr(password)
        tries = max_retries + 1
        settings = Settings(
            connect_timeout=min(timeout, _CONNECT_TIMEOUT),
            idle_timeout=timeout,
            retries=Retries(tries, backoff_factor, 60.0, backoff_factor),
            # As many tries where it is busy: a call is not left waiting for a quarter of an hour.
            busy=Busy(backoff_factor, 60.0, min(backoff_factor * (2**max_retries - 1), 900.0)),
        )
        at = port or (443 if scheme == "https" else 80)
        self._source: Callable[[], IsapiSource] = lambda: IsapiSource(
            host,
            username,
            secret,
            port=port,
            scheme=scheme,
            tls=tls,
            device_time=device_time,
            settings=settings,
            now=now,
            guard=FileGuard(state_folder() / "logins", host, at, username, secret),
            notes=TomlNotes(cache_folder() / "devices" / file_name(host, at)),
            clock_notes=TomlNotes(cache_folder() / "clocks" / file_name(host, at)),
        )
        self._source()  # settings are found wrong here, before any work
        # Two alike are needed to believe a body that is shorter than listed.
        self._patience = Patience(max(tries, 2), backoff_factor, 60.0)
        self._name = re.sub(r"[^A-Za-z0-9.-]+", "-", f"{host}-{port}" if port else host)
        self._log = logger or logging.getLogger("hikcore.download")

    def download_by_time(
        self,
        camera: int,
        start: datetime,
        end: datetime,
        dest_dir: str | Path = ".",
        stream: str = "main",
    ) -> Path:
        """Fetch `[start, end)` of a camera as one MP4.

        A clip that is there already, whole, is returned as it is. What an interrupted call had
        fetched is used by the next. Beside the clip lies a JSON that says what is in it.

        Args:
            camera: the number of the channel, from 1.
            start, end: with a zone.
            dest_dir: made if it is not there; must have room for the recordings that are touched.
            stream: `main` or `sub`.

        Returns:
            The path of the MP4 (the first, where the codec changes inside: all are logged).

        Raises:
            ValueError: a span that cannot be, a naive time, a camera or stream that is none.
            NoRecording: nothing is recorded there, or nothing that is closed yet.
            DeviceError: the recorder does not answer, refuses, or breaks off.
        """
        job, span = _job(camera, stream), Span(from_datetime(start), from_datetime(end))
        clip = Path(dest_dir).expanduser().absolute() / self._file_name(job, span)
        work = WorkFolder(clip)
        with work.locked():
            if is_complete(clip):
                self._log.info("%s is there already", clip)
                work.remove()
                return clip
            try:
                self._fetch(job, span, work)
                report = self._cut(job, span, work, clip)
            except NoRecording:
                work.remove()  # there is nothing in it that a later try could go on with
                raise
            work.remove()
        for path in report.paths[1:]:
            self._log.warning("the codec changes inside the span: it goes on in %s", path)
        return clip

    def _file_name(self, job: CameraJob, span: Span) -> str:
        times = f"{compact_instant(span.begin)}_{compact_instant(span.end)}".replace(".000Z", "Z")
        return f"{self._name}_camera{job.channel:02d}_{job.stream}_{times}.mp4"

    def _fetch(self, job: CameraJob, span: Span, work: WorkFolder) -> None:
        report = _run(self._extract(job, span, work))
        for error in report.errors:
            raise error
        if not report.listed:
            raise NoRecording(
                "the recorder has no recording of that time",
                where=f"camera {job.channel} {span}",
                hint="check the camera's number, the zone of the times, and the recording schedule",
            )
        for outcome in report.outcomes:
            if outcome.state == "damaged":
                self._log.warning(
                    "recording %s cannot be decoded: %s",
                    outcome.chunk.recording.literal_begin,
                    outcome.reason,
                )

    async def _extract(self, job: CameraJob, span: Span, work: WorkFolder) -> CameraReport:
        source = self._source()
        try:
            return await extract_camera(
                job,
                # Listings tell whole seconds: a recording may reach a second beyond what they say.
                Span(span.begin - NS, span.end + NS),
                source=source,
                store=open_store(str(work.archive), create=True),
                spool=Spool(work.spool, _NO_LIMIT),
                progress=_Told(self._log),
                patience=self._patience,
            )
        finally:
            await source.aclose()

    def _cut(self, job: CameraJob, span: Span, work: WorkFolder, clip: Path) -> ClipReport:
        archive = open_archive(str(work.archive))
        stretches = archive.coverage(_SITE, job.camera, span, job.stream)
        if all(stretch.state == "damaged" for stretch in stretches):
            raise MediaDamaged(
                f"what is recorded cannot be decoded: {stretches[0].reason}",
                where=f"camera {job.channel} {span}",
                hint=f"as received it lies in {work.archive}",
            )
        report = archive.clip(_SITE, job.camera, span, clip, stream=job.stream, audio="aac")
        for hole in report.document.missing:
            self._log.warning(
                "nothing from %s to %s: %s",
                format_instant(hole.begin),
                format_instant(hole.end),
                f"{hole.state} ({hole.reason})" if hole.reason else hole.state,
            )
        return report


class _Told(Quiet):
    """Progress as lines of a log."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log

    def planned(self, job: CameraJob, chunks: Any) -> None:
        """How much there is to fetch."""
        size = sum(chunk.size for chunk in chunks)
        self._log.info("%d recordings to fetch, %d bytes", len(chunks), size)

    def done(self, job: CameraJob, outcome: Outcome) -> None:
        """A recording is there, or failed."""
        row = outcome.chunk.recording
        self._log.info("%s %s: %d bytes", row.literal_begin, outcome.state, outcome.received)


def _job(camera: int, stream: str) -> CameraJob:
    if isinstance(camera, bool) or not isinstance(camera, int) or not 1 <= camera <= 9999:
        raise ValueError(f"camera {camera!r} is not the number of a channel (1, 2, …)")
    if stream not in get_args(Stream):
        raise ValueError(f"stream {stream!r} is neither main nor sub")
    named: Stream = "main" if stream == "main" else "sub"
    return CameraJob(_SITE, f"camera-{camera}", named, "recorder", camera)


def _run(work: Coroutine[Any, Any, _T]) -> _T:
    """Run a coroutine to its end, also where an event loop runs already (a notebook)."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    result: list[_T] = []
    failure: list[BaseException] = []

    def run() -> None:
        try:
            result.append(asyncio.run(work))
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failure:
        raise failure[0]
    return result[0]


def main() -> None:
    """The command `hikcore download` with the arguments of this process."""
    from hikcore.cli.app import run  # noqa: PLC0415  the library needs no command line

    sys.exit(run(["download", *sys.argv[1:]]))


if __name__ == "__main__":
    main()
