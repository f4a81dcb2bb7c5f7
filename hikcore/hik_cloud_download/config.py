"""The stage's YAML file: devices, time ranges, where to write, and how the cloud is spoken to."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

import yaml
from pydantic import BaseModel, ConfigDict, Field, SecretStr, StrictInt, ValidationError

from hikcore.errors import ConfigurationError
from hikcore.instants import NS, from_datetime, parse_instant
from hikcore.sources.hik_cloud.settings import (
    BASE_URL,
    CLASSES,
    DOWNLOAD_PATH,
    LONGEST,
    CloudSettings,
    ErrorClass,
)

_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
#: It names a folder.
_SERIAL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


class _Section(BaseModel):
    """A section: what it does not know is kept apart and named, not refused."""

    model_config = ConfigDict(extra="allow", frozen=True, hide_input_in_errors=True)


class Device(_Section):
    """A channel of a device. The name is for people."""

    device_serial: str
    channel_no: StrictInt = Field(ge=0, le=9999)
    name: str = ""


class TimeRange(_Section):
    """Two times, as in the file."""

    begin: Any
    end: Any


class HikCloudSection(_Section):
    """`hik_cloud`: the first ten keys are the document's; the others are additions."""

    api_base_url: str = BASE_URL
    download_path: str = DOWNLOAD_PATH
    access_token: SecretStr | None = None
    access_token_env: str | None = "HIK_CLOUD_ACCESS_TOKEN"  # noqa: S105  a name
    chunk_seconds: StrictInt = 600
    timeout_seconds: float = Field(60.0, gt=0)
    download_timeout_seconds: float = Field(600.0, gt=0)
    devices: tuple[Device, ...] = ()
    time_ranges: tuple[TimeRange, ...] = ()
    client_id: str | None = None
    client_id_env: str = "HIK_CLOUD_CLIENT_ID"
    client_secret_env: str = "HIK_CLOUD_CLIENT_SECRET"  # noqa: S105  a name
    success_codes: tuple[int | str, ...] = (0,)
    error_classes: dict[int | str, ErrorClass] = Field(default_factory=dict)
    require_https: bool = False
    settle_seconds: int = Field(0, ge=0)
    attempts: int = Field(3, ge=1, le=20)


@dataclass(frozen=True, slots=True)
class Stage:
    """The file, understood.

    Attributes:
        mode: `local` leaves the cloud alone.
        output: the folder `output.dir`.
        ranges: in Unix seconds, half-open.
        chunk: seconds; no chunk is longer.
        attempts: tries of a chunk where a repeat can help.
        settle: seconds before now after which nothing is asked for; 0: as the file says.
        unused: keys that are accepted and not used, `section.key`.
        warnings: what a person should know.
        access_token, client_id, client_secret: as given; None where not.
    """

    mode: Literal["local", "hik_cloud"]
    output: Path
    devices: tuple[Device, ...]
    ranges: tuple[tuple[int, int], ...]
    chunk: int
    attempts: int
    settle: int
    settings: CloudSettings
    unused: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    access_token: SecretStr | None = field(default=None, repr=False)
    client_id: str | None = field(default=None, repr=False)
    client_secret: SecretStr | None = field(default=None, repr=False)


def load_stage(path: Path, environ: Mapping[str, str] | None = None) -> Stage:
    """Read the file.

    Raises:
        ConfigurationError: it cannot be used. No value of the file is repeated but times.
    """
    document = _read(path)
    source, runtime, output = (_table(document, key, path) for key in _OURS)
    mode = source.get("mode", "local")
    if mode not in ("local", "hik_cloud"):
        raise ConfigurationError("is neither local nor hik_cloud", where=f"{path}: source.mode")
    folder = output.get("dir")
    if not isinstance(folder, str) or not folder:
        raise ConfigurationError("is not set", where=f"{path}: output.dir")
    cloud = _section(_table(document, "hik_cloud", path), path)
    zone = _zone(runtime.get("timezone", "Asia/Shanghai"), path)
    active = mode == "hik_cloud"
    warnings: list[str] = []
    token, client, secret = _credentials(cloud, os.environ if environ is None else environ)
    if active:
        _check_devices(cloud, path)
        if token is None and (client is None or secret is None):
            raise ConfigurationError(
                "there is no access token",
                where=f"{path}: hik_cloud",
                hint=f"set access_token, or the environment variable {cloud.access_token_env}",
            )
    return Stage(
        mode=mode,
        output=Path(folder).expanduser(),
        devices=cloud.devices,
        ranges=tuple(_ranges(cloud, zone, path)) if active else (),
        chunk=_chunk(cloud.chunk_seconds, path, warnings),
        attempts=cloud.attempts,
        settle=cloud.settle_seconds,
        settings=_settings(cloud, warnings),
        unused=tuple(_unused(document, cloud)),
        warnings=tuple(warnings),
        access_token=token,
        client_id=client,
        client_secret=secret,
    )


_OURS: Final = ("source", "runtime", "output")
_USED: Final = {"source": {"mode"}, "runtime": {"timezone"}, "output": {"dir"}}


def _read(path: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"cannot read it: {error.strerror}", where=str(path)) from None
    except (yaml.YAMLError, ValueError) as error:
        # Its own text quotes the line, which may hold the token.
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark is not None else ""
        failure = ConfigurationError("not YAML", where=f"{path}{line}")
    else:
        if isinstance(document, dict):
            return document
        failure = ConfigurationError("no YAML mapping", where=str(path))
    raise failure


def _table(document: Mapping[str, Any], key: str, path: Path) -> dict[str, Any]:
    value = document.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ConfigurationError("is no mapping", where=f"{path}: {key}")
    return value


def _section(table: dict[str, Any], path: Path) -> HikCloudSection:
    try:
        return HikCloudSection.model_validate(table)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        place = ".".join(map(str, ("hik_cloud", *first["loc"])))
        hint = ""
        if place.endswith("device_serial"):
            hint = 'write it in quotes: YAML reads "0123" without them as another number'
        elif ".error_classes." in place:
            hint = f"one of {', '.join(CLASSES)}"
        failure = ConfigurationError(first["msg"], where=f"{path}: {place}", hint=hint)
    raise failure


def _zone(name: object, path: Path) -> ZoneInfo:
    try:
        return ZoneInfo(str(name))
    except (KeyError, ValueError, OSError):
        raise ConfigurationError(
            "is no time zone: write it like Asia/Shanghai", where=f"{path}: runtime.timezone"
        ) from None


def _credentials(
    cloud: HikCloudSection, environ: Mapping[str, str]
) -> tuple[SecretStr | None, str | None, SecretStr | None]:
    """The token of the file before that of the environment; client credentials besides."""
    given = cloud.access_token.get_secret_value().strip() if cloud.access_token else ""
    token = given or environ.get(cloud.access_token_env or "", "").strip()
    client = cloud.client_id or environ.get(cloud.client_id_env, "").strip()
    secret = environ.get(cloud.client_secret_env, "").strip()
    return (
        SecretStr(token) if token else None,
        client or None,
        SecretStr(secret) if secret else None,
    )


def _check_devices(cloud: HikCloudSection, path: Path) -> None:
    for key, entries in (("devices", cloud.devices), ("time_ranges", cloud.time_ranges)):
        if not entries:
            raise ConfigurationError("has no entry", where=f"{path}: hik_cloud.{key}")
    for number, device in enumerate(cloud.devices):
        if not _SERIAL.fullmatch(device.device_serial):
            raise ConfigurationError(
                "is no serial: letters, digits, '_', '-' and '.'",
                where=f"{path}: hik_cloud.devices.{number}.device_serial",
            )


def _ranges(cloud: HikCloudSection, zone: ZoneInfo, path: Path) -> list[tuple[int, int]]:
    found = []
    for number, each in enumerate(cloud.time_ranges):
        where = f"{path}: hik_cloud.time_ranges.{number}"
        begin = parse_time(each.begin, zone, f"{where}.begin")
        end = parse_time(each.end, zone, f"{where}.end")
        if end <= begin:
            raise ConfigurationError(f"end ({each.end}) is not after begin", where=where)
        found.append((begin, end))
    return found


def parse_time(value: object, zone: ZoneInfo, where: str) -> int:
    """Unix seconds of a time of the file: a text `YYYY-MM-DD HH:MM:SS` in the zone (YAML reads one
    without quotes as a date-time), or whole seconds since 1970.

    Raises:
        ConfigurationError: neither, or a time that a change of the clock skips or repeats.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, datetime):
        if value.tzinfo is not None:
            return from_datetime(value) // NS
        value = f"{value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, str) and _TIME.fullmatch(value.strip()):
        try:
            return parse_instant(value.strip(), zone) // NS
        except ValueError as error:
            raise ConfigurationError(str(error), where=where) from None
    raise ConfigurationError(
        "is no time: write it like 2026-02-03 09:00:00, or as whole seconds since 1970", where=where
    )


def _chunk(seconds: int, path: Path, warnings: list[str]) -> int:
    if seconds <= 0:
        raise ConfigurationError("is not above 0", where=f"{path}: hik_cloud.chunk_seconds")
    if seconds > LONGEST:
        warnings.append(
            f"chunk_seconds {seconds} is taken as {LONGEST}: the cloud refuses longer requests"
        )
    return min(seconds, LONGEST)


def _settings(cloud: HikCloudSection, warnings: list[str]) -> CloudSettings:
    base = cloud.api_base_url.rstrip("/")
    if base.startswith("http://") and not cloud.require_https:
        warnings.append("api_base_url is not https: the token is readable on the way")
    return CloudSettings(
        base_url=base,
        download_path=cloud.download_path,
        success_codes=frozenset(map(str, cloud.success_codes)),
        classes={str(code): kind for code, kind in cloud.error_classes.items()},
        timeout=cloud.timeout_seconds,
        connect_timeout=cloud.timeout_seconds,
        download_timeout=cloud.download_timeout_seconds,
        # Tries are counted by the stage, row by row.
        attempts=1,
        insecure_http=not cloud.require_https,
    )


def _unused(document: Mapping[str, Any], cloud: HikCloudSection) -> list[str]:
    known = (*_OURS, "hik_cloud")
    found = [_named(str(key), "", known) for key in document if key not in known]
    for section, used in _USED.items():
        table = document.get(section)
        found += [_named(str(key), section, used) for key in table or {} if key not in used]
    parts: list[tuple[str, _Section]] = [("hik_cloud", cloud)]
    parts += [(f"hik_cloud.devices.{n}", each) for n, each in enumerate(cloud.devices)]
    parts += [(f"hik_cloud.time_ranges.{n}", each) for n, each in enumerate(cloud.time_ranges)]
    for place, part in parts:
        found += [_named(key, place, type(part).model_fields) for key in part.model_extra or {}]
    return found


def _named(key: str, table: str, known: Iterable[str]) -> str:
    """A key that nobody reads, and the one that may have been meant."""
    near = get_close_matches(key.lower(), known, n=1)
    place = f"{table}.{key}" if table else key
    return f"{place} (nearest known: {near[0]})" if near else place
