"""Bench of the EverFocus source: a simulated recorder behind one proxy, WebSockets included."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

from pydantic import SecretStr

from hikcore.errors import (
    DeviceAuthError,
    DeviceBusy,
    DeviceProtocolError,
    DeviceRefused,
    TransferInterrupted,
)
from hikcore.instants import NS, Span
from hikcore.sim.everfocus.nvr import Nvr
from hikcore.sim.everfocus.profile import NvrProfile
from hikcore.sim.strikes import Strike
from hikcore.sources import login as login_module
from hikcore.sources import politeness as politeness_module
from hikcore.sources.everfocus.archiving import ArchiveSettings
from hikcore.sources.everfocus.session import Session
from hikcore.sources.everfocus.settings import EverFocusSettings
from hikcore.sources.everfocus.source import EverFocusSource
from hikcore.sources.patience import Busy, Retries
from tests.conformance.bench import PASSWORD, Bench, Errors, Phase, when
from tests.conformance.reading import Picture, picture

_MS = 1_000_000
_SETTLE = 30
_PHASES = {"login": "/admin/login", "fetch": "/playback/", "list": "."}
_LOST = (
    "reset", "stall", "short body", "long body", "wrong Content-Length", "no Content-Length",
    "503 burst", "error under 200", "1 byte/s", "duplicate answer", "reboot",
)  # fmt: skip
SETTINGS = EverFocusSettings(
    connect_timeout=2,
    idle_timeout=0.6,
    retries=Retries(attempts=4, initial=0.005, maximum=0.01, jitter=0.005),
    busy=Busy(initial=0.005, maximum=0.01, patience=1),
    requests=10_000,
)


class EverFocusBench(Bench):
    """Footage in windows of a minute, by WebSocket playback."""

    name = "everfocus"
    _stepped = 0

    async def start(self) -> None:
        self.nvr = Nvr(self.profile(), now=self.clock.now)
        await self.nvr.prepare()
        await self.nvr.__aenter__()
        proxy = self.proxy(f"{self.nvr.host}:{self.nvr.port}", _PHASES)
        await proxy.__aenter__()
        self.proxies = {"login": proxy, "list": proxy, "fetch": proxy}

    async def stop(self) -> None:
        await self.proxies["login"].__aexit__(None, None, None)
        await self.nvr.__aexit__(None, None, None)

    def profile(self) -> NvrProfile:
        scene = self.scene
        holes = [{"begin": when(begin), "end": when(end)} for begin, end in scene.silences]
        camera = {"channel": 1, "name": "Gate", "frame_ms": 1000, "gop": 6, "phase_ms": 480}
        few = {**camera, "channel": 2, "frame_ms": 21_000, "gop": 2}
        return NvrProfile.model_validate(
            {
                "login": {"password": PASSWORD},
                "clock": {"zone": scene.zone, "offset_ms": scene.ahead * 1000},
                "recorded": {"since": when(scene.footage[0][0]), "holes": holes},
                "cameras": [{"main": camera}, {"main": few}],
            }
        )

    def source(self, password: str = PASSWORD) -> EverFocusSource:
        host, port, secret = "127.0.0.1", self.proxies["login"].port, SecretStr(password)
        session = Session(
            host,
            "admin",
            secret,
            port=port,
            settings=SETTINGS,
            name="device",
            guard=self.guard(port, "admin", secret),
            now=self.clock.now,
        )
        how = ArchiveSettings(
            window_seconds=self.scene.window,
            margin_seconds=max(self.scene.overlap) // 1000,
            settle_seconds=_SETTLE,
            playback_idle=0.6,
        )
        return EverFocusSource(session, archiving=how, channels=[1], name="device")

    @property
    def asked(self) -> Span:
        begin = self.scene.begin - (4000 if self.scene.footage[-1][1] > 7200 else 90) * NS
        end = self.scene.now + (self.scene.ahead + min(self.scene.footage[-1][1], 7200)) * NS
        return Span(begin, end + 90 * NS)

    def pictures(self) -> dict[int, Picture]:
        now, vault = self.nvr.now(), self.nvr.store.vaults[1, 0]
        until = self.settled_until(now, _SETTLE) // _MS
        out = {}
        for file in vault.files(self.asked, now):
            footage, _ = vault.maker(file.era)
            for unit in footage.pictures(
                file.begin_ms,
                min(file.written_ms, until),
            ):
                out[unit.ms * _MS] = picture(unit.units(), vault.camera.codec)
        return out

    def logins(self) -> int:
        return self.nvr.door.attempts

    def turned(self, page: int, rows: int) -> bool:
        """A map of days, then of hours or minutes: by several questions."""
        return self.passed()["list"] > 2

    async def deviates(self, ahead: int) -> None:
        self.forget()
        source = self.source()
        try:
            found = await source.deviation()
        finally:
            await source.aclose()
        assert abs(found.offset - ahead * NS) <= found.uncertainty + NS

    def forget(self) -> None:
        login_module._logins.clear()
        politeness_module._devices.clear()

    def step(self, seconds: int) -> None:
        self.nvr.step_clock(seconds)
        self._stepped = self.nvr.now() // _MS

    def healed(self) -> None:
        if self._stepped:
            # It records two minutes of the new time, and then nothing for ten days.
            for vault in self.nvr.store.vaults.values():
                vault.schedule.step(self._stepped + 130_000, 864_000_000)
        super().healed()

    def reboot(self) -> None:
        self.nvr.door.expire()
        self.nvr.hang_up()

    def place(self, phase: Phase, kind: str, count: int, random: Random) -> int:
        # The first request of a login asks for its nonce, the second one carries the digest.
        if phase == "login" and kind == "401 in the middle":
            return 2
        if phase == "login" and kind == "stale nonce":
            return 1
        return super().place(phase, kind, count, random)

    def arm(self, kind: str, phase: Phase, strikes: Iterable[Strike]) -> None:
        """A login that ran out in place of a nonce; of playbacks, bytes in place of parts."""
        chosen = list(strikes)
        if kind == "stale nonce":
            self.happen = self.nvr.door.expire
            chosen = [Strike(kind="clock_step", phase=phase, nth=chosen[0].nth)]
        if phase == "fetch":
            chosen = [
                each.model_copy(update={"part": None, "at": int((each.part or 0) * 15_000)})
                for each in chosen
            ]
        super().arm(kind, phase, chosen)

    def may_end(self, kind: str, phase: Phase) -> Errors | None:
        if kind == "401 in the middle" and phase in ("list", "fetch"):
            return ()  # a login that ran out: one more is tried
        if phase == "login" and kind == "stale nonce":
            # The recorder says in words of its own that it knows of no such login: nobody can tell
            # that from a wrong password, which is not sent twice.
            return (DeviceAuthError,)
        if kind == "503 burst" and phase == "fetch":
            return (DeviceBusy,)  # no place for a playback now: the next run asks again
        if kind == "clock step":
            return (TransferInterrupted,)  # set back, it plays nothing that lies ahead of it
        if phase == "login" and kind in _LOST:
            # A login whose answer was lost may have been a wrong one: it is not sent again by
            # itself, as recorders lock accounts.
            return (TransferInterrupted, DeviceProtocolError, DeviceRefused, DeviceBusy)
        return None
