"""Answers that are not as the documents say: what of them is read all the same."""

from __future__ import annotations

from typing import Any
from xml.etree.ElementTree import Element

import pytest

from hikcore.errors import DeviceProtocolError, DeviceRefused
from hikcore.sources.isapi import search, xml
from hikcore.sources.isapi.cameras import list_cameras
from tests.isapi.pager import File, item

ROW = item(File(101, 0, 60))


def page(items: str, head: str = "", encoding: str = "utf-8") -> search.Page:
    body = f"{head}<CMSearchResult><matchList>{items}</matchList></CMSearchResult>"
    return search.parse(body.encode(encoding), "nvr")


@pytest.mark.parametrize(
    "head",
    [
        "\ufeff",
        "\ufeff\r\n",
        '\ufeff<?xml version="1.0" encoding="UTF-8"?>',
        '\r\n\r\n<?xml version="1.0" encoding="utf-8"?>',
        '<?xml version="1.0" encoding="UTF8"?>',
        "<?xml version='1.0'?><!-- of its web server -->",
    ],
)
def test_what_stands_before_an_answer(head: str) -> None:
    assert page(ROW, head).rows == page(ROW).rows


def test_ampersands_that_are_not_escaped() -> None:
    assert page(ROW.replace("&amp;", "&")).rows == page(ROW).rows


def test_a_uri_in_a_cdata_section() -> None:
    raw = ROW.replace("&amp;", "&").replace("<playbackURI>", "<playbackURI><![CDATA[")
    assert page(raw.replace("</playbackURI>", "]]></playbackURI>")).rows == page(ROW).rows


def test_prefixes() -> None:
    known = ROW.replace("<", "<hik:").replace("<hik:/", "</hik:")
    assert page(known).rows == page(ROW).rows  # of no namespace
    body = f'<hik:CMSearchResult xmlns:hik="urn:x"><hik:m>{known}</hik:m></hik:CMSearchResult>'
    assert search.parse(body.encode(), "").rows == page(ROW).rows


@pytest.mark.parametrize(
    ("name", "declared", "encoding"),
    [
        ("摄像机12", "GB2312", "gb2312"),
        ("摄像机12", "gbk", "gbk"),
        ("攝影機", "Big5", "big5"),
        ("Камера", "windows-1251", "cp1251"),
        ("Küche", "ISO-8859-1", "latin-1"),
        ("摄像机12", "gb2312", "utf-8"),  # it says so, and writes UTF-8
    ],
)
def test_names_in_the_charset_that_is_declared(name: str, declared: str, encoding: str) -> None:
    body = f'<?xml version="1.0" encoding="{declared}"?>\n<a><name>{name}</name></a>'
    assert xml.text(xml.parse(body.encode(encoding)), "name") == name


@pytest.mark.parametrize(
    "name", [b"K\xfcche & Bad", b"\xc9\xe3\xcf\xf1\xbb\xfa", b"cut \xe6\x91", b"\x01\x02"]
)
def test_names_in_no_charset_spoil_no_answer(name: bytes) -> None:
    body = b'<?xml version="1.0" encoding="UTF-8"?><a><id>3</id><name>' + name + b"</name></a>"
    assert xml.text(xml.parse(body), "id") == "3"


@pytest.mark.parametrize(
    "body", [b"<a><b></a>", b"", b"&", b"<a>" * 3, b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>']
)
def test_what_is_no_xml_stays_none(body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  what the parser says is its own
        xml.parse(body)


def test_no_entity_is_expanded_on_the_second_reading() -> None:
    body = b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>& &x;</a>'
    with pytest.raises(ValueError):  # noqa: PT011  what the parser says is its own
        xml.parse(body)


def test_a_row_without_address_is_listed() -> None:
    """A client's tests have such (`searchResultSkipsAnItemWithNoPlayableAddress`): to skip it would
    tell that nothing was recorded, to fail would lose the day."""
    start = ROW.index("<playbackURI>") + len("<playbackURI>")
    bare = ROW[:start] + ROW[ROW.index("</playbackURI>") :]
    first, second = page(bare + ROW).rows
    assert second == page(ROW).rows[0]
    assert (first.begin, first.end, first.size) == (second.begin, second.end, None)
    assert first.uri == (
        "rtsp://0.0.0.0/Streaming/tracks/101/?starttime=19700101T000000Z&endtime=19700101T000100Z"
    )


def test_a_row_whose_end_stands_in_its_address_alone() -> None:
    bare = ROW.replace("<endTime>1970-01-01T00:01:00Z</endTime>", "<endTime/>")
    assert page(bare).rows[0].end == "1970-01-01T00:01:00Z"


def test_a_row_with_its_times_in_no_span() -> None:
    flat = ROW.replace("<timeSpan>", "").replace("</timeSpan>", "")
    flat = flat.replace("<mediaSegmentDescriptor>", "").replace("</mediaSegmentDescriptor>", "")
    assert page(flat).rows == page(ROW).rows


def test_a_row_of_no_time_is_an_error() -> None:
    with pytest.raises(DeviceProtocolError, match="without times"):
        page("<searchMatchItem><trackID>101</trackID></searchMatchItem>")


PROXY = (
    "<L><InputProxyChannel><id>{0}</id><name>{0}</name></InputProxyChannel>"
    "<InputProxyChannel><id>{1}</id><name>{1}</name></InputProxyChannel></L>"
)


@pytest.mark.parametrize(
    ("states", "online"),
    [
        (
            "<S><id>1</id><online>true</online></S><S><id>2</id><online>false</online></S>",
            [True, False],
        ),
        ("<S><id>1</id></S><S><id>2</id><online/></S>", [None, None]),
        ("<S><id>1</id><d><online>true</online></d></S>", [True, None]),
        ("<S><id>1</id><online>TRUE</online></S><S><id/><online>true</online></S>", [True, None]),
    ],
)
async def test_a_state_that_is_not_told_is_not_offline(states: str, online: list[Any]) -> None:
    async def get(path: str) -> Element:
        if path.endswith("status"):
            told = states.replace("<S>", "<InputProxyChannelStatus>")
            told = f"<L>{told.replace('</S>', '</InputProxyChannelStatus>')}</L>"
            return xml.parse(told.encode())
        if path.endswith("InputProxy/channels"):
            return xml.parse(PROXY.format(1, 2).encode())
        raise DeviceRefused("notSupport", where=path)

    assert [camera.online for camera in await list_cameras(get)] == online
