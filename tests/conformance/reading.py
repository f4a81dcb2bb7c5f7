"""An archive as a stranger reads it: JSON, MP4 by PyAV, NAL units by hand. No code of the product
but the clip, which is held against the rest."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import av

NS = 1_000_000_000


@dataclass(frozen=True)
class Picture:
    """One coded picture, told apart from all others by its VCL NAL units."""

    digest: str


def picture(units: Iterable[bytes], codec: str) -> Picture:
    """Of NAL units without start codes or lengths. Parameter sets and the like do not count: a
    container may carry them elsewhere."""
    coded = [unit for unit in units if unit and _is_coded(unit, codec)]
    digest = hashlib.sha256()
    for unit in coded:
        digest.update(len(unit).to_bytes(4, "big") + unit)
    return Picture(digest.hexdigest())


def _is_coded(unit: bytes, codec: str) -> bool:
    if codec == "h264":
        return 1 <= unit[0] & 0x1F <= 5
    return unit[0] >> 1 & 0x3F < 32


def _units(data: bytes) -> Iterator[bytes]:
    at = 0
    while at + 4 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        yield data[at + 4 : at + 4 + size]
        at += 4 + size
    assert at == len(data), "a sample that is no row of NAL units with their lengths"


def movie(data: bytes) -> list[tuple[int, Picture]]:
    """(ns after the first, picture) of an MP4's video, as stored."""
    with av.open(io.BytesIO(data)) as container:
        stream = container.streams.video[0]
        codec = "h264" if stream.codec_context.name == "h264" else "h265"
        found = [
            (round(packet.pts * packet.time_base * NS), picture(_units(bytes(packet)), codec))
            for packet in container.demux(stream)
            if packet.size and packet.pts is not None and packet.time_base is not None
        ]
    first = min((at for at, _ in found), default=0)
    return [(at - first, each) for at, each in found]


@dataclass(frozen=True)
class Held:
    """A picture in the archive: where it says that it belongs, and how sure it is (ns)."""

    at: int
    uncertain: int
    picture: Picture


def held(objects: Mapping[str, bytes]) -> list[Held]:
    """Every picture of every segment that a manifest names; a name without its object fails."""
    out: list[Held] = []
    for key, data in objects.items():
        if not key.startswith("v1/manifests/"):
            continue
        manifest = json.loads(data)
        for run in manifest["runs"]:
            for segment in run["segments"]:
                body = objects[segment["key"]]
                assert hashlib.sha256(body).hexdigest() == segment["sha256"], segment["key"]
                begin = _ns(segment["begin"])
                doubt = _ns(run.get("uncertainty", 0))
                out += [Held(begin + at, doubt, each) for at, each in movie(body)]
    return out


def damaged(objects: Mapping[str, bytes]) -> list[str]:
    """Why footage is kept as received."""
    manifests = [json.loads(data) for key, data in objects.items() if "v1/manifests/" in key]
    return [each["raw"]["reason"] for each in manifests if each.get("raw")]


def _ns(value: int | str) -> int:
    """Nanoseconds; instants are RFC 3339 with nine digits."""
    if isinstance(value, int):
        return value
    whole, _, parts = value.removesuffix("Z").partition(".")
    return round(datetime.fromisoformat(whole + "+00:00").timestamp()) * NS + int(parts or 0)


def shown(path: Path) -> list[Picture]:
    """The pictures of a clip, as stored."""
    return [each for _, each in movie(path.read_bytes())]
