"""What can be configured: the shape of the TOML file, checked by pydantic.

Ids name things in the archive's keys, so they hold to its alphabet and outlive names, addresses and
recorders.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    model_validator,
)
from pydantic_core import PydanticCustomError

from hikcore.config.cloud_section import CloudSection, with_address
from hikcore.config.everfocus_section import EverFocusSection
from hikcore.config.secrets import Secret
from hikcore.sources.timetable import Hours, Limit
from hikcore.zonerule import check_device_time

_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]i?)?B?", re.IGNORECASE)
_POWER = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}
_TLS = re.compile(r"verify|off|ca:.+|pin:(?:sha256:)?[0-9A-Fa-f]{2}(?::?[0-9A-Fa-f]{2}){31}")


def _fault(message: str) -> PydanticCustomError:
    return PydanticCustomError("hikcore", "{reason}", {"reason": message})


def check_id(value: str) -> str:
    """An id as the archive's keys allow it.

    Raises:
        PydanticCustomError: any other text.
    """
    if not _ID.fullmatch(value):
        raise _fault(
            f"{value!r} is no id: 1 to 63 of a-z, 0-9, '-' and '_', a letter or digit first"
        )
    return value


def _size(value: object) -> object:
    if not isinstance(value, str):
        return value
    match = _SIZE.fullmatch(value.strip())
    if match is None:
        raise _fault(f"{value!r} is no size: write it like 20 GB, 500 MiB or 1000000")
    unit = (match.group(2) or "").upper()
    base = 1024 if unit.endswith("I") else 1000
    return int(float(match.group(1)) * base ** _POWER[unit.removesuffix("I")])


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise _fault(f"{value!r} is no time zone: write it like Asia/Tashkent or UTC") from None
    return value


def _tls(value: str) -> str:
    if not _TLS.fullmatch(value):
        raise _fault(f"{value!r} is none of: verify, ca:FILE, pin:SHA256 (64 hex digits), off")
    return value


def _url(value: str) -> str:
    # A secret in a URL ends in logs and process lists: it has keys of its own.
    if re.match(r"[a-z0-9+]+://[^/]*@", value):
        raise _fault("credentials in a URL are refused: use access_key and secret_key")
    return value


def _several(value: object) -> object:
    """One text is a list of one."""
    return (value,) if isinstance(value, str) else value


def _hours(value: str) -> str:
    try:
        Hours.parse(value)
    except ValueError as error:
        raise _fault(str(error)) from None
    return value


def _cron(value: str) -> str:
    if value and not re.fullmatch(r"\S+(\s+\S+){4}", value.strip()):
        raise _fault(f"{value!r} is no schedule: write five fields like 15 * * * *")
    return value.strip()


def _device_time(value: str) -> str:
    try:
        return check_device_time(value)
    except ValueError as error:
        raise _fault(str(error)) from None


def _limit(value: str) -> str:
    try:
        Limit.parse(value)
    except ValueError as error:
        raise _fault(str(error)) from None
    return value


Id = Annotated[str, AfterValidator(check_id)]
Bytes = Annotated[int, BeforeValidator(_size), Field(gt=0)]
Zone = Annotated[str, AfterValidator(_zone)]
Tls = Annotated[str, AfterValidator(_tls)]
Url = Annotated[str, AfterValidator(_url)]
Folder = Annotated[Path, AfterValidator(Path.expanduser), PlainSerializer(str, return_type=str)]
Cron = Annotated[str, AfterValidator(_cron)]
DeviceTime = Annotated[str, AfterValidator(_device_time)]
QuietTimes = Annotated[
    tuple[Annotated[str, AfterValidator(_hours)], ...], BeforeValidator(_several)
]
Limits = Annotated[tuple[Annotated[str, AfterValidator(_limit)], ...], BeforeValidator(_several)]
Seconds = Annotated[float, Field(gt=0, le=3600)]
StreamName = Literal["main", "sub"]


class Section(BaseModel):
    """A table of the file: unknown keys are errors, and no error repeats a refused value."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class ArchiveSection(Section):
    """Where the archive is, and the keys to it (none for a folder)."""

    url: Url = Field(description="a folder, s3+http://HOST:PORT/BUCKET or s3://BUCKET")
    access_key: Secret | None = Field(None, description="S3 access key")
    secret_key: Secret | None = Field(None, description="S3 secret key")
    region: str | None = Field(None, description="S3 region")


class SpoolSection(Section):
    """Where bodies are kept while they are fetched and split."""

    folder: Folder = Field(
        Path("~/.cache/hikcore/spool").expanduser(), description="a folder on a local disk"
    )
    limit: Bytes = Field(20_000_000_000, description="fetches wait rather than fill more")


class DeviceFilesSection(Section):
    """Where is kept how each device speaks."""

    folder: Folder | None = Field(None, description="devices/ beside this file, unless said")


class DefaultsSection(Section):
    """What holds for every device that does not say otherwise."""

    scheme: Literal["http", "https"] = Field("http", description="http or https")
    port: int | None = Field(None, ge=1, le=65535, description="80, or 443 with https")
    username: str | None = Field(None, description="a user of the recorder who may play back")
    password: Secret | None = Field(None, description="env:NAME, file:PATH or cmd:COMMAND")
    tls: Tls = Field("verify", description="verify, ca:FILE, pin:SHA256 or off")
    device_time: DeviceTime = Field(
        "auto",
        description="what a Z behind the device's times means: measured; or utc, local, a zone",
    )
    auth: Literal["auto", "basic"] = Field(
        "auto", description="auto: Digest, Basic only over verified TLS; basic: Basic anyway"
    )
    downloads: int = Field(
        2, ge=1, le=64, description="at once from one device, by one process; under Prefect by all"
    )
    searches: int = Field(1, ge=1, le=64, description="likewise")
    streams: int = Field(1, ge=1, le=64, description="RTSP playbacks, likewise")
    playback: Literal["auto", "download", "rtsp"] = Field(
        "auto", description="auto: files, or played over RTSP where the device gives none"
    )
    rtsp_port: int = Field(554, ge=1, le=65535, description="where it plays")
    playback_quiet: Seconds = Field(
        15.0, description="seconds without a picture after which a playback is over"
    )
    requests_per_second: float = Field(20.0, gt=0, le=1000, description="all kinds together")
    bandwidth: Limits = Field(
        (), description='"2 MB/s", or a list like ["08:00-20:00 16 Mbit/s"]; hours of the site'
    )
    quiet_hours: QuietTimes = Field(
        (), description='["22:00-06:00"]: nothing is asked of it then; hours of the site'
    )
    busy_patience: Annotated[float, Field(ge=0, le=86400)] = Field(
        900.0, description="seconds that a request waits for a device that says it is busy"
    )
    attempts: int = Field(5, ge=1, le=20, description="tries where a repeat can help")
    connect_timeout: Seconds = Field(10.0, description="seconds to a connection")
    idle_timeout: Seconds = Field(60.0, description="seconds without a byte")
    include: tuple[str, ...] | None = Field(
        None, description="with cameras = all: only channels whose name or number matches one"
    )
    exclude: tuple[str, ...] = Field(
        (), description="with cameras = all: no channel whose name or number matches one"
    )
    cloud: CloudSection = Field(
        default_factory=CloudSection, description="with kind = hik_cloud: the account"
    )
    everfocus: EverFocusSection = Field(
        default_factory=EverFocusSection, description="with kind = everfocus: how it speaks"
    )


class DeviceSection(DefaultsSection):
    """A recorder or camera of a site. What it leaves out is taken from `[defaults]`."""

    kind: Literal["isapi", "hik_cloud", "everfocus"] = Field(
        "isapi", description="how it is spoken to"
    )
    serial: str = Field("", description="with kind = hik_cloud: of the device")
    host: str = Field(min_length=1, description="its name or address")
    cameras: Literal["all", "listed"] = Field(
        "listed", description="all: every channel, with ids DEVICE-01, DEVICE-02 …"
    )

    @model_validator(mode="before")
    @classmethod
    def _address(cls, value: Any) -> Any:
        return with_address(value)

    @model_validator(mode="after")
    def _serial(self) -> DeviceSection:
        if self.kind == "hik_cloud" and not self.serial:
            raise _fault("a device of a cloud needs its serial")
        if self.kind == "hik_cloud" and self.cameras == "all" and not self.cloud.list_channels:
            raise _fault('cameras = "all" of a cloud needs cloud.list_channels = true')
        return self


class CameraSection(Section):
    """A camera with an id of its own, which survives renaming and a new recorder."""

    device: Id = Field(description="the id of its device")
    channel: int = Field(ge=1, le=9999, description="its number there")
    name: str = Field("", description="for people")
    streams: tuple[StreamName, ...] = Field(("main",), min_length=1, description="main, sub")
    expectation: Literal["continuous", "schedule", "motion"] | None = Field(
        None, description="tells a hole from a silence; else what the device says"
    )


class SiteSection(Section):
    """A place with devices and cameras."""

    name: str = Field("", description="for people")
    zone: Zone | None = Field(None, description="what times without a zone are read in")
    work_pool: Id = Field(
        "hikcore", description="Prefect's work pool, of workers that reach its recorders"
    )
    schedule: Cron = Field(
        "", description="when Prefect starts a run, as cron in its zone; hourly unless said"
    )
    defaults: DefaultsSection = Field(default_factory=DefaultsSection)
    devices: dict[Id, DeviceSection] = Field(default_factory=dict)
    cameras: dict[Id, CameraSection] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _cameras_fit_devices(self) -> SiteSection:
        seen: dict[tuple[str, int], str] = {}
        for id_, camera in self.cameras.items():
            if camera.device not in self.devices:
                known = ", ".join(self.devices) or "none"
                raise _fault(f"camera {id_}: there is no device {camera.device!r} (known: {known})")
            place = (camera.device, camera.channel)
            if place in seen:
                raise _fault(
                    f"cameras {seen[place]} and {id_} are both channel {camera.channel} of "
                    f"{camera.device}: its footage would be kept twice"
                )
            seen[place] = id_
        return self


class Settings(Section):
    """The whole file."""

    archive: ArchiveSection
    spool: SpoolSection = Field(default_factory=SpoolSection)
    device_files: DeviceFilesSection = Field(default_factory=DeviceFilesSection)
    defaults: DefaultsSection = Field(default_factory=DefaultsSection)
    sites: dict[Id, SiteSection] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _spread_defaults(cls, value: Any) -> Any:
        """Lay `[defaults]` under every device, and a site's own over them, so that a device is
        whole by itself."""
        if not isinstance(value, dict) or not isinstance(value.get("sites"), dict):
            return value
        known = _defaults_of(value)
        sites = value["sites"]
        return value | {"sites": {id_: _spread(site, known) for id_, site in sites.items()}}


def _defaults_of(table: dict[str, Any]) -> dict[str, Any]:
    defaults = table.get("defaults")
    if not isinstance(defaults, dict):
        return {}
    return {key: v for key, v in defaults.items() if key in DefaultsSection.model_fields}


def _spread(site: Any, defaults: dict[str, Any]) -> Any:
    if not isinstance(site, dict) or not isinstance(site.get("devices"), dict):
        return site
    defaults = _over(defaults, _defaults_of(site))
    if not defaults:
        return site
    devices = {
        id_: _over(defaults, device) if isinstance(device, dict) else device
        for id_, device in site["devices"].items()
    }
    return site | {"devices": devices}


def _over(defaults: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """A device's keys over those above it; of tables key by key."""
    tables = {
        key: defaults[key] | value
        for key, value in own.items()
        if isinstance(value, dict) and isinstance(defaults.get(key), dict)
    }
    return defaults | own | tables
