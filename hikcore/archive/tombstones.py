"""What was removed on purpose. A tombstone is written first, then the objects go."""

from __future__ import annotations

import hashlib

from hikcore.archive.documents import Tombstone
from hikcore.archive.keys import TOMBSTONES, camera_prefix, tombstone_key
from hikcore.archive.store import Store
from hikcore.archive.update import JSON, parse
from hikcore.instants import Span


def put_tombstone(store: Store, tombstone: Tombstone) -> str:
    """Say that a span is removed, and return the key under which that stands. Nothing is deleted
    here: whoever reads counts the named objects as gone from now on.

    Raises:
        ConfigurationError: ids that cannot stand in a key.
    """
    data = tombstone.to_bytes()
    key = tombstone_key(
        tombstone.site,
        tombstone.camera,
        tombstone.stream,
        tombstone.begin,
        tombstone.end,
        hashlib.sha256(data).hexdigest(),
    )
    store.put(key, data, content_type=JSON)
    return key


def load_tombstones(
    store: Store, site: str, camera: str, stream: str, span: Span | None = None
) -> list[Tombstone]:
    """All of a stream, or those that meet a span; by key.

    Raises:
        ArchiveCorrupt: one is not a tombstone.
    """
    out = []
    for info in store.list(camera_prefix(TOMBSTONES, site, camera, stream)):
        found = store.get(info.key)
        if found is None:
            continue
        stone = parse(Tombstone, found[0], f"{store.url}/{info.key}")
        if span is None or Span(stone.begin, stone.end).meets(span):
            out.append(stone)
    return out
