"""What a device's clock says: System/time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from hikcore.deviceclock import DeviceClock, ZoneRule
from hikcore.errors import DeviceProtocolError
from hikcore.sources.isapi import xml
from hikcore.sources.isapi.literal import digits
from hikcore.zonerule import rule_of

PATH: Final = "/ISAPI/System/time"
_SUFFIX: Final = re.compile(r"([+-])(\d\d):?(\d\d)$")


@dataclass(frozen=True, slots=True)
class DeviceTime:
    """System/time: the wall clock (local ns), and its rule."""

    local: int
    zone: ZoneRule

    def utc(self, near: int) -> int:
        """The instant, by the device's clock; `near` decides in the repeated hour."""
        return DeviceClock("local", self.zone).wall_to_utc(self.local, near)


def parse_time(body: bytes, where: str, zone: ZoneRule | None = None) -> DeviceTime:
    """Read System/time. The digits of localTime and the rule in timeZone count; the offset behind
    the digits is the standard one in summer on some devices and missing on others, so it is used
    only where there is no rule.

    Args:
        zone: what the device's clock is set to, whatever it says of that.

    Raises:
        DeviceProtocolError: no time, or neither rule nor offset. The first carries the answer, as
            another one may be whole.
    """
    try:
        root = xml.parse(body)
    except ValueError as error:
        raise DeviceProtocolError(
            f"its answer broke off or is garbled: not XML: {error}", where=where, answer=body
        ) from None
    text = xml.text(root, "localTime")
    try:
        local = digits(text)
    except ValueError as error:
        said = (
            f"its localTime cannot be read: {error}"
            if text
            else f"no localTime in <{xml.local(root)}>"
        )
        raise DeviceProtocolError(said, where=where, answer=body) from None
    try:
        return DeviceTime(local, zone or _zone(xml.text(root, "timeZone"), text))
    except ValueError as error:
        raise DeviceProtocolError(
            f"its zone cannot be read: {error}", where=where, hint="set its zone in its web page"
        ) from None


def _zone(rule: str, local_time: str) -> ZoneRule:
    try:
        # POSIX proper on some; never a zone's name, whose rule is ours and not the device's.
        return rule_of(rule) if "/" not in rule.partition(",")[0] else ZoneRule.parse(rule)
    except ValueError:
        suffix = _SUFFIX.search(local_time)
        if suffix is None and not local_time.endswith("Z"):
            raise
    if suffix is None:
        return ZoneRule()
    seconds = int(suffix[2]) * 3600 + int(suffix[3]) * 60
    return ZoneRule(-seconds if suffix[1] == "-" else seconds)
