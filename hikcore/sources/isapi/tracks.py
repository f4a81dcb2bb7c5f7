"""record/tracks: when each channel is to record (facts 1.6).

`Enable` is false on tracks that record (four recorders), so what counts is `enableSchedule` and the
actions of the schedule. A mode that is not `CMR` waits for something to happen.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Final
from xml.etree.ElementTree import Element

from hikcore.errors import DeviceProtocolError, DeviceRefused
from hikcore.sources.about import Block, Mode, Planned
from hikcore.sources.isapi import xml

PATH: Final = "/ISAPI/ContentMgmt/record/tracks"
_DAYS: Final = {
    name: number
    for number, name in enumerate(
        ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    )
}
_TIME: Final = re.compile(r"(\d\d?):(\d\d)(?::(\d\d))?")
_DAY: Final = 86_400
#: Recorded without a break; the spellings of the metadata descriptors (facts 1.3).
_CONTINUOUS: Final = frozenset({"CMR", "TIMING", "CONTINUOUS"})


class Tracks:
    """The numbers of one device's tracks, asked for once.

    Args:
        get: the document that a GET answers.
    """

    def __init__(self, get: Callable[[str], Awaitable[Element]]) -> None:
        self._get = get
        self._numbers: frozenset[int] | None = None

    async def numbers(self) -> frozenset[int]:
        """Their numbers; none where the device keeps the list to itself.

        Raises:
            DeviceError: it does not answer.
        """
        if self._numbers is None:
            try:
                root = await self._get(PATH)
            except (DeviceRefused, DeviceProtocolError) as error:
                if error.retryable:
                    raise
                self._numbers = frozenset()
            else:
                ids = (xml.text(track, "id") for track in xml.descendants(root, "Track"))
                self._numbers = frozenset(int(i) for i in ids if i.isdecimal() and len(i) < 9)
        return self._numbers


def parse_tracks(root: Element) -> list[Planned]:
    """The schedules of the main streams, by channel."""
    found: dict[int, Planned] = {}
    for track in xml.descendants(root, "Track"):
        number = xml.text(track, "id")
        if number.isdecimal() and len(number) < 9 and int(number) % 100 == 1:
            found[int(number) // 100] = Planned(int(number) // 100, _blocks(track))
    return [found[channel] for channel in sorted(found)]


def _blocks(track: Element) -> tuple[Block, ...]:
    extensions = xml.descendants(track, "CustomExtension")
    if any(xml.text(each, "enableSchedule").lower() == "false" for each in extensions):
        return ()
    default = xml.text(track, "DefaultRecordingMode")
    out: list[Block] = []
    for action in xml.descendants(track, "ScheduleAction"):
        out += _action(action, default)
    return tuple(sorted(out, key=lambda block: (block.weekday, block.begin, block.end)))


def _action(action: Element, default: str) -> list[Block]:
    """One a weekday that it touches: one may end on the day after its begin."""
    if xml.text(action, "Actions", "Record").lower() == "false":
        return []
    begin, end = (_at(action, f"ScheduleAction{edge}Time") for edge in ("Start", "End"))
    if begin is None or end is None:
        return []
    text = (xml.text(action, "Actions", "ActionRecordingMode") or default).upper()
    mode: Mode = "continuous" if text in _CONTINUOUS else "motion"
    if end <= begin:
        end += 7 * _DAY
    out = []
    while begin < end:
        midnight = (begin // _DAY + 1) * _DAY
        upto = min(end, midnight)
        out.append(Block(begin // _DAY % 7, begin % _DAY, upto - begin // _DAY * _DAY, mode))
        begin = upto
    return out


def _at(action: Element, name: str) -> int | None:
    """Seconds since Monday's midnight. A recorder writes 24:00:00, or 23:59:59 for it."""
    day = _DAYS.get(xml.text(action, name, "DayOfWeek").lower())
    match = _TIME.fullmatch(xml.text(action, name, "TimeOfDay"))
    if day is None or match is None:
        return None
    seconds = int(match[1]) * 3600 + int(match[2]) * 60 + int(match[3] or 0)
    return day * _DAY + (_DAY if seconds == _DAY - 1 else min(seconds, _DAY))
