"""Segments: where runs are cut, and that what is written is what was recorded."""

from __future__ import annotations

import hashlib
import io
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st

from hikcore.deviceclock import UTC_CLOCK
from hikcore.errors import MediaDamaged
from hikcore.instants import NS
from hikcore.media import segments
from hikcore.media.fingerprint import run_columns
from hikcore.media.mp4.read import read_head
from hikcore.media.runs import Run, find_runs
from hikcore.media.samples import read_samples
from hikcore.media.segments import SegmentPlan, WrittenSegment, plan_segments, write_segment
from hikcore.media.table import SampleTable
from hikcore.sim import hikps
from hikcore.sim.psmux import MuxProfile
from tests.media.players import played
from tests.media.ps_bodies import BEGIN, FRAME, Bytes, index, muxed, nal_units
from tests.media.test_runs import T0, anchors, ns, samples

SECOND = 90_000


def planned(
    syncs: list[int], count: int, begin: int, sound_from: int = 0, step: int = SECOND
) -> tuple[SampleTable, Run, list[SegmentPlan]]:
    """A run of `count` pictures `step` apart whose first is taken at `begin` (UTC ns)."""
    pts = 5000 + step * np.arange(count)
    sync = [n in set(syncs) for n in range(count)]
    sound = 5000 + sound_from + step // 2 * np.arange(2 * count)
    table = SampleTable(
        "ps", samples(pts, sync=sync), samples(sound, codec="alaw"), anchors=anchors([(0, begin)])
    )
    (run,) = find_runs(table, UTC_CLOCK, begin)
    return table, run, plan_segments(table, run)


def test_cuts_lie_at_the_first_key_picture_at_or_after_each_ten_minutes() -> None:
    _, _, plans = planned(list(range(0, 1500, 7)), 1500, T0 + 100 * NS)
    assert [plan.first for plan in plans] == [0, 504, 1106]
    assert not any(plan.headless for plan in plans)
    # Exactly at the boundary counts.
    _, _, plans = planned(list(range(0, 1500, 100)), 1500, T0 + 100 * NS)
    assert [plan.first for plan in plans] == [0, 500, 1100]


def test_never_less_than_a_minute_on_one_side() -> None:
    _, _, plans = planned(list(range(0, 700)), 700, T0 + 541 * NS)
    assert [plan.first for plan in plans] == [0]  # 59 s before, then 41 s behind 20:00
    _, _, plans = planned(list(range(0, 700)), 700, T0 + 540 * NS)
    assert [plan.first for plan in plans] == [0, 60]
    _, _, plans = planned(list(range(0, 559)), 559, T0 + 100 * NS)
    assert [plan.first for plan in plans] == [0]
    _, _, plans = planned(list(range(0, 560)), 560, T0 + 100 * NS)
    assert [plan.first for plan in plans] == [0, 500]


def test_a_group_of_25_minutes_is_not_cut() -> None:
    _, _, plans = planned([0, 1500, 1600], 1700, T0)
    assert [plan.first for plan in plans] == [0, 1500]


def test_what_comes_before_the_first_key_picture_is_headless_with_its_sound() -> None:
    _, _, plans = planned([10, 700], 800, T0, sound_from=-SECOND)
    assert [(p.first, p.last, p.headless) for p in plans] == [
        (0, 10, True), (10, 700, False), (700, 800, False),
    ]  # fmt: skip
    assert [(p.audio_first, p.audio_last) for p in plans] == [(0, 22), (22, 1402), (1402, 1600)]
    _, _, plans = planned([], 20, T0)
    assert [(p.first, p.last, p.audio_last, p.headless) for p in plans] == [(0, 20, 40, True)]


def test_sound_alone_is_a_segment() -> None:
    table = SampleTable("ps", None, samples(np.arange(10) * 3600, codec="alaw"))
    (run,) = find_runs(table, UTC_CLOCK, T0)
    assert plan_segments(table, run) == [SegmentPlan(0, 0, 0, 10, headless=False)]


@settings(deadline=None)
@given(
    count=st.integers(1, 3000),
    gaps=st.lists(st.sampled_from([1, 3, 10, 59, 60, 61, 250, 599, 601]), min_size=1, max_size=6),
    head=st.integers(0, 30),
    begin=st.integers(0, 1300),
    sound_from=st.integers(-3 * SECOND, 3 * SECOND),
)
def test_every_sample_is_in_one_segment_and_each_cut_is_one_that_the_rule_asks_for(
    count: int, gaps: list[int], head: int, begin: int, sound_from: int
) -> None:
    syncs, at = [], head
    while at < count:
        syncs.append(at)
        at += gaps[len(syncs) % len(gaps)]
    table, run, plans = planned(syncs, count, T0 + begin * NS, sound_from)
    assert [p.first for p in plans] == [0, *(p.last for p in plans[:-1])]
    assert plans[-1].last == count
    assert [p.audio_first for p in plans] == [0, *(p.audio_last for p in plans[:-1])]
    assert plans[-1].audio_last == 2 * count
    assert [p.headless for p in plans] == [n == 0 and head > 0 for n in range(len(plans))]
    # The rule, boundary by boundary, in seconds.
    cuts = [p.first for p in plans if not p.headless]
    expected = syncs[:1]
    for boundary in range(600, begin + count + 600, 600):
        after = [s for s in syncs if s + begin >= boundary]
        if not after or after[0] in expected or not expected:
            continue
        if boundary > after[0] + begin or boundary <= expected[-1] + begin:
            continue
        if after[0] - expected[-1] >= 60 and count - after[0] >= 60:
            expected.append(after[0])
    assert cuts == expected
    # A unit belongs to the segment whose key picture is the last at or before it.
    assert table.audio is not None
    for number, plan in enumerate(plans):
        times = table.audio.pts[plan.audio_first : plan.audio_last]
        if number and len(times):
            assert times.min() >= run.pts[plan.first]
        if number + 1 < len(plans) and len(times):
            assert times.max() < run.pts[plan.last]


def test_one_sound_time_hours_off_takes_no_other_unit_with_it() -> None:
    made = muxed(audio="alaw")
    pts = made.muxer.pts(made.sounds[5][0])

    def stamp(time: int) -> bytes:
        return hikps.pes(0xC0, b"", pts=time)[9:14]

    at = next(
        match.start()
        for match in re.finditer(re.escape(stamp(pts)), made.body)
        if made.body[match.start() - 9 : match.start() - 5] == b"\0\0\1\xc0"
    )
    body = made.body[:at] + stamp(pts + 36_000 * SECOND) + made.body[at + 5 :]
    table, whole = index(body), index(made.body)
    assert table.audio is not None
    assert whole.audio is not None
    assert table.audio.pts.tolist() == whole.audio.pts.tolist()
    assert any("1 audio units with a PTS far" in note for note in table.notes)


def written(body: bytes) -> list[tuple[SampleTable, Run, SegmentPlan, WrittenSegment, bytes]]:
    """The segments of a body."""
    table = index(body)
    out = []
    for run in find_runs(table, UTC_CLOCK, BEGIN * 1_000_000):
        for plan in plan_segments(table, run):
            file = io.BytesIO()
            segment = write_segment(file, Bytes(body), table, run, plan)
            out.append((table, run, plan, segment, file.getvalue()))
    return out


@pytest.mark.parametrize("codec", ["h264", "h265"])
@pytest.mark.parametrize(("b_frames", "late"), [(0, 0), (2, 0), (0, 160)])
def test_segments_read_back_as_they_were_recorded(
    codec: str, b_frames: int, late: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segments, "EVERY", 2 * NS)
    monkeypatch.setattr(segments, "LEAST", NS)
    made = muxed(
        MuxProfile(pes_size=500), codec=codec, b_frames=b_frames, begin=BEGIN + late, seconds=7,
        headless=bool(late),
    )  # fmt: skip
    parts = written(made.body)
    assert len(parts) == 3 + bool(late)
    nals: list[list[bytes]] = []
    shown: list[int] = []
    sound = b""
    for table, run, plan, segment, data in parts:
        assert (segment.size, segment.sha256) == (len(data), hashlib.sha256(data).hexdigest())
        assert segment.headless == plan.headless == (bool(late) and not nals)
        back = read_head(data[: segment.head])
        assert back.video is not None
        assert back.audio is not None
        assert table.video is not None
        frames = slice(plan.first, plan.last)
        assert segment.frames == len(back.video) == plan.last - plan.first
        assert back.video.sync.tolist() == table.video.sync[frames].tolist()
        assert (back.video.pts + segment.pts).tolist() == run.pts[
            plan.first - run.first : plan.last - run.first
        ].tolist()
        assert back.video.dts[0] == 0
        assert back.video.configs == table.video.configs
        # Bytes, NAL unit by NAL unit, and their fingerprints by another implementation.
        found = nal_units(data, back.video)
        nals += found
        assert segment.hashes.tolist() == [fingerprint(unit, codec) for unit in found]
        sound += read_samples(Bytes(data), back.audio, 0, len(back.audio))
        assert segment.units == len(back.audio)
        assert segment.codec == f"{codec}+alaw"
        shown += [run.wall(int(t)) for t in back.video.pts + segment.pts]
        assert (segment.begin, segment.end) == (
            min(shown[-segment.frames :]), max(shown[-segment.frames :]) + FRAME * 1_000_000,
        )  # fmt: skip
        if not plan.headless:
            quiet(tmp_path, data, segment.frames)
    assert nals == [unit.units() for unit in made.pictures]
    assert shown == [unit.ms * 1_000_000 for unit in made.pictures]
    assert sound == b"".join(data for _, data in made.sounds)


def fingerprint(nals: list[bytes], codec: str) -> int:
    seed = 0
    for nal in nals:
        kind = nal[0] >> 1 & 63 if codec == "h265" else nal[0] & 31
        if kind < 32 if codec == "h265" else 1 <= kind <= 5:
            seed = xxhash.xxh64_intdigest(nal, seed)
    return seed


def quiet(folder: Path, data: bytes, frames: int) -> None:
    """A player decodes all of it and says nothing."""
    (folder / "s.mp4").write_bytes(data)
    streams, _ = played(folder / "s.mp4")
    assert streams[0]["nb_read_frames"] == str(frames)


def test_columns_of_a_run_are_the_hashes_of_its_groups() -> None:
    made = muxed(begin=BEGIN + 160, headless=True)
    (_, run, _, head, _), (table, _, _, rest, _) = written(made.body)
    hashes = np.concatenate((head.hashes, rest.hashes))
    columns = run_columns(table, run, hashes)
    keys = [n for n, unit in enumerate(made.pictures) if unit.key]
    assert columns.gop_frames.tolist() == np.diff([*keys, len(made.pictures)]).tolist()
    assert columns.gop_pts.tolist() == [
        (made.pictures[n].ms - made.pictures[0].ms) * 90 for n in keys
    ]
    assert columns.gop_key.tolist() == hashes[keys].tolist()
    for number, begin in enumerate(keys):
        end = [*keys, len(made.pictures)][number + 1]
        group = hashes[begin:end].astype("<u8").tobytes()
        assert int(columns.gop_hash[number]) == xxhash.xxh64_intdigest(group)
    assert columns.head is not None
    assert columns.last is not None
    assert columns.head.hash.tolist() == hashes[: keys[0]].tolist()
    assert columns.last.hash.tolist() == hashes[keys[-1] :].tolist()
    with pytest.raises(ValueError, match="fingerprints for"):
        run_columns(table, run, hashes[1:])
    for nothing in (
        run_columns(replace(table, video=None), run, hashes[:0]),
        run_columns(table, replace(run, last=run.first), hashes[:0]),
    ):
        assert [len(nothing.gop_pts), len(nothing.gop_frames), len(nothing.gop_hash)] == [0, 0, 0]
        assert (nothing.head, nothing.first, nothing.last) == (None, None, None)


def test_a_source_that_changed_since_is_refused() -> None:
    made = muxed(seconds=0.5)
    table = index(made.body)
    (run,) = find_runs(table, UTC_CLOCK, 0)
    (plan,) = plan_segments(table, run)
    other = bytearray(made.body)
    at = made.body.index(b"\x65\x88") + 20
    other[at : at + 3] = b"\0\0\1"
    with pytest.raises(MediaDamaged, match="changed"):
        write_segment(io.BytesIO(), Bytes(bytes(other)), table, run, plan)


def test_no_time_is_lost_between_segments() -> None:
    """The end of one is the begin of the next, to the tick, also where B pictures are."""
    pts = [0, 3, 1, 2, 6, 4, 5, 9, 7, 8]
    times = [5000 + 7001 * (10 * n + at) for n in range(2000) for at in pts]
    sync = [at == 0 for _ in range(2000) for at in pts]
    table = SampleTable("ps", samples(times, sync=sync), anchors=anchors([(0, T0)]))
    (run,) = find_runs(table, UTC_CLOCK, T0)
    plans = plan_segments(table, run)
    assert len(plans) == 3
    ends = []
    for plan in plans:
        video, _ = segments.segment_tracks(table, run, plan)
        assert video is not None
        ends.append(int(video.pts.max()) + video.last_duration)
        assert video.pts.min() == run.pts[plan.first]
        assert (video.dts <= video.pts).all()
    assert ends == [int(run.pts[plan.first]) for plan in plans[1:]] + [run.pts_end]
    assert run.wall(ends[-1]) == T0 + ns(20_000 * 7001)
