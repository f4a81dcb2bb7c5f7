"""Live frames to fragmented MP4 as they come: not encoded again, playable at any moment.

Every second, and at every key picture, what has come is indexed as any EverFocus stream is and
written as one fragment. So a process that is killed leaves a file that plays to its last second.
Times are the device's, less steps of its clock (`hikcore.media.livetimes`): a pause lasts as long
in the file as it did. Another resolution, codec, or sound that begins later starts a further file,
as one file begins with what its decoders must know.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from hikcore.errors import MediaDamaged, MediaUnsupported
from hikcore.instants import ns_to_ticks
from hikcore.media.everfocus import EverFocusIndexer
from hikcore.media.keypicture import decodes_from
from hikcore.media.livetimes import LiveClock
from hikcore.media.mp4.fragment import Behind, fragment_layout
from hikcore.media.mp4.headers import TIMESCALE, Writable
from hikcore.media.mp4.write import Edit, OutTrack
from hikcore.media.samples import SampleReader
from hikcore.media.spread import media_times
from hikcore.media.table import CodecConfig, Samples
from hikcore.media.units import (
    LONGEST,
    LiveUnit,
    Memory,
    lasts,
    rising,
    sound_samples,
    timed,
)

_HEADER: Final = struct.Struct("<IIHHHIH12x")
_MAGIC: Final = 0x89639615
_G711: Final = 16
_H265: Final = (8, 9)
#: A fragment begins at a key picture, or when so much has come.
_TICKS: Final = TIMESCALE
_BYTES: Final = 8 << 20
#: 40 ms: of the last picture, where there is no other.
_STEP: Final = 3600
#: Sound whose time lies further from the pictures that it came with has a wrong one (10 s).
_NEAR: Final = 10 * TIMESCALE
#: Units of sound that wait for a file with a track for them: a minute.
_WAITING: Final = 3000


@dataclass(slots=True)
class RecordingReport:
    """What was written.

    Attributes:
        files, fragments, frames, units, bytes: how many (units: of sound; bytes: of the files).
        begin, end: UTC ns by the device's clock, of the first picture and of the last; -1: none.
        lost: what could not be written, in words, and how often.
        steps: of the device's clock, see `LiveClock`.
    """

    files: int = 0
    fragments: int = 0
    frames: int = 0
    units: int = 0
    bytes: int = 0
    begin: int = -1
    end: int = -1
    lost: Counter[str] = field(default_factory=Counter)
    steps: list[tuple[int, int]] = field(default_factory=list)


class LiveWriter:
    """Writes one camera's live frames.

    Args:
        open_file: gives the stream of the n-th file (from 1), or None where there cannot be one.
        law: of the G.711 sound; may be set until the first of it comes.

    Attributes:
        reorders: pictures come in another order than they are shown in (B pictures; RTSP alone has
            them). Set before the first of them comes. Then a fragment is a whole group.
    """

    def __init__(
        self,
        open_file: Callable[[int], Writable | None],
        *,
        law: Literal["ulaw", "alaw"] = "ulaw",
    ) -> None:
        self.report = RecordingReport()
        self._open = open_file
        self.law: Literal["ulaw", "alaw"] = law
        self.reorders = False
        self._delay = 0
        self._clock = LiveClock()
        self._pictures: list[LiveUnit] = []
        self._sound: list[LiveUnit] = []
        self._size = 0
        self._key = b""
        self._out: Writable | None = None
        self._tracks = 0
        self._config: CodecConfig | None = None
        self._zero = 0
        self._fragments = 0
        self._sound_end = 0
        self._deaf = False

    def add(self, kind: int, time: int, payload: bytes | memoryview, received: int) -> None:
        """The next frame, as `LiveFrame` has it.

        Raises:
            MediaUnsupported: a further file is needed, and cannot be opened.
            OSError: it cannot be written.
        """
        if kind == _G711:
            self._sound.append(LiveUnit(kind, self._clock.beside(time), bytes(payload)))
            return
        picture = LiveUnit(kind, -1, bytes(payload))
        picture.key = decodes_from(picture.data, h265=kind in _H265)
        if self.reorders and not picture.key:
            picture.time = self._clock.beside(time)
        else:
            picture.time = self._clock.picture(time, received)
        if self._pictures and self._full(picture):
            self._flush(picture)
        self._pictures.append(picture)
        self._size += len(picture.data)
        if time >= 0:
            self.report.begin = time if self.report.begin < 0 else self.report.begin
            self.report.end = time

    def close(self) -> RecordingReport:
        """Write what is left. The files are the caller's to close."""
        if self._pictures:
            self._flush(None)
        self.report.steps = self._clock.steps
        return self.report

    def _full(self, picture: LiveUnit) -> bool:
        first = self._pictures[0]
        waited = picture.time - first.time if picture.time >= 0 and first.time >= 0 else 0
        return (
            picture.key
            or (ns_to_ticks(waited) >= _TICKS and not self.reorders)
            or self._size >= _BYTES
            or len(self._pictures) >= 1000
        )

    def _flush(self, following: LiveUnit | None) -> None:
        """Write the pictures that have come as a fragment; `following` ends the last one."""
        pictures, self._pictures, self._size = self._pictures, [], 0
        end = self._ticks(pictures, following)
        begins = pictures[0].key
        try:
            samples, source = self._index(pictures, begins=begins, end=end)
        except MediaDamaged as error:
            # Its bytes are no pictures: what follows may be.
            self.report.lost[error.message] += len(pictures)
            return
        if begins:
            self._key = pictures[0].data
        self._ready(samples.configs[0], int(samples.pts[0]), begins=begins)
        self._write(samples, source, end, last=following is None)

    def _ticks(self, pictures: Sequence[LiveUnit], following: LiveUnit | None) -> int:
        """Give each picture its tick; the tick at which the last one ends."""
        units = [*pictures, following] if following is not None else list(pictures)
        if self.reorders and all(unit.time >= 0 for unit in units):
            return self._shown(pictures, following)
        clock = np.array([ns_to_ticks(u.time) if u.time >= 0 else 0 for u in units], np.int64)
        known = np.array([u.time >= 0 for u in units], np.bool_)
        times = media_times(clock, known)
        ticks = times.pts
        if not known.any():
            ticks = ticks + max(pictures[0].tick, 0)
        # The first one's was given when it ended the fragment before.
        at = pictures[0].tick if pictures[0].tick >= 0 else int(ticks[0])
        pictures[0].tick = at
        for unit, tick in zip(units[1:], ticks[1:].tolist(), strict=True):
            at = max(int(tick), at + 1)
            unit.tick = at
        if following is None:
            return at + (times.step if len(pictures) > 1 else _STEP)
        return at

    def _shown(self, pictures: Sequence[LiveUnit], following: LiveUnit | None) -> int:
        """The same of a group whose pictures come in another order than they are shown in."""
        floor = max(pictures[0].tick, 0)
        for unit in pictures:
            unit.tick = max(ns_to_ticks(unit.time), floor)
        latest = max(unit.tick for unit in pictures)
        if following is None:
            return latest + _STEP
        following.tick = max(ns_to_ticks(following.time), latest + 1)
        return following.tick

    def _index(
        self, pictures: Sequence[LiveUnit], *, begins: bool, end: int
    ) -> tuple[Samples, Memory]:
        """The samples of these pictures. In the middle of a group the key picture that it began
        with stands before them, for its parameter sets, and is left out again."""
        indexer = EverFocusIndexer(size_counts_header=False, law=self.law)
        parts: list[bytes] = []
        offsets: list[int] = []
        at = 0
        lead = [] if begins or not self._key else [LiveUnit(pictures[0].kind, -1, self._key)]
        for unit in (*lead, *pictures):
            header = _HEADER.pack(_MAGIC, len(unit.data), unit.kind, 0, 0, 1, 0)
            offsets.append(at)
            parts += (header, unit.data)
            at += len(header) + len(unit.data)
        source = Memory(b"".join(parts))
        indexer.feed(source.data)
        table = indexer.finish()
        if table.video is None:
            raise MediaDamaged("no picture in it")
        video = table.video
        frame = np.searchsorted(offsets, video.extent_offset[video.first[:-1]], side="right") - 1
        own = np.flatnonzero(frame >= len(lead))
        missing = len(pictures) - len(own)
        if missing > 0:
            self.report.lost["frames that are no picture of their own"] += missing
        if not len(own):
            raise MediaDamaged("no picture in it")
        video = video.slice(int(own[0]), int(own[-1]) + 1)
        ticks = np.array([p.tick for p in pictures], np.int64)[frame[own] - len(lead)]
        if self.reorders:
            return timed(video, self._decoded(ticks), ticks, end - self._delay), source
        ticks = rising(ticks)
        return timed(video, ticks, ticks, end), source

    def _decoded(self, pts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Decoding times of a group: one delay before the order of showing, the same for all groups
        (that of the first), as an edit list could only say one at the file's begin."""
        ordered = np.sort(pts)
        if not self._delay:
            self._delay = int((ordered - pts).max())
        least = np.minimum.accumulate(pts[::-1])[::-1]  # none after it is shown
        return np.minimum(ordered - self._delay, least)

    def _ready(self, config: CodecConfig, tick: int, *, begins: bool) -> None:
        """See that there is a file for what comes now."""
        fits = self._out is not None and config == self._config
        sounds = bool(self._sound) and not self._deaf
        if fits and not (sounds and begins and self._tracks == 1):
            return
        out = self._open(self.report.files + 1)
        if out is None and fits:
            self._deaf = True
            return
        if out is None:
            raise MediaUnsupported(
                "the stream changed in a way that needs another file",
                hint="record to a file instead, or start again",
            )
        self._out, self._config, self._zero = out, config, tick
        self._tracks, self._fragments, self._sound_end = 1 + sounds, 0, 0
        for unit in self._sound:
            unit.tick = -1  # it was of the file before
        self.report.files += 1

    def _write(self, samples: Samples, source: Memory, end: int, *, last: bool) -> None:
        assert self._out is not None
        # Shown from the first picture on, which is decoded by a delay before (14496-12 8.6.6).
        edits = (Edit(0, self._delay),) if self._delay else ()
        tracks = [OutTrack(samples, edits)]
        readers = [SampleReader(source)]
        begins = [int(samples.dts[0]) + self._delay - self._zero]
        sound = self._take_sound(int(samples.pts[0]), end, last=last)
        if sound is not None:
            units, heard = sound
            tracks.append(OutTrack(units))
            readers.append(SampleReader(heard))
            begins.append(int(units.dts[0]) - self._zero)
        plan = fragment_layout(
            tracks, least=LONGEST * 2, behind=Behind(self._fragments, tuple(begins))
        )
        if not self._fragments:
            init = plan.init if len(tracks) == self._tracks else self._silent_init(samples, edits)
            self._put(init)
        for one in plan.fragments:
            self._put(one.head)
            for track, begin, stop in one.parts:
                self._put(readers[track].read(tracks[track].samples, begin, stop))
        self._fragments += len(plan.fragments)
        self.report.fragments += len(plan.fragments)
        self.report.frames += len(samples)
        flush = getattr(self._out, "flush", None)
        if flush is not None:
            flush()

    def _silent_init(self, samples: Samples, edits: tuple[Edit, ...]) -> bytes:
        """An init segment with a track of sound, though none lies in the first fragment."""
        config = self._sound_config()
        none = sound_samples([LiveUnit(_G711, -1, b"\0", 0)], config, 1)
        plan = fragment_layout([OutTrack(samples, edits), OutTrack(none)], behind=Behind(0, (0, 0)))
        return plan.init

    def _take_sound(self, begin: int, end: int, *, last: bool) -> tuple[Samples, Memory] | None:
        """The units of sound that begin before the tick `end`, but for the newest: how long it
        lasts is known when the next one comes, or never (`last`)."""
        if self._tracks == 1:
            # Kept for the next key picture, at which a file with sound can begin.
            surplus = len(self._sound) if self._deaf else max(len(self._sound) - _WAITING, 0)
            self._drop(surplus, "units of sound that no file has a place for")
            return None
        at = self._zero + self._sound_end
        for unit in self._sound:
            if unit.tick < 0:
                tick = ns_to_ticks(unit.time) if unit.time >= 0 else at
                if not begin - _NEAR <= tick <= end + _NEAR:
                    tick = at  # its clock is wrong: it follows the unit before
                if tick < self._zero:
                    continue
                unit.tick = max(tick, at)
            at = unit.tick + 1
        placed = [unit for unit in self._sound if unit.tick >= 0]
        if len(placed) < len(self._sound):
            early = len(self._sound) - len(placed)
            self.report.lost["units of sound before the first picture"] += early
            self._sound = placed
        count = sum(1 for unit in self._sound if last or unit.tick < end)
        count = min(count, len(self._sound) - (not last))
        if count <= 0:
            return None
        units, self._sound = self._sound[:count], self._sound[count:]
        until = self._sound[0].tick if self._sound else units[-1].tick + lasts(units[-1])
        self._sound_end = until - self._zero
        self.report.units += count
        samples = sound_samples(units, self._sound_config(), until)
        return samples, Memory(b"".join(unit.data for unit in units))

    def _drop(self, count: int, why: str) -> None:
        if count:
            self.report.lost[why] += count
            del self._sound[:count]

    def _sound_config(self) -> CodecConfig:
        return CodecConfig(self.law, rate=8000, channels=1)

    def _put(self, data: bytes | memoryview) -> None:
        assert self._out is not None
        self._out.write(data)
        self.report.bytes += len(data)
