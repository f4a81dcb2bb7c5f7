"""MP4 and MOV: heads, edit lists, spans by ranged reads, and the way back to a file."""

from __future__ import annotations

import contextlib
import io
from fractions import Fraction
from functools import cache

from hikcore.errors import MediaError
from hikcore.media.mp4.clock import to_ninety
from hikcore.media.mp4.fragment import write_fragmented
from hikcore.media.mp4.locate import index_span
from hikcore.media.mp4.read import index_mp4, read_edits, read_head
from hikcore.media.mp4.write import OutTrack, write_mp4
from hikcore.media.samples import read_samples
from tests.fuzz.mutate import Grammar
from tests.fuzz.target import Target
from tests.media.mp4_foreign import Bytes, foreign

SEEDS = (
    {}, {"movflags": "faststart"}, {"movflags": "frag_keyframe+empty_moov"},
    {"movflags": "frag_keyframe+empty_moov+default_base_moof+global_sidx"},
    {"movflags": "frag_every_frame+empty_moov"}, {"container": "mov", "sound": "pcm_alaw"},
    {"codec": "libx265", "sound": "flac"}, {"sound": "libopus"},
)  # fmt: skip
BOXES = (
    b"moov", b"mvhd", b"trak", b"tkhd", b"edts", b"elst", b"mdia", b"mdhd", b"hdlr", b"minf",
    b"stbl", b"stsd", b"stts", b"ctts", b"stss", b"stsc", b"stsz", b"stco", b"co64", b"avc1",
    b"avcC", b"hvc1", b"hvcC", b"mp4a", b"esds", b"wave", b"dOps", b"dfLa", b"mvex", b"trex",
    b"moof", b"mfhd", b"traf", b"tfhd", b"tfdt", b"trun", b"sidx", b"mfra", b"tfra", b"mfro",
    b"mdat", b"free", b"uuid", b"ftyp", b"cmov", b"encv", b"dref", b"stz2", b"hev1", b"avc3",
)  # fmt: skip
GRAMMAR = Grammar((*BOXES, b"\0\0\0\1", b"\0\0\0\0", b"\xff" * 4, b"\0\0\0\x08free"), BOXES, 60)


@cache
def seeds() -> list[bytes]:
    """Files of libavformat, as small as they come."""
    return [foreign(frames=18, gop=6, **options) for options in SEEDS]  # type: ignore[arg-type]


def check(body: bytes) -> None:
    """Any bytes end in a table or a MediaError; a table can be written and read again."""
    source = Bytes(body)
    for read in (read_head, read_edits):
        with contextlib.suppress(MediaError):
            read(body)
    with contextlib.suppress(MediaError):
        index_span(source, len(body), Fraction(1, 5), Fraction(2, 5))
    try:
        table = to_ninety(index_mp4(source, len(body), verify=True))
    except MediaError:
        return
    samples = table.video
    if samples is None or not len(samples):
        return
    for one in (table.video, table.audio):
        if one is not None and len(one.extent_offset):
            assert int((one.extent_offset + one.extent_size).max()) <= len(body)
    track = OutTrack(samples)
    with contextlib.suppress(MediaError):
        out = io.BytesIO()
        write_mp4(out, [track], lambda _, a, b: bytes(read_samples(source, samples, a, b)))
        again = read_head(out.getvalue()).video
        assert again is not None
        assert again.size.tolist() == samples.size.tolist()
    with contextlib.suppress(MediaError):
        out = io.BytesIO()
        write_fragmented(out, [track], lambda _, a, b: bytes(read_samples(source, samples, a, b)))
        data = out.getvalue()
        again = index_mp4(Bytes(data), len(data)).video
        assert again is not None
        assert again.size.tolist() == samples.size.tolist()


TARGET = Target("mp4", seeds, check, GRAMMAR)
