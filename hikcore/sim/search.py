"""ContentMgmt/search and the playbackURIs that it gives out."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

from hikcore.instants import NS, Span, parse_instant, to_datetime
from hikcore.sim.http import Response
from hikcore.sim.profile import Profile
from hikcore.sim.queries import Query, Reader, Refused, from_id, to_id
from hikcore.sim.recordings import StoredFile
from hikcore.sim.vault import Vault
from hikcore.sim.xml import Writer, tags

_MS = 1_000_000
#: URIs that it remembers having given out.
_ISSUED = 100_000
_URI_TIME: dict[str, Callable[[str], str]] = {
    "compact": lambda text: text.replace("-", "").replace(":", ""),
    "spaced": lambda text: text.replace("T", " "),
    "dashed": str,
}
#: An unknown track where the firmware minds not: the first one instead.
_FIRST = 101


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
        self._ipc = profile.dialect.names == "ipc"
        clock = profile.clock.device_clock
        self._reader = Reader(profile.dialect, clock, profile.seed)
        self._hollow: set[str] = set()
        self._issued: OrderedDict[str, None] = OrderedDict()
        self._found: OrderedDict[str, list[tuple[int, StoredFile]]] = OrderedDict()

    def find(self, query: Query, now: int) -> tuple[list[tuple[int, StoredFile]], int]:
        """(one page of files by track, how many there are in all).

        Raises:
            Refused: the track is not there, or not recorded, and the dialect minds.
        """
        if query.position == 0 or query.search_id not in self._found:
            self._found[query.search_id] = self._all(query, now)
            while len(self._found) > 64:
                self._found.popitem(last=False)
        found = self._found[query.search_id]
        begin = query.position
        if 0 < begin < len(found):
            begin = max(0, begin - self._profile.dialect.page_repeats)
        return found[begin : begin + query.most], len(found)

    def forget(self) -> None:
        """No search goes on, and no URI was given out."""
        self._found.clear()
        self._issued.clear()

    def _all(self, query: Query, now: int) -> list[tuple[int, StoredFile]]:
        """Oldest first, tracks mixed."""
        rows = [row for track in query.tracks for row in self._of(track, query, now)]
        rows.sort(key=lambda row: (row[1].begin_ms, row[0]))
        return rows[: self._profile.dialect.query_cap or None]

    def _of(self, track: int, query: Query, now: int) -> list[tuple[int, StoredFile]]:
        dialect = self._profile.dialect
        if track // 100 not in self._vaults:
            if dialect.bad_track == "refused":
                raise Refused("track", "Invalid track id.")
            track = _FIRST if dialect.bad_track == "ignored" else track
        vault = self._vaults.get(track // 100)
        # Sub-streams are live only: nothing of them is on the disks.
        if vault is None or track % 100 != 1:
            if vault is not None and dialect.unrecorded == "refused":
                raise Refused("track", "Invalid track id.")
            return []
        return [(track, file) for file in vault.files(query.span, now)]

    def answer(self, body: bytes, now: int) -> Response:
        """The CMSearchResult of a request.

        Raises:
            Refused: see `Reader.search` and `find`.
        """
        dialect = self._profile.dialect
        query = self._reader.search(body, now)
        items, total = self.find(query, now)
        word = "OK" if items else "NO MATCHES"
        if dialect.hollow_page and 0 < query.position < total:
            if query.search_id not in self._hollow:
                items, word = [], "MORE"
            self._hollow.add(query.search_id)
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
        uri = self.uri(track, file)
        self._issued[uri] = None
        while len(self._issued) > _ISSUED:
            self._issued.popitem(last=False)
        extras = ""
        if self._profile.dialect.row_extras:
            extras = tags(lockStatus="unlock", name=self.name(file))
        return (
            "<searchMatchItem><sourceID>{00000000-0000-0000-0000-000000000000}</sourceID>"
            f"<trackID>{to_id(track, self._profile.dialect)}</trackID>"
            f"<timeSpan><startTime>{begin}</startTime><endTime>{end}</endTime></timeSpan>"
            "<mediaSegmentDescriptor><contentType>video</contentType>"
            f"<codecType>{escape(self._profile.dialect.codec_type)}</codecType>"
            f"<playbackURI>{escape(uri)}</playbackURI>{extras}"
            "</mediaSegmentDescriptor><metadataMatches><metadataDescriptor>"
            "recordType.meta.hikvision.com/timing</metadataDescriptor></metadataMatches>"
            "</searchMatchItem>"
        )

    def name(self, file: StoredFile) -> str:
        """What the recorder calls a file."""
        return f"ch{file.channel:02d}_{file.name}" if self._ipc else file.name

    def uri(self, track: int, file: StoredFile) -> str:
        """The playbackURI of a file."""
        dialect = self._profile.dialect
        host = dialect.uri_host or self._address
        port = f":{dialect.uri_port}" if dialect.uri_port else ""
        begin, end = (
            _URI_TIME[dialect.uri_time](self.literal(ms)) for ms in (file.begin_ms, file.listed_ms)
        )
        path = f"/Streaming/tracks/{to_id(track, dialect)}" + ("/" if dialect.uri_slash else "")
        text = f"rtsp://{host}{port}{path}?starttime={begin}&endtime={end}"
        if dialect.uri_size:
            text += f"&name={self.name(file)}&size={self._vaults[file.channel].size(file)}"
        return text

    def locate(self, uri: str, now: int) -> StoredFile:
        """The file that a playbackURI names.

        Raises:
            Refused: not a whole URI as this recorder gives them, or the file is gone.
        """
        dialect, parts = self._profile.dialect, urlsplit(uri)
        match = re.fullmatch(r"/Streaming/tracks/(\d+)/?", parts.path)
        given = parse_qs(parts.query)
        needed = {"starttime", "endtime"} | ({"name", "size"} if dialect.uri_size else set())
        if match is None or not needed <= given.keys():
            raise Refused("content", "bad playbackURI")
        track = from_id(int(match.group(1)), dialect)
        channel, stream = divmod(track, 100)
        vault = self._vaults.get(channel)
        if vault is None or stream != 1:
            raise Refused("track", "Invalid track id.")
        file = self._file(vault, given, now)
        if file is None:
            raise Refused("gone")
        whole = uri in self._issued or uri == self.uri(track, file)
        if dialect.uri_match == "whole" and not whole:
            raise Refused("content", "bad playbackURI")
        return file

    def _file(self, vault: Vault, given: dict[str, list[str]], now: int) -> StoredFile | None:
        if self._profile.dialect.uri_size:
            name = given["name"][0].rpartition("_")[2]
            return vault.schedule.by_name(name, now // _MS)
        clock = self._profile.clock.device_clock
        try:
            begin, end = (
                clock.literal_to_utc(parse_instant(given[name][0]))
                for name in ("starttime", "endtime")
            )
            found = vault.files(Span(begin, end), now)
        except ValueError:
            raise Refused("content", "bad playbackURI") from None
        # Listings are in whole seconds: the file that begins in that one.
        return next((file for file in found if file.begin_ms // 1000 == begin // NS), None)

    def literal(self, ms: int) -> str:
        """An instant as listings write it: whole seconds, always a Z."""
        at = self._profile.clock.device_clock.utc_to_literal(ms * _MS)
        return to_datetime(at // NS * NS).strftime("%Y-%m-%dT%H:%M:%SZ")
