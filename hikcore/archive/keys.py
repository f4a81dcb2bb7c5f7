"""The keys of the archive: how every object is named, and what a name says back.

Keys are a public interface (docs/layout.md). Those under `v1/` hold the chunk's id and end in 16
hex digits of the SHA-256 of their content, so that a repeated or racing put adds the same object.
The day in a key is that of the chunk's begin, also for the segments of it that lie in the next day:
one chunk is one folder.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Final

from hikcore.errors import ConfigurationError
from hikcore.instants import (
    DAY,
    NS,
    Span,
    compact_instant,
    format_instant,
    parse_instant,
    to_datetime,
)

SEGMENTS: Final = "v1/segments/"
MANIFESTS: Final = "v1/manifests/"
RAW: Final = "v1/raw/"
CLOCKS: Final = "v1/clocks/"
TOMBSTONES: Final = "v1/tombstones/"
HOLDS: Final = "v1/holds/"
ANSWERS: Final = "log/answers/"
SITES: Final = "log/sites/"
EVENTS: Final = "events/"

#: S3 allows 1024 bytes; a folder's file system 255 a part.
MAX_KEY: Final = 1024
MAX_PART: Final = 255

_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_PART = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")
_HEX64 = re.compile(r"[0-9a-f]{64}")
_HEX16 = re.compile(r"[0-9a-f]{16}")
_NAME = re.compile(
    r"(\d{8}T\d{6}\.\d{3}Z)_(\d{8}T\d{6}\.\d{3}Z)_([0-9a-f]{16})_([0-9a-f]{16})\.(\w+)"
)
_MS: Final = NS // 1000


def check_id(text: str, what: str = "id") -> str:
    """An id of a site, camera, stream or device, as it may stand in a key.

    Raises:
        ConfigurationError: not `[a-z0-9][a-z0-9_-]{0,62}`.
    """
    if _ID.fullmatch(text) is None:
        raise ConfigurationError(
            f"{what} {text!r} cannot stand in a key",
            hint="1 to 63 of a-z, 0-9, _ and -, beginning with a letter or digit",
        )
    return text


def check_key(key: str) -> str:
    """A key that every store takes: a part beginning with a dot is kept for a folder's own files.

    Raises:
        ConfigurationError: characters outside `[A-Za-z0-9._/-]`, a part that is empty, too long or
            begins with a dot (so neither `.` nor `..`), or more than 1024 bytes.
    """
    good = len(key) <= MAX_KEY and all(
        len(part) <= MAX_PART and _PART.fullmatch(part) is not None for part in key.split("/")
    )
    if not good:
        raise ConfigurationError(f"{key[:80]!r} is not a key of an archive")
    return key


def check_prefix(prefix: str) -> str:
    """The beginning of a key, empty included.

    Raises:
        ConfigurationError: no key can begin so.
    """
    folder, _, start = prefix.rpartition("/")
    if folder:
        check_key(folder)
    if start:
        check_key(start)
    if prefix.startswith("/"):
        raise ConfigurationError(f"{prefix[:80]!r} is not the beginning of a key")
    return prefix


def chunk_id(camera: str, stream: str, literal_begin: str, size_or_end: int | str) -> str:
    """The id of a chunk: never made of the UTC that was made of the device's times.

    Args:
        camera: the camera's id, as in keys.
        stream: `main` or `sub`.
        literal_begin: the device's own digits, or the window's begin.
        size_or_end: a recording's size in bytes as listed; a window's end; a recording's literal
            end, where the device lists no size.

    Returns:
        The first 16 hex digits of SHA-256 over the four, each followed by a line feed.
    """
    text = "".join(f"{part}\n" for part in (camera, stream, literal_begin, size_or_end))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def day_folder(instant: int) -> str:
    """`2026/11/20`: the UTC day of an instant, as in keys."""
    return to_datetime(instant).strftime("%Y/%m/%d")


def camera_prefix(area: str, site: str, camera: str, stream: str) -> str:
    """Where everything of one stream lies in an area (`SEGMENTS`, `MANIFESTS`, …); ends in `/`."""
    check_id(site, "site")
    check_id(camera, "camera")
    check_id(stream, "stream")
    return f"{area}{site}/{camera}/{stream}/"


def segment_key(
    site: str,
    camera: str,
    stream: str,
    chunk_begin: int,
    begin: int,
    end: int,
    chunk: str,
    sha256: str,
) -> str:
    """The key of a segment: `begin` and `end` are its own, the day is the chunk's."""
    area = camera_prefix(SEGMENTS, site, camera, stream)
    return f"{area}{day_folder(chunk_begin)}/{_name(begin, end, chunk, sha256)}.mp4"


def manifest_key(
    site: str, camera: str, stream: str, begin: int, end: int, chunk: str, sha256: str
) -> str:
    """The key of the manifest of a chunk that begins and ends there."""
    area = camera_prefix(MANIFESTS, site, camera, stream)
    return f"{area}{day_folder(begin)}/{_name(begin, end, chunk, sha256)}.json"


def raw_key(
    site: str, camera: str, stream: str, begin: int, end: int, chunk: str, sha256: str
) -> str:
    """The key of a body kept as received."""
    area = camera_prefix(RAW, site, camera, stream)
    return f"{area}{day_folder(begin)}/{_name(begin, end, chunk, sha256)}.bin"


def tombstone_key(site: str, camera: str, stream: str, begin: int, end: int, sha256: str) -> str:
    """The key of a tombstone over that span."""
    return _span_key(TOMBSTONES, site, camera, stream, begin, end, sha256)


def hold_key(site: str, camera: str, stream: str, begin: int, end: int, sha256: str) -> str:
    """The key of a hold over that span."""
    return _span_key(HOLDS, site, camera, stream, begin, end, sha256)


def _span_key(
    kind: str, site: str, camera: str, stream: str, begin: int, end: int, sha256: str
) -> str:
    area = camera_prefix(kind, site, camera, stream)
    times = f"{compact_instant(begin)}_{compact_instant(end)}"
    return f"{area}{day_folder(begin)}/{times}_{_hash16(sha256)}.json"


def clock_key(site: str, device: str, sha256: str) -> str:
    """The key of a clock profile, named by its content."""
    return f"{CLOCKS}{check_id(site, 'site')}/{check_id(device, 'device')}/{_hash16(sha256)}.json"


def answers_key(site: str, camera: str, stream: str, day: int) -> str:
    """The key of the answers of a UTC day, named by any instant in it."""
    return f"{camera_prefix(ANSWERS, site, camera, stream)}{day_folder(day)}.json"


def events_prefix(site: str, device: str) -> str:
    """Where all events of a device lie; ends in `/`."""
    return f"{EVENTS}{check_id(site, 'site')}/{check_id(device, 'device')}/"


def events_key(site: str, device: str, first: int, last: int, sha256: str) -> str:
    """The key of a batch of events of one UTC day, the first and the last of which begin then."""
    times = f"{compact_instant(first)}_{compact_instant(last)}"
    folder = f"{events_prefix(site, device)}{day_folder(first)}"
    return f"{folder}/{times}_{_hash16(sha256)}.jsonl"


def site_key(site: str) -> str:
    """The key of what a reader needs to know of a site."""
    return f"{SITES}{check_id(site, 'site')}.json"


@dataclass(frozen=True, slots=True)
class ChunkKey:
    """What the key of a segment, manifest or raw body says.

    Attributes:
        area: `SEGMENTS`, `MANIFESTS` or `RAW`.
        span: begin rounded down and end rounded up to milliseconds: never too short.
        chunk: the chunk's id.
        hash: the first 16 hex digits of the content's SHA-256.
    """

    area: str
    site: str
    camera: str
    stream: str
    span: Span
    chunk: str
    hash: str


def parse_key(key: str) -> ChunkKey | None:
    """The parts of such a key; None for any other."""
    parts = key.split("/")
    if len(parts) != 9:
        return None
    area = f"{parts[0]}/{parts[1]}/"
    match = _NAME.fullmatch(parts[8])
    if area not in (SEGMENTS, MANIFESTS, RAW) or match is None:
        return None
    begin, end = parse_instant(match.group(1)), parse_instant(match.group(2)) + _MS
    if begin >= end:
        return None
    site, camera, stream = parts[2:5]
    return ChunkKey(area, site, camera, stream, Span(begin, end), match.group(3), match.group(4))


def days(span: Span, before: int = 1, after: int = 0) -> list[int]:
    """The midnights (UTC ns) of the days that a span touches, and of so many before and after."""
    first = span.begin // DAY - before
    last = (span.end - 1) // DAY + after
    return [day * DAY for day in range(first, last + 1)]


def _name(begin: int, end: int, chunk: str, sha256: str) -> str:
    if begin >= end:
        raise ValueError(f"nothing lies between {format_instant(begin)} and {format_instant(end)}")
    if _HEX16.fullmatch(chunk) is None:
        raise ValueError(f"{chunk!r} is not the id of a chunk")
    return f"{compact_instant(begin)}_{compact_instant(end)}_{chunk}_{_hash16(sha256)}"


def _hash16(sha256: str) -> str:
    if _HEX64.fullmatch(sha256) is None:
        raise ValueError(f"{sha256!r} is not a SHA-256 in hex")
    return sha256[:16]
