"""Program streams that are not Hikvision's: libav's own muxers, MPEG-1, DTS, AAC, MPEG audio."""

from __future__ import annotations

import hashlib
import io
import re
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hikcore.errors import MediaUnsupported
from hikcore.media.container import index_file
from hikcore.media.mp4.write import align, write_mp4
from hikcore.media.samples import read_samples
from hikcore.media.table import SampleTable
from hikcore.sim import hikps
from tests.media import ps_reference
from tests.media.plain_ps import FLAVOURS, RATE, Plain, adts, bars, muxed_by_libav, program_map
from tests.media.ps_bodies import Bytes, index, muxed, nal_units, pack, video
from tests.media.test_ps import SIZES, compare, same, slow, spoil

CODECS = st.sampled_from(["x264", "x265"])


def units(data: bytes) -> list[bytes]:
    return [nal.rstrip(b"\0") for nal in re.split(b"\0\0\1", data)[1:]]


def check(plain: Plain, table: SampleTable) -> None:
    """Every picture of what was muxed, with its own times."""
    found = table.video
    assert found is not None
    assert nal_units(plain.body, found) == [units(one.data) for one in plain.pictures]
    pts = np.array([one.pts for one in plain.pictures])
    dts = np.array([one.dts for one in plain.pictures])
    assert (found.pts - found.pts[0]).tolist() == (pts - pts[0]).tolist()
    assert (found.pts - found.dts).tolist() == (pts - dts).tolist()


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("crf", [20, 45])
@pytest.mark.parametrize("b_frames", [0, 3])
@pytest.mark.parametrize("codec", ["x264", "x265"])
def test_what_libav_muxed_comes_back_with_its_times(
    codec: str, b_frames: int, crf: int, flavour: str, tmp_path: Path
) -> None:
    """MPEG-1 and MPEG-2 systems; packets that no picture is aligned to; a DTS where it differs."""
    plain = muxed_by_libav(codec, b_frames, flavour, crf=crf)
    truth = ps_reference.parse(plain.body)
    assert [unit.nals for unit in truth.units] == [units(one.data) for one in plain.pictures]
    if crf > 40:
        assert sum(unit.pts < 0 for unit in truth.units) > 10
    table = index(plain.body)
    compare(plain.body, table, truth)
    check(plain, table)
    assert table.damage == ()
    assert any("mpeg audio dropped" in note for note in table.notes)
    (tmp_path / "a.mpg").write_bytes(plain.body)
    check(plain, index_file(tmp_path / "a.mpg"))
    same(index(plain.body, [1, 7, 2048, 3]), table)


@pytest.mark.parametrize("most", [1, 5])
def test_a_cap_on_samples_holds_for_the_heads_of_slices_too(most: int) -> None:
    """They are kept where pictures are shown in another order than they come."""
    plain = muxed_by_libav("x264", 3, FLAVOURS[0], crf=45)
    table = index(plain.body, max_samples=most)
    assert table.video is not None
    assert len(table.video) == most
    assert "cap" in table.damage[-1].reason


@pytest.mark.parametrize("codec", ["x264", "x265"])
@pytest.mark.parametrize("flavour", FLAVOURS)
def test_libav_reads_the_same(codec: str, flavour: str) -> None:
    """Packet by packet, where its demuxer gives a time at all: PTS, DTS, hash of the NAL units."""
    plain = muxed_by_libav(codec, 0, flavour, crf=20)
    found = index(plain.body).video
    assert found is not None
    ours = [
        (pts, dts, hashlib.sha256(b"\0".join(nals)).digest())
        for pts, dts, nals in zip(
            found.pts.tolist(), found.dts.tolist(), nal_units(plain.body, found), strict=True
        )
    ]
    theirs, stamped = [], 0
    with av.open(io.BytesIO(plain.body)) as container:
        for packet in container.demux(container.streams.video[0]):
            if packet.size:
                nals = b"\0".join(units(bytes(packet)))
                theirs.append((packet.pts, packet.dts, hashlib.sha256(nals).digest()))
    assert [one[2] for one in theirs] == [one[2] for one in ours]
    for mine, other in zip(ours, theirs, strict=True):
        if other[0] is not None:
            stamped += 1
            assert mine[:2] == other[:2]
    assert stamped > len(ours) // 2


@slow(25)
@given(
    codec=CODECS, b_frames=st.sampled_from([0, 3]), flavour=st.sampled_from(FLAVOURS), sizes=SIZES,
    edits=st.lists(
        st.tuples(
            st.floats(0, 1), st.sampled_from(["set", "cut", "insert", "zero"]),
            st.binary(min_size=1, max_size=12),
        ),
        max_size=5,
    ),
    cut=st.floats(0.3, 1),
)  # fmt: skip
def test_spoiled_plain_bodies_are_read_as_the_reference_reads_them(
    codec: str, b_frames: int, flavour: str, sizes: list[int],
    edits: list[tuple[float, str, bytes]], cut: float,
) -> None:  # fmt: skip
    body = spoil(muxed_by_libav(codec, b_frames, flavour).body, edits)
    body = body[: int(len(body) * cut)]
    table = index(body)
    compare(body, table, ps_reference.parse(body))
    same(index(body, sizes), table)
    assert table.video is not None
    assert (np.diff(table.video.dts) >= 0).all()
    assert (table.video.dts <= table.video.pts).all()


def test_ac3_is_named_and_left_out() -> None:
    plain = muxed_by_libav("x264", 0, "vob", "ac3")
    table = index(plain.body)
    check(plain, table)
    assert table.audio is None
    assert any("ac-3 dropped" in note for note in table.notes)


def test_pictures_of_mpeg_2_are_named() -> None:
    out = io.BytesIO()
    with av.open(out, "w", format="vob") as container:
        stream = container.add_stream("mpeg2video", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = 176, 144, "yuv420p"
        for number in range(5):
            container.mux(stream.encode(bars(number)))
        container.mux(stream.encode(None))
    with pytest.raises(MediaUnsupported, match="MPEG-2 video"):
        index(out.getvalue())


# AAC


def with_aac(
    size: int | None, kind: int | None, rate: int = 44_100, stream: str = "h264"
) -> tuple[bytes, list[bytes], list[int]]:
    """A body with AAC in packets of `size` bytes (None: one frame each), the raw blocks, and PTS
    of all frames: packets have that of the first frame that begins in them."""
    made = muxed(codec=stream, audio=None, seconds=1.4)
    frames = adts(rate)
    times = [round(90_000 + n * 1024 * 90_000 / rate) for n in range(len(frames))]
    body = pack() + (program_map(0x1B if stream == "h264" else 0x24, kind) if kind else b"")
    body += b"".join(
        pack(n) + video(unit.data, 90_000 + n * 7200) for n, unit in enumerate(made.pictures)
    )
    data = b"".join(frames)
    begins = np.cumsum([0] + [len(frame) for frame in frames[:-1]])
    if size is None:
        packets = [(int(b), len(f)) for b, f in zip(begins, frames, strict=True)]
    else:
        packets = [(at, size) for at in range(0, len(data), size)]
    for at, length in packets:
        first = int(np.searchsorted(begins, at))
        inside = first < len(frames) and begins[first] < at + length
        stamp = times[first] if inside else None
        body += hikps.pes(0xC0, data[at : at + length], pts=stamp, flags=False)
    return body, [frame[7:] for frame in frames], times


@pytest.mark.parametrize("size", [None, 100, 333, 2000])
@pytest.mark.parametrize("kind", [0x0F, 0x90, None])
def test_aac_comes_through_as_aac(size: int | None, kind: int | None) -> None:
    """By the map, under the type of G.711 (Dahua), and without any map."""
    body, blocks, times = with_aac(size, kind)
    table = index(body)
    truth = ps_reference.parse(body)
    audio = table.audio
    assert audio is not None
    assert [data for _, data in truth.aac] == blocks
    assert read_samples(Bytes(body), audio, 0, len(audio)) == b"".join(blocks)
    assert audio.size.tolist() == [len(block) for block in blocks]
    assert np.abs(audio.pts - np.array(times)).max() <= 1
    assert audio.configs[0].codec == "aac"
    assert (audio.configs[0].rate, audio.configs[0].channels) == (44_100, 2)
    assert audio.configs[0].record == b"\x12\x10"
    same(index(body, [1, 5, 999]), table)


@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_aac_sounds_in_the_mp4_as_it_did_before(rate: int, tmp_path: Path) -> None:
    body, _, _ = with_aac(500, None, rate)
    table = index(body)
    tracks = align(table.video, table.audio)
    path = tmp_path / "a.mp4"
    with path.open("wb") as out:
        write_mp4(out, tracks, lambda n, a, b: read_samples(Bytes(body), tracks[n].samples, a, b))

    def decoded(source: object) -> np.ndarray:  # type: ignore[type-arg]
        with av.open(source) as container:  # type: ignore[call-overload]
            assert container.streams.audio[0].codec_context.name.startswith("aac")
            planes = [frame.to_ndarray() for frame in container.decode(audio=0)]
        return np.concatenate(planes, axis=1)

    before, after = decoded(io.BytesIO(b"".join(adts(rate)))), decoded(path)
    assert after.shape[1] >= before.shape[1] - 1024
    length = min(before.shape[1], after.shape[1])
    assert np.array_equal(before[:, :length], after[:, :length])


def test_a_pause_in_the_sound_stays_and_jitter_does_not() -> None:
    frames = adts(48_000)[:60]
    made = muxed(audio=None, seconds=1.4)
    body = pack() + b"".join(
        video(unit.data, 90_000 + n * 7200) for n, unit in enumerate(made.pictures)
    )
    times = []
    for number, frame in enumerate(frames):
        pause = 45_000 if number >= 30 else 0
        times.append(90_000 + 1920 * number + pause)
        body += hikps.pes(0xC0, frame, pts=times[-1] + (number * 7 % 90 if number % 30 else 0))
    table = index(body)
    assert table.audio is not None
    assert table.audio.pts.tolist() == times
    assert any("sample clock 1 times" in note for note in table.notes)


@slow(40)
@given(
    size=st.sampled_from([None, 64, 150, 700]), sizes=SIZES, cut=st.floats(0.5, 1),
    edits=st.lists(
        st.tuples(
            st.floats(0.5, 1), st.sampled_from(["set", "cut", "insert", "zero"]),
            st.binary(min_size=1, max_size=12),
        ),
        max_size=6,
    ),
)  # fmt: skip
def test_spoiled_aac_is_read_as_the_reference_reads_it(
    size: int | None, sizes: list[int], cut: float, edits: list[tuple[float, str, bytes]]
) -> None:
    body = spoil(with_aac(size, None)[0], edits)
    body = body[: int(len(body) * cut)]
    table = index(body)
    same(index(body, sizes), table)
    truth = ps_reference.parse(body)
    if table.audio is not None and table.audio.configs[0].codec == "aac":
        data = read_samples(Bytes(body), table.audio, 0, len(table.audio))
        kept = [block for _, block in truth.aac]
        if any("of another format" in note for note in table.notes):
            assert len(table.audio) <= len(kept)
        else:
            assert data == b"".join(kept)
            assert table.audio.size.tolist() == [len(block) for block in kept]


# Streams under other numbers, and several


def test_the_first_video_stream_with_a_picture_is_read() -> None:
    made = muxed(audio=None, seconds=0.5)
    other = muxed(audio=None, seconds=0.5, codec="h265")
    body = pack() + hikps.pes(0xE3, b"\x12\x34" * 40, pts=5)
    for number, unit in enumerate(made.pictures):
        body += hikps.pes(0xE7, unit.data, pts=number * 7200)
        body += hikps.pes(0xE1, other.pictures[number].data, pts=number * 7200)
    table = index(body)
    assert table.video is not None
    assert nal_units(body, table.video) == [unit.units() for unit in made.pictures]
    assert "further video streams dropped" in table.notes
    compare(body, table, ps_reference.parse(body))
    same(index(body, [1, 9]), table)
