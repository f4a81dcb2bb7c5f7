"""Requests and replies of a search, byte for byte as devices speak them."""

from __future__ import annotations

from xml.etree.ElementTree import fromstring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hikcore.errors import DeviceProtocolError
from hikcore.instants import parse_instant
from hikcore.sources.isapi import search
from hikcore.sources.isapi.dialect import SEARCH_LADDER, SearchDialect
from tests.isapi.conftest import recorded
from tests.isapi.pager import File, item

URI = (
    "rtsp://10.7.64.104/Streaming/tracks/101/?starttime=20260927T001202Z"
    "&endtime=20260927T002938Z&name=00000000616000000&size=1066003740"
)


def test_rows_are_verbatim() -> None:
    page = search.parse(recorded("hikvision_nvr-doc_v4.30_search.xml"), "nvr")
    assert page.more
    first, second = page.rows
    assert first == search.SearchRow(
        101, "2026-09-27T00:12:02Z", "2026-09-27T00:29:38Z", URI, "00000000616000000", 1066003740
    )
    assert second.uri.startswith("rtsp://10.7.64.104:90/Streaming/tracks/101?starttime=")
    assert second.size == 1065112004


@pytest.mark.parametrize("name", ["hikvision_ds-2cd2185fwd-i_v5.6.3_search-empty.xml"])
def test_no_matches(name: str) -> None:
    page = search.parse(recorded(name), "")
    assert (page.rows, page.more) == ((), False)


@pytest.mark.parametrize(
    "element", ["responseStatusStrg", "responseStatusStrip", "responseStatusStrp"]
)
def test_the_status_in_every_spelling(element: str) -> None:
    body = f"<CMSearchResult><{element}>MORE</{element}></CMSearchResult>"
    assert search.parse(body.encode(), "").more


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no",
        b"<html/>",
        b"<DeviceInfo/>",
        b"<CMSearchResult><matchList><searchMatchItem/></matchList></CMSearchResult>",
    ],
)
def test_what_is_no_result_is_an_error(body: bytes) -> None:
    with pytest.raises(DeviceProtocolError):
        search.parse(body, "nvr")


def test_the_plain_request() -> None:
    body = search.build(
        SEARCH_LADDER[0],
        search_id="88C2CD4D-D3FA-4AD4-BD80-555C18205DCC",
        track=101,
        begin=parse_instant("2021-08-16T00:00:00Z"),
        end=parse_instant("2021-08-18T23:59:59Z"),
        position=40,
        page=100,
    )
    assert body == (
        b'<CMSearchDescription version="1.0"><searchID>88C2CD4D-D3FA-4AD4-BD80-555C18205DCC'
        b"</searchID><trackIDList><trackID>101</trackID></trackIDList><timeSpanList><timeSpan>"
        b"<startTime>2021-08-16T00:00:00Z</startTime><endTime>2021-08-18T23:59:59Z</endTime>"
        b"</timeSpan></timeSpanList><maxResults>100</maxResults>"
        b"<searchResultPostion>40</searchResultPostion><metadataList><metadataDescriptor>"
        b"//recordType.meta.std-cgi.com</metadataDescriptor></metadataList></CMSearchDescription>"
    )


@pytest.mark.parametrize("dialect", SEARCH_LADDER)
def test_every_dialect_is_well_formed(dialect: SearchDialect) -> None:
    body = search.build(dialect, search_id="X", track=1, begin=0, end=10**9, position=0, page=1)
    assert fromstring(body).tag.endswith("CMSearchDescription")


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=60))
def test_a_uri_goes_back_whole_and_escaped_once(tail: str) -> None:
    uri = URI + "&extra=" + tail
    element = fromstring(search.download_body(uri))
    assert element.findtext("playbackURI") == uri


def test_a_uri_survives_the_way_from_reply_to_request() -> None:
    page = search.parse(recorded("hikvision_nvr-doc_v4.30_search.xml"), "")
    body = search.download_body(page.rows[0].uri)
    assert body.count(b"&amp;") == 3
    assert b"amp;amp" not in body
    assert b"\n" not in body


def test_a_locator_holds_no_credentials() -> None:
    text = item(File(101, 0, 5)).replace("rtsp://", "rtsp://admin:geheim@")
    body = f"<CMSearchResult><matchList>{text}</matchList></CMSearchResult>"
    row = search.parse(body.encode(), "").rows[0]
    assert "geheim" not in repr(row)
    assert row.uri.startswith("rtsp://192.0.2.1/")
