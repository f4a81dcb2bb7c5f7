"""The same footage in every container that is read: what a recorder's file of it would be.

MP4, MOV and plain program streams are muxed by libavformat; the vendors' own streams by the test
rooms of their parsers.
"""

from __future__ import annotations

import functools
import io
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from hikcore.deviceclock import ZoneRule
from hikcore.sim import hikps
from hikcore.sim.camera import CameraProfile
from hikcore.sim.encoder import AccessUnit
from hikcore.sim.psmux import Muxer, MuxProfile
from hikcore.sim.sound import sound
from tests.media.avi_reference import avi, chunk, sound_header, video_header
from tests.media.cut_footage import T0_MS, Coded, Footage, Kind, footage
from tests.media.everfocus_reference import G711, H264I, H264P, H265I, H265P, frame
from tests.media.plain_ps import adts

CONTAINERS = (
    "hikvision ps", "plain ps", "everfocus", "avi", "mp4 moov first", "mp4 moov last",
    "mp4 fragmented", "mp4 with a lead-in", "mov", "plain ps with aac",
)  # fmt: skip
CODECS = ("h264", "h265")
#: Containers whose makers have no B pictures, or no times to show them by.
_NO_B = ("everfocus", "avi")
_ONLY_SOUND = ("plain ps with aac",)
#: Pictures that the edit list of a clip cut by others hides: fewer than a group of any kind has.
_HIDDEN = 5
_UNIT_MS = 40
_START = b"\0\0\0\1"


@dataclass(frozen=True)
class Body:
    """A file, and what is in it.

    Attributes:
        listed: UTC ns at which the device lists it.
        law: of G.711 sound whose words carry their instants; heard: UTC ns of its begin and end.
        hidden: pictures before the first that an edit list shows, where the device's list begins.
        units: of AAC, 1024 samples of 48 kHz each, the first heard with the first picture.
    """

    container: str
    footage: Footage
    data: bytes
    law: str = ""
    heard: tuple[int, int] = (0, 0)
    hidden: int = 0
    units: tuple[bytes, ...] = ()

    @property
    def listed(self) -> int:
        return self.footage.instants[self.hidden]

    def __str__(self) -> str:
        return f"{self.container}, {self.footage.kind}"


def kinds() -> list[tuple[str, Kind]]:
    """Every class of footage that there is: container and kind."""
    return [
        (container, Kind(codec, b, heard, rate))
        for container in CONTAINERS
        for codec in CODECS
        for b in (False, True)
        for heard in (False, True)
        for rate in ("constant", "variable")
        if not (b and container in _NO_B) and (heard or container not in _ONLY_SOUND)
    ]


@functools.cache
def body(container: str, kind: Kind) -> Body:
    """The file of a class."""
    return _WRITERS[container](container, kind)


def _units(made: Footage, law: str, begin: int = 0) -> list[tuple[int, bytes]]:
    """(ms after the first picture, bytes) of the sound from `begin` on; none without a law."""
    until = -(-made.ticks[-1] // 90) + 2 * _UNIT_MS
    return [
        (ms, sound(law, T0_MS + ms, T0_MS + ms + _UNIT_MS, 3))  # type: ignore[arg-type]
        for ms in range(begin, until, _UNIT_MS)
        if law
    ]


def _heard(units: list[tuple[int, bytes]]) -> tuple[int, int]:
    """UTC ns of the begin and end of sound."""
    if not units:
        return 0, 0
    return (T0_MS + units[0][0]) * 1_000_000, (T0_MS + units[-1][0] + _UNIT_MS) * 1_000_000


def _hikvision(container: str, kind: Kind) -> Body:
    made = footage(kind)
    law = "alaw" if kind.sound else ""
    camera = CameraProfile(
        channel=3, codec=kind.codec, width=320, height=144, b_frames=int(kind.b_pictures),
        audio=law or None,
    )  # fmt: skip
    # The 33 bits of the PTS pass zero in the middle.
    mux = MuxProfile(pts_wrap_ms=T0_MS + made.ticks[45] // 90 if kind.b_pictures else None)
    muxer = _Numbered(camera, mux, ZoneRule())
    muxer.numbers = {m: n for n, m in enumerate(made.marks)}
    out = [muxer.head()]
    units = _units(made, law)
    heard = _heard(units)
    for one in made.coded:
        while units and units[0][0] * 90 <= one.dts:
            ms, data = units.pop(0)
            out.append(muxer.audio(T0_MS + ms, data))
        out.append(muxer.picture(AccessUnit(made.marks[one.number], one.key, _long(one.data))))
    out += [muxer.audio(T0_MS + ms, data) for ms, data in units]
    return Body(container, made, b"".join(out), law, heard)


class _Numbered(Muxer):
    """Numbers pictures as they come, at whatever rate."""

    numbers: dict[int, int]

    def frame_number(self, ms: int) -> int:
        return self.numbers[ms]


def _everfocus(container: str, kind: Kind) -> Body:
    made = footage(kind)
    law = "ulaw" if kind.sound else ""
    key, other = (H264I, H264P) if kind.codec == "h264" else (H265I, H265P)
    units = _units(made, law, 12)
    heard = _heard(units)
    out = []
    for one in made.coded:
        while units and units[0][0] * 90 < one.pts:
            ms, data = units.pop(0)
            out.append(frame(G711, data, T0_MS + ms, shape=(0, 0)))
        out.append(frame(key if one.key else other, _long(one.data), made.marks[one.number]))
    out += [frame(G711, data, T0_MS + ms, shape=(0, 0)) for ms, data in units]
    return Body(container, made, b"".join(out), law, heard)


def _avi(container: str, kind: Kind) -> Body:
    """A varying rate is one of empty chunks: each keeps a period of 40 ms."""
    made = footage(kind, grid=_UNIT_MS)
    law = "ulaw" if kind.sound else ""
    chunks = []
    at = 0
    for one in made.coded:
        while at < one.pts:
            at += _UNIT_MS * 90
            if at < one.pts:
                chunks.append(chunk(b"00dc", b""))
        chunks.append(chunk(b"00dc", one.data))
    units = _units(made, law)
    if law:
        sounds = [chunk(b"01wb", data) for _, data in units]
        both = zip(chunks, sounds[: len(chunks)], strict=True)
        chunks = [each for pair in both for each in pair] + sounds[len(chunks) :]
    name = b"H264" if kind.codec == "h264" else b"HEVC"
    headers = [video_header(name, 25)] + ([sound_header()] if law else [])
    return Body(container, made, avi(chunks, *headers), law, _heard(units))


def _libav(
    form: str, audio: str, *, broadcast: bool = False, least: int = 0, hidden: int = 0,
    **options: str,
) -> Callable[[str, Kind], Body]:  # fmt: skip
    """A writer of files as libavformat makes them of coded pictures, filled up to `least` bytes;
    times of the first `hidden` pictures lie before 0: libavformat writes an edit list."""

    def write(container: str, kind: Kind) -> Body:
        made = footage(kind, broadcast=broadcast)
        made = replace(made, coded=tuple(_filled(kind, one, least) for one in made.coded))
        law = "alaw" if kind.sound and audio == "pcm_alaw" else ""
        whole = io.BytesIO(b"".join(one.data for one in made.coded))
        raw = "h264" if kind.codec == "h264" else "hevc"
        with (
            tempfile.NamedTemporaryFile() as out,
            av.open(whole, format=raw) as like,
            av.open(out.name, "w", form, options=options) as file,
        ):
            video = file.add_stream_from_template(like.streams.video[0])
            video.time_base = Fraction(1, 90_000)
            heard = file.add_stream(audio, rate=8000 if law else 48_000) if kind.sound else None
            if heard is not None:
                heard.layout = "mono"
            units = _units(made, law, 20)
            for one in sorted(_packets(made, units, heard, video), key=_when):
                late = int(Fraction(made.ticks[hidden], 90_000) / one.time_base)
                one.pts, one.dts = (one.pts or 0) - late, (one.dts or 0) - late
                file.mux(one)
            file.close()
            data = Path(out.name).read_bytes()
            return Body(container, made, data, law, _heard(units), hidden)

    return write


def _plain_ps(container: str, kind: Kind) -> Body:
    """In a pack (2048 bytes) only the first picture gets a time, and at a varying rate that of
    another is lost for good: pictures are filled until libavformat has found a time for each."""
    for least in range(3100, 12_000, 1000):
        made = _libav("vob", "mp2", least=least)(container, kind)
        with av.open(io.BytesIO(made.data), format="mpeg") as file:
            if all(packet.pts is not None for packet in file.demux(video=0) if packet.size):
                return made
    raise AssertionError(f"pictures without a time in every {container} of {kind}")


def _plain_ps_aac(container: str, kind: Kind) -> Body:
    """libavformat refuses AAC in a program stream: it is laid between its packs of 2048 bytes."""
    made = _plain_ps(container, replace(kind, sound=False))
    with av.open(io.BytesIO(made.data), format="mpeg") as file:
        zero = min(packet.pts for packet in file.demux(video=0) if packet.pts is not None)
    length = (made.footage.ticks[-1] + 9000) // 90_000 + 1
    frames = adts(48_000, length)
    out, number = [], 0
    for at in range(0, len(made.data), 2048):
        pack = made.data[at : at + 2048]
        clock = _system_clock(pack)
        while number < len(frames) and zero + number * 1920 <= clock + 45_000:
            out.append(hikps.pes(0xC0, frames[number], pts=zero + number * 1920, flags=False))
            number += 1
        out.append(pack)
    blocks = tuple(frame[7:] for frame in frames[:number])
    return Body(container, replace(made.footage, kind=kind), b"".join(out), units=blocks)


def _system_clock(pack: bytes) -> int:
    """SCR base of a pack header (ISO 13818-1 2.5.3.3)."""
    assert pack.startswith(b"\0\0\1\xba")
    bits = int.from_bytes(pack[4:10], "big")
    return (bits >> 43 & 7) << 30 | (bits >> 27 & 0x7FFF) << 15 | bits >> 11 & 0x7FFF


def _packets(
    made: Footage,
    units: list[tuple[int, bytes]],
    heard: av.AudioStream | None,
    video: av.VideoStream,
) -> list[av.Packet]:
    out = []
    for number, one in enumerate(made.coded):
        packet = av.Packet(one.data)
        packet.stream, packet.time_base = video, Fraction(1, 90_000)
        packet.pts, packet.dts, packet.is_keyframe = one.pts, one.dts, one.key
        later = made.coded[number + 1].dts if number + 1 < len(made.coded) else one.dts + 3600
        packet.duration = later - one.dts
        out.append(packet)
    if heard is None:
        return out
    if units:
        for ms, data in units:
            packet = av.Packet(data)
            packet.stream, packet.time_base = heard, Fraction(1, 8000)
            packet.pts = packet.dts = ms * 8
            packet.duration = len(data)
            out.append(packet)
        return out
    return out + _tone(made, heard)


def _tone(made: Footage, heard: av.AudioStream) -> list[av.Packet]:
    count = (made.ticks[-1] + 9000) * 48_000 // 90_000
    wave = np.sin(np.arange(count) / 20, dtype=np.float32).reshape(1, -1) / 3
    form = heard.codec_context.format.name if heard.codec_context.format else "fltp"
    data = wave if form == "fltp" else (wave * 32767).astype(np.int16)
    out = []
    for at in range(0, count, 1152):
        block = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(data[:, at : at + 1152]), format=form, layout="mono"
        )
        block.sample_rate, block.pts, block.time_base = 48_000, at, Fraction(1, 48_000)
        out += heard.encode(block)
    return out + heard.encode(None)


def _when(packet: av.Packet) -> Fraction:
    return packet.dts * packet.time_base


def _filled(kind: Kind, one: Coded, least: int) -> Coded:
    """The picture with a filler NAL unit (H.264 7.3.2.7, H.265 7.3.2.8) where it is shorter."""
    if len(one.data) >= least:
        return one
    head = b"\x0c" if kind.codec == "h264" else b"\x4c\x01"
    return replace(one, data=one.data + _START + head + b"\xff" * (least - len(one.data)) + b"\x80")


def _long(data: bytes) -> bytes:
    """All start codes of four bytes, as recorders write them."""
    return data.replace(_START, b"\0\0\1").replace(b"\0\0\1", _START)


_WRITERS: dict[str, Callable[[str, Kind], Body]] = {
    "hikvision ps": _hikvision,
    "plain ps": _plain_ps,
    "everfocus": _everfocus,
    "avi": _avi,
    "mp4 moov first": _libav("mp4", "aac", movflags="faststart"),
    "mp4 moov last": _libav("mp4", "aac", broadcast=True, video_track_timescale="30000"),
    "mp4 fragmented": _libav("mp4", "aac", movflags="frag_keyframe+delay_moov"),
    "mp4 with a lead-in": _libav("mp4", "aac", hidden=_HIDDEN, avoid_negative_ts="disabled"),
    "mov": _libav("mov", "pcm_alaw"),
    "plain ps with aac": _plain_ps_aac,
}
