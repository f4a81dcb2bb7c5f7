"""What one simulated camera is, as data."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from hikcore.sim.weekly import ALWAYS, Block


class CameraProfile(BaseModel):
    """One channel: what it sees, how it codes it, and into which files the recorder puts it.

    Attributes:
        channel: its number on the recorder; track = channel * 100 + 1.
        name: what people call it.
        online: what its state in the list of channels is.
        codec, width, height, crf: of the video.
        frame_ms: whole milliseconds between pictures (40, 80, 100, 200, 1000, ...).
        gop: pictures in a closed group, first one a key picture.
        keys: key pictures in a group; more than one make groups of uneven lengths, as smart codecs
            write them.
        b_frames: pictures between references that are coded later than they are shown.
        scene: `live`: every picture carries its instant. `static`: it carries the time since its
            group began, so that all groups are the same bytes (and sound, if any, still counts).
        bank: with N > 0, N groups are coded and repeated: bulk footage in seconds; pictures then
            carry the time since the first of the N began.
        filler: bytes of filler NAL unit after each picture, to make bulk.
        audio, audio_ms: G.711 law, and how long one unit lasts (even milliseconds).
        file_ms: a file begins that long after the one before, `jitter_gops` aside; rounded up to
            whole groups.
        jitter_gops: files begin up to so many groups later than the even grid.
        overlap_ms: the least and the most that a file goes on after the next one began.
        phase_ms: where groups begin, after the even grid since 1970.
        schedule: when the recorder records it, by its wall clock; nothing: all week.
        motion_ms: the least and the most that a clip on motion lasts; there is one in each
            stretch of `file_ms` that the schedule gives to motion, begun up to half of it late.
        serial: of the camera itself; two recorders may have the same camera.
        sub: whether there is a sub-stream to be watched live; none is ever recorded.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    channel: int = Field(ge=1, le=255)
    name: str = ""
    online: bool = True
    codec: Literal["h264", "h265"] = "h264"
    width: int = 320
    height: int = 180
    crf: int = 30
    frame_ms: int = Field(default=200, ge=10)
    gop: int = Field(default=20, ge=1)
    keys: int = Field(default=1, ge=1)
    b_frames: int = Field(default=0, ge=0, le=3)
    scene: Literal["live", "static"] = "live"
    bank: int = Field(default=0, ge=0)
    filler: int = Field(default=0, ge=0)
    audio: Literal["alaw", "ulaw"] | None = None
    audio_ms: int = Field(default=40, ge=2, multiple_of=2)
    file_ms: int = 900_000
    jitter_gops: int = Field(default=0, ge=0)
    overlap_ms: tuple[int, int] = (1_000, 3_000)
    phase_ms: int = 0
    schedule: tuple[Block, ...] = ()
    motion_ms: tuple[int, int] = (12_000, 60_000)
    serial: str = ""
    sub: bool = False

    @model_validator(mode="after")
    def _fits(self) -> CameraProfile:
        if self.keys > self.gop:
            raise ValueError(f"camera {self.channel}: more key pictures than pictures")
        if self.jitter_gops * self.gop_ms >= self.period_ms:
            raise ValueError(f"camera {self.channel}: jitter_gops reaches over a whole file")
        return self

    @property
    def gop_ms(self) -> int:
        """How long a group lasts."""
        return self.gop * self.frame_ms

    @property
    def period_ms(self) -> int:
        """From the begin of a file to that of the next, jitter aside: whole groups."""
        return -(-self.file_ms // self.gop_ms) * self.gop_ms

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The schedule as it is in force."""
        return self.schedule or ALWAYS

    @property
    def track(self) -> int:
        """The recorder's number of its main stream."""
        return self.channel * 100 + 1

    @property
    def title(self) -> str:
        """The name people gave it."""
        return self.name or f"Camera {self.channel:02d}"
