"""MPEG program streams as columns of records: what stands before a table, without numpy."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from hikcore.errors import MediaDamaged, MediaUnsupported
from hikcore.media.formats import CodecConfig
from hikcore.media.sets import configurations
from hikcore.native.pictures import Pictures
from hikcore.native.ps import PsCore

if TYPE_CHECKING:
    from hikcore.native.ps import Columns

_IMKH_SIZE: Final = 40
_IMKH_VIDEO: Final = {1: 1, 0x100: 1, 5: 2}
#: IMKH audio_format to stream_type.
_IMKH_SOUND: Final = {0x7110: 0x91, 0x7111: 0x90, 0x7221: 0x92, 0x2001: 0x0F}
#: `PsCore.told`: from here on the first start code of another codec's stream.
OTHER_BEGINS: Final = 256


class PsScan:
    """Takes a program stream that is fed in pieces of any size, while it arrives.

    Args:
        max_samples, max_extents: caps of the index, each track; past one the table ends there.
        core: the parser, where it is to do more than to parse.
    """

    def __init__(
        self,
        max_samples: int = 3_000_000,
        max_extents: int = 6_000_000,
        core: PsCore | None = None,
    ) -> None:
        self.core = core if core is not None else PsCore(max_samples, max_extents)
        self.size = 0
        self._head: bytearray | None = bytearray()

    def feed(self, block: bytes | bytearray | memoryview) -> None:
        """The next piece of the body."""
        self.size += len(block)
        if self._head is None:
            self.core.feed(block)
            return
        self._head += block
        if len(self._head) >= _IMKH_SIZE or not b"IMKH".startswith(bytes(self._head[:4])):
            self._begin()

    def end(self) -> Columns:
        """The end of the body: its records.

        Raises:
            MediaDamaged: it ends inside its file header.
        """
        if self._head is not None:
            if self._head.startswith(b"IMKH"):
                raise MediaDamaged("the body ends inside its file header", offset=len(self._head))
            self._begin()
        return self.core.finish()

    def _begin(self) -> None:
        head, self._head = bytes(self._head or b""), None
        if head.startswith(b"IMKH") and len(head) >= _IMKH_SIZE:
            system, video, audio = struct.unpack_from("<HHH", head, 8)
            if system not in (2, 8):
                raise MediaUnsupported(
                    f"a Hikvision file whose header says system format {system:#x}, not MPEG-PS",
                    offset=8,
                )
            self.core.expect(_IMKH_VIDEO.get(video, 0), _IMKH_SOUND.get(audio, 0))
            self.core.skip(_IMKH_SIZE)
            head = head[_IMKH_SIZE:]
        if head:
            self.core.feed(head)


def plain_pictures(core: PsCore, columns: Columns) -> tuple[Pictures, CodecConfig] | None:
    """The pictures of a body that holds nothing else and needs no repair, and their configuration;
    None where `hikcore.media.ps` must look at it."""
    if columns["audio"] or core.encrypted or core.told()[0] >= OTHER_BEGINS:
        return None
    configs, _, notes = configurations(columns["configs"])
    pictures = Pictures()
    if len(configs) != 1 or notes or pictures.fill(columns["video"]):
        return None
    return pictures, configs[0]


def said(core: PsCore) -> list[str]:
    """Notes on streams that were left out, and on the end of the body."""
    out = ["further video streams dropped"] if core.dropped_streams else []
    if core.open_end:
        out.append("the last picture may not be whole: the body ends behind a packet of full size")
    return out


def left_out(core: PsCore) -> list[str]:
    """A note on private_stream_1 as DVDs use it: its payload begins with a sub-stream id."""
    kind = core.private_type
    if kind < 0:
        return []
    names = {0x80: "ac-3", 0x88: "dts", 0xA0: "linear pcm"}
    name = "ac-3" if kind == 0x0B else names.get(kind & 0xF8, "of an unknown kind")
    return [f"audio {name} dropped: it is not read"]
