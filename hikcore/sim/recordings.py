"""Which files the recorder holds at an instant: a pure function of its profile.

Files of a camera lie on a grid since 1970: each begins with a group of pictures, and ends one to
three seconds after the next one began, inside a group that the next file holds whole. Holes and the
begin of all footage cut files.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

from hikcore.deviceclock import ZoneRule
from hikcore.instants import Span, subtract
from hikcore.sim.camera import CameraProfile
from hikcore.sim.profile import Recorded, resolve
from hikcore.sim.weekly import scheduled

_MS = 1_000_000
_PIECES = 100


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One file as it is at an instant.

    Attributes:
        begin_ms, end_ms: when it begins and (if it is growing: will) end, ms since 1970.
        written_ms: footage up to here is in it.
        listed_ms: the end that listings say.
        name: 17 digits.
        headless: it does not begin with a key picture.
        era: how often the clock had been set before it was recorded.
        cut_tail: bytes missing of its last picture, and all after it.
    """

    channel: int
    begin_ms: int
    end_ms: int
    written_ms: int
    listed_ms: int
    name: str
    headless: bool = False
    cut_tail: int = 0
    era: int = 0

    @property
    def growing(self) -> bool:
        """Whether it is still being written."""
        return self.written_ms < self.end_ms


@dataclass(slots=True)
class _Era:
    """A stretch between two settings of the clock, by the clock of that stretch, ms."""

    begin: int
    end: int | None = None


class Schedule:
    """The files of one camera.

    Args:
        camera: whose.
        recorded: what is on the disks, its instants relative to `start`.
        seed: of jitter and overlap.
        start: the clock when the recorder started, ns.
        zone: of the wall clock that the camera's schedule goes by (UTC if not given).
    """

    def __init__(
        self,
        camera: CameraProfile,
        recorded: Recorded,
        seed: int,
        start: int,
        zone: ZoneRule | None = None,
    ) -> None:
        self.camera = camera
        self._zone = zone or ZoneRule()
        self._seed = seed
        self._recorded = recorded
        self._eras = [_Era(-(-resolve(recorded.since, start) // _MS))]
        self._reindexed = recorded.reindex
        self._oldest = 0
        self._holes = [
            Span(resolve(hole.begin, start) // _MS, resolve(hole.end, start) // _MS)
            for hole in recorded.holes
            if hole.channels is None or camera.channel in hole.channels
        ]
        self._extra = [
            (resolve(extra.begin, start) // _MS, resolve(extra.end, start) // _MS, extra.headless)
            for extra in recorded.extra
            if extra.channel == camera.channel
        ]
        for step in recorded.steps:
            self.step(resolve(step.at, start) // _MS, step.by_ms)

    @property
    def era(self) -> int:
        """How often the clock was set so far."""
        return len(self._eras) - 1

    def step(self, at_ms: int, by_ms: int) -> None:
        """The clock is set at a reading, by so much: the file ends there, and another begins.

        Set back, there is footage twice for the same readings, of different scenes.
        """
        self._eras[-1].end = at_ms
        self._eras.append(_Era(at_ms + by_ms))

    def hole(self, begin_ms: int, end_ms: int) -> None:
        """Nothing is recorded in `[begin_ms, end_ms)`."""
        self._holes.append(Span(begin_ms, end_ms))

    def recycle(self, end_ms: int) -> None:
        """Files that end before an instant are written over."""
        self._oldest = max(self._oldest, end_ms)

    def reindex(self, by: int) -> None:
        """The index of the disks is built anew: every file gets another name."""
        self._reindexed += by

    def files(self, begin_ms: int, end_ms: int, now_ms: int) -> list[StoredFile]:
        """Those that touch `[begin_ms, end_ms)` by their listed times, oldest first."""
        length = self.camera.period_ms
        reach = length * (2 + self.camera.overlap_ms[1] // length)
        found = []
        for index, era in enumerate(self._eras):
            now = now_ms if era.end is None else era.end
            first = (min(begin_ms, now) - self._recorded.planned_ms - reach) // length - 1
            first = max(first, (era.begin - reach) // length - 1)
            last = min(end_ms, now) // length
            numbers = [*range(first, last + 1), *([] if index else range(-len(self._extra), 0))]
            found += [
                file
                for number in numbers
                for file in self._pieces(number, now_ms, index)
                if file.begin_ms < end_ms and file.listed_ms > begin_ms
            ]
        return sorted(found, key=lambda file: (file.begin_ms, file.end_ms, file.name))

    def by_name(self, name: str, now_ms: int) -> StoredFile | None:
        """The file of that name, if it is (still) there."""
        if len(name) != 17 or not name.isdecimal():
            return None
        number, era = int(name[:11]) - self._reindexed, int(name[15:])
        if era >= len(self._eras):
            return None
        if name[11:13] == "99":
            number = -1 - number
        found = self._pieces(number, now_ms, era)
        return next((file for file in found if file.name == name), None)

    def first_begin(self, number: int) -> int:
        """When the file of that number on the grid begins."""
        camera = self.camera
        jitter = self._draw(number, "jitter") % (camera.jitter_gops + 1)
        return number * camera.period_ms + camera.phase_ms + jitter * camera.gop_ms

    def _pieces(self, number: int, now_ms: int, era_index: int) -> list[StoredFile]:
        """What holes leave of one file, as it is now."""
        era = self._eras[era_index]
        if number < 0:
            if -number > len(self._extra):
                return []
            begin, end, headless = self._extra[-number - 1]
            spans, mark, label = [Span(begin, end)], "99", -1 - number
        else:
            begin, headless, mark, label = self.first_begin(number), False, "00", number
            end = max(self._end(number), begin + self.camera.frame_ms)
            left = _clipped(max(begin, era.begin), end if era.end is None else min(end, era.end))
            # A hole that is still to come is in no plan of the recorder's.
            coming = now_ms if era.end is None else era.end
            holes = [hole for hole in self._holes if hole.begin < coming]
            spans = subtract(self._wanted(left, number), holes)
        found = []
        for index, span in enumerate(spans[:_PIECES]):
            name = f"{label + self._reindexed:011d}{mark}{index:02d}{era_index:02d}"
            file = self._now(span, name, now_ms, headless)
            if file is None:
                continue
            file = replace(file, era=era_index)
            # What a hole leaves of the overlap alone lies wholly in the next file.
            if (
                number >= 0
                and begin < file.begin_ms
                and self.first_begin(number + 1) <= (file.begin_ms)
            ):
                continue
            found.append(file)
        return found

    def _wanted(self, spans: list[Span], number: int) -> list[Span]:
        """What of one file's time the schedule records: all, or on motion one clip of it."""
        camera = self.camera
        if not camera.schedule:
            return spans
        found = []
        for span in spans:
            for part, mode in scheduled(camera.blocks, self._zone, span.begin, span.end):
                if mode == "CMR":
                    found.append(part)
                    continue
                least, most = camera.motion_ms
                late = self._draw(number, "motion") % (camera.period_ms // 2)
                long = least + self._draw(number, "clip") % (most - least + 1)
                begin = self.first_begin(number) + late
                clip = part.intersection(Span(begin, begin + long))
                found += [clip] if clip else []
        return found

    def _now(self, span: Span, name: str, now_ms: int, headless: bool) -> StoredFile | None:
        camera, recorded = self.camera, self._recorded
        phase, step = camera.phase_ms, camera.frame_ms if headless else camera.gop_ms
        begin = -(-(span.begin - phase) // step) * step + phase
        # What was recorded before the clock was set is closed, whatever it says now.
        passed = name[15:] != f"{len(self._eras) - 1:02d}"
        written = span.end if passed else min(span.end, now_ms - recorded.lag_ms)
        if written <= begin:
            return None
        if span.end <= self._oldest:
            return None
        if recorded.retention and span.end + recorded.retention * 1000 <= now_ms:
            return None
        growing = written < span.end
        return StoredFile(
            camera.channel,
            begin,
            span.end,
            written,
            span.end + (recorded.planned_ms if growing else 0),
            name,
            headless,
            0 if growing else recorded.cut_tail,
        )

    def _end(self, number: int) -> int:
        """Inside a group that the next file holds: never on the border of one."""
        camera = self.camera
        least, most = camera.overlap_ms
        overlap = least + self._draw(number, "overlap") % (most - least + 1)
        end = self.first_begin(number + 1) + overlap
        if overlap and (end - camera.phase_ms) % camera.gop_ms == 0:
            end += 1
        return end

    def _draw(self, number: int, what: str) -> int:
        name = f"{self._seed}/{self.camera.channel}/{number}/{what}".encode()
        return int.from_bytes(hashlib.sha256(name).digest()[:6], "big")


def _clipped(begin: int, end: int) -> list[Span]:
    return [Span(begin, end)] if begin < end else []
