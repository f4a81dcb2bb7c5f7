"""Every instant has one state, and the right one."""

from __future__ import annotations

import random
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from hikcore.archive.answers import merge
from hikcore.archive.coverage import (
    BROKE_OFF,
    EDGE,
    MARGIN,
    NOBODY,
    TOO_SOON,
    WRITTEN,
    Stretch,
    coverage,
    held,
)
from hikcore.archive.documents import Manifest, Tombstone
from hikcore.archive.layers import Claim, flatten
from hikcore.archive.resolver import resolve
from hikcore.archive.said import Answers, Question, Row
from hikcore.instants import NS, Span, subtract
from tests.archive import build
from tests.archive.build import at, question, row

WHOLE = Span(at(0), at(3600))


def answers(*said: Question | Row) -> Answers:
    return Answers(
        questions=tuple(s for s in said if isinstance(s, Question)),
        rows=tuple(s for s in said if isinstance(s, Row)),
    )


def states(
    manifests: list[Manifest],
    said: Answers,
    span: Span = WHOLE,
    tombstones: tuple[Tombstone, ...] = (),
) -> list[tuple[float, float, str]]:
    found = coverage(manifests, said, span, tombstones=tombstones)
    assert found[0].span.begin == span.begin
    assert found[-1].span.end == span.end
    assert all(a.span.end == b.span.begin for a, b in pairwise(found))
    return [((s.span.begin - at(0)) / NS, (s.span.end - at(0)) / NS, s.state) for s in found]


def reasons(found: list[Stretch], state: str) -> set[str]:
    return {s.reason for s in found if s.state == state}


def test_nobody_asked() -> None:
    assert coverage([], Answers(), WHOLE) == [Stretch(WHOLE, "unknown", NOBODY)]


def test_the_device_has_nothing() -> None:
    assert states([], answers(question(0, 3600))) == [(0, 3600, "empty")]


def test_an_answer_settles_only_after_a_while() -> None:
    found = coverage([], answers(question(0, 3600, asked=1000)), WHOLE)
    assert [(s.state, s.span.end - at(0)) for s in found] == [
        ("empty", 940 * NS),
        ("unknown", 3600 * NS),
    ]
    assert found[1].reason == TOO_SOON


def test_an_answer_that_broke_off_proves_no_absence() -> None:
    found = coverage([], answers(question(0, 3600, complete=False)), WHOLE)
    assert found == [Stretch(WHOLE, "unknown", BROKE_OFF)]


def test_listed_and_not_fetched() -> None:
    said = answers(question(0, 3600), row(600, 1200))
    assert states([], said) == [(0, 600, "empty"), (600, 1200, "pending"), (1200, 3600, "empty")]
    assert reasons(coverage([], said, WHOLE), "pending") == {"listed, not fetched yet"}


def test_still_being_written() -> None:
    said = answers(question(0, 3600, asked=1000), row(600, 1800, growing=True, seen=1000))
    found = coverage([], said, WHOLE)
    assert [s.state for s in found] == ["empty", "pending", "unknown"]
    assert found[1] == Stretch(
        Span(at(600), at(1800)), "pending", "still being written", at(1800) + MARGIN
    )


def test_a_growing_row_proves_nothing_about_its_future() -> None:
    said = answers(
        question(0, 3600, asked=1000),
        row(600, 1800, growing=True, seen=1000),
        question(0, 3600, asked=9000),
        row(600, 900, seen=9000),
    )
    assert states([], said) == [(0, 600, "empty"), (600, 900, "pending"), (900, 3600, "empty")]
    gone = answers(
        question(0, 3600, asked=1000),
        row(600, 1800, growing=True, seen=1000),
        question(0, 3600, asked=9000),
    )
    assert states([], gone) == [(0, 3600, "empty")]


def test_a_closed_row_ends_the_growing_one_beyond_the_question() -> None:
    said = answers(
        question(0, 1000, asked=1000),
        row(600, 1800, growing=True, seen=1000),
        question(0, 900, asked=9000),
        row(600, 905, seen=9000),
    )
    assert states([], said)[1:] == [
        (600, 905, "pending"),
        (905, 940, "unknown"),
        (940, 1000, "unknown"),
        (1000, 3600, "unknown"),
    ]
    assert reasons(coverage([], said, WHOLE), "unknown") == {WRITTEN, TOO_SOON, NOBODY}


def test_lost() -> None:
    said = answers(question(0, 3600), row(600, 1200), question(0, 900, asked=20_000))
    # The later question reaches to 900 only: about the rest nothing new is known.
    assert states([], said) == [
        (0, 600, "empty"),
        (600, 900, "lost"),
        (900, 1200, "pending"),
        (1200, 3600, "empty"),
    ]


def test_lost_only_by_a_later_complete_question_to_the_same_device() -> None:
    seen = row(600, 1200, seen=10_000)
    for later in (
        question(0, 3600, asked=20_000, complete=False),
        question(0, 3600, asked=9_000),
        question(0, 3600, asked=10_000),
        question(0, 3600, asked=20_000, device="nvr2"),
        question(1300, 3600, asked=20_000),
    ):
        found = states([], answers(question(0, 3600), seen, later))
        assert (600, 1200, "pending") in found, later
    found = states([], answers(question(0, 3600), seen, question(0, 3600, asked=20_000)))
    assert (600, 1200, "lost") in found


def test_partly_overwritten() -> None:
    said = answers(
        question(0, 3600),
        row(600, 1200),
        question(0, 3600, asked=20_000),
        row(900, 1200, seen=20_000),
    )
    assert states([], said) == [
        (0, 600, "empty"),
        (600, 900, "lost"),
        (900, 1200, "pending"),
        (1200, 3600, "empty"),
    ]


def test_held_is_not_lost() -> None:
    listed = row(600, 1200)
    said = answers(question(0, 3600), listed, question(0, 3600, asked=20_000))
    manifest = build.held(600.3, 1199.8, listed=listed)
    assert states([manifest], said) == [
        (0, 600, "empty"),
        (600, 1200, "held"),
        (1200, 3600, "empty"),
    ]


def test_a_second_between_listing_and_footage_is_no_hole() -> None:
    rows = [row(0, 1800, size=1), row(1800, 3600, size=2)]
    manifests = [
        build.held(0.4, 1799.7, listed=rows[0]),
        build.held(1800.2, 3599.1, listed=rows[1]),
    ]
    assert states(manifests, answers(question(0, 3600), *rows)) == [(0, 3600, "held")]


def test_more_than_that_is_empty_by_the_body() -> None:
    listed = row(0, 1800)
    manifest = build.held(0, 1700, listed=listed)
    said = answers(question(0, 3600), listed)
    assert states([manifest], said) == [
        (0, 1700, "held"),
        (1700, 1800, "empty"),
        (1800, 3600, "empty"),
    ]
    assert "the recording holds nothing there" in reasons(
        coverage([manifest], said, WHOLE), "empty"
    )


def test_a_body_cut_short_once_is_pending_and_settled_by_two_alike() -> None:
    listed = row(0, 1800, size=1000)
    said = answers(question(0, 3600), listed)
    once = build.held(0, 900, listed=listed, received=500)
    assert states([once], said) == [
        (0, 900, "held"),
        (900, 1800, "pending"),
        (1800, 3600, "empty"),
    ]
    assert reasons(coverage([once], said, WHOLE), "pending") == {"fetched in part only"}
    twice = build.held(0, 900, listed=listed, received=500, notes=("short: twice 500 of 1000",))
    assert states([twice], said)[1:] == [(900, 1800, "damaged"), (1800, 3600, "empty")]
    assert reasons(coverage([twice], said, WHOLE), "damaged") == {"short: twice 500 of 1000"}


def test_relisted_within_what_is_held() -> None:
    before = row(0, 1800, size=1000, seen=5000)
    after = row(0, 1799, size=999, seen=20_000)
    manifest = build.held(0, 1800, listed=before)
    said = answers(question(0, 3600), before, question(0, 3600, asked=20_000), after)
    assert states([manifest], said) == [(0, 1800, "held"), (1800, 3600, "empty")]


def test_relisted_beyond_what_is_held() -> None:
    before = row(0, 1800, size=1000, seen=5000)
    after = row(0, 2400, size=1500, seen=20_000)
    manifest = build.held(0, 1800, listed=before)
    said = answers(question(0, 3600), before, question(0, 3600, asked=20_000), after)
    assert states([manifest], said) == [
        (0, 1800, "held"),
        (1800, 2400, "pending"),
        (2400, 3600, "empty"),
    ]


def test_damaged_keeps_its_reason() -> None:
    listed = row(600, 1200)
    said = answers(question(0, 3600), listed)
    manifest = build.damaged(listed, "encrypted")
    assert states([manifest], said) == [
        (0, 600, "empty"),
        (600, 1200, "damaged"),
        (1200, 3600, "empty"),
    ]
    assert reasons(coverage([manifest], said, WHOLE), "damaged") == {"encrypted"}


def test_a_gap_within_the_uncertainties_is_none() -> None:
    a = build.held(0, 1000, uncertainty=300_000_000)
    close = build.held(1000.5, 2000, uncertainty=300_000_000)
    far = build.held(1000.7, 2000, uncertainty=300_000_000)
    assert states([a, close], Answers())[0] == (0, 2000, "held")
    assert states([a, far], Answers())[:2] == [(0, 1000, "held"), (1000, 1000.7, "unknown")]


def test_excluded_by_segment() -> None:
    listed = row(0, 1800)
    manifest = build.held(0, 1800, listed=listed, segments=3)
    segment = manifest.runs[0].segments[1]
    stone = Tombstone(
        site="home",
        camera="door",
        stream="main",
        begin=segment.begin,
        end=segment.end,
        rule="kept for 30 days",
        objects=(segment.key,),
    )
    said = answers(question(0, 3600), listed)
    assert states([manifest], said, tombstones=(stone,)) == [
        (0, 600, "held"),
        (600, 1200, "excluded"),
        (1200, 1800, "held"),
        (1800, 3600, "empty"),
    ]


def test_two_takes_count_both() -> None:
    a = build.held(0, 1000, seed="a")
    b = build.held(500, 1500, seed="b", listed=row(500, 1500, size=7))
    assert states([a, b], Answers())[0] == (0, 1500, "held")


TIMES = st.integers(0, 120).map(lambda n: n * 30.0)
SPANS = st.tuples(st.integers(0, 119), st.integers(1, 60)).map(
    lambda p: (p[0] * 30.0, min(p[0] + p[1], 120) * 30.0)
)
DEVICES = st.sampled_from(["nvr1", "nvr2"])
QUESTIONS = st.builds(
    lambda s, asked, complete, device: question(*s, asked=asked, complete=complete, device=device),
    SPANS,
    st.sampled_from([1000.0, 3000.0, 5000.0, 7000.0]),
    st.booleans(),
    DEVICES,
)


def rows(growing: st.SearchStrategy[bool]) -> st.SearchStrategy[Row]:
    return st.builds(
        lambda s, size, grows, seen, more, device: row(
            *s, size=size, growing=grows, seen=seen, last=seen + more, device=device
        ),
        SPANS,
        st.integers(1, 3),
        growing,
        st.sampled_from([1000.0, 3000.0, 5000.0]),
        st.sampled_from([0.0, 2000.0]),
        DEVICES,
    )


ROWS = rows(st.booleans())
CHUNKS = st.builds(
    lambda listed, cut, short: build.held(
        (listed.begin - at(0)) / NS + 0.25,
        (listed.end - at(0)) / NS - cut,
        listed=listed,
        received=None if not short else 0,
    ),
    rows(st.just(False)),
    st.sampled_from([0.5, 0.75, 10.0]),
    st.booleans(),
)
WORLDS = st.tuples(
    st.lists(QUESTIONS, max_size=5),
    st.lists(ROWS, max_size=5),
    st.lists(CHUNKS, max_size=3, unique_by=lambda m: m.chunk.id),
)
World = tuple[list[Question], list[Row], list[Manifest]]


def of(world: World, span: Span = WHOLE) -> list[Stretch]:
    said, rows, manifests = world
    return coverage(manifests, merge(answers(*said, *rows)), span)


@given(WORLDS, SPANS)
@settings(max_examples=60, deadline=None)
def test_partition(world: World, span: tuple[float, float]) -> None:
    asked = Span(at(span[0]), at(span[1]))
    found = of(world, asked)
    assert found[0].span.begin == asked.begin
    assert found[-1].span.end == asked.end
    for a, b in pairwise(found):
        assert a.span.end == b.span.begin
        assert (a.state, a.reason, a.expected) != (b.state, b.reason, b.expected)


@given(WORLDS, TIMES.filter(lambda t: 0 < t < 3600))
@settings(max_examples=60, deadline=None)
def test_a_part_says_what_the_whole_says(world: World, cut: float) -> None:
    whole = of(world)
    left, right = of(world, Span(at(0), at(cut))), of(world, Span(at(cut), at(3600)))
    joined = left + right
    if (left[-1].state, left[-1].reason, left[-1].expected) == (
        right[0].state,
        right[0].reason,
        right[0].expected,
    ):
        middle = Stretch(
            Span(left[-1].span.begin, right[0].span.end),
            left[-1].state,
            left[-1].reason,
            left[-1].expected,
        )
        joined = [*left[:-1], middle, *right[1:]]
    assert joined == whole


@given(WORLDS, st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_the_order_of_facts_does_not_matter(world: World, shuffle: random.Random) -> None:
    said, rows, manifests = (list(part) for part in world)
    for part in (said, rows, manifests):
        shuffle.shuffle(part)
    pieces = [answers(one) for one in (*said, *rows)]
    shuffle.shuffle(pieces)
    assert coverage(manifests, merge(*pieces), WHOLE) == of(world)


@given(WORLDS, CHUNKS)
@settings(max_examples=60, deadline=None)
def test_more_footage_never_takes_any_away(world: World, more: Manifest) -> None:
    said, rows, manifests = world
    if any(m.chunk.id == more.chunk.id for m in manifests):
        return
    before, after = of(world), of((said, rows, [*manifests, more]))
    covered = held(after)
    for stretch in held(before):
        # A take that ends a fraction earlier may be the one shown: an edge is the most that goes.
        lost = subtract([stretch], covered)
        assert all(part.length <= EDGE + 2_000_000 for part in lost)


@given(WORLDS)
@settings(max_examples=60, deadline=None)
def test_against_an_oracle_instant_by_instant(world: World) -> None:
    """The definition of the states, asked of single instants, without any interval arithmetic."""
    said, rows, manifests = world
    merged = merge(answers(*said, *rows))
    found = of(world)
    pieces = resolve(manifests).pieces
    for n in range(0, 3600, 45):
        t = at(n + 15.123)
        if any(abs(t - edge) < 2 * EDGE for row in rows for edge in (row.begin, row.end)):
            continue  # the second between a listed edge and the footage, which has tests of its own
        state = next(s.state for s in found if s.span.begin <= t < s.span.end)
        assert state == oracle(t, merged, manifests, [(p.begin, p.end) for p in pieces])


def oracle(t: int, said: Answers, manifests: list[Manifest], shown: list[tuple[int, int]]) -> str:
    if any(begin <= t < end for begin, end in shown):
        return "held"
    asked = [q for q in said.questions if q.begin <= t < q.end and q.complete]
    here = [r for r in said.rows if r.begin <= t < r.end]

    def missed(r: Row) -> bool:
        return any(q.asked > r.last_seen and q.device == r.device for q in asked)

    def again(r: Row) -> bool:
        return any(
            o.literal_begin == r.literal_begin
            and o.device == r.device
            and o.last_seen > r.last_seen
            for o in said.rows
        )

    def settled(r: Row) -> bool:
        beside = {
            o.chunk
            for o in said.rows
            if (o.device, o.literal_begin, o.last_seen, o.growing)
            == (r.device, r.literal_begin, r.last_seen, False)
        }
        takes = [
            m
            for m in manifests
            if m.chunk.id == r.chunk
            or (
                m.chunk.literal_begin == r.literal_begin
                and m.device == r.device
                and m.chunk.id not in beside
            )
        ]
        return any(
            (m.end >= r.end or m.chunk.literal_end >= r.literal_end)
            and m.body.size >= (r.size or 0)
            for m in takes
        )

    open_ = [r for r in here if not missed(r) and (not again(r) if r.growing else not settled(r))]
    if open_:
        return "pending"
    if any(not r.growing and not settled(r) for r in here):
        return "lost"
    if any(not r.growing for r in here):
        return "empty"
    for q in asked:
        shown = any(
            r.growing and r.device == q.device and r.first_seen <= q.asked <= r.last_seen
            for r in here
        )
        if q.asked - 60 * NS > t and not shown:
            return "empty"
    return "unknown"


def test_a_year_takes_seconds() -> None:
    rows, manifests = [], []
    for n in range(365 * 48):
        listed = row(n * 1800, (n + 1) * 1800, size=n + 1, seen=10**9)
        rows.append(listed)
        if n < 96:
            manifests.append(build.held(n * 1800 + 0.2, (n + 1) * 1800, listed=listed))
    said = answers(question(0, 365 * 86400, asked=10**9), *rows)
    found = coverage(manifests, said, Span(at(0), at(365 * 86400)))
    assert [s.state for s in found] == ["held", "pending"]


def test_layers_lowest_rank_is_seen() -> None:
    claims = [Claim((2,), 0, 10, "b"), Claim((1,), 3, 5, "a"), Claim((3,), 8, 20, "c")]
    expected = [(0, 3, "b"), (3, 5, "a"), (5, 10, "b"), (10, 18, "c")]
    assert [(s.begin, s.end, v) for s, v in flatten(claims, Span(0, 18), "-")] == expected


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(-5, 25), st.integers(0, 15)), max_size=12))
def test_layers_against_instants(parts: list[tuple[int, int, int]]) -> None:
    claims = [Claim((rank,), begin, begin + n, rank) for rank, begin, n in parts]
    found = flatten(claims, Span(0, 20), 9)
    for t in range(20):
        expected = min((c.value for c in claims if c.begin <= t < c.end), default=9)
        assert [v for s, v in found if s.begin <= t < s.end] == [expected]
