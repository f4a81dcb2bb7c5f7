"""Live and playback streams over WebSocket (3.1, 3.3)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from itertools import islice
from urllib.parse import parse_qs

from hikcore.sim.everfocus.frames import Framer
from hikcore.sim.everfocus.mailing import Mailer
from hikcore.sim.everfocus.pacing import Pacer
from hikcore.sim.everfocus.playback import Show
from hikcore.sim.everfocus.profile import NvrProfile
from hikcore.sim.everfocus.store import Store
from hikcore.sim.faults import Fault
from hikcore.sim.http import Request, Response
from hikcore.sim.playing import live
from hikcore.sim.vault import Vault
from hikcore.sim.websocket import Socket, until_gone, upgraded

_MS = 1_000_000
PATH = re.compile(r"/(live|playback)/(\d+)/(\d+)")
_AHEAD = 8


class Streams:
    """Serves them.

    Attributes:
        shows: playbacks that are open, by session id.
        lives: how many live streams are open.
    """

    def __init__(
        self,
        profile: NvrProfile,
        store: Store,
        now: Callable[[], int],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._profile = profile
        self._store = store
        self._now = now
        self._sleep = sleep
        self.shows: dict[str, Show] = {}
        self.lives = 0

    def answer(self, request: Request, fault: Fault | None) -> Response | None:
        """Of a WebSocket's opening; None: there is no such path."""
        match = PATH.fullmatch(request.path)
        if match is None:
            return None
        channel, stream = int(match.group(2)), int(match.group(3))
        vault = self._store.vault(channel, stream)
        if vault is None:
            return Response(404, "text/plain", b"no such stream")
        if match.group(1) == "live":
            return self._live(request, vault, fault)
        return self._playback(request, channel, stream, fault)

    def control(self, name: str, text: bytes) -> str:
        """Obey a command over HTTP (3.5); what is wrong, or nothing."""
        show = self.shows.get(name)
        return "no such session" if show is None else show.command(text)

    def restart(self) -> None:
        """Every playback ends."""
        self.shows.clear()

    def _live(self, request: Request, vault: Vault, fault: Fault | None) -> Response:
        if self.lives >= self._profile.limits.lives:
            return _busy()

        async def serve(socket: Socket) -> None:
            self.lives += 1
            mailer = self._mailer(socket, fault)
            try:
                await until_gone(socket, self._send_live(vault, mailer))
            finally:
                self.lives -= 1

        return upgraded(request, serve)

    async def _send_live(self, vault: Vault, mailer: Mailer) -> None:
        channel = vault.camera.channel
        if not all(each.online for each in self._profile.cameras if each.main.channel == channel):
            # Of a camera that is not there nothing comes, and nothing is said.
            await asyncio.Event().wait()
        framer = self._framer(vault)
        pacer = Pacer(self._now, self._sleep)
        at = self._now() // _MS
        source = live(vault, at)
        from_key = self._profile.playback.live_start == "key"
        await pacer.wait(at, 1.0)
        while True:
            for piece in await asyncio.to_thread(list, islice(source, _AHEAD)):
                # What was filmed before is sent at once, so that the key picture comes first.
                if piece.ms < at and not from_key:
                    continue
                await pacer.wait(max(piece.ms, at), 1.0)
                for frame in framer.frames(piece):
                    await mailer.send(frame)

    def _playback(
        self, request: Request, channel: int, stream: int, fault: Fault | None
    ) -> Response:
        given = parse_qs(request.query)
        time, name = given.get("time", [""])[0], given.get("session", [""])[0]
        how = self._profile.playback
        if not (time.isascii() and time.isdecimal()) or not name:
            return Response(400, "text/plain", b"time and session")
        if name in self.shows:
            if how.same_session == "refused":
                return Response(409, "text/plain", b"the session is in use")
            self.shows.pop(name).close()
        if len(self.shows) >= self._profile.limits.playbacks:
            return _busy()
        at = int(time) * (1000 if how.time == "seconds" else 1)
        show = Show(
            name, channel, stream, at,
            store=self._store, how=how, now=self._now, sleep=self._sleep,
        )  # fmt: skip
        # Counted from here on: two openings at once do not both find the last place.
        self.shows[name] = show

        async def serve(socket: Socket) -> None:
            framer = self._framer(self._store.vaults[channel, stream])
            mailer = self._mailer(socket, fault)
            await until_gone(socket, show.run(framer, mailer), show_command)

        def show_command(message: str | bytes) -> None:
            show.command(message)

        response = upgraded(request, serve)
        response.done = lambda: self._closed(show)
        return response

    def _closed(self, show: Show) -> None:
        if self.shows.get(show.name) is show:
            del self.shows[show.name]

    def _framer(self, vault: Vault) -> Framer:
        return Framer(vault.camera, self._profile.sockets, self._profile.clock.rule)

    def _mailer(self, socket: Socket, fault: Fault | None) -> Mailer:
        return Mailer(socket, self._profile.sockets, fault, self._sleep)


def _busy() -> Response:
    return Response(503, "text/plain", b"too many streams")
