"""From where a growing recording is played, on recorders whose clock is not ours."""

from __future__ import annotations

from typing import Any

import pytest

from hikcore.errors import DeviceAuthError, DeviceUnreachable, HikcoreError
from hikcore.extract.report import CameraJob
from hikcore.extract.tail import tails, wanted_from
from hikcore.instants import NS, Span, parse_instant
from hikcore.sources.base import Deviation, Recording

NOON = parse_instant("2026-11-20T12:00:00Z")
JOB = CameraJob("home", "door", "main", "nvr", 1)


def growing(begin: int, end: int) -> Recording:
    return Recording(
        channel=1, stream="main", kind="file", literal_begin=str(begin), literal_end=str(end),
        span=Span(begin, end), name="", size=None, growing=True, locator=f"x?{begin}",
    )  # fmt: skip


class Device:
    """Plays tails; its clock is off ours."""

    def __init__(self, offset: int = 0, error: HikcoreError | None = None) -> None:
        self.offset, self.error = offset, error
        self.asked: list[int] = []

    async def deviation(self) -> Deviation:
        return Deviation(self.offset, NS)

    async def tail(self, row: Recording, begin: int) -> Recording | None:
        self.asked.append(begin)
        if self.error is not None:
            raise self.error
        return row

    async def nothing(self, *_: Any) -> Any:
        raise AssertionError

    clock = cameras = recordings = fetch = aclose = nothing


@pytest.mark.parametrize("offset", [0, 600 * NS, -600 * NS])
async def test_a_clock_that_is_minutes_off(offset: int) -> None:
    """Recordings have the device's times: one that began by its clock after now by ours is there
    all the same."""
    row = growing(NOON + offset - 300 * NS, NOON + offset)
    device, faults = Device(offset), []
    found = await tails(JOB, device, [row], [], Span(0, 2 * NOON), NOON, faults)  # type: ignore[arg-type]
    assert [chunk.recording for chunk in found] == [row]
    assert device.asked == [row.span.begin]
    assert faults == []


async def test_what_keeps_a_tail_from_being_played_is_told() -> None:
    rows = [growing(NOON - 300 * NS, NOON), growing(NOON - 200 * NS, NOON)]
    error = DeviceUnreachable("gone")
    faults: list[HikcoreError] = []
    device = Device(error=error)
    assert await tails(JOB, device, rows, [], Span(0, 2 * NOON), NOON, faults) == []  # type: ignore[arg-type]
    assert faults == [error, error]


async def test_a_refused_login_ends_it() -> None:
    """The next growing recording would send it again."""
    rows = [growing(NOON - 300 * NS, NOON), growing(NOON - 200 * NS, NOON)]
    device = Device(error=DeviceAuthError("refused"))
    with pytest.raises(DeviceAuthError):
        await tails(JOB, device, rows, [], Span(0, 2 * NOON), NOON, [])  # type: ignore[arg-type]
    assert len(device.asked) == 1


def test_nothing_of_a_recording_that_has_not_begun() -> None:
    assert wanted_from([], Span(NOON, NOON + NS), NOON) is None
    assert wanted_from([], Span(NOON, NOON + 9 * NS), NOON + 5 * NS) == NOON
