"""Fragmented files: what we write, read by others and by us; a span found by few requests."""

from __future__ import annotations

import io
import random
import struct
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from hikcore.errors import MediaDamaged, MediaUnsupported
from hikcore.media.mp4.edits import present
from hikcore.media.mp4.fragment import fragment_layout, write_fragmented
from hikcore.media.mp4.locate import index_span
from hikcore.media.mp4.read import index_mp4, read_edits
from hikcore.media.mp4.write import Edit, OutTrack, align
from tests.media.mp4_footage import Footage, boxes, columns, decode_video, footage, packets
from tests.media.mp4_foreign import Bytes, foreign, rebuilt
from tests.media.players import played


def fragmented(made: Footage, **options: object) -> bytes:
    out = io.BytesIO()
    tracks = align(made.table.video, made.table.audio)
    plan = write_fragmented(out, tracks, made.read, **options)  # type: ignore[arg-type]
    assert plan.size == len(out.getvalue())
    return out.getvalue()


@pytest.mark.parametrize("codec", ["h264", "h265"])
@pytest.mark.parametrize("bframes", [0, 2])
@pytest.mark.parametrize("options", [{}, {"index": True}, {"least": 100_000}])
def test_players_and_we_read_it(
    tmp_path: Path, codec: str, bframes: int, options: dict[str, object]
) -> None:
    steps = np.cumsum(3600 + np.arange(80) * 37 % 500)
    made = footage(codec, 80, 20, bframes, pts=(5_000_000_000 + steps).tolist(), audio_delay=5003)
    data = fragmented(made, **options)
    (tmp_path / "a.mp4").write_bytes(data)
    (video, audio), _ = played(tmp_path / "a.mp4")
    assert (video["nb_read_frames"], audio["codec_name"]) == ("80", "pcm_alaw")
    assert decode_video(data) == [(int(step - steps[0]), n) for n, step in enumerate(steps)]
    assert [unit for _, unit in packets(data, "video")] == list(made.units)
    assert [unit for _, unit in packets(data, "audio")] == list(made.sound)
    kinds = [name for name, _, _ in boxes(data) if "/" not in name]
    count = 4 if "least" not in options else 2
    assert kinds.count("moof") == kinds.count("mdat") == kinds.count("styp") == count
    assert kinds.count("sidx") == int("index" in options)
    table = index_mp4(Bytes(data), len(data), verify=True)
    assert table.damage == ()
    for ours, theirs in ((table.video, made.table.video), (table.audio, made.table.audio)):
        assert ours is not None
        assert theirs is not None
        assert np.array_equal(np.diff(ours.pts), np.diff(theirs.pts))
        assert np.array_equal(np.diff(ours.dts), np.diff(theirs.dts))
        assert np.array_equal(ours.sync, theirs.sync)
        assert np.array_equal(ours.size, theirs.size)
        assert ours.configs == theirs.configs
        assert ours.last_duration == theirs.last_duration
    assert table.video is not None
    assert table.audio is not None
    assert made.table.video is not None
    assert made.table.audio is not None
    apart = int(made.table.audio.pts[0] - made.table.video.pts[0])
    assert int(table.audio.pts[0] - table.video.pts[0]) == apart
    assert fragmented(made, **options) == data


def test_an_edit_list_stands_in_the_init_segment() -> None:
    """libavformat hides nothing in the middle of a fragmented file: the lead-in is shown there."""
    made = footage("h264", 80, 40, 2, audio=None)
    video = made.table.video
    assert video is not None
    video = replace(video, pts=video.pts - video.dts[0], dts=video.dts - video.dts[0])
    media_time = int(np.sort(video.pts)[25])
    out = io.BytesIO()
    write_fragmented(out, [OutTrack(video, (Edit(30 * 3600, media_time),))], made.read)
    assert [n for _, n in decode_video(out.getvalue())][-55:] == [*range(25, 80)]
    edits = read_edits(out.getvalue())
    (shown,) = present(video, edits.video, edits.timescale)
    assert sorted(shown.samples.tolist()) == sorted(np.argsort(video.pts)[25:55].tolist())


def test_new_parameter_sets_begin_a_fragment(tmp_path: Path) -> None:
    a = footage("h264", 25, 25, 0, audio=None)
    b = footage("h264", 25, 25, 0, first=25, audio=None, width=384)
    assert a.table.video is not None
    assert b.table.video is not None
    units = a.units + b.units
    samples = columns(
        3600 * np.arange(50), [len(u) for u in units],
        [*a.table.video.sync, *b.table.video.sync],
        a.table.video.configs + b.table.video.configs, 0, 3600,
        np.repeat([0, 1], 25).astype(np.uint16),
    )  # fmt: skip
    out = io.BytesIO()
    write_fragmented(out, [OutTrack(samples)], lambda _, first, last: b"".join(units[first:last]))
    (tmp_path / "two.mp4").write_bytes(out.getvalue())
    assert decode_video(out.getvalue()) == [(3600 * n, n) for n in range(50)]
    table = index_mp4(Bytes(out.getvalue()), len(out.getvalue()))
    assert table.video is not None
    assert table.video.config.tolist() == [0] * 25 + [1] * 25
    assert table.video.configs == samples.configs


def test_what_cannot_be_written_is_refused() -> None:
    made = footage("h264", 20, 10, 0, audio=None)
    video = made.table.video
    assert video is not None
    with pytest.raises(MediaDamaged, match="9 bytes"):
        write_fragmented(io.BytesIO(), [OutTrack(video)], lambda *_: bytes(9))
    with pytest.raises(MediaUnsupported, match="a fragment of"):
        fragment_layout([OutTrack(replace(video, size=np.full(20, 1 << 30, np.uint32)))])
    with pytest.raises(ValueError, match="without samples"):
        fragment_layout([OutTrack(video.slice(0, 0))])
    many = columns(3600 * np.arange(70_000), [9] * 70_000, [True] * 70_000, video.configs, 0, 3600)
    with pytest.raises(MediaUnsupported, match="in one sidx"):
        fragment_layout([OutTrack(many)], index=True)


def _long(index: bool) -> tuple[bytes, OutTrack]:
    """600 fragments of a second, of very uneven sizes, with decoys in the media."""
    rng = random.Random(7)
    config = footage("h264", 20, 1, 0, audio=None).table.video.configs  # type: ignore[union-attr]
    sizes = [rng.choice((40, 60, 400, 3000)) * (1 + n // 5000) for n in range(15_000)]
    samples = columns(
        3600 * np.arange(15_000), sizes, [n % 25 == 0 for n in range(15_000)], config, 0, 3600
    )
    track = OutTrack(samples)
    decoy = struct.pack(">I4sI4sII", 200, b"moof", 16, b"mfhd", 0, 1)

    def read(_: int, first: int, last: int) -> bytes:
        return b"".join(
            (decoy * 1000)[: sizes[n]] if n % 50 == 3 else bytes(sizes[n])
            for n in range(first, last)
        )

    out = io.BytesIO()
    write_fragmented(out, [track], read, index=index)
    return out.getvalue(), track


@pytest.mark.parametrize("index", [False, True])
def test_a_span_of_a_long_file_takes_few_requests(index: bool) -> None:
    data, track = _long(index)
    rng = random.Random(3)
    most = 0
    for _ in range(25):
        begin = Fraction(rng.randrange(0, 590_000), 1000)
        end = begin + rng.choice((1, 5, 10))
        source = Bytes(data)
        table = index_span(source, len(data), begin, end)
        assert table.video is not None
        first, last = int(table.video.dts[0]), int(table.video.dts[-1])
        assert table.video.sync[0]
        assert first == int(begin) * 90_000
        assert last >= min(int(end * 90_000) - 3600, int(track.samples.dts[-1]))
        assert len(table.video) <= 25 * (int(end - begin) + 2)
        whole = track.samples
        assert np.array_equal(
            table.video.size, whole.size[first // 3600 : first // 3600 + len(table.video)]
        )
        most = max(most, source.requests)
    assert most <= 20


def test_an_index_at_the_end_is_used() -> None:
    data = foreign(movflags="frag_keyframe+empty_moov", frames=250, sound="aac", bframes=0)
    assert data[-12:-8] == b"mfro" or data[-16:-12] == b"mfro" or b"mfro" in data[-20:]
    whole = index_mp4(Bytes(data), len(data)).video
    assert whole is not None
    for second in (0, 3, 7):
        table = index_span(Bytes(data), len(data), Fraction(second), Fraction(second + 1))
        assert table.video is not None
        assert table.video.sync[0]
        assert int(table.video.dts[0]) <= second * whole.timescale
        assert second * whole.timescale - int(table.video.dts[0]) < 12 * 512
        assert int(table.video.dts[-1]) >= (second + 1) * whole.timescale - 512
        at = int(np.flatnonzero(whole.dts == table.video.dts[0])[0])
        assert np.array_equal(
            table.video.extent_offset, whole.extent_offset[at : at + len(table.video)]
        )


def test_progressive_files_come_whole() -> None:
    data = foreign()
    table = index_span(Bytes(data), len(data), Fraction(1), Fraction(2))
    assert table.video is not None
    assert len(table.video) == 60


def test_a_gop_longer_than_its_fragments_is_gone_back_for() -> None:
    made = footage("h264", 80, 80, 0, audio=None)
    video = made.table.video
    assert video is not None
    # Fragments at every 10th picture, of which only the first is a key frame.
    marks = replace(video, sync=np.arange(80) % 10 == 0)
    out = io.BytesIO()
    plan = write_fragmented(out, [OutTrack(marks)], made.read)
    assert len(plan.fragments) == 8

    def unmark(path: str, body: bytes) -> bytes | None:
        if not path.endswith("trun") or b"\x02\0\0\0" not in body[12:28]:
            return None
        if unmark.first:  # type: ignore[attr-defined]
            unmark.first = False  # type: ignore[attr-defined]
            return None
        return body.replace(b"\x02\0\0\0", b"\x01\x01\0\0", 1)

    unmark.first = True  # type: ignore[attr-defined]
    data = rebuilt(out.getvalue(), unmark)
    table = index_span(Bytes(data), len(data), Fraction(2), Fraction(3))
    assert table.video is not None
    assert np.flatnonzero(table.video.sync).tolist() == [0]
    assert int(table.video.dts[0]) == 0


def test_what_edit_lists_show() -> None:
    made = footage("h264", 50, 25, 0, audio=None)
    video = made.table.video
    assert video is not None
    second = 90_000

    def seen(*edits: Edit) -> list[tuple[Fraction, list[int]]]:
        return [(s.begin, s.samples.tolist()) for s in present(video, edits, second)]

    assert seen() == [(Fraction(0), [*range(50)])]
    assert seen(Edit(second, -1), Edit(9000, 36_000)) == [(Fraction(1), [10, 11, 12])]
    two = seen(Edit(3600, 0), Edit(7200, 90_000))
    assert two == [(Fraction(0), [0]), (Fraction(1, 25), [25, 26])]
    assert seen(Edit(7200, 36_001)) == [(Fraction(0), [10, 11, 12])]
    assert seen(Edit(second, 10**9)) == seen(Edit(second, -1)) == []
    assert seen(Edit(second * 9, 36_000, 0)) == [(Fraction(0), [10])]
    assert seen(Edit(0, 36_000)) == [(Fraction(0), [*range(10, 50)])]


def test_edit_lists_of_others_show_what_libav_shows() -> None:
    data = foreign(sound=None)
    video = index_mp4(Bytes(data), len(data)).video
    assert video is not None
    for first, count in ((0, 60), (7, 20), (13, 5)):
        times = np.sort(video.pts)
        length = count * 1000 // 25

        def change(
            path: str, _: bytes, at: int = int(times[first]), last: int = length
        ) -> bytes | None:
            return struct.pack(">4xIIiI", 1, last, at, 65_536) if path.endswith("elst") else None

        other = rebuilt(data, change)
        edits = read_edits(other[other.index(b"moov") - 4 :])
        (shown,) = present(video, edits.video, edits.timescale)
        assert len(shown.samples) == len(decode_video(other)) == count
