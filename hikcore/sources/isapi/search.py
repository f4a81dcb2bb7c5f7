"""ContentMgmt/search without I/O: the request as bytes, a reply as rows.

Of a reply only the items are trustworthy: counts are of the page on some firmware and of the whole
on other, `OK` stands on full pages, the status element is spelt three ways (facts 1.3).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape, quoteattr

from hikcore.errors import DeviceProtocolError
from hikcore.instants import compact_instant, format_instant
from hikcore.sources.isapi import xml
from hikcore.sources.isapi.dialect import DownloadDialect, SearchDialect
from hikcore.sources.isapi.literal import digits

PATH: Final = "/ISAPI/ContentMgmt/search"
_VIDEO: Final = "//recordType.meta.std-cgi.com"
_STATUS_NAMES: Final = ("responseStatusStrg", "responseStatusStrip", "responseStatusStrp")
_PLAIN: Final = DownloadDialect()
_USERINFO: Final = re.compile(r"(?<=://)[^/?#]*@")


@dataclass(frozen=True, slots=True)
class SearchRow:
    """One item: the device's own digits, and what fetches it.

    Attributes:
        track: as the reply says, 0 where it says nothing.
        begin, end: literal, verbatim.
        uri: the playbackURI, whole, without user information and line breaks.
        name, size: of its query.
    """

    track: int
    begin: str
    end: str
    uri: str
    name: str
    size: int | None


@dataclass(frozen=True, slots=True)
class Page:
    """One reply: its rows in order, whether it says that there are more, and the search that it
    says it answers (a GUID in upper case without braces; empty where it says none). `repeated`: it
    was asked for more than once."""

    rows: tuple[SearchRow, ...]
    more: bool
    ident: str = ""
    repeated: bool = False


def build(
    dialect: SearchDialect,
    *,
    search_id: str,
    track: int,
    begin: int,
    end: int,
    position: int,
    page: int,
) -> bytes:
    """The body of one search request.

    Args:
        track: 101, 102, 201 …, whatever the dialect calls it.
        search_id: a GUID in upper case, the same for all pages of a query.
        begin, end: literal times as ns as if UTC, whole seconds.
        position: distinct items received so far.
        page: how many are asked for.
    """
    ident = f"{{{search_id}}}" if dialect.braces else search_id
    tracks = f"<trackID>{dialect.track(track)}</trackID>"
    if dialect.container != "trackID":
        tracks = f"<{dialect.container}>{tracks}</{dialect.container}>"
    metadata = (
        f"<metadataList><metadataDescriptor>{_VIDEO}</metadataDescriptor></metadataList>"
        if dialect.metadata
        else ""
    )
    return (
        f"{_opening('CMSearchDescription', dialect)}"
        f"<searchID>{ident}</searchID>{tracks}"
        f"<timeSpanList><timeSpan><startTime>{format_instant(begin, 0)}</startTime>"
        f"<endTime>{format_instant(end, 0)}</endTime></timeSpan></timeSpanList>"
        f"<maxResults>{page}</maxResults>"
        f"<{dialect.position}>{position}</{dialect.position}>"
        f"{metadata}</CMSearchDescription>"
    ).encode()


def parse(body: bytes, where: str) -> Page:
    """The rows of a reply.

    Raises:
        DeviceProtocolError: not a search result, or a row without times or URI; it carries the
            reply, as another may be whole.
    """
    try:
        root = xml.parse(body)
    except ValueError as error:
        raise DeviceProtocolError(
            f"an answer that is not XML: {error}", where=where, answer=body
        ) from None
    if xml.local(root) != "CMSearchResult":
        raise DeviceProtocolError(
            f"<{xml.local(root)}> where a search result should be", where=where, answer=body
        )
    said = next((xml.text(root, name) for name in _STATUS_NAMES if xml.text(root, name)), "")
    rows = tuple(_row(item, where, body) for item in xml.descendants(root, "searchMatchItem"))
    ident = xml.text(root, "searchID").strip().strip("{}").upper()
    return Page(rows, said.upper() == "MORE", ident)


def _row(item: Element, where: str, body: bytes) -> SearchRow:
    uri = "".join(part.strip() for part in _below(item, "playbackURI").splitlines())
    track, query = _below(item, "trackID"), _query(uri)
    begin = _below(item, "startTime") or query.get("starttime", "")
    end = _below(item, "endTime") or query.get("endtime", "")
    # A row that lacks what fetches it is one recording that cannot be had, not a day of none.
    uri = uri or _address(track, begin, end)
    if not (begin and end and uri):
        raise DeviceProtocolError(
            "a recording without times or playbackURI", where=where, answer=body
        )
    size = query.get("size", "")
    return SearchRow(
        track=int(track) if track.isdecimal() else 0,
        begin=begin,
        end=end,
        uri=_USERINFO.sub("", uri),
        name=query.get("name", ""),
        size=int(size) if re.fullmatch(r"\d{1,18}", size) else None,
    )


def _below(item: Element, name: str) -> str:
    """The text of an element, wherever in the item it stands."""
    found = next(xml.descendants(item, name), None)
    return "".join(found.itertext()).strip() if found is not None else ""


def _address(track: str, begin: str, end: str) -> str:
    """What a recording is played under where the device issued nothing; empty where that needs
    more than is told. Its host is that of no device: the request goes to the one that is asked."""
    try:
        times = [
            compact_instant(digits(text)).partition(".")[0].rstrip("Z") for text in (begin, end)
        ]
    except ValueError:
        return ""
    if not track.isdecimal():
        return ""
    span = f"starttime={times[0]}Z&endtime={times[1]}Z"
    return f"rtsp://0.0.0.0/Streaming/tracks/{track}/?{span}"


def _query(uri: str) -> dict[str, str]:
    """Of the URI; by hand, as `parse_qs` turns the plus of a name into a space."""
    pairs = (part.partition("=") for part in uri.partition("?")[2].split("&"))
    return {key: unquote(value) for key, _, value in pairs}


def download_body(uri: str, dialect: DownloadDialect = _PLAIN) -> bytes:
    """The body of a download request: the URI whole, escaped exactly once (CDATA is refused)."""
    opening = _opening("downloadRequest", dialect)
    return f"{opening}<playbackURI>{escape(uri)}</playbackURI></downloadRequest>".encode()


def _opening(name: str, dialect: SearchDialect | DownloadDialect) -> str:
    declaration = '<?xml version="1.0" encoding="UTF-8"?>' if dialect.declaration else ""
    version = f' version="{dialect.version}"' if dialect.version else ""
    namespace = f" xmlns={quoteattr(dialect.namespace)}" if dialect.namespace else ""
    return f"{declaration}<{name}{version}{namespace}>"
