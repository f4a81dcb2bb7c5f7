"""One device: reachable, login, clock, channels, how far back it keeps, a sample."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from hikcore.deviceclock import DeviceClock
from hikcore.doctor.finding import Finding, Report, blocking, failure, within
from hikcore.doctor.sample import SECONDS, cut_and_check, fetch_beginning
from hikcore.errors import DeviceAuthError, DeviceUnreachable, HikcoreError
from hikcore.extract.oldest import oldest
from hikcore.instants import DAY, NS, Span, format_instant, to_datetime
from hikcore.sources.about import DescribesItself, DeviceFacts, PlaysFaster, TellsItsWay, Warns
from hikcore.sources.address import reason
from hikcore.sources.base import Deviation, DeviceCamera, Recording, Source, SpanSource

STEP: Final = 20.0
SAMPLE: Final = 60.0
#: A clock so many seconds off is worth setting; a day off is a dead battery (facts 1.7).
_OFF: Final = 10
_DEAD: Final = DAY
_HOUR: Final = 3600 * NS
#: Of a window: the ten seconds of the sample, and a key picture that comes late.
_ENOUGH: Final = (SECONDS + 20) * NS
_WAYS: Final = {
    "download": ", downloaded",
    "rtsp": ", played over RTSP as set, or as it gives no files: an hour takes an hour",
}


@dataclass(frozen=True, slots=True)
class Subject:
    """A device and what the configuration has of it.

    Attributes:
        channels: those with an id. decided: tells of what the device lists which channels are
            worked on, and which nobody decided on.
        zone: of the site.
        refused: why there is no source: a secret that cannot be had.
        patience: seconds to a connection.
    """

    name: str
    host: str
    port: int
    source: Source | None
    channels: Sequence[int] = ()
    decided: Callable[[list[DeviceCamera]], tuple[list[int], list[int]]] | None = None
    zone: ZoneInfo | None = None
    refused: HikcoreError | None = None
    patience: float = 10.0


@dataclass(slots=True)
class _Seen:
    """What one look found for those after it."""

    facts: DeviceFacts = field(default_factory=DeviceFacts)
    clock: DeviceClock | None = None
    now: int = 0
    cameras: list[DeviceCamera] = field(default_factory=list)
    recordings: list[Recording] = field(default_factory=list)
    searched: bool = False
    wanted: Sequence[int] = ()
    session: bool | None = None


class _GiveUpError(Exception):
    """Nothing after this can succeed."""


async def examine_device(
    subject: Subject,
    *,
    now: Callable[[], int],
    folder: Path,
    step: float = STEP,
    sample: float = SAMPLE,
    turns: asyncio.Semaphore | None = None,
) -> Report:
    """Look at a device, one thing after the other; in bounded time.

    Args:
        now: our clock, ns UTC. folder: where the sample lies meanwhile.
        step, sample: seconds for one look, and for the sample.
        turns: held from the login on, not while it is seen whether anything is there.
    """
    async with AsyncExitStack() as stack:
        turn = None if turns is None else lambda: stack.enter_async_context(turns)
        return await _examine(subject, now, folder, step, sample, turn)


async def _examine(
    subject: Subject,
    now: Callable[[], int],
    folder: Path,
    step: float,
    sample: float,
    turn: Callable[[], Awaitable[None]] | None,
) -> Report:
    doctor = _Doctor(subject, now, folder, step)
    title = f"{subject.host}:{subject.port}"
    looks: list[tuple[str, Callable[[], Awaitable[Finding]], float]] = [
        ("reachable", doctor.reachable, step),
        ("login", doctor.login, step),
        ("clock", doctor.offset, step),
        ("meaning of Z", doctor.meaning, 2 * step),
        ("channels", doctor.channels, step),
        ("search", doctor.search, step),
        ("dialect", doctor.dialect, step),
        ("oldest", doctor.oldest, 2 * step),
        ("disks", doctor.disks, step),
        ("sample", doctor.sample, sample),
        ("sessions", doctor.sessions, step),
    ]
    if isinstance(subject.source, PlaysFaster) and subject.source.wanted_speed > 1:
        looks.append(("playback speed", doctor.speed, 3 * step))
    findings: list[Finding] = []
    for check, look, seconds in looks:
        try:
            findings.append(await within(seconds, look()))
        except TimeoutError:
            hint = "the device or the way to it is slow; try again when it has less to do"
            findings.append(Finding(check, "fail", f"no end within {seconds:g} s", hint, 5))
        except HikcoreError as error:
            findings.append(failure(check, error))
            if isinstance(error, DeviceAuthError | DeviceUnreachable):
                break
        except _GiveUpError:
            break
        if check in ("reachable", "login") and findings[-1].verdict == "fail":
            break
        if check == "reachable" and turn is not None:
            await turn()
    facts = doctor.seen.facts
    title = " ".join(part for part in (title, facts.model, facts.firmware) if part)
    return Report(subject.name, title, tuple(findings))


class _Doctor:
    """The looks, in their order: each returns a finding or raises."""

    def __init__(self, subject: Subject, now: Callable[[], int], folder: Path, step: float) -> None:
        self._subject = subject
        self._now = now
        self._folder = folder
        self._step = step
        self._off = Deviation(0, 0)
        self.seen = _Seen()

    @property
    def _source(self) -> Source:
        if self._subject.source is None:
            raise self._subject.refused or _GiveUpError
        return self._subject.source

    async def reachable(self) -> Finding:
        """A TCP connection."""
        host, port = self._subject.host, self._subject.port
        hint = "check host, port and scheme, and that the device is on"
        patience = min(self._subject.patience, self._step)
        began = time.monotonic()
        try:
            _, writer = await within(patience, asyncio.open_connection(host, port))
        except TimeoutError:
            text = f"no connection within {patience:g} s"
            return Finding("reachable", "fail", text, hint, 6)
        except (OSError, UnicodeError) as error:  # the latter for what no name can be
            return Finding("reachable", "fail", reason(error), hint, 6)
        took = time.monotonic() - began
        writer.close()
        return Finding("reachable", "ok", f"connected in {took * 1000:.0f} ms")

    async def login(self) -> Finding:
        """One request that needs it: a wrong password is sent once, never twice."""
        source = self._source
        self._off = await source.deviation()
        self.seen.now = self._now() + self._off.offset
        if isinstance(source, DescribesItself):
            self.seen.facts = await source.facts()
        if isinstance(source, Warns) and source.warnings:
            hint = "change the password on the device, and here" if _password(source) else ""
            return Finding("login", "warn", f"accepted; {'; '.join(source.warnings)}", hint)
        return Finding("login", "ok", "accepted")

    async def offset(self) -> Finding:
        """Its clock against ours."""
        seconds = self._off.offset / NS
        text = (
            f"{round(seconds):+d} s against ours, give or take {self._off.uncertainty / NS:.1f} s"
        )
        hint = "set NTP on the device: hikcore keeps its times as they are, and says how far off"
        if abs(self._off.offset) > _DEAD:
            at = format_instant(self.seen.now, 0)
            return Finding("clock", "fail", f"stands at {at}", "set its clock, and NTP", 1)
        off = abs(seconds) > _OFF
        return Finding("clock", "warn" if off else "ok", text, hint if off else "")

    async def meaning(self) -> Finding:
        """What `Z` behind its times means, and whether its zone is the site's."""
        clock = self.seen.clock = await self._source.clock()
        wall = self.seen.facts.zone or clock.zone
        east = wall.utc_to_local(self.seen.now) - self.seen.now
        means = "UTC" if clock.listing == "utc" else "its own wall clock"
        text = f"{means} ({clock.source}); its zone is {_east(east)} now"
        zone = self._subject.zone
        if zone is not None:
            theirs = to_datetime(self.seen.now).astimezone(zone).utcoffset()
            if theirs is not None and round(theirs.total_seconds()) * NS != east:
                return Finding(
                    "meaning of Z", "warn", f"{text}, the site's is {zone.key}",
                    "set the zone on the device, or the site's zone here",
                )  # fmt: skip
        return Finding("meaning of Z", "ok", text)

    async def channels(self) -> Finding:
        """Those that are new, gone or dark."""
        cameras = self.seen.cameras = await self._source.cameras()
        listed = {camera.channel for camera in cameras}
        known = set(self._subject.channels)
        gone = sorted(known - listed)
        self.seen.wanted, new = sorted(known), sorted(listed - known)
        if self._subject.decided is not None:
            self.seen.wanted, new = self._subject.decided(cameras)
        dark = [camera.channel for camera in cameras if camera.online is False]
        parts = [f"{len(cameras)} listed"]
        parts += [f"offline: {_numbers(dark)}"] if dark else []
        parts += [f"not in the configuration: {_named(cameras, new)}"] if new else []
        parts += [f"configured but gone: {_numbers(gone)}"] if gone else []
        hint = ""
        if gone:
            hint = "take them out, or name the channel that they have now"
        elif new:
            hint = 'give them ids, exclude them, or give the device cameras = "all"'
        return Finding("channels", "warn" if dark or new or gone else "ok", "; ".join(parts), hint)

    async def search(self) -> Finding:
        """The last day of the first channel that is worked on and has any; the last hour of a
        source of windows, which costs a request for each."""
        look, said = (_HOUR, "hour") if isinstance(self._source, SpanSource) else (DAY, "24 h")
        rows: list[Recording] = []
        channel = 0
        for channel in self._worked_on():
            answer = await self._source.recordings(
                channel, "main", Span(self.seen.now - look, self.seen.now)
            )
            rows = list(answer.recordings)
            if rows:
                break
        self.seen.recordings, self.seen.searched = rows, True
        if not rows:
            hint = "check the recording schedule and the disks on the device"
            return Finding("search", "warn", f"nothing was recorded in the last {said}", hint)
        growing = sum(row.growing for row in rows)
        text = (
            f"channel {channel}: {len(rows)} recording{'s' * (len(rows) != 1)} in the last {said}, "
            f"{growing} being written"
        )
        return Finding("search", "ok", text)

    async def dialect(self) -> Finding:
        """After a search, as that finds it."""
        if not isinstance(self._source, DescribesItself):
            return Finding("dialect", "ok", "the only one that it has")
        self.seen.facts = await self._source.facts()
        return Finding("dialect", "ok", self.seen.facts.dialect or "plain")

    async def oldest(self) -> Finding:
        """How far back it keeps: until then everything has to be fetched."""
        if isinstance(self._source, SpanSource):
            return Finding("oldest", "ok", "not looked for: it has no list, each look is a request")
        if not self.seen.recordings:
            return Finding("oldest", "warn", f"not looked for: {self._nothing()}")
        channel = self.seen.recordings[0].channel
        found = await oldest(self._source, channel, self.seen.now)
        if found is None:
            return Finding("oldest", "warn", "no recording found")
        begin = found.recording.span.begin
        days = (self.seen.now - begin) / DAY
        text = f"{format_instant(begin, 0)}, {days:.1f} days back"
        text += "" if found.sure else " (or older: some days are quiet)"
        free = sum(disk.free for disk in self.seen.facts.disks or ())
        full = self.seen.facts.disks is not None and free == 0
        if full:
            text += ": what is older than that is overwritten"
        elif free and self._daily():
            text += f"; room for {free / self._daily():.0f} more days"
        short = full and days < 2
        hint = "extract more often than that, or add disks" if short else ""
        return Finding("oldest", "warn" if short else "ok", text, hint)

    async def disks(self) -> Finding:
        """Whether it can record."""
        disks = self.seen.facts.disks
        if disks is None:
            return Finding("disks", "ok", "it does not tell")
        bad = [f"{disk.name} {disk.status}" for disk in disks if not disk.good]
        size = sum(disk.size for disk in disks)
        text = f"{len(disks)}, {size / 1e12:.1f} TB"
        if bad or not disks:
            return Finding("disks", "warn", f"{text}; {', '.join(bad) or 'none'}", "look at them")
        return Finding("disks", "ok", text)

    async def sample(self) -> Finding:
        """Ten seconds, fetched, cut and checked; that also takes one of its sessions."""
        closed = [row for row in self.seen.recordings if not row.growing]
        clock = self.seen.clock
        if not closed or clock is None:
            lacks = "no closed recording" if self.seen.recordings else self._nothing()
            return Finding("sample", "warn", f"not tried: {lacks}")
        row = _short(self._source, max(closed, key=lambda each: each.span))
        self._folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._folder, prefix="doctor-") as name:
            folder = Path(name)
            body = folder / "body"
            began = time.monotonic()
            self.seen.session = False
            received = await fetch_beginning(self._source, row, body)
            self.seen.session = True
            rate = received / max(time.monotonic() - began, 1e-3) / 1e6
            found = await blocking(lambda: cut_and_check(body, folder, row, clock))
        text = f"{received / 1e6:.1f} MB at {rate:.1f} MB/s, {found.codec} in {found.container}"
        if isinstance(self._source, TellsItsWay):
            text += _WAYS[self._source.way]
        if found.broken:
            more = f"; the cut breaks rules: {'; '.join(found.broken[:3])}"
            return Finding("sample", "fail", text + more, "please report it with the model", 9)
        if not found.frames:
            return Finding("sample", "fail", f"{text}; no picture", "please report it", 1)
        return Finding("sample", "ok", f"{text}; {SECONDS} s cut, {found.frames} frames, all rules")

    async def speed(self) -> Finding:
        """Whether playing faster gives the same frames, where that is wanted."""
        source = self._source
        assert isinstance(source, PlaysFaster)
        closed = [row for row in self.seen.recordings if not row.growing]
        if not closed:
            return Finding("playback speed", "warn", "there is no closed recording to try")
        wrong = await source.prove_speed(closed[-1])
        if wrong:
            hint = "take playback_speed out of the configuration: it is not used"
            return Finding("playback speed", "fail", wrong, hint, 1)
        return Finding("playback speed", "ok", f"{source.wanted_speed}: the same frames as at 1")

    async def sessions(self) -> Finding:
        """A device does not tell how many it has left, but whether there is one (facts 2.8)."""
        if self.seen.session is None:
            return Finding("sessions", "warn", "not tried: there was nothing to fetch")
        if self.seen.session:
            return Finding("sessions", "ok", "one for playback was free")
        hint = "others may have them all: live views, another recorder, an app on a phone"
        return Finding("sessions", "warn", "the sample got none, or lost it", hint)

    def _nothing(self) -> str:
        """Why there is no recording to look at: that a search failed says nothing of the disks."""
        return "the search found nothing" if self.seen.searched else "the search failed"

    def _worked_on(self) -> list[int]:
        """Channels in the order in which a recording is looked for."""
        online = [camera.channel for camera in self.seen.cameras if camera.online is not False]
        wanted = [channel for channel in online if channel in self.seen.wanted]
        return (wanted or online)[:4]

    def _daily(self) -> float:
        """Bytes that all channels write a day, by those of one channel in the last day."""
        return sum(row.size or 0 for row in self.seen.recordings) * len(self.seen.cameras)


def _password(source: Warns) -> bool:
    return any("password" in line for line in source.warnings)


def _short(source: Source, row: Recording) -> Recording:
    """What a sample is cut from: of a window a part, as it may come as slowly as it was filmed."""
    if not isinstance(source, SpanSource) or row.span.length <= _ENOUGH:
        return row
    span = Span(row.span.begin, row.span.begin + _ENOUGH)
    return replace(source.asking(row, span), span=span)


def _east(ns: int) -> str:
    minutes = abs(ns) // (60 * NS)
    return f"UTC{'-' if ns < 0 else '+'}{minutes // 60}:{minutes % 60:02d}"


def _numbers(channels: Sequence[int]) -> str:
    return ", ".join(map(str, channels))


def _named(cameras: Sequence[DeviceCamera], channels: Sequence[int]) -> str:
    names = {camera.channel: camera.name for camera in cameras}
    return ", ".join(f"{n} {names[n]}".strip() for n in channels)
