"""What is fetched: the archive's rules, one by one, and as properties over random recorders."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hikcore.archive.documents import Body, Chunk, Manifest, RawRef
from hikcore.archive.settled import SHORT
from hikcore.extract.plan import identity, plan, trailing
from hikcore.instants import NS, Span, format_local
from hikcore.sources.base import Recording

BASE = 1_790_000_000 * NS
ALL = Span(BASE - 10**18, BASE + 10**18)


def row(
    begin: int,
    length: int = 1800,
    size: int | None = 1000,
    *,
    growing: bool = False,
    name: str = "",
) -> Recording:
    """A recording that begins so many seconds after BASE."""
    span = Span(BASE + begin * NS, BASE + (begin + length) * NS)
    literal = [format_local(t, 0) + "Z" for t in (span.begin, span.end)]
    return Recording(1, "main", "file", literal[0], literal[1], span, size, name, growing, "")


def take(
    of: Recording, *, received: int | None = None, short: bool = False, damaged: bool = False
) -> Manifest:
    """The manifest that an extraction of a recording leaves."""
    size = received if received is not None else of.size or 500
    raw = RawRef(key="v1/raw/x", size=size, sha256="0" * 64, reason="not decodable")
    return Manifest(
        writer="test",
        site="home",
        camera="door",
        stream="main",
        device="nvr",
        chunk=Chunk(
            id=identity("door", of),
            kind="file",
            literal_begin=of.literal_begin,
            literal_end=of.literal_end,
            size=of.size,
        ),
        clock="0" * 64,
        begin=of.span.begin,
        end=of.span.end - 2 * NS,
        state="damaged" if damaged else "held",
        body=Body(container="ps", size=size),
        raw=raw if damaged else None,
        notes=(f"{SHORT}listed {of.size} bytes, received {size} twice alike",) if short else (),
    )


def wanted(rows: list[Recording], manifests: list[Manifest], **options: object) -> list[int]:
    """Seconds after BASE at which the planned recordings begin."""
    chunks = plan("door", rows, manifests, ALL, **options)  # type: ignore[arg-type]
    return [(chunk.recording.span.begin - BASE) // NS for chunk in chunks]


def test_closed_rows_that_touch_the_span_are_planned_oldest_first() -> None:
    rows = [row(3600), row(0), row(1800), row(5400, growing=True), row(9000)]
    span = Span(BASE + 1799 * NS, BASE + 3601 * NS)
    chunks = plan("door", rows, [], span)
    assert [c.recording for c in chunks] == [row(0), row(1800), row(3600)]


def test_a_row_that_ends_before_the_span_is_not_touched() -> None:
    """But for the second that listings round away: footage may go on in it."""
    assert plan("door", [row(0)], [], Span(BASE + 1801 * NS, BASE + 1802 * NS)) == []
    assert len(plan("door", [row(0)], [], Span(BASE + 1800 * NS, BASE + 1801 * NS))) == 1


def test_a_held_recording_is_settled_and_one_listed_twice_is_planned_once() -> None:
    assert wanted([row(0), row(0)], [take(row(0))]) == []
    assert wanted([row(0), row(0)], []) == [0]


def test_a_renamed_recording_is_the_same_recording() -> None:
    assert wanted([row(0, name="b")], [take(row(0, name="a"))]) == []


@pytest.mark.parametrize(
    ("length", "size", "again"),
    [
        (1800, 1000, False),  # as it was
        (1500, 1000, False),  # its end moved back
        (1800, 900, False),  # a smaller size
        (1800, 1001, True),  # more bytes than are held
        (1900, 1000, True),  # an end beyond what is held
        (1799, 1000, False),  # beyond the measured end, not beyond the end as it was listed
    ],
)
def test_relisted_it_is_fetched_again_only_if_it_reaches_beyond(
    length: int, size: int, again: bool
) -> None:
    assert wanted([row(0, length, size)], [take(row(0))]) == ([0] if again else [])


def test_after_the_longer_fetch_the_relisted_one_is_settled_too() -> None:
    grown = row(0, 1900, 1200)
    assert wanted([grown], [take(row(0)), take(grown)]) == []


def test_two_rows_with_one_begin_in_one_answer_are_two_recordings() -> None:
    longer, shorter = row(0, 1800, 1000), row(0, 600, 300)
    assert wanted([longer, shorter], [take(longer)]) == [0]
    assert wanted([longer, shorter], [take(longer), take(shorter)]) == []


def test_fewer_bytes_than_listed_settle_only_when_they_came_twice_alike() -> None:
    assert wanted([row(0)], [take(row(0), received=900)]) == [0]
    assert wanted([row(0)], [take(row(0), received=900, short=True)]) == []
    assert plan("door", [row(0)], [take(row(0), received=900)], ALL)[0].held == 900


def test_a_short_one_relisted_larger_is_fetched_again() -> None:
    assert wanted([row(0, size=1100)], [take(row(0), received=900, short=True)]) == [0]


def test_damaged_is_settled_for_schedules_and_not_for_repair() -> None:
    assert wanted([row(0)], [take(row(0), damaged=True)]) == []
    assert wanted([row(0)], [take(row(0), damaged=True)], repair=True) == [0]
    held = take(row(0))
    assert wanted([row(0)], [take(row(0), damaged=True), held], repair=True) == []


def test_without_a_size_the_ends_decide() -> None:
    unsized = row(0, size=None)
    assert wanted([unsized], [take(unsized)]) == []
    later = replace(row(0, 2400, None))
    assert wanted([later], [take(unsized)]) == [0]


def test_what_begins_the_day_before_is_left_to_that_day() -> None:
    rows = [row(-1800, 3600), row(0)]
    assert wanted(rows, [], begins_from=BASE) == [0]


def test_the_trailing_window() -> None:
    assert trailing(BASE) == Span(BASE - 48 * 3600 * NS, BASE)


@dataclass
class Archive:
    """What an extraction leaves, in the simplest words."""

    manifests: list[Manifest]
    fetched: int = 0

    def extract(self, rows: list[Recording]) -> None:
        for chunk in plan("door", rows, self.manifests, ALL):
            self.fetched += 1
            self.manifests.append(take(chunk.recording))


rows_of_a_day = st.lists(
    st.builds(
        row,
        st.integers(0, 20).map(lambda n: n * 600),
        st.integers(1, 40).map(lambda n: n * 90),
        st.one_of(st.none(), st.integers(1, 3).map(lambda n: n * 500)),
        growing=st.booleans(),
    ),
    max_size=12,
)


@given(rows=rows_of_a_day, order=st.randoms(use_true_random=False))
def test_one_run_settles_all_and_no_order_matters(rows: list[Recording], order: object) -> None:
    archive = Archive([])
    archive.extract(rows)
    shuffled = list(rows)
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    assert plan("door", shuffled, archive.manifests[::-1], ALL) == []
    assert archive.fetched == len({identity("door", r) for r in rows if not r.growing})


@given(rows=rows_of_a_day, cut=st.integers(0, 12))
def test_a_second_run_over_a_part_of_the_rows_fetches_nothing(
    rows: list[Recording], cut: int
) -> None:
    archive = Archive([])
    archive.extract(rows)
    fetched = archive.fetched
    archive.extract(rows[:cut])
    archive.extract(rows[cut:])
    assert archive.fetched == fetched
