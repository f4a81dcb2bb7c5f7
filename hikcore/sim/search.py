"""ContentMgmt/search and the playbackURIs that it gives out."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree.ElementTree import Element, ParseError
from xml.sax.saxutils import escape

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from hikcore.instants import DAY, NS, Span, parse_instant, to_datetime
from hikcore.sim.http import Response
from hikcore.sim.profile import Profile
from hikcore.sim.recordings import StoredFile
from hikcore.sim.vault import Vault
from hikcore.sim.xml import Writer, tags

_GUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_MS = 1_000_000
#: The firmware's time is 32 bits wide.
_LATEST = parse_instant("2038-01-19T03:14:07Z")


class Refused(Exception):
    """The request is understood and not served.

    Args:
        reason: `format` or `content` of the XML, `track`, `gone`, `device` (it gave up).
        text: what the device adds.
    """

    def __init__(self, reason: str, text: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.text = text


@dataclass(frozen=True)
class Query:
    """A search as the dialect understood it."""

    search_id: str
    track: int
    span: Span
    most: int
    position: int


def parse(body: bytes) -> Element:
    """The root of a request's XML.

    Raises:
        Refused: it is not XML.
    """
    try:
        root: Element = fromstring(body)
    except (ParseError, DefusedXmlException, ValueError):
        raise Refused("format") from None
    return root


def find(root: Element, *names: str) -> Element | None:
    """Down by local names, one level each."""
    at: Element | None = root
    for name in names:
        at = next((child for child in at if local(child) == name), None) if at is not None else None
    return at


def local(element: Element) -> str:
    """A tag without its namespace."""
    return element.tag.rpartition("}")[2]


def text(root: Element, *names: str) -> str:
    """The text of an element, empty where it is not there."""
    found = find(root, *names)
    return (found.text or "").strip() if found is not None else ""


def from_target(query: str) -> str:
    """The playbackURI in a query string, quoted or (as some clients send it) raw.

    A raw one goes to the end, a parameter `onlyVerification` aside: its own `&` are part of it.
    """
    given = query.partition("playbackURI=")[2]
    if given.lower().startswith("rtsp%3a"):
        return unquote(given.partition("&")[0])
    return re.sub(r"&onlyVerification=\w+$", "", given)


class Searches:
    """Answers searches; keeps what each searchID found, so that its pages fit together.

    Args:
        profile: of the recorder.
        vaults: by channel.
        address: host of playbackURIs.
        xml: writes the answers.
    """

    def __init__(
        self, profile: Profile, vaults: Mapping[int, Vault], address: str, xml: Writer
    ) -> None:
        self._xml = xml
        self._profile = profile
        self._vaults = vaults
        self._address = address
        self._found: OrderedDict[str, list[tuple[int, StoredFile]]] = OrderedDict()

    def read(self, body: bytes) -> Query:
        """Understand a request.

        Raises:
            Refused: XML or searchID of a kind that this firmware does not take.
        """
        dialect, root = self._profile.dialect, parse(body)
        search_id = text(root, "searchID")
        bare = search_id.strip("{}")
        braced = search_id == "{" + bare + "}"
        if dialect.search_id != "any" and not _GUID.fullmatch(bare):
            raise Refused("content", "Tag 13 is invalid")
        if dialect.search_id == "braces" and not braced:
            raise Refused("content", "Tag 13 is invalid")
        span = find(root, "timeSpanList", "timeSpan")
        if span is None:
            raise Refused("content", "no timeSpan")
        # A container of the other dialect is passed over in silence, and 101 is searched.
        track = text(root, dialect.container, "trackID") or "101"
        try:
            begin, end = self._instant(span, "startTime"), self._instant(span, "endTime")
            if dialect.widest_days and end - begin > dialect.widest_days * DAY:
                raise Refused("device", "Tag 13 is invalid")
            return Query(
                bare.lower(),
                int(track),
                Span(begin, end),
                max(1, min(int(text(root, "maxResults") or 40), dialect.page_cap)),
                max(0, int(text(root, dialect.position) or 0)),
            )
        except ValueError:
            raise Refused("content", "bad number or time") from None

    def find(self, query: Query, now: int) -> tuple[list[tuple[int, StoredFile]], int]:
        """(one page of files by track, how many there are in all).

        Raises:
            Refused: the track is not there and the dialect minds.
        """
        channel, stream = divmod(query.track, 100)
        vault = self._vaults.get(channel)
        if vault is None and self._profile.dialect.bad_track == "refused":
            raise Refused("track", "Invalid track id.")
        if query.position == 0 or query.search_id not in self._found:
            # Sub-streams are live only: nothing of them is on the disks.
            files = vault.files(query.span, now) if vault is not None and stream == 1 else []
            self._found[query.search_id] = [(query.track, file) for file in files]
            while len(self._found) > 64:
                self._found.popitem(last=False)
        found = self._found[query.search_id]
        return found[query.position : query.position + query.most], len(found)

    def answer(self, body: bytes, now: int) -> Response:
        """The CMSearchResult of a request.

        Raises:
            Refused: see `read` and `find`.
        """
        dialect = self._profile.dialect
        query = self.read(body)
        items, total = self.find(query, now)
        word = "OK" if items else "NO MATCHES"
        if query.position + len(items) < total and items:
            word = dialect.full_page
        # Lower-cased and in braces, whatever the request's looked like (a device fact).
        parts = [tags(searchID="{" + query.search_id + "}", responseStatus=True)]
        parts.append(tags(**{dialect.status: word}))
        parts.append(tags(numOfMatches=total if dialect.matches == "total" else len(items)))
        if dialect.total:
            parts.append(tags(totalMatches=total))
        rows = [self.item(track, file) for track, file in items]
        if rows or dialect.empty == "blank":
            parts += ["<matchList>", *rows, "</matchList>"]
        return self._xml.document("CMSearchResult", "\n".join(parts))

    def item(self, track: int, file: StoredFile) -> str:
        """One searchMatchItem."""
        begin, end = self.literal(file.begin_ms), self.literal(file.listed_ms)
        return (
            "<searchMatchItem><sourceID>{00000000-0000-0000-0000-000000000000}</sourceID>"
            f"<trackID>{track}</trackID>"
            f"<timeSpan><startTime>{begin}</startTime><endTime>{end}</endTime></timeSpan>"
            "<mediaSegmentDescriptor><contentType>video</contentType>"
            f"<codecType>{escape(self._profile.dialect.codec_type)}</codecType>"
            f"<playbackURI>{escape(self.uri(track, file))}</playbackURI>"
            "</mediaSegmentDescriptor><metadataMatches><metadataDescriptor>"
            "recordType.meta.hikvision.com/timing</metadataDescriptor></metadataMatches>"
            "</searchMatchItem>"
        )

    def uri(self, track: int, file: StoredFile) -> str:
        """The playbackURI of a file."""
        dialect = self._profile.dialect
        host = dialect.uri_host or self._address
        port = f":{dialect.uri_port}" if dialect.uri_port else ""
        begin, end = (
            self.literal(ms).replace("-", "").replace(":", "")
            for ms in (file.begin_ms, file.listed_ms)
        )
        return (
            f"rtsp://{host}{port}/Streaming/tracks/{track}{'/' if dialect.uri_slash else ''}"
            f"?starttime={begin}&endtime={end}&name={file.name}"
            f"&size={self._vaults[file.channel].size(file)}"
        )

    def locate(self, uri: str, now: int) -> StoredFile:
        """The file that a playbackURI names.

        Raises:
            Refused: not a whole URI as this recorder gives them, or the file is gone.
        """
        parts = urlsplit(uri)
        match = re.fullmatch(r"/Streaming/tracks/(\d+)/?", parts.path)
        given = parse_qs(parts.query)
        if match is None or not {"starttime", "endtime", "name", "size"} <= given.keys():
            raise Refused("content", "bad playbackURI")
        channel, stream = divmod(int(match.group(1)), 100)
        vault = self._vaults.get(channel)
        if vault is None or stream != 1:
            raise Refused("track", "Invalid track id.")
        file = vault.schedule.by_name(given["name"][0], now // _MS)
        if file is None:
            raise Refused("gone")
        return file

    def literal(self, ms: int) -> str:
        """An instant as listings write it: whole seconds, always a Z."""
        at = self._profile.clock.device_clock.utc_to_literal(ms * _MS)
        return to_datetime(at // NS * NS).strftime("%Y-%m-%dT%H:%M:%SZ")

    def _instant(self, span: Element, name: str) -> int:
        literal = parse_instant(text(span, name))
        if literal > _LATEST:
            raise ValueError("beyond 2038")
        return self._profile.clock.device_clock.literal_to_utc(literal)
