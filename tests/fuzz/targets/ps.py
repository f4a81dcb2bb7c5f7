"""Program streams, fed in pieces and from a file, against the slow reference."""

from __future__ import annotations

from hikcore.deviceclock import UTC_CLOCK
from hikcore.errors import MediaError
from hikcore.media.runs import find_runs
from hikcore.media.samples import read_samples
from hikcore.media.segments import plan_segments
from hikcore.media.table import SampleTable
from hikcore.sim.psmux import MuxProfile
from tests.fuzz.files import table_of_file
from tests.fuzz.mutate import Grammar
from tests.fuzz.target import Target, pieces
from tests.media import ps_reference
from tests.media.ps_bodies import Bytes, index, muxed
from tests.media.test_ps import compare, same

TOKENS = (
    b"\0\0\1\xba", b"\0\0\1\xe0\0\0", b"\0\0\1\xe0\xff\xff", b"\0\0\1\xbc\0\x20", b"\0\0\1\xc0\0\4",
    b"\0\0\1\xbb", b"\0\0\1\xb9", b"\0\0\1\xbd\0\0", b"\0\0\0\1", b"\0\0\1\x67", b"\0\0\1\x40\1",
    b"\0\0\1\x65\x88", b"\0\0\1\x26\1\x80", b"\0\0\1\x2a\1\x80", b"\0\0\1\x10\1\x80",
    b"\0\0\1\xe0\0\7\x80\0\xff", b"\0\0\1\xba\0\0\1\xe0", b"\0" * 9, b"\xff" * 9, b"\x40\xffHK",
    b"\0\0\1\xe1\0\5\x80\0\0", b"\0\0\1\0\0\1", b"\0\0\1\xba\x21", b"\0\0\1\xc0\0\0\x80\0\0",
    b"IMKH",
)  # fmt: skip
GRAMMAR = Grammar(
    TOKENS, (b"\0\0\1\xba", b"\0\0\1\xe0", b"\0\0\1\xbc", b"\0\0\1\xc0", b"\0\0\1"), 20
)


def seeds() -> list[bytes]:
    """Small bodies of both codecs, muxed in several ways."""
    return [
        muxed(mux, codec=codec, b_frames=b_frames, seconds=0.9).body
        for codec, b_frames in (("h264", 0), ("h264", 2), ("h265", 0))
        for mux in (MuxProfile(pes_size=300, junk=4), MuxProfile(header=False, pes_size=64))
    ]


def outcome(body: bytes, sizes: list[int]) -> tuple[SampleTable | None, str]:
    """The table, or why there is none."""
    try:
        return index(body, sizes), ""
    except MediaError as error:
        return None, str(error)


def check(body: bytes, sizes: list[int] | None = None) -> None:
    """It is read as the reference reads it, in pieces of any size, and all that is made of the
    table holds together."""
    truth = ps_reference.parse(body)
    table, error = outcome(body, [1 << 20])
    again, second = outcome(body, sizes or pieces(body))
    assert error == second
    if table is None or again is None:
        return
    same(again, table)
    filed = table_of_file(body, "ps")
    if filed is not None:
        same(filed, table)
    compare(body, table, truth)
    walk(body, table)


def walk(body: bytes, table: SampleTable) -> None:
    """Every sample of every segment of every run can be read."""
    for run in find_runs(table, UTC_CLOCK, 0):
        for plan in plan_segments(table, run):
            if table.video is not None:
                read_samples(Bytes(body), table.video, plan.first, plan.last)
            if table.audio is not None:
                read_samples(Bytes(body), table.audio, plan.audio_first, plan.audio_last)


TARGET = Target("ps", seeds, check, GRAMMAR)
