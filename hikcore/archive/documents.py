"""The documents of the archive, as the bucket holds them: JSON, keys sorted, no spaces, UTF-8.

Instants are RFC 3339 in UTC with nine digits (integers of nanoseconds in Python); a device's own
wall-clock readings are the same without a zone. Columns are base64 of little-endian integers. The
JSON Schema of each is generated into docs/schemas.
"""

from __future__ import annotations

import base64
import json
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema

from hikcore.instants import format_instant, format_local, parse_instant


def _instant(value: object) -> int:
    """Raises ValueError for all else, which pydantic tells as a fault of the document."""
    if isinstance(value, str):
        return parse_instant(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise ValueError(f"an instant is a text like 2026-11-20T10:03:17Z, not {value!r}")


def _local(value: object) -> int:
    return _instant(value + "Z") if isinstance(value, str) else _instant(value)


Instant = Annotated[
    int,
    BeforeValidator(_instant),
    PlainSerializer(lambda ns: format_instant(ns, 9), return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
LocalReading = Annotated[
    int,
    BeforeValidator(_local),
    PlainSerializer(lambda ns: format_local(ns, 9), return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}$"}),
]


class Document(BaseModel):
    """A frozen document; unknown fields are kept out of what we write and ignored when read."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    def to_bytes(self) -> bytes:
        """Canonical bytes: the same document gives the same bytes on every machine."""
        value = self.model_dump(mode="json", exclude_none=True, by_alias=True)
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def pack(values: NDArray[Any], dtype: Literal["<u4", "<u8", "<i8"]) -> str:
    """A column as base64 of little-endian integers."""
    return base64.b64encode(np.ascontiguousarray(values).astype(dtype).tobytes()).decode()


def unpack(text: str, dtype: Literal["<u4", "<u8", "<i8"]) -> NDArray[Any]:
    """The column back."""
    return np.frombuffer(base64.b64decode(text), dtype)


class Chunk(Document):
    """What was fetched in one piece, and what its id is made of.

    `id` is the first 16 hex digits of SHA-256 over camera, stream, literal begin and size (a file)
    or literal begin and end (a window, a tail), each followed by a line feed. A file that was
    played, where the device gives none, is of kind `window` and has the id of the file. A `tail` is
    what was played of a file that was still being written.
    """

    id: str
    kind: Literal["file", "window", "tail"]
    literal_begin: str
    literal_end: str
    size: int | None = None
    name: str = ""


class Body(Document):
    """The body as received. `sha256` stands only where the source repeats its bytes."""

    container: str
    size: int
    sha256: str | None = None
    cut_off: int = 0


class VideoFormat(Document):
    """One codec configuration that a run begins with; `record` is avcC/hvcC in base64."""

    codec: Literal["h264", "h265"]
    width: int
    height: int
    record: str


class AudioFormat(Document):
    """The audio of a run."""

    codec: Literal["alaw", "ulaw", "aac"]
    rate: int
    channels: int
    record: str = ""


class Gops(Document):
    """The GOPs of a run in order, so that the same footage in two chunks can be recognised.

    pts: u32 each, 90 kHz ticks of the sync sample since the one before (the first: since
        `Run.pts_begin`). frames: u32 each. hash: u64 each: XXH64 over the hashes of its access
        units, each as 8 bytes little-endian. key: u64 each: hash of its sync sample, by which a
        group that was cut off is recognised.
    """

    pts: str
    frames: str
    hash: str
    key: str


class AccessUnits(Document):
    """The access units of one GOP (or of a headless beginning) in decoding order.

    pts: i64 each, 90 kHz ticks since `Run.pts_begin`. hash: u64 each: XXH64 over the VCL NAL units
        alone, chained: the hash of one is the seed of the next, the first seed is 0.
    """

    pts: str
    hash: str


class SegmentRef(Document):
    """One MP4 object of a run.

    Attributes:
        key: the object. size: its bytes. sha256: of its content.
        head: bytes from its start that hold ftyp and moov: one ranged read.
        begin, end: of its video (of its audio, where it has none), by the manifest's clock.
        pts: the run's 90 kHz tick (unwrapped) that media time 0 of its video track stands for (of
            its audio track, where it has no video).
        frames, units: how many video samples and audio units it holds.
        headless: begins without a sync sample.
    """

    key: str
    size: int
    sha256: str
    head: int
    begin: Instant
    end: Instant
    pts: int
    frames: int
    units: int
    headless: bool = False


class RunRef(Document):
    """A stretch over which wall time = origin + media time.

    Attributes:
        begin: UTC of `pts_begin` by the clock profile that the manifest names.
        begin_local: the device's own reading there; None where the origin is not its wall clock.
        origin: `stream` (wall clock in the stream), `listing` (the listing's begin).
        uncertainty: ns, half-width.
        reason: why it began: `start`, `clock step`, `drift`, `length`, `configuration`, `pts jump`.
        pts_begin, pts_end: 90 kHz ticks, unwrapped; pts_end is past the last frame's duration.
        head: access units before the first sync sample, where there are any.
        first, last: those of the first and the last GOP (last: None where there is one only).
        lost: pictures that the device's frame numbers say are missing inside.
    """

    begin: Instant
    begin_local: LocalReading | None = None
    origin: Literal["stream", "listing"]
    uncertainty: int
    reason: str
    pts_begin: int
    pts_end: int
    video: VideoFormat | None = None
    audio: AudioFormat | None = None
    gops: Gops
    head: AccessUnits | None = None
    first: AccessUnits | None = None
    last: AccessUnits | None = None
    lost: int = 0
    segments: tuple[SegmentRef, ...]


class RawRef(Document):
    """A body kept as received because it could not be decoded."""

    key: str
    size: int
    sha256: str
    reason: str


class Manifest(Document):
    """Commits a chunk: it counts only when every object that it names is there.

    A function of the samples and their times, the chunk, the clock profile and the writer's
    version; nothing of when, where and by whom the work was done.
    """

    schema_: Literal["hikcore/manifest/1"] = Field("hikcore/manifest/1", alias="schema")
    writer: str
    site: str
    camera: str
    stream: str
    device: str
    chunk: Chunk
    clock: str
    begin: Instant
    end: Instant
    state: Literal["held", "damaged"]
    body: Body
    runs: tuple[RunRef, ...] = ()
    raw: RawRef | None = None
    notes: tuple[str, ...] = ()


class ClockChange(Document):
    """A yearly change of a device's clock (hikcore.deviceclock.Change)."""

    month: int
    week: int
    weekday: int
    seconds: int


class ClockProfile(Document):
    """What a device's times mean (hikcore.deviceclock.DeviceClock), named by its content.

    Attributes:
        listing: literal times of listings: `utc`, or `local` (the device's wall clock).
        offset: seconds that the wall clock is east of UTC in standard time.
        shift, start, end: what summer adds, in seconds, and when it begins and ends.
        source: how that was found: `measured`, `setting`, `zone is UTC`, `zone is UTC now`,
            `correction`.
        replaces: SHA-256 of a profile found wrong: manifests that name that one are read with this.
    """

    schema_: Literal["hikcore/clock/1"] = Field("hikcore/clock/1", alias="schema")
    site: str
    device: str
    listing: Literal["utc", "local"]
    offset: int
    shift: int = 0
    start: ClockChange | None = None
    end: ClockChange | None = None
    source: str
    replaces: str | None = None


class Question(Document):
    """A question to a device, and when it was put.

    Attributes:
        asked: when, by the device's clock, in UTC.
        complete: whether paging came to its end, so that what was not listed was not there.
        device: who was asked: one device says nothing about what another one holds.
        clock: SHA-256 of the clock profile by which the device's times became UTC and the span its.
        online: whether the device said then that the camera is there.
        oldest: when its oldest recording began, where nothing was found and so it was looked for.
    """

    begin: Instant
    end: Instant
    asked: Instant
    complete: bool
    device: str = ""
    clock: str = ""
    online: bool | None = None
    oldest: Instant | None = None


class Row(Document):
    """A recording as a device listed it, and between which questions it was seen.

    Rows are the same when device, literal begin, literal end, size and growing are. `clock`:
    SHA-256 of the clock profile by which its times became UTC.

    `part`: one of the stretches that a device said to be in a window, which has a row for each:
    those are told apart by begin and end, too.
    """

    literal_begin: str
    literal_end: str
    begin: Instant
    end: Instant
    size: int | None = None
    name: str = ""
    growing: bool
    chunk: str
    first_seen: Instant
    last_seen: Instant
    device: str = ""
    clock: str = ""
    part: bool | None = None


class WeekBlock(Document):
    """A stretch of a weekday (0: Monday) in which a device is to record, by its wall clock: seconds
    since midnight, at most 86400."""

    weekday: int
    begin: int
    end: int
    mode: Literal["continuous", "motion"]


class Schedule(Document):
    """When a device said that it is to record a camera, and between which questions it said so;
    schedules are the same when device and blocks are."""

    device: str
    blocks: tuple[WeekBlock, ...]
    first_seen: Instant
    last_seen: Instant


class Expectation(Document):
    """What is to be expected of a camera.

    Attributes:
        kind: `continuous`, `motion`; `schedule`: as its blocks say; `unknown`.
        set: by a person: then it stands whatever devices say. Else a device said so when it was
            last asked.
    """

    kind: Literal["continuous", "schedule", "motion", "unknown"] = "unknown"
    blocks: tuple[WeekBlock, ...] = ()
    set: bool = False


class Answers(Document):
    """Everything that devices ever said of a camera, stream and UTC day (of the row's begin, of the
    question's part in that day). Merging two is a join: commutative, associative, idempotent."""

    schema_: Literal["hikcore/answers/1"] = Field("hikcore/answers/1", alias="schema")
    questions: tuple[Question, ...] = ()
    rows: tuple[Row, ...] = ()
    schedules: tuple[Schedule, ...] = ()


class Tombstone(Document):
    """What is removed on purpose, and by which rule; written before the objects go.

    Attributes:
        begin, end: the span that is `excluded` from then on.
        rule: the policy or order, in words.
        objects: the keys under `v1/` that go; manifests that name them count without them.
    """

    schema_: Literal["hikcore/tombstone/1"] = Field("hikcore/tombstone/1", alias="schema")
    site: str
    camera: str
    stream: str
    begin: Instant
    end: Instant
    rule: str
    objects: tuple[str, ...]


class Hold(Document):
    """What is to be kept: every segment that the span touches, the one with the sync sample before
    it, and what is fetched later.

    Attributes:
        reason: in words: whose order, which case.
        lifts: SHA-256 of a hold of that span that counts no more; this document then is none.
    """

    schema_: Literal["hikcore/hold/1"] = Field("hikcore/hold/1", alias="schema")
    site: str
    camera: str
    stream: str
    begin: Instant
    end: Instant
    reason: str
    lifts: str | None = None


class SiteCamera(Document):
    """A camera as people know it, and where its footage comes from now."""

    id: str
    name: str = ""
    device: str = ""
    channel: int | None = None
    streams: tuple[str, ...] = ("main",)
    expectation: Expectation | None = None


class Site(Document):
    """What a reader needs to know of a site besides its footage; `zone` as `Asia/Tashkent`."""

    schema_: Literal["hikcore/site/1"] = Field("hikcore/site/1", alias="schema")
    site: str
    name: str = ""
    zone: str = ""
    cameras: tuple[SiteCamera, ...] = ()
