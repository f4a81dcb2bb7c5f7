"""What a body is, told by its first bytes: names and content types of devices lie."""

from __future__ import annotations

from typing import Literal

Kind = Literal["ps", "mp4", "avi", "everfocus", "hik4", "xml", "html", "json", "empty", "unknown"]

#: How many bytes are enough to tell.
SNIFF_BYTES = 64
_MP4_BOXES = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"styp", b"moof", b"sidx")


def sniff(first: bytes) -> Kind:
    """The kind of a body.

    Args:
        first: its first SNIFF_BYTES (all of it, where it is shorter).

    Returns:
        `ps` (with or without Hikvision's IMKH header), `mp4`, `avi`, `everfocus` (its frames one
        behind the other), `hik4` (the older 4HKH files,
        which are another format), `xml`, `html`, `json`, `empty`, `unknown`.
    """
    if not first:
        return "empty"
    if first.startswith((b"IMKH", b"\x00\x00\x01\xba", b"\x00\x00\x01\xbb", b"\x00\x00\x01\xbc")):
        return "ps"
    if first.startswith(b"\x15\x96\x63\x89"):
        return "everfocus"
    if first.startswith(b"4HKH"):
        return "hik4"
    if first[4:8] in _MP4_BOXES:
        return "mp4"
    if first[:4] == b"RIFF" and first[8:12] == b"AVI ":
        return "avi"
    text = first.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith((b"<!doctype html", b"<html", b"<head", b"<body")):
        return "html"
    if text.startswith(b"<"):
        return "xml"
    if text.startswith((b"{", b"[")):
        return "json"
    if first.startswith(b"\x00\x00\x01") and len(first) > 3 and first[3] >= 0xBD:
        return "ps"
    return "unknown"
