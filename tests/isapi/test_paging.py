"""Every row once and none lost, however the device pages."""

from __future__ import annotations

import itertools
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hikcore.errors import DeviceError, DeviceProtocolError
from hikcore.instants import NS, format_instant, parse_instant
from hikcore.sources.isapi import paging
from hikcore.sources.isapi.literal import digits
from hikcore.sources.isapi.paging import Lister, Listing
from hikcore.sources.isapi.search import Page, parse
from hikcore.sources.isapi.settings import Settings
from hikcore.sources.isapi.status import error_of
from hikcore.sources.turns import Turns
from tests.isapi.conftest import recorded
from tests.isapi.pager import File, Pager

BEGIN = 1_790_000_000
DAY = 86_400


def reading(ask: Callable[[bytes], Awaitable[bytes]]) -> Callable[[bytes], Awaitable[Page]]:
    """Replies as the source reads them."""

    async def page(body: bytes) -> Page:
        return parse(await ask(body), "device")

    return page


def lister(pager: Pager, **extra: Any) -> Lister:
    async def ask(body: bytes) -> bytes:
        return pager.answer(body)

    return Lister(reading(ask), Turns(1), replace(Settings(), **extra), "device")


async def listed(
    pager: Pager, track: int = 101, begin: int = BEGIN, end: int = BEGIN + DAY, **extra: Any
) -> Listing:
    return await lister(pager, **extra).listing(track, begin * NS, end * NS)


def files_of(listing: Listing) -> list[File]:
    return [File(row.track, digits(row.begin) // NS, digits(row.end) // NS) for row in listing.rows]


def expected(pager: Pager, track: int, begin: int, end: int) -> set[File]:
    return {f for f in pager.files if f.track == track and f.begin <= end and begin <= f.end}


@st.composite
def disks(draw: st.DrawFn) -> list[File]:
    """Files in a row that overlap by up to 3 s or leave holes, a few within others."""
    at, out = BEGIN - 500, []
    for length, step in draw(
        st.lists(st.tuples(st.integers(5, 2000), st.integers(-3, 900)), max_size=60)
    ):
        out.append(File(101, at, at + length))
        at += max(1, length + step)
    if out and draw(st.booleans()):
        whole = draw(st.sampled_from(out))
        out.append(File(101, whole.begin + 1, whole.end - 1))
    return out


@settings(max_examples=100, deadline=None)
@given(
    files=disks(),
    cap=st.integers(1, 50),
    overlap=st.integers(0, 3),
    status=st.sampled_from(["true", "OK"]),
    length=st.integers(1, 3 * DAY),
    window=st.sampled_from([3600, DAY]),
)
async def test_every_row_once_where_the_position_is_read(
    files: list[File], cap: int, overlap: int, status: str, length: int, window: int
) -> None:
    pager = Pager(files, cap=cap, overlap=min(overlap, cap - 1), status=status)
    found = await listed(pager, end=BEGIN + length, window=window * NS)
    rows = files_of(found)
    assert len(rows) == len(set(rows))
    assert set(rows) == expected(pager, 101, BEGIN, BEGIN + length)
    assert found.complete


@settings(max_examples=60, deadline=None)
@given(files=disks(), cap=st.integers(8, 40), status=st.sampled_from(["true", "OK"]))
async def test_no_row_lost_where_the_position_is_ignored(
    files: list[File], cap: int, status: str
) -> None:
    pager = Pager(files, cap=cap, status=status, position="notThisOne")
    found = await listed(pager)
    rows = files_of(found)
    assert len(rows) == len(set(rows))
    assert set(rows) == expected(pager, 101, BEGIN, BEGIN + DAY)
    assert found.complete


@given(files=disks(), limit=st.integers(8, 40))
@settings(max_examples=50, deadline=None)
async def test_a_query_that_ends_silently_at_its_cap_is_cut(files: list[File], limit: int) -> None:
    pager = Pager(files, cap=7, query_cap=limit)
    before, paging._QUERY_CAP = paging._QUERY_CAP, limit  # type: ignore[misc]
    try:
        found = await listed(pager)
    finally:
        paging._QUERY_CAP = before  # type: ignore[misc]
    assert found.complete
    assert set(files_of(found)) == expected(pager, 101, BEGIN, BEGIN + DAY)


def rows_of(count: int, track: int = 101) -> list[File]:
    return [File(track, BEGIN + 600 * n, BEGIN + 600 * n + 601) for n in range(count)]


async def test_one_search_id_for_the_pages_of_a_query_and_positions_by_items() -> None:
    pager = Pager(rows_of(100), cap=40)
    await listed(pager)
    ids = [re.search("<searchID>(.*?)<", text)[1] for text in pager.asked]  # type: ignore[index]
    places = [
        re.search("<searchResultPostion>(.*?)<", text)[1]  # type: ignore[index]
        for text in pager.asked
    ]
    assert len(set(ids)) == 1
    assert re.fullmatch(r"[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}", ids[0])
    assert places == ["0", "40", "80", "100"]
    await listed(pager)
    assert re.search("<searchID>(.*?)<", pager.asked[-1])[1] != ids[0]  # type: ignore[index]


async def test_a_container_that_is_ignored_is_found_out_by_the_reply() -> None:
    pager = Pager(rows_of(5, 201) + rows_of(7, 101), container="trackList")
    assert files_of(await listed(pager, 201)) == rows_of(5, 201)
    assert "<trackIDList>" in pager.asked[0]
    assert all("<trackList>" in text for text in pager.asked[1:])


async def test_a_container_that_is_ignored_is_found_out_by_an_empty_101() -> None:
    pager = Pager(rows_of(5, 201), container="trackList")
    assert files_of(await listed(pager, 201)) == rows_of(5, 201)


async def test_a_track_that_is_read_in_no_known_form_is_an_error() -> None:
    pager = Pager(rows_of(5, 101), container="neither")
    with pytest.raises(DeviceProtocolError, match="asked for track 301, it lists track 101"):
        await listed(pager, 301)


@pytest.mark.parametrize(
    ("refused", "accepted"),
    [
        ("<metadataList>", "without metadata"),
        ("<trackIDList>", "in trackList"),
        ("<searchID>[0-9A-F]", "with braces"),
        ("^<CMSearch", "with a declaration"),
    ],
)
async def test_refused_forms_are_stepped_over_and_remembered(refused: str, accepted: str) -> None:
    pager = Pager(rows_of(5))
    if "braces" in accepted or "trackList" in accepted:
        pager.container = "trackList"

    async def ask(body: bytes) -> bytes:
        if re.search(refused, body.decode()):
            raise error_of(400, recorded("hikvision_ds-7616nxi_v4.84_badxml.xml"), "") or Exception
        return pager.answer(body)

    one = Lister(reading(ask), Turns(1), Settings(), "device")
    assert len((await one.listing(101, BEGIN * NS, (BEGIN + DAY) * NS)).rows) == 5, accepted
    before = len(pager.asked)
    await one.listing(101, BEGIN * NS, (BEGIN + DAY) * NS)
    assert len(pager.asked) == before + 2  # a page and the empty one after it; nothing refused


async def test_a_device_error_on_a_wide_window_halves_it() -> None:
    pager = Pager(rows_of(60))
    error = recorded("hikvision_nvr_v4.61_deviceerror.xml")

    async def ask(body: bytes) -> bytes:
        first, last = re.findall(r"<(?:start|end)Time>([^<]+)<", body.decode())
        if digits(last) - digits(first) > 4 * 3600 * NS:
            raise error_of(500, error, "") or Exception
        return pager.answer(body)

    one = Lister(reading(ask), Turns(1), Settings(), "device")
    found = await one.listing(101, BEGIN * NS, (BEGIN + DAY) * NS)
    assert set(files_of(found)) == set(pager.files)
    assert found.complete


async def test_a_device_that_repeats_for_ever_costs_a_bounded_number_of_requests() -> None:
    pager = Pager(rows_of(100), cap=3, status="MORE", position="notThisOne")
    found = await listed(pager)
    assert not found.complete
    assert len(pager.asked) < 1100


async def test_a_refusal_is_an_error_not_an_empty_answer() -> None:
    async def ask(body: bytes) -> bytes:
        raise error_of(403, recorded("hikvision_nvr_v4.1.18_notsupport.xml"), "") or Exception

    with pytest.raises(DeviceError, match="notSupport"):
        await Lister(reading(ask), Turns(1), Settings(), "device").listing(101, 0, NS)


class Offset(Pager):
    """Takes questions for UTC and answers in local time with an offset; or without a reason."""

    suffix = b"+05:00"

    def answer(self, body: bytes) -> bytes:
        def local(found: re.Match[bytes]) -> bytes:
            moved = parse_instant(found[1].decode()) + 5 * 3600 * NS
            return format_instant(moved, 0).removesuffix("Z").encode() + self.suffix + b"</"

        return re.sub(rb"(\d{4}-\S{14}Z)</", local, super().answer(body))


async def test_answers_of_another_time_than_was_asked() -> None:
    pager = Offset(rows_of(60), cap=7)
    begin, end = BEGIN + 5 * 3600, BEGIN + 8 * 3600  # as its answers tell them
    found = {file.begin - 5 * 3600 for file in files_of(await listed(pager, begin=begin, end=end))}
    assert found >= {f.begin for f in expected(pager, 101, BEGIN, BEGIN + 3 * 3600)}
    pager.suffix = b"Z"
    pager.files = pager.files[:6]
    with pytest.raises(DeviceProtocolError, match=r"asked for .* it lists"):
        await listed(pager, begin=BEGIN, end=BEGIN + 3600)


def test_literal_digits_are_read_in_every_spelling() -> None:
    texts = [
        "20260927T001202Z",
        "2026-09-27T00:12:02Z",
        "2026-09-27 00:12:02Z",
        "2026-09-27T00:12:02",
        "2026-09-27T00:12:02+08:00",
        "2026-09-27T00:12:02-0300",
    ]
    assert len(set(map(digits, texts))) == 1
    for pair in itertools.pairwise(map(digits, ["2026-09-27T00:12:02Z", "2026-09-27T00:12:03Z"])):
        assert pair[1] - pair[0] == NS
    with pytest.raises(ValueError, match="not a time"):
        digits("gestern")


async def test_an_answer_to_another_search_is_not_taken_for_this_one() -> None:
    """Sent twice, the empty answer of one day would be read as that of the next."""
    pager, late = Pager(rows_of(3)), list[bytes]()
    last = b""

    async def ask(body: bytes) -> bytes:
        nonlocal last
        answer = pager.answer(body).decode()
        ident = re.search("<searchID>(.*?)<", body.decode())[1].lower()  # type: ignore[index]
        named = re.sub(r"(<CMSearchResult[^>]*>)", rf"\1<searchID>{{{ident}}}</searchID>", answer)
        last = named.encode()
        return late.pop() if late else last

    lists = Lister(reading(ask), Turns(1), Settings(), "device")
    day = DAY * NS
    before = await lists.listing(101, BEGIN * NS - 9 * day, BEGIN * NS - 8 * day)
    assert not before.rows
    late.append(last)
    found = await lists.listing(101, BEGIN * NS, BEGIN * NS + day)
    assert late == []
    assert set(files_of(found)) == set(rows_of(3))


async def test_a_device_with_search_ids_of_its_own_is_believed_in_the_end() -> None:
    pager = Pager(rows_of(3))

    async def ask(body: bytes) -> bytes:
        answer = pager.answer(body).decode()
        return re.sub(r"(<CMSearchResult[^>]*>)", r"\1<searchID>1</searchID>", answer).encode()

    found = await Lister(reading(ask), Turns(1), Settings(), "device").listing(
        101, BEGIN * NS, (BEGIN + DAY) * NS
    )
    assert found.complete
    assert set(files_of(found)) == set(rows_of(3))
