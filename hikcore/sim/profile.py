"""A simulated recorder's whole behaviour as data: loadable from TOML or JSON, built-in by name.

Instants in a profile are texts: ISO 8601 with a zone (`2026-11-20T09:10:00Z`), or relative to the
clock when the recorder starts: `now`, `now-2h`, `now-1h30m`, `now+5s` (units d, h, m, s).
"""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from hikcore.deviceclock import DeviceClock, ZoneRule
from hikcore.errors import ConfigurationError
from hikcore.instants import NS, parse_instant
from hikcore.sim.camera import CameraProfile
from hikcore.sim.faults import Fault
from hikcore.sim.psmux import MuxProfile

_RELATIVE = re.compile(r"now(?:([+-])((?:\d+[dhms])+))?")
_UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}


def resolve(text: str, now: int) -> int:
    """Nanoseconds UTC of a profile's instant.

    Raises:
        ValueError: neither ISO 8601 with a zone nor relative to now.
    """
    match = _RELATIVE.fullmatch(text)
    if match is None:
        return parse_instant(text)
    parts = re.findall(r"(\d+)([dhms])", match.group(2) or "")
    seconds = sum(int(count) * _UNITS[unit] for count, unit in parts)
    return now + (seconds if match.group(1) == "+" else -seconds) * NS


def _checked(text: str) -> str:
    resolve(text, 0)
    return text


When = Annotated[str, AfterValidator(_checked)]
Download = Literal["GET body", "POST body", "GET query", "POST query"]


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Identity(_Data):
    """What deviceInfo says."""

    name: str = "Simulated recorder"
    model: str = "DS-7608NI-K2"
    serial: str = "DS-7608NI-K2/8P0820261120CCRRD00000001WCVU"
    firmware: str = "V4.61.030"
    device_type: str = "NVR"
    device_id: str = "00000001-0000-4000-8000-000000000001"
    mac: str = "02:00:00:00:00:01"


class Auth(_Data):
    """Who may log in, and how.

    Attributes:
        nonce_uses: requests that one nonce serves before it is stale; 0: any number.
        lock_after: wrong logins until the address is locked; 0: never.
        lock_seconds: how long.
        refusal: body of a 401: the vendor's XML, or a page of HTML (cameras).
    """

    username: str = "admin"
    password: SecretStr = SecretStr("hikcore-12345")
    scheme: Literal["digest", "basic"] = "digest"
    algorithm: Literal["MD5", "SHA-256"] = "MD5"
    realm: str = "fe12f37b0a1c2d3e4f506172"
    nonce_uses: int = 0
    lock_after: int = 5
    lock_seconds: int = 1800
    refusal: Literal["userCheck", "html"] = "userCheck"


class Clock(_Data):
    """The recorder's clock.

    Attributes:
        zone: as in System/time: `CST-5:00:00` is UTC+5; a DST rule may follow.
        listing: what `Z` in searches and playbackURIs means.
        frozen: the clock stands at that instant; None: it runs with the one it is given.
        offset_ms: how far it is ahead of the clock it is given.
        suffix: behind localTime: the offset in force, the standard one also in summer, or none.
        http_date: the Date header: local time called GMT, as on many devices, or true.
    """

    zone: str = "CST-5:00:00"
    listing: Literal["utc", "local"] = "local"
    frozen: When | None = None
    offset_ms: int = 0
    suffix: Literal["offset", "standard", "none"] = "offset"
    http_date: Literal["local", "utc"] = "local"

    @property
    def rule(self) -> ZoneRule:
        """The zone, read."""
        return ZoneRule.parse(self.zone)

    @property
    def device_clock(self) -> DeviceClock:
        """How its times become UTC: the truth a client should find."""
        return DeviceClock(self.listing, self.rule, "setting")

    @model_validator(mode="after")
    def _readable(self) -> Clock:
        ZoneRule.parse(self.zone)
        return self


class Dialect(_Data):
    """How the ISAPI of this firmware differs from others'.

    Attributes:
        container: around trackID; another one is passed over in silence and 101 is searched.
        position: the name of the paging element; others are passed over in silence.
        page_cap: most items on a page, whatever maxResults asks.
        namespace, version: of answers; namespace None writes none.
        matches: what numOfMatches counts.
        total: whether totalMatches is there.
        full_page: what is said of a full page that is not the last.
        status: how the status text's element is spelt.
        empty: NO MATCHES without matchList, or with a blank one.
        search_id: what a searchID must look like.
        widest_days: longer spans are answered 500 deviceError; 0: any length is taken.
        bad_track: an unknown track is refused, or has no matches.
        download: ways of asking that are served; others are refused with 400.
        input_size: what the list of channels says of its length is off by so much.
        uri_host, uri_port: what the recorder believes its address to be; None: the true one, and no
            port.
        uri_slash: before the question mark of a playbackURI.
        content_type: of a body of footage.
        content_length: whether it is announced.
        codec_type: what listings say of the codec, true or not.
        absent: paths (patterns) that are refused with 403 notSupport.
    """

    container: Literal["trackIDList", "trackList"] = "trackIDList"
    position: Literal["searchResultPostion", "searchResultPosition"] = "searchResultPostion"
    page_cap: int = Field(default=40, ge=1)
    namespace: str | None = "http://www.hikvision.com/ver20/XMLSchema"
    version: str = "2.0"
    matches: Literal["page", "total"] = "page"
    total: bool = False
    full_page: Literal["MORE", "OK"] = "MORE"
    status: Literal["responseStatusStrg", "responseStatusStrip", "responseStatusStrp"] = (
        "responseStatusStrg"
    )
    empty: Literal["absent", "blank"] = "absent"
    search_id: Literal["guid", "braces", "any"] = "guid"
    widest_days: int = Field(default=0, ge=0)
    bad_track: Literal["refused", "empty"] = "empty"
    download: tuple[Download, ...] = ("GET body", "POST body")
    input_size: int = 6
    uri_host: str | None = None
    uri_port: int | None = None
    uri_slash: bool = True
    content_type: str = "Opaque/data"
    content_length: bool = True
    codec_type: str = "H.264-BP"
    absent: tuple[str, ...] = ("/ISAPI/System/Video/inputs/channels",)


class Limits(_Data):
    """What the recorder serves at once; more is answered 503, deviceBusy.

    Attributes:
        searches, downloads: at the same time.
        rate: bytes a second of each download; 0: as fast as it goes.
    """

    searches: int = Field(default=1, ge=1)
    downloads: int = Field(default=4, ge=1)
    rate: int = Field(default=0, ge=0)


class Hole(_Data):
    """A stretch in which nothing was recorded; on all cameras if none is named."""

    begin: When
    end: When
    channels: tuple[int, ...] | None = None


class ExtraFile(_Data):
    """One more file over the same footage, which it holds again: a file within a file, a third file
    over one instant. `headless`: it begins where it says, not at a key picture."""

    channel: int
    begin: When
    end: When
    headless: bool = False


class Recorded(_Data):
    """What is on the disks.

    Attributes:
        since: the oldest footage.
        retention: seconds that a file is kept after its end; 0: for ever.
        lag_ms: how far behind the clock the growing file is written.
        planned_ms: how much later than it will the growing file is listed to end.
        cut_tail: bytes of the last picture that closed files lack, and all after it.
    """

    since: When = "now-1h"
    holes: tuple[Hole, ...] = ()
    extra: tuple[ExtraFile, ...] = ()
    retention: int = 0
    lag_ms: int = 0
    planned_ms: int = 0
    cut_tail: int = 0


class Profile(_Data):
    """A simulated recorder, whole."""

    name: str = "unnamed"
    description: str = ""
    seed: int = 1
    identity: Identity = Identity()
    auth: Auth = Auth()
    clock: Clock = Clock()
    dialect: Dialect = Dialect()
    limits: Limits = Limits()
    mux: MuxProfile = MuxProfile()
    recorded: Recorded = Recorded()
    cameras: tuple[CameraProfile, ...] = Field(min_length=1)
    faults: tuple[Fault, ...] = ()

    @model_validator(mode="after")
    def _distinct(self) -> Profile:
        channels = [camera.channel for camera in self.cameras]
        if len(set(channels)) != len(channels):
            raise ValueError(f"two cameras have the same channel: {channels}")
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
