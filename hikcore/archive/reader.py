"""Reading an archive: the bucket and a read-only key are all that it needs.

archive = hikcore.open_archive("s3+https://storage.example/footage")
span = hikcore.Span(
    hikcore.parse_instant("2026-11-20T10:03:17Z"), hikcore.parse_instant("2026-11-20T10:05:02Z")
)
for stretch in archive.coverage("home", "door", span):
    print(stretch.state, stretch.span, stretch.reason)
archive.clip("home", "door", span, Path("door.mp4"))
"""

from __future__ import annotations

import difflib
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import SecretStr

from hikcore.archive.clocks import Clocks, load_clocks
from hikcore.archive.coverage import Stretch, coverage
from hikcore.archive.documents import ClockProfile, Hold, Manifest, SegmentRef, Site
from hikcore.archive.expected import Causes
from hikcore.archive.holds import load_holds
from hikcore.archive.keys import ANSWERS, MANIFESTS, SITES, check_id
from hikcore.archive.load import Footage, load_answers, load_footage
from hikcore.archive.local import LocalStore
from hikcore.archive.open import open_store
from hikcore.archive.resolver import Timeline, resolve
from hikcore.archive.said import Answers, Expectation
from hikcore.archive.sites import read_site
from hikcore.archive.store import Store
from hikcore.errors import ArchiveNotFound
from hikcore.instants import Span

if TYPE_CHECKING:
    from hikcore.archive.clip import ClipReport

#: Manifests kept between calls, 10-40 kB each.
_KEPT: Final = 512


@dataclass(frozen=True, slots=True)
class Look:
    """A span of a stream, read once: what is held around it, what is shown when, and the state at
    every instant."""

    footage: Footage
    timeline: Timeline
    stretches: list[Stretch]


def open_archive(
    url: str,
    *,
    access_key: str | SecretStr | None = None,
    secret_key: str | SecretStr | None = None,
    region: str | None = None,
) -> Archive:
    """Open an archive for reading.

    Args:
        url: a folder, or `s3+https://host/bucket[/prefix]` and the like: see `open_store`, also for
            where keys come from if they are not given.

    Raises:
        ConfigurationError: no URL of an archive.
        ArchiveNotFound: no such folder or bucket.
        ArchiveDenied: the keys are refused.
    """
    return Archive(
        open_store(url, access_key=access_key, secret_key=secret_key, region=region)
    ).check()


class Archive:
    """An archive as its readers see it. Nothing here writes.

    Safe between threads. All errors are `ArchiveError`s.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._manifests: OrderedDict[str, Manifest] = OrderedDict()
        self._profiles: dict[str, tuple[str, ClockProfile]] = {}

    @property
    def url(self) -> str:
        """What opens it, without secrets."""
        return self._store.url

    @property
    def store(self) -> Store:
        """The store under it."""
        return self._store

    def check(self) -> Archive:
        """Make one request, so that a wrong URL or key is found here and not later.

        Raises:
            ArchiveNotFound: no such folder or bucket.
            ArchiveDenied: the keys are refused.
        """
        if isinstance(self._store, LocalStore) and not self._store.exists():
            raise ArchiveNotFound("there is no such folder", where=self.url)
        next(iter(self._store.list(SITES)), None)
        return self

    def sites(self) -> list[str]:
        """The ids of all sites, sorted."""
        described = (info.key[len(SITES) :] for info in self._store.list(SITES))
        found = {name.removesuffix(".json") for name in described if name.endswith(".json")}
        for area in (MANIFESTS, ANSWERS):
            found.update(self._store.folders(area))
        return sorted(found)

    def site(self, site: str) -> Site:
        """What is known of a site: its name, zone, and every camera with its name and device.
        Cameras of which there is footage only are in it with their ids.

        Raises:
            ArchiveNotFound: no such site.
        """
        check_id(site, "site")
        told = read_site(self._store, site)
        seen: set[str] = set()
        for area in (MANIFESTS, ANSWERS):
            seen.update(self._store.folders(f"{area}{site}/"))
        if told is None and not seen:
            raise self._unknown("site", site, self.sites())
        document = told or Site(site=site)
        known = {camera.id for camera in document.cameras}
        more = tuple({"id": camera} for camera in sorted(seen - known))
        return Site.model_validate(
            {**document.model_dump(), "cameras": (*document.model_dump()["cameras"], *more)}
        )

    def zone(self, site: str) -> ZoneInfo | None:
        """The zone in which a site's people tell times, where the archive knows it."""
        told = read_site(self._store, site)
        if told is None or not told.zone:
            return None
        try:
            return ZoneInfo(told.zone)
        except (ZoneInfoNotFoundError, ValueError):
            return None

    def cameras(self, site: str) -> list[str]:
        """The ids of a site's cameras, sorted; `site` has their names.

        Raises:
            ArchiveNotFound: no such site.
        """
        return sorted(camera.id for camera in self.site(site).cameras)

    def coverage(self, site: str, camera: str, span: Span, stream: str = "main") -> list[Stretch]:
        """The state at every instant of a span: the whole span, in order, without hole or overlap.

        Raises:
            ArchiveNotFound: no such site or camera.
        """
        return self.look(site, camera, span, stream).stretches

    def look(self, site: str, camera: str, span: Span, stream: str = "main") -> Look:
        """All that a clip needs to know of a span, at the cost of its coverage.

        Raises:
            ArchiveNotFound: no such site or camera.
        """
        clocks = load_clocks(self._store, site, cache=self._profiles)
        answers = load_answers(self._store, site, camera, stream, span, clocks=clocks)
        footage = self._footage(site, camera, span, stream, clocks)
        if not footage.manifests and answers == Answers():
            self._require(site, camera)
        causes = Causes(answers, self._expectation(site, camera), clocks.wall)
        faults = [(fault.key.span, f"corrupt: {fault.error.message}") for fault in footage.faults]
        timeline = resolve(footage.manifests)
        stretches = coverage(
            footage.manifests,
            answers,
            span,
            tombstones=footage.tombstones,
            timeline=timeline,
            causes=causes,
            broken=faults,
        )
        return Look(footage, timeline, stretches)

    def footage(self, site: str, camera: str, span: Span, stream: str = "main") -> Footage:
        """Manifests and objects around a span, also such as do not touch it: what the resolver
        needs to say what is shown in it. A manifest that cannot be read is named beside them."""
        clocks = load_clocks(self._store, site, cache=self._profiles)
        return self._footage(site, camera, span, stream, clocks)

    def _expectation(self, site: str, camera: str) -> Expectation | None:
        known = read_site(self._store, site)
        cameras = known.cameras if known is not None else ()
        return next((each.expectation for each in cameras if each.id == camera), None)

    def _footage(self, site: str, camera: str, span: Span, stream: str, clocks: Clocks) -> Footage:
        found = load_footage(
            self._store, site, camera, stream, span, cache=self._manifests, clocks=clocks
        )
        while len(self._manifests) > max(_KEPT, len(found.keys)):
            self._manifests.popitem(last=False)
        return found

    def holds(self, site: str, camera: str, span: Span, stream: str = "main") -> list[Hold]:
        """What is to be kept of a span, whatever any rule says."""
        return load_holds(self._store, site, camera, stream, span)

    def manifests(self, site: str, camera: str, span: Span, stream: str = "main") -> list[Manifest]:
        """The manifests of the chunks that touch a span, by key."""
        found = self.footage(site, camera, span, stream)
        if not found.manifests:
            self._require(site, camera)
        return [m for m in found.manifests if m.begin < span.end and span.begin < m.end]

    def segments(
        self, site: str, camera: str, span: Span, stream: str = "main"
    ) -> list[SegmentRef]:
        """The MP4 objects that touch a span, by begin. Neighbouring chunks may overlap: which
        sample is shown of which is the resolver's to say, and `clip` does."""
        found = self.footage(site, camera, span, stream)
        if not found.manifests:
            self._require(site, camera)
        removed = {key for stone in found.tombstones for key in stone.objects}
        return sorted(
            (
                segment
                for manifest in found.manifests
                for run in manifest.runs
                for segment in run.segments
                if segment.begin < span.end
                and span.begin < segment.end
                and segment.key not in removed
            ),
            key=lambda segment: (segment.begin, segment.end, segment.key),
        )

    def clip(
        self, site: str, camera: str, span: Span, out: Path, *, stream: str = "main", **options: Any
    ) -> ClipReport:
        """Write a span as one MP4, and say what is in it: see `hikcore.archive.clip.cut_clip`,
        which takes the options.

        Raises:
            ArchiveNotFound: no such site or camera.
            NoRecording: nothing is held in the span.
        """
        from hikcore.archive.clip import cut_clip  # noqa: PLC0415  loads the media stack

        return cut_clip(self, site, camera, span, out, stream=stream, **options)

    def _require(self, site: str, camera: str) -> None:
        known = self.cameras(site)
        if camera not in known:
            raise self._unknown("camera", camera, known)

    def _unknown(self, what: str, name: str, known: list[str]) -> ArchiveNotFound:
        near = difflib.get_close_matches(name, known, 1)
        hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(known[:20])}"
        return ArchiveNotFound(f"there is no {what} {name}", where=self.url, hint=hint)
