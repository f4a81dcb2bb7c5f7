"""AVI, as recorders export it (EverFocus' backupVideoClip), to sample tables.

AVI has no times: a picture's is its number times the header's nominal rate, which a recorder that
drops or varies its rate does not keep. So every table made here carries a note that begins with
ESTIMATED and no anchors, and its runs begin where the listing says. Sound has the length that its
samples have. Where the interval that a file covers is known, `fit` lays the pictures into it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from hikcore.errors import MediaDamaged, MediaUnsupported
from hikcore.instants import NS, ns_to_ticks
from hikcore.media.columns import SAMPLE, SHARED_FAULTS, codec_configs, damage, samples
from hikcore.media.h264 import read_avcc
from hikcore.media.table import Codec, CodecConfig, Framing, Samples, SampleTable
from hikcore.native.avi import AviCore

if TYPE_CHECKING:
    from hikcore.native.avi import AviColumns

__all__ = ["ESTIMATED", "MAX_CHUNK", "AviIndexer", "fit"]

#: How the note begins that says of a table that its pictures' times are not measured.
ESTIMATED: Final = "timing: estimated"
#: A chunk that declares more bytes is taken for none.
MAX_CHUNK: Final = 16 << 20
_FAULTS: Final = SHARED_FAULTS | {
    201: "bytes between chunks passed over",
    202: "a chunk that declares more than any holds",
    203: "a chunk that is shorter than it declares, left out",
    204: "a picture that does not begin with a NAL unit, left out",
    205: "a picture framed in another way than the first, left out",
}
_LAWS: Final[dict[int, Codec]] = {6: "alaw", 7: "ulaw"}
_TAGS: Final = {1: "pcm", 2: "adpcm", 0x11: "ima adpcm", 0x50: "mpeg", 0x55: "mp3", 0xFF: "aac"}
_NAMES: Final = (b"H264", b"X264", b"AVC1", b"V264", b"H265", b"X265", b"HEVC", b"HEV1", b"HVC1")
_USUAL: Final = Fraction(25)
#: A stream that begins later than this after the other is a broken header, not a delay.
_LATEST: Final = 3600


@dataclass(frozen=True, slots=True)
class _Stream:
    """What strh and strf say of one stream."""

    rate: Fraction
    start: int
    listed: int
    format: bytes

    @property
    def begin(self) -> int:
        """Ticks that it begins late."""
        ticks = int(self.start * 90_000 / self.rate)
        return ticks if ticks <= _LATEST * 90_000 else 0


class AviIndexer:
    """Indexes an AVI that is fed in pieces of any size, while it arrives.

    Args:
        max_chunk: bytes; a chunk that declares more is taken for none.
        max_samples, max_extents: caps of the index, each track; past one the table ends there.
    """

    def __init__(
        self,
        *,
        max_chunk: int = MAX_CHUNK,
        max_samples: int = 3_000_000,
        max_extents: int = 6_000_000,
    ) -> None:
        self._core = AviCore(max_chunk, max_samples, max_extents)
        self._size = 0

    def feed(self, block: bytes | bytearray | memoryview) -> None:
        """The next piece."""
        self._size += len(block)
        self._core.feed(block)

    def finish(self) -> SampleTable:
        """The end of the file.

        Raises:
            MediaUnsupported: its pictures are in a codec that is not read.
            MediaDamaged: there is not one picture and no sound in it, or no picture can be decoded.
        """
        columns = self._core.finish()
        video = np.frombuffer(columns["video"], SAMPLE)
        audio = np.frombuffer(columns["audio"], SAMPLE)
        pictures, notes = self._stream(columns, self._core.video_stream, "pictures")
        sound, _ = self._stream(columns, self._core.audio_stream, "sound")
        faults = damage(columns["faults"], _FAULTS)
        name = pictures.format[16:20] if pictures is not None else b""
        if self._core.pictures > self._core.empty and not len(video):
            if name and name.upper() not in _NAMES:
                raise MediaUnsupported(f"AVI with pictures of the kind {name!r}", offset=0)
            raise MediaDamaged("not one picture in this AVI can be read", offset=0)
        if not len(video) and not len(audio):
            reason = f": {faults[0].reason}" if faults else ""
            raise MediaDamaged(f"no picture and no sound in this AVI{reason}", offset=self._size)
        track, more = self._video(columns, video, pictures)
        heard, lacking = _audio(columns, audio, sound)
        return SampleTable(
            container="avi",
            video=track,
            audio=heard,
            damage=faults,
            cut_off=columns["cut_off"],
            notes=tuple([*notes, *more, *lacking, *self._notes()] if len(video) else lacking),
        )

    def _stream(
        self, columns: AviColumns, number: int, what: str
    ) -> tuple[_Stream | None, list[str]]:
        """A stream's headers, and what is wrong with them."""
        if not 0 <= number < len(columns["headers"]):
            return None, [f"no header for the {what}: {_USUAL} a second assumed"]
        head, form = columns["headers"][number]
        if len(head) < 36:
            return _Stream(_USUAL, 0, 0, form), [f"a header of the {what} that is cut off"]
        scale, rate, start, listed = struct.unpack_from("<IIII", head, 20)
        told = Fraction(rate, scale) if scale else Fraction(0)
        if not Fraction(1, 100) <= told <= 100_000:
            note = f"a rate of {rate}/{scale} {what} a second cannot be: {_USUAL} assumed"
            return _Stream(_USUAL, 0, listed, form), [note]
        return _Stream(told.limit_denominator(100_000), start, listed, form), []

    def _video(
        self, columns: AviColumns, records: NDArray[np.void], stream: _Stream | None
    ) -> tuple[Samples | None, list[str]]:
        if not len(records):
            return None, []
        head = stream or _Stream(_USUAL, 0, 0, b"")
        blobs = columns["configs"] or _blob(head.format)
        configs, chosen, notes = codec_configs(blobs, records["config"])
        if not configs:
            raise MediaDamaged(
                "no parameter sets, so no key frame either: nothing of it can be decoded", offset=0
            )
        ends = self._core.pictures
        pts = _ticks(*_places(records["pts"].astype(np.int64), ends), head.rate) + head.begin
        last = int(_ticks(np.array([ends]), np.array([0]), np.array([1]), head.rate)[0])
        framing: Framing = "length" if columns["framing"] == 2 else "annexb"
        track = samples(
            records,
            columns["video_extents"],
            pts,
            pts,
            configs=configs,
            config=chosen,
            framing=framing,
            last_duration=max(last + head.begin - int(pts[-1]), 1),
        )
        rate = f"{head.rate.numerator}/{head.rate.denominator}"
        estimated = f"{ESTIMATED}: pictures are laid at {rate} a second, as AVI has no times"
        return track, [estimated, *notes]

    def _notes(self) -> list[str]:
        core = self._core
        out = []
        if core.empty:
            out.append(f"{core.empty} chunks without a picture: each keeps its time")
        if core.has_index and core.indexed != core.pictures:
            out.append(f"the index lists {core.indexed} pictures, the file holds {core.pictures}")
        if core.unpadded:
            out.append(f"{core.unpadded} chunks of odd size without padding")
        if core.others:
            out.append(f"{core.others} chunks of further streams dropped")
        if core.b_pictures:
            out.append(f"{core.b_pictures} B pictures: shown in the order of decoding")
        return out


def fit(table: SampleTable, length: int) -> SampleTable:
    """The table with its pictures laid evenly into an interval: that which was asked for, where the
    header's rate cannot be right. Still an estimate.

    Args:
        length: ns.
    """
    video = table.video
    if video is None or not len(video):
        return table
    begin, end = int(video.pts[0]), int(video.pts[-1]) + video.last_duration
    ticks = max(ns_to_ticks(length), len(video))
    pts = begin + (video.pts - begin) * ticks // (end - begin)
    last = max(begin + ticks - int(pts[-1]), 1)
    notes = tuple(note for note in table.notes if not note.startswith(ESTIMATED))
    note = f"{ESTIMATED}: pictures are laid evenly into {length / NS:.3f} s, as AVI has no times"
    return replace(
        table, video=replace(video, pts=pts, dts=pts, last_duration=last), notes=(note, *notes)
    )


def _places(
    ordinals: NDArray[np.int64], ends: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """(chunk, number in it, how many in it): pictures behind the first in a chunk, which have no
    ordinal, share its turn with it."""
    known = ordinals >= 0
    known[0] = True
    group = np.cumsum(known) - 1
    first = np.flatnonzero(known)
    count = np.diff(np.append(first, len(ordinals)))
    chunk = np.where(ordinals[first] >= 0, ordinals[first], 0)
    inside = np.arange(len(ordinals)) - first[group]
    return chunk[group], inside.astype(np.int64), count[group].astype(np.int64)


def _ticks(
    chunk: NDArray[np.int64], inside: NDArray[np.int64], count: NDArray[np.int64], rate: Fraction
) -> NDArray[np.int64]:
    """90 kHz ticks of a place, rounded down; exact in 64 bits for any rate that is let in."""
    seconds, each = rate.denominator, rate.numerator
    whole = chunk // each * (seconds * 90_000)
    rest: NDArray[np.int64] = whole + chunk % each * (seconds * 90_000) // each
    step = max(seconds * 90_000 // each, 1)
    return rest + inside * step // count


def _blob(form: bytes) -> tuple[bytes, ...]:
    """Parameter sets behind a BITMAPINFOHEADER (an avcC, or NAL units behind start codes), where
    the stream itself has none."""
    extra = form[40:]
    nals: list[bytes] = []
    if extra[:1] == b"\x01":
        try:
            nals = read_avcc(extra)
        except MediaDamaged:
            return ()
    elif b"\0\0\1" in extra[:4]:
        nals = [nal.rstrip(b"\0") for nal in extra.split(b"\0\0\1")[1:]]
    codec = 2 if form[16:20].upper() in _NAMES[4:] else 1
    blob = b"".join(bytes([codec]) + struct.pack("<I", len(nal)) + nal for nal in nals if nal)
    return (blob,) if blob else ()


def _audio(
    columns: AviColumns, records: NDArray[np.void], stream: _Stream | None
) -> tuple[Samples | None, list[str]]:
    """Sound: a unit begins where the bytes before it end."""
    if not len(records):
        return None, []
    if stream is None or len(stream.format) < 8:
        return None, ["audio without a header dropped"]
    tag, channels, rate = struct.unpack_from("<HHI", stream.format)
    if tag not in _LAWS:
        return None, [f"audio {_TAGS.get(tag, f'of format {tag:#x}')} dropped"]
    if not 1 <= channels <= 2 or not 1000 <= rate <= 192_000:
        return None, [f"audio of {channels} channels at {rate} Hz dropped: that cannot be"]
    position = records["pts"].astype(np.int64)
    pts = position * 90_000 // (rate * channels) + stream.begin
    end = int(position[-1]) + int(records["size"][-1])
    return samples(
        records,
        columns["audio_extents"],
        pts,
        pts,
        configs=(CodecConfig(_LAWS[tag], rate=rate, channels=channels),),
        framing="raw",
        last_duration=end * 90_000 // (rate * channels) + stream.begin - int(pts[-1]),
    ), []
