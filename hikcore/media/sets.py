"""Codec configurations of the parameter sets that came in a stream."""

from __future__ import annotations

from hikcore.errors import MediaDamaged
from hikcore.media.codec import video_config
from hikcore.media.formats import CodecConfig


def configurations(
    blobs: tuple[bytes, ...],
) -> tuple[tuple[CodecConfig, ...], list[int], list[str]]:
    """Of blobs as native/es.pyx keeps them: the configurations, which one each blob begins, and
    what is to be said. Sets that come alone (a PPS without its SPS) complete those in force before.
    """
    out: dict[CodecConfig, int] = {}
    index: list[int] = []
    notes: list[str] = []
    kept: dict[tuple[int, int], list[bytes]] = {}
    codec = 0
    for blob in blobs:
        sets = _sets(blob, codec)
        codec = sets[-1][0] if sets else codec
        fresh: dict[tuple[int, int], list[bytes]] = {}
        for own, nal in sets:
            if nal:
                fresh.setdefault((own, _nal_type(own, nal)), []).append(nal)
        kept.update(fresh)
        complete = [nal for (c, _), nals in sorted(kept.items()) if c == codec for nal in nals]
        try:
            config = video_config("h265" if codec == 2 else "h264", complete)
        except MediaDamaged as error:
            notes.append(f"parameter sets not usable: {error.message}")
            index.append(max(len(out) - 1, 0))
            continue
        index.append(out.setdefault(config, len(out)))
    return tuple(out), index, list(dict.fromkeys(notes))


def _sets(blob: bytes, codec: int) -> list[tuple[int, bytes]]:
    """(codec, NAL unit) of each; a codec that was not known then is that before, or H.264."""
    out, at = [], 0
    while at + 5 <= len(blob):
        codec = blob[at] or codec or 1
        size = int.from_bytes(blob[at + 1 : at + 5], "little")
        out.append((codec, blob[at + 5 : at + 5 + size]))
        at += 5 + size
    return out


def _nal_type(codec: int, nal: bytes) -> int:
    return (nal[0] >> 1) & 63 if codec == 2 else nal[0] & 31
