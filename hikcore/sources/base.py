"""The contract of a source: what every vendor's device or cloud is to the rest of hikcore.

A source lists cameras, lists the recordings of a span, and fetches one recording in one piece. It
knows neither the archive nor Prefect. All calls are coroutines; every error is a `DeviceError`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

from hikcore.deviceclock import DeviceClock
from hikcore.errors import DeviceBusy, DeviceError
from hikcore.instants import Span

Stream = Literal["main", "sub"]
#: What is fetched in one piece: a device's closed file, a UTC window, or a growing file's tail.
ChunkKind = Literal["file", "window", "tail"]
#: What takes long, so that it is limited over all processes where they have a way to agree.
Transfer = Literal["downloads", "streams"]
#: Held for as long as a transfer of that kind runs; waits until others let it.
Others = Callable[[Transfer], AbstractAsyncContextManager[None]]


class QuietHours(DeviceBusy):
    """The site wants the device to be left alone at this time of day: nothing was sent. What is
    left is for a run after them."""


@dataclass(frozen=True, slots=True)
class DeviceCamera:
    """A channel as the device lists it: its number there, the name people gave it."""

    channel: int
    name: str
    online: bool | None = None


@dataclass(frozen=True, slots=True)
class Recording:
    """One stored file or stretch, as listed.

    Attributes:
        channel, stream: whose it is.
        kind: `file` where the device serves whole files only; `tail`: what a file holds that is
            still being written.
        literal_begin, literal_end: the device's own digits, verbatim; of a window of a source that
            serves any span its two borders in Unix seconds, whatever the device has inside; of a
            tail the borders that are asked for, in the device's digits.
        span: the same in UTC, by the device's clock profile; of a window what the device says that
            it has inside.
        size: bytes as listed, None where the device does not say.
        name: the device's name for it, recorded and never compared.
        growing: still being written: its end is a plan, its size not final.
        locator: what the source needs to fetch it (a playbackURI); opaque to everybody else, and
            free of secrets.
        there: of a window whose inside the device tells to the second: where it has footage, in
            order; elsewhere it has none. Empty: only `span` is told.
    """

    channel: int
    stream: Stream
    kind: ChunkKind
    literal_begin: str
    literal_end: str
    span: Span
    size: int | None
    name: str
    growing: bool
    locator: str
    there: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What a device said when asked what it has for a camera, stream and span.

    Attributes:
        span: what was asked.
        asked: when, in UTC by the device's clock.
        complete: whether paging came to its end, so that what is not here is not there.
        recordings: every row that intersects the span, in the device's order, repeats left out.
        warnings: what is odd about it, for people; all of it is kept.
        failures: what kept parts of it from being asked; it is not complete then.
    """

    channel: int
    stream: Stream
    span: Span
    asked: int
    complete: bool
    recordings: tuple[Recording, ...]
    warnings: tuple[str, ...] = ()
    failures: tuple[DeviceError, ...] = ()


@dataclass(frozen=True, slots=True)
class Fetched:
    """A body that arrived as the transport promised.

    Attributes:
        size: bytes received.
        promised: what the transport said before (Content-Length), None if nothing.
        told: what the source says that the body spans (UTC); None where that is the recording's own
            span. Its begin is the origin of footage that holds no wall clock.
        whole: the source has seen by the footage's own times that it reaches from end to end of
            what is listed: what is missing inside was never there. False: it has not looked.
        kind: what it was got as, where that is not the recording's own kind: a file that was played
            is a `window` of its footage. It counts behind a file when both are there.
    """

    size: int
    promised: int | None
    told: Span | None = None
    whole: bool = False
    kind: ChunkKind | None = None


@dataclass(frozen=True, slots=True)
class Deviation:
    """How far a device's clock is off ours: device minus ours in ns, and the half-width of what the
    reading can tell."""

    offset: int
    uncertainty: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """A login that a device refused.

    Attributes:
        message, hint: what happened, and the next step.
        at: when, UTC ns by our clock.
        until: when a lock that the device told of ends (then one try is allowed again); None: it
            stands until the credentials change or somebody clears it.
    """

    message: str
    hint: str
    at: int
    until: int | None = None

    def stands(self, now: int) -> bool:
        """Whether nothing may be sent with these credentials yet."""
        return self.until is None or now < self.until


class LoginGuard(Protocol):
    """What everybody who uses the same credentials at a device knows of them: other processes,
    other machines. Devices lock an account after five to seven refusals, so one must be enough.
    """

    async def refusal(self) -> Refusal | None:
        """The refusal of exactly these credentials, by whomever it was met."""
        ...

    def first(self) -> AbstractAsyncContextManager[None]:
        """Held while credentials are sent for the first time in a process; others wait.

        Raises:
            DeviceBusy: somebody holds it for too long.
        """
        ...

    async def refused(self, refusal: Refusal) -> None:
        """Tell everybody."""
        ...

    async def accepted(self) -> None:
        """The device took them: an earlier refusal of the same ones is void."""
        ...


@dataclass(frozen=True, slots=True)
class Windows:
    """How a source that serves any span is asked for footage: in UTC-aligned windows (ns).

    Attributes:
        length: of a window; windows begin at whole multiples of it since 1970.
        margin: asked for before and after a window, so that neighbours are recognised by the
            pictures that both hold. It need not reach a key picture: a window that begins inside a
            group continues the one before. It does not follow what was seen so far, or an archive
            would depend on the order of work.
        longest: no request, margins included, is longer.
        settle: after a window's end, before which what lies in it may still be on its way.
        reach: how far back there is anything to ask for; None: nobody knows.
    """

    length: int
    margin: int
    longest: int
    settle: int
    reach: int | None = None

    def oldest(self, now: int) -> int | None:
        """UTC ns before which nothing is kept, where that is known."""
        return None if self.reach is None else now - self.reach

    def aligned(self, span: Span) -> list[Span]:
        """The windows that meet a span, in order."""
        first, last = span.begin // self.length, -(-span.end // self.length)
        return [Span(n * self.length, (n + 1) * self.length) for n in range(first, last)]

    def request(self, window: Span, until: int) -> Span:
        """What to ask for a window: with a margin on both sides, none longer than `longest`, and
        nothing after `until` (UTC ns) but the window itself."""
        margin = min(self.margin, max((self.longest - window.length) // 2, 0))
        end = max(min(window.end + margin, until), window.end)
        return Span(window.begin - margin, end)


class DeviceNotes(Protocol):
    """Where what was found out about one device is kept between processes: tables of plain values,
    which the source alone understands. Both calls block."""

    def load(self) -> Mapping[str, Any] | None:
        """What is kept; None where nothing is."""
        ...

    def save(self, notes: Mapping[str, Any]) -> None:
        """Keep it in place of what was."""
        ...


class Source(Protocol):
    """One device or cloud account, logged in when first needed; `aclose` ends it."""

    async def clock(self) -> DeviceClock:
        """What its times mean: measured once per source, or as set.

        Raises:
            ClockUndecided: the readings cannot settle it.
        """
        ...

    async def deviation(self) -> Deviation:
        """Its clock against ours, now."""
        ...

    async def cameras(self) -> list[DeviceCamera]:
        """Every channel, by number."""
        ...

    async def recordings(self, channel: int, stream: Stream, span: Span) -> Answer:
        """Everything that it lists for a span, all pages."""
        ...

    async def fetch(
        self, recording: Recording, write: Callable[[bytes], Awaitable[None]]
    ) -> Fetched:
        """Stream the bytes of one recording to `write`, block by block, each at most 1 MiB.

        The first block is sniffed before it is written: an error document under HTTP 200 raises and
        writes nothing.

        Raises:
            TransferInterrupted: it ended before what was promised, stalled, or was reset. What was
                written so far is a prefix of the body.
        """
        ...

    async def aclose(self) -> None:
        """Close connections."""
        ...


@runtime_checkable
class ReadsAsTold(Protocol):
    """A source whose reading of times can be put right: what a source may offer besides."""

    def read_as(self, clock: DeviceClock) -> None:
        """Take this clock from now on, in place of what was measured or set."""
        ...


@runtime_checkable
class SharesLimits(Protocol):
    """A source that can be held to limits that many processes share: what a source may offer
    besides."""

    def share(self, others: Others | None) -> None:
        """Take a place among all processes for every transfer, in one's own first."""
        ...


@runtime_checkable
class PlaysTails(Protocol):
    """A source that can play what lies in a recording that is still being written: what a source
    may offer besides."""

    async def tail(self, growing: Recording, begin: int) -> Recording | None:
        """What such a recording holds from an instant (UTC ns) until now, as a recording of kind
        `tail`: named by the span that is asked for, in the device's own digits. None where that is
        too little to ask for.

        Raises:
            DeviceError: the device does not say what time it is.
        """
        ...


@runtime_checkable
class SpanSource(Source, Protocol):
    """A source that serves any span, and has no files of its own.

    Its `recordings` gives one row of kind `window` for every window that meets the span and in
    which the device says that it has footage; `growing` marks those that have not settled.
    """

    windows: Windows

    def asking(self, recording: Recording, span: Span) -> Recording:
        """The same window, asked for with this span (UTC): what `fetch` then asks is in its
        `locator`."""
        ...
