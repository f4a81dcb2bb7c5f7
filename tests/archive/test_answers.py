"""Answers are a join, cut at midnights, and nothing that was said is ever taken away."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hikcore.archive.answers import merge, record, split
from hikcore.archive.keys import answers_key
from hikcore.archive.load import load_answers
from hikcore.archive.said import Answers, Question, Row
from hikcore.archive.store import Store
from hikcore.errors import ArchiveCorrupt
from hikcore.instants import DAY, NS, Span
from tests.archive import build
from tests.archive.build import CAMERA, SITE, STREAM, at, question, row

QUESTIONS = st.builds(
    lambda begin, n, asked, complete: question(begin, begin + n, asked=asked, complete=complete),
    st.sampled_from([0.0, 600.0]),
    st.sampled_from([600.0, 1200.0]),
    st.sampled_from([5000.0, 6000.0]),
    st.booleans(),
)
ROWS = st.builds(
    lambda size, growing, seen, more, name, shift: row(
        0, 600, size=size, growing=growing, seen=seen, last=seen + more
    ).model_copy(update={"name": name, "begin": at(shift)}),
    st.sampled_from([None, 1, 2]),
    st.booleans(),
    st.sampled_from([5000.0, 6000.0, 7000.0]),
    st.sampled_from([0.0, 1000.0]),
    st.sampled_from(["a", "b"]),
    st.sampled_from([0.0, 1.0]),
)
SAID = st.builds(
    lambda questions, rows: Answers(questions=tuple(questions), rows=tuple(rows)),
    st.lists(QUESTIONS, max_size=4),
    st.lists(ROWS, max_size=4),
)


@given(SAID, SAID, SAID)
@settings(max_examples=200, deadline=None)
def test_merging_is_a_join(a: Answers, b: Answers, c: Answers) -> None:
    assert merge(a, b) == merge(b, a)
    assert merge(merge(a, b), c) == merge(a, merge(b, c)) == merge(a, b, c)
    assert merge(a, a) == merge(a)
    assert merge(merge(a, b), a) == merge(a, b)
    assert merge(a, Answers()) == merge(a)
    assert merge(a, b).to_bytes() == merge(b, a).to_bytes()


@given(SAID, SAID)
@settings(deadline=None)
def test_merging_takes_nothing_away(a: Answers, b: Answers) -> None:
    both = merge(a, b)

    def same(r: Row) -> tuple[object, ...]:
        return r.device, r.literal_begin, r.literal_end, r.size, r.growing

    for one in (*a.rows, *b.rows):
        (found,) = [r for r in both.rows if same(r) == same(one)]
        assert found.first_seen <= one.first_seen
        assert found.last_seen >= one.last_seen
    for asked in (*a.questions, *b.questions):
        assert any(
            (q.begin, q.end, q.asked) == (asked.begin, asked.end, asked.asked)
            and q.complete >= asked.complete
            for q in both.questions
        )


def test_split_at_midnights() -> None:
    day = at(0) // DAY * DAY
    begin, end = (day - at(0)) / NS - 3600, (day - at(0)) / NS + 2 * 86400 + 5
    asked = question(begin, end)
    before = row(begin, begin + 7200)  # begins yesterday, reaches into today
    parts = split([asked], [before])
    assert sorted(parts) == [day - DAY, day, day + DAY, day + 2 * DAY]
    spans = [Span(q.begin, q.end) for d in sorted(parts) for q in parts[d].questions]
    assert spans == Span(asked.begin, asked.end).days()
    assert {d: len(parts[d].rows) for d in sorted(parts)} == {
        day - DAY: 1,
        day: 0,
        day + DAY: 0,
        day + 2 * DAY: 0,
    }


def test_record_and_load(store: Store) -> None:
    day = at(0) // DAY * DAY
    start = (day - at(0)) / NS
    late = row(start - 600, start + 600)
    record(store, SITE, CAMERA, STREAM, [question(start, start + 3600)], [late])
    record(store, SITE, CAMERA, STREAM, [question(start, start + 3600)], [late])
    record(store, SITE, CAMERA, STREAM, [question(start, start + 3600, asked=20_000)], [])
    found = load_answers(store, SITE, CAMERA, STREAM, Span(day, day + NS))
    assert found.rows == (late,)
    assert [q.asked for q in found.questions] == [at(10_000), at(20_000)]
    nothing = load_answers(store, SITE, CAMERA, STREAM, Span(day - 9 * DAY, day - 8 * DAY))
    assert nothing == Answers()
    assert [info.key for info in store.list("")] == [
        answers_key(SITE, CAMERA, STREAM, day - DAY),
        answers_key(SITE, CAMERA, STREAM, day),
    ]


def test_nothing_is_written_where_nothing_is_new(store: Store) -> None:
    record(store, SITE, CAMERA, STREAM, [question(0, 60)], [])
    before = list(store.list(""))
    record(store, SITE, CAMERA, STREAM, [question(0, 60)], [])
    assert list(store.list("")) == before


def test_many_writers_of_one_day_lose_nothing(store: Store) -> None:
    def write(number: int) -> None:
        listed = row(number * 60, number * 60 + 60, size=number + 1, seen=1000 + number)
        asked: Question = question(0, 3600, asked=1000 + number)
        record(store, SITE, CAMERA, STREAM, [asked], [listed])

    threads = [threading.Thread(target=write, args=(n,)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = load_answers(store, SITE, CAMERA, STREAM, Span(at(0), at(3600)))
    assert len(found.questions) == 16
    assert len(found.rows) == 16


def test_a_row_is_written_before_the_question_that_found_it(store: Store) -> None:
    """A writer that is killed between two days leaves a row without its question, which proves
    nothing; a question without its row would look like a loss."""
    day = at(0) // DAY * DAY
    start = (day - at(0)) / NS
    late = row(start - 600, start + 600)
    written: list[str] = []

    class Spy:
        def __getattr__(self, name: str) -> object:
            return getattr(store, name)

        def create(self, key: str, data: bytes, *, content_type: str) -> str:
            written.append(key)
            return store.create(key, data, content_type=content_type)

    record(Spy(), SITE, CAMERA, STREAM, [question(start, start + 3600)], [late])  # type: ignore[arg-type]
    assert written == [
        answers_key(SITE, CAMERA, STREAM, day - DAY),
        answers_key(SITE, CAMERA, STREAM, day),
    ]


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"schema":"hikcore/answers/9"}', b"\xff"])
def test_what_is_no_document_is_named(tmp_path: object, store: Store, data: bytes) -> None:
    key = answers_key(SITE, CAMERA, STREAM, at(0))
    store.create(key, data, content_type="application/json")
    with pytest.raises(ArchiveCorrupt, match=key):
        load_answers(store, SITE, CAMERA, STREAM, Span(at(0), at(1)))
    with pytest.raises(ArchiveCorrupt):
        record(store, SITE, CAMERA, STREAM, [build.question(0, 60)], [])
    assert store.get(key) == (data, (store.head(key) or pytest.fail("gone")).etag)
