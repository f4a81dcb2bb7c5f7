"""ContentMgmt/search and the playbackURIs that it gives out."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Mapping
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

from hikcore.instants import NS, to_datetime
from hikcore.sim.http import Response
from hikcore.sim.profile import Profile
from hikcore.sim.queries import Query, Reader, Refused
from hikcore.sim.recordings import StoredFile
from hikcore.sim.vault import Vault
from hikcore.sim.xml import Writer, tags

_MS = 1_000_000
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
        clock = profile.clock.device_clock
        self._reader = Reader(profile.dialect, clock, profile.seed)
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
        return found[query.position : query.position + query.most], len(found)

    def _all(self, query: Query, now: int) -> list[tuple[int, StoredFile]]:
        dialect, track = self._profile.dialect, query.track
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
        files = vault.files(query.span, now)
        return [(track, file) for file in files[: dialect.query_cap or None]]

    def answer(self, body: bytes, now: int) -> Response:
        """The CMSearchResult of a request.

        Raises:
            Refused: see `Reader.search` and `find`.
        """
        dialect = self._profile.dialect
        query = self._reader.search(body, now)
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
