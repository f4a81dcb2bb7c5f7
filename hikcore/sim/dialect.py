"""How the ISAPI of one firmware differs from others', field by field."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hikcore.sim.when import Data, When

Download = Literal["GET body", "POST body", "PUT body", "GET query", "POST query"]
#: What a form of the request's XML may be: taken either way, demanded, or refused with 400.
Form = Literal["any", "required", "refused"]


class Dialect(Data):
    """What this firmware requires, refuses, ignores and says.

    Attributes:
        container: around trackID (`trackID`: none, it stands in the root); another one is passed
            over in silence and 101 is searched.
        position: the name of the paging element, others are passed over in silence; `both`: either
            name; `ignored`: none, every page is the first.
        wrong_position: the other name is passed over, or refused with 400.
        declaration, xmlns, root_version, metadata, cdata: whether the XML of a request may or must
            have an XML declaration, a namespace, a `version` at its root, a metadataList (searches)
            and CDATA (downloads).
        search_id: what a searchID must look like.
        page_cap: most items on a page, whatever maxResults asks.
        query_cap: most items of one search, over all pages; 0: no bound.
        hollow_page: each search has one page in its middle that says MORE and brings nothing; the
            same request again brings it.
        page_repeats: items of the page before that a page begins with.
        namespace, version: of answers; namespace None writes none.
        namespaces: other ones, by the name of the root element.
        child_xmlns: whether the first child repeats the namespace, or unsets it (`xmlns=""`).
        errors: refusals as XML, or as JSON.
        errors_as_200: refusals come under HTTP 200 (those of the login aside).
        matches: what numOfMatches counts.
        total: whether totalMatches is there.
        full_page: what is said of a full page that is not the last.
        status: how the status text's element is spelt.
        empty: NO MATCHES without matchList, or with a blank one.
        widest_days: longer spans may be answered 500 deviceError; 0: any length is taken.
        wide_fails: how often they are, 0 to 1, drawn by the profile's seed.
        earliest: spans that begin before it are answered like those that are too wide.
        bad_track: an unknown track is refused with 400, has no matches, or (`ignored`) 101 is
            searched instead.
        unrecorded: the same of a track that is there and not recorded (sub-streams).
        most_tracks: more in one search are refused with 400.
        track_ids: of main streams: channel and 01, or (some cameras) the channel alone.
        download: ways of asking that are served.
        download_token: GET with a body needs a `token` that Security/token gave out, as the web
            page of some recorders has it.
        download_refused: the HTTP status of the others.
        ranges: a Range header is ignored (200 from byte 0, though every answer says
            `Accept-Ranges: bytes`), honoured (206), or `lying`: a 206 that names the range and
            brings the file from its first byte.
        gone: what a download of a file brings that was recycled meanwhile: 404, or 200 and nothing.
        input_size: what the list of channels says of its length is off by so much.
        uri_host, uri_port: what the recorder believes its address to be; None: the true one, and no
            port.
        uri_slash: before the question mark of a playbackURI.
        uri_time: how times are written in it.
        uri_size: whether it ends in name and size (old DVRs have neither).
        uri_match: a download takes a URI only as it was given out, or any with a known name.
        names: of files: 17 digits, or a camera's, with its channel in front.
        row_extras: lockStatus and name in the rows of listings.
        content_type: of a body of footage.
        content_length: whether it is announced; `zero`: as 0, though the body comes.
        codec_type: what listings say of the codec, true or not.
        snapshot: where a camera's picture is: under Streaming, or (400 there) under StreamingProxy.
        absent: paths (patterns) that are refused with 403 notSupport.
    """

    container: Literal["trackIDList", "trackList", "trackID"] = "trackIDList"
    position: Literal["searchResultPostion", "searchResultPosition", "both", "ignored"] = (
        "searchResultPostion"
    )
    wrong_position: Literal["ignored", "refused"] = "ignored"
    declaration: Form = "any"
    xmlns: Form = "any"
    root_version: Literal["any", "required"] = "any"
    metadata: Form = "any"
    cdata: Literal["any", "refused"] = "any"
    search_id: Literal["guid", "braces", "any"] = "guid"
    page_cap: int = Field(default=40, ge=1)
    query_cap: int = Field(default=0, ge=0)
    hollow_page: bool = False
    page_repeats: int = Field(default=0, ge=0)
    namespace: str | None = "http://www.hikvision.com/ver20/XMLSchema"
    version: str = "2.0"
    namespaces: dict[str, str | None] = Field(default_factory=dict)
    child_xmlns: Literal["none", "repeated", "empty"] = "none"
    errors: Literal["xml", "json"] = "xml"
    errors_as_200: bool = False
    matches: Literal["page", "total"] = "page"
    total: bool = False
    full_page: Literal["MORE", "OK"] = "MORE"
    status: Literal["responseStatusStrg", "responseStatusStrip", "responseStatusStrp"] = (
        "responseStatusStrg"
    )
    empty: Literal["absent", "blank"] = "absent"
    widest_days: int = Field(default=0, ge=0)
    wide_fails: float = Field(default=1.0, ge=0, le=1)
    earliest: When | None = None
    bad_track: Literal["refused", "empty", "ignored"] = "empty"
    unrecorded: Literal["refused", "empty"] = "empty"
    most_tracks: int = Field(default=16, ge=1)
    track_ids: Literal["n01", "n"] = "n01"
    download: tuple[Download, ...] = ("GET body", "POST body")
    download_token: bool = False
    download_refused: Literal[400, 403, 405] = 400
    ranges: Literal["ignored", "honoured", "lying"] = "ignored"
    gone: Literal["refused", "empty"] = "refused"
    input_size: int = 6
    uri_host: str | None = None
    uri_port: int | None = None
    uri_slash: bool = True
    uri_time: Literal["compact", "spaced", "dashed"] = "compact"
    uri_size: bool = True
    uri_match: Literal["whole", "name"] = "whole"
    names: Literal["nvr", "ipc"] = "nvr"
    row_extras: bool = False
    content_type: str = "Opaque/data"
    content_length: bool | Literal["zero"] = True
    codec_type: str = "H.264-BP"
    snapshot: Literal["direct", "proxy"] = "direct"
    absent: tuple[str, ...] = ("/ISAPI/System/Video/inputs/channels",)
