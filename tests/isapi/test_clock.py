"""What a device's Z means: measured, set, or said to be undecided; never guessed."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hikcore.deviceclock import DeviceClock, ZoneRule
from hikcore.errors import ClockUndecided, DeviceProtocolError
from hikcore.instants import NS, Span, format_instant, parse_instant
from hikcore.sources.isapi.clock import DeviceTime, parse_time
from hikcore.sources.isapi.meaning import measure
from hikcore.sources.isapi.rows import recordings_of
from hikcore.sources.isapi.search import SearchRow
from hikcore.sources.isapi.settings import Settings
from tests.isapi.conftest import recorded

NOW = parse_instant("2026-07-21T15:32:54Z")
HOUR = 3600 * NS
MINUTE = 60 * NS


def test_the_rule_counts_and_not_the_suffix() -> None:
    told = parse_time(recorded("hikvision_ds-7616nxi-k2_v4.84.101_time.xml"), "nvr")
    assert told.local == parse_instant("2026-07-21T17:32:54Z")
    # The device writes its standard offset (+02:00) in summer; the rule says +03:00.
    assert told.utc(NOW) == parse_instant("2026-07-21T14:32:54Z")


@pytest.mark.parametrize("suffix", ["", "+05:00", "+06:00", "Z"])
def test_a_missing_or_wrong_suffix(suffix: str) -> None:
    body = (
        f"<Time><localTime>2026-11-20T10:00:00{suffix}</localTime>"
        "<timeZone>CST-5:00:00</timeZone></Time>"
    )
    told = parse_time(body.encode(), "")
    assert told.utc(0) == parse_instant("2026-11-20T05:00:00Z")


def test_without_a_rule_the_suffix_must_do() -> None:
    body = b"<Time><localTime>2026-11-20T10:00:00+05:30</localTime><timeZone>x</timeZone></Time>"
    assert parse_time(body, "").zone == ZoneRule(19_800)
    with pytest.raises(DeviceProtocolError, match="zone"):
        parse_time(body.replace(b"+05:30", b""), "")
    with pytest.raises(DeviceProtocolError):
        parse_time(b"<Time/>", "")


class Disks:
    """A probe of channels; `walls` says what the stream of a recording tells, by literal begin."""

    def __init__(
        self, channels: list[list[tuple[int, int]]], walls: dict[int, int] | None = None
    ) -> None:
        self.channels, self.walls, self.read = channels, walls or {}, 0

    async def look(self, channel: int, begin: int, end: int) -> list[SearchRow]:
        return [
            row(format_instant(a, 0), format_instant(b, 0))
            for a, b in sorted(self.channels[channel])
            if a <= end and begin <= b
        ]

    async def wall(self, recording: SearchRow) -> int | None:
        self.read += 1
        return self.walls.get(parse_instant(recording.begin))


async def verdict(
    zone: ZoneRule,
    channels: list[list[tuple[int, int]]],
    now: int = NOW,
    walls: dict[int, int] | None = None,
) -> DeviceClock:
    told = DeviceTime(zone.utc_to_local(now), zone)
    disks = Disks(channels, walls)
    return await measure(told, told.utc(now), range(len(channels)), disks, "nvr")


@st.composite
def recorders(draw: st.DrawFn) -> tuple[int, str, list[list[tuple[int, int]]]]:
    """An offset, what Z means there, and channels that record day and night: files in a row of
    10 to 60 minutes, the last of them listed with an end that lies ahead, or behind unflushed."""
    offset = draw(st.sampled_from([-39_600, -18_000, -10_800, -3600, 3600, 7200, 19_800, 28_800]))
    listing = draw(st.sampled_from(["utc", "local"]))
    shift = offset * NS if listing == "local" else 0
    channels = []
    for _ in range(draw(st.integers(1, 4))):
        length = draw(st.integers(600, 3600)) * NS
        ahead = draw(st.integers(-60, 3000)) * NS
        end = NOW + shift + max(ahead, -60 * NS)
        begin = min(NOW + shift - NS, end - length)
        rows = [(begin, end)]
        while rows[-1][0] > NOW - 86_400 * NS:
            rows.append((rows[-1][0] - length, rows[-1][0] + NS))
        channels.append(rows)
    return offset, listing, channels


@settings(max_examples=200)
@given(recorders())
async def test_a_recorder_that_runs_is_measured_right_or_not_at_all(
    recorder: tuple[int, str, list[list[tuple[int, int]]]],
) -> None:
    offset, listing, channels = recorder
    try:
        found = await verdict(ZoneRule(offset), channels)
    except ClockUndecided:
        # Only where, on every channel, the newest file holds the other reading of now as well.
        wrong = offset * NS if listing == "utc" else 0
        for rows in channels:
            begin, end = rows[0]
            assert begin - wrong <= NOW + 5 * NS
            assert end - wrong >= NOW - 120 * NS
        return
    assert found == DeviceClock(listing, ZoneRule(offset), "measured")  # type: ignore[arg-type]


async def test_a_planned_end_over_both_readings_decides_nothing_but_another_channel_does() -> None:
    zone = ZoneRule(3600)
    both = [(NOW - 10 * MINUTE, NOW + 190 * MINUTE)]
    with pytest.raises(ClockUndecided):
        await verdict(zone, [both])
    one = [(NOW - 5 * MINUTE, NOW + 17 * MINUTE)]
    assert (await verdict(zone, [both, one])).listing == "utc"


async def test_channels_that_differ_decide_nothing() -> None:
    zone = ZoneRule(18_000)
    utc = [(NOW - MINUTE, NOW + MINUTE)]
    local = [(row[0] + 5 * HOUR, row[1] + 5 * HOUR) for row in utc]
    with pytest.raises(ClockUndecided):
        await verdict(zone, [utc, local])


async def test_undecided_names_both_readings_and_the_setting() -> None:
    with pytest.raises(ClockUndecided) as caught:
        await verdict(ZoneRule(18_000), [[]])
    for part in (
        "2026-07-21T15:32:54Z",
        "2026-07-21T20:32:54",
        'device_time = "utc"',
        'device_time = "local"',
    ):
        assert part in str(caught.value)


async def test_greenwich_in_winter_is_undecided_and_in_summer_measured() -> None:
    told = parse_time(
        b"<Time><localTime>2026-01-10T10:00:00</localTime><timeZone>GMT0:00:00DST01:00:00,"
        b"M3.5.0/01:00:00,M10.5.0/02:00:00</timeZone></Time>",
        "",
    )
    winter = parse_instant("2026-01-10T10:00:00Z")
    with pytest.raises(ClockUndecided):
        await verdict(told.zone, [[(winter - MINUTE, winter + MINUTE)]], winter)
    assert (await verdict(told.zone, [[(NOW - MINUTE, NOW + MINUTE)]])).listing == "utc"


TASHKENT = ZoneRule(18_000)


async def test_a_file_that_ended_where_the_wrong_now_is_does_not_deceive() -> None:
    """Recording by motion: the newest file ended five hours ago by the wall clock, so that its
    digits touch the now of the other reading. The clock inside the file says what they mean."""
    ended = (NOW - 3 * MINUTE, NOW - MINUTE)  # digits; the wall clock reads NOW + 5 h
    found = await verdict(TASHKENT, [[ended]], walls={ended[0]: ended[0] + NS})
    assert found.listing == "local"
    found = await verdict(TASHKENT, [[ended]], walls={ended[0]: ended[0] + 5 * HOUR})
    assert found.listing == "utc"


@pytest.mark.parametrize("days", [0.3, 2.5, 6.4])
async def test_a_recorder_that_stands_still_is_measured_by_an_old_file(days: float) -> None:
    begin = NOW - int(days * 86_400) * NS
    for wall, listing in ((begin, "local"), (begin + 5 * HOUR, "utc")):
        found = await verdict(TASHKENT, [[], [(begin, begin + MINUTE)]], walls={begin: wall})
        assert found.listing == listing


async def test_a_clock_inside_that_fits_neither_decides_nothing() -> None:
    begin = NOW - 9 * HOUR
    with pytest.raises(ClockUndecided):
        await verdict(TASHKENT, [[(begin, begin + MINUTE)]], walls={begin: begin + HOUR})


async def test_a_recorder_that_runs_gives_no_byte_for_it() -> None:
    disks = Disks([[(NOW - MINUTE, NOW + MINUTE)]])
    told = DeviceTime(TASHKENT.utc_to_local(NOW), TASHKENT)
    assert (await measure(told, NOW, [0], disks, "")).listing == "utc"
    assert disks.read == 0


# -- rows: growing, and the hour that comes twice ----------------------------------------------


def row(begin: str, end: str) -> SearchRow:
    return SearchRow(101, begin, end, f"rtsp://x/?{begin}", begin, 1)


def growing(rows: list[tuple[str, str]], now: str) -> list[bool]:
    found = recordings_of(
        [row(*times) for times in rows],
        channel=1,
        stream="main",
        clock=DeviceClock("utc", ZoneRule()),
        device_now=parse_instant(now),
        settings=Settings(),
        where="",
    )
    return [recording.growing for recording in found]


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-11-20T09:30:00Z", [False, True]),  # its end is a plan
        ("2026-11-20T10:00:30Z", [False, True]),  # over for less than the margin
        ("2026-11-20T10:10:00Z", [False, True]),  # the newest, and its end is near
        ("2026-11-20T10:15:01Z", [False, False]),  # long over
        ("2026-11-20T09:00:30Z", [True, True]),  # the first is over for less than the margin
    ],
)
def test_what_is_still_being_written(now: str, expected: list[bool]) -> None:
    rows = [
        ("2026-11-20T08:00:00Z", "2026-11-20T09:00:01Z"),
        ("2026-11-20T09:00:00Z", "2026-11-20T10:00:00Z"),
    ]
    assert growing(rows, now) == expected


def test_a_successor_closes_a_file_at_once() -> None:
    rows = [
        ("2026-11-20T09:00:00Z", "2026-11-20T10:00:00Z"),
        ("2026-11-20T09:59:59Z", "2026-11-20T11:00:00Z"),
    ]
    assert growing(rows, "2026-11-20T10:02:00Z") == [False, True]


SOFIA = ZoneRule.parse("EET-2:00:00DST01:00:00,M3.5.0/03:00:00,M10.5.0/04:00:00")


def test_files_of_the_hour_that_comes_twice_lie_in_a_row() -> None:
    """On 2026-10-25 in Sofia 03:00 to 04:00 comes twice: 00:00Z to 01:00Z and 01:00Z to 02:00Z."""
    clock = DeviceClock("local", SOFIA)
    edges = [parse_instant("2026-10-24T23:30:00Z") + n * 20 * MINUTE for n in range(12)]
    texts = [
        f"{'2026-10-25T'}{(clock.utc_to_literal(e) // HOUR) % 24:02d}:"
        f"{(clock.utc_to_literal(e) // MINUTE) % 60:02d}:00Z"
        for e in edges
    ]
    found = recordings_of(
        [row(a, b) for a, b in itertools.pairwise(texts)],
        channel=1,
        stream="main",
        clock=clock,
        device_now=edges[-1] + HOUR,
        settings=Settings(),
        where="",
    )
    assert [r.span for r in found] == [Span(a, b) for a, b in itertools.pairwise(edges)]


def test_a_row_without_length_or_that_runs_back_is_kept() -> None:
    rows = [
        row("2026-11-20T08:00:00Z", "2026-11-20T08:00:00Z"),
        row("2026-11-20T08:00:10Z", "2026-11-20T07:50:00Z"),
    ]
    found = recordings_of(
        rows,
        channel=1,
        stream="main",
        clock=DeviceClock("utc", ZoneRule()),
        device_now=NOW,
        settings=Settings(),
        where="",
    )
    assert [r.span.length for r in found] == [NS, NS]
    assert found[1].literal_end == "2026-11-20T07:50:00Z"


def test_a_time_that_is_none_is_named() -> None:
    with pytest.raises(DeviceProtocolError, match="gestern"):
        recordings_of(
            [row("gestern", "heute")],
            channel=1,
            stream="main",
            clock=DeviceClock("utc", ZoneRule()),
            device_now=NOW,
            settings=Settings(),
            where="nvr",
        )
