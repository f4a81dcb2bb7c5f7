"""Record maps: every plan against a recorder that looks at every cell by itself, in zones whose
days have 23, 24, 25 hours or change by half an hour, and against replies that are cut or odd."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hikcore.errors import DeviceRefused
from hikcore.instants import NS
from hikcore.sources.everfocus.footage import RecordMaps
from hikcore.sources.everfocus.maps import (
    Grid,
    Question,
    Seconds,
    batches,
    by_hours,
    clipped,
    closed_up,
    first_question,
    joined,
    read,
    settled_minutes,
    without,
)
from hikcore.zonerule import zone_rule
from tests.everfocus.source.mapdevice import MapDevice

ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Shanghai"]
#: Around both changes of 2026 in each of them.
CHANGES = [
    datetime(2026, month, day, tzinfo=UTC).timestamp()
    for month, day in ((3, 8), (3, 29), (4, 5), (10, 4), (10, 25), (11, 1))
]
HOUR = 3_600
DAY = 86_400


def grid(zone: str) -> Grid:
    return Grid(zone_rule(zone))


@st.composite
def stretches(draw: st.DrawFn, around: int, length: int = 3 * DAY) -> list[Seconds]:
    points = draw(st.lists(st.integers(0, length), min_size=0, max_size=12, unique=True))
    points.sort()
    pairs = zip(points[::2], points[1::2], strict=False)
    return [(around + begin, around + end) for begin, end in pairs]


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("change", CHANGES)
def test_days_are_those_of_the_wall_clock(zone: str, change: float) -> None:
    plan, device = grid(zone), MapDevice({}, zone)
    lengths = set()
    for hours in range(-48, 49):
        at = int(change) + hours * 3600 + 1234
        begin = plan.day(at)
        assert begin == device.midnight(at)
        following = plan.next_day(begin)
        assert following == device.midnight(following)
        assert begin <= at < following
        lengths.add((following - begin) / 3600)
    assert lengths <= {23, 23.5, 24, 24.5, 25}


def test_a_skipped_midnight_begins_when_the_clock_was_changed() -> None:
    zone = "America/Asuncion"  # no change any more: a plain zone
    assert grid(zone).day(1_790_000_000) == MapDevice({}, zone).midnight(1_790_000_000)
    beirut = grid("Asia/Beirut")  # at 00:00 of the last Sunday in March it is 01:00
    device = MapDevice({}, "Asia/Beirut")
    for hours in range(-30, 31):
        at = int(datetime(2026, 3, 29, tzinfo=UTC).timestamp()) + hours * 3600
        assert beirut.day(at) == device.midnight(at)
        assert beirut.next_day(beirut.day(at)) == device.midnight(beirut.day(at) + 26 * 3600)


@settings(max_examples=40, deadline=None)
@given(st.data(), st.sampled_from(ZONES), st.sampled_from(CHANGES))
async def test_footage_is_found_to_the_second(
    data: st.DataObject, zone: str, change: float
) -> None:
    around = int(change) - DAY
    recorded = joined(data.draw(stretches(around)))
    begin = around + data.draw(st.integers(0, 2 * DAY))
    span = (begin, begin + data.draw(st.integers(1, DAY)))
    device = MapDevice({3: recorded, 7: []}, zone)
    maps = RecordMaps(device.post, grid(zone), lambda: (around + 9 * DAY) * NS, channels=(3, 7))

    found = await maps.footage(3, "main", span)

    assert found.complete
    assert not found.warnings
    true = clipped(recorded, span)
    assert list(found.there) == true
    assert found.exact == (span,)
    assert (await maps.footage(7, "main", span)).there == ()


async def test_one_month_of_silence_costs_one_request() -> None:
    device = MapDevice({1: [], 2: [], 3: [], 4: []}, "Asia/Shanghai")
    begin = device.midnight(1_790_000_000)
    now = (begin + 60 * DAY) * NS
    maps = RecordMaps(device.post, grid("Asia/Shanghai"), lambda: now, channels=(1, 2, 3, 4))
    for day in range(30):
        for channel in (1, 2, 3, 4):
            found = await maps.footage(channel, "main", (begin + day * DAY, begin + day * DAY + 99))
            assert found.complete
            assert not found.there
    assert len(device.questions) == 1


@settings(max_examples=20, deadline=None)
@given(st.data(), st.integers(1, 700))
async def test_replies_that_are_cut_short_are_asked_on(data: st.DataObject, cells: int) -> None:
    around, span = 1_790_000_000, DAY
    recorded = joined(data.draw(stretches(around, span)))
    device = MapDevice({1: recorded}, "UTC", cut_to=cells)
    maps = RecordMaps(device.post, Grid(), lambda: (around + 9 * DAY) * NS)
    found = await maps.footage(1, "main", (around, around + span))
    # A question begins on an hour: what always ends within it leads nowhere, and is told.
    assert found.complete or (cells < 60 and found.warnings)
    if found.complete:
        assert without(clipped(recorded, (around, around + span)), found.there) == []
    # One by seconds begins on a minute, so each goes at least a minute on; one by minutes an hour.
    assert len(device.questions) <= span // 60 + span // HOUR + 10


async def test_no_progress_ends_and_is_unknown() -> None:
    def nothing(reply: dict[str, Any]) -> None:
        reply["EndTime"] = reply["StartTime"] - 1
        reply["CH1"] = ""

    device = MapDevice({1: [(1_790_000_000, 1_790_050_000)]}, "UTC", spoil=nothing)
    maps = RecordMaps(device.post, Grid(), lambda: 1_790_900_000 * NS)
    found = await maps.footage(1, "main", (1_790_000_000, 1_790_050_000))
    assert not found.complete
    assert not found.there
    assert len(device.questions) == 1
    assert "tells nothing" in " ".join(found.warnings)


async def test_unknown_characters_are_told_and_prove_nothing() -> None:
    def odd(reply: dict[str, Any]) -> None:
        if isinstance(reply["CH1"], list):
            reply["CH1"][0] = reply["CH1"][0].replace("-", "?", 1)

    begin = 1_790_006_400  # an hour
    device = MapDevice({1: [(begin + 600, begin + 1200)]}, "UTC", spoil=odd)
    maps = RecordMaps(device.post, Grid(), lambda: 1_790_900_000 * NS)
    found = await maps.footage(1, "main", (begin, begin + 3600))
    assert not found.complete
    assert found.there == ((begin + 600, begin + 1200),)
    assert "'?'" in " ".join(found.warnings)


def test_a_short_last_row_and_a_missing_channel() -> None:
    begin = 1_790_006_400
    question = Question("minute", (1, 2), "main", begin, begin + 7200)
    reply = {"StartTime": begin, "EndTime": begin + 5399, "CH1": ["+" * 60, "-" * 20 + "+" * 10]}
    one = read(question, reply, 1, Grid())
    assert one.there == ((begin, begin + 3600), (begin + 4800, begin + 5400))
    assert one.told == ((begin, begin + 5400),)
    assert one.reach == begin + 5400
    two = read(question, reply, 2, Grid())
    assert two.there == ()
    assert two.told == ((begin, begin + 5400),)
    assert two.warnings
    assert read(question, reply, 2, Grid(), absent=False).told == ()


@pytest.mark.parametrize(
    "reply",
    [
        {},
        {"Result": "OK"},
        {"StartTime": 1_790_006_400, "EndTime": 1_790_013_599, "CH01": ["-" * 60] * 2},
        {"StartTime": 1_790_006_400, "EndTime": 1_790_013_599, "Channels": {"1": "--"}},
        {"StartTime": 1_790_006_400_000, "EndTime": 1_790_013_599_000, "CH1": ["-" * 60] * 2},
        {"StartTime": 1_790_035_200, "EndTime": 1_790_042_399, "CH1": ["-" * 60] * 2},
        {"StartTime": float("inf"), "EndTime": float("nan"), "CH1": None},
        {"StartTime": 1_790_006_400, "EndTime": 1_790_013_599, "CH1": {"0": "-" * 60}},
    ],
)
def test_a_reply_that_speaks_of_something_else_proves_no_absence(reply: dict[str, Any]) -> None:
    begin = 1_790_006_400
    question = Question("minute", (1,), "main", begin, begin + 7200)
    reading = read(question, reply, 1, Grid())
    assert reading.told == ()
    assert reading.there == ()


async def test_days_that_begin_elsewhere_than_is_believed_hide_no_footage() -> None:
    begin = 1_790_006_400 // DAY * DAY  # a day of UTC, while we believe in those of UTC+8
    recorded = [(begin + DAY - 3600, begin + DAY)]

    def by_utc(reply: dict[str, Any]) -> None:
        if isinstance(reply["CH1"], str):
            first = -(-reply["StartTime"] // DAY) - 1
            reply["CH1"] = "".join(
                "+" if (first + n) * DAY == begin else "-" for n in range(len(reply["CH1"]))
            )

    device = MapDevice({1: recorded}, "Asia/Shanghai", spoil=by_utc)
    now = (begin + 3 * DAY) * NS
    maps = RecordMaps(device.post, grid("Asia/Shanghai"), lambda: now)
    found = await maps.footage(1, "main", (begin - DAY, begin + 2 * DAY))
    assert found.there == tuple(recorded)


def test_what_is_posted_is_as_the_guide_prints_it() -> None:
    question = first_question(
        "day", (1, 2, 5), "sub", (1_584_892_800 + 5, 1_584_892_800 + 7), grid("Asia/Shanghai")
    )
    # 4.5 of the guide: a day of UTC+8 from 1584892800 to 1584979199.
    assert question.body() == {
        "ChannelIDs": [1, 2, 5], "StartTime": 1_584_892_800, "EndTime": 1_584_979_199, "mainsub": 2,
    }  # fmt: skip
    assert question.body(inclusive=False)["EndTime"] == 1_584_979_200


def test_batches_and_hours() -> None:
    assert batches([9, 1, 2, 3, 5, 5]) == [(1, 2, 3, 5), (9,)]
    assert by_hours([(0, 60), (300, 360), (3590, 3660), (9000, 9060)]) == [
        (0, 3600), (3600, 3660), (9000, 9060)
    ]  # fmt: skip
    assert settled_minutes([(0, 600), (660, 720)], 720) == [(0, 600), (660, 720)]
    assert settled_minutes([(0, 600), (660, 720)], 719) == [(0, 600)]
    assert closed_up([(0, 5), (8, 9), (13, 14)], 4) == [(0, 9), (13, 14)]


async def test_what_is_later_is_not_looked_at_by_seconds() -> None:
    begin = 1_790_006_400
    device = MapDevice({1: [(begin, begin + 600)]}, "UTC")
    maps = RecordMaps(device.post, Grid(), lambda: 1_790_900_000 * NS)
    found = await maps.footage(1, "main", (begin, begin + 600), begin + 330)
    assert found.there == ((begin, begin + 600),)
    assert found.exact == ((begin, begin + 300),)


@pytest.mark.parametrize("how", ["refuses", "knows none"])
async def test_a_map_of_seconds_that_tells_nothing_hides_no_footage(how: str) -> None:
    """A recorder without the third map, or whose seconds are gone where its minutes are not."""
    begin = 1_790_006_400
    device = MapDevice({1: [(begin + 60, begin + 180), (begin + 300, begin + 330)]}, "UTC")

    async def post(path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        if path.endswith("Second"):
            if how == "refuses":
                raise DeviceRefused("the recorder does not know this request (HTTP 404)")
            rows = ["-" * 60] * ((body["EndTime"] + 1 - body["StartTime"]) // 60)
            return {"StartTime": body["StartTime"], "EndTime": body["EndTime"], "CH1": rows}
        return await device.post(path, body)

    maps = RecordMaps(post, Grid(), lambda: 1_790_900_000 * NS)
    found = await maps.footage(1, "main", (begin, begin + 600))
    assert found.there == ((begin + 60, begin + 180), (begin + 300, begin + 360))
    assert found.complete
    assert found.exact == (
        (begin, begin + 60),
        (begin + 180, begin + 300),
        (begin + 360, begin + 600),
    )
    assert len(found.warnings) == 1
