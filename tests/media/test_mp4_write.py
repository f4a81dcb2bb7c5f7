"""What is written, judged by libav, a player and a walker of boxes of the tests' own."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hikcore.errors import MediaDamaged, MediaUnsupported
from hikcore.media.mp4.read import read_head
from hikcore.media.mp4.write import Edit, OutTrack, align, layout, write_mp4
from hikcore.media.table import CodecConfig, Samples
from tests.cost import cost
from tests.media.mp4_footage import Footage, boxes, columns, decode_video, footage, packets
from tests.media.players import played


def write(made: Footage, tracks: list[OutTrack] | None = None) -> bytes:
    out = io.BytesIO()
    plan = write_mp4(out, tracks or align(made.table.video, made.table.audio), made.read)
    assert out.getvalue().startswith(plan.head)
    assert plan.size == len(out.getvalue())
    return out.getvalue()


@pytest.mark.parametrize("codec", ["h264", "h265"])
@pytest.mark.parametrize("bframes", [0, 2])
@pytest.mark.parametrize(("law", "delay"), [("alaw", 0), ("ulaw", 5003), ("alaw", -4000)])
def test_players_read_all_of_it(
    tmp_path: Path, codec: str, bframes: int, law: str, delay: int
) -> None:
    steps = np.cumsum(3600 + np.arange(60) * 37 % 500)  # a camera's cadence is never even
    made = footage(
        codec, 60, 20, bframes, pts=(8_000_000_000 + steps).tolist(), audio=law, audio_delay=delay
    )
    data = write(made)
    (tmp_path / "a.mp4").write_bytes(data)
    (video, audio), _ = played(tmp_path / "a.mp4")
    assert video["codec_tag_string"] == ("avc1" if codec == "h264" else "hvc1")
    assert video["nb_read_frames"] == "60"
    assert (audio["codec_name"], audio["sample_rate"]) == (
        "pcm_alaw" if law == "alaw" else "pcm_mulaw", "8000",
    )  # fmt: skip
    shown = decode_video(data)
    late = max(-delay, 0)
    assert shown == [(int(step - steps[0]) + late, n) for n, step in enumerate(steps)]
    heard = packets(data, "audio")
    assert [unit for _, unit in heard] == list(made.sound)
    assert made.table.audio is not None
    wanted = made.table.audio.pts - made.table.audio.pts[0] + max(delay, 0)
    assert [pts for pts, _ in heard] == wanted.tolist()
    assert [unit for _, unit in packets(data, "video")] == list(made.units)


def test_bytes_lie_where_the_tables_say() -> None:
    made = footage("h264", 80, 20, 2, audio_delay=900)
    data = write(made)
    table = read_head(data)
    for samples, units in ((table.video, made.units), (table.audio, made.sound)):
        assert samples is not None
        for offset, size, unit in zip(
            samples.extent_offset.tolist(), samples.size.tolist(), units, strict=True
        ):
            assert data[offset : offset + size] == unit
    order = [name for name, _, _ in boxes(data)]
    assert order[:3] == ["ftyp", "moov", "moov/mvhd"]
    assert order[-1] == "mdat"


def test_every_byte_of_mdat_is_a_sample_once() -> None:
    made = footage("h265", 80, 20, 0)
    data = write(made)
    table = read_head(data)
    assert table.video is not None
    assert table.audio is not None
    spans = sorted(
        (int(o), int(s))
        for samples in (table.video, table.audio)
        for o, s in zip(samples.extent_offset, samples.extent_size, strict=True)
    )
    begin, end = next((b, e) for name, b, e in boxes(data) if name == "mdat")
    for offset, size in spans:
        assert offset == begin
        begin += size
    assert begin == end == len(data)


def test_chunks_are_a_second_at_most_and_interleaved() -> None:
    made = footage("h264", 130, 25, 0)
    plan = layout(align(made.table.video, made.table.audio))
    assert [track for track, _, _ in plan.chunks] == [0, 1] * 6
    assert all(last - first <= 25 for _, first, last in plan.chunks)


def test_the_same_table_gives_the_same_bytes() -> None:
    made = footage("h264", 30, 10, 2)
    assert write(made) == write(footage("h264", 30, 10, 2, base=987_654_321))


def test_only_the_tables_that_are_needed() -> None:
    made = footage("h264", 20, 1, 0, audio=None)
    names = {name for name, _, _ in boxes(write(made))}
    assert not names & {"moov/trak/mdia/minf/stbl/stss", "moov/trak/mdia/minf/stbl/ctts"}
    assert "moov/trak/edts" not in names
    assert "moov/trak/mdia/minf/stbl/co64" in names


def test_negative_composition_offsets_are_version_1() -> None:
    made = footage("h264", 30, 10, 2, audio=None)
    assert made.table.video is not None
    early = replace(made.table.video, dts=made.table.video.dts + 7200)
    data = write(made, [OutTrack(early, (Edit(30 * 3600, 0),))])
    at = next(b for name, b, _ in boxes(data) if name.endswith("ctts"))
    assert data[at] == 1
    table = read_head(data)
    assert table.video is not None
    assert np.array_equal(table.video.pts, early.pts - early.dts[0])


def test_an_edit_list_hides_the_lead_in() -> None:
    for bframes in (0, 2):
        made = footage("h264", 100, 50, bframes, audio=None)
        video = made.table.video
        assert video is not None
        media_time = int(np.sort(video.pts)[30] - video.dts[0])
        data = write(made, [OutTrack(video, (Edit(40 * 3600 + 1000, media_time),))])
        assert decode_video(data) == [(3600 * n, 30 + n) for n in range(41)]


def test_two_configurations_are_two_entries(tmp_path: Path) -> None:
    a, b = footage("h264", 25, 25, 0, audio=None), footage("h264", 25, 25, 0, first=25, audio=None)
    c = footage("h264", 25, 25, 0, first=25, audio=None, width=384)
    assert a.table.video is not None
    assert c.table.video is not None
    units = a.units + c.units
    samples = columns(
        3600 * np.arange(50), [len(u) for u in units],
        [*a.table.video.sync, *c.table.video.sync],
        a.table.video.configs + c.table.video.configs, 0, 3600,
        np.repeat([0, 1], 25).astype(np.uint16),
    )  # fmt: skip
    out = io.BytesIO()
    write_mp4(out, [OutTrack(samples)], lambda _, first, last: b"".join(units[first:last]))
    (tmp_path / "two.mp4").write_bytes(out.getvalue())
    assert played(tmp_path / "two.mp4")[0][0]["nb_read_frames"] == "50"
    assert decode_video(out.getvalue()) == [(3600 * n, n) for n in range(50)]
    table = read_head(out.getvalue())
    assert table.video is not None
    assert table.video.configs == samples.configs
    assert np.array_equal(table.video.config, samples.config)
    assert b.units != c.units


def test_a_headless_beginning_has_an_empty_sync_table() -> None:
    made = footage("h264", 30, 15, 0, audio=None)
    assert made.table.video is not None
    out = io.BytesIO()
    part = OutTrack(made.table.video.slice(3, 10))
    write_mp4(out, [part], lambda _, first, last: b"".join(made.units[3 + first : 3 + last]))
    video = read_head(out.getvalue()).video
    assert video is not None
    assert not video.sync.any()
    assert [unit for _, unit in packets(out.getvalue(), "video")] == list(made.units[3:10])


def test_audio_alone(tmp_path: Path) -> None:
    made = footage("h264", 50, 25, 0, base=77)
    out = io.BytesIO()
    write_mp4(out, align(None, made.table.audio), lambda _, a, b: b"".join(made.sound[a:b]))
    (tmp_path / "a.mp4").write_bytes(out.getvalue())
    assert played(tmp_path / "a.mp4")[0][0]["codec_name"] == "pcm_alaw"
    assert [unit for _, unit in packets(out.getvalue(), "audio")] == list(made.sound)


def _big(samples: int, size: int) -> Samples:
    config = footage("h264", 20, 1, 0, audio=None).table.video.configs  # type: ignore[union-attr]
    return columns(3600 * np.arange(samples), [size] * samples, [True] * samples, config, 0, 3600)


def test_mdat_of_more_than_four_gigabytes() -> None:
    samples = _big(100, 50_000_000)
    plan = layout([OutTrack(samples)])
    assert plan.head[-16:-8] == b"\0\0\0\1mdat"
    assert int.from_bytes(plan.head[-8:], "big") == 5_000_000_016
    assert plan.size == len(plan.head) + 5_000_000_000
    table = read_head(plan.head)
    assert table.video is not None
    assert int(table.video.extent_offset[0]) == len(plan.head)
    assert int(table.video.extent_offset[-1]) == plan.size - 50_000_000
    small = layout([OutTrack(_big(85, 50_000_000))])
    assert small.head[-4:] == b"mdat"


def test_more_than_thirteen_hours_take_64_bit_times() -> None:
    samples = _big(50, 10)
    samples = replace(samples, pts=samples.pts * 3600, dts=samples.dts * 3600)
    data = layout([OutTrack(samples, (Edit(50 * 3600 * 3600, 0),))]).head[:-8]
    versions = {name: data[begin] for name, begin, _ in boxes(data)}
    assert versions["moov/mvhd"] == versions["moov/trak/tkhd"] == 0
    samples = replace(samples, pts=samples.pts * 7, dts=samples.dts * 7)
    wide = layout([OutTrack(samples, (Edit(50 * 3600 * 3600 * 7, 0),))]).head[:-8]
    versions = {name: wide[begin] for name, begin, _ in boxes(wide)}
    assert versions["moov/mvhd"] == versions["moov/trak/tkhd"] == 1
    assert versions["moov/trak/mdia/mdhd"] == versions["moov/trak/edts/elst"] == 1
    assert read_head(wide).video is not None


def test_what_cannot_be_written_is_refused() -> None:
    samples = _big(10, 10)
    back = replace(samples, dts=samples.dts[::-1].copy())
    with pytest.raises(MediaDamaged, match="backwards"):
        layout([OutTrack(back)])
    with pytest.raises(MediaUnsupported, match=r"pause of 13\.9 h"):
        layout([OutTrack(replace(samples, dts=samples.dts * 1_250_000, last_duration=0))])
    with pytest.raises(MediaDamaged, match="9 bytes"):
        write_mp4(io.BytesIO(), [OutTrack(samples)], lambda *_: bytes(9))
    with pytest.raises(ValueError, match="without samples"):
        layout([OutTrack(samples.slice(0, 0))])


def test_fifty_thousand_samples_are_laid_out_without_loops() -> None:
    samples = _big(50_000, 4000)
    rate = CodecConfig("alaw", rate=8000, channels=1)
    audio = columns(1800 * np.arange(100_000), [160] * 100_000, [True] * 100_000, (rate,), 0, 1800)
    plan = layout(align(samples, audio))
    read = read_head(plan.head)
    # 20 ms where this was written; a loop over the samples takes some 300.
    assert cost(lambda: read_head(layout(align(samples, audio)).head)) < 0.2
    assert len(plan.chunks) == 4000
    assert read.video is not None
    assert len(read.video) == 50_000
