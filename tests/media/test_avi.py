"""AVI: files of PyAV's muxer and hand-made ones; against a reference that shares nothing."""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hikcore.deviceclock import UTC_CLOCK
from hikcore.errors import MediaError
from hikcore.instants import NS
from hikcore.media.avi import ESTIMATED, AviIndexer, fit
from hikcore.media.codec import video_config
from hikcore.media.container import index_file
from hikcore.media.runs import find_runs
from hikcore.media.samples import read_samples
from hikcore.media.segments import plan_segments, write_segment
from hikcore.media.table import SampleTable
from tests.media.avi_reference import avi, chunk, listed, parse, sound_header, video_header
from tests.media.everfocus_reference import _nals as split_frame
from tests.media.everfocus_reference import annexb, lengths
from tests.media.mp4_footage import decode_video, encode, picture
from tests.media.ps_reference import units_of
from tests.media.test_everfocus import Body, nal_units, pictures

LATER = 1_700_000_000 * NS


def index(body: bytes, pieces: Sequence[int] = (1 << 20,), **options: int) -> SampleTable:
    indexer = AviIndexer(**options)
    at = turn = 0
    while at < len(body):
        size = pieces[turn % len(pieces)]
        indexer.feed(body[at : at + size])
        at, turn = at + size, turn + 1
    return indexer.finish()


def chunks(codec: str = "h264", count: int = 40, *, pad: bool = True, framed=annexb) -> list[bytes]:
    """A chunk of each picture, and one of sound behind it."""
    out = []
    for number, (_, nals) in enumerate(pictures(codec, count)):
        out.append(chunk(b"00dc", framed(nals), pad=pad))
        out.append(chunk(b"01wb", bytes([number % 256]) * 320, pad=pad))
    return out


def whole(codec: str = "h264", count: int = 40) -> list[bytes]:
    return [nal for _, unit in pictures(codec, count) for nal in unit]


def places(table: SampleTable, rate: int = 25) -> list[int]:
    """Numbers of pictures from their times."""
    assert table.video is not None
    return [int(pts) * rate // 90_000 for pts in table.video.pts]


def muxed(frames: int = 50, *, sound: bool = True, rate: int = 25) -> bytes:
    """What libav writes: real pictures and u-law. It refuses H.265 in AVI; recorders do not."""
    out = io.BytesIO()
    with av.open(out, "w", format="avi") as container:
        stream = container.add_stream("libx264", rate=rate)
        stream.width, stream.height, stream.pix_fmt = 256, 128, "yuv420p"
        extra = "keyint=10:min-keyint=10:scenecut=0:bframes=0:threads=1"
        stream.options = {"preset": "ultrafast", "x264-params": extra}
        heard = container.add_stream("pcm_mulaw", rate=8000) if sound else None
        for number in range(frames):
            image = av.VideoFrame.from_ndarray(picture(number), format="gray")
            image.pts, image.time_base = number, Fraction(1, rate)
            container.mux(stream.encode(image))
            if heard is not None:
                tone = av.AudioFrame.from_ndarray(
                    np.full((1, 8000 // rate), number * 100, np.int16), format="s16", layout="mono"
                )
                tone.sample_rate, tone.pts = 8000, number * 8000 // rate
                container.mux(heard.encode(tone))
        container.mux(stream.encode(None))
        if heard is not None:
            container.mux(heard.encode(None))
    return out.getvalue()


def test_a_file_of_libav(tmp_path: Path) -> None:
    body = muxed()
    path = tmp_path / "clip.avi"
    path.write_bytes(body)
    table = index_file(path)
    assert table.video is not None
    assert table.audio is not None
    assert table.container == "avi"
    assert not table.damage
    with av.open(io.BytesIO(body)) as container:
        packets = {"video": b"", "audio": b""}
        for packet in container.demux():
            packets[packet.stream.type] += bytes(packet)
    assert nal_units(body, table.video) == split_frame(packets["video"])[1]
    sound = bytes(read_samples(Body(body), table.audio, 0, len(table.audio)))
    assert sound == packets["audio"]
    assert places(table) == list(range(50))
    assert np.flatnonzero(table.video.sync).tolist() == [0, 10, 20, 30, 40]
    assert table.audio.pts[0] == 0
    assert int(table.audio.pts[-1]) + table.audio.last_duration == 180_000
    assert (table.audio.configs[0].codec, table.audio.configs[0].rate) == ("ulaw", 8000)
    (run,) = find_runs(table, UTC_CLOCK, LATER)
    assert (run.begin, run.origin) == (LATER, "listing")
    (plan,) = plan_segments(table, run)
    out = io.BytesIO()
    written = write_segment(out, Body(body), table, run, plan)
    assert (written.frames, written.codec) == (50, "h264+ulaw")
    assert [number for _, number in decode_video(out.getvalue())] == list(range(50))


def test_the_times_are_said_to_be_estimated() -> None:
    table = index(avi(chunks()))
    assert table.anchors is None
    assert [note for note in table.notes if note.startswith(ESTIMATED)] == [
        "timing: estimated: pictures are laid at 25/1 a second, as AVI has no times"
    ]
    assert len(table.notes) == 1


@pytest.mark.parametrize("codec", ["h264", "h265"])
@pytest.mark.parametrize("framed", [annexb, lengths])
@pytest.mark.parametrize("idx1", ["movi", "file", "short", "none"])
def test_every_kind_of_index(codec: str, framed, idx1: str) -> None:
    """What an index says is not needed, so no fault of it can spoil anything."""
    name = b"H264" if codec == "h264" else b"HEVC"
    body = avi(chunks(codec, framed=framed), video_header(name), sound_header(), idx1=idx1)
    table = index(body)
    assert nal_units(body, table.video) == whole(codec)
    assert places(table) == list(range(40))
    assert not table.damage
    lists = [note for note in table.notes if "index lists" in note]
    short = ["the index lists 20 pictures, the file holds 40"]
    assert lists == (short if idx1 == "short" else [])


@pytest.mark.parametrize("size", [0, 4, 0xFFFFFFFF])
def test_sizes_of_a_killed_writer(size: int) -> None:
    body = avi(chunks(), idx1="none", riff=size, movi=size)
    table = index(body)
    assert nal_units(body, table.video) == whole()
    assert not table.damage


def test_padding_forgotten() -> None:
    odd = [c for c in chunks(pad=False) if len(c) % 2]
    assert odd
    body = avi(chunks(pad=False))
    for pieces in ([1 << 20], [1], [97]):
        table = index(body, pieces)
        assert nal_units(body, table.video) == whole()
        assert not table.damage
        assert f"{len(odd)} chunks of odd size without padding" in table.notes


def test_lists_of_records_and_other_chunks() -> None:
    parts = chunks()
    groups = [listed(b"rec ", *parts[n : n + 4]) for n in range(0, len(parts), 4)]
    groups.insert(3, chunk(b"JUNK", bytes(1001)))
    groups.insert(5, chunk(b"ix00", b"\x02\0\0\1" + bytes(60)))
    groups.insert(7, chunk(b"02tx", b"text"))
    groups.insert(9, chunk(b"02wb", bytes(50)))
    body = avi(groups, idx1="none")
    table = index(body)
    assert nal_units(body, table.video) == whole()
    assert not table.damage
    assert "1 chunks of further streams dropped" in table.notes


def test_opendml() -> None:
    """RIFF AVIX: data behind the first gigabyte; indx in the header, ix## between."""
    parts = chunks()
    indx = chunk(b"indx", b"\4\0\0\0" + bytes(60))
    header = video_header()
    header = listed(b"strl", header[12:], indx)
    odml = listed(b"odml", chunk(b"dmlh", bytes(248)))
    second = listed(b"AVIX", listed(b"movi", *parts[40:], chunk(b"ix00", bytes(100))), name=b"RIFF")
    body = avi(parts[:40], header, sound_header(), odml, further=[second])
    for pieces in ([1 << 20], [11]):
        table = index(body, pieces)
        assert nal_units(body, table.video) == whole()
        assert places(table) == list(range(40))
        assert not table.damage


def test_chunks_of_no_bytes_keep_their_time() -> None:
    parts = [c for c in chunks() if c.startswith(b"00dc")]
    parts[5:5] = [chunk(b"00dc", b"")] * 3
    parts.insert(1, chunk(b"00dc", b""))
    parts.append(chunk(b"00dc", b""))
    table = index(avi(parts))
    assert table.video is not None
    assert places(table) == [0, 2, 3, 4, 5, *range(9, 44)]
    # The last picture lasts over the empty chunk behind it.
    assert table.video.last_duration == 7200
    assert "5 chunks without a picture: each keeps its time" in table.notes


@pytest.mark.parametrize("fourcc", [b"h264", b"V264", b"avc1", b"HEVC", b"XVID", b"\0\0\0\0"])
def test_the_fourcc_lies(fourcc: bytes) -> None:
    body = avi(chunks("h264"), video_header(fourcc), sound_header())
    table = index(body)
    assert table.video is not None
    assert table.video.configs[0].codec == "h264"
    assert nal_units(body, table.video) == whole()


def test_two_pictures_in_a_chunk_share_its_time() -> None:
    units = [unit for _, unit in pictures("h264", 40)]
    body = avi([chunk(b"00dc", annexb(units[n] + units[n + 1])) for n in range(0, 40, 2)])
    table = index(body)
    assert table.video is not None
    assert table.video.pts.tolist() == [1800 * n for n in range(40)]


def test_a_picture_over_two_chunks() -> None:
    parts = []
    for _, nals in pictures("h264", 20):
        parts += [chunk(b"00dc", annexb([nal])) for nal in nals]
    body = avi(parts)
    table = index(body)
    assert table.video is not None
    assert nal_units(body, table.video) == whole(count=20)
    assert len(table.video) == 20


def test_parameter_sets_in_the_header_alone() -> None:
    sets = [nal for nal in pictures("h264", 1)[0][1] if nal[0] & 31 in (7, 8)]
    record = video_config("h264", sets).record
    bare = [
        chunk(b"00dc", lengths([n for n in unit if n not in sets]))
        for _, unit in pictures("h264", 20)
    ]
    for extra in (record, annexb(sets)):
        table = index(avi(bare, video_header(b"avc1", extra=extra)))
        assert table.video is not None
        assert table.video.configs[0].record == record
        assert table.video.framing == "length"


@pytest.mark.parametrize(
    ("rate", "scale"), [(25, 1), (30000, 1001), (12_500, 1000), (1_000_000, 40_000), (1, 10)]
)
def test_rates_are_exact(rate: int, scale: int) -> None:
    body = avi(chunks(), video_header(rate=rate, scale=scale, start=2), sound_header(start=8000))
    table = index(body)
    assert table.video is not None
    assert table.audio is not None
    late = int(Fraction(2 * scale * 90_000, rate))
    late = late if late < 3600 * 90_000 else 0
    assert table.video.pts.tolist() == [n * scale * 90_000 // rate + late for n in range(40)]
    assert table.audio.pts.tolist() == [90_000 + 3600 * n for n in range(40)]


def test_pictures_fitted_into_an_interval() -> None:
    table = fit(index(avi(chunks())), 3_200_000_000)
    assert table.video is not None
    assert table.audio is not None
    assert table.video.pts.tolist() == [7200 * n for n in range(40)]
    assert table.video.last_duration == 7200
    assert table.audio.pts[1] == 3600
    assert table.notes == (
        "timing: estimated: pictures are laid evenly into 3.200 s, as AVI has no times",
    )


@pytest.mark.parametrize(("tag", "law"), [(6, "alaw"), (7, "ulaw")])
def test_laws(tag: int, law: str) -> None:
    table = index(avi(chunks(), video_header(), sound_header(tag, 16_000, 2)))
    assert table.audio is not None
    assert (table.audio.configs[0].codec, table.audio.configs[0].channels) == (law, 2)
    assert table.audio.pts.tolist() == [900 * n for n in range(40)]


@pytest.mark.parametrize(("tag", "name"), [(1, "pcm"), (0xFF, "aac"), (0x1234, "of format 0x1234")])
def test_other_sound_is_dropped_by_name(tag: int, name: str) -> None:
    table = index(avi(chunks(), video_header(), sound_header(tag)))
    assert table.audio is None
    assert f"audio {name} dropped" in table.notes


def test_b_pictures_are_named() -> None:
    nals, _, _ = encode("h264", 30, 10, 2)
    table = index(avi([chunk(b"00dc", annexb(unit)) for unit in nals]))
    assert any("B pictures" in note for note in table.notes)
    assert not any("B pictures" in note for note in index(avi(chunks())).notes)


@pytest.mark.parametrize("framed", [annexb, lengths])
@pytest.mark.parametrize(("codec", "other"), [("h264", "h265"), ("h265", "h264")])
def test_pictures_go_on_behind_stray_parameter_sets_of_the_other_codec(
    codec: str, other: str, framed
) -> None:
    """A splice in the middle of a group: sets of the other codec, of which no picture comes. What
    follows is no unit of no picture, up to the next key picture, but the pictures that it is."""
    kinds = (7, 8) if other == "h264" else (32, 33, 34)
    stray = [
        nal for nal in pictures(other, 1)[0][1]
        if (nal[0] & 31 if other == "h264" else nal[0] >> 1) in kinds
    ]  # fmt: skip
    units = [nals for _, nals in pictures(codec, 40)]
    spliced = [*units[:5], [*stray, *units[5]], *units[6:]]
    table = index(avi([chunk(b"00dc", framed(nals)) for nals in spliced]))
    assert table.video is not None
    assert len(table.video) == 40
    assert {one.codec for one in table.video.configs} == {codec}
    assert places(table) == list(range(40))
    whole_again = index(avi([chunk(b"00dc", framed(nals)) for nals in units])).video
    assert whole_again is not None
    assert table.video.sync.tolist() == whole_again.sync.tolist()
    assert "parameter sets of two codecs before one picture" in {d.reason for d in table.damage}


def test_a_camera_that_is_set_to_another_codec() -> None:
    first, second = ([nals for _, nals in pictures(codec, 20)] for codec in ("h264", "h265"))
    for units in (first + second, second + first):
        body = avi([chunk(b"00dc", annexb(nals)) for nals in units])
        table = index(body)
        assert table.video is not None
        assert not table.damage
        assert nal_units(body, table.video) == [nal for nals in units for nal in nals]
        assert [one.codec for one in table.video.configs] == (
            ["h264", "h265"] if units[0] is first[0] else ["h265", "h264"]
        )
        assert table.video.config.tolist() == [0] * 20 + [1] * 20


def test_sound_alone() -> None:
    table = index(avi([c for c in chunks() if c.startswith(b"01wb")]))
    assert table.video is None
    assert table.audio is not None
    assert len(table.audio) == 40


def outcome(body: bytes, pieces: Sequence[int]) -> tuple[SampleTable | None, str]:
    """The table, or why there is none."""
    try:
        return index(body, pieces), ""
    except MediaError as error:
        return None, str(error)


def compare(body: bytes, pieces: Sequence[int]) -> None:
    """A table is what the reference says, whatever the body is."""
    truth = parse(body)
    table, reason = outcome(body, pieces)
    same, again = outcome(body, [1 << 20])
    assert reason == again
    if table is None or same is None:
        return
    assert (same.damage, same.notes, same.cut_off) == (table.damage, table.notes, table.cut_off)
    framing, frames = "", []
    for each in truth.pictures:
        how, units = split_frame(each or b"")
        framing = framing or how
        frames.append(units if how == framing else [])
    got, nals = nal_units(body, table.video), [nal for units in frames for nal in units]
    assert got == nals[: len(got)]
    if table.video is not None:
        if not any(b"\0\0\1" in nal or nal[:1] == b"\0" or nal[-1:] == b"\0" for nal in nals):
            # No table ends early but for what is no picture.
            units = units_of(frames, truth.h265)
            assert got == [nal for unit in units for nal in unit.nals]
            assert table.video.sync.tolist() == [unit.sync for unit in units]
        # At the slowest rate and the latest begin that a header may name.
        assert int(table.video.pts.max()) <= (len(truth.pictures) * 100 + 3600) * 90_000
    if table.audio is not None:
        sound = bytes(read_samples(Body(body), table.audio, 0, len(table.audio)))
        assert sound == b"".join(truth.sounds)
    unpadded = [n for n in table.notes if "without padding" in n]
    assert bool(unpadded) == bool(truth.unpadded) or table.video is None


def parts_of_files() -> st.SearchStrategy[bytes]:
    good = st.sampled_from(chunks(count=10))
    return st.one_of(
        good, good, good, good,
        st.builds(lambda c, n: c[: n % len(c)], good, st.integers(0, 5000)),
        st.builds(lambda c, n: c[:4] + struct.pack("<I", n) + c[8:], good,
                  st.one_of(st.integers(0, 2000), st.just(2**31), st.just(2**32 - 1))),
        st.builds(lambda c, n: n + c[4:], good,
                  st.sampled_from([b"00db", b"02dc", b"JUNK", b"abcd", b"\0\0\0\0", b"LIST"])),
        st.binary(max_size=40),
        st.sampled_from([b"LIST", b"RIFF", b"idx1", b"00dc", b"LIST\xff\xff\xff\xffmovi",
                         b"00dc\0\0\0\0", listed(b"rec "), chunk(b"JUNK", bytes(33)),
                         chunk(b"idx1", b"00dc" * 40)]),
    )  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(
    st.lists(parts_of_files(), min_size=1, max_size=25), st.lists(st.integers(1, 900), min_size=1)
)
def test_spoiled_files_are_read_as_the_reference_reads_them(
    parts: list[bytes], pieces: list[int]
) -> None:
    compare(avi(chunks(count=3) + parts), pieces)
    compare(avi(chunks(count=3) + parts, idx1="none"), pieces)
