"""The dialects of ISAPI as data: what firmware requires, refuses or silently ignores (facts 0.1).

A ladder is tried from the top when a device refuses a form or proves that it ignored it; what
worked is kept for the life of the source.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal


@dataclass(frozen=True, slots=True)
class SearchDialect:
    """How a search is written.

    Attributes:
        container: what the track id stands in. A wrong one is ignored, and track 101 is searched.
        position: the paging element; the misspelt one is the real name (facts 1.3).
        metadata: whether the list of record types is sent; all known clients do.
        declaration, namespace: of the XML; the plainest form is refused by nobody known.
        braces: whether the search id stands in braces.
    """

    container: Literal["trackIDList", "trackList"] = "trackIDList"
    position: Literal["searchResultPostion", "searchResultPosition"] = "searchResultPostion"
    metadata: bool = True
    declaration: bool = False
    namespace: str = ""
    braces: bool = False

    @property
    def words(self) -> str:
        """For people."""
        more = [
            "" if self.metadata else "no metadata",
            "XML declaration and namespace" if self.namespace else "",
            "braces" if self.braces else "",
        ]
        return ", ".join([self.container, self.position, *(part for part in more if part)])


_PLAIN: Final = SearchDialect()
_LISTED: Final = replace(_PLAIN, container="trackList")
_ISAPI: Final = "http://www.isapi.org/ver20/XMLSchema"

SEARCH_LADDER: Final[tuple[SearchDialect, ...]] = (
    _PLAIN,
    _LISTED,
    replace(_LISTED, braces=True),
    replace(_PLAIN, metadata=False),
    replace(_PLAIN, declaration=True, namespace=_ISAPI),
    replace(_LISTED, declaration=True, namespace=_ISAPI),
)


@dataclass(frozen=True, slots=True)
class DownloadDialect:
    """How a file is asked for: the verb before an XML body."""

    method: Literal["GET", "POST"] = "GET"


DOWNLOAD_LADDER: Final[tuple[DownloadDialect, ...]] = (
    DownloadDialect("GET"),
    DownloadDialect("POST"),
)
#: HTTP statuses that mean "not in this form" rather than "not at all" (facts 1.5).
DOWNLOAD_STEPS: Final = frozenset({400, 403, 405})
