"""A clock found wrong and put right: readers take UTC from the digits, nothing is written anew."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hikcore.archive.answers import record
from hikcore.archive.clocks import Clocks, clock_of, load_clocks, profile_of, put_profile
from hikcore.archive.corrected import corrected_answers, corrected_manifests
from hikcore.archive.coverage import coverage
from hikcore.archive.documents import ClockProfile, Manifest, Tombstone
from hikcore.archive.keys import chunk_id
from hikcore.archive.reader import Archive
from hikcore.archive.said import Answers, Question, Row
from hikcore.archive.store import Store
from hikcore.archive.tombstones import put_tombstone
from hikcore.deviceclock import DeviceClock, ZoneRule
from hikcore.instants import DAY, NS, Span, format_local, parse_instant
from tests.archive import build
from tests.archive.build import CAMERA, DEVICE, SITE, STREAM

HOUR = 3600 * NS
ZONES = {
    "Berlin": "CST-1:00:00DST01:00:00,M3.5.0/02:00:00,M10.5.0/03:00:00",
    "Tashkent": "CST-5:00:00",
    "New York": "CST+5:00:00DST01:00:00,M3.2.0/02:00:00,M11.1.0/02:00:00",
    "Lord Howe": "CST-10:30:00DST00:30:00,M10.1.0/02:00:00,M4.1.0/02:00:00",
}
NOON = parse_instant("2026-11-20T12:00:00Z")


def clock(listing: str, zone: str = "Tashkent", source: str = "measured") -> DeviceClock:
    return DeviceClock(listing, ZoneRule.parse(ZONES[zone]), source)  # type: ignore[arg-type]


def profile(listing: str, zone: str = "Tashkent", replaces: str | None = None) -> tuple[str, bytes]:
    return profile_of(SITE, DEVICE, clock(listing, zone), replaces)


def clocks_of(*profiles: tuple[str, bytes]) -> Clocks:
    return Clocks({name: ClockProfile.model_validate_json(data) for name, data in profiles})


def recording(
    begin: int, end: int, true: DeviceClock, told: DeviceClock, name: str, number: int = 0
) -> Row:
    """A recording of that true UTC, as it was listed and read with another clock."""
    size = 1000 + number
    texts = [format_local(true.utc_to_literal(at), 0) + "Z" for at in (begin, end)]
    literals = [true.utc_to_literal(at) for at in (begin, end)]
    read = [told.literal_to_utc(each) for each in literals]
    return Row(
        literal_begin=texts[0],
        literal_end=texts[1],
        begin=read[0],
        end=max(read[1], read[0] + NS),
        size=size,
        name=f"{number:017d}",
        growing=False,
        chunk=chunk_id(CAMERA, STREAM, texts[0], size),
        first_seen=end + HOUR,
        last_seen=end + HOUR,
        device=DEVICE,
        clock=name,
    )


def footage(row: Row, begin: int, end: int, told: DeviceClock, name: str) -> Manifest:
    """Its manifest as it was committed: the stream's wall clock is the device's either way."""
    local = told.zone.utc_to_local(begin)
    manifest = build.held((row.begin - build.T0) / NS, (row.begin + end - begin - build.T0) / NS)
    run = manifest.runs[0]
    wall = told.wall_to_utc(local, row.begin)
    shift = wall - run.begin
    segments = tuple(
        s.model_copy(update={"begin": s.begin + shift, "end": s.end + shift}) for s in run.segments
    )
    run = run.model_copy(update={"begin": wall, "begin_local": local, "segments": segments})
    chunk = manifest.chunk.model_copy(
        update={
            "id": row.chunk,
            "literal_begin": row.literal_begin,
            "literal_end": row.literal_end,
            "size": row.size,
            "name": row.name,
        }
    )
    body = manifest.body.model_copy(update={"size": row.size})
    return manifest.model_copy(
        update={
            "begin": wall,
            "end": wall + end - begin,
            "runs": (run,),
            "chunk": chunk,
            "body": body,
            "clock": name,
        }
    )


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize(("wrong", "right"), [("utc", "local"), ("local", "utc")])
@given(minute=st.integers(0, 365 * 24 * 60 - 1), length=st.integers(1, 600))
@settings(max_examples=40, deadline=None)
def test_any_recording_of_a_year_reads_as_if_the_clock_had_been_right(
    zone: str, wrong: str, right: str, minute: int, length: int
) -> None:
    bad, good = clock(wrong, zone), clock(right, zone)
    first = profile(wrong, zone)
    second = profile(right, zone, first[0])
    begin = parse_instant("2026-01-01T00:00:00Z") + minute * 60 * NS
    end = begin + length * 60 * NS
    row = recording(begin, end, good, bad, first[0])
    held = footage(row, begin, end, bad, first[0])
    both = clocks_of(first, second)
    readings = (
        good.literal_readings(good.utc_to_literal(begin)),
        good.literal_readings(good.utc_to_literal(end)),
    )
    if len(readings[0]) == len(readings[1]) == 2:
        return  # wholly inside the repeated hour: there its neighbours tell, see below
    (fixed,) = corrected_manifests([held], both)
    assert (fixed.begin, fixed.end) == (begin, end)
    assert fixed.runs[0].segments[0].begin == begin
    assert fixed.clock == first[0]
    assert fixed.chunk == held.chunk
    answers = corrected_answers(Answers(rows=(row,)), both)
    if len(readings[1]) == 1:
        assert answers.rows[0].begin == begin
        assert answers.rows[0].end == end


def test_damaged_and_listed_only_footage_moves_with_its_listing() -> None:
    first = profile("utc")
    both = clocks_of(first, profile("local", replaces=first[0]))
    row = recording(NOON, NOON + HOUR, clock("local"), clock("utc"), first[0])
    assert row.begin == NOON + 5 * HOUR
    raw = build.damaged(row).model_copy(update={"clock": first[0]})
    (fixed,) = corrected_manifests([raw], both)
    assert (fixed.begin, fixed.end) == (NOON, NOON + HOUR)
    without = footage(row, NOON, NOON + HOUR, clock("utc"), first[0])
    run = without.runs[0].model_copy(update={"begin_local": None, "origin": "listing"})
    moved = run.begin - row.begin
    (fixed,) = corrected_manifests([without.model_copy(update={"runs": (run,)})], both)
    assert fixed.runs[0].begin == NOON + moved


def test_a_correction_of_a_correction_and_one_back() -> None:
    first = profile("utc")
    second = profile("local", replaces=first[0])
    third = profile("utc", replaces=second[0])
    assert clocks_of(first, second, third).standing(first[0]) == third[0]
    assert clocks_of(first, second, third).correction(first[0]) is None
    assert clocks_of(first, second, third).heads(DEVICE) == [third[0]]
    rivals = [profile("local", zone, first[0]) for zone in ("Berlin", "Tashkent")]
    for order in (rivals, rivals[::-1]):
        assert clocks_of(first, *order).standing(first[0]) == min(name for name, _ in rivals)


def test_a_profile_of_another_device_stays() -> None:
    first = profile("utc")
    other = profile_of(SITE, "nvr2", clock("utc"))
    both = clocks_of(first, other, profile("local", replaces=first[0]))
    assert both.correction(other[0]) is None
    assert both.heads("nvr2") == [other[0]]


def test_what_was_asked_was_another_span() -> None:
    """A day asked in UTC of a device whose Z is local: it took it for its own day."""
    first = profile("utc")
    both = clocks_of(first, profile("local", replaces=first[0]))
    day = NOON // DAY * DAY
    question = Question(
        begin=day, end=day + DAY, asked=day + 3 * DAY, complete=True, device=DEVICE, clock=first[0]
    )
    (fixed,) = corrected_answers(Answers(questions=(question,)), both).questions
    assert (fixed.begin, fixed.end) == (day - 5 * HOUR, day + 19 * HOUR)
    assert fixed.asked == question.asked
    unnamed = question.model_copy(update={"clock": ""})
    (legacy,) = corrected_answers(Answers(questions=(unnamed,)), both).questions
    assert (legacy.begin, legacy.end) == (fixed.begin, fixed.end)
    # Two profiles were measured: nobody knows with which of them the span was made.
    more = clocks_of(first, profile("utc", "Berlin"), profile("local", replaces=first[0]))
    assert corrected_answers(Answers(questions=(unnamed,)), more).questions == ()


def test_a_repeated_hour_is_not_claimed_for_a_question_that_ended_in_it() -> None:
    first = profile("utc", "Berlin")
    both = clocks_of(first, profile("local", "Berlin", first[0]))
    inside = parse_instant("2026-10-25T02:30:00Z")  # digits that Berlin's clock shows twice
    question = Question(
        begin=inside - DAY,
        end=inside,
        asked=inside + DAY,
        complete=True,
        device=DEVICE,
        clock=first[0],
    )
    (fixed,) = corrected_answers(Answers(questions=(question,)), both).questions
    assert fixed.end == parse_instant("2026-10-25T00:30:00Z")


def test_a_wrong_zone_moves_what_was_read_off_the_wall_clock() -> None:
    """A recorder left in the zone of its factory, its clock set by hand to the local time."""
    first = profile("local", "Tashkent")
    right = clock("local", "Berlin")
    both = clocks_of(first, profile("local", "Berlin", first[0]))
    row = recording(NOON, NOON + HOUR, right, clock("local"), first[0])
    row = row.model_copy(update={"first_seen": NOON - 2 * HOUR, "last_seen": NOON - 2 * HOUR})
    (fixed,) = corrected_answers(Answers(rows=(row,)), both).rows
    assert (fixed.begin, fixed.end, fixed.first_seen) == (NOON, NOON + HOUR, NOON + 2 * HOUR)


@pytest.mark.parametrize("zone", ["Tashkent", "Berlin", "New York"])
def test_an_archive_put_right_is_read_where_its_keys_do_not_say(store: Store, zone: str) -> None:
    """Days are listed wide enough, also where the shift crosses midnight and a change of clock."""
    bad, good = clock("utc", zone), clock("local", zone)
    begin = parse_instant("2026-10-24T20:00:00Z")
    edges = [begin + n * HOUR // 2 for n in range(13)]
    name = put_profile(store, SITE, DEVICE, bad)
    pairs = enumerate(pairwise(edges))
    rows = [recording(a, b, good, bad, name, number) for number, (a, b) in pairs]
    for row, (a, b) in zip(rows, pairwise(edges), strict=True):
        build.put(store, footage(row, a, b, bad, name))
    day = Span(begin - DAY, begin + 2 * DAY)
    asked = Question(
        begin=day.begin, end=day.end, asked=day.end + DAY, complete=True, device=DEVICE, clock=name
    )
    record(store, SITE, CAMERA, STREAM, [asked], rows)
    before = sorted(info.key for info in store.list("v1/"))
    put_profile(store, SITE, DEVICE, good, name)
    whole = Span(edges[0], edges[-1])
    archive = Archive(store)
    for span in (
        whole,
        Span(whole.begin, whole.begin + HOUR),
        Span(whole.end - 60 * NS, whole.end),
    ):
        found = archive.coverage(SITE, CAMERA, span)
        assert [each.state for each in found] == ["held"]
    around = archive.coverage(SITE, CAMERA, Span(whole.begin - HOUR, whole.end + HOUR))
    assert [each.state for each in around] == ["empty", "held", "empty"]
    segments = archive.segments(SITE, CAMERA, whole)
    assert [segment.begin for segment in segments] == edges[:-1]
    assert set(before) < set(info.key for info in store.list("v1/"))
    assert load_clocks(store, SITE).reach() > 0


def test_what_was_removed_stays_excluded_where_it_lies_now(store: Store) -> None:
    bad, good = clock("utc"), clock("local")
    name = put_profile(store, SITE, DEVICE, bad)
    row = recording(NOON, NOON + HOUR, good, bad, name)
    manifest = footage(row, NOON, NOON + HOUR, bad, name)
    build.put(store, manifest)
    segment = manifest.runs[0].segments[0]
    put_tombstone(
        store,
        Tombstone(
            site=SITE,
            camera=CAMERA,
            stream=STREAM,
            begin=segment.begin,
            end=segment.end,
            rule="older than 90 days",
            objects=(segment.key,),
        ),
    )
    store.delete(segment.key)
    put_profile(store, SITE, DEVICE, good, name)
    found = Archive(store).coverage(SITE, CAMERA, Span(NOON, NOON + HOUR))
    assert [(each.state, each.reason) for each in found] == [("excluded", "older than 90 days")]


def test_coverage_stays_pure() -> None:
    first = profile("utc")
    row = recording(NOON, NOON + HOUR, clock("local"), clock("utc"), first[0])
    held = footage(row, NOON, NOON + HOUR, clock("utc"), first[0])
    both = clocks_of(first, profile("local", replaces=first[0]))
    span = Span(NOON, NOON + HOUR)
    fixed = coverage(corrected_manifests([held], both), Answers(), span)
    assert [each.state for each in fixed] == ["held"]
    assert clock_of(both.profiles[first[0]]) == clock("utc")
