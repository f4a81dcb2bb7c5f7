"""A frame that comes twice in a row is written once."""

from __future__ import annotations

from hikcore.instants import NS
from hikcore.sources.everfocus.written import Written


def test_pictures_that_are_sent_twice_count_once() -> None:
    written = Written()
    frames = [(b"key", 0, True), (b"p1", NS, False), (b"p2", 2 * NS, False)]
    told = [written.fresh(raw, at, key=key) for raw, at, key in frames for _ in range(2)]
    assert told == [True, False] * 3


def test_silence_told_in_whole_seconds_is_not_thinned_out() -> None:
    written = Written()
    assert written.fresh(b"key", 0, key=True)
    assert all(written.fresh(b"silence", NS, key=False, sound=True) for _ in range(25))


def test_sound_with_its_milliseconds_counts_once() -> None:
    written = Written()
    assert written.fresh(b"key", 0, key=True)
    assert written.fresh(b"sound", NS + 40_000_000, key=False, sound=True)
    assert not written.fresh(b"sound", NS + 40_000_000, key=False, sound=True)
