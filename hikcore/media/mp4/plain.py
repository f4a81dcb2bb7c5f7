"""MP4 files that need no general reader: their tables walked where they lie, without numpy.

Plain is a file with whole tables in moov, one video track of one sample entry with its parameter
sets and NAL lengths of 4 bytes, and at most one track of sound in one format: what an archive's
segments are. Anything else, and anything odd, is None here and left to `hikcore.media.mp4.read`.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from hikcore.errors import MediaDamaged, MediaError
from hikcore.media.codec import parameter_sets
from hikcore.media.formats import ByteSource, CodecConfig
from hikcore.media.mp4.boxes import children, find, read_header
from hikcore.media.mp4.entries import nal_width, read_entry
from hikcore.media.mp4.headers import FURTHEST, TIMESCALE
from hikcore.media.mp4.sound_entries import PCM
from hikcore.native.stbl import Track

#: As the general reader: the largest moov, and samples of a track.
_MAX_MOOV, _MAX_SAMPLES = 128 << 20, 5_000_000
_MAX_BOXES = 1000
#: Samples a second that the native core counts in.
_MAX_RATE = 1 << 20


class Heard(NamedTuple):
    """The sound of a plain file: its track, its configuration, and the ticks of the track from its
    media time to that of the pictures."""

    track: Track
    config: CodecConfig
    late: int


class Plain(NamedTuple):
    """A plain file: its pictures' track and configuration, the tick of 90 kHz of their media time
    at which an edit list lets the file begin (0 without one), and its sound."""

    track: Track
    config: CodecConfig
    zero: int
    sound: Heard | None = None


def find_moov(source: ByteSource, size: int) -> bytes:
    """The moov box of a file of so many bytes, by the headers of what lies before it; b"" where it
    is not found so."""
    at = 0
    for _ in range(_MAX_BOXES):
        if at + 16 > size:
            break
        try:
            kind, _, end = read_header(bytes(source.read_at(at, 16)), 0, 16)
        except MediaDamaged:
            break
        if kind in (b"moof", b"cmov") or at + end > size:
            break
        if kind == b"moov":
            return bytes(source.read_at(at, end)) if end <= _MAX_MOOV else b""
        at += end
    return b""


def open_plain(moov: bytes, size: int) -> Plain | None:
    """The file of so many bytes that has this moov box, if it is plain."""
    try:
        _, begin, end = read_header(moov, 0, len(moov))
        if end != len(moov):
            return None
        movie = 0  # without an mvhd the general reader believes no edit list
        traks: dict[bytes, _Trak] = {}
        for kind, payload, stop in children(moov, begin, end):
            if kind in (b"mvex", b"cmov"):
                return None
            if kind == b"mvhd" and not movie:
                movie = _timescale(moov, payload, stop)
            if kind == b"trak":
                trak = _open(moov, payload, stop)
                if trak is None or trak.handler in traks:
                    return None
                traks[trak.handler] = trak
        return _plain(moov, movie, traks, size) if movie else None
    except (MediaError, struct.error):
        return None


class _Trak(NamedTuple):
    """A trak box. `edits`: (ticks of the movie before its media begin, where in the media)."""

    handler: bytes
    timescale: int
    edits: tuple[int, int]
    boxes: dict[bytes, tuple[int, int]]

    def origin(self, movie: int) -> int:
        """When media time 0 is presented, in its ticks: as hikcore/media/mp4/edits.py."""
        return self.edits[0] * self.timescale // movie - self.edits[1]


def _open(moov: bytes, begin: int, end: int) -> _Trak | None:
    inside = _boxes(moov, begin, end)
    media = _boxes(moov, *inside.get(b"mdia", (0, 0)))
    hdlr = media.get(b"hdlr")
    information = _boxes(moov, *media.get(b"minf", (0, 0)))
    if hdlr is None or b"mdhd" not in media or b"stbl" not in information:
        return None
    tkhd = inside.get(b"tkhd", (0, 0))
    timescale = _timescale(moov, *media[b"mdhd"])
    edits = _edits(moov, *_boxes(moov, *inside.get(b"edts", (0, 0))).get(b"elst", (0, 0)))
    if tkhd[1] - tkhd[0] < 24 or not timescale or edits is None:
        return None
    if not _own_media(moov, *information.get(b"dinf", (0, 0))):
        return None
    handler = moov[hdlr[0] + 8 : min(hdlr[0] + 12, hdlr[1])]
    return _Trak(handler, timescale, edits, _boxes(moov, *information[b"stbl"]))


def _boxes(moov: bytes, begin: int, end: int) -> dict[bytes, tuple[int, int]]:
    """The first box of each kind inside another: payload begin and end."""
    out: dict[bytes, tuple[int, int]] = {}
    for kind, payload, stop in children(moov, begin, end):
        out.setdefault(kind, (payload, stop))
    return out


def _timescale(moov: bytes, begin: int, end: int) -> int:
    """Of an mvhd or mdhd; 0 where it is cut off."""
    at = begin + (20 if moov[begin] == 1 else 12)
    return int.from_bytes(moov[at : at + 4], "big") if at + 4 <= end else 0


def _plain(moov: bytes, movie: int, traks: dict[bytes, _Trak], size: int) -> Plain | None:
    video, audio = traks.pop(b"vide", None), traks.pop(b"soun", None)
    if video is None or traks:
        return None
    config = _config(moov, *video.boxes.get(b"stsd", (0, 0)))
    if config is None:
        return None
    track = Track(moov, video.boxes, video.timescale, size, _MAX_SAMPLES)
    base = video.origin(movie)
    if track.refused or abs(base) // video.timescale >= FURTHEST:
        return None
    sound = None
    if audio is not None:
        sound = _heard(moov, audio, audio.origin(movie), (base, video.timescale), size)
        if sound is None:
            return None
    whole, rest = divmod(-base, video.timescale)
    zero = whole * TIMESCALE + (2 * rest * TIMESCALE + video.timescale) // (2 * video.timescale)
    return Plain(track, config, zero, sound)


def _heard(
    moov: bytes, audio: _Trak, mine: int, pictures: tuple[int, int], size: int
) -> Heard | None:
    """The sound, if it is of one format that is known, and its units' times are their order."""
    begin, end = audio.boxes.get(b"stsd", (0, 0))
    entries = [moov[payload - 8 : stop] for _, payload, stop in children(moov, begin + 8, end)]
    if len(entries) != 1 or b"ctts" in audio.boxes:
        return None
    config = read_entry(entries[0], iso=moov[begin] == 1)
    if config.codec in ("h264", "h265") or not config.channels or not 0 < config.rate < _MAX_RATE:
        return None
    # A file may count every frame of PCM: hikcore.native.sounding has the cap of all others.
    most = 0xFFFFFFFF if config.codec in PCM else _MAX_SAMPLES
    track = Track(moov, audio.boxes, audio.timescale, size, most)
    base, scale = pictures
    late = mine - (2 * base * audio.timescale + scale) // (2 * scale)
    if track.refused or abs(mine) // audio.timescale >= FURTHEST:
        return None
    return Heard(track, config, late) if abs(late) // audio.timescale < FURTHEST else None


def _edits(moov: bytes, begin: int, end: int) -> tuple[int, int] | None:
    """Where a list of one edit, maybe behind an empty one, begins: (ticks of the movie that the
    empty one takes, ticks of the media); (0, 0) without a list; None: any other list."""
    if begin == end:
        return 0, 0
    form = ">QqI" if moov[begin] else ">IiI"
    width = struct.calcsize(form)
    count = int.from_bytes(moov[begin + 4 : begin + 8], "big")
    if count not in (1, 2) or end - begin < 8 + count * width:
        return None
    rows = list(struct.iter_unpack(form, moov[begin + 8 : begin + 8 + count * width]))
    empty, (duration, media_time, _) = (rows[0] if count == 2 else (0, -1, 0)), rows[-1]
    if empty[1] != -1 or not 0 <= media_time < 1 << 60 or empty[0] + duration > 1 << 60:
        return None
    return (empty[0], media_time) if all(rate == 0x10000 for *_, rate in rows) else None


def _config(moov: bytes, begin: int, end: int) -> CodecConfig | None:
    """The only sample entry, if its NAL lengths have 4 bytes and it holds parameter sets."""
    entries = [moov[payload - 8 : stop] for _, payload, stop in children(moov, begin + 8, end)]
    if len(entries) != 1 or nal_width(entries[0]) != 4:
        return None
    config = read_entry(entries[0])
    if config.codec not in ("h264", "h265") or not parameter_sets(config):
        return None
    return config


def _own_media(moov: bytes, begin: int, end: int) -> bool:
    """Whether its media lie in this file, by its dinf (14496-12 8.7.2)."""
    dref = find(moov, begin, end, b"dref")
    if dref is None:
        return True
    references = list(children(moov, dref[0] + 8, dref[1]))
    return all(stop - payload >= 4 and moov[payload + 3] & 1 for _, payload, stop in references)
