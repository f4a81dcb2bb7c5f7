"""The index of a program stream at hand, numpy loaded only where its table is asked for."""

from __future__ import annotations

from mmap import mmap
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hikcore.media.container import BLOCK
from hikcore.media.formats import CodecConfig
from hikcore.media.ps_scan import PsScan, plain_pictures
from hikcore.native.pictures import Pictures

if TYPE_CHECKING:
    from hikcore.media.table import SampleTable
    from hikcore.native.ps import Columns


class PsIndex(NamedTuple):
    """Every sample of a program stream.

    Attributes:
        pictures: times, sizes and key pictures; None where they need repair, or there is sound.
        config: of the pictures.
        records: what the parser found, as records of hikcore.media.columns: `video` (28 bytes a
            picture), `video_extents` (offset and size of 8 bytes each: where its bytes lie), ….
        scan: the parser.
    """

    pictures: Pictures | None
    config: CodecConfig | None
    records: Columns
    scan: PsScan

    def table(self) -> SampleTable:
        """As columns of numpy.

        Raises:
            MediaUnsupported, MediaDamaged, MediaEncrypted: as `hikcore.media.container.index_file`.
        """
        from hikcore.media.container import accept  # noqa: PLC0415
        from hikcore.media.ps import make_table  # noqa: PLC0415

        return accept(make_table(self.scan.core, self.records, self.scan.size))


def index_stream(path: Path) -> PsIndex:
    """Index a program stream on disk.

    Raises:
        MediaDamaged: it ends inside its file header.
        MediaUnsupported: its file header says that it is none.
    """
    scan = PsScan()
    # Whole pages: see hikcore.media.container.
    block = memoryview(mmap(-1, BLOCK))
    with path.open("rb", buffering=0) as body:
        while got := body.readinto(block):
            scan.feed(block[:got])
    records = scan.end()
    plain = plain_pictures(scan.core, records)
    if plain is None:
        return PsIndex(None, None, records, scan)
    return PsIndex(*plain, records, scan)
