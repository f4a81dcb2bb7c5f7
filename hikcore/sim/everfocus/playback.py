"""A playback over WebSocket (3.3), and what its control does (3.4, 3.5)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from itertools import islice
from typing import Any, Final

from hikcore.sim.everfocus.behaviour import Playback
from hikcore.sim.everfocus.frames import Framer, is_key
from hikcore.sim.everfocus.mailing import Mailer
from hikcore.sim.everfocus.pacing import Pacer
from hikcore.sim.everfocus.store import Store
from hikcore.sim.playing import Piece, key_units

_AHEAD: Final = 32
_SPEEDS: Final = (1, 2, 4, 8, 16)
#: Above it `fast: keys` sends key pictures alone.
_ALL_UP_TO: Final = 4
_PLAIN: Final = ("stop", "play", "pause", "forward", "backward", "step_forward", "step_backward")
_WITH_SPEED: Final = ("fast_forward", "fast_backward", "slow_forward", "slow_backward")


class Show:
    """One playback.

    Args:
        name: its session id. channel, stream: what it shows. time_ms: from when on.
        store: the footage. how: it behaves.
        now: the recorder's clock, ns. sleep: how it waits.
    """

    def __init__(
        self,
        name: str,
        channel: int,
        stream: int,
        time_ms: int,
        *,
        store: Store,
        how: Playback,
        now: Callable[[], int],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self.name = name
        self.channel = channel
        self.stream = stream
        self._store = store
        self._how = how
        self._now = now
        self._pacer = Pacer(now, sleep)
        self._at = time_ms
        self._speed = 1.0
        self._back = False
        self._paused = False
        self._stopped = False
        self._steps = 0
        self._turn = 0
        self._wake = asyncio.Event()
        self._pieces = self._from(time_ms, how.start)

    def command(self, text: str | bytes) -> str:
        """Obey a control message; what is wrong with it, or nothing."""
        try:
            given: Any = json.loads(text)
        except ValueError:
            return "no JSON"
        name = given.get("command") if isinstance(given, dict) else None
        wrong = self._obey(name, given) if isinstance(name, str) else "command"
        self._pacer.restart()
        self._wake.set()
        return wrong

    def close(self) -> None:
        """End it: another one has its session id."""
        self._stopped = True
        self._turn += 1
        self._wake.set()

    async def run(self, framer: Framer, mailer: Mailer) -> None:
        """Send until it is stopped; a playback has no end of its own."""
        while True:
            if self._stopped and self._how.stop == "closes":
                return
            if self._stopped or (self._paused and not self._steps):
                await self._woken(mailer)
                continue
            turn, source = self._turn, self._pieces
            found = await asyncio.to_thread(list, islice(source, _AHEAD))
            if turn != self._turn:
                continue
            if not found:
                await mailer.flush()
                if self._how.at_end == "closes":
                    return
                await self._woken(mailer)
                continue
            rest = await self._send(found, turn, framer, mailer)
            if rest and turn == self._turn:
                self._pieces = _chain(rest, source)

    async def _send(
        self, pieces: list[Piece], turn: int, framer: Framer, mailer: Mailer
    ) -> list[Piece]:
        """Send pieces until a command changes what is to be sent; those that were not."""
        codec = self._store.vaults[self.channel, self.stream].camera.codec
        for index, piece in enumerate(pieces):
            if turn != self._turn or self._stopped or (self._paused and not self._steps):
                return pieces[index:]
            key = piece.units is not None and is_key(codec, piece.units)
            if self._how.fast == "keys" and self._speed > _ALL_UP_TO and not key:
                continue
            if self._how.pace is not None and not self._steps:
                await self._wait(piece.ms, self._how.pace * self._speed)
            for frame in framer.frames(piece):
                await mailer.send(frame)
            self._at = piece.ms
            if self._steps and piece.units is not None:
                self._steps -= 1
        return []

    async def _wait(self, ms: int, speed: float) -> None:
        if self._back:
            # The instants fall, from key picture to key picture.
            vault = self._store.vaults[self.channel, self.stream]
            await self._pacer.wait(-ms, speed, vault.camera.gop_ms)
        else:
            await self._pacer.wait(ms, speed)

    async def _woken(self, mailer: Mailer) -> None:
        await mailer.flush()
        self._wake.clear()
        await self._wake.wait()

    def _obey(self, name: str, given: dict[str, Any]) -> str:
        if name == "seek":
            at = given.get("time")
            if not isinstance(at, int) or isinstance(at, bool):
                return "time"
            # It shows the picture there, then stands.
            self._go(at * 1000, back=False)
            self._paused, self._steps = True, 1
            return ""
        if name in _WITH_SPEED:
            speed = given.get("speed")
            if speed not in _SPEEDS:
                return "speed"
            self._speed = float(speed) if name.startswith("fast") else 1.0 / speed
        elif name not in _PLAIN:
            return f"unknown command {name}"
        if name == "stop":
            self._stopped = True
            return ""
        if name == "pause":
            self._paused = True
            return ""
        back = name.endswith("backward")
        if name in ("play", "forward", "backward"):
            self._speed = 1.0
        if name != "play" and back != self._back:
            self._go(self._at, back=back)
        self._paused = name.startswith("step")
        self._steps += self._paused
        return ""

    def _go(self, at_ms: int, *, back: bool) -> None:
        self._turn += 1
        self._at, self._back = at_ms, back
        self._pieces = self._backwards(at_ms) if back else self._from(at_ms, "key")

    def _from(self, at_ms: int, start: str) -> Iterator[Piece]:
        now = self._now()
        inside = self._store.stretches(self.channel, self.stream, at_ms, at_ms + 1, now)
        if self._how.hole == "silent" and not inside:
            return iter(())
        vault = self._store.vaults[self.channel, self.stream]
        if start == "after":
            at_ms = vault.footage.first_key(at_ms)
        found = self._store.pieces(self.channel, self.stream, at_ms, now)
        if self._how.gap == "stops":
            found = _unbroken(found, vault.camera.frame_ms * 2)
        # From the first picture on all come: a clock that was set back is footage too.
        return _dropped(found, at_ms) if start == "exact" else found

    def _backwards(self, at_ms: int) -> Iterator[Piece]:
        """Key pictures, each earlier than the one before."""
        vault = self._store.vaults[self.channel, self.stream]
        spans = self._store.stretches(self.channel, self.stream, 0, at_ms, self._now())
        for span in reversed(spans):
            key = vault.footage.group_start(span.end - 1)
            while key >= span.begin:
                yield Piece(key, key_units(vault, key))
                key -= vault.camera.gop_ms


def _dropped(pieces: Iterator[Piece], at_ms: int) -> Iterator[Piece]:
    begun = False
    for piece in pieces:
        begun = begun or piece.ms >= at_ms
        if begun:
            yield piece


def _unbroken(pieces: Iterator[Piece], most: int) -> Iterator[Piece]:
    last: int | None = None
    for piece in pieces:
        if last is not None and piece.ms - last > most:
            return
        last = piece.ms
        yield piece


def _chain(first: list[Piece], rest: Iterator[Piece]) -> Iterator[Piece]:
    yield from first
    yield from rest
