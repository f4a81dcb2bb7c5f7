"""Bench of the Hik Cloud source: a simulated account behind two proxies, the API's and the media
host's."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import SecretStr

from hikcore.deviceclock import DeviceClock, ZoneRule
from hikcore.errors import DeviceRefused, NoRecording
from hikcore.instants import NS, Span
from hikcore.sim.faults import Fault
from hikcore.sim.hik_cloud.cloud import Cloud
from hikcore.sim.hik_cloud.profile import CloudProfile
from hikcore.sim.strikes import Strike
from hikcore.sources.hik_cloud import client as client_module
from hikcore.sources.hik_cloud.client import token_provider
from hikcore.sources.hik_cloud.settings import CloudSettings
from hikcore.sources.hik_cloud.source import HikCloudSource
from tests.conformance.bench import PASSWORD, Bench, Errors, Phase, when
from tests.conformance.reading import Picture, picture

_MS = 1_000_000
_SERIAL = "SIM000001"
_SETTLE = 30
_API = {"login": "/oauth/token", "list": "."}
_MEDIA = {"fetch": "."}


class HikCloudBench(Bench):
    """Footage in windows of a minute."""

    name = "hik_cloud"

    async def start(self) -> None:
        ahead = self.scene.ahead * NS
        self.cloud = Cloud(self.profile(), now=lambda: self.clock.now() + ahead)
        await self.cloud.__aenter__()
        api = self.proxy(f"{self.cloud.host}:{self.cloud.port}", _API)
        media = self.proxy(self.cloud.api.media_url.removeprefix("http://"), _MEDIA)
        for proxy in (api, media):
            await proxy.__aenter__()
        self.cloud.api.media_url = media.url
        self.proxies = {"login": api, "list": api, "fetch": media}

    async def stop(self) -> None:
        for phase in ("login", "fetch"):
            await self.proxies[phase].__aexit__(None, None, None)
        await self.cloud.__aexit__(None, None, None)

    def profile(self) -> CloudProfile:
        scene = self.scene
        silences = [(begin, end) for begin, end in scene.silences]
        camera = {"channel": 1, "name": "Gate", "frame_ms": 1000, "gop": 6, "phase_ms": 480}
        entry = {
            "serial": _SERIAL,
            "since": when(scene.footage[0][0]),
            "holes": [{"begin": when(begin), "end": when(end)} for begin, end in silences],
        }
        # Program streams carry the wall clock, so that it can be taken wrongly.
        container = "mp4" if scene.zone == type(scene)().zone else "ps"
        return CloudProfile.model_validate(
            {
                "zone": scene.zone,
                "account": {"client_secret": PASSWORD},
                "serving": {"fresh": 10, "container": container, "start": "key"},
                "page": scene.page,
                "cameras": [
                    {**entry, "camera": camera},
                    {**entry, "camera": {**camera, "channel": 2, "name": "Yard"}},
                ],
            }
        )

    @property
    def settings(self) -> CloudSettings:
        window = self.scene.window
        return CloudSettings(
            base_url=self.proxies["login"].url,
            insecure_http=True,
            list_channels=True,
            window_seconds=window,
            margin_seconds=max(self.scene.overlap) // 1000,
            chunk_seconds=max(600, window),
            settle_seconds=_SETTLE,
            timeout=0.6,
            connect_timeout=2,
            download_timeout=1.5,
            attempts=4,
            first_wait=0.005,
            longest_wait=0.01,
            requests=10_000,
        )

    def source(self, password: str = PASSWORD) -> HikCloudSource:
        settings, secret = self.settings, SecretStr(password)
        account = self.cloud.profile.account.client_id
        port = self.proxies["login"].port
        guard = self.guard(port, account, secret)
        tokens = token_provider(
            settings,
            access_token=None,
            client_id=account,
            client_secret=secret,
            name="device",
            guard=guard,
        )
        clock = DeviceClock("utc", ZoneRule.parse(self.scene.zone), "setting")
        return HikCloudSource(
            _SERIAL,
            {1: "Gate", 2: "Yard"},
            tokens,
            settings=settings,
            clock=clock,
            name="device",
            now=self.clock.now,
        )

    @property
    def asked(self) -> Span:
        scene = self.scene
        end = scene.now + (scene.ahead + min(scene.footage[-1][1], 0)) * NS
        return Span(scene.begin - 90 * NS, end + 90 * NS)

    def pictures(self) -> dict[int, Picture]:
        shelf = self.cloud.api.shelves[_SERIAL, 1]
        codec = shelf.footage.camera.codec
        until = self.settled_until(self.clock.now(), _SETTLE)
        out = {}
        for stretch in shelf.has(self.cloud.profile.serving, self.cloud.now()):
            begin, end = (
                stretch.begin // _MS,
                min(stretch.end, until) // _MS,
            )
            if begin < end:
                for unit in shelf.footage.pictures(begin, end, headless=True):
                    out[unit.ms * _MS] = picture(unit.units(), codec)
        return out

    def logins(self) -> int:
        return self.cloud.api.token_requests

    def turned(self, page: int, rows: int) -> bool:
        """Of the list of channels: windows are asked for one by one."""
        asked = [r for r in self.cloud.requests if r.path == "/v1/channels/list"]
        return len(asked) >= -(-2 // page)

    async def deviates(self, ahead: int) -> None:
        """There is no request for its clock."""

    def forget(self) -> None:
        client_module._providers.clear()
        client_module._politeness.clear()

    def step(self, seconds: int) -> None:
        self.cloud.advance(seconds)

    def reboot(self) -> None:
        self.cloud.api.revoke()
        self.cloud.api.tickets.clear()

    def arm(self, kind: str, phase: Phase, strikes: Iterable[Strike]) -> None:
        """Tokens and signed addresses in place of logins and nonces."""
        nth = next(strike.nth for strike in strikes)
        if kind == "stale nonce" and phase != "fetch":
            self.happen = self.cloud.api.revoke
            strikes = [Strike(kind="clock_step", phase=phase, nth=nth)]
        elif kind == "stale nonce":
            self.cloud.fault(Fault(match="/media/", nth=nth, kind="status", status=403))
            return
        elif kind == "401 in the middle" and phase != "list":
            match = "/media/" if phase == "fetch" else "/oauth/token"
            self.cloud.fault(Fault(match=match, nth=nth, kind="status", status=401))
            return
        super().arm(kind, phase, strikes)

    def struck(self) -> list[str]:
        return super().struck() + [r.fault for r in self.cloud.requests if r.fault]

    def may_end(self, kind: str, phase: Phase) -> Errors | None:
        if kind == "clock step":
            return (NoRecording,)  # set back, it has nothing that lies ahead of it
        if kind == "401 in the middle":
            # A token that is not taken is fetched anew, once; an address that is not, not at all.
            return {"list": (), "fetch": (DeviceRefused,)}.get(phase)
        return None
