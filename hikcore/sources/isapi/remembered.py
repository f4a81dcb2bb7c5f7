"""A clock that was measured, kept between processes, so that nothing is measured anew in each run.

It is looked at again after a day, at a change of the clock, and when the device's zone, firmware or
serial number are others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from hikcore.deviceclock import ZoneRule
from hikcore.instants import DAY, format_instant, parse_instant
from hikcore.sources.base import DeviceNotes
from hikcore.sources.isapi.dialects import Identity
from hikcore.sources.isapi.meaning import Reading

#: After so long it is measured again.
_GOOD: Final = DAY


@dataclass(frozen=True, slots=True)
class Remembered:
    """What was measured, and when (ns UTC by our clock)."""

    reading: Reading
    measured: int
    rule: str
    device: str

    def fresh(self, zone: ZoneRule, now: int) -> bool:
        """Whether it need not be looked at again: neither too old, nor did the wall clock change
        between summer and winter since."""
        same_season = (
            zone.utc_to_local(self.measured) - self.measured == zone.utc_to_local(now) - now
        )
        return 0 <= now - self.measured < _GOOD and same_season


class ClockMemory:
    """The last measurement of one device.

    Args:
        notes: where it is kept; None: nowhere.
    """

    def __init__(self, notes: DeviceNotes | None) -> None:
        self._notes = notes

    async def load(self, zone: ZoneRule, device: Identity) -> Remembered | None:
        """What is kept of this very device with this zone.

        Raises:
            ConfigurationError: what is kept cannot be read.
        """
        if self._notes is None:
            return None
        kept = await asyncio.to_thread(self._notes.load)
        found = _read(kept) if kept is not None else None
        if found is None or (found.rule, found.device) != (str(zone), _name(device)):
            return None
        return found

    async def save(
        self, reading: Reading, zone: ZoneRule, device: Identity, now: int, evidence: list[str]
    ) -> None:
        """Keep a measurement, with what it was made of."""
        if self._notes is None:
            return
        document = {
            "reading": reading,
            "measured": format_instant(now),
            "rule": str(zone),
            "device": _name(device),
            "evidence": evidence,
        }
        await asyncio.to_thread(self._notes.save, document)


def _read(kept: Mapping[str, Any]) -> Remembered | None:
    try:
        reading, measured = str(kept["reading"]), parse_instant(str(kept["measured"]))
        rule, device = str(kept["rule"]), str(kept["device"])
    except (KeyError, ValueError):
        return None
    if reading not in ("utc", "local"):
        return None
    return Remembered(cast(Reading, reading), measured, rule, device)


def _name(device: Identity) -> str:
    return " ".join(part for part in (device.model, device.firmware, device.serial) if part)
