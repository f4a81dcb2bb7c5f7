"""MP4 files that need no general reader: their tables walked where they lie, without numpy.

Plain is a file with whole tables in moov, one video track of one sample entry with its parameter
sets and NAL lengths of 4 bytes, and no sound: what an archive's segments of a silent camera are.
Anything else, and anything odd, is None here and left to `hikcore.media.mp4.read`.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from hikcore.errors import MediaDamaged, MediaError
from hikcore.media import h264, h265
from hikcore.media.codec import parameter_sets
from hikcore.media.mp4.boxes import children, find, read_header
from hikcore.media.mp4.entries import nal_width, read_entry
from hikcore.media.mp4.headers import FURTHEST, TIMESCALE
from hikcore.media.table import ByteSource, CodecConfig
from hikcore.native.stbl import Track

#: As the general reader: the largest moov, and samples of a track.
_MAX_MOOV, _MAX_SAMPLES = 128 << 20, 5_000_000
_MAX_BOXES = 1000
#: What is read of a sync sample: parameter sets and the head of the first slice.
_PEEK = 1024


class Plain(NamedTuple):
    """A plain file: its track, its configuration, and the tick of 90 kHz of its media time at which
    an edit list lets it begin (0 without one)."""

    track: Track
    config: CodecConfig
    zero: int


def find_moov(source: ByteSource, size: int) -> tuple[int, bytes] | None:
    """Offset and bytes of the moov box, by the headers of what lies before it."""
    at = 0
    for _ in range(_MAX_BOXES):
        if at + 16 > size:
            return None
        try:
            kind, _, end = read_header(bytes(source.read_at(at, 16)), 0, 16)
        except MediaDamaged:
            return None
        if kind in (b"moof", b"cmov") or at + end > size:
            return None
        if kind == b"moov":
            return (at, bytes(source.read_at(at, end))) if end <= _MAX_MOOV else None
        at += end
    return None


def open_plain(moov: bytes, size: int) -> Plain | None:
    """The file of so many bytes that has this moov box, if it is plain."""
    try:
        _, begin, end = read_header(moov, 0, len(moov))
        if end != len(moov):
            return None
        if find(moov, begin, end, b"mvhd") is None:
            return None  # without it the general reader believes no edit list
        traks = []
        for kind, payload, stop in children(moov, begin, end):
            if kind in (b"mvex", b"cmov"):
                return None
            if kind == b"trak":
                traks.append((payload, stop))
        return _track(moov, *traks[0], size) if len(traks) == 1 else None
    except (MediaError, struct.error):
        return None


def _track(moov: bytes, begin: int, end: int, size: int) -> Plain | None:
    hdlr = find(moov, begin, end, b"mdia", b"hdlr")
    mdhd = find(moov, begin, end, b"mdia", b"mdhd")
    stbl = find(moov, begin, end, b"mdia", b"minf", b"stbl")
    tkhd = find(moov, begin, end, b"tkhd")
    if hdlr is None or mdhd is None or stbl is None or tkhd is None:
        return None
    if tkhd[1] - tkhd[0] < 24 or moov[hdlr[0] + 8 : hdlr[0] + 12] != b"vide":
        return None
    at = mdhd[0] + (20 if moov[mdhd[0]] == 1 else 12)
    if at + 4 > mdhd[1]:
        return None
    scale = int.from_bytes(moov[at : at + 4], "big")
    zero = _zero(moov, begin, end, scale)
    boxes: dict[bytes, tuple[int, int]] = {}
    for kind, payload, stop in children(moov, *stbl):
        boxes.setdefault(kind, (payload, stop))
    config = _config(moov, *boxes.get(b"stsd", (0, 0)))
    if zero is None or config is None or not _own_media(moov, begin, end):
        return None
    track = Track(moov, boxes, scale, size, _MAX_SAMPLES)
    return None if track.refused else Plain(track, config, zero)


def _zero(moov: bytes, begin: int, end: int, scale: int) -> int | None:
    """Where a list of one edit begins, or 0 without any, in ticks of 90 kHz; None: a longer one."""
    where = find(moov, begin, end, b"edts", b"elst")
    if where is None:
        return 0
    payload, stop = where
    form = ">IQqI" if moov[payload] else ">IIiI"
    if stop - payload < 4 + struct.calcsize(form):
        return None
    count, _, media_time, rate = struct.unpack_from(form, moov, payload + 4)
    if count != 1 or not 0 <= media_time < 1 << 60 or rate != 0x10000 or not scale:
        return None
    whole, rest = divmod(media_time, scale)
    if whole >= FURTHEST:
        return None
    return int(whole * TIMESCALE + (2 * rest * TIMESCALE + scale) // (2 * scale))


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
    """Whether its media lie in this file (14496-12 8.7.2)."""
    dref = find(moov, begin, end, b"mdia", b"minf", b"dinf", b"dref")
    if dref is None:
        return True
    references = list(children(moov, dref[0] + 8, dref[1]))
    return all(stop - payload >= 4 and moov[payload + 3] & 1 for _, payload, stop in references)


class KeyCheck:
    """Whether samples that are marked as sync are: an IDR or BLA picture behind parameter sets that
    the sample entry holds. (A CRA, after which it depends, is left to the general reader.)"""

    def __init__(self, config: CodecConfig) -> None:
        self._module = h265 if config.codec == "h265" else h264
        self._wanted = range(16, 21) if config.codec == "h265" else range(5, 6)
        self._sets = frozenset(parameter_sets(config))
        self._known = b""

    def holds(self, source: ByteSource, offset: int, size: int) -> bool:
        """Whether the sample there is one."""
        head = bytes(source.read_at(offset, min(size, _PEEK)))
        if head.startswith((b"\0\0\0\1", b"\0\0\1")):
            return False  # a start code, or a length that looks like one: the general reader knows
        # A camera repeats the same sets with every key picture: what was looked at is passed over.
        at = len(self._known) if head.startswith(self._known) else 0
        while (nal := self._nal(head, at)) and not self._is_slice(nal):
            whole = int.from_bytes(head[at : at + 4], "big") == len(nal)
            if not whole or (self._is_set(nal) and nal.rstrip(b"\0") not in self._sets):
                return False
            at += 4 + len(nal)
            if self._is_set(nal):
                self._known = head[:at]
        nal = self._nal(head, at)
        return self._module.nal_type(nal) in self._wanted

    def _nal(self, head: bytes, at: int) -> bytes:
        """The NAL unit at `at`, as far as it is there."""
        return head[at + 4 : at + 4 + int.from_bytes(head[at : at + 4], "big")]

    def _is_slice(self, nal: bytes) -> bool:
        kind = self._module.nal_type(nal)
        return bool(kind < 32 if self._module is h265 else 1 <= kind <= 5)

    def _is_set(self, nal: bytes) -> bool:
        kind = self._module.nal_type(nal)
        return kind in ((32, 33, 34) if self._module is h265 else (7, 8))
