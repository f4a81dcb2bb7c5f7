"""`HikCloudSource`: one device behind a Hik Cloud account as a source of windows."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace

from hikcore.deviceclock import UTC_CLOCK, DeviceClock
from hikcore.errors import (
    ConfigurationError,
    DeviceAuthError,
    DeviceError,
    DeviceProtocolError,
    DeviceUnreachable,
)
from hikcore.instants import NS, Span
from hikcore.sources.base import (
    Answer,
    Deviation,
    DeviceCamera,
    Fetched,
    Others,
    QuietHours,
    Recording,
    Stream,
    Windows,
)
from hikcore.sources.hik_cloud.body import NotFootage, UnsupportedContainer
from hikcore.sources.hik_cloud.channels import list_channels
from hikcore.sources.hik_cloud.client import CloudClient
from hikcore.sources.hik_cloud.media import MediaClient, Write
from hikcore.sources.hik_cloud.settings import LONGEST, CloudSettings
from hikcore.sources.hik_cloud.tokens import Tokens
from hikcore.sources.hik_cloud.verdict import OF_DEVICE, Address, CloudError, NothingRecorded

#: After these no other window can be asked about either.
_ENDING = (DeviceAuthError, DeviceUnreachable, QuietHours, ConfigurationError)
#: Bodies that are remembered, to know a placeholder by ("please switch to H.264" in place of H.265
#: footage was seen on a sibling service).
_KEPT = 64


class HikCloudSource:
    """One device. Nothing is sent before the first call; `aclose` ends it.

    Args:
        serial: of the device.
        channels: its channels and their names, as configured.
        tokens: gives the token of the account.
        settings: of the cloud; see there.
        clock: what the wall clock in program streams means; the cloud's own times are Unix time.
        name: what people call the device, for errors.
        now: our clock, ns UTC. There is no request for the cloud's own; both are taken to be right.
        account: whose limits it shares, "" for its own.

    Raises:
        ConfigurationError: settings that cannot be.
    """

    def __init__(
        self,
        serial: str,
        channels: Mapping[int, str],
        tokens: Tokens,
        *,
        settings: CloudSettings | None = None,
        clock: DeviceClock = UTC_CLOCK,
        name: str = "",
        now: Callable[[], int] = time.time_ns,
        account: str = "",
    ) -> None:
        self._settings = settings or CloudSettings()
        self.windows = windows_of(self._settings, name)
        self._serial, self._channels = serial, dict(channels)
        self._clock, self._now = clock, now
        self._client = CloudClient(tokens, self._settings, name=name, now=now, account=account)
        self._media = MediaClient(self._settings, self._paced)
        self._where = f"{self._client.where} {serial}"
        self._bodies: dict[str, str] = {}

    async def clock(self) -> DeviceClock:
        """As set."""
        return self._clock

    async def deviation(self) -> Deviation:
        """The cloud's times are Unix time; ours is taken for as good, to the second."""
        await self._client.token()
        return Deviation(0, NS)

    async def cameras(self) -> list[DeviceCamera]:
        """The configured channels; with `list_channels` those that the account has of the device,
        with their state."""
        configured = [DeviceCamera(number, name) for number, name in sorted(self._channels.items())]
        if not self._settings.list_channels:
            return configured
        return await list_channels(self._client, self._serial, self._channels)

    async def recordings(self, channel: int, stream: Stream, span: Span) -> Answer:
        """A row for every window that meets the span and has footage, by an address asked for each.

        A window whose request fails makes the answer incomplete: nothing is concluded from what is
        not there. Its error is among the answer's failures.

        Raises:
            DeviceError: all failed, or none other can succeed either.
        """
        now = self._now()
        if stream != "main":
            return Answer(channel, stream, span, now, False, ())
        oldest, settled = self._oldest(now), now - self.windows.settle
        if span.end <= oldest or span.begin >= settled:
            return Answer(channel, stream, span, now, False, ())
        wanted = [
            window
            for window in self.windows.aligned(span)
            if window.end > oldest and window.begin < settled
        ]
        # What is not asked about is no part of the question.
        asked = Span(max(span.begin, oldest), min(span.end, max(settled, span.begin)))
        found = await self._rows(channel, stream, wanted, now)
        failed = tuple(each for each in found if isinstance(each, DeviceError))
        if failed and len(failed) == len(found):
            raise failed[0]
        rows = tuple(each for each in found if isinstance(each, Recording))
        return Answer(channel, stream, asked, now, not failed, rows, failures=failed)

    def asking(self, recording: Recording, span: Span) -> Recording:
        """The same window, asked for with this span."""
        begin, end = span.begin // NS, -(-span.end // NS)
        longest = self.windows.longest // NS
        return replace(recording, locator=f"{begin} {min(end, begin + longest)}")

    async def fetch(
        self, recording: Recording, write: Callable[[bytes], Awaitable[None]]
    ) -> Fetched:
        """Stream the footage of one window; see `Source.fetch`.

        The address is asked for just before, as it is good for a short time only, and once more
        where it gives no footage.
        """
        begin, end = map(int, recording.locator.split())
        where = f"{self._where} channel {recording.channel}, {begin} to {end}"
        digest = hashlib.sha256()

        async def passing(block: bytes) -> None:
            digest.update(block)
            await write(block)

        async with self._client.polite.downloading.place():
            address, size, promised = await self._download(
                recording.channel, begin, end, passing, where
            )
        told = _told(address, begin, end, where)
        # By what it is said to span: two requests may have the same few seconds in them.
        self._check_placeholder(digest.hexdigest(), f"{recording.channel} {told}", where)
        return Fetched(size, promised, told)

    def share(self, others: Others | None) -> None:
        """See `SharesLimits`."""
        self._client.polite.share(others)

    async def aclose(self) -> None:
        """Close connections."""
        await self._client.aclose()
        await self._media.aclose()

    async def _download(
        self, channel: int, begin: int, end: int, write: Write, where: str
    ) -> tuple[Address, int, int | None]:
        async def attempt() -> tuple[Address, int, int | None] | DeviceError:
            started = False

            async def started_write(block: bytes) -> None:
                nonlocal started
                started = True
                await write(block)

            again = True
            while True:
                address = await self._client.address(self._serial, channel, begin, end)
                _told(address, begin, end, where)  # before any byte of another time's footage
                try:
                    size, promised = await self._media.fetch(address.url, started_write, where)
                    return address, size, promised
                except NotFootage:
                    if not again:
                        raise
                    again = False
                except DeviceError as error:
                    if started:
                        return error  # footage came already: the caller begins anew
                    raise

        done = await self._client.retrying(attempt)
        if isinstance(done, DeviceError):
            raise done
        return done

    async def _rows(
        self, channel: int, stream: Stream, windows: Sequence[Span], now: int
    ) -> list[Recording | DeviceError | None]:
        """One for each window; what failed as its error. The first goes alone: where the account or
        the device is the fault, no other is sent.

        Raises:
            DeviceError: none other can succeed either.
        """
        found = [await self._row(channel, stream, window, now) for window in windows[:1]]
        if found and isinstance(found[0], CloudError) and found[0].code in OF_DEVICE:
            raise found[0]
        failure: BaseException | None = None
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(self._row(channel, stream, window, now))
                    for window in windows[1:]
                ]
        except ExceptionGroup as several:
            failure = several.exceptions[0]
        if failure is not None:
            raise failure
        return found + [task.result() for task in tasks]

    async def _row(
        self, channel: int, stream: Stream, window: Span, now: int
    ) -> Recording | DeviceError | None:
        begin, end = window.begin // NS, min(window.end, now) // NS
        try:
            address = await self._client.address(self._serial, channel, begin, end)
        except NothingRecorded:
            return None
        except _ENDING:
            raise
        except DeviceError as error:
            return error
        try:
            told = _told(address, begin, end, f"{self._where} channel {channel}")
        except DeviceProtocolError as error:
            return error
        inside = told.intersection(Span(window.begin, end * NS))
        if inside is None:
            return None
        return Recording(
            channel=channel,
            stream=stream,
            kind="window",
            literal_begin=str(window.begin // NS),
            literal_end=str(window.end // NS),
            span=inside,
            size=None,
            name="",
            growing=window.end + self.windows.settle > now,
            locator=f"{begin} {end}",
        )

    def _oldest(self, now: int) -> int:
        """What is older is not asked for: the cloud has deleted it, and would say that there never
        was anything."""
        oldest = self.windows.oldest(now)
        return oldest if oldest is not None else -(1 << 62)

    def _check_placeholder(self, digest: str, span: str, where: str) -> None:
        """The same bytes for two spans are no footage of either."""
        known = self._bodies.setdefault(digest, span)
        if len(self._bodies) > _KEPT:
            self._bodies.pop(next(iter(self._bodies)))
        if known != span:
            raise UnsupportedContainer(
                "the cloud gave the same file for two spans: a placeholder, no footage",
                where=where,
                hint="H.265 footage may have to be switched to H.264 on the device",
            )

    async def _paced(self, size: int) -> None:
        await self._client.polite.received(size, self._settings.hours, self._now)


def windows_of(settings: CloudSettings, where: str = "") -> Windows:
    """How the archive asks: in windows that stay within `chunk_seconds`, margins included.

    Raises:
        ConfigurationError: lengths that do not fit.
    """
    window, chunk, days = settings.window_seconds, settings.chunk_seconds, settings.retention_days
    faults: Sequence[tuple[bool, str]] = (
        (chunk <= 0, "chunk_seconds is not above 0"),
        (chunk > LONGEST, f"chunk_seconds is above {LONGEST}, which the cloud refuses"),
        (window <= 0 or window > chunk, "window_seconds is not within chunk_seconds"),
        (86_400 % max(window, 1) != 0, "window_seconds does not divide a day"),
        (settings.margin_seconds < 0, "margin_seconds is below 0"),
        (settings.settle_seconds < 0, "settle_seconds is below 0"),
    )
    for wrong, message in faults:
        if wrong:
            raise ConfigurationError(message, where=where)
    return Windows(
        length=window * NS,
        margin=settings.margin_seconds * NS,
        longest=chunk * NS,
        settle=settings.settle_seconds * NS,
        reach=int(days * 86_400) * NS if days is not None else None,
    )


def _told(address: Address, begin: int, end: int, where: str) -> Span:
    """What an address is said to span; what was asked where nothing is said.

    Raises:
        DeviceProtocolError: no span, or none of what was asked: the answer to another question.
    """
    first = begin if address.begin is None else address.begin
    last = end if address.end is None else address.end
    if last <= first:
        raise DeviceProtocolError(f"actual times run from {first} to {last}", where=where)
    if last < begin or first > end:
        raise DeviceProtocolError(
            f"asked for {begin} to {end}, the cloud names footage of {first} to {last}",
            where=where,
            hint="the next run asks again",
        )
    return Span(first * NS, last * NS)
