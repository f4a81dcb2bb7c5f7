"""What a correction of a device's clock moves, before it is written: a line a camera and day."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from hikcore.archive.clocks import Clocks
from hikcore.archive.corrected import corrected_manifests, listed_begin
from hikcore.archive.documents import Manifest
from hikcore.archive.keys import MANIFESTS, check_id, parse_key
from hikcore.archive.store import Store
from hikcore.archive.update import parse
from hikcore.instants import Span


@dataclass(frozen=True, slots=True)
class Shift:
    """The recordings of a camera's stream that lie under one UTC day.

    Attributes:
        day: as in keys, `2026/11/20`. recordings: how many.
        old, new: of the footage, from the first one's begin to the last one's end. The two are
            alike where the stream has the device's wall clock in it, which a reading of `Z` does
            not touch.
        listed, relisted: UTC of the first one's listed begin.
    """

    camera: str
    stream: str
    day: str
    recordings: int
    old: Span
    new: Span
    listed: int
    relisted: int

    @property
    def by(self) -> int:
        """How far the footage of the first one moves, ns."""
        return self.new.begin - self.old.begin

    @property
    def listing_by(self) -> int:
        """How far what the device listed moves, ns."""
        return self.relisted - self.listed


def shifts(store: Store, site: str, device: str, before: Clocks, after: Clocks) -> Iterator[Shift]:
    """The days that move, by camera and day. Of each day the first and the last manifest are read.

    Raises:
        ArchiveError: the archive cannot be read.
    """
    area = f"{MANIFESTS}{check_id(site, 'site')}/"
    for camera in sorted(store.folders(area)):
        for stream in sorted(store.folders(f"{area}{camera}/")):
            infos = store.list(f"{area}{camera}/{stream}/")
            keys = (info.key for info in infos if parse_key(info.key) is not None)
            for day, of_day in groupby(keys, _day):
                names = list(of_day)
                ends = [_read(store, key) for key in dict.fromkeys((names[0], names[-1]))]
                ends = [each for each in ends if each.device == device]
                if not ends:
                    continue
                old, new = (_reach(corrected_manifests(ends, each)) for each in (before, after))
                listed, relisted = (listed_begin(ends[0], each) for each in (before, after))
                if (old, listed) != (new, relisted):
                    yield Shift(camera, stream, day, len(names), old, new, listed, relisted)


def _day(key: str) -> str:
    return "/".join(key.split("/")[5:8])


def _reach(manifests: list[Manifest]) -> Span:
    return Span(min(m.begin for m in manifests), max(m.end for m in manifests))


def _read(store: Store, key: str) -> Manifest:
    found = store.get(key)
    return parse(Manifest, b"" if found is None else found[0], f"{store.url}/{key}")
