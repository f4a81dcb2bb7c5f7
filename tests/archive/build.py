"""Documents for tests: small, but whole enough for the real resolver."""

from __future__ import annotations

import hashlib
from itertools import pairwise

import numpy as np

from hikcore.archive.columns import pack
from hikcore.archive.documents import (
    Body,
    Chunk,
    Gops,
    Manifest,
    RawRef,
    RunRef,
    SegmentRef,
    VideoFormat,
)
from hikcore.archive.keys import chunk_id, manifest_key, raw_key, segment_key
from hikcore.archive.said import Question, Row
from hikcore.archive.store import Store
from hikcore.instants import NS, format_local, ns_to_ticks, parse_instant

T0 = parse_instant("2026-11-20T10:00:00Z")
GOP = 2 * NS
SITE, CAMERA, STREAM, DEVICE = "home", "door", "main", "nvr1"


def at(seconds: float) -> int:
    """UTC ns so many seconds after T0."""
    return T0 + round(seconds * NS)


def literal(ns: int) -> str:
    return format_local(ns, 0)


def row(
    begin: float,
    end: float,
    *,
    size: int | None = 1000,
    growing: bool = False,
    seen: float = 10_000,
    last: float | None = None,
    device: str = DEVICE,
) -> Row:
    """A recording listed over [begin, end) seconds, seen at `seen` (and until `last`)."""
    begins = literal(at(begin))
    return Row(
        literal_begin=begins,
        literal_end=literal(at(end)),
        begin=at(begin),
        end=at(end),
        size=size,
        name="x",
        growing=growing,
        chunk=chunk_id(CAMERA, STREAM, begins, size if size is not None else literal(at(end))),
        first_seen=at(seen),
        last_seen=at(seen if last is None else last),
        device=device,
    )


def question(
    begin: float, end: float, *, asked: float = 10_000, complete: bool = True, device: str = DEVICE
) -> Question:
    return Question(begin=at(begin), end=at(end), asked=at(asked), complete=complete, device=device)


def held(
    begin: float,
    end: float,
    *,
    listed: Row | None = None,
    uncertainty: int = 1_000_000,
    received: int | None = None,
    notes: tuple[str, ...] = (),
    seed: str = "",
    segments: int = 1,
) -> Manifest:
    """A chunk whose footage covers [begin, end) seconds; `listed`: its row as the device had it."""
    source = listed or row(begin, end)
    first, ticks = 900_000, ns_to_ticks(at(end) - at(begin))
    count = max(1, ticks // ns_to_ticks(GOP))
    hashes = [
        int.from_bytes(hashlib.sha256(f"{begin}/{seed}/{g}".encode()).digest()[:8], "little")
        for g in range(count)
    ]
    gops = Gops(
        pts=pack(np.array([0] + [ns_to_ticks(GOP)] * (count - 1)), "<u4"),
        frames=pack(np.full(count, 50), "<u4"),
        hash=pack(np.array(hashes, np.uint64), "<u8"),
        key=pack(np.array(hashes, np.uint64) ^ np.uint64(1), "<u8"),
    )
    edges = [at(begin) + (at(end) - at(begin)) * n // segments for n in range(segments + 1)]
    refs = tuple(
        _segment(a, b, at(begin), source.chunk, first + ns_to_ticks(a - at(begin)))
        for a, b in pairwise(edges)
    )
    run = RunRef(
        begin=at(begin),
        begin_local=at(begin),
        origin="stream",
        uncertainty=uncertainty,
        reason="start",
        pts_begin=first,
        pts_end=first + ticks,
        video=VideoFormat(codec="h264", width=640, height=360, record="AQ=="),
        gops=gops,
        segments=refs,
    )
    size = source.size or 1000
    return Manifest(
        writer="hikcore test",
        site=SITE,
        camera=CAMERA,
        stream=STREAM,
        device=source.device or DEVICE,
        chunk=_chunk(source),
        clock="0" * 64,
        begin=at(begin),
        end=at(end),
        state="held",
        body=Body(container="ps", size=size if received is None else received, sha256="1" * 64),
        runs=(run,),
        notes=notes,
    )


def damaged(listed: Row, reason: str = "no key frame") -> Manifest:
    """A recording kept as received."""
    data = raw_bytes(listed)
    sha256 = hashlib.sha256(data).hexdigest()
    key = raw_key(SITE, CAMERA, STREAM, listed.begin, listed.end, listed.chunk, sha256)
    return Manifest(
        writer="hikcore test",
        site=SITE,
        camera=CAMERA,
        stream=STREAM,
        device=listed.device,
        chunk=_chunk(listed),
        clock="0" * 64,
        begin=listed.begin,
        end=listed.end,
        state="damaged",
        body=Body(container="unknown", size=listed.size or 0, sha256=sha256),
        raw=RawRef(key=key, size=len(data), sha256=sha256, reason=reason),
    )


def put(store: Store, manifest: Manifest, *, objects: bool = True) -> str:
    """Put a manifest and the objects that it names; returns its key."""
    if objects:
        for run in manifest.runs:
            for segment in run.segments:
                store.put(segment.key, b"s" * segment.size, content_type="video/mp4")
        if manifest.raw is not None:
            data = b"r" * manifest.raw.size
            store.put(manifest.raw.key, data, content_type="application/octet-stream")
    data = manifest.to_bytes()
    key = manifest_key(
        manifest.site,
        manifest.camera,
        manifest.stream,
        manifest.begin,
        manifest.end,
        manifest.chunk.id,
        hashlib.sha256(data).hexdigest(),
    )
    store.put(key, data, content_type="application/json")
    return key


def raw_bytes(listed: Row) -> bytes:
    return b"r" * 10


def _segment(begin: int, end: int, chunk_begin: int, chunk: str, pts: int) -> SegmentRef:
    sha256 = hashlib.sha256(f"{begin}/{end}".encode()).hexdigest()
    return SegmentRef(
        key=segment_key(SITE, CAMERA, STREAM, chunk_begin, begin, end, chunk, sha256),
        size=20,
        sha256=sha256,
        head=10,
        begin=begin,
        end=end,
        pts=pts,
        frames=50,
        units=0,
    )


def _chunk(listed: Row) -> Chunk:
    return Chunk(
        id=listed.chunk,
        kind="file",
        literal_begin=listed.literal_begin,
        literal_end=listed.literal_end,
        size=listed.size,
        name=listed.name,
    )
