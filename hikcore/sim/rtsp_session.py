"""One RTSP session: which footage, on which channels, and its way to the client."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from urllib.parse import parse_qs, urlsplit

from hikcore.instants import compact_instant, parse_instant
from hikcore.sim.playing import Piece, key_units, live, recorded
from hikcore.sim.profile import Profile
from hikcore.sim.rtp import Sender, interleaved, payloads
from hikcore.sim.sdp import PAYLOADS, describe
from hikcore.sim.vault import Vault

_MS = 1_000_000
_TRACK = re.compile(r"/(?:ISAPI/)?Streaming/(tracks|channels)/(\d+)/?", re.IGNORECASE)
#: Pictures made at once, in a thread.
_AHEAD = 32
_REPORT_MS = 5_000
Write = Callable[[bytes], Awaitable[None]]


class NoSuchStream(Exception):
    """The URL names nothing that is there."""


@dataclass(frozen=True)
class Wanted:
    """What an RTSP URL asks for.

    Attributes:
        begin_ms, end_ms: of a playback; None: live.
        literal: the same as the client wrote it, for `a=range`.
    """

    vault: Vault
    begin_ms: int | None = None
    end_ms: int | None = None
    literal: str = ""

    @property
    def playback(self) -> bool:
        """Whether it is recorded footage."""
        return self.begin_ms is not None


def read_url(url: str, profile: Profile, vaults: dict[int, Vault]) -> Wanted:
    """Understand a URL: `/Streaming/tracks/101/?starttime=…&endtime=…`, `/Streaming/Channels/101`.

    Raises:
        NoSuchStream: no such path or channel, or times that are none.
    """
    parts = urlsplit(url)
    match = _TRACK.match(parts.path)
    if match is None:
        raise NoSuchStream(url)
    channel, stream = divmod(int(match.group(2)), 100)
    vault = vaults.get(channel)
    if vault is None or stream != 1:
        raise NoSuchStream(url)
    if match.group(1).lower() == "channels":
        return Wanted(vault)
    # A control URL has the track's name behind the query: endtime=…Z/trackID=video.
    given = parse_qs(parts.query.partition("/trackID=")[0])
    try:
        texts = [given[name][0] for name in ("starttime", "endtime")]
        clock = profile.clock.device_clock
        begin, end = (clock.literal_to_utc(parse_instant(text)) // _MS for text in texts)
    except (KeyError, ValueError):
        raise NoSuchStream(url) from None
    compact = "-".join(re.sub(r"[-:]", "", text).replace(" ", "T") for text in texts)
    return Wanted(vault, begin, end, f"clock={compact}")


@dataclass
class Session:
    """What SETUP made.

    Attributes:
        channels: of the interleaved packets, by `video` and `audio`.
        task: the one that sends, while it plays.
        at: the instant (ms) of the last picture or sound that was sent.
    """

    name: str
    wanted: Wanted
    channels: dict[str, int] = field(default_factory=dict)
    senders: dict[str, Sender] = field(default_factory=dict)
    task: asyncio.Task[None] | None = None
    at: int | None = None

    def add(self, media: str, channel: int) -> Sender:
        """One more stream of it."""
        camera = self.wanted.vault.camera
        kind = PAYLOADS["video" if media == "video" else camera.audio or "alaw"]
        rate = 90_000 if media == "video" else 8_000
        number = int(self.name) + len(self.senders)
        sender = Sender(kind, rate, number & 0xFFFFFFFF, number * 7 & 0xFFFF, number * 977)
        self.channels[media], self.senders[media] = channel, sender
        return sender

    def stop(self) -> None:
        """Send no more."""
        if self.task is not None:
            self.task.cancel()
            self.task = None


class Player:
    """Sends what sessions play.

    Args:
        profile: of the recorder.
        now: its clock, ns UTC.
        sleep: how it waits.
    """

    def __init__(
        self, profile: Profile, now: Callable[[], int], sleep: Callable[[float], Awaitable[None]]
    ) -> None:
        self._profile = profile
        self._now = now
        self._sleep = sleep

    def begin_ms(self, wanted: Wanted) -> int:
        """The instant at which a session begins: that of a key picture."""
        at = wanted.begin_ms if wanted.begin_ms is not None else self._now() // _MS
        if wanted.playback:
            first = next(recorded(wanted.vault, at, wanted.end_ms or at, self._now()), None)
            return first.ms if first is not None else at
        return wanted.vault.footage.group_start(at)

    async def describe(self, wanted: Wanted, host: str) -> bytes | None:
        """The SDP, after the time that the device takes for it; None where there is no footage."""
        rtsp, now = self._profile.rtsp, self._now()
        old = wanted.begin_ms is not None and now // _MS - wanted.begin_ms > 86_400_000
        if wait := (rtsp.old_describe_s or rtsp.describe_s) if old else rtsp.describe_s:
            await self._sleep(wait)
        vault, begin, end = wanted.vault, wanted.begin_ms, wanted.end_ms
        if begin is not None and rtsp.no_footage == "404":
            found = recorded(vault, begin, end or begin, now)
            if await asyncio.to_thread(next, found, None) is None:
                return None
        at = begin if begin is not None else now // _MS
        units = await asyncio.to_thread(key_units, vault, at)
        return describe(vault.camera, units, host, span=wanted.literal, sets=rtsp.sets)

    async def play(self, session: Session, write: Write, begin_ms: int | None = None) -> bool:
        """Send until the end.

        Args:
            begin_ms: begin there instead of at the begin that the URL says.

        Returns:
            Whether the recorder hangs up now.
        """
        rtsp, wanted = self._profile.rtsp, session.wanted
        speed = rtsp.pace if wanted.playback else 1.0
        reported, last = -_REPORT_MS, None
        async for piece in self._pieces(wanted, begin_ms):
            if speed and last is not None and piece.ms > last:
                # Over a gap it jumps: nobody waits for footage that is not there.
                await self._sleep(min(piece.ms - last, 1000) / 1000 / speed)
            last = session.at = piece.ms if last is None else max(last, piece.ms)
            if piece.ms >= reported + _REPORT_MS and rtsp.reports != "none":
                reported = piece.ms
                wall = piece.ms * _MS if rtsp.reports == "filmed" else self._now()
                for media, sender in session.senders.items():
                    report = sender.report(piece.ms, wall)
                    await write(interleaved(session.channels[media] + 1, report))
            await self._send(session, piece, write)
        return rtsp.after_end == "closes"

    async def _send(self, session: Session, piece: Piece, write: Write) -> None:
        media = "audio" if piece.units is None else "video"
        sender = session.senders.get(media)
        if sender is None:
            return
        rtsp, codec = self._profile.rtsp, session.wanted.vault.camera.codec
        if piece.units is None:
            found = [piece.sound]
        else:
            found = payloads(codec, piece.units, rtsp.most, together=rtsp.together)
        out = bytearray()
        for index, payload in enumerate(found, 1):
            packet = sender.packet(
                payload, piece.ms, marker=media == "video" and index == len(found)
            )
            out += interleaved(session.channels[media], packet)
        await write(bytes(out))

    async def _pieces(self, wanted: Wanted, begin_ms: int | None) -> AsyncIterator[Piece]:
        rtsp = self._profile.rtsp
        source: Iterator[Piece]
        if wanted.begin_ms is None or wanted.end_ms is None:
            source = live(wanted.vault, self._now() // _MS)
        else:
            more = rtsp.overrun_ms if rtsp.after_end == "runs_on" else 0
            begin = wanted.begin_ms if begin_ms is None else begin_ms
            source = recorded(wanted.vault, begin, wanted.end_ms + more, self._now())
        while pieces := await asyncio.to_thread(lambda: list(islice(source, _AHEAD))):
            for piece in pieces:
                yield piece


def clock_range(text: str, profile: Profile) -> int | None:
    """The begin (ms UTC) of a `Range: clock=…` header; None where it says nothing of the kind."""
    match = re.match(r"clock=(\d{8}T\d{6}(?:\.\d+)?Z)", text)
    if match is None:
        return None
    return profile.clock.device_clock.literal_to_utc(parse_instant(match.group(1))) // _MS


def clock_literal(ms: int, profile: Profile) -> str:
    """An instant as `clock=` writes it, whole seconds."""
    at = profile.clock.device_clock.utc_to_literal(ms * _MS)
    return compact_instant(at).partition(".")[0] + "Z"
