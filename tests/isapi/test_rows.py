"""UTC of rows in the hour that a wall clock repeats."""

from __future__ import annotations

import pytest

from hikcore.deviceclock import DeviceClock, ZoneRule
from hikcore.instants import NS, format_instant, parse_instant
from hikcore.sources.isapi.rows import recordings_of
from hikcore.sources.isapi.search import SearchRow
from hikcore.sources.isapi.settings import Settings

BERLIN = DeviceClock(
    "local", ZoneRule.parse("CST-1:00:00DST01:00:00,M3.5.0/02:00:00,M10.5.0/03:00:00")
)


def spans(*rows: tuple[str, str]) -> list[tuple[str, str]]:
    """UTC of rows of 2026-10-25, told and given as HH:MM:SS."""
    made = [
        SearchRow(101, f"2026-10-25T{begin}Z", f"2026-10-25T{end}Z", "uri", "name", 1)
        for begin, end in rows
    ]
    found = recordings_of(
        made,
        channel=1,
        stream="main",
        clock=BERLIN,
        device_now=parse_instant("2026-10-26T00:00:00Z"),
        settings=Settings(),
        where="test",
    )
    return [
        (format_instant(row.span.begin, 0)[11:19], format_instant(row.span.end, 0)[11:19])
        for row in found
    ]


def test_after_a_silence_the_second_pass_is_not_taken_for_the_first() -> None:
    """What is listed behind a row that ends in the second pass does not lie in the first, though
    that is nearer to its end."""
    rows = ("02:58:00", "02:01:00"), ("02:58:10", "03:01:00")
    assert spans(*rows) == [("00:58:00", "01:01:00"), ("01:58:10", "02:01:00")]


@pytest.mark.parametrize("overlap", [0, 3])
def test_files_that_follow_each_other_go_through_both_passes(overlap: int) -> None:
    begin = parse_instant("2026-10-24T23:30:00Z")
    rows, truth = [], []
    for number in range(12):
        at = begin + number * 900 * NS
        ends = at + (900 + overlap) * NS
        local = [BERLIN.utc_to_literal(each) for each in (at, ends)]
        rows.append(tuple(format_instant(each, 0)[11:19] for each in local))
        truth.append(tuple(format_instant(each, 0)[11:19] for each in (at, ends)))
    assert spans(*rows) == truth  # type: ignore[arg-type]
