"""Codec configurations: made of parameter sets as they come in a stream, and taken apart again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from hikcore.errors import MediaDamaged
from hikcore.media import h264, h265
from hikcore.media.formats import CodecConfig
from hikcore.media.mp4.entries import read_entry, sample_entry

__all__ = ["parameter_sets", "read_entry", "sample_entry", "video_config"]

_ORDER = {
    "h264": (h264.SPS, h264.PPS, h264.SPS_EXTENSION),
    "h265": (h265.VPS, h265.SPS, h265.PPS),
}


def video_config(codec: Literal["h264", "h265"], parameter_sets: Sequence[bytes]) -> CodecConfig:
    """The configuration that a decoder needs, from NAL units without start codes.

    NAL units that are no parameter sets are passed over; of two with one type and id the later
    counts, at the place of the earlier. The same sets in the same order give the same record.

    Raises:
        MediaDamaged: a needed set is missing or broken.
    """
    module = h264 if codec == "h264" else h265
    order = _ORDER[codec]
    sets: dict[tuple[int, int], bytes] = {}
    for nal in parameter_sets:
        # Zero bytes after a NAL unit belong to the next start code (H.264 B.1.1).
        nal = bytes(nal).rstrip(b"\x00")  # noqa: PLW2901
        if module.nal_type(nal) in order:
            sets[module.identify(nal)] = nal
    nals = [nal for kind in order for (found, _), nal in sets.items() if found == kind]
    if not nals:
        raise MediaDamaged(f"no {codec.upper()} parameter sets before the first picture")
    if codec == "h264":
        record, info = h264.build_avcc(nals)
        return CodecConfig(codec, record, info.width, info.height)
    record, info5 = h265.build_hvcc(nals)
    return CodecConfig(codec, record, info5.width, info5.height)


def parameter_sets(config: CodecConfig) -> list[bytes]:
    """The NAL units (without start codes) in a video configuration's record; none for audio.

    Raises:
        MediaDamaged: the record is broken.
    """
    if config.codec == "h264":
        return h264.read_avcc(config.record)
    if config.codec == "h265":
        return h265.read_hvcc(config.record)
    return []
