"""From a store to documents: what counts for a span of one stream.

Answers are read before manifests, and manifests are listed before the objects that they name: so
whatever is committed meanwhile, nobody sees a recording missing from a device that is missing here
only because it was looked for too early, nor a manifest without its objects.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from hikcore.archive.answers import merge
from hikcore.archive.clocks import Clocks, load_clocks
from hikcore.archive.corrected import corrected_answers, corrected_manifests
from hikcore.archive.documents import Manifest, Tombstone
from hikcore.archive.keys import (
    ANSWERS,
    MANIFESTS,
    RAW,
    SEGMENTS,
    ChunkKey,
    answers_key,
    camera_prefix,
    day_folder,
    days,
    parse_key,
)
from hikcore.archive.said import Answers
from hikcore.archive.store import ObjectInfo, Store
from hikcore.archive.tombstones import load_tombstones
from hikcore.archive.update import parse
from hikcore.errors import ArchiveCorrupt
from hikcore.instants import Span

#: Small objects asked for at the same time.
_AT_ONCE: Final = 8


@dataclass(frozen=True, slots=True)
class Footage:
    """What an archive holds of a stream around a span.

    Attributes:
        manifests: that count, by key. keys: theirs.
        objects: those that the manifests name and that are there: size and ETag of each.
        tombstones: of the stream that meet the days.
        faults: manifests that are not what their keys say, each with why. They do not count.
    """

    manifests: list[Manifest]
    keys: list[str]
    objects: dict[str, ObjectInfo]
    tombstones: list[Tombstone]
    faults: list[Fault] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Fault:
    """A manifest that cannot be used: what its key says of it, and the error."""

    key: ChunkKey
    error: ArchiveCorrupt


def load_manifests(
    store: Store, site: str, camera: str, stream: str, span: Span, *, clocks: Clocks | None = None
) -> list[Manifest]:
    """The manifests that count for a span: see `load_footage`.

    Raises:
        ArchiveCorrupt: one of them is not what its key says.
    """
    found = load_footage(store, site, camera, stream, span, clocks=clocks)
    for fault in found.faults:
        raise fault.error
    return found.manifests


def load_footage(
    store: Store,
    site: str,
    camera: str,
    stream: str,
    span: Span,
    *,
    cache: MutableMapping[str, Manifest] | None = None,
    clocks: Clocks | None = None,
) -> Footage:
    """Everything that begins in the days of a span, in the day before (a chunk may be 24 hours
    long), and in the day after; so much wider as a clock found wrong moves footage, as keys keep
    the day of the wrong one. All instants are those of the profiles in force.

    A manifest counts only when every object that it names is there with the size it says, or a
    tombstone says why not.

    Args:
        cache: manifests by key, kept by the caller between calls: they never change.
        clocks: the site's profiles, where the caller has them.
    """
    clocks = load_clocks(store, site) if clocks is None else clocks
    asked = days(_wider(span, clocks), before=1, after=1)
    within = Span(asked[0], asked[-1] + 1)
    listed = [info.key for info in _of_days(store, MANIFESTS, site, camera, stream, asked)]
    if not listed:
        return Footage([], [], {}, [])
    objects = {
        info.key: info
        for area in (SEGMENTS, RAW)
        for info in _of_days(store, area, site, camera, stream, asked)
    }
    tombstones = load_tombstones(store, site, camera, stream, within)
    removed = {key for stone in tombstones for key in stone.objects}
    known = {} if cache is None else dict(cache)
    missing = [key for key in listed if key not in known]
    answers = zip(missing, _each(missing, lambda key: _tried(store, key)), strict=True)
    read: dict[str, Manifest] = {}
    faults: list[Fault] = []
    for key, answer in answers:
        if isinstance(answer, Fault):
            faults.append(answer)
        else:
            read[key] = answer
    known.update(read)
    if cache is not None:
        cache.update(read)
    counting = [key for key in listed if key in known and _counts(known[key], objects, removed)]
    manifests = corrected_manifests([known[key] for key in counting], clocks)
    named = {key for manifest in manifests for key, _ in names(manifest)}
    return Footage(
        manifests,
        counting,
        {key: info for key, info in objects.items() if key in named},
        tombstones,
        faults,
    )


def load_answers(
    store: Store, site: str, camera: str, stream: str, span: Span, *, clocks: Clocks | None = None
) -> Answers:
    """What devices said of the days of a span and of the day before, merged; wider, and with the
    instants of the profiles in force, as `load_footage`.

    Raises:
        ArchiveCorrupt: a day's document is not one.
    """
    clocks = load_clocks(store, site) if clocks is None else clocks
    span = _wider(span, clocks)
    wanted = {answers_key(site, camera, stream, day) for day in days(span, before=1)}
    prefix = camera_prefix(ANSWERS, site, camera, stream)
    first = prefix + day_folder(days(span, before=1)[0])
    there = []
    for info in store.list(prefix, after=first):
        if info.key > max(wanted):
            break
        there.append(info.key)
    found = []
    # From the last day to the first, one after the other: see hikcore.archive.answers.
    for key in sorted(there, reverse=True):
        document = store.get(key)
        if document is not None and key in wanted:
            found.append(parse(Answers, document[0], f"{store.url}/{key}"))
    return corrected_answers(merge(*found), clocks)


def names(manifest: Manifest) -> Iterator[tuple[str, int]]:
    """Key and size of every object that a manifest names."""
    for run in manifest.runs:
        for segment in run.segments:
            yield segment.key, segment.size
    if manifest.raw is not None:
        yield manifest.raw.key, manifest.raw.size


def _wider(span: Span, clocks: Clocks) -> Span:
    reach = clocks.reach()
    return Span(span.begin - reach, span.end + reach)


def _counts(manifest: Manifest, objects: dict[str, ObjectInfo], removed: Collection[str]) -> bool:
    return all(
        key in removed or (key in objects and objects[key].size == size)
        for key, size in names(manifest)
    )


def _of_days(
    store: Store, area: str, site: str, camera: str, stream: str, asked: list[int]
) -> Iterator[ObjectInfo]:
    """What lies in the folders of those days, which follow each other."""
    prefix = camera_prefix(area, site, camera, stream)
    first, last = day_folder(asked[0]), day_folder(asked[-1])
    for info in store.list(prefix, after=prefix + first):
        if info.key[len(prefix) :][: len(last)] > last:
            return
        if parse_key(info.key) is not None:
            yield info


def _tried(store: Store, key: str) -> Manifest | Fault:
    """One broken document must not hide the days around it."""
    try:
        return _manifest(store, key)
    except ArchiveCorrupt as error:
        told = parse_key(key)
        assert told is not None  # it was listed as one
        return Fault(told, error)


def _manifest(store: Store, key: str) -> Manifest:
    where = f"{store.url}/{key}"
    found = store.get(key)
    told = parse_key(key)
    if found is None or told is None:
        raise ArchiveCorrupt("the manifest is gone, but manifests are never removed", where=where)
    if not hashlib.sha256(found[0]).hexdigest().startswith(told.hash):
        raise ArchiveCorrupt(
            "the manifest's content is not what its name says",
            where=where,
            hint="remove the object; the next extraction brings it back if the device still can",
        )
    return parse(Manifest, found[0], where)


def _each(keys: Iterable[str], read: Callable[[str], Manifest | Fault]) -> list[Manifest | Fault]:
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="load") as pool:
        return list(pool.map(read, keys))
