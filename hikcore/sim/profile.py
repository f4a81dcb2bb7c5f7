"""A simulated recorder's whole behaviour as data: loadable from TOML or JSON, built-in by name."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, field_validator, model_validator

from hikcore.deviceclock import DeviceClock, ZoneRule
from hikcore.errors import ConfigurationError
from hikcore.sim.alerts import Alerts
from hikcore.sim.camera import CameraProfile
from hikcore.sim.dialect import Dialect, Download
from hikcore.sim.faults import Fault
from hikcore.sim.psmux import MuxProfile
from hikcore.sim.rtsp_profile import Rtsp
from hikcore.sim.when import Data, When, resolve

__all__ = [
    "Alerts", "Auth", "Clock", "ClockStep", "Dialect", "Disk", "Download", "ExtraFile", "Hole",
    "Identity",    "Limits", "Profile", "Recorded", "Rtsp", "load_profile", "resolve",
]  # fmt: skip

Algorithm = Literal["MD5", "MD5-sess", "SHA-256", "SHA-256-sess"]


class Identity(Data):
    """What deviceInfo says, and the web server's own headers.

    Attributes:
        name, model, serial, firmware, device_id, mac: as they stand there.
        device_type: NVR, DVR (some NVRs say so too), IPCamera, IPDome, …
        server, keep_alive: of every answer.
    """

    name: str = "Simulated recorder"
    model: str = "DS-7608NI-K2"
    serial: str = "DS-7608NI-K2/8P0820261120CCRRD00000001WCVU"
    firmware: str = "V4.61.030"
    device_type: str = "NVR"
    device_id: str = "00000001-0000-4000-8000-000000000001"
    mac: str = "02:00:00:00:00:01"
    server: str = "DNVRS-Webs"
    keep_alive: str = "timeout=60, max=99"


class Auth(Data):
    """Who may log in, and how.

    Attributes:
        username, password: of the only user.
        scheme: of logins.
        realm: of the challenge.
        algorithm: of Digest (RFC 7616).
        also: further schemes that the same 401 offers, each in a header of its own, and that are
            taken as well.
        qop: whether the challenge has `qop="auth"`; without it the response is RFC 2069's.
        style: how the challenge is written: an NVR's, with an empty opaque, a domain that is no
            address and the algorithm quoted; or a camera's, which has realm, nonce, qop and stale
            alone, in another order; `rtsp` is that of RTSP: realm, nonce and algorithm.
        nonce_uses: requests that one nonce serves before it is stale; 0: any number.
        nonce_seconds: how long one is good; 0: for ever.
        lock_after: wrong logins until the address is locked; 0: never.
        lock_seconds: how long.
        refusal: body of a 401: the vendor's XML, or a page of HTML (cameras).
    """

    username: str = "admin"
    password: SecretStr = SecretStr("hikcore-12345")
    scheme: Literal["digest", "basic"] = "digest"
    algorithm: Algorithm = "MD5"
    also: tuple[Algorithm | Literal["Basic"], ...] = ()
    qop: bool = True
    style: Literal["nvr", "ipc", "rtsp"] = "nvr"
    realm: str = "fe12f37b0a1c2d3e4f506172"
    nonce_uses: int = 0
    nonce_seconds: int = 0
    lock_after: int = 5
    lock_seconds: int = 1800
    refusal: Literal["userCheck", "html"] = "userCheck"


class ZonedClock(Data):
    """A recorder's clock, whatever its vendor.

    Attributes:
        zone: `CST-8:00:00` is UTC+8; a DST rule may follow, as in `hikcore.deviceclock`.
        frozen: the clock stands at that instant; None: it runs with the one it is given.
        offset_ms: how far it is ahead of the clock it is given.
    """

    zone: str = "UTC0"
    frozen: When | None = None
    offset_ms: int = 0

    @property
    def rule(self) -> ZoneRule:
        """The zone, read."""
        return ZoneRule.parse(self.zone)

    @field_validator("zone")
    @classmethod
    def _readable(cls, zone: str) -> str:
        ZoneRule.parse(zone)
        return zone


def distinct_channels(channels: Iterable[int]) -> None:
    """Refuse two cameras of the same channel.

    Raises:
        ValueError: there are such.
    """
    found = list(channels)
    if len(set(found)) != len(found):
        raise ValueError(f"two cameras have the same channel: {found}")


class Clock(ZonedClock):
    """The recorder's clock, as System/time tells it.

    Attributes:
        listing: what `Z` in searches and playbackURIs means.
        suffix: behind localTime: the offset in force, the standard one also in summer, or none.
        http_date: the Date header: local time called GMT, as on many devices, or true.
    """

    zone: str = "CST-5:00:00"
    listing: Literal["utc", "local"] = "local"
    suffix: Literal["offset", "standard", "none"] = "offset"
    http_date: Literal["local", "utc"] = "local"

    @property
    def device_clock(self) -> DeviceClock:
        """How its times become UTC: the truth a client should find."""
        return DeviceClock(self.listing, self.rule, "setting")


class Limits(Data):
    """What the recorder serves at once, and how fast; more is answered deviceBusy.

    Attributes:
        searches, downloads: at the same time.
        busy_status: the HTTP status of deviceBusy.
        per_connection: requests after which the connection is closed; 0: any number.
        rate: bytes a second of each download; 0: as fast as it goes.
        answer_s: seconds before each answer.
        old_wait_s: seconds before a download of footage older than a day begins.
    """

    searches: int = Field(default=1, ge=1)
    downloads: int = Field(default=4, ge=1)
    busy_status: Literal[400, 403, 503] = 503
    per_connection: int = Field(default=0, ge=0)
    rate: int = Field(default=0, ge=0)
    answer_s: float = Field(default=0.0, ge=0)
    old_wait_s: float = Field(default=0.0, ge=0)


class Hole(Data):
    """A stretch in which nothing was recorded.

    Attributes:
        begin, end: of it.
        channels: on which; none: on all.
    """

    begin: When
    end: When
    channels: tuple[int, ...] | None = None


class ExtraFile(Data):
    """One more file over the same footage, which it holds again: a file within a file, a third file
    over one instant.

    Attributes:
        channel, begin, end: of it.
        headless: it begins where it says, not at a key picture.
    """

    channel: int
    begin: When
    end: When
    headless: bool = False


class ClockStep(Data):
    """The clock was set while it recorded.

    Attributes:
        at: what it read until then.
        by_ms: how far it was put forward, or (below zero) back.
    """

    at: When
    by_ms: int


class Recorded(Data):
    """What is on the disks.

    Attributes:
        since: the oldest footage.
        holes: stretches in which nothing was recorded.
        extra: more files over the same footage.
        retention: seconds that a file is kept after its end; 0: for ever.
        lag_ms: how far behind the clock the growing file is written.
        planned_ms: how much later than it will the growing file is listed to end.
        cut_tail: bytes of the last picture that closed files lack, and all after it.
        unflushed: bytes of a growing file that its listed size counts and a download lacks.
        steps: settings of the clock, oldest first.
        reindex: added to the numbers in file names: another recorder, or an index built anew.
    """

    since: When = "now-1h"
    holes: tuple[Hole, ...] = ()
    extra: tuple[ExtraFile, ...] = ()
    retention: int = 0
    lag_ms: int = 0
    planned_ms: int = 0
    cut_tail: int = 0
    unflushed: int = Field(default=0, ge=0)
    steps: tuple[ClockStep, ...] = ()
    reindex: int = Field(default=0, ge=0)


class Disk(Data):
    """One disk as ContentMgmt/Storage lists it.

    Attributes:
        name, status, capacity_mb: of it.
        free_mb: 0 for ever where the oldest footage is written over.
    """

    name: str = "hda"
    status: Literal["ok", "idle", "notexist", "unformatted", "error"] = "ok"
    capacity_mb: int = 3_815_447
    free_mb: int = 0


class Profile(Data):
    """A simulated recorder, whole.

    Attributes:
        name: what it is called.
        description: what is special about it, in a line.
        seed: of everything that is arbitrary: the same profile makes the same bytes.
        disks: what Storage lists.
        cameras: its channels.
        faults: what goes wrong from the start.
    """

    name: str = "unnamed"
    description: str = ""
    seed: int = 1
    identity: Identity = Identity()
    auth: Auth = Auth()
    clock: Clock = Clock()
    dialect: Dialect = Dialect()
    limits: Limits = Limits()
    rtsp: Rtsp = Rtsp()
    alerts: Alerts = Alerts()
    mux: MuxProfile = MuxProfile()
    recorded: Recorded = Recorded()
    disks: tuple[Disk, ...] = (Disk(),)
    cameras: tuple[CameraProfile, ...] = Field(min_length=1)
    faults: tuple[Fault, ...] = ()

    @model_validator(mode="after")
    def _distinct(self) -> Profile:
        distinct_channels(camera.channel for camera in self.cameras)
        return self


def load_profile(path: Path) -> Profile:
    """Read a profile from a `.toml` or `.json` file.

    Raises:
        ConfigurationError: no such file, not readable, or not a profile (it says which key).
    """
    try:
        text = path.read_text(encoding="utf-8")
        data = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
        return Profile.model_validate(data)
    except OSError as error:
        raise ConfigurationError(f"cannot read it: {error.strerror}", where=str(path)) from None
    except ValueError as error:  # JSON, TOML and pydantic all raise it
        raise ConfigurationError(f"not a recorder profile: {error}", where=str(path)) from None
