"""The documents of the archive that speak of footage, of clocks and of people's orders.

What devices said is in `said`. The JSON Schema of each is generated into docs/schemas.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hikcore.archive.document import Document, Instant, LocalReading
from hikcore.archive.said import Expectation


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
