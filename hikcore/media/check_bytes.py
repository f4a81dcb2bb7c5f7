"""Sample bytes: where they lie, what their NAL units say, and the source's (rules 1 to 5)."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from hikcore.errors import MediaDamaged
from hikcore.media import h264, h265
from hikcore.media.bits import BitReader, rbsp
from hikcore.media.check_file import Checked
from hikcore.media.codec import parameter_sets
from hikcore.media.container import index_file
from hikcore.media.mp4.movie import Track
from hikcore.media.mp4.nals import first_nals, look
from hikcore.media.mp4.strip import sets_of, strip
from hikcore.media.samples import FileSource, read_samples
from hikcore.media.table import ByteSource, CodecConfig, Samples

_NO_SLICE = 255
#: Bytes of a slice header that surely hold its parameter set's number.
_HEADER = 32
_AT_ONCE = 256
_CRA = 21


def check_places(checked: Checked) -> None:
    """3: samples inside mdat, none over another, no byte of mdat without one."""
    report = checked.report
    media = [(begin, end) for kind, _, begin, end in checked.boxes if kind == b"mdat"]
    if not media or not checked.tracks:
        return
    lows = np.array([low for low, _ in media], np.int64)
    highs = np.array([min(high, checked.size) for _, high in media], np.int64)
    used = 0
    begins, ends = [], []
    for name, track in checked.tracks:
        samples = track.samples
        begin = samples.extent_offset.astype(np.int64)
        end = begin + samples.extent_size
        box = np.maximum(np.searchsorted(lows, begin, side="right") - 1, 0)
        for at in np.flatnonzero((begin < lows[box]) | (end > highs[box]))[:20].tolist():
            report.fail(
                3, "a sample lies outside mdat", track=name, sample=at, offset=int(begin[at])
            )
        used += int(samples.extent_size.sum(dtype=np.int64))
        begins.append(begin)
        ends.append(end)
    order = np.argsort(np.concatenate(begins), kind="stable")
    begin, end = np.concatenate(begins)[order], np.concatenate(ends)[order]
    for at in np.flatnonzero(begin[1:] < end[:-1])[:20].tolist():
        report.fail(3, "two samples lie over each other", offset=int(begin[at + 1]))
    room = sum(high - low for low, high in media)
    if used != room:
        report.fail(3, f"samples take {used} bytes where mdat has {room}", offset=media[0][0])


def check_bytes(checked: Checked) -> None:
    """2, 4 and 5: what the NAL units say.

    Raises:
        MediaDamaged: samples outside the file.
    """
    track = checked.movie.video
    if track is None or not len(track.samples):
        for number in (2, 4, 5):
            checked.report.untold[number] = "no video"
        return
    _check_range(checked, track)
    _check_entries(checked, track)
    samples = track.samples
    looked = look(checked.source, samples, 4)
    for at in np.flatnonzero(looked.flags & 2)[:20].tolist():
        checked.report.fail(
            5, "its NAL units do not add up", track="video", sample=at,
            offset=checked.offset(track, at),
        )  # fmt: skip
    codec = samples.configs[0].codec
    real = looked.first == 5 if codec == "h264" else (looked.first >= 16) & (looked.first <= _CRA)
    if codec == "h265":
        for at in np.flatnonzero(looked.first == _CRA).tolist():
            real[at] = not _has_rasl(looked.first[at + 1 : at + 64])
    for at in np.flatnonzero(real != samples.sync)[:20].tolist():
        reason = (
            "decoding can begin here, and it is not in stss" if real[at]
            else "it is in stss, and decoding cannot begin here"
        )  # fmt: skip
        checked.report.fail(4, reason, track="video", sample=at, offset=checked.offset(track, at))
    for at in np.flatnonzero(looked.first == _NO_SLICE)[:20].tolist():
        checked.report.fail(
            5, "no picture in it", track="video", sample=at, offset=checked.offset(track, at)
        )
    _check_sets(checked, track, looked.flags & 1 != 0)


def _has_rasl(kinds: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> bool:
    """Whether leading pictures that are skipped follow a CRA."""
    for kind in kinds.tolist():
        if kind in (8, 9):
            return True
        if not 6 <= kind <= 9:
            return False
    return False


def _check_range(checked: Checked, track: Track) -> None:
    """2, and the first sample of 4."""
    samples, report = track.samples, checked.report
    if not samples.sync[0]:
        none = "" if samples.sync.any() else ": no sample is (a segment without key frame?)"
        report.fail(4, f"the first sample is not sync{none}", track="video", sample=0,
                    offset=checked.offset(track, 0))  # fmt: skip
    visible = checked.visible
    if not len(visible):
        report.fail(8, "the edit list shows no picture", track="video")
        return
    first = int(visible[0])
    syncs = np.flatnonzero(samples.sync)
    earlier = syncs[(syncs > 0) & (syncs <= first)]
    earlier = earlier[samples.pts[earlier] <= samples.pts[first]]
    if len(earlier):
        report.fail(
            2, f"it begins {int(earlier[-1])} samples before the key frame that it needs",
            track="video", sample=int(earlier[-1]), offset=checked.offset(track, int(earlier[-1])),
        )  # fmt: skip
    last = len(samples) - 1
    if not np.isin(last, visible):
        report.fail(2, "its last samples are neither shown nor needed", track="video", sample=last,
                    offset=checked.offset(track, last))  # fmt: skip


def _check_entries(checked: Checked, track: Track) -> None:
    configs = track.samples.configs
    if len(set(configs)) != len(configs):
        checked.report.fail(5, "two sample entries are the same", track="video")
    used = set(np.unique(track.samples.config).tolist())
    for number in range(len(configs)):
        if number not in used:
            checked.report.fail(5, f"no sample has the entry {number + 1}", track="video")


class _Sets:
    """The parameter sets of one configuration: number of a PPS to that of its SPS."""

    def __init__(self, config: CodecConfig) -> None:
        self.codec = config.codec
        self.nals = [nal.rstrip(b"\0") for nal in parameter_sets(config)]
        self.pps: dict[int, int] = {}
        self.sps: set[int] = set()
        for nal in self.nals:
            module = h265 if self.codec == "h265" else h264
            kind, number = module.identify(nal)
            if kind == module.SPS:
                self.sps.add(number)
            elif kind == module.PPS:
                bits = BitReader(rbsp(nal[2 if self.codec == "h265" else 1 :]), "PPS")
                bits.ue()
                self.pps[number] = bits.ue()

    def wanted(self, slice_: bytes) -> int:
        """The number of the PPS that a slice names (H.264 7.3.3, H.265 7.3.6.1)."""
        if self.codec == "h265":
            bits = BitReader(rbsp(slice_[2:_HEADER]), "slice header")
            bits.u(1)
            if 16 <= h265.nal_type(slice_) <= 23:
                bits.u(1)
        else:
            bits = BitReader(rbsp(slice_[1:_HEADER]), "slice header")
            bits.ue()
            bits.ue()
        return bits.ue()


def _check_sets(
    checked: Checked, track: Track, inside: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
) -> None:
    """5: sets in the samples equal those of the entry, and slices find theirs."""
    samples, report = track.samples, checked.report
    sets: list[_Sets] = []
    for number, config in enumerate(samples.configs):
        try:
            sets.append(_Sets(config))
        except MediaDamaged as error:
            report.fail(5, f"the parameter sets of entry {number + 1}: {error.message}")
            return
    kinds = (32, 33, 34) if samples.configs[0].codec == "h265" else (7, 8)
    for at in range(len(samples)):
        own = sets[int(samples.config[at])]
        nals = first_nals(checked.source, samples, at, 4)
        reason = ""
        if inside[at]:
            module = h265 if own.codec == "h265" else h264
            for nal in nals:
                if module.nal_type(nal) in kinds and nal.rstrip(b"\0") not in own.nals:
                    reason = "its parameter sets are not those of its sample entry"
        try:
            pps = own.wanted(nals[-1]) if nals else -1
            if own.pps.get(pps, -1) not in own.sps:
                reason = reason or f"no parameter sets for its PPS {pps} in its sample entry"
        except MediaDamaged as error:
            reason = reason or error.message
        if reason:
            report.fail(5, reason, track="video", sample=at, offset=checked.offset(track, at))


def check_source(checked: Checked, path: Path, *, stripped: bool | None = None) -> None:
    """1, 2 and 6 against what the file was cut from.

    Args:
        stripped: whether parameter sets which the sample entry has were left out, as the JSON says;
            None: nothing says so. Then a file that has none of them in its pictures is compared
            without those of the source, and the report says of how many pictures.

    Raises:
        MediaDamaged: one of the two cannot be read.
    """
    table = index_file(path)
    with FileSource(path) as source:
        for name, track in checked.tracks:
            theirs = table.video if name == "video" else table.audio
            if theirs is None:
                checked.report.fail(1, "the source has no such track", track=name)
                continue
            if name == "audio" and track.samples.configs[0].codec != theirs.configs[0].codec:
                checked.report.untold[1] = "the sound was encoded anew"
                continue
            ours = _hashes(checked.source, track.samples, frozenset())
            wanted = _hashes(source, theirs, frozenset())
            if name == "video" and stripped is not False:
                less = frozenset(nal for c in track.samples.configs for nal in sets_of(c))
                if stripped or _hashes(checked.source, track.samples, less) == ours:
                    without = _hashes(source, theirs, less)
                    begin = _best_begin(ours, without)
                    if begin is not None and stripped is None:
                        _say_stripped(checked, wanted, without, begin, begin + len(ours))
                    wanted = without
            _compare(checked, name, track, ours, theirs, wanted)


def _say_stripped(
    checked: Checked, whole: list[bytes], without: list[bytes], begin: int, end: int
) -> None:
    count = sum(a != b for a, b in zip(whole[begin:end], without[begin:end], strict=True))
    if count:
        checked.report.notes.append(
            f"parameter sets of the sample entry were left out of {count} pictures"
        )


def _hashes(source: ByteSource, samples: Samples, less: frozenset[bytes]) -> list[bytes]:
    """A hash of every sample in MP4 form, without some parameter sets."""
    out = []
    for low in range(0, len(samples), _AT_ONCE):
        high = min(low + _AT_ONCE, len(samples))
        data = memoryview(read_samples(source, samples, low, high))
        at = 0
        for size in samples.size[low:high].tolist():
            one = bytes(data[at : at + size])
            one = b"".join(strip(one, less)) if less else one
            out.append(hashlib.blake2b(one, digest_size=16).digest())
            at += size
    return out


def _compare(
    checked: Checked,
    name: str,
    track: Track,
    ours: list[bytes],
    theirs: Samples,
    wanted: list[bytes],
) -> None:
    begin = _best_begin(ours, wanted)
    if begin is None:
        checked.report.fail(1, "its first sample is none of the source", track=name, sample=0,
                            offset=checked.offset(track, 0))  # fmt: skip
        return
    for at, digest in enumerate(ours):
        if begin + at >= len(wanted) or wanted[begin + at] != digest:
            known = digest in set(wanted)
            checked.report.fail(
                2 if known else 1,
                "it is not the sample that follows in the source" if known
                else "its bytes are those of no sample of the source",
                track=name, sample=at, offset=checked.offset(track, at),
            )  # fmt: skip
            return
    mine, source = track.samples, theirs.pts[begin : begin + len(ours)]
    ticks = (mine.pts - mine.pts[0]) * theirs.timescale
    exact = (source - source[0]) * mine.timescale
    # Sound of a clip runs on its own sample clock: half a sample, and half a tick, are rounding.
    room = 0 if name == "video" else mine.timescale + theirs.timescale
    for at in np.flatnonzero(np.abs(ticks - exact) > room)[:20].tolist():
        checked.report.fail(
            6, "its time differs from the first as in no way the source's does", track=name,
            sample=at, offset=checked.offset(track, at),
        )  # fmt: skip


def _best_begin(ours: list[bytes], wanted: list[bytes]) -> int | None:
    """Where in the source the samples begin: of several places the one with the longest match."""
    places = [at for at, digest in enumerate(wanted) if digest == ours[0]]
    best, longest = None, -1
    for at in places[:1000]:
        length = 0
        while (
            length < len(ours)
            and at + length < len(wanted)
            and (ours[length] == wanted[at + length])
        ):
            length += 1
        if length > longest:
            best, longest = at, length
        if length == len(ours):
            break
    return best
