"""Refusals that are not of what was asked: of how many rows, and of the moment."""

from __future__ import annotations

import re

import pytest

from hikcore.errors import DeviceRefused
from hikcore.sources.isapi import search
from hikcore.sources.isapi.dialect import SearchDialect
from hikcore.sources.isapi.dialects import Dialects
from hikcore.sources.isapi.paging import Lister
from hikcore.sources.isapi.status import error_of
from hikcore.sources.turns import Turns
from tests.isapi.conftest import QUICK, MakeSource, recorded
from tests.isapi.device import Asked, Device, Reply
from tests.isapi.pager import File, Pager
from tests.isapi.test_fetch import BODY, DOWNLOAD, VIDEO, fetch

BAD = recorded("hikvision_nvr_unknown_picture-badxml.xml")
FILES = [File(track, n * 60, n * 60 + 60) for track in (101, 201) for n in range(90)]


def lister(pager: Pager, most: int, dialects: Dialects) -> Lister:
    """Of a device that refuses to be asked for more rows than so many."""

    async def ask(body: bytes) -> search.Page:
        wanted = re.search(rb"<maxResults>(\d+)<", body)
        assert wanted is not None
        if int(wanted[1]) > most:
            error = error_of(400, BAD, "nvr")
            assert error is not None
            raise error
        return search.parse(pager.answer(body), "nvr")

    return Lister(ask, Turns(1), QUICK, "nvr", dialects)


@pytest.mark.parametrize("container", ["trackIDList", "trackList"])
@pytest.mark.parametrize("most", [40, 50, 64])
async def test_more_rows_than_a_device_gives_at_once(container: str, most: int) -> None:
    """`maxResults` of 100 is badParameters to some firmware, whatever else the question holds."""
    pager = Pager(FILES, cap=most, container=container)
    known = Dialects()
    for track in (101, 201):
        found = await lister(pager, most, known).listing(track, 0, 90 * 60 * 10**9)
        assert found.complete
        assert len(found.rows) == 90
        assert {row.track for row in found.rows} == {track}
    assert known.search is not None
    assert (known.search.most, known.search.container) == (40, container)
    assert "at most 40 rows" in known.search.words
    assert len(pager.asked) < 100


async def test_a_device_that_gives_a_hundred_is_asked_for_a_hundred() -> None:
    pager = Pager(FILES, cap=100)
    known = Dialects()
    await lister(pager, 100, known).listing(101, 0, 90 * 60 * 10**9)
    assert known.search == SearchDialect()


def moody(refusals: int) -> object:
    """Serves the first download, refuses so many, and serves the next."""
    asked = 0

    def answer(_: Asked) -> Reply:
        nonlocal asked
        asked += 1
        if 1 < asked <= 1 + refusals:
            return Reply(400, BAD)
        return Reply(body=BODY, kind=VIDEO)

    return answer


@pytest.mark.parametrize("refusals", [1, 2])
async def test_a_request_that_is_refused_between_two_that_are_served(
    device: Device, source: MakeSource, refusals: int
) -> None:
    """A recorder answers 400 now and then to one download right after another; the same request is
    served a moment later (two clients test for it). No other form of it is tried."""
    device.handlers["GET", DOWNLOAD] = moody(refusals)  # type: ignore[assignment]
    one = source()
    for _ in range(2):
        assert (await fetch(one))[1] == BODY
    assert len({(asked.method, asked.body) for asked in device.asked if asked.login == "good"}) == 1


async def test_a_request_that_stays_refused(device: Device, source: MakeSource) -> None:
    device.handlers["GET", DOWNLOAD] = moody(10**9)  # type: ignore[assignment]
    one = source()
    await fetch(one)
    before = device.count("good")
    with pytest.raises(DeviceRefused, match="badXmlContent"):
        await fetch(one)
    assert device.count("good") - before == 3
