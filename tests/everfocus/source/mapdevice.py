"""A recorder's maps by the plainest means: a set of recorded stretches, every cell looked at by
itself, days counted with zoneinfo. A reference for the tests, slow on purpose."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hikcore.sources.everfocus.maps import Seconds


class MapDevice:
    """Answers the three maps as the guide says, its days being those of a real time zone."""

    def __init__(
        self,
        recorded: Mapping[int, list[Seconds]],
        zone: str = "UTC",
        *,
        cut_to: int | None = None,
        spoil: Callable[[dict[str, Any]], None] | None = None,
    ) -> None:
        self.recorded, self.zone = recorded, ZoneInfo(zone)
        self.cut_to = cut_to
        self.spoil = spoil
        self.questions: list[tuple[str, dict[str, Any]]] = []

    async def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """The reply to a map request; a wrong one fails the test."""
        self.questions.append((path, dict(body)))
        begin, end = body["StartTime"], body["EndTime"] + 1
        assert begin < end
        assert 1 <= len(body["ChannelIDs"]) <= 4
        assert body["mainsub"] in (1, 2)
        kind = path.removeprefix("/record/getMapBy")
        borders = self._borders(kind, begin, end)
        if self.cut_to is not None:
            borders = borders[: self.cut_to + 1]
        reply: dict[str, Any] = {"StartTime": begin, "EndTime": borders[-1] - 1}
        for channel in body["ChannelIDs"]:
            if channel in self.recorded:
                states = "".join(
                    "+" if self.has(channel, low, high) else "-"
                    for low, high in itertools.pairwise(borders)
                )
                rows = [states[at : at + 60] for at in range(0, len(states), 60)]
                reply[f"CH{channel}"] = states if kind == "Day" else rows
        if self.spoil is not None:
            self.spoil(reply)
        return reply

    def has(self, channel: int, low: int, high: int) -> bool:
        """Whether anything was recorded in those seconds."""
        return any(begin < high and low < end for begin, end in self.recorded[channel])

    def midnight(self, at: int) -> int:
        """The begin of the local day that holds a second."""
        local = datetime.fromtimestamp(at, self.zone)
        return self._first_of(local.date())

    def _first_of(self, date: Any) -> int:
        noon = datetime(date.year, date.month, date.day, 12, tzinfo=self.zone).timestamp()
        at = int(noon) - 16 * 3600
        while datetime.fromtimestamp(at, self.zone).date() != date:
            at += 60
        return at

    def _borders(self, kind: str, begin: int, end: int) -> list[int]:
        local = datetime.fromtimestamp(begin, self.zone)
        if kind == "Day":
            assert begin == self._first_of(local.date()), "StartTime must be at day border"
            found, day = [begin], local.date()
            while found[-1] < end and len(found) <= 35:
                day += timedelta(days=1)
                found.append(self._first_of(day))
            return found
        if kind == "Minute":
            assert (local.minute, local.second) == (0, 0), "StartTime must be at hour border"
        width, most = (60, 1440) if kind == "Minute" else (1, 3600)
        count = min(-(-(end - begin) // width), most)
        return [begin + n * width for n in range(count + 1)]
