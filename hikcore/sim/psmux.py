"""Muxes footage into MPEG-PS as a Hikvision recorder stores it: one body, streamed.

Only a key picture's pack carries the system header and the map with the wall clock; every NAL unit
has a PES of its own; only the first PES of a picture has a PTS, and none has a DTS; audio and
private data stand without a pack. PTS and frame numbers go on over file borders, as on a recorder.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from hikcore.deviceclock import ZoneRule
from hikcore.sim import hikps
from hikcore.sim.camera import CameraProfile
from hikcore.sim.encoder import AccessUnit
from hikcore.sim.footage import Footage

_MS = 1_000_000
_BLOCK = 256 * 1024


class MuxProfile(BaseModel):
    """How a recorder writes its files.

    Attributes:
        header: the 40 bytes IMKH in front.
        system_header: BB in key packs (absent in streams of 2014).
        milliseconds: in the wall clock of the map; False leaves them 0.
        crc: of the map: byte-swapped, or zero.
        pes_size: bytes of the longest PES, a multiple of four (5120 and 65484 were seen).
        frame_flags: the flag byte at the end of PES stuffing.
        private: one BD and one BF packet with each key picture, full of start codes.
        junk: bytes of nothing after each map (a known muxer leaves four).
        pts_offset: PTS of 1970 in 90 kHz ticks, even; None: made of seed and channel.
        pts_wrap_ms: an instant (ms since 1970) at which the 33-bit PTS passes zero; wins.
        encrypt: what the map says of encryption (7 and 0: none).
        scrambled: whether every NAL unit is noise, its first byte too, as in encrypted footage;
            with `encrypt` left alone nothing in the stream says so.
        nominal_ms: what the map says lies between pictures, where that is not true (smart codecs).
        container: real MP4 instead, as some cameras write on cards: video alone, and no wall clock.
        types: stream types to write instead of the true ones, by `video` and `audio`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    header: bool = True
    system_header: bool = True
    milliseconds: bool = True
    crc: Literal["swapped", "zero"] = "swapped"
    pes_size: int = Field(default=5120, ge=64, le=65_496, multiple_of=4)
    frame_flags: bool = True
    private: bool = True
    junk: int = Field(default=0, ge=0)
    pts_offset: int | None = Field(default=None, ge=0, multiple_of=2)
    pts_wrap_ms: int | None = None
    encrypt: int = Field(default=7, ge=0, le=7)
    scrambled: bool = False
    nominal_ms: int | None = Field(default=None, ge=10)
    container: Literal["ps", "mp4"] = "ps"
    types: dict[Literal["video", "audio"], int] = Field(default_factory=dict)


@dataclass(frozen=True)
class Muxer:
    """Writes the structures of one camera's files.

    Args:
        camera: whose footage it is.
        mux: how the recorder writes.
        zone: of the recorder's wall clock.
        seed: of what is arbitrary.
    """

    camera: CameraProfile
    mux: MuxProfile
    zone: ZoneRule
    seed: int = 1

    def pts(self, ms: int) -> int:
        """The PTS of an instant: 45 kHz doubled, so always even; 33 bits."""
        return (ms * 90 + self._offset()) & hikps.PTS_MASK

    def frame_number(self, ms: int) -> int:
        """The number of the picture of an instant, 32 bits, counted since 1970."""
        return ((ms - self.camera.phase_ms) // self.camera.frame_ms) & 0xFFFFFFFF

    def head(self) -> bytes:
        """What stands before the first pack."""
        return hikps.file_header(self.camera.codec, self.camera.audio) if self.mux.header else b""

    def picture(self, unit: AccessUnit) -> bytes:
        """The pack of one coded picture."""
        pts = self.pts(unit.ms)
        out = [hikps.pack_header(pts, self.frame_number(unit.ms))]
        if unit.key:
            if self.mux.system_header:
                out.append(hikps.system_header())
            out += [self._map(unit.ms), bytes(self.mux.junk)]
        units = unit.units()
        if self.mux.scrambled:
            units = [_noise(nal, unit.ms, index) for index, nal in enumerate(units)]
        for index, nal in enumerate(units):
            self._unit(out, nal, pts if index == 0 else None, index + 1 == len(units))
        if unit.key and self.mux.private:
            out += self._private(unit.ms)
        return b"".join(out)

    def audio(self, ms: int, samples: bytes) -> bytes:
        """One PES of audio, without a pack."""
        return hikps.pes(0xC0, samples, pts=self.pts(ms), flags=False)

    def _offset(self) -> int:
        if self.mux.pts_wrap_ms is not None:
            return -self.mux.pts_wrap_ms * 90 & hikps.PTS_MASK
        if self.mux.pts_offset is not None:
            return self.mux.pts_offset
        name = f"{self.seed}/{self.camera.channel}".encode()
        return int.from_bytes(hashlib.sha256(name).digest()[:4], "big") * 2

    def _unit(self, out: list[bytes], nal: bytes, pts: int | None, end: bool) -> None:
        data = memoryview(b"\0\0\0\1" + nal)
        at = 0
        while at < len(data):
            room = self.mux.pes_size - (16 if pts is not None else 12)
            piece = data[at : at + room]
            out.append(
                hikps.pes(
                    0xE0, piece, pts=pts, first=at == 0, last=at + len(piece) == len(data),
                    frame_end=end, flags=self.mux.frame_flags,
                )
            )  # fmt: skip
            at += len(piece)
            pts = None

    def _map(self, ms: int) -> bytes:
        camera, mux = self.camera, self.mux
        info = (
            hikps.clock_descriptor(self.zone.utc_to_local(ms * _MS), mux.milliseconds, mux.encrypt)
            + hikps.device_descriptor()
        )
        video = hikps.video_descriptor(
            camera.width, camera.height, (mux.nominal_ms or camera.frame_ms) * 90, camera.b_frames
        ) + hikps.clip_descriptor(camera.width, camera.height)
        kind = mux.types.get("video", 0x1B if camera.codec == "h264" else 0x24)
        audio = None
        if camera.audio:
            law = mux.types.get("audio", 0x90 if camera.audio == "alaw" else 0x91)
            audio = law, hikps.audio_descriptor()
        version = (ms - camera.phase_ms) // camera.gop_ms
        return hikps.program_map(version, info, (kind, video), audio, mux.crc)

    def _private(self, ms: int) -> tuple[bytes, bytes]:
        """Private data that looks like packets: it must be passed over by its length."""
        number = self.frame_number(ms).to_bytes(4, "big")
        fake = b"\0\0\0\1\0\0\1\xba" + number + b"\0\0\1\xe0\0\0\x8c\x80\x05\x21\0\1\0\1"
        return hikps.private(0xBD, 2, number + fake), hikps.private(0xBF, 3, fake + number)


def _noise(nal: bytes, ms: int, index: int) -> bytes:
    """As many bytes that look like nothing, always the same ones."""
    return hashlib.shake_128(f"{ms}/{index}".encode()).digest(len(nal))


def parts(
    footage: Footage, muxer: Muxer, begin_ms: int, end_ms: int, *, headless: bool = False
) -> Iterator[tuple[int | None, bytes]]:
    """The structures of a file in order: (the picture's instant, None for all else; the bytes).

    Pictures from the first key picture at or after the begin (`headless`: from the begin); sound
    from there on too. An audio unit stands after the pictures at or before whose instant it begins,
    as a recorder receives them.
    """
    yield None, muxer.head()
    sounds = footage.audio(begin_ms if headless else footage.first_key(begin_ms), end_ms)
    sound = next(sounds, None)
    last = 0
    for unit in footage.pictures(begin_ms, end_ms, headless=headless):
        # Decoding order is not the order of instants where there are B pictures: sound follows
        # the latest instant so far.
        last = max(last, unit.ms)
        while sound is not None and sound[0] < last:
            yield None, muxer.audio(*sound)
            sound = next(sounds, None)
        yield unit.ms, muxer.picture(unit)
    while sound is not None:
        yield None, muxer.audio(*sound)
        sound = next(sounds, None)


def joined(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in blocks of some 256 KiB."""
    out, size = [], 0
    for data in pieces:
        out.append(data)
        size += len(data)
        if size > _BLOCK:
            yield b"".join(out)
            out, size = [], 0
    if out:
        yield b"".join(out)
