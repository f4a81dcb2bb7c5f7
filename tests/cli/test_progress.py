"""What progress counts and says, whatever fails on the way."""

from __future__ import annotations

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hikcore.cli.output import Output
from hikcore.cli.progress import Count, Style, Watch
from hikcore.errors import ConfigurationError
from hikcore.extract.plan import PlannedChunk
from hikcore.extract.report import CameraJob, Outcome
from hikcore.instants import NS, Span
from hikcore.sources.base import Recording


def job(device: str) -> CameraJob:
    return CameraJob("home", f"cam-{device}", "main", device, 1)


def chunk(number: int, size: int) -> PlannedChunk:
    span = Span(number * NS, (number + 1) * NS)
    row = Recording(1, "main", "file", "", "", span, size, "", False, "")
    return PlannedChunk(f"{number:016x}", row)


#: For each chunk: its listed size, and of each attempt the bytes that came.
attempts = st.lists(st.integers(0, 2_000), min_size=1, max_size=4)
works = st.lists(st.tuples(st.integers(0, 1_000), attempts), max_size=8)


@given(st.dictionaries(st.sampled_from(["a", "b", "c"]), works))
def test_counts_end_at_what_was_planned(devices: dict[str, list[tuple[int, list[int]]]]) -> None:
    count = Count()
    for device, work in devices.items():
        chunks = [chunk(number, size) for number, (size, _) in enumerate(work)]
        count.planned(job(device), chunks)
        for each, (_, tries) in zip(chunks, work, strict=True):
            before = count.of(job(device)).arrived
            for arrived in tries:
                count.started(job(device), each)
                assert count.of(job(device)).arrived == before
                count.received(job(device), each, arrived)
                assert count.of(job(device)).arrived == before + arrived
            count.done(job(device), Outcome(each, "held"))
        tally = count.of(job(device))
        assert (tally.ended, tally.arrived) == (tally.chunks, tally.size)
    assert count.total.size == sum(size for work in devices.values() for size, _ in work)


def test_what_failed_did_not_arrive() -> None:
    count = Count()
    count.planned(job("nvr"), [chunk(0, 4_000), chunk(1, 4_000)])
    for number in (0, 1):
        count.started(job("nvr"), chunk(number, 4_000))
        count.received(job("nvr"), chunk(number, 4_000), 3_000)
        count.done(job("nvr"), Outcome(chunk(number, 4_000), "failed"))
    assert (count.total.ended, count.total.failed, count.total.arrived) == (2, 2, 0)


async def test_a_line_at_each_interval_and_one_at_the_end(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HIKCORE_PROGRESS_INTERVAL", "0.05")
    async with Watch(Style.LINES, Output(json=False)) as watch:
        watch.planned(job("nvr"), [chunk(0, 4_000), chunk(1, 4_000)])
        watch.started(job("nvr"), chunk(0, 4_000))
        watch.received(job("nvr"), chunk(0, 4_000), 2_000)
        await asyncio.sleep(0.12)
        watch.done(job("nvr"), Outcome(chunk(0, 4_000), "failed"))
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert out == ""
    assert lines[0].startswith("progress: 0 of 2 chunks, 2.0 kB of 8.0 kB")
    assert lines[-1].startswith("progress: 1 of 2 chunks, 1 failed, 0 B of 8.0 kB")


async def test_json_lines_go_with_the_others(capsys: pytest.CaptureFixture[str]) -> None:
    for as_json in (True, False):
        async with Watch(Style.JSON, Output(json=as_json)) as watch:
            watch.planned(job("nvr"), [chunk(0, 4_000)])
        out, err = capsys.readouterr()
        line = json.loads(out if as_json else err)
        assert (line["type"], line["device"], line["bytes"]) == ("progress", "nvr", 4_000)


async def test_an_interval_that_is_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIKCORE_PROGRESS_INTERVAL", "soon")
    with pytest.raises(ConfigurationError, match="HIKCORE_PROGRESS_INTERVAL"):
        async with Watch(Style.LINES, Output(json=False)):
            pass


async def test_bars_are_drawn(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    async with Watch(Style.BAR, Output(json=False)) as watch:
        for device in ("nvr-a", "nvr-b"):
            watch.planned(job(device), [chunk(0, 4_000)])
            watch.done(job(device), Outcome(chunk(0, 4_000), "held"))
    err = capsys.readouterr().err
    for name in ("nvr-a 1/1", "nvr-b 1/1", "total 2/2"):
        assert name in err
