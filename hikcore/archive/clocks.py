"""Clock profiles in the archive: what a device's times mean, and which of them were put right.

A profile is never changed. One that was found wrong is put right by a further one that `replaces`
it: whatever names the wrong one is read with the right one from then on (see corrected).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass

from hikcore.archive.documents import ClockChange, ClockProfile
from hikcore.archive.keys import CLOCKS, check_id, clock_key
from hikcore.archive.said import Question
from hikcore.archive.store import Store
from hikcore.archive.update import JSON, parse
from hikcore.deviceclock import Change, DeviceClock, ZoneRule
from hikcore.instants import NS


@dataclass(frozen=True, slots=True)
class Correction:
    """A profile found wrong, and how its times are read instead."""

    wrong: DeviceClock
    right: DeviceClock

    @property
    def reach(self) -> int:
        """The most by which it moves any instant, ns."""
        return max(_apart(_east(self.wrong), _east(self.right)), _walls_apart(self)) * NS


class Clocks:
    """The profiles of a site, or of one device of it.

    Args:
        profiles: by their SHA-256.
    """

    def __init__(self, profiles: Mapping[str, ClockProfile] | None = None) -> None:
        self.profiles: Mapping[str, ClockProfile] = profiles or {}
        # Sorted downwards, so that of two that replace the same one the smaller hash stays.
        named = sorted(self.profiles.items(), reverse=True)
        self._successors = {p.replaces: name for name, p in named if p.replaces}
        self._corrections = {name: self._correction(name) for name in self.profiles}

    def standing(self, name: str) -> str:
        """The profile by which times made with `name` are read: itself, unless it was replaced.

        Where two documents replace the same one, which only two people at the same moment bring
        about, every reader takes the same: that of the smaller hash.
        """
        seen = {name}
        while (following := self._successors.get(name)) is not None and following not in seen:
            name = following
            seen.add(name)
        return name

    def correction(self, name: str) -> Correction | None:
        """How times made with that profile are read; None where as they stand."""
        return self._corrections.get(name)

    def heads(self, device: str) -> list[str]:
        """The profiles of a device that none replaces, by hash."""
        return sorted(
            name
            for name, profile in self.profiles.items()
            if profile.device == device and name not in self._successors
        )

    def sole(self, device: str) -> str:
        """The one profile of a device that was measured or set, "" where there are several: what
        was written before documents named their profile was made with it."""
        found = [n for n, p in self.profiles.items() if p.device == device and not p.replaces]
        return found[0] if len(found) == 1 else ""

    def wall(self, question: Question) -> ZoneRule:
        """The rule of the wall clock of the device that was asked; UTC where nobody knows."""
        profile = self.profiles.get(self.standing(question.clock or self.sole(question.device)))
        return ZoneRule() if profile is None else clock_of(profile).zone

    def reach(self) -> int:
        """The most by which any correction moves an instant, ns: days are listed so much wider."""
        found = self._corrections.values()
        return max((each.reach for each in found if each is not None), default=0)

    def _correction(self, name: str) -> Correction | None:
        right = self.standing(name)
        found = Correction(clock_of(self.profiles[name]), clock_of(self.profiles[right]))
        same = (found.wrong.listing, found.wrong.zone) == (found.right.listing, found.right.zone)
        return None if same else found


def clock_of(profile: ClockProfile) -> DeviceClock:
    """The clock that a profile describes."""
    zone = ZoneRule(profile.offset, profile.shift, _change(profile.start), _change(profile.end))
    return DeviceClock(profile.listing, zone, profile.source)


def profile_of(
    site: str, device: str, clock: DeviceClock, replaces: str | None = None
) -> tuple[str, bytes]:
    """A clock as the archive keeps it: SHA-256 in hex, and the bytes."""
    document = ClockProfile(
        site=site,
        device=device,
        listing=clock.listing,
        offset=clock.zone.offset,
        shift=clock.zone.shift,
        start=_document(clock.zone.start),
        end=_document(clock.zone.end),
        source=clock.source,
        replaces=replaces,
    ).to_bytes()
    return hashlib.sha256(document).hexdigest(), document


def put_profile(
    store: Store, site: str, device: str, clock: DeviceClock, replaces: str | None = None
) -> str:
    """Put a clock where it is not there yet; its SHA-256.

    Raises:
        ArchiveError: the store refused or did not answer.
    """
    name, document = profile_of(site, device, clock, replaces)
    key = clock_key(site, device, name)
    if store.head(key) is None:
        store.put(key, document, content_type=JSON)
    return name


def load_clocks(
    store: Store,
    site: str,
    device: str = "",
    *,
    cache: MutableMapping[str, tuple[str, ClockProfile]] | None = None,
) -> Clocks:
    """The profiles of a site, or of one device.

    Args:
        cache: by key, kept by the caller between calls: profiles never change.

    Raises:
        ArchiveCorrupt: one is not a clock profile.
    """
    prefix = f"{CLOCKS}{check_id(site, 'site')}/"
    if device:
        prefix += f"{check_id(device, 'device')}/"
    cache = {} if cache is None else cache
    out: dict[str, ClockProfile] = {}
    for info in store.list(prefix):
        if info.key not in cache:
            found = store.get(info.key)
            if found is None:
                continue
            name = hashlib.sha256(found[0]).hexdigest()
            cache[info.key] = name, parse(ClockProfile, found[0], f"{store.url}/{info.key}")
        name, profile = cache[info.key]
        out[name] = profile
    return Clocks(out)


def _east(clock: DeviceClock) -> tuple[int, int]:
    """The least and the most seconds that literal times can be east of UTC."""
    return (0, 0) if clock.listing == "utc" else _wall(clock.zone)


def _wall(zone: ZoneRule) -> tuple[int, int]:
    ends = (zone.offset, zone.offset + zone.shift)
    return min(ends), max(ends)


def _apart(one: tuple[int, int], other: tuple[int, int]) -> int:
    return max(abs(one[1] - other[0]), abs(other[1] - one[0]))


def _walls_apart(found: Correction) -> int:
    """Also of the clock inside the stream, in the hour that it repeats."""
    return _apart(_wall(found.wrong.zone), _wall(found.right.zone))


def _change(change: ClockChange | None) -> Change | None:
    if change is None:
        return None
    return Change(change.month, change.week, change.weekday, change.seconds)


def _document(change: Change | None) -> ClockChange | None:
    if change is None:
        return None
    return ClockChange(
        month=change.month, week=change.week, weekday=change.weekday, seconds=change.seconds
    )
