"""Whether the pictures that are read are those that were committed: by the hashes in the manifest.

A segment's SHA-256 is of the whole object, and a clip reads a part. So what is proved is what the
manifest has of parts: the hash over the VCL NAL units of every group of pictures, and that of the
key picture where only the beginning of a group is read.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from hikcore.archive.columns import unpack
from hikcore.archive.documents import RunRef, SegmentRef
from hikcore.errors import ArchiveCorrupt, MediaDamaged
from hikcore.media.samples import SampleReader
from hikcore.media.table import Samples, SampleTable
from hikcore.native.gather import digest_groups, fingerprints


@dataclass(frozen=True, slots=True)
class _Group:
    """Samples [first, last) of a segment, the bytes in which they lie, and their hash."""

    begin: int
    end: int
    first: int
    last: int
    hash: int
    key_only: bool


class Proof:
    """Proves the groups of a segment as their bytes come.

    Args:
        run, segment: as the manifest has them.
        table: of the segment. first, last: the video samples that are read.
    """

    def __init__(
        self, run: RunRef, segment: SegmentRef, table: SampleTable, first: int, last: int
    ) -> None:
        self._key = segment.key
        self._video = table.video
        self._groups: list[_Group] = []
        if table.video is not None:
            self._groups = _groups(run, segment, table.video, first, last)
        self._begins = [group.begin for group in self._groups]
        self._ends = sorted(group.end for group in self._groups)
        self._proved: set[int] = set()

    def stop(self, least: int, most: int) -> int:
        """Where a block is to end: behind a whole group, at `least` or later, not much past `most`;
        so every group lies in one block, whatever the size of blocks."""
        at = bisect_left(self._ends, least)
        inside = [end for end in self._ends[at:] if end <= most]
        if inside:
            return inside[-1]
        return self._ends[at] if at < len(self._ends) else most

    def check(self, begin: int, block: memoryview) -> None:
        """Look at a block of the object.

        Raises:
            ArchiveCorrupt: a group in it is not what the manifest says.
        """
        end = begin + len(block)
        for number in range(bisect_left(self._begins, begin), len(self._groups)):
            group = self._groups[number]
            if group.begin >= end:
                return
            if group.end > end or number in self._proved:
                continue
            if self._hash(group, _Bytes(begin, block)) != group.hash:
                raise ArchiveCorrupt(
                    f"the pictures at bytes {group.begin} to {group.end} are not those that its "
                    "manifest says",
                    where=self._key,
                    hint="restore the object from a copy, or remove it and extract the recording "
                    "again while the device has it",
                )
            self._proved.add(number)

    def _hash(self, group: _Group, source: _Bytes) -> int:
        assert self._video is not None
        last = group.first + 1 if group.key_only else group.last
        sizes = np.ascontiguousarray(self._video.size[group.first : last])
        hashes = np.zeros(len(sizes), np.uint64)
        codec = 2 if self._video.configs[0].codec == "h265" else 1
        try:
            data = SampleReader(source).read(self._video, group.first, last)
        except MediaDamaged:
            return -1
        if fingerprints(data, sizes, hashes, codec) >= 0:
            return -1
        if group.key_only:
            return int(hashes[0])
        out = np.zeros(1, np.uint64)
        digest_groups(hashes, np.array([0, len(hashes)], np.int64), out)
        return int(out[0])


def _groups(
    run: RunRef, segment: SegmentRef, video: Samples, first: int, last: int
) -> list[_Group]:
    """The groups that are read whole, and those of which the beginning is, in order of bytes. One
    that the manifest does not know (a headless beginning) cannot be proved."""
    pts = np.cumsum(unpack(run.gops.pts, "<u4").astype(np.int64)) + run.pts_begin
    hashes, keys = unpack(run.gops.hash, "<u8"), unpack(run.gops.key, "<u8")
    frames = unpack(run.gops.frames, "<u4")
    number = {int(tick): index for index, tick in enumerate(pts)}
    syncs = np.flatnonzero(video.sync)
    out = []
    for begin, end in pairwise([*syncs, len(video)]):
        index = number.get(int(video.pts[begin]) + segment.pts)
        if begin < first or begin >= last or index is None:
            continue
        whole = end <= last and int(frames[index]) == end - begin
        until = int(end) if whole else int(begin) + 1
        a, b = int(video.first[begin]), int(video.first[until])
        offsets = video.extent_offset[a:b].astype(np.int64)
        upto = int((offsets + video.extent_size[a:b]).max())
        found = int(hashes[index] if whole else keys[index])
        out.append(_Group(int(offsets.min()), upto, int(begin), until, found, not whole))
    return sorted(out, key=lambda group: (group.begin, group.end))


@dataclass(frozen=True, slots=True)
class _Bytes:
    """A block of an object as a source of bytes."""

    begin: int
    block: memoryview

    def read_at(self, offset: int, size: int) -> memoryview:
        """Bytes that lie in the block."""
        return self.block[offset - self.begin : offset - self.begin + size]
