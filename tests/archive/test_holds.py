"""Holds: added, lifted by a further one, told to whoever reads."""

from __future__ import annotations

import hashlib

from hikcore.archive.documents import Hold
from hikcore.archive.holds import load_holds, put_hold
from hikcore.archive.reader import Archive
from hikcore.archive.store import Store
from hikcore.instants import Span
from tests.archive.build import CAMERA, SITE, STREAM, at


def hold(begin: float, end: float, reason: str, lifts: str | None = None) -> Hold:
    return Hold(
        site=SITE, camera=CAMERA, stream=STREAM, begin=at(begin), end=at(end), reason=reason,
        lifts=lifts,
    )  # fmt: skip


def test_what_is_in_force(store: Store) -> None:
    first, second = hold(0, 600, "case 12"), hold(300, 900, "case 13")
    key = put_hold(store, first)
    assert key.startswith("v1/holds/home/door/main/2026/11/20/20261120T100000.000Z_")
    put_hold(store, second)
    assert put_hold(store, first) == key  # the same object again
    whole = Span(at(-86_400), at(86_400))
    assert load_holds(store, SITE, CAMERA, STREAM, whole) == [first, second]
    assert Archive(store).holds(SITE, CAMERA, Span(at(0), at(300))) == [first]
    assert load_holds(store, SITE, "other", STREAM, whole) == []
    name = hashlib.sha256(first.to_bytes()).hexdigest()
    put_hold(store, hold(0, 600, "case closed", lifts=name))
    assert load_holds(store, SITE, CAMERA, STREAM, whole) == [second]
