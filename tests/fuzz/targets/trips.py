"""Any container to segments and fragments, and those read again: nothing is lost on the way."""

from __future__ import annotations

import io
from collections.abc import Iterator
from functools import cache

import numpy as np

from hikcore.deviceclock import UTC_CLOCK
from hikcore.errors import MediaDamaged, MediaError, MediaUnsupported
from hikcore.media.check import check_file
from hikcore.media.container import index_file
from hikcore.media.mp4.fragment import write_fragmented
from hikcore.media.mp4.read import index_mp4, read_head
from hikcore.media.mp4.write import OutTrack
from hikcore.media.runs import find_runs
from hikcore.media.samples import read_samples
from hikcore.media.segments import plan_segments, segment_tracks, write_segment
from hikcore.media.table import Samples
from tests.fuzz.files import as_file
from tests.fuzz.mutate import Grammar
from tests.fuzz.target import Target
from tests.fuzz.targets import avi, everfocus, mp4, ps
from tests.media.mp4_foreign import Bytes

#: Rules of `hikcore check` that hold whatever the pictures are. The others speak of the footage:
#: two pictures of one time, or a slice without its parameter sets, are kept as they came.
RULES = (3, 6, 14, 16, 18)
#: Footage whose times leap by years is damage that the writer may refuse.
_REFUSED = ("lasts longer than an MP4 can say",)


@cache
def seeds() -> list[bytes]:
    """Of every container."""
    return [*ps.seeds(), *avi.seeds()[:6], *everfocus.seeds(), *mp4.seeds()]


def written(body: bytes) -> Iterator[tuple[bytes, list[tuple[Samples, bytes]]]]:
    """Every segment of a body, and the tracks that it was made of with their bytes."""
    try:
        table = index_file(as_file(body))
        runs = find_runs(table, UTC_CLOCK, 0)
    except MediaError:
        return
    source = Bytes(body)
    for run in runs[:20]:
        for plan in plan_segments(table, run)[:20]:
            if plan.first == plan.last and plan.audio_first == plan.audio_last:
                continue
            out = io.BytesIO()
            try:
                write_segment(out, source, table, run, plan)
            except (MediaUnsupported, MediaDamaged):
                continue
            tracks = [one for one in segment_tracks(table, run, plan) if one is not None]
            yield out.getvalue(), [(t, read_samples(source, t, 0, len(t))) for t in tracks]


def compare(data: bytes, again: Samples | None, track: Samples, held: bytes, where: str) -> None:
    """The same samples: bytes, sizes, differences of times."""
    assert again is not None, where
    assert again.size.tolist() == track.size.tolist(), where
    assert read_samples(Bytes(data), again, 0, len(again)) == held, where
    if again.timescale == track.timescale:
        assert np.diff(again.pts).tolist() == np.diff(track.pts).tolist(), where
        assert np.diff(again.dts).tolist() == np.diff(track.dts).tolist(), where
    if track.framing != "raw":
        assert again.sync.tolist() == track.sync.tolist(), where


def check(body: bytes) -> None:
    """See the module."""
    for data, tracks in written(body):
        report = check_file(as_file(data))
        failed = [str(one) for one in report.failures if one.invariant in RULES]
        assert not failed, failed
        whole = index_mp4(Bytes(data), len(data))
        head = read_head(data)
        for track, held in tracks:
            name = "audio" if track.framing == "raw" else "video"
            compare(data, getattr(whole, name), track, held, name)
            compare(data, getattr(head, name), track, held, name)
        _fragmented(tracks)


def _fragmented(tracks: list[tuple[Samples, bytes]]) -> None:
    """As CMAF, and back."""
    ends = [np.concatenate(([0], np.cumsum(t.size, dtype=np.int64))) for t, _ in tracks]

    def read(track: int, first: int, last: int) -> bytes:
        return tracks[track][1][int(ends[track][first]) : int(ends[track][last])]

    out = io.BytesIO()
    try:
        write_fragmented(out, [OutTrack(track) for track, _ in tracks], read)
    except MediaUnsupported:
        return
    data = out.getvalue()
    table = index_mp4(Bytes(data), len(data))
    for track, held in tracks:
        name = "audio" if track.framing == "raw" else "video"
        compare(data, getattr(table, name), track, held, "fragmented " + name)


GRAMMAR = Grammar(
    ps.TOKENS[:12] + avi.TOKENS[:8] + everfocus.TOKENS[:8] + mp4.BOXES,
    (*ps.GRAMMAR.marks[:4], *avi.MARKS[:2], *everfocus.TARGET.grammar.marks, *mp4.BOXES), 40,
)  # fmt: skip
TARGET = Target("trips", seeds, check, GRAMMAR)
