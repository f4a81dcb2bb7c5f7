"""Takes copies of parameter sets out of samples: a choice at delivery, never at ingest.

Recorders repeat SPS and PPS (and VPS) before every key picture. In an avc1 or hvc1 track the sample
entry has them, and copies in the samples are against the rule (ISO/IEC 14496-15 5.3.3, 8.3.3); some
hardware players and broadcasters' checks refuse such files. What differs from the entry stays.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from hikcore.errors import MediaDamaged
from hikcore.media import h264, h265
from hikcore.media.codec import parameter_sets
from hikcore.media.samples import BLOCK
from hikcore.media.table import CodecConfig, Samples

Read = Callable[[int, int], bytes | memoryview]
_LENGTH = 4


class Stripper:
    """Samples of one track without the copies.

    Args:
        samples: of video, in MP4 form as `read` gives them. All of them are read once here, as how
            long a sample will be stands before the media in the file.

    Attributes:
        samples: the same with the sizes that are left.
        stripped: of how many samples something was taken.
    """

    def __init__(self, samples: Samples, read: Read) -> None:
        self._whole = samples
        self._read = read
        self._sets = [sets_of(config) for config in samples.configs]
        size = samples.size.copy()
        ends = np.cumsum(samples.size, dtype=np.int64)
        first = 0
        while first < len(samples):
            begin = int(ends[first - 1]) if first else 0
            last = max(int(np.searchsorted(ends, begin + BLOCK)), first + 1)
            for at, one in enumerate(self._split(first, last), first):
                size[at] = sum(len(piece) for piece in one)
            first = last
        self.stripped = int((size != samples.size).sum())
        self.samples = replace(samples, size=size)

    def read(self, first: int, last: int) -> bytes:
        """The bytes of samples first to last without the copies.

        Raises:
            MediaDamaged: NAL units that do not add up.
        """
        return b"".join(piece for one in self._split(first, last) for piece in one)

    def _split(self, first: int, last: int) -> list[list[bytes]]:
        """What is left of each sample."""
        data = bytes(self._read(first, last))
        out, at = [], 0
        for number in range(first, last):
            end = at + int(self._whole.size[number])
            out.append(strip(data[at:end], self._sets[int(self._whole.config[number])]))
            at = end
        return out


def strip(sample: bytes, sets: frozenset[bytes]) -> list[bytes]:
    """A sample's NAL units, with their lengths, but those that are among the sets; all of them,
    where nothing else would be left.

    Raises:
        MediaDamaged: NAL units that do not add up.
    """
    kept, at = [], 0
    while at < len(sample):
        size = int.from_bytes(sample[at : at + _LENGTH], "big")
        end = at + _LENGTH + size
        if end > len(sample):
            raise MediaDamaged("NAL units of a sample do not add up")
        if sample[at + _LENGTH : end].rstrip(b"\0") not in sets:
            kept.append(sample[at:end])
        at = end
    return kept or [sample]


def sets_of(config: CodecConfig) -> frozenset[bytes]:
    """The parameter sets of a sample entry, as `strip` compares them.

    Raises:
        MediaDamaged: the record is broken.
    """
    return frozenset(nal.rstrip(b"\0") for nal in parameter_sets(config) if _is_set(config, nal))


def _is_set(config: CodecConfig, nal: bytes) -> bool:
    """Whether a NAL unit of the record is a parameter set: hvcC may hold SEI too, which stays."""
    if config.codec == "h265":
        return h265.nal_type(nal) in (h265.VPS, h265.SPS, h265.PPS)
    return h264.nal_type(nal) in (h264.SPS, h264.PPS, h264.SPS_EXTENSION)
