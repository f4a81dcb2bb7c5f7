"""A site's file made of what a device lists: ids of names, the zone of its clock's rule. Pure."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Final
from zoneinfo import available_timezones

from hikcore.deviceclock import ZoneRule
from hikcore.sources.base import DeviceCamera
from hikcore.zonerule import zone_rule

#: Of the zones with one rule the one that most will recognise; the others are named beside it.
_KNOWN: Final = (
    "UTC", "Europe/London", "Europe/Berlin", "Europe/Kyiv", "Europe/Istanbul", "Europe/Moscow",
    "Asia/Dubai", "Asia/Karachi", "Asia/Kolkata", "Asia/Dhaka", "Asia/Bangkok", "Asia/Shanghai",
    "Asia/Tokyo", "Australia/Sydney", "Pacific/Auckland", "America/Sao_Paulo", "America/New_York",
    "America/Chicago", "America/Denver", "America/Los_Angeles", "America/Bogota",
    "America/Mexico_City",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class NewDevice:
    """A device that is to be written.

    Attributes:
        settings: its keys in order, free of secrets: a password is a reference, `env:NAME` or
            `file:PATH`. A table is a key of its own.
        cameras: with the ids that they get, one for all devices of the site.
    """

    id: str
    settings: Mapping[str, str | int | bool | Mapping[str, str | bool]]
    cameras: Sequence[tuple[str, DeviceCamera]]


@dataclass(frozen=True, slots=True)
class NewSite:
    """What is to be written.

    Attributes:
        about: what its devices say that they are.
        zones: the one that is set, then others with the same rule; empty: none was found.
    """

    site: str
    about: str
    zones: Sequence[str]
    devices: Sequence[NewDevice]

    @property
    def cameras(self) -> list[tuple[str, DeviceCamera]]:
        """Of all devices."""
        return [camera for device in self.devices for camera in device.cameras]


def slug(name: str) -> str:
    """An id of a name: ASCII letters and digits, dashes between; "" where nothing is left."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:63].rstrip("-")


def camera_ids(
    device: str, channels: Iterable[DeviceCamera], given: Collection[str] = ()
) -> list[tuple[str, DeviceCamera]]:
    """An id for each: of its name, with the channel behind it where two are called alike, and
    DEVICE-01 where the name has no letter that may stand in a key.

    Args:
        given: ids of the site's other cameras.
    """
    channels = list(channels)
    slugs = [slug(each.name) for each in channels]
    out: list[tuple[str, DeviceCamera]] = []
    for made, each in zip(slugs, channels, strict=True):
        id_ = made if slugs.count(made) == 1 else f"{made[:58]}-{each.channel:02d}"
        if not made or id_ in given or id_ in {taken for taken, _ in out}:
            id_ = f"{device}-{each.channel:02d}"
        out.append((id_, each))
    return out


def zones_of(rule: ZoneRule, here: str = "") -> list[str]:
    """The zones that have this rule now, the likeliest first.

    Args:
        here: the zone of this machine: taken where it fits.
    """
    found = []
    for name in sorted({"UTC", *_places(), *([here] if here in available_timezones() else [])}):
        try:
            fits = zone_rule(name) == rule
        except ValueError:
            continue
        if fits:
            found.append(name)
    first = [name for name in (here, *_KNOWN) if name in found][:1]
    return first + [name for name in found if name not in first]


def _places() -> list[str]:
    """The zones that are no other name of one: those of zone.tab, whose third column they are."""
    table = resources.files("tzdata").joinpath("zoneinfo", "zone.tab").read_text(encoding="utf-8")
    rows = (line.split("\t") for line in table.splitlines() if not line.startswith("#"))
    return [row[2] for row in rows if len(row) > 2]


def site_file(new: NewSite) -> str:
    """The text of its file: what a person would have written, and may go on with."""
    out = [f"# {new.about}" if new.about else "", f"[sites.{new.site}]"]
    if new.zones:
        others = ", ".join(new.zones[1:6])
        note = f"  # by the device's rule; the same have: {others}" if others else ""
        out.append(f"zone = {_text(new.zones[0])}{note}")
    else:
        out.append('# zone = "…"  # times without a zone are refused until it is set')
    for device in new.devices:
        out += _device(new.site, device)
    return "\n".join(out).lstrip("\n") + "\n"


def _device(site: str, device: NewDevice) -> list[str]:
    place = f"sites.{site}.devices.{device.id}"
    tables = {key: each for key, each in device.settings.items() if isinstance(each, Mapping)}
    out = ["", f"[{place}]"]
    out += [f"{key} = {_value(v)}" for key, v in device.settings.items() if key not in tables]
    for name, table in tables.items():
        out += ["", f"[{place}.{name}]", *(f"{key} = {_value(v)}" for key, v in table.items())]
    for id_, camera in device.cameras:
        out += ["", f"[sites.{site}.cameras.{id_}]", f"device = {_text(device.id)}"]
        out.append(f"channel = {camera.channel}")
        if camera.name:
            out.append(f"name = {_text(camera.name)}")
    return out


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else _text(str(value))


def _text(value: str) -> str:
    """A basic string: JSON's escapes are TOML's, but that TOML also refuses a bare DEL."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
