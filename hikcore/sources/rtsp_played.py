"""The body that a playback becomes: pictures and sound, as they come, into a program stream; and
where it goes on when a connection broke.

A playback is continued by its pictures: a new one begins at the last key picture that is written,
has to bring that whole group again, byte for byte, and what follows is new. So nothing is lost or
doubled, whatever the times are worth. Where two groups are alike (a lens cap) the sender's clock
decides; without one it is begun anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, cast

from hikcore.deviceclock import DeviceClock
from hikcore.errors import TransferInterrupted
from hikcore.instants import NS, ns_to_ticks, ticks_to_ns
from hikcore.media.ps_write import END, adts, picture, program_map, sound
from hikcore.media.rtp import VideoCodec, is_set
from hikcore.sources.rtsp import Playing
from hikcore.sources.rtsp_times import FIRST, Sample

Write = Callable[[bytes], Awaitable[None]]
_BLOCK: Final = 256 << 10
#: Pictures that are looked at for the place where it goes on.
_LOOKED_AT: Final = 20_000
#: Sound that comes meanwhile, in bytes and units: half an hour of what cameras send.
_HEARD_MOST: Final = 64 << 20
_HEARD_UNITS: Final = 200_000
#: Two readings of the sender's clock for one picture: rounding, and what a report is worth.
_SAME: Final = NS // 4
#: A sender report is of the footage (and not of the sending) if by it the first picture lies so
#: near to where the playback was to begin: at the key picture before it, or a second after.
_BEFORE: Final = 60 * NS
_AFTER: Final = 5 * NS


@dataclass(frozen=True, slots=True)
class _Key:
    """A key picture that is written: its time, and when it was filmed."""

    pts: int
    at: int


class Played:
    """A body that is played.

    Args:
        write: takes its blocks.
        clock: what the device's times mean.
        origin: UTC ns at which it is believed to begin.

    Attributes:
        size: bytes written. pictures: how many.
        first: UTC ns of the first picture, None before it came.
        filmed: whether sender reports tell when pictures were filmed.
    """

    def __init__(self, write: Write, clock: DeviceClock, origin: int) -> None:
        self._write = write
        self._clock = clock
        self.origin = origin
        self.size = 0
        self.pictures = 0
        self.first: int | None = None
        self.filmed: bool | None = None
        self._local = False
        self._shift = 0
        self._latest = 0
        self._heard: int | None = None
        self._group: list[bytes] = []
        self._before: tuple[bytes, ...] = ()
        self._key: _Key | None = None
        self._search: _Search | None = None
        self._landing: int | None = None
        self._buffer = bytearray()
        self._map: bytes | None = None
        self._second = False
        self._begun = False
        self._decoded = 0

    @property
    def last(self) -> int | None:
        """UTC ns of the latest picture shown, None before one came."""
        return self.at(self._latest, None) if self.pictures else None

    @property
    def resume_from(self) -> int | None:
        """UTC ns of the key picture from which it can be continued; or of what lies behind a
        hole."""
        if self._landing is not None:
            return self._landing
        return self._key.at if self._key is not None else None

    def at(self, pts: int, wall: int | None) -> int:
        """UTC ns of a picture: by the sender's clock where that tells when it was filmed."""
        if wall is not None and self.filmed:
            return self._utc(wall)
        if self._key is not None:
            return self._key.at + ticks_to_ns(pts - self._key.pts)
        return self.origin + ticks_to_ns(pts - FIRST)

    def jump(self, at: int) -> None:
        """The next playback begins behind a hole, at that time: it need not bring again what was
        had, and if it does, that is left out up to a key picture that is new."""
        self._landing, self._search = at, None

    @property
    def jumping(self) -> bool:
        """Whether nothing of what lies behind a hole has come yet."""
        return self._landing is not None

    def again(self) -> None:
        """Another playback begins, at `resume_from`, which is to go on with what is written.

        Raises:
            TransferInterrupted: nothing can tell where that would be.
        """
        if self._landing is not None:
            return
        group = tuple(self._group)
        if group == self._before and not self.filmed:
            raise TransferInterrupted("nothing tells where to go on: its pictures are all alike")
        self._search = _Search(group) if self.pictures else None

    @property
    def searching(self) -> bool:
        """Whether the place at which it goes on was not found yet."""
        return self._search is not None

    def time_of(self, sample: Sample) -> int:
        """UTC ns of a sample of the playback at hand."""
        if sample.kind == "video" and sample.wall is not None and self.filmed is None:
            self._judge(sample, sample.wall)
        if self._landing is not None:
            if sample.kind == "video" and sample.sync:
                self._land(sample, self._landing)
            if self._landing is not None:
                return self._landing
        return self.at(sample.pts + self._shift, sample.wall)

    async def take(self, playing: Playing, sample: Sample) -> None:
        """One more sample.

        Raises:
            TransferInterrupted: this playback does not go on with what is written.
        """
        if self._landing is not None:
            return
        if self._search is not None:
            await self._go_on(playing, sample, self._search)
        elif sample.kind == "video":
            await self._picture(playing, sample)
        else:
            await self._sound(playing, sample)

    async def finish(self) -> None:
        """The end: write what is left."""
        if self.size or self._buffer:
            await self._put(END)
            await self._flush()

    async def _go_on(self, playing: Playing, sample: Sample, search: _Search) -> None:
        if sample.kind == "audio":
            search.hear(sample)
            return
        if not search.begun and self._before_key(sample):
            return
        if not search.found(_digest(sample)):
            return
        self._search = None
        # The picture that was written last, as this playback times it.
        self._shift = self._decoded - sample.pts
        for early in search.heard:
            await self._sound(playing, early)

    def _land(self, sample: Sample, at: int) -> None:
        """Go on with a key picture behind a hole, unless it lies before it."""
        if sample.wall is not None and self.filmed:
            at = self._utc(sample.wall)
        if _digest(sample) in {*self._before, *self._group}:
            return
        if self._key is None or at <= (self.last or 0):
            return
        self._shift = self._key.pts + ns_to_ticks(at - self._key.at) - sample.pts
        self._landing = None

    def _before_key(self, sample: Sample) -> bool:
        """Whether the sender's clock says that a picture was filmed before the last key picture."""
        if self._key is None or sample.wall is None or not self.filmed:
            return False
        return self._utc(sample.wall) < self._key.at - _SAME

    async def _picture(self, playing: Playing, sample: Sample) -> None:
        video = playing.video
        assert video is not None
        pts = sample.pts + self._shift
        at = self.time_of(sample)
        self.first = at if self.first is None else self.first
        codec = cast(VideoCodec, video.codec)
        units = sample.units
        if sample.sync:
            self._before, self._group, self._key = tuple(self._group), [], _Key(pts, at)
        if sample.sync and not self._begun:
            self._begun = True
            if not any(is_set(codec, unit) for unit in units):
                units = (*video.sets, *units)  # from here on a reader has what it needs
        program = b""
        # The clock stands beside the second picture of a group, too: where key pictures come at
        # whole seconds, nobody could tell that it has milliseconds.
        if sample.sync or self._second or self._map is None:
            program = self._program(playing, sample)
        self._second = sample.sync
        self._group.append(_digest(sample))
        self._decoded = pts
        self._latest = max(self._latest, pts) if self.pictures else pts
        self.pictures += 1
        await self._put(picture(units, pts, codec=codec, program=program))

    def _program(self, playing: Playing, sample: Sample) -> bytes:
        audio = playing.audio
        wall = None
        if sample.wall is not None and self.filmed:
            wall = self._clock.zone.utc_to_local(self._utc(sample.wall))
        self._map = program_map(
            playing.video.codec if playing.video is not None else None,
            audio.codec if audio is not None else None,
            audio.rate if audio is not None else 0,
            audio.channels if audio is not None else 0,
            wall,
        )
        return self._map

    async def _sound(self, playing: Playing, sample: Sample) -> None:
        audio = playing.audio
        assert audio is not None
        pts = sample.pts + self._shift
        if self._heard is not None and pts <= self._heard:
            return  # a playback that goes on brings it again
        unit: bytes | None = sample.units[0]
        if audio.codec == "aac":
            unit = adts(sample.units[0], audio.config)
        if unit is not None and self._map is not None:
            self._heard = pts
            await self._put(sound(unit, pts))

    def _judge(self, sample: Sample, wall: int) -> None:
        """Whether reports tell of the footage: as UTC, or as the device's own wall clock."""
        expected = self.origin + ticks_to_ns(sample.pts - FIRST)
        for local in (False, True):
            self._local = local
            if -_BEFORE <= self._utc(wall) - expected <= _AFTER:
                self.filmed = True
                return
        self.filmed = False

    def _utc(self, wall: int) -> int:
        return self._clock.wall_to_utc(wall, self.origin) if self._local else wall

    async def _put(self, data: bytes) -> None:
        self._buffer += data
        while len(self._buffer) >= _BLOCK:
            await self._flush()

    async def _flush(self) -> None:
        block = bytes(self._buffer[: 4 * _BLOCK])
        del self._buffer[: 4 * _BLOCK]
        self.size += len(block)
        await self._write(block)


class _Search:
    """Looks for a group of pictures in a new playback.

    Args:
        group: digests of its pictures, in decoding order.

    Attributes:
        heard: sound that came meanwhile.
    """

    def __init__(self, group: tuple[bytes, ...]) -> None:
        self._group = group
        self._next = 0
        self._seen = 0
        self.heard: list[Sample] = []
        self._heard_bytes = 0

    def hear(self, sample: Sample) -> None:
        """Sound, to be kept until the place is found.

        Raises:
            TransferInterrupted: so much of it that no pictures can belong to it.
        """
        self._heard_bytes += len(sample.units[0])
        if self._heard_bytes > _HEARD_MOST or len(self.heard) > _HEARD_UNITS:
            raise TransferInterrupted(
                "the playback brings sound and not the pictures that it brought before",
                hint="it begins anew",
            )
        self.heard.append(sample)

    @property
    def begun(self) -> bool:
        """Whether a picture of the group has come."""
        return self._next > 0

    def found(self, digest: bytes) -> bool:
        """Whether the picture of this digest is the last of the group, all before it found.

        Raises:
            TransferInterrupted: the group does not come.
        """
        self._seen += 1
        if digest == self._group[self._next]:
            self._next += 1
            return self._next == len(self._group)
        if self._next or self._seen > _LOOKED_AT:
            raise TransferInterrupted(
                "the playback does not bring again what it brought before",
                hint="it begins anew",
            )
        return False


def _digest(sample: Sample) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    for unit in sample.units:
        digest.update(len(unit).to_bytes(4, "big"))
        digest.update(unit)
    return digest.digest()
