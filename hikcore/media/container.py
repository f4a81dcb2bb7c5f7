"""One door to every container: sniff a body and index it.

Only the reader of the kind that is there is loaded: loading all of them takes longer than a cut.
"""

from __future__ import annotations

import mmap
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from hikcore.errors import MediaDamaged, MediaEncrypted, MediaUnsupported
from hikcore.media.sniff import SNIFF_BYTES, sniff

if TYPE_CHECKING:
    from hikcore.media.table import SampleTable

#: Read at once: fewer calls, and still within the second-level cache.
BLOCK = 256 * 1024


def index_file(path: Path) -> SampleTable:
    """The sample table of a body on disk.

    Raises:
        MediaUnsupported: not a container or codec that is read.
        MediaDamaged: no usable picture or sound in it.
        MediaEncrypted: the device says that its video is encrypted.
    """
    with path.open("rb", buffering=0) as body:
        kind = sniff(body.read(SNIFF_BYTES) or b"")
        body.seek(0)
        if kind == "ps":
            from hikcore.media.ps import PsIndexer  # noqa: PLC0415

            return accept(_index(body, PsIndexer()))
        if kind == "everfocus":
            from hikcore.media.everfocus import EverFocusIndexer  # noqa: PLC0415

            return _index(body, EverFocusIndexer())
        if kind == "avi":
            from hikcore.media.avi import AviIndexer  # noqa: PLC0415

            return _index(body, AviIndexer())
    if kind == "mp4":
        from hikcore.media.mp4.clock import to_ninety  # noqa: PLC0415
        from hikcore.media.mp4.read import index_mp4  # noqa: PLC0415
        from hikcore.media.samples import FileSource  # noqa: PLC0415

        with FileSource(path) as source:
            return accept(to_ninety(index_mp4(source, source.size, verify=True)))
    raise unreadable(kind)


class _Indexer(Protocol):
    def feed(self, block: memoryview) -> None: ...

    def finish(self) -> SampleTable: ...


def _index(body: FileIO, indexer: _Indexer) -> SampleTable:
    # Whole pages: 16 bytes past the begin of one, the kernel copies at a third of the pace
    # (measured on Zen 4).
    block = memoryview(mmap.mmap(-1, BLOCK))
    while size := body.readinto(block):
        indexer.feed(block[:size])
    return indexer.finish()


def unreadable(kind: str) -> MediaUnsupported | MediaDamaged:
    """The error for a body of a kind that is not footage, or not footage that is read."""
    if kind == "hik4":
        return MediaUnsupported(
            "a 4HKH file of an old recorder: another format than MPEG-PS, not read", offset=0
        )
    if kind == "empty":
        return MediaDamaged("the body is empty", offset=0)
    return MediaUnsupported(f"neither MPEG-PS nor MP4, AVI or EverFocus frames ({kind})", offset=0)


def accept(table: SampleTable) -> SampleTable:
    """The table, unless it says of itself that it cannot be shown.

    Raises:
        MediaEncrypted: encrypted by the device.
    """
    if table.encrypted:
        raise MediaEncrypted(
            "the recorder says that this video is encrypted",
            hint="turn stream encryption off on the device, or keep the raw object with its key",
        )
    return table
