"""How devices page, as a function from request to reply: an oracle that knows all its rows."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from hikcore.instants import NS, format_instant, parse_instant

STRANGE = "<CMSearchResult><responseStatus>true</responseStatus>{body}</CMSearchResult>"


@dataclass(frozen=True)
class File:
    """A file on the disks, in whole seconds as if UTC."""

    track: int
    begin: int
    end: int


@dataclass
class Pager:
    """A device's search.

    Attributes:
        cap: most rows on a page. position: the paging element that it reads.
        overlap: rows that a page repeats from the one before. status: `true`, `OK`, `MORE`.
        container: the one it reads; another means track 101.
        refuses: (pattern of a request body, reply, HTTP status).
        query_cap: rows after which a query ends silently.
    """

    files: list[File]
    cap: int = 40
    position: str = "searchResultPostion"
    overlap: int = 0
    status: str = "true"
    container: str = "trackIDList"
    query_cap: int = 10**9
    past_end: str = "empty"
    asked: list[str] = field(default_factory=list)

    def answer(self, body: bytes) -> bytes:
        text = body.decode()
        self.asked.append(text)
        track = re.search(rf"<{self.container}><trackID>(\d+)</trackID></{self.container}>", text)
        wanted = int(track[1]) if track else 101
        begin, end = (
            parse_instant(found) // NS for found in re.findall(r"<(?:start|end)Time>([^<]+)<", text)
        )
        position = re.search(rf"<{self.position}>(\d+)<", text)
        at = int(position[1]) if position else 0
        hits = sorted(
            (f for f in self.files if f.track == wanted and f.begin <= end and begin <= f.end),
            key=lambda f: (f.begin, f.end),
        )[: self.query_cap]
        start = max(0, at - self.overlap) if at < len(hits) else at
        page = hits[start : start + self.cap]
        return self._write(page, more=start + len(page) < len(hits))

    def _write(self, page: list[File], *, more: bool) -> bytes:
        said = self.status
        if said == "true":
            said = "MORE" if more else "OK" if page else "NO MATCHES"
        items = "".join(map(item, page))
        return STRANGE.format(
            body=f"<responseStatusStrg>{said}</responseStatusStrg>"
            f"<numOfMatches>{len(page)}</numOfMatches><matchList>{items}</matchList>"
        ).encode()


def item(file: File) -> str:
    begin, end = format_instant(file.begin * NS, 0), format_instant(file.end * NS, 0)
    return (
        f"<searchMatchItem><trackID>{file.track}</trackID><timeSpan><startTime>{begin}</startTime>"
        f"<endTime>{end}</endTime></timeSpan><mediaSegmentDescriptor><playbackURI>"
        f"rtsp://192.0.2.1/Streaming/tracks/{file.track}/?starttime={begin}&amp;endtime={end}"
        f"&amp;name={file.begin:017d}&amp;size={(file.end - file.begin) * 1000}"
        "</playbackURI></mediaSegmentDescriptor></searchMatchItem>"
    )
