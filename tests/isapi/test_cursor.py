"""A device that keeps the position of a search itself, by its id.

The notes of a client on its DVR DS-7208HQHI-K1 V4.30.300: the identical request with the same
searchID gives the next page. A page that is lost on the way is then given to nobody.
"""

from __future__ import annotations

import re

import pytest

from hikcore.instants import NS, Span
from tests.isapi.conftest import MakeSource
from tests.isapi.device import Asked, Device, Reply, Reset
from tests.isapi.pager import File, Pager
from tests.isapi.test_login import PATIENT

SEARCH = "/ISAPI/ContentMgmt/search"
TIME = (
    b"<Time><localTime>1970-01-01T05:00:00+00:00</localTime><timeZone>CST-0:00:00</timeZone></Time>"
)
NOW = 5 * 3600 * NS


class Cursor(Pager):
    """Gives the next page for every request of one id, whatever position it asks for."""

    def __init__(self, files: list[File], cap: int) -> None:
        super().__init__(files, cap)
        self.at: dict[str, int] = {}

    def answer(self, body: bytes) -> bytes:
        found = re.search(r"<searchID>([^<]+)<", body.decode())
        assert found is not None
        at = self.at.get(found[1], 0)
        self.at[found[1]] = at + self.cap
        position = f"<searchResultPostion>{at}<".encode()
        return super().answer(re.sub(rb"<searchResultPostion>\d+<", position, body))


@pytest.mark.parametrize("keeps", [True, False])
@pytest.mark.parametrize("files", [0, 7, 90])
@pytest.mark.parametrize("lost", [0, 1, 2, 3, 5, 6])
async def test_a_page_that_is_lost_on_the_way(
    device: Device, source: MakeSource, keeps: bool, files: int, lost: int
) -> None:
    there = [File(101, n * 60, n * 60 + 60) for n in range(files)]
    pager = Cursor(there, 20) if keeps else Pager(there, 20)
    asked = 0

    def answer(request: Asked) -> Reply:
        nonlocal asked
        asked += 1
        body = pager.answer(request.body)
        if asked == lost:
            return Reply(body=[body[:100], Reset()], length=len(body))
        return Reply(body=body)

    device.handlers["POST", SEARCH] = answer
    device.handlers["GET", "/ISAPI/System/time"] = Reply(body=TIME)
    one = source(now=lambda: NOW, settings=PATIENT)
    told = await one.recordings(1, "main", Span(0, 5400 * NS))
    assert told.complete
    assert [row.span.begin // NS for row in told.recordings] == [n * 60 for n in range(files)]
    assert asked <= 14


async def test_many_pages_lost(device: Device, source: MakeSource) -> None:
    pager = Cursor([File(101, n * 60, n * 60 + 60) for n in range(90)], 20)
    asked = 0

    def answer(request: Asked) -> Reply:
        nonlocal asked
        asked += 1
        body = pager.answer(request.body)
        if asked in (2, 4, 9, 12, 17):
            return Reply(body=[body[: 50 + asked], Reset()], length=len(body))
        return Reply(body=body)

    device.handlers["POST", SEARCH] = answer
    device.handlers["GET", "/ISAPI/System/time"] = Reply(body=TIME)
    one = source(now=lambda: NOW, settings=PATIENT)
    told = await one.recordings(1, "main", Span(0, 5400 * NS))
    assert [row.span.begin // NS for row in told.recordings] == [n * 60 for n in range(90)]
