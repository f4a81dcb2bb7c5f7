"""What clients ask of ContentMgmt, read as one firmware reads it: strict here, deaf there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from random import Random
from urllib.parse import unquote
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from hikcore.deviceclock import DeviceClock
from hikcore.instants import DAY, Span, parse_instant
from hikcore.sim.dialect import Dialect, Form
from hikcore.sim.when import resolve

_GUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
#: The firmware's time is 32 bits wide.
_LATEST = parse_instant("2038-01-19T03:14:07Z")
#: What NVRs say of forms that they do not take (facts: V4.84.101, DS-7616NI-E2).
_TAG = "Tag 13 is invalid (two root tags)"


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
    tracks: tuple[int, ...]
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


def strictly(body: bytes, dialect: Dialect) -> Element:
    """The root of a request whose form this firmware takes.

    Raises:
        Refused: it is not XML, or has or lacks what the firmware refuses or demands.
    """
    root = parse(body)
    forms: tuple[tuple[Form, bool], ...] = (
        (dialect.declaration, body.lstrip().startswith(b"<?xml")),
        (dialect.xmlns, root.tag.startswith("{")),
        (dialect.root_version, "version" in root.attrib),
        (dialect.metadata if local(root) == "CMSearchDescription" else "any",
         find(root, "metadataList") is not None),
    )  # fmt: skip
    if any(form == ("refused" if there else "required") for form, there in forms):
        raise Refused("content", _TAG)
    if dialect.cdata == "refused" and b"<![CDATA[" in body:
        raise Refused("content", "Tag 4 is invalid")
    return root


def from_id(track: int, dialect: Dialect) -> int:
    """The track, as channel and 01, of the id that this firmware has for it."""
    return track * 100 + 1 if dialect.track_ids == "n" and track < 100 else track


def to_id(track: int, dialect: Dialect) -> int:
    """The id that this firmware has for a track."""
    return track // 100 if dialect.track_ids == "n" else track


class Reader:
    """Reads searches.

    Args:
        dialect: what it takes.
        clock: what the times of a request mean.
        seed: of the answers that fail at random.
    """

    def __init__(self, dialect: Dialect, clock: DeviceClock, seed: int) -> None:
        self._dialect = dialect
        self._clock = clock
        self._chance = Random(f"wide/{seed}")  # noqa: S311  repeatable, not secret

    def search(self, body: bytes, now: int) -> Query:
        """Understand a search.

        Raises:
            Refused: XML, searchID or times of a kind that this firmware does not take.
        """
        dialect, root = self._dialect, strictly(body, self._dialect)
        search_id = text(root, "searchID")
        bare = search_id.strip("{}")
        braced = search_id == "{" + bare + "}"
        if dialect.search_id != "any" and not _GUID.fullmatch(bare):
            raise Refused("content", _TAG)
        if dialect.search_id == "braces" and not braced:
            raise Refused("content", _TAG)
        try:
            return Query(
                bare.lower(),
                self._tracks(root),
                self._span(root, now),
                max(1, min(int(text(root, "maxResults") or 40), dialect.page_cap)),
                self._position(root),
            )
        except ValueError:
            raise Refused("content", "bad number or time") from None

    def _tracks(self, root: Element) -> tuple[int, ...]:
        """A container of another dialect is passed over in silence, and 101 is searched."""
        dialect = self._dialect
        inside = root if dialect.container == "trackID" else find(root, dialect.container)
        found = [] if inside is None else [el for el in inside if local(el) == "trackID"]
        tracks = tuple(dict.fromkeys(int(element.text or "") for element in found))
        if len(tracks) > dialect.most_tracks:
            raise Refused("content", "too many trackIDs")
        return tuple(from_id(track, dialect) for track in tracks) or (101,)

    def _position(self, root: Element) -> int:
        named, both = self._dialect.position, ("searchResultPostion", "searchResultPosition")
        names = {"both": both, "ignored": ()}.get(named, (named,))
        others = [name for name in both if name not in names]
        if self._dialect.wrong_position == "refused" and any(
            find(root, n) is not None for n in others
        ):
            raise Refused("content", _TAG)
        return max(0, *(int(text(root, name) or 0) for name in names), 0)

    def _span(self, root: Element, now: int) -> Span:
        dialect = self._dialect
        span = find(root, "timeSpanList", "timeSpan")
        if span is None:
            raise Refused("content", "no timeSpan")
        begin, end = (self._instant(span, name) for name in ("startTime", "endTime"))
        wide = dialect.widest_days and end - begin > dialect.widest_days * DAY
        early = dialect.earliest is not None and begin < resolve(dialect.earliest, now)
        if (wide or early) and self._chance.random() < dialect.wide_fails:
            raise Refused("device", _TAG)
        return Span(begin, end)

    def _instant(self, span: Element, name: str) -> int:
        literal = parse_instant(text(span, name))
        if literal > _LATEST:
            raise ValueError("beyond 2038")
        return self._clock.literal_to_utc(literal)
