"""Times of what comes over RTP: 90 kHz ticks on one line for pictures and sound, and the wall clock
that sender reports tell. Pure.

Distances are the stream's own, exactly. Where the sound lies beside the pictures is found once: by
what PLAY was answered (RTP-Info), else by sender reports, else by when both came.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal, cast

from hikcore.errors import TransferInterrupted
from hikcore.media.rtp import AacUnits, AccessUnit, VideoUnits
from hikcore.media.rtp_packets import (
    Numbers,
    Packet,
    Report,
    Unwrap,
    parse_packet,
    parse_report,
)
from hikcore.sources.rtsp_sdp import Media

#: The time of the first picture: some that follow it may be shown before it.
FIRST: Final = 900_000
#: What an RTP-Info says is believed within so many seconds of what comes: some are always 0.
_NEAR: Final = 10
#: Units of sound that wait for the first picture.
_WAITING: Final = 1000


@dataclass(frozen=True, slots=True)
class Sample:
    """A picture or a unit of sound.

    Attributes:
        kind: `video` or `audio`.
        pts: 90 kHz, unwrapped; the first picture has `FIRST`.
        units: NAL units of a picture without start codes; of sound the unit alone.
        sync: whether decoding can begin here.
        wall: UTC ns by the device's sender reports; None before one came.
        whole: no packet of it is known to be missing.
    """

    kind: Literal["video", "audio"]
    pts: int
    units: tuple[bytes, ...]
    sync: bool
    wall: int | None = None
    whole: bool = True


@dataclass(slots=True)
class _Line:
    """One stream's RTP times on the line: `at` (90 kHz) where its time is that of `unwrap`'s
    begin."""

    rate: int
    unwrap: Unwrap = field(default_factory=Unwrap)
    at: int = 0
    report: Report | None = None

    def pts(self, stamp: int) -> int:
        return self.at + self.unwrap(stamp) * 90_000 // self.rate

    def look(self, stamp: int) -> int | None:
        """The same, without taking notice of it."""
        ticks = self.unwrap.of(stamp)
        return None if ticks is None else self.at + ticks * 90_000 // self.rate


class Times:
    """The streams of one session.

    Args:
        media: at most one of pictures and one of sound.
        info: by kind, the RTP time at the begin, where PLAY told it.
    """

    def __init__(self, media: list[Media], info: dict[str, int] | None = None) -> None:
        self._info = dict(info or {})
        self._video: VideoUnits | None = None
        self._aac: AacUnits | None = None
        self._numbers = Numbers()
        self._pictures = _Line(90_000)
        self._sounds: _Line | None = None
        self._waiting: list[tuple[Media, Packet]] = []
        self._begun = False
        self._heard_breaks = 0
        for each in media:
            if each.kind == "video":
                codec = cast(Literal["h264", "h265"], each.codec)
                self._video, self._pictures.rate = VideoUnits(codec), each.rate
            elif each.codec == "aac":
                bits = (each.format.get("sizelength", ""), each.format.get("indexlength", ""))
                size, index = (
                    int(b) if b.isdecimal() and len(b) < 3 and int(b) < 17 else 0 for b in bits
                )
                self._aac = AacUnits(size or 13, index if bits[1] else 3)
        self._report: dict[str, Report] = {}

    @property
    def lost(self) -> int:
        """Packets that were left out so far."""
        return self._numbers.lost + sum(
            each.numbers.lost for each in (self._video, self._aac) if each is not None
        )

    def report(self, media: Media, data: bytes) -> None:
        """An RTCP packet of a stream."""
        found = parse_report(data)
        if found is not None:
            self._report[media.kind] = found

    def packet(self, media: Media, data: bytes) -> Iterator[Sample]:
        """An RTP packet of a stream; what is whole now.

        Raises:
            MediaDamaged, MediaUnsupported: see `VideoUnits`.
            TransferInterrupted: pictures of another source go on. Nothing of what the session's
                description said and of its times holds for them: it has to be asked for again.
        """
        packet = parse_packet(data)
        if packet is None or packet.kind != media.payload:
            return
        if media.kind == "video":
            yield from self._of_video(packet)
        elif not self._begun:
            if len(self._waiting) < _WAITING:
                self._waiting.append((media, packet))
        else:
            yield from self._of_audio(media, packet)

    def finish(self) -> Iterator[Sample]:
        """The last picture, where it is whole."""
        unit = self._video.finish() if self._video is not None else None
        if unit is not None:
            yield self._picture(unit)

    def _of_video(self, packet: Packet) -> Iterator[Sample]:
        assert self._video is not None
        unit = self._video.take(packet)
        if not self._begun:
            self._begun = True
            self._pictures.at = FIRST
            self._pictures.unwrap(packet.stamp)
        if unit is not None:
            yield self._picture(unit)
        if self._video.numbers.breaks:
            raise TransferInterrupted(
                "the device began another stream in the middle of this one (a new SSRC)",
                hint="its encoder was started anew, or its settings were changed",
            )
        waiting, self._waiting = self._waiting, []
        for media, early in waiting:
            yield from self._of_audio(media, early)

    def _picture(self, unit: AccessUnit) -> Sample:
        pts = self._pictures.pts(unit.stamp)
        return Sample("video", pts, unit.units, unit.sync, self._wall(unit.stamp), unit.whole)

    def _wall(self, stamp: int) -> int | None:
        report = self._report.get("video")
        if report is None:
            return None
        ticks = ((stamp - report.stamp + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)
        return report.wall + ticks * 1_000_000_000 // self._pictures.rate

    def _of_audio(self, media: Media, packet: Packet) -> Iterator[Sample]:
        if self._aac is not None:
            units, numbers = self._aac.take(packet), self._aac.numbers
        else:
            numbers = self._numbers
            units = [(0, packet.payload)] if numbers.step(packet) != "old" else []
        if numbers.breaks > self._heard_breaks:
            # What was told of the source before says nothing of this one.
            self._heard_breaks = numbers.breaks
            self._sounds = None
            self._info.pop("audio", None)
            self._report.pop("audio", None)
        units = [(offset, unit) for offset, unit in units if unit]
        if not units:
            return
        if self._sounds is None:
            self._sounds = _Line(media.rate)
            self._sounds.at = self._beside(media, packet.stamp)
        begin = self._sounds.pts(packet.stamp)
        for offset, unit in units:
            yield Sample("audio", begin + offset * 90_000 // media.rate, (unit,), True)

    def _beside(self, media: Media, stamp: int) -> int:
        """Where the first unit of sound lies on the pictures' line."""
        latest = self._pictures.at + self._pictures.unwrap.last * 90_000 // self._pictures.rate
        told = self._info.get("video"), self._info.get("audio")
        if told[0] is not None and told[1] is not None:
            begin, late = self._pictures.look(told[0]), _signed(stamp - told[1])
            near = begin is not None and abs(begin - FIRST) <= _NEAR * 90_000
            if near and begin is not None and abs(late) <= _NEAR * media.rate:
                return begin + late * 90_000 // media.rate
        seen, heard = self._report.get("video"), self._report.get("audio")
        if seen is not None and heard is not None:
            wall = heard.wall + _signed(stamp - heard.stamp) * 1_000_000_000 // media.rate
            at = self._pictures.look(seen.stamp)
            if at is not None:
                found = at + (wall - seen.wall) * 9 // 100_000
                if abs(found - latest) <= _NEAR * 90_000:
                    return found
        return latest


def _signed(ticks: int) -> int:
    return ((ticks + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)
