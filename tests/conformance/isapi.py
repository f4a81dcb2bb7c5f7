"""Bench of the ISAPI source: a simulated recorder behind one proxy."""

from __future__ import annotations

from random import Random

from pydantic import SecretStr

from hikcore.instants import NS, Span
from hikcore.sim.profile import Profile
from hikcore.sim.recorder import Recorder
from hikcore.sim.recordings import StoredFile
from hikcore.sim.strikes import ISAPI_PHASES
from hikcore.sources import login as login_module
from hikcore.sources import politeness as politeness_module
from hikcore.sources.isapi import Busy, IsapiSource, Retries, Settings
from hikcore.sources.notes import TomlNotes
from tests.conformance.bench import PASSWORD, Bench, Phase, when
from tests.conformance.reading import Picture, picture

_MS = 1_000_000
SEARCH = "/ISAPI/ContentMgmt/search"
SETTINGS = Settings(
    connect_timeout=2,
    idle_timeout=0.6,
    retries=Retries(attempts=4, initial=0.005, maximum=0.01, jitter=0.005),
    busy=Busy(initial=0.005, maximum=0.01, patience=1),
    requests=10_000,
)


class IsapiBench(Bench):
    """A recorder with files of some 42 s."""

    name = "isapi"
    _stepped = 0

    async def start(self) -> None:
        self.recorder = Recorder(self.profile(), now=self.clock.now)
        await self.recorder.prepare()
        await self.recorder.__aenter__()
        target = f"{self.recorder.host}:{self.recorder.port}"
        proxy = self.proxy(target, ISAPI_PHASES)
        await proxy.__aenter__()
        self.proxies = {"login": proxy, "list": proxy, "fetch": proxy}

    async def stop(self) -> None:
        await self.proxies["login"].__aexit__(None, None, None)
        await self.recorder.__aexit__(None, None, None)

    def profile(self) -> Profile:
        scene = self.scene
        holes = [{"begin": when(begin), "end": when(end)} for begin, end in scene.silences]
        camera = {
            "channel": 1, "name": "Gate", "frame_ms": 1000, "gop": 6, "phase_ms": 480,
            "file_ms": 42_000, "overlap_ms": scene.overlap,
        }  # fmt: skip
        return Profile.model_validate(
            {
                "auth": {"password": PASSWORD},
                "clock": {"zone": scene.zone, "listing": scene.z, "offset_ms": scene.ahead * 1000},
                "dialect": {"page_cap": scene.page, "widest_days": scene.widest},
                "recorded": {"since": when(scene.footage[0][0]), "holes": holes},
                "cameras": [
                    camera,
                    {**camera, "channel": 2, "name": "Yard", "frame_ms": 21_000, "gop": 2},
                ],
            }
        )

    def source(self, password: str = PASSWORD) -> IsapiSource:
        host, port = "127.0.0.1", self.proxies["login"].port
        secret = SecretStr(password)
        return IsapiSource(
            host,
            "admin",
            secret,
            port=port,
            device_time="auto" if self.scene.measured else self.scene.z,
            name="device",
            settings=SETTINGS,
            now=self.clock.now,
            guard=self.guard(port, "admin", secret),
            notes=TomlNotes(self.folder / "device.toml"),
            clock_notes=TomlNotes(self.folder / "clock.toml"),
        )

    @property
    def asked(self) -> Span:
        return Span(self.scene.begin - 4000 * NS, self.clock.now() + 7200 * NS)

    def files(self) -> list[StoredFile]:
        """Those that are closed: they ended a minute ago, and another came after them or a quarter
        of an hour went by."""
        now = self.recorder.now() // _MS
        files = [f for f in self.recorder.files(1) if f.listed_ms // 1000 * 1000 < now - 60_000]
        newest = max((file.begin_ms for file in self.recorder.files(1)), default=0)
        return [f for f in files if f.begin_ms < newest or f.end_ms < now - 900_000]

    def pictures(self) -> dict[int, Picture]:
        vault = self.recorder.vaults[1]
        out = {}
        for file in self.files():
            footage, _ = vault.maker(file.era)
            for unit in footage.pictures(file.begin_ms, file.written_ms):
                out[unit.ms * _MS] = picture(unit.units(), vault.camera.codec)
        return out

    def logins(self) -> int:
        return sum("authorization" in request.headers for request in self.recorder.requests)

    def turned(self, page: int, rows: int) -> bool:
        searches = [r for r in self.recorder.requests if r.path == SEARCH and r.status == 200]
        return len(searches) >= -(-rows // page)

    async def deviates(self, ahead: int) -> None:
        self.forget()
        source = self.source()
        try:
            found = await source.deviation()
        finally:
            await source.aclose()
        assert abs(found.offset - ahead * NS) <= found.uncertainty <= 2 * NS

    def forget(self) -> None:
        login_module._logins.clear()
        politeness_module._devices.clear()

    def step(self, seconds: int) -> None:
        self.recorder.step_clock(seconds)
        self._stepped = self.recorder.now() // _MS

    def healed(self) -> None:
        if self._stepped:
            # It records two minutes of the new time, and then nothing for ten days.
            for vault in self.recorder.vaults.values():
                vault.schedule.step(self._stepped + 130_000, 864_000_000)
        super().healed()

    def reboot(self) -> None:
        self.recorder.reboot(60)

    def place(self, phase: Phase, kind: str, count: int, random: Random) -> int:
        # The first request of all carries no login yet.
        first = 2 if phase == "login" and kind in ("unauthorized", "stale_nonce") else 1
        return random.randint(first, count)
