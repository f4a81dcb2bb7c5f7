"""What a download begins with: footage, or one of the things that come in its place. Pure."""

from __future__ import annotations

import re
from typing import Final

from hikcore.errors import DeviceError, DeviceRefused, TransferInterrupted
from hikcore.media.sniff import sniff
from hikcore.sources.hik_cloud.verdict import clean

#: Bytes to look at: two packets of a transport stream and a byte.
ENOUGH: Final = 2 * 188 + 1
_FOOTAGE: Final = frozenset({"ps", "mp4"})
_CODE: Final = re.compile(rb"<Code>([A-Za-z0-9]{1,60})</Code>|\"code\"\s*:\s*\"?([\w.-]{1,40})")


class NotFootage(TransferInterrupted):
    """The address gave something else: an error page, or nothing. Another address may do."""


class UnsupportedContainer(DeviceRefused):
    """Footage in a container that is not taken from a cloud; it is named."""


def kind_of(first: bytes) -> str:
    """What a body is, told by its first bytes: `mp4`, `ps`, `ts`, `m3u8`, `xml`, `html`, `json`,
    `empty` or `unknown` (names and content types lie)."""
    if first.lstrip().startswith(b"#EXTM3U"):
        return "m3u8"
    if first[:1] == b"\x47" and (len(first) <= 188 or first[188:189] == b"\x47"):
        return "ts"
    return sniff(first[:64])


def check(first: bytes, where: str) -> str:
    """The kind of a body that is footage as we take it.

    Raises:
        UnsupportedContainer: a transport stream or a playlist.
        NotFootage: an error document, nothing, or bytes that are no container at all: the last is
            what footage encrypted by the device looks like.
    """
    kind = kind_of(first)
    if kind in _FOOTAGE:
        return kind
    raise _error(kind, first, where)


def _error(kind: str, first: bytes, where: str) -> DeviceError:
    if kind == "ts":
        return UnsupportedContainer("a transport stream, which is not read", where=where)
    if kind == "m3u8":
        return UnsupportedContainer(
            "a playlist, not a file", where=where, hint="the cloud has another form of download"
        )
    if kind == "empty":
        return NotFootage("the download is empty", where=where)
    if kind == "unknown":
        return NotFootage(
            "the download is no container that is known",
            where=where,
            hint="it may be encrypted: turn stream encryption off on the device",
        )
    found = _CODE.search(first)
    code = next((part.decode() for part in found.groups() if part), "") if found else ""
    said = f"an error document ({kind}{', ' + clean(code) if code else ''}) in place of footage"
    return NotFootage(said, where=where, hint="the address may have expired")
