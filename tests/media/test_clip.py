"""Clips, decoded by libav: the pictures shown are exactly those asked for, at their times."""

from __future__ import annotations

import functools
import io
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from hikcore.errors import MediaUnsupported, NoRecording
from hikcore.media.clip import ClipPart, ClipReport, Gap, write_clip
from hikcore.media.mp4.read import read_edits, read_head
from hikcore.media.mp4.write import align, write_mp4
from hikcore.media.table import SampleTable
from tests.media.mp4_footage import (
    AUDIO_UNIT,
    Footage,
    boxes,
    decode_video,
    encode,
    footage,
    packets,
)
from tests.media.players import played

HOLE = 40 * 90_000


@dataclass(frozen=True)
class Segment:
    """An MP4 segment as the archive holds it; `at` is its media time 0 on the test's clock."""

    made: Footage
    data: bytes
    table: SampleTable
    at: int

    def read_at(self, offset: int, size: int) -> bytes:
        assert offset + size <= len(self.data)
        return self.data[offset : offset + size]

    def pictures(self) -> list[tuple[int, int, int]]:
        """(time on the test's clock, number, index in decoding order), by time."""
        video = self.table.video
        assert video is not None
        order = np.argsort(video.pts)
        return [(int(video.pts[i]) + self.at, self.first + n, int(i)) for n, i in enumerate(order)]

    @property
    def first(self) -> int:
        return int.from_bytes(self.made.sound[0][:4], "big")


def segment(made: Footage, begin: int) -> Segment:
    """Written and read back; its first picture is shown at `begin`."""
    out = io.BytesIO()
    plan = write_mp4(out, align(made.table.video, made.table.audio), made.read)
    table = read_head(plan.head)
    assert table.video is not None
    return Segment(made, out.getvalue(), table, begin - int(table.video.pts.min()))


@functools.cache
def world(codec: str = "h264", bframes: int = 0) -> tuple[Segment, ...]:
    """Two segments that continue each other, a hole of 40 s, a third; an uneven cadence; each
    file's own pts begin anywhere. Pictures 0-59, 60-119, 120-179, a key frame every 20."""
    rng = random.Random(f"{codec}{bframes}")
    times = np.cumsum([rng.choice((3500, 3600, 3700, 7200)) for _ in range(180)])
    times[120:] += HOLE
    out = []
    for number in range(3):
        mine = times[60 * number : 60 * number + 60]
        base = rng.randrange(2**34)
        made = footage(
            codec, 60, 20, bframes, pts=(mine - mine[0] + base).tolist(), first=60 * number
        )
        if number < 2:  # a run's last frame lasts until the next segment's first
            last = int(times[60 * number + 60] - mine[-1]) if number == 0 else 3600
            assert made.table.video is not None
            video = replace(made.table.video, last_duration=last)
            made = replace(made, table=replace(made.table, video=video))
        out.append(segment(made, int(mine[0])))
    return tuple(out)


def choose(segments: Sequence[Segment], begin: int, end: int) -> tuple[list[ClipPart], int]:
    """Parts for [begin, end) by plain loops, and the clip time of the first frame to show."""
    every = sorted((t, s, i) for s, seg in enumerate(segments) for t, _, i in seg.pictures())
    covering = max([t for t, _, _ in every if t <= begin], default=every[0][0])
    inside = [(t, s, i) for t, s, i in every if covering <= t < end]
    # The frame that covers the begin may have ended long before it, in the hole.
    if inside and inside[0][0] + HOLE // 2 < begin:
        inside = inside[1:]
    parts = []
    for s, seg in enumerate(segments):
        mine = [i for _, owner, i in inside if owner == s]
        video, audio = seg.table.video, seg.table.audio
        if not mine or video is None or audio is None:
            continue
        first = min(mine)
        if not parts:
            while not video.sync[first]:
                first -= 1
        else:
            first = 0
        parts.append(ClipPart(seg, seg.table, first, max(mine) + 1, seg.at - begin, 0, len(audio)))
    return parts, inside[0][0] - begin


def cut(
    segments: Sequence[Segment], begin: int, end: int, **options: object
) -> tuple[bytes, ClipReport, int]:
    out = io.BytesIO()
    parts, show_from = choose(segments, begin, end)
    report = write_clip(out, parts, show_from=show_from, show_to=end - begin, **options)  # type: ignore[arg-type]
    return out.getvalue(), report, show_from


def wanted(segments: Sequence[Segment], begin: int, end: int) -> list[tuple[int, int]]:
    """(time after the first shown, number) of every picture to show."""
    _, show_from = choose(segments, begin, end)
    shown = [
        (t, n) for seg in segments for t, n, _ in seg.pictures() if begin + show_from <= t < end
    ]
    return [(t - shown[0][0], n) for t, n in shown]


SPANS = [(codec, bframes, n) for n in range(13) for codec in ("h264", "h265") for bframes in (0, 2)]


@pytest.mark.parametrize(("codec", "bframes", "number"), SPANS)
def test_random_cuts_show_exactly_the_frames_asked_for(
    tmp_path: Path, codec: str, bframes: int, number: int
) -> None:
    segments = world(codec, bframes)
    rng = random.Random(f"{codec} {bframes} {number}")
    times = sorted(t for seg in segments for t, _, _ in seg.pictures())
    begin = rng.choice(times[:-3]) + rng.choice((0, 0, 1, 1800, 3400))
    end = rng.choice([t for t in times if t > begin]) + rng.choice((0, 1, 1800, 3599))
    if number == 0:  # begins in the hole, 10 s before footage
        begin, end = times[120] - 900_000, times[130]
    gaps = rng.choice(("keep", "keep", "cut"))
    data, report, show_from = cut(segments, begin, end, gaps=gaps)
    expected = wanted(segments, begin, end)
    shown = decode_video(data)
    assert [n for _, n in shown] == [n for _, n in expected]
    if gaps == "keep":
        assert shown == expected
    else:
        assert shown[-1][0] <= expected[-1][0]
    if number % 3 == 0:
        (tmp_path / "clip.mp4").write_bytes(data)
        assert len(played(tmp_path / "clip.mp4")[0]) == 2
    assert report.frames == len(expected)
    assert (report.first, report.last) == (show_from, show_from + expected[-1][0])
    assert report.begin == show_from
    assert report.files[0].size == len(data)


@pytest.mark.parametrize("bframes", [0, 2])
def test_the_edit_begins_on_the_frame_and_ends_on_the_tick(tmp_path: Path, bframes: int) -> None:
    segments = world("h264", bframes)
    pictures = segments[0].pictures()
    begin, end = pictures[33][0] + 100, pictures[50][0] + 1234
    data, report, show_from = cut(segments, begin, end, audio="none")
    assert show_from == -100
    edits = read_edits(data)
    table = read_head(data)
    assert table.video is not None
    # Picture 33 is the 14th of the GOP that begins at 20.
    assert edits.video[0].media_time == int(np.sort(table.video.pts)[13])
    assert edits.video[0].duration == end - begin + 100 == report.end - report.begin
    assert report.lead_in == pictures[33][0] - pictures[20][0]
    assert report.files[0].hidden == len(table.video) - 18
    assert report.files[0].hidden == 13 + (bframes > 0)  # one that a shown picture refers to
    assert decode_video(data)[-1] == (pictures[50][0] - pictures[33][0], 50)
    path = tmp_path / "clip.mp4"
    path.write_bytes(data)
    duration = float(played(path)[1]["duration"])
    assert abs(duration - (end - begin + 100) / 90_000) < 2e-6


@pytest.mark.parametrize("kind", ["copy", "aac", "flac"])
@pytest.mark.parametrize("gaps", ["keep", "cut"])
@pytest.mark.parametrize("codec", ["h264", "h265"])
def test_no_player_warns(tmp_path: Path, kind: str, gaps: str, codec: str) -> None:
    segments = world(codec, 2)
    begin, end = segments[0].pictures()[33][0] + 100, segments[2].pictures()[30][0] + 1
    path = tmp_path / "clip.mp4"
    path.write_bytes(cut(segments, begin, end, audio=kind, gaps=gaps)[0])
    played(path)


@pytest.mark.parametrize(("codec", "bframes"), [("h264", 0), ("h264", 2), ("h265", 2)])
def test_neighbouring_clips_partition_their_union(codec: str, bframes: int) -> None:
    segments = world(codec, bframes)
    times = sorted(t for seg in segments for t, _, _ in seg.pictures())
    rng = random.Random(codec)
    for _ in range(4):
        a, b, c = sorted(rng.sample(times, 3))
        one, two, both = (
            [n for _, n in decode_video(cut(segments, x, y)[0])]
            for x, y in ((a, b), (b, c), (a, c))
        )
        assert one + two == both


def test_video_samples_are_the_bytes_of_the_source() -> None:
    segments = world("h265", 2)
    begin, end = segments[0].pictures()[30][0], segments[1].pictures()[20][0]
    data, _, _ = cut(segments, begin, end)
    table = read_head(data)
    assert table.video is not None
    units = [
        data[int(o) : int(o) + int(s)]
        for o, s in zip(table.video.extent_offset, table.video.size, strict=True)
    ]
    source = [unit for seg in segments[:2] for unit in seg.made.units]
    at = source.index(units[0])
    assert units == source[at : at + len(units)]
    assert table.video.sync[0]


def test_annex_b_sources_give_the_same_clip() -> None:
    """A part may lie in the recorder's own file: start codes become lengths on the way."""
    made = footage("h264", 60, 20, 2)
    video, audio = made.table.video, made.table.audio
    assert video is not None
    assert audio is not None
    nals, _, _ = encode("h264", 60, 20, 2)
    units = [b"".join(b"\0\0\0\1" + nal for nal in unit) for unit in nals]
    sizes = np.array(list(map(len, units)), np.uint32)
    offsets = (np.cumsum(sizes) - sizes).astype(np.uint64)
    annexb = replace(video, extent_offset=offsets, extent_size=sizes, framing="annexb")
    sound = replace(audio, extent_offset=audio.extent_offset - audio.extent_offset[0] + sizes.sum())
    source = replace(made, blob=b"".join(units) + b"".join(made.sound))
    clips = []
    for where, table in ((made, made.table), (source, SampleTable("ps", annexb, sound))):
        out = io.BytesIO()
        part = ClipPart(where, table, 20, 60, 0, 0, 60)
        write_clip(out, [part], show_from=25 * 3600, show_to=50 * 3600)
        clips.append(out.getvalue())
    assert clips[0] == clips[1]
    assert [n for _, n in decode_video(clips[1])] == [*range(25, 50)]


def test_gaps_are_kept_or_closed_and_told() -> None:
    segments = world()
    begin, end = segments[1].pictures()[10][0], segments[2].pictures()[10][0]
    stop = segments[1].pictures()[-1][0] + 3600
    go_on = segments[2].pictures()[0][0]
    kept, report, _ = cut(segments, begin, end)
    closed, report2, _ = cut(segments, begin, end, gaps="cut")
    assert report.gaps == report2.gaps == (Gap(stop - begin, go_on - begin),)
    assert go_on - stop > HOLE - 10_000
    shown, shown2 = decode_video(kept), decode_video(closed)
    assert [n for _, n in shown] == [n for _, n in shown2] == [*range(70, 130)]
    assert shown[50][0] - shown[49][0] == go_on - segments[1].pictures()[-1][0]
    assert shown2[50][0] - shown2[49][0] == 3600
    assert shown2[-1][0] == shown[-1][0] - (go_on - stop)
    assert read_edits(closed).video[0].duration == end - begin - (go_on - stop)
    assert report2.last == report.last


@pytest.mark.parametrize("gaps", ["keep", "cut"])
def test_copied_audio_keeps_units_and_their_times(gaps: str) -> None:
    segments = world()
    begin, end = segments[1].pictures()[10][0] + 777, segments[2].pictures()[10][0]
    data, report, show_from = cut(segments, begin, end, gaps=gaps)
    heard = packets(data, "audio")
    expected = []
    for seg in segments:
        assert seg.table.audio is not None
        for time, unit in zip((seg.table.audio.pts + seg.at).tolist(), seg.made.sound, strict=True):
            if time + 3600 > begin + show_from and time < end:
                expected.append((time - begin - show_from, unit))
    hole = report.gaps[0]
    if gaps == "cut":
        length = hole.end - hole.begin
        expected = [
            (t - length * (t >= hole.end - show_from), u) for t, u in expected
            if not hole.begin - show_from <= t < hole.end - show_from
        ]  # fmt: skip
    assert [u for _, u in heard] == [u for _, u in expected]
    # In samples. The first unit is trimmed by the edit list; the others stand where they did.
    for (sample, _), (tick, _) in zip(heard[1:], expected[1:], strict=True):
        assert abs(sample - tick * 8 / 90) <= 1
    assert report.audio == "alaw"
    assert report.files[0].units == len(expected)


def test_start_key_shows_the_lead_in() -> None:
    segments = world("h264", 2)
    begin, end = segments[0].pictures()[33][0], segments[0].pictures()[50][0]
    data, report, _ = cut(segments, begin, end, start="key")
    assert [n for _, n in decode_video(data)] == [*range(20, 50)]
    assert (report.lead_in, report.files[0].hidden) == (0, 0)
    assert report.begin == report.first == segments[0].pictures()[20][0] - begin


def test_new_parameter_sets_are_a_second_entry() -> None:
    one = segment(footage("h264", 40, 20, 2), 0)
    two = segment(footage("h264", 40, 20, 2, width=384, first=40), 40 * 3600)
    data, report, _ = cut((one, two), 30 * 3600, 50 * 3600)
    assert [n for _, n in decode_video(data)] == [*range(30, 50)]
    assert report.files[0].configurations == 2
    assert len([name for name, _, _ in boxes(data) if name == "moov/trak"]) == 2


def test_another_codec_goes_to_a_further_file() -> None:
    one = segment(footage("h264", 40, 20, 2), 0)
    two = segment(footage("h265", 40, 20, 2, first=40), 40 * 3600)
    parts, show_from = choose((one, two), 30 * 3600, 50 * 3600)
    with pytest.raises(MediaUnsupported, match=r"changes its video codec 0\.400 s"):
        write_clip(io.BytesIO(), parts, show_from=show_from, show_to=20 * 3600)
    files = {n: io.BytesIO() for n in (1, 2)}
    report = write_clip(
        files[1], parts, show_from=show_from, show_to=20 * 3600, further=files.__getitem__
    )
    assert [n for _, n in decode_video(files[1].getvalue())] == [*range(30, 40)]
    assert [n for _, n in decode_video(files[2].getvalue())] == [*range(40, 50)]
    assert [(f.codec, f.begin, f.end, f.frames) for f in report.files] == [
        ("h264", 0, 10 * 3600, 10), ("h265", 10 * 3600, 20 * 3600, 10),
    ]  # fmt: skip
    assert (report.frames, report.first, report.last) == (20, 0, 19 * 3600)
    assert report.gaps == ()


@pytest.mark.parametrize("bframes", [0, 2])
def test_a_lead_in_in_the_middle_begins_a_further_file(bframes: int) -> None:
    """Two recordings of one camera overlap and do not match: the second is cut in, inside a GOP."""
    one = segment(footage("h264", 60, 60, bframes), 0)
    two = segment(footage("h264", 60, 60, bframes, first=100), 30 * 3600)
    assert two.table.video is not None
    last = int(np.flatnonzero(one.table.video.pts + one.at < 41 * 3600)[-1]) + 1  # type: ignore[union-attr]
    parts = [
        ClipPart(one, one.table, 0, last, one.at, 0, 40),
        ClipPart(two, two.table, 0, 60, two.at, 10, 60, show_from=41 * 3600),
    ]
    with pytest.raises(MediaUnsupported, match=r"to hide 1\.640 s"):
        write_clip(io.BytesIO(), parts, show_from=5 * 3600, show_to=80 * 3600)
    files = {n: io.BytesIO() for n in (1, 2)}
    report = write_clip(
        files[1], parts, show_from=5 * 3600, show_to=80 * 3600, further=files.__getitem__
    )
    assert [n for _, n in decode_video(files[1].getvalue())] == [*range(5, 41)]
    assert [n for _, n in decode_video(files[2].getvalue())] == [*range(111, 150)]
    assert report.files[1].lead_in == 11 * 3600
    assert report.frames == 36 + 39
    assert report.gaps == ()


def test_a_part_may_continue_the_gop_of_the_one_before() -> None:
    made = footage("h264", 60, 60, 2)
    assert made.table.video is not None
    seg = segment(made, 0)
    assert seg.table.audio is not None
    parts = [
        ClipPart(seg, seg.table, 0, 27, seg.at, 0, 20),
        ClipPart(seg, seg.table, 27, 60, seg.at, 20, 60),
    ]
    out = io.BytesIO()
    report = write_clip(out, parts, show_from=5 * 3600, show_to=50 * 3600)
    assert [n for _, n in decode_video(out.getvalue())] == [*range(5, 50)]
    assert report.gaps == ()
    whole = io.BytesIO()
    write_clip(
        whole,
        [ClipPart(seg, seg.table, 0, 60, seg.at, 0, 60)],
        show_from=5 * 3600,
        show_to=50 * 3600,
    )
    assert whole.getvalue() == out.getvalue()


def test_a_clip_of_a_clip_shows_the_same() -> None:
    segments = world("h264", 2)
    begin, end = segments[0].pictures()[33][0], segments[1].pictures()[30][0]
    data, _, _ = cut(segments, begin, end)
    table = read_head(data)
    assert table.video is not None
    assert table.audio is not None
    media_time = read_edits(data).video[0].media_time
    seg = Segment(segments[0].made, data, table, 0)
    again = io.BytesIO()
    part = ClipPart(seg, table, 0, len(table.video), -media_time, 0, len(table.audio))
    write_clip(again, [part], show_from=0, show_to=end - begin)
    assert again.getvalue() == data


def test_nothing_to_show_and_wrong_parts_are_refused() -> None:
    seg = world()[0]
    whole = ClipPart(seg, seg.table, 0, 60, seg.at, 0, 10)
    at = seg.pictures()[25][0]
    with pytest.raises(NoRecording):
        write_clip(io.BytesIO(), [], show_from=0, show_to=10)
    with pytest.raises(ValueError, match="no frame of the parts"):
        write_clip(io.BytesIO(), [whole], show_from=at + 1, show_to=at + 9000)
    with pytest.raises(ValueError, match="sync sample"):
        write_clip(io.BytesIO(), [replace(whole, first=21)], show_from=at, show_to=at + 9000)
    with pytest.raises(ValueError, match="does not begin after"):
        write_clip(io.BytesIO(), [whole, whole], show_from=at, show_to=at + 90_000_000)


class _Watched:
    """A source that knows how much was asked of it at once."""

    def __init__(self, seg: Segment) -> None:
        self.seg = seg
        self.largest = self.total = 0

    def read_at(self, offset: int, size: int) -> bytes:
        self.largest, self.total = max(self.largest, size), self.total + size
        return self.seg.read_at(offset, size)


def test_samples_stream_through_and_nothing_else_is_read() -> None:
    made = footage("h264", 500, 50, 0)
    seg = segment(made, 0)
    source = _Watched(seg)
    part = ClipPart(source, seg.table, 0, 500, 0, 0, 500)
    out = io.BytesIO()
    write_clip(out, [part], show_from=0, show_to=400 * 3600)
    media = sum(map(len, made.units[:400])) + 400 * AUDIO_UNIT
    assert source.total == media
    assert source.largest < media / 10
