"""Session descriptions (RFC 8866) of cameras and recorders: which streams there are, and what a
decoder must know of them."""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from dataclasses import dataclass, field
from typing import Final, Literal

Kind = Literal["video", "audio", "other"]
#: Payload types with a meaning of their own (RFC 3551 6).
_STATIC: Final = {0: ("PCMU", 8000, 1), 8: ("PCMA", 8000, 1)}
_RTPMAP: Final = re.compile(r"(\d{1,3})\s+([^/\s]{1,40})/(\d{1,6})(?!\d)(?:/(\d{1,2}))?")
_CODECS: Final = {
    "H264": "h264", "H265": "h265", "HEVC": "h265", "PCMA": "alaw", "PCMU": "ulaw",
    "MPEG4-GENERIC": "aac",
}  # fmt: skip


@dataclass(slots=True)
class Media:
    """One stream of a session.

    Attributes:
        kind: `video`, `audio`; `other`: metadata, which nobody needs.
        codec: as tables of samples name it; "" where it is not read.
        encoding: as the description names it.
        payload: the payload type of its packets.
        rate, channels: of its clock, Hz; of audio.
        control: what SETUP is asked for, as written.
        sets: parameter sets (NAL units) of video.
        config: AudioSpecificConfig of AAC.
        format: the `fmtp` values by lower-case name.
    """

    kind: Kind
    payload: int
    codec: str = ""
    encoding: str = ""
    rate: int = 90_000
    channels: int = 1
    control: str = ""
    sets: tuple[bytes, ...] = ()
    config: bytes = b""
    format: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Description:
    """What a DESCRIBE is answered: its streams in order, the aggregate `control`, `span`: the
    `a=range` as written."""

    media: tuple[Media, ...]
    control: str = ""
    span: str = ""


def parse_description(text: str) -> Description:
    """Read one, passing over what is not known."""
    media: list[Media] = []
    control = span = ""
    for line in text.replace("\r", "\n").split("\n"):
        kind, equals, value = line.strip().partition("=")
        if not equals:
            continue
        if kind == "m":
            media.append(_media(value))
        elif kind == "a":
            name, _, rest = value.partition(":")
            if media:
                _attribute(media[-1], name.lower(), rest.strip())
            elif name.lower() == "control":
                control = rest.strip()
            elif name.lower() == "range":
                span = rest.strip()
    for each in media:
        _finish(each)
    return Description(tuple(media), control, span)


def _media(value: str) -> Media:
    words = value.split()
    kind: Kind = "other"
    if words and words[0] in ("video", "audio"):
        kind = "video" if words[0] == "video" else "audio"
    payload = int(words[3]) if len(words) > 3 and re.fullmatch(r"\d{1,3}", words[3]) else -1
    found = Media(kind, payload)
    if payload in _STATIC:
        found.encoding, found.rate, found.channels = _STATIC[payload]
    return found


def _attribute(media: Media, name: str, value: str) -> None:
    if name == "control":
        media.control = value
    elif name == "rtpmap":
        match = _RTPMAP.match(value)
        if match is not None and int(match[1]) == media.payload:
            media.encoding, media.rate = match[2], int(match[3]) or 90_000
            media.channels = int(match[4] or 1) or 1
    elif name == "fmtp":
        number, _, rest = value.partition(" ")
        if number == str(media.payload):
            for pair in rest.split(";"):
                key, _, what = pair.strip().partition("=")
                media.format[key.lower()] = what.strip()


def _finish(media: Media) -> None:
    media.codec = _CODECS.get(media.encoding.upper(), "")
    if media.codec and (media.codec in ("h264", "h265")) != (media.kind == "video"):
        media.codec = ""
    given = media.format
    if media.codec == "h264":
        media.sets = _sets(given.get("sprop-parameter-sets", ""))
    elif media.codec == "h265":
        names = ("sprop-vps", "sprop-sps", "sprop-pps")
        media.sets = tuple(unit for name in names for unit in _sets(given.get(name, "")))
        if given.get("sprop-max-don-diff", "0").strip("0"):
            # Decoding numbers stand inside the payloads (RFC 7798 4.4), and would be read as video.
            media.codec, media.encoding = "", f"{media.encoding} with decoding numbers"
    elif media.codec == "aac":
        try:
            media.config = binascii.unhexlify(given.get("config", ""))
        except ValueError:
            media.config = b""


def _sets(text: str) -> tuple[bytes, ...]:
    """NAL units in base64 behind commas; what cannot be read is left out: most streams repeat
    them."""
    out = []
    for part in text.split(","):
        try:
            unit = b64decode(part.strip() + "=" * (-len(part.strip()) % 4))
        except ValueError:
            continue
        # Some cameras write the start code, too.
        unit = re.sub(rb"^\x00{2,3}\x01", b"", unit)
        if unit:
            out.append(unit)
    return tuple(out)
