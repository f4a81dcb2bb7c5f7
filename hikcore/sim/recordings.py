"""Which files the recorder holds at an instant: a pure function of its profile.

Files of a camera lie on a grid since 1970: each begins with a group of pictures, and ends one to
three seconds after the next one began, inside a group that the next file holds whole. Holes and the
begin of all footage cut files.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

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

    @property
    def growing(self) -> bool:
        """Whether it is still being written."""
        return self.written_ms < self.end_ms


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
        self._since = -(-resolve(recorded.since, start) // _MS)
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

    def files(self, begin_ms: int, end_ms: int, now_ms: int) -> list[StoredFile]:
        """Those that touch `[begin_ms, end_ms)` by their listed times, oldest first."""
        length = self.camera.period_ms
        reach = length * (2 + self.camera.overlap_ms[1] // length)
        first = (min(begin_ms, now_ms) - self._recorded.planned_ms - reach) // length - 1
        first = max(first, (self._since - reach) // length - 1)
        last = min(end_ms, now_ms) // length
        found = [
            file
            for number in [*range(first, last + 1), *range(-len(self._extra), 0)]
            for file in self._pieces(number, now_ms)
            if file.begin_ms < end_ms and file.listed_ms > begin_ms
        ]
        return sorted(found, key=lambda file: (file.begin_ms, file.end_ms, file.name))

    def by_name(self, name: str, now_ms: int) -> StoredFile | None:
        """The file of that name, if it is (still) there."""
        if len(name) != 17 or not name.isdecimal():
            return None
        number = int(name[:11])
        if name[11:13] == "99":
            number = -1 - number
        return next((file for file in self._pieces(number, now_ms) if file.name == name), None)

    def first_begin(self, number: int) -> int:
        """When the file of that number on the grid begins."""
        camera = self.camera
        jitter = self._draw(number, "jitter") % (camera.jitter_gops + 1)
        return number * camera.period_ms + camera.phase_ms + jitter * camera.gop_ms

    def _pieces(self, number: int, now_ms: int) -> list[StoredFile]:
        """What holes leave of one file, as it is now."""
        if number < 0:
            if -number > len(self._extra):
                return []
            begin, end, headless = self._extra[-number - 1]
            spans, mark, label = [Span(begin, end)], "99", -1 - number
        else:
            begin, headless, mark, label = self.first_begin(number), False, "00", number
            end = max(self._end(number), begin + self.camera.frame_ms)
            left = [Span(max(begin, self._since), end)] if end > max(begin, self._since) else []
            # A hole that is still to come is in no plan of the recorder's.
            holes = [hole for hole in self._holes if hole.begin < now_ms]
            spans = subtract(self._wanted(left, number), holes)
        found = []
        for index, span in enumerate(spans[:_PIECES]):
            name = f"{label:011d}{mark}{index:02d}00"
            file = self._now(span, name, now_ms, headless)
            if file is None:
                continue
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
        written = min(span.end, now_ms - recorded.lag_ms)
        if written <= begin:
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
