"""RTSP over TCP as a reader of timed samples: live pictures, and playback where a device refuses
downloads.

Why this is not libav's reader (PyAV), which was measured first: with sound beside the pictures it
lays the pictures' times anew at every sender report (steps of -4.8 s where a report tells the time
of sending), so what is kept would be re-timed; it wants the password in the URL, and puts that URL
into its exceptions; it answers Basic by itself; it knows no SHA-256; it hides what PLAY is
answered; and a thread in it cannot be stopped. Tests hold this reader against it, byte for byte.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, Protocol
from urllib.parse import urljoin

from pydantic import SecretStr

from hikcore.errors import (
    DeviceAuthError,
    DeviceBusy,
    DeviceError,
    DeviceProtocolError,
    DeviceRefused,
    TransferInterrupted,
)
from hikcore.sources.rtsp_digest import NoWay, Signer
from hikcore.sources.rtsp_sdp import Description, Media, parse_description
from hikcore.sources.rtsp_times import Sample, Times
from hikcore.sources.rtsp_wire import Reply, Wire

__all__ = ["Account", "Playing", "RtspLogin", "Sample", "play"]

_TIMEOUT: Final = re.compile(r"timeout\s*=\s*(\d{1,5})")
_CHANNELS: Final = re.compile(r"interleaved\s*=\s*(\d{1,3})")
_INFO: Final = re.compile(r"url\s*=\s*\"?([^;,\"]+)\"?[^,]*?rtptime\s*=\s*(\d{1,10})")
#: A stale nonce is answered with another one, once or twice; more is a device that never agrees.
_ROUNDS: Final = 4
#: Seconds for a goodbye. A session that nobody ended goes on to fill the device's bandwidth until
#: its restart (facts 1.11), so it is worth a wait.
_GOODBYE: Final = 2.0


class NotThere(DeviceRefused):
    """The device has nothing to play under that address."""


class RtspLogin(Protocol):
    """What is known of the credentials beyond this connection."""

    async def check(self) -> None:
        """Pass unless they were refused, here or anywhere.

        Raises:
            DeviceAuthError: they were.
        """
        ...

    def turn(self) -> AbstractAsyncContextManager[None]:
        """Held while they are sent for the first time; others wait for the outcome."""
        ...

    async def refused(self, body: bytes) -> DeviceAuthError:
        """The device refused them, with that body: tell everybody; the error to raise."""
        ...

    async def accepted(self) -> None:
        """The device took them."""
        ...


@dataclass(frozen=True, slots=True)
class Account:
    """Where and as whom.

    Attributes:
        host, port: of RTSP.
        username, password: of the device's account.
        login: see `RtspLogin`; None: nobody shares them.
        basic: whether Basic may be answered: it sends the password readable.
        where: the device, for errors.
        connect, idle: seconds for a connection; without a byte.
    """

    host: str
    port: int
    username: str
    password: SecretStr
    login: RtspLogin | None = None
    basic: bool = False
    where: str = ""
    connect: float = 10.0
    idle: float = 60.0


@dataclass(slots=True)
class Playing:
    """A stream that plays.

    Attributes:
        video, audio: the streams that are read; None where there is none.
        notes: what is there and is not read.
        range: the Range that PLAY was answered with, as written; "" where it says none.
        lost: packets that the device left out so far.
    """

    video: Media | None
    audio: Media | None
    notes: tuple[str, ...]
    range: str
    _wire: Wire
    _times: Times
    _channels: dict[int, Media] = field(default_factory=dict)

    @property
    def lost(self) -> int:
        """Packets that the device left out so far."""
        return self._times.lost

    async def samples(self, quiet: float) -> AsyncGenerator[Sample, None]:
        """Pictures and units of sound in the order in which they come, until no packet of them
        comes for `quiet` seconds (a playback has no other end) or the device hangs up. Reports of a
        sender that has no more to send, and what nobody asked for, do not count.

        Raises:
            TransferInterrupted: the connection broke.
            DeviceProtocolError, MediaDamaged, MediaUnsupported: it sends what cannot be read.
        """
        clock, waited = asyncio.get_running_loop().time, 0.0
        while waited < quiet:
            begun = clock()  # what the reader of the samples takes is not the device's
            try:
                packet = await self._wire.packet(quiet - waited)
            except TransferInterrupted:
                for sample in self._times.finish():
                    yield sample
                raise
            if packet is None:
                break
            media = self._channels.get(packet.channel)
            if media is None:
                waited += clock() - begun
                if (reported := self._channels.get(packet.channel - 1)) is not None:
                    self._times.report(reported, packet.data)
                continue
            waited = 0.0
            for sample in self._times.packet(media, packet.data):
                yield sample
        for sample in self._times.finish():
            yield sample


class _Talk:
    """Requests of one connection, signed."""

    def __init__(self, wire: Wire, account: Account) -> None:
        self._wire, self._account = wire, account
        self._signer = Signer(account.username, account.password, basic=account.basic)
        self._accepted = False
        self.session = ""

    async def ask(self, method: str, url: str, **headers: str) -> Reply:
        """The reply to a request that succeeded.

        Raises:
            DeviceError: it did not.
        """
        login = self._account.login
        if login is not None:
            await login.check()
        # Some give a new nonce with every method and call the old one neither stale nor wrong: what
        # was taken on this very connection is not a wrong password now.
        signed = self._signer.ready and not self._accepted
        reply = await self._send(method, url, headers)
        for _ in range(_ROUNDS):
            if reply.status != 401:
                break
            stale = self._take(reply)
            if signed and not stale:
                raise await self._refused(reply)
            signed = True
            async with self._turn():
                if login is not None:
                    await login.check()  # while we waited
                reply = await self._send(method, url, headers)
                await self._judge(reply)
        if not 200 <= reply.status < 300:
            raise self._error(reply, method)
        return reply

    def headers(self, method: str, url: str) -> dict[str, str]:
        """Those that every request has."""
        found = {"Session": self.session} if self.session else {}
        signature = self._signer.sign(method, url)
        return found | ({"Authorization": signature} if signature else {})

    async def _send(self, method: str, url: str, headers: dict[str, str]) -> Reply:
        return await self._wire.request(method, url, self.headers(method, url) | headers)

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        if self._account.login is None or self._accepted:
            yield
            return
        async with self._account.login.turn():
            yield

    async def _judge(self, reply: Reply) -> None:
        """Of a signed request's reply: whether the credentials are good, inside the turn."""
        if reply.status == 401:
            if not self._take(reply):
                raise await self._refused(reply)
        elif not self._accepted:
            self._accepted = True
            if self._account.login is not None:
                await self._account.login.accepted()

    def _take(self, reply: Reply) -> bool:
        try:
            return self._signer.take(reply.headers.get("www-authenticate", []))
        except NoWay as error:
            raise DeviceAuthError(
                f"RTSP offers no login that is taken here ({error})",
                where=self._account.where,
                hint='Basic sends the password readable: allow it with auth = "basic", or set the '
                "device's RTSP authentication to digest",
            ) from None

    async def _refused(self, reply: Reply) -> DeviceAuthError:
        if self._account.login is not None:
            return await self._account.login.refused(reply.body)
        return DeviceAuthError(
            "the device refuses the user name or password (RTSP)", where=self._account.where
        )

    def _error(self, reply: Reply, method: str) -> DeviceError:
        where, said = self._account.where, f"RTSP {method}: {reply.status} {reply.reason}".strip()
        if reply.status in (453, 503):
            return DeviceBusy(
                f"{said}: it plays all that it can",
                where=where,
                hint="others play from it too, or sessions were left open: a restart frees those",
            )
        if reply.status in (404, 406, 415, 455, 457):
            return NotThere(said, where=where, hint="it has nothing to play there")
        if reply.status in (301, 302, 303, 305, 403, 405, 461):
            return DeviceRefused(said, where=where, hint="it does not play that over TCP to us")
        if reply.status >= 500 or reply.status in (408, 454):
            return TransferInterrupted(said, where=where)
        return DeviceProtocolError(said, where=where)


@asynccontextmanager
async def play(
    account: Account, url: str, *, range_: str = "npt=0.000-", sound: bool = True
) -> AsyncIterator[Playing]:
    """Log in, describe, set up and play a stream; it is torn down at the end of the block, however
    that ends.

    Args:
        url: `rtsp://…`, without a login.
        range_: of PLAY; the default is what every client sends.
        sound: whether sound is wanted, too.

    Raises:
        DeviceError: no connection, refused, busy, nothing there.
    """
    wire = await Wire.open(
        account.host, account.port, account.where, connect=account.connect, idle=account.idle
    )
    talk = _Talk(wire, account)
    keeping: asyncio.Task[None] | None = None
    base = url
    try:
        reply = await talk.ask("DESCRIBE", url, Accept="application/sdp")
        described = parse_description(reply.body.decode("utf-8", "replace"))
        base = reply.header("content-base") or reply.header("content-location") or url
        whole = _control(base, described.control)
        chosen, notes = _chosen(described, sound, account.where)
        channels, seconds = await _set_up(talk, base, chosen)
        reply = await talk.ask("PLAY", whole, Range=range_)
        times = Times(chosen, _rtp_info(reply, base, chosen))
        keeping = asyncio.create_task(_keep_alive(wire, talk, whole, seconds))
        yield Playing(
            next((each for each in chosen if each.kind == "video"), None),
            next((each for each in chosen if each.kind == "audio"), None),
            notes,
            reply.header("range"),
            wire,
            times,
            channels,
        )
    finally:
        if keeping is not None:
            keeping.cancel()
        await asyncio.shield(_goodbye(wire, talk, base))


async def _goodbye(wire: Wire, talk: _Talk, url: str) -> None:
    with contextlib.suppress(DeviceError, TimeoutError):
        if talk.session:
            await wire.bye(url, talk.headers("TEARDOWN", url), _GOODBYE)
    await wire.close()


async def _keep_alive(wire: Wire, talk: _Talk, url: str, seconds: float) -> None:
    """A session that is not heard of for its timeout is ended by some devices, though it plays."""
    with contextlib.suppress(DeviceError):
        while True:
            await asyncio.sleep(seconds)
            await wire.send("GET_PARAMETER", url, talk.headers("GET_PARAMETER", url))


def _chosen(described: Description, sound: bool, where: str) -> tuple[list[Media], tuple[str, ...]]:
    """The streams to set up: one of pictures, one of sound; and what is left out."""
    chosen: list[Media] = []
    notes: list[str] = []
    for media in described.media:
        if media.kind == "other" or (media.kind == "audio" and not sound):
            continue
        if media.codec and not any(each.kind == media.kind for each in chosen):
            chosen.append(media)
        else:
            name = media.encoding or f"payload type {media.payload}"
            notes.append(f"{media.kind} {name} dropped")
    if not any(each.kind == "video" for each in chosen):
        raise DeviceProtocolError(
            f"it describes no pictures that are read ({', '.join(notes) or 'no stream'})",
            where=where,
            hint="H.264 and H.265 are read",
        )
    return chosen, tuple(notes)


async def _set_up(talk: _Talk, base: str, chosen: list[Media]) -> tuple[dict[int, Media], float]:
    """Channels of the streams, and seconds between signs of life."""
    channels: dict[int, Media] = {}
    timeout = 60
    for number, media in enumerate(chosen):
        wanted = f"RTP/AVP/TCP;unicast;interleaved={2 * number}-{2 * number + 1}"
        reply = await talk.ask("SETUP", _control(base, media.control), Transport=wanted)
        session, _, rest = reply.header("session").partition(";")
        talk.session = session.strip() or talk.session
        if (found := _TIMEOUT.search(rest)) is not None:
            timeout = int(found[1])
        taken = _CHANNELS.search(reply.header("transport"))
        channels[int(taken[1]) if taken is not None else 2 * number] = media
    return channels, max(timeout / 2.5, 5.0)


def _control(base: str, control: str) -> str:
    """An address of a stream or of the whole (RFC 2326 C.1.1), also behind a query, where
    recorders put it: `…endtime=…Z/trackID=video`."""
    if control in ("", "*"):
        return base
    if re.match(r"rtsps?://", control, re.IGNORECASE):
        return control
    if control.startswith("/"):
        return urljoin(base, control)
    return base + ("" if base.endswith("/") else "/") + control


def _rtp_info(reply: Reply, base: str, chosen: list[Media]) -> dict[str, int]:
    """By kind of stream: its RTP time at the begin of the range."""
    told = {url.strip(): int(stamp) for url, stamp in _INFO.findall(reply.header("rtp-info"))}
    found: dict[str, int] = {}
    for media in chosen:
        for url, stamp in told.items():
            if url == _control(base, media.control) or url.endswith(media.control or "\0"):
                found[media.kind] = stamp & 0xFFFFFFFF
    return found
