"""The dialects of ISAPI as data: what firmware requires, refuses or silently ignores (facts 0.1).

A ladder is tried from the top when a device refuses a form or proves that it ignored it; what
worked is kept, see `hikcore.sources.isapi.dialects`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from itertools import product
from typing import Final, Literal

Container = Literal["trackIDList", "trackList", "trackID"]
Position = Literal["searchResultPostion", "searchResultPosition"]

ISAPI: Final = "http://www.isapi.org/ver20/XMLSchema"
HIKVISION: Final = "http://www.hikvision.com/ver20/XMLSchema"
_HIKVISION_1: Final = "http://www.hikvision.com/ver10/XMLSchema"
#: Of OEM firmware.
_STD_CGI: Final = "http://www.std-cgi.com/ver20/XMLSchema"


@dataclass(frozen=True, slots=True)
class SearchDialect:
    """How a search is written.

    Attributes:
        container: what the track id stands in; `trackID`: in nothing. A wrong one is ignored, and
            track 101 is searched.
        ids: `hundreds`: channel 2 is track 201 (and 202 its sub-stream); `plain`: track 2, as some
            cameras number themselves.
        position: the paging element; the misspelt one is the real name (facts 1.3).
        metadata: whether the list of record types is sent; all known clients do, some firmware
            refuses it.
        braces: whether the search id stands in braces.
        most: rows that may be asked for at once; 0: any number. Firmware that refuses more than 50
            says only that a parameter is bad (one client's notes).
        declaration, namespace, version: of the XML; the plainest form is refused by nobody known.
    """

    container: Container = "trackIDList"
    ids: Literal["hundreds", "plain"] = "hundreds"
    position: Position = "searchResultPostion"
    metadata: bool = True
    braces: bool = False
    most: int = 0
    declaration: bool = False
    namespace: str = ""
    version: str = "1.0"

    @property
    def other_position(self) -> SearchDialect:
        """The same with the other spelling."""
        other: Position = (
            "searchResultPosition"
            if self.position == "searchResultPostion"
            else "searchResultPostion"
        )
        return replace(self, position=other)

    def track(self, track: int) -> int:
        """A track's number (201) as it is asked for."""
        return track if self.ids == "hundreds" else track // 100

    @property
    def words(self) -> str:
        """For people."""
        more = [
            "" if self.metadata else "no metadata",
            "XML declaration" if self.declaration else "",
            f"namespace {self.namespace}" if self.namespace else "",
            "plain track numbers" if self.ids == "plain" else "",
            "braces" if self.braces else "",
            f"at most {self.most} rows" if self.most else "",
        ]
        return ", ".join([self.container, self.position, *(part for part in more if part)])


_PLAIN: Final = SearchDialect()
_LISTED: Final = replace(_PLAIN, container="trackList")
#: What the vendor's own web pages ask for at once: refused by nobody known.
FEW: Final = 40

#: What living clients and the vendor's own web pages send (facts 1.3, peers 3.1).
SEARCH_LADDER: Final[tuple[SearchDialect, ...]] = (
    _PLAIN,
    _LISTED,
    replace(_LISTED, braces=True),
    replace(_PLAIN, metadata=False),
    replace(_PLAIN, declaration=True, namespace=HIKVISION),
    replace(_LISTED, declaration=True, version=""),
    replace(_PLAIN, declaration=True, namespace=ISAPI, version="2.0"),
    replace(_LISTED, declaration=True, namespace=ISAPI, version="2.0"),
    replace(_PLAIN, container="trackID", declaration=True, namespace=HIKVISION),
    replace(_PLAIN, container="trackID"),
    replace(_PLAIN, ids="plain"),
    replace(_LISTED, ids="plain"),
    replace(_PLAIN, position="searchResultPosition"),
)


def every_search_dialect(
    like: SearchDialect = _PLAIN, *, plain: bool = False, within: int = 10, most: int = 0
) -> Iterator[SearchDialect]:
    """Every combination but the ladder's, those first that differ in least from one: the last
    resort, walked once per device.

    Args:
        like: what is closest to being understood.
        plain: whether track numbers are plain ones, too; only where the device lists such, as they
            would double the walk.
        within: in how many things they may differ from it.
        most: of all of them.
    """
    envelopes = [
        (False, ""), (True, ""), (False, ISAPI), (True, ISAPI), (False, HIKVISION),
        (True, HIKVISION), (True, _HIKVISION_1), (True, _STD_CGI),
    ]  # fmt: skip
    containers: tuple[Container, ...] = ("trackIDList", "trackList", "trackID")
    positions: tuple[Position, ...] = ("searchResultPostion", "searchResultPosition")
    found = [
        SearchDialect(
            container=container,
            ids="plain" if plain else "hundreds",
            position=position,
            metadata=metadata,
            braces=braces,
            most=most,
            declaration=declaration,
            namespace=namespace,
            version=version,
        )
        for position, version, metadata, braces, (declaration, namespace), container in product(
            positions, ("1.0", "2.0", ""), (True, False), (False, True), envelopes, containers
        )
    ]
    known = set(SEARCH_LADDER)
    near = {each: _apart(each, like) for each in found if each not in known}
    return iter(sorted((each for each in near if near[each] <= within), key=near.__getitem__))


def _apart(one: SearchDialect, other: SearchDialect) -> int:
    """In how many things they differ."""
    return sum(getattr(one, each.name) != getattr(other, each.name) for each in fields(one))


@dataclass(frozen=True, slots=True)
class DownloadDialect:
    """How a file is asked for (facts 1.5).

    Attributes:
        method: the verb.
        form: the playbackURI in an XML body; in the query, as issued or quoted; or in a body with a
            token of the device in the query, as its web page does.
        declaration, namespace, version: of the XML.
    """

    method: Literal["GET", "POST", "PUT"] = "GET"
    form: Literal["body", "query", "quoted query", "token"] = "body"
    declaration: bool = False
    namespace: str = ""
    version: str = "1.0"


DOWNLOAD_LADDER: Final[tuple[DownloadDialect, ...]] = (
    DownloadDialect("GET"),
    DownloadDialect("POST"),
    DownloadDialect("GET", namespace=ISAPI),
    DownloadDialect("POST", namespace=ISAPI),
    DownloadDialect("GET", "query"),
    DownloadDialect("POST", "query"),
    DownloadDialect("GET", "quoted query"),
    DownloadDialect("POST", "quoted query"),
    DownloadDialect("GET", "token"),
    DownloadDialect("PUT"),
)


def download_ladder(search: SearchDialect) -> tuple[DownloadDialect, ...]:
    """The ladder for a device whose searches are written so: it takes one kind of XML."""
    ladder: list[DownloadDialect] = []
    for dialect in DOWNLOAD_LADDER:
        if dialect.form in ("body", "token"):
            ladder.append(
                replace(
                    dialect,
                    declaration=search.declaration,
                    namespace=search.namespace,
                    version=search.version,
                )
            )
        ladder.append(dialect)
    return tuple(dict.fromkeys(ladder))


#: HTTP statuses that mean "not in this form" rather than "not at all" (facts 1.5).
DOWNLOAD_STEPS: Final = frozenset({400, 403, 405, 501})
#: The same of ISAPI's statusCode, at any HTTP status.
FORM_CODES: Final = frozenset({5, 6})
#: Refusals that no other form can help.
FINAL: Final = frozenset({"lowprivilege", "badauthorization", "notactivated"})
