"""What only the bytes of samples tell: their NAL lengths, which are truly sync, parameter sets.

Containers lie about sync samples (a recovery point is none, a CRA with RASL pictures is no place to
cut), hold parameter sets in the samples (avc3, hev1, and avc1 against the rule), and some writers
put a byte stream where lengths belong (facts: ISO/IEC 14496-15 5.3, 8.4; ITU-T H.265 8.3.3).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hikcore.errors import MediaDamaged, MediaUnsupported
from hikcore.media import h264, h265
from hikcore.media.codec import parameter_sets, video_config
from hikcore.media.table import ByteSource, CodecConfig, Damage, Framing, Samples
from hikcore.native.nals import measure

#: Parameter sets, SEI and the head of the first slice lie in so many bytes of nearly any sample.
_PEEK = 4096
_BLOCK = 8 << 20
_NONE = 255
#: Parameter sets of one sample that are told apart: an access unit of any encoder has a handful.
_SETS = 64
#: Changes of parameter sets in one file: no camera is set anew so often.
_MOST_SETS = 10_000
_CRA, _RASL = 21, (8, 9)


@dataclass(slots=True)
class Heads:
    """What stands before the first slice of samples, in their order.

    Attributes:
        sample, kind: of each sample that was looked at, and the type of its last NAL unit that was
            (a slice, where it has one; -1 without any).
        sets: (sample, parameter sets in it), where it has any that the one before had not.
    """

    sample: NDArray[np.int64]
    kind: NDArray[np.int8]
    sets: list[tuple[int, tuple[bytes, ...]]]


@dataclass(frozen=True, slots=True)
class Looked:
    """(n,) columns of samples: see hikcore.native.nals.measure."""

    size: NDArray[np.uint32]
    first: NDArray[np.uint8]
    flags: NDArray[np.uint8]


def settle(
    source: ByteSource, video: Samples, widths: Sequence[int], *, verify: bool
) -> tuple[Samples, list[Damage], list[str]]:
    """The samples with their true framing, configurations and (verified) sync samples.

    Args:
        widths: bytes of NAL lengths by sample entry.
        verify: look at every sample that is marked as sync, and at all where none is; else only at
            what cannot be known without (the first sync sample; all, where lengths are not of 4).

    Raises:
        MediaDamaged: no parameter sets anywhere, or samples that are no NAL units.
        MediaUnsupported: NAL lengths that change inside the file.
    """
    if not len(video):
        return video, [], []
    notes: list[str] = []
    width = _width(source, video, widths)
    damage: list[Damage] = []
    looked: Looked | None = None
    if width != 4:
        notes.append(
            "NAL units behind start codes in an MP4" if width == 0
            else f"NAL units behind lengths of {width} bytes"
        )  # fmt: skip
        looked = look(source, video, width)
        framing: Framing = "annexb"
        if width:
            framing = {1: "length1", 2: "length2", 3: "length3"}[width]  # type: ignore[assignment]
        video, damage = _usable(replace(video, framing=framing, size=looked.size), looked)
    if not len(video):
        raise MediaDamaged("its samples are no NAL units", offset=damage[0].offset)
    heads = _heads(source, video, width, verify=verify)
    if verify:
        video, wrong = _verified(source, video, width, heads)
        damage += wrong
    return _configured(video, heads), damage, notes


def _width(source: ByteSource, video: Samples, widths: Sequence[int]) -> int:
    """Bytes of the lengths; 0 where there are start codes instead."""
    used = {widths[number] for number in np.unique(video.config).tolist()}
    if len(used) > 1:
        raise MediaUnsupported("NAL lengths that change inside the file")
    width: int = used.pop()
    at = int(video.sync.argmax())
    size = int(video.extent_size[at])
    head = bytes(source.read_at(int(video.extent_offset[at]), min(size, 4)))
    if not head.startswith((b"\0\0\0\1", b"\0\0\1")):
        return width
    # A NAL unit of one byte, or of 256 to 511, looks the same: does the whole sample add up?
    one = video.slice(at, at + 1)
    if not look(source, one, width).flags[0] & 2:
        return width
    return 0 if look(source, one, 0).first[0] != _NONE else width


def look(source: ByteSource, video: Samples, width: int) -> Looked:
    """Measure all NAL units of samples that have one extent each; those that the source does not
    hold are broken."""
    count = len(video)
    out = Looked(
        np.zeros(count, np.uint32), np.full(count, _NONE, np.uint8), np.full(count, 2, np.uint8)
    )
    codec = 2 if video.configs[0].codec == "h265" else 1
    low = int(video.first[0])
    offsets = np.ascontiguousarray(video.extent_offset[low : low + count])
    sizes = np.ascontiguousarray(video.extent_size[low : low + count])
    for first, last, begin, size in _stretches(offsets, sizes):
        block = source.read_at(begin, size) if size else b""
        measure(
            block, begin, offsets[first:last], sizes[first:last], width, codec,
            out.size[first:last], out.first[first:last], out.flags[first:last],
        )  # fmt: skip
    return out


def _stretches(
    offsets: NDArray[np.uint64], sizes: NDArray[np.uint32]
) -> Iterator[tuple[int, int, int, int]]:
    """(first, last, offset, bytes) of samples that lie together, in blocks."""
    first, count = 0, len(offsets)
    while first < count:
        begin = end = int(offsets[first])
        last = first
        while last < count:
            at, size = int(offsets[last]), int(sizes[last])
            low, high = min(begin, at), max(end, at + size)
            if last > first and high - low > _BLOCK:
                break
            begin, end, last = low, high, last + 1
        yield first, last, begin, end - begin
        first = last


def samples_before(samples: Samples, end: int) -> Samples:
    """The first samples, with their own extents alone (each has one)."""
    return replace(
        samples.slice(0, end),
        extent_offset=samples.extent_offset[:end],
        extent_size=samples.extent_size[:end],
    )


def _usable(video: Samples, looked: Looked) -> tuple[Samples, list[Damage]]:
    """The samples before the first whose NAL units do not add up."""
    broken = np.flatnonzero(looked.flags & 2)
    if not len(broken):
        return video, []
    first = int(broken[0])
    at = int(video.extent_offset[video.first[first]])
    reason = "NAL units of a sample do not add up: the rest is not read"
    return samples_before(video, first), [Damage(at, reason)]


def _heads(source: ByteSource, video: Samples, width: int, *, verify: bool) -> Heads:
    """The first NAL units of those samples that are marked as sync (of the first alone, and only
    if its configuration has no parameter sets, without `verify`)."""
    marked = np.flatnonzero(video.sync)
    if not len(marked):
        marked = np.arange(len(video) if verify else 1)
    if not verify:
        has = _has_sets(video.configs[int(video.config[marked[0]])])
        marked = marked[: 0 if has else 1]
    heads = Heads(marked.astype(np.int64), np.full(len(marked), -1, np.int8), [])
    codec, last = video.configs[0].codec, None
    for number, at in enumerate(marked.tolist()):
        nals = first_nals(source, video, at, width)
        if nals:
            heads.kind[number] = _kind(codec, nals[-1])
        entry, sets = int(video.config[at]), tuple(nal for nal in nals if _is_set(codec, nal))
        if sets and (entry, sets) != last:
            last = entry, sets
            heads.sets.append((at, sets))
            if len(heads.sets) > _MOST_SETS:
                raise MediaDamaged(
                    f"its parameter sets change more than {_MOST_SETS} times",
                    offset=int(video.extent_offset[video.first[at]]),
                )
    return heads


def _has_sets(config: CodecConfig) -> bool:
    try:
        return bool(parameter_sets(config))
    except MediaDamaged:
        return False


def first_nals(source: ByteSource, video: Samples, sample: int, width: int) -> list[bytes]:
    """The parameter sets of a sample up to its first slice, and the last NAL unit up to there: the
    slice, where there is one, of which the first bytes only are given."""
    at = int(video.first[sample])
    offset, size = int(video.extent_offset[at]), int(video.extent_size[at])
    codec = video.configs[0].codec
    peek = min(size, _PEEK)
    while True:
        data = bytes(source.read_at(offset, peek))
        out: list[bytes] = []
        last = b""
        for nal, whole in _split(data, width):
            kind = _kind(codec, nal)
            slice_ = kind < 32 if codec == "h265" else 1 <= kind <= 5
            if not nal or not (whole or slice_):
                break
            last = nal
            if slice_:
                return [*out, nal]
            if _is_set(codec, nal) and len(out) < _SETS and nal not in out:
                out.append(nal)
        if peek == size:
            return [*out, last] if last and (not out or out[-1] is not last) else out
        peek = min(size, peek * 16)


def _split(data: bytes, width: int) -> Iterator[tuple[bytes, bool]]:
    """(NAL unit, whether all of it is there) one by one."""
    if width:
        at = 0
        while at + width <= len(data):
            size = int.from_bytes(data[at : at + width], "big")
            at += width
            if size:
                yield data[at : at + size], at + size <= len(data)
            at += size
        return
    at = data.find(b"\0\0\1")
    while at >= 0:
        end = data.find(b"\0\0\1", at + 3)
        yield data[at + 3 : end if end >= 0 else len(data)].rstrip(b"\0"), end >= 0
        at = end


def _kind(codec: str, nal: bytes) -> int:
    return h265.nal_type(nal) if codec == "h265" else h264.nal_type(nal)


def _verified(
    source: ByteSource, video: Samples, width: int, heads: Heads
) -> tuple[Samples, list[Damage]]:
    """Only those marked that decoding can begin at; where none is marked, those that it can."""
    claimed = bool(video.sync.any())
    codec = video.configs[0].codec
    sync = np.zeros(len(video), np.bool_)
    damage: list[Damage] = []
    for at, kind in zip(heads.sample.tolist(), heads.kind.tolist(), strict=True):
        sync[at] = kind == 5 if codec == "h264" else 16 <= kind <= 21
        if kind == _CRA and codec == "h265":
            sync[at] = not _leads_skipped(source, video, at, width)
        if claimed and not sync[at] and len(damage) < 1000:
            offset = int(video.extent_offset[video.first[at]])
            damage.append(
                Damage(offset, f"sample {at} is marked as sync, and decoding cannot begin there")
            )
    if not claimed and sync.any():
        damage.append(Damage(0, "no sample is marked as sync, though decoding can begin at some"))
    return replace(video, sync=sync), damage


def _leads_skipped(source: ByteSource, video: Samples, cra: int, width: int) -> bool:
    """Whether pictures that follow a CRA refer to what came before it (RASL)."""
    for at in range(cra + 1, len(video)):
        nals = first_nals(source, video, at, width)
        kind = _kind("h265", nals[-1]) if nals else -1
        if kind in _RASL:
            return True
        if not 6 <= kind <= 9:  # leading pictures come before any other (H.265 7.4.2.2)
            return False
    return False


def _configured(video: Samples, heads: Heads) -> Samples:
    """Configurations as the samples' own parameter sets say them: from the sample that holds them
    on, of its own sample entry; what comes before the first has no sets of its own."""
    configs = list(video.configs)
    numbers = {config: number for number, config in reversed(list(enumerate(configs)))}
    chosen = video.config.copy()
    known: dict[tuple[int, tuple[bytes, ...]], int] = {}
    changes: dict[int, tuple[list[int], list[int]]] = {}
    for at, sets in heads.sets:
        entry = int(video.config[at])
        if (entry, sets) not in known:
            known[entry, sets] = _number(configs, numbers, entry, sets)
        begins, which = changes.setdefault(entry, ([], []))
        begins.append(at)
        which.append(known[entry, sets])
    for entry, (begins, which) in changes.items():
        mine = np.flatnonzero(video.config == entry)
        turn = np.searchsorted(begins, mine, side="right") - 1
        if begins[0] == heads.sample[0]:
            turn = np.maximum(turn, 0)
        mine, turn = mine[turn >= 0], turn[turn >= 0]
        chosen[mine] = np.array(which, np.uint16)[turn]
    used = np.unique(chosen)
    for number in used.tolist():
        if not _has_sets(configs[number]):
            raise MediaDamaged("no parameter sets, neither in the sample entry nor in the samples")
    return replace(video, configs=tuple(configs), config=chosen)


def _is_set(codec: str, nal: bytes) -> bool:
    return _kind(codec, nal) in ((32, 33, 34) if codec == "h265" else (7, 8))


def _number(
    configs: list[CodecConfig], numbers: dict[CodecConfig, int], entry: int, sets: Sequence[bytes]
) -> int:
    """The configuration of these sets over those of the entry; a new one if there is none."""
    base = configs[entry]
    codec: Literal["h264", "h265"] = "h265" if base.codec == "h265" else "h264"
    try:
        own = parameter_sets(base)
    except MediaDamaged:
        own = []
    if all(one.rstrip(b"\0") in own for one in sets):
        return entry
    try:
        config = video_config(codec, [*own, *sets])
    except MediaDamaged:
        return entry
    if config not in numbers and len(configs) > 0xFFF0:
        return entry
    if config not in numbers:
        numbers[config] = len(configs)
        configs.append(config)
    return numbers[config]
