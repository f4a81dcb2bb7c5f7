"""Reads the tables of `stbl` into columns, without a loop over samples.

A uniform sample size lets a few bytes declare billions of samples, so counts are held against the
size of the file, and have a cap besides.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hikcore.errors import MediaError, MediaUnsupported
from hikcore.media.mp4.boxes import Faults, children
from hikcore.media.mp4.entries import nal_width, read_entry
from hikcore.media.mp4.pcm import pcm_units
from hikcore.media.mp4.sound_entries import PCM, sample_bytes
from hikcore.media.table import CodecConfig, Samples

#: More than two days of video at 25 pictures a second; a day of audio at 50 units a second.
MAX_SAMPLES = 5_000_000
#: So that no sum of an offset and the sizes of MAX_SAMPLES leaves 63 bits.
_LARGEST_OFFSET = 1 << 62
_Boxes = dict[bytes, tuple[int, int]]


class SampleTables:
    """The payload of one `stbl`.

    Args:
        data: bytes that hold it, from `begin` to `end`.
        faults: where faults go.
        file_size: bytes of the file, where known: no sample lies beyond.

    Raises:
        MediaDamaged: stsd is missing or broken.
    """

    def __init__(
        self, data: bytes, begin: int, end: int, faults: Faults, file_size: int | None
    ) -> None:
        self._data = data
        self._begin = begin
        self._faults = faults
        self._room = file_size if file_size is not None else _LARGEST_OFFSET
        self._boxes: _Boxes = {}
        for kind, payload, stop in children(data, begin, end):
            self._boxes.setdefault(kind, (payload, stop))
        self._entries: list[CodecConfig | MediaError] = []
        self.widths: list[int] = []
        self._read_entries()

    def configs(self, used: NDArray[np.uint16]) -> tuple[CodecConfig, ...]:
        """Every configuration, if those in use can be read; one that cannot and is not used stands
        there as the first in use.

        Raises:
            MediaUnsupported, MediaEncrypted, MediaDamaged: a used one cannot be read, or the
                samples change their codec.
        """
        # Not np.unique, which sorts or hashes: of a whole file that takes longer than a cut.
        several = len(self._entries) > 1 and len(used) > 0
        numbers = np.flatnonzero(np.bincount(used)).tolist() if several else [0]
        for number in numbers:
            entry = self._entries[number]
            if isinstance(entry, MediaError):
                raise entry
        first = self._entries[numbers[0]]
        assert isinstance(first, CodecConfig)
        out = tuple(
            first if isinstance(one, MediaError) or one.codec != first.codec else one
            for one in self._entries
        )
        codecs = {one.codec for n in numbers if isinstance(one := self._entries[n], CodecConfig)}
        if len(codecs) > 1:
            raise MediaUnsupported("several codecs in one track")
        return out

    def samples(self, timescale: int) -> Samples:
        """The samples.

        Raises:
            MediaDamaged: a table is missing or contradicts another from the first sample on.
            MediaUnsupported: a codec that we do not read, or more samples than the cap.
        """
        uniform, count = self._count()
        first = self._entries[0]
        own = self._faults.strict  # our own units may be of any size
        if isinstance(first, CodecConfig) and first.codec in PCM and uniform and not own:
            frame = max(first.channels, 1) * sample_bytes(first)
            # QuickTime counts frames of sound; old writers say 1 for the size of any.
            if uniform in (frame, 1):
                return self._pcm(timescale, first, frame, count)
        size = self._sizes(uniform, count)
        runs, deltas = self._durations(len(size))
        durations = np.repeat(deltas, runs)
        offset, entry = self._places(size)
        count = min(len(size), len(offset), len(durations))
        durations, size = durations[:count], size[:count]
        offset, entry = offset[:count], entry[:count]
        ends = np.cumsum(durations)
        dts = ends - durations
        configs = self.configs(entry)
        return Samples(
            timescale=timescale,
            dts=dts,
            pts=dts + self._compositions(count),
            size=size,
            sync=self._sync(count),
            config=entry,
            first=np.arange(count + 1, dtype=np.int64),
            extent_offset=offset,
            extent_size=size,
            framing="length" if configs[0].codec in ("h264", "h265") else "raw",
            configs=configs,
            last_duration=int(durations[-1]) if count else 0,
        )

    def _pcm(self, timescale: int, config: CodecConfig, frame: int, count: int) -> Samples:
        chunks, held, _ = self._chunks(min(count, self._room // frame))
        runs, deltas = self._durations(int(held.sum()))
        units = pcm_units(chunks, held, frame, runs, deltas, config.rate)
        if len(units.size) > MAX_SAMPLES:
            raise MediaUnsupported(f"{len(units.size)} units of sound, more than {MAX_SAMPLES}")
        total = len(units.size)
        return Samples(
            timescale=timescale,
            dts=units.begin,
            pts=units.begin,
            size=units.size,
            sync=np.ones(total, np.bool_),
            config=np.zeros(total, np.uint16),
            first=np.arange(total + 1, dtype=np.int64),
            extent_offset=units.offset,
            extent_size=units.size,
            framing="raw",
            configs=(config,),
            last_duration=units.last_duration,
        )

    def _need(self, kind: bytes) -> tuple[int, int]:
        if kind not in self._boxes:
            raise self._faults.error(self._begin, f"no {kind.decode()} box in the sample table")
        return self._boxes[kind]

    def _rows(
        self, where: tuple[int, int], columns: int, dtype: str, skip: int = 4
    ) -> NDArray[Any]:
        """The rows of a table whose count stands before them, `skip` bytes into the payload; those
        that are there, where it is cut off."""
        begin, end = where
        if begin + skip + 4 > end:
            raise self._faults.error(begin, "a sample table is cut off")
        (count,) = struct.unpack_from(">I", self._data, begin + skip)
        width = columns * np.dtype(dtype).itemsize
        whole = (end - begin - skip - 4) // width
        if count > whole:
            self._faults.add(begin, f"a sample table is cut off: {whole} rows of {count}")
            count = whole
        rows = np.frombuffer(self._data, dtype, count * columns, begin + skip + 4)
        return rows.reshape(count, columns)

    def _read_entries(self) -> None:
        begin, end = self._need(b"stsd")
        iso = self._data[begin : begin + 1] == b"\x01"
        for _, payload, stop in children(self._data, begin + 8, end):
            entry = self._data[payload - 8 : stop]
            try:
                self._entries.append(read_entry(entry, iso=iso))
                self.widths.append(nal_width(entry))
            except MediaError as error:
                self._entries.append(error)
                self.widths.append(4)
        if not self._entries:
            raise self._faults.error(begin, "stsd holds no sample entry")

    def _count(self) -> tuple[int, int]:
        """(size of every sample, or 0 for a table of sizes; how many)."""
        if b"stsz" not in self._boxes and b"stz2" in self._boxes:
            raise MediaUnsupported("compact sample sizes (stz2)")
        begin, end = self._need(b"stsz")
        if begin + 12 > end:
            raise self._faults.error(begin, "stsz is cut off")
        size, count = struct.unpack_from(">II", self._data, begin + 4)
        return int(size), int(count)

    def _sizes(self, uniform: int, count: int) -> NDArray[np.uint32]:
        begin, end = self._need(b"stsz")
        if uniform:
            most = self._room // uniform
            if count > most:
                self._faults.add(begin, f"{count} samples of {uniform} bytes: more than the file")
                count = most
        rows = np.zeros(0) if uniform else self._rows((begin, end), 1, ">u4", skip=8)[:, 0]
        count = count if uniform else len(rows)
        if count > MAX_SAMPLES:
            raise MediaUnsupported(f"{count} samples in a track, more than {MAX_SAMPLES}")
        return np.full(count, uniform, np.uint32) if uniform else rows.astype(np.uint32)

    def _durations(self, count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(samples, duration of each) of every run, together at most `count` samples."""
        where = self._need(b"stts")
        rows = self._rows(where, 2, ">u4")
        runs, deltas = rows[:, 0].astype(np.int64), rows[:, 1].astype(np.int64)
        total = int(runs.sum())
        if total != count:
            self._faults.add(where[0], f"stts is for {total} samples where there are {count}")
        runs = np.diff(np.minimum(np.cumsum(runs), count), prepend=0)
        if (deltas >= 1 << 31).any():
            # A negative number of a writer that lost its clock: no sample lasts so long.
            self._faults.add(where[0], "stts holds a duration that cannot be")
            deltas = np.where(deltas >= 1 << 31, 1, deltas)
        return runs, deltas

    def _compositions(self, count: int) -> NDArray[np.int64]:
        if b"ctts" not in self._boxes or not count:
            return np.zeros(count, np.int64)
        rows = self._rows(self._boxes[b"ctts"], 2, ">u4")
        runs = rows[:, 0].astype(np.int64)
        # Signed in version 1; version 0 of old writers too (QuickTime), and no offset is that long.
        values = np.ascontiguousarray(rows[:, 1]).view(">i4").astype(np.int64)
        total = int(runs.sum())
        runs = np.diff(np.minimum(np.cumsum(runs), count), prepend=0)
        out = np.repeat(values, runs)
        if total < count:
            where = self._boxes[b"ctts"][0]
            self._faults.add(where, f"ctts is for {total} samples where there are {count}")
            last = int(out[-1]) if len(out) else 0
            out = np.concatenate([out, np.full(count - len(out), last, np.int64)])
        return out

    def _sync(self, count: int) -> NDArray[np.bool_]:
        if b"stss" not in self._boxes:
            return np.ones(count, np.bool_)
        numbers = self._rows(self._boxes[b"stss"], 1, ">u4")[:, 0].astype(np.int64)
        _, stated = self._count()
        good = (numbers >= 1) & (numbers <= max(stated, count))
        if not good.all() or (np.diff(numbers) <= 0).any():
            self._faults.add(
                self._boxes[b"stss"][0], "stss names a sample that is not there, or is out of order"
            )
        numbers = numbers[(numbers >= 1) & (numbers <= count)]
        out = np.zeros(count, np.bool_)
        out[numbers - 1] = True
        return out

    def _chunks(
        self, count: int
    ) -> tuple[NDArray[np.uint64], NDArray[np.int64], NDArray[np.int64]]:
        """(offset, samples, entry) of every chunk, together at most `count` samples."""
        if b"co64" in self._boxes:
            where = self._boxes[b"co64"]
            offsets = self._rows(where, 1, ">u8")[:, 0].astype(np.uint64)
        else:
            where = self._need(b"stco")
            offsets = self._rows(where, 1, ">u4")[:, 0].astype(np.uint64)
        bad = np.flatnonzero(offsets > _LARGEST_OFFSET)
        if len(bad):
            self._faults.add(where[0] + 8 + 8 * int(bad[0]), "a chunk offset that no file can have")
            offsets = offsets[: int(bad[0])]
        rows, known = self._stsc(len(offsets))
        offsets = offsets[:known]
        if not len(rows):
            if count:
                self._faults.add(where[0], "no chunks to hold the samples")
            return offsets[:0], np.zeros(0, np.int64), np.zeros(0, np.int64)
        spread = np.diff(rows[:, 0] - 1, append=len(offsets))
        held = np.repeat(rows[:, 1], spread)
        ends = np.cumsum(held)
        total = int(ends[-1]) if len(ends) else 0
        if total != count:
            at = self._need(b"stsc")[0]
            self._faults.add(at, f"the chunks hold {total} samples where there are {count}")
        held = np.diff(np.minimum(ends, count), prepend=0)
        return offsets, held, np.repeat(rows[:, 2] - 1, spread)

    def _stsc(self, chunks: int) -> tuple[NDArray[np.int64], int]:
        """The rows of stsc up to the first that cannot be, and the chunks that they are for."""
        where = self._need(b"stsc")
        rows = self._rows(where, 3, ">u4").astype(np.int64)
        bad = np.zeros(len(rows), np.bool_)
        bad[:1] = rows[:1, 0] != 1
        bad[1:] = np.diff(rows[:, 0]) <= 0
        bad |= (rows[:, 0] > chunks) | (rows[:, 2] < 1) | (rows[:, 2] > len(self._entries))
        if bad.any():
            first = int(bad.argmax())
            self._faults.add(
                where[0] + 8 + 12 * first, "stsc names a chunk or a sample entry that is not there"
            )
            # The row before ends where this one begins, if that can be; else after its own chunk.
            before, here = int(rows[first - 1, 0]) if first else 0, int(rows[first, 0])
            chunks = min(here - 1 if here > before else before, chunks) if first else 0
            rows = rows[:first]
        return rows, chunks

    def _places(self, size: NDArray[np.uint32]) -> tuple[NDArray[np.uint64], NDArray[np.uint16]]:
        """(byte offset, entry) of every sample."""
        chunks, held, entry = self._chunks(len(size))
        size = size[: int(held.sum())]
        before = np.cumsum(size, dtype=np.uint64) - size
        start = np.cumsum(held) - held  # first sample of every chunk
        full = held > 0
        base = chunks[full] - before[start[full]]  # wraps and comes back: modulo 2^64
        offset = np.repeat(base, held[full]) + before
        return offset, np.repeat(entry, held).astype(np.uint16)
