"""How a simulated EverFocus recorder answers where the SDK guide leaves it open."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hikcore.sim.when import Data


class Maps(Data):
    """Record maps (5.1 to 5.3).

    Attributes:
        misaligned: a StartTime off its border: an Error, rounded down, or taken as it is.
        five: more than four channels: an Error, or the first four.
        echo: StartTime and EndTime of a reply: what was answered, or what was asked (so that only
            the characters tell that it was cut).
        last_row: of a span that ends inside a row: short, or filled with `-`.
        inclusive: whether EndTime is the last second that is asked for and answered, as in the
            guide's own example, or the one after it.
        days: borders of days by the wall clock or by UTC.
        hours: borders of hours by the wall clock or by UTC (zones of half hours).
        unknown: a channel that is not there: no key, or a row of `-`.
    """

    misaligned: Literal["error", "down", "as_is"] = "error"
    five: Literal["error", "first"] = "error"
    echo: Literal["answered", "asked"] = "answered"
    last_row: Literal["short", "filled"] = "short"
    inclusive: bool = True
    days: Literal["local", "utc"] = "local"
    hours: Literal["local", "utc"] = "local"
    unknown: Literal["absent", "empty"] = "absent"


class Clips(Data):
    """requestVideoClips (9.11).

    Attributes:
        times: of the request: seconds, milliseconds or ISO 8601, in a text.
        written: numbers or texts in the reply.
        none: how nothing is told.
        rows: whole stretches, or the pieces that they are stored in.
        piece_s: seconds of one.
        order: of the rows.
        overlap_s: by how much pieces overlap.
        clamped: rows end where the request does.
    """

    times: Literal["seconds", "milliseconds", "iso"] = "seconds"
    written: Literal["number", "text"] = "number"
    none: Literal["list", "error"] = "list"
    rows: Literal["stretches", "pieces"] = "stretches"
    piece_s: int = Field(default=300, ge=1)
    order: Literal["sorted", "unsorted"] = "sorted"
    overlap_s: int = Field(default=0, ge=0)
    clamped: bool = True


class Backup(Data):
    """backupVideoClip (9.12).

    Attributes:
        start: at the key picture before, or at the first one at or after startTime.
        inclusive: the second endTime is in it.
        length: whether Content-Length is told.
        content_type: of the AVI.
        error_status, error_type: HTTP status and type of an Error.
        kind: whole; without the idx1; with RIFF sizes of zero, as if streamed; cut off after
            `cut` of its bytes.
        cut: part of the bytes, 0 to 1.
        most_bytes: a longer AVI ends there, as 32-bit sizes end at 2 GiB. 0: never.
        fourcc: of H.265 in AVI, which has no standard one.
        busy: what is said beyond the limit.
    """

    start: Literal["key", "after"] = "key"
    inclusive: bool = False
    length: bool = False
    content_type: str = "application/octet-stream"
    error_status: int = 200
    error_type: str = "application/octet-stream"
    kind: Literal["whole", "no_index", "no_sizes", "cut"] = "whole"
    cut: float = Field(default=0.7, ge=0, le=1)
    most_bytes: int = Field(default=0, ge=0)
    fourcc: str = "HEVC"
    busy: str = "Backup is busy"


class Playback(Data):
    """Playback over WebSocket (3.3 to 3.5).

    Attributes:
        start: at the key picture at or before `time`; at the first picture at or after it; or at
            the first key picture at or after it.
        pace: as a multiple of real time; None: as fast as the client reads.
        at_end: silence, or the recorder hangs up.
        hole: a `time` inside a hole: it begins behind it, or there is silence.
        gap: where footage has a hole it is jumped over, or the playback stops there, in silence.
        time: of the query: seconds or milliseconds.
        live_start: at the picture at hand, or at its key picture.
        same_session: a session id that is in use: the new one replaces it, or is refused.
        stop: what `stop` does: silence, or the recorder hangs up.
        reports: what the wall clock in RTCP sender reports of RTSP is: when the footage was filmed,
            when it is sent, or there are none.
        fast: which pictures fast play sends: all, or key pictures alone above speed 4.
    """

    start: Literal["key", "exact", "after"] = "key"
    pace: float | None = Field(default=None, gt=0)
    at_end: Literal["silent", "closes"] = "silent"
    hole: Literal["jumps", "silent"] = "jumps"
    gap: Literal["jumps", "stops"] = "jumps"
    time: Literal["seconds", "milliseconds"] = "seconds"
    live_start: Literal["now", "key"] = "now"
    same_session: Literal["replaces", "refused"] = "replaces"
    stop: Literal["silent", "closes"] = "silent"
    reports: Literal["filmed", "sent", "none"] = "filmed"
    fast: Literal["all", "keys"] = "all"


class Socketing(Data):
    """How frames are put into messages, and what is wrong with them.

    Attributes:
        messages: one frame each; `coalesced`: several in one; `split`: borders anywhere; `apart`:
            the header in a message of its own.
        fragments: WebSocket fragments of each message.
        order: of the header's bytes.
        times: what `sec` counts: UTC, or the wall clock as if it were UTC.
        datalen: of the frame, or with its header.
        payload: NAL units behind start codes, or behind 32-bit lengths.
        sets: parameter sets before each key picture, or before the first one alone.
        unknown_every: a frame of type 0x22 comes after so many; 0: never.
        garbage_every: some bytes that are no frame come after so many; 0: never.
        status_s: seconds between messages of cameraStatus.
        exceptions: of exceptionListen: objects or arrays.
        repeats: how often each event is told.
        inactive: whether the end of an event is told.
    """

    messages: Literal["frame", "coalesced", "split", "apart"] = "frame"
    fragments: int = Field(default=1, ge=1)
    order: Literal["little", "big"] = "little"
    times: Literal["utc", "local"] = "utc"
    datalen: Literal["payload", "whole"] = "payload"
    payload: Literal["annexb", "lengths"] = "annexb"
    sets: Literal["each", "first"] = "each"
    unknown_every: int = Field(default=0, ge=0)
    garbage_every: int = Field(default=0, ge=0)
    status_s: float = Field(default=1.0, gt=0)
    exceptions: Literal["object", "array"] = "object"
    repeats: int = Field(default=1, ge=1)
    inactive: bool = True


class Snapshots(Data):
    """Snapshots (3.6, 3.7, 3.9).

    Attributes:
        every_s: seconds between those of type Normal; 0: there are none.
        folder: of their paths, odd on purpose.
        times: of searches and replies: seconds or milliseconds.
        kind: JPEG whole, or cut off.
    """

    every_s: int = Field(default=60, ge=0)
    folder: str = "/mnt/sdb/snap shots/A&B/../2020"
    times: Literal["seconds", "milliseconds"] = "seconds"
    kind: Literal["whole", "cut"] = "whole"


class Logs(Data):
    """searchLogs (9.25).

    Attributes:
        many: so many further rows, one a second up to now.
        most: rows of a reply.
        kept: which ones where there are more.
    """

    many: int = Field(default=0, ge=0)
    most: int = Field(default=4000, ge=1)
    kept: Literal["oldest", "newest"] = "oldest"


class Answering(Data):
    """The answer to the search for devices (1).

    Attributes:
        form: the XML alone, or behind a header of 22 bytes.
        order: of the codes it takes: as printed, or swapped (little-endian numbers).
    """

    form: Literal["bare", "headed"] = "bare"
    order: Literal["printed", "swapped"] = "printed"
