"""Reading back: our own exactly, others against libav, hostile ones without harm."""

from __future__ import annotations

import contextlib
import io
import struct
import tempfile
import tracemalloc
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hikcore.errors import MediaDamaged, MediaError, MediaUnsupported
from hikcore.media.mp4.read import index_mp4, read_edits, read_head
from hikcore.media.mp4.write import Edit, OutTrack, align, layout, write_mp4
from hikcore.media.table import CodecConfig, Samples
from tests.media.mp4_footage import boxes, footage, picture

ALAW = CodecConfig("alaw", rate=8000, channels=1)


class Bytes:
    """A ByteSource over bytes."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def read_at(self, offset: int, size: int) -> bytes:
        if offset + size > len(self.data):
            raise MediaDamaged("the source ends before", offset=offset)
        return self.data[offset : offset + size]


@st.composite
def tracks(draw: st.DrawFn, configs: tuple[CodecConfig, ...], video: bool) -> Samples:
    """Any columns that an MP4 can hold."""
    count = draw(st.integers(1, 40))
    steps = draw(st.lists(st.integers(0, 2**31 - 1), min_size=count, max_size=count))
    offsets = [0] * count
    if video and draw(st.booleans()):
        offsets = draw(st.lists(st.integers(-9000, 9000), min_size=count, max_size=count))
    one_size = draw(st.booleans())
    sizes = draw(st.lists(st.integers(0, 2**32 - 1), min_size=count, max_size=count))
    sizes = [sizes[0]] * count if one_size else sizes
    dts = draw(st.integers(-(2**40), 2**40)) + np.cumsum([0, *steps[:-1]]).astype(np.int64)
    pts = np.maximum(dts + np.array(offsets, np.int64), dts[0])
    config = np.sort(
        draw(st.lists(st.integers(0, len(configs) - 1), min_size=count, max_size=count))
    )
    size = np.array(sizes, np.uint32)
    return Samples(
        timescale=90_000,
        dts=dts,
        pts=pts,
        size=size,
        sync=np.array(draw(st.lists(st.booleans(), min_size=count, max_size=count))),
        config=config.astype(np.uint16),
        first=np.arange(count + 1, dtype=np.int64),
        extent_offset=np.zeros(count, np.uint64),
        extent_size=size,
        framing="length" if video else "raw",
        configs=configs,
        last_duration=steps[-1],
    )


def _configs() -> tuple[CodecConfig, ...]:
    one = footage("h264", 20, 1, 0, audio=None).table.video
    two = footage("h264", 25, 25, 0, audio=None, width=384).table.video
    assert one is not None
    assert two is not None
    return one.configs + two.configs


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_our_own_head_gives_the_same_columns(data: st.DataObject) -> None:
    video = data.draw(tracks(_configs(), True))
    audio = data.draw(st.none() | tracks((ALAW,), False))
    # Start the two near each other, as a run does.
    if audio is not None:
        shift = int(video.dts[0] - audio.dts[0]) + data.draw(st.integers(-90_000, 90_000))
        audio = replace(audio, dts=audio.dts + shift, pts=audio.pts + shift)
        audio = replace(audio, sync=np.ones(len(audio), np.bool_))
    plan = layout(align(video, audio))
    table = read_head(plan.head)
    base = int(video.dts[0])
    for ours, read in ((video, table.video), (audio, table.audio)):
        if ours is None:
            assert read is None
            continue
        assert read is not None
        assert (read.timescale, read.framing, read.configs) == (90_000, ours.framing, ours.configs)
        assert read.last_duration == ours.last_duration
        for name in ("dts", "pts"):
            got = getattr(read, name)
            assert got.dtype == np.int64
            assert np.array_equal(got + base, getattr(ours, name))
        for name in ("size", "sync", "config", "first", "extent_size"):
            got = getattr(read, name)
            assert got.dtype == getattr(ours, name).dtype
            assert np.array_equal(got, getattr(ours, name))
    # Extents tile the media in the order of the chunks.
    at = len(plan.head)
    both = (table.video, table.audio)
    for track, first, last in plan.chunks:
        samples = both[track]
        assert samples is not None
        for sample in range(first, last):
            assert int(samples.extent_offset[sample]) == at
            at += int(samples.size[sample])
    assert at == plan.size


def test_edits_come_back() -> None:
    made = footage("h264", 50, 25, 2, audio_delay=5000)
    assert made.table.video is not None
    edits = read_edits(layout(align(made.table.video, made.table.audio)).head)
    assert edits.timescale == 90_000
    lead = int(made.table.video.pts.min() - made.table.video.dts[0])
    assert edits.video == (Edit(50 * 3600, lead),)
    assert edits.audio == (Edit(5000, -1), Edit(49 * 3600, 0))
    hidden = layout([OutTrack(made.table.video, (Edit(2**33, 2**34),))])
    assert read_edits(hidden.head).video == (Edit(2**33, 2**34),)


def _foreign(options: dict[str, str], codec: str = "libx264", audio: bool = True) -> bytes:
    with tempfile.NamedTemporaryFile(suffix=".mp4") as out:
        _encode_foreign(out.name, options, codec, audio)
        return Path(out.name).read_bytes()


def _encode_foreign(path: str, options: dict[str, str], codec: str, audio: bool) -> None:
    with av.open(path, "w", "mp4", options=options) as container:
        video = container.add_stream(codec, rate=25, options={"bf": "2", "g": "12"})
        video.width, video.height, video.pix_fmt = 256, 128, "yuv420p"
        if codec == "libx265":
            video.options = {"x265-params": "log-level=none:pools=none"}
        sound = container.add_stream("aac", rate=48_000) if audio else None
        for number in range(50):
            frame = av.VideoFrame.from_ndarray(picture(number), format="gray")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(video.encode(frame))
            if sound is not None:
                tone = av.AudioFrame(format="fltp", layout="stereo", samples=1920)
                for plane in tone.planes:
                    plane.update(bytes(plane.buffer_size))
                tone.sample_rate, tone.pts, tone.time_base = (
                    48_000,
                    number * 1920,
                    Fraction(1, 48_000),
                )
                container.mux(sound.encode(tone))
        container.mux(video.encode(None))
        if sound is not None:
            container.mux(sound.encode(None))


@pytest.mark.parametrize("options", [{}, {"movflags": "faststart"}])
@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_the_files_of_others_as_libav_reads_them(codec: str, options: dict[str, str]) -> None:
    data = _foreign(options, codec)
    table = index_mp4(Bytes(data), len(data))
    assert table.video is not None
    assert table.audio is not None
    with av.open(io.BytesIO(data)) as container:
        packets = [p for p in container.demux() if p.size]
        for kind, samples in (("video", table.video), ("audio", table.audio)):
            theirs = [p for p in packets if p.stream.type == kind]
            assert len(samples) == len(theirs)
            units = [
                data[int(o) : int(o) + int(s)]
                for o, s in zip(samples.extent_offset, samples.size, strict=True)
            ]
            assert units == [bytes(p) for p in theirs]
            scale = Fraction(1, samples.timescale)
            ours = [int(t) * scale for t in samples.pts]
            video_pts = [p.pts * p.time_base for p in packets if p.stream.type == "video"]
            shift = int(table.video.pts[0]) * Fraction(1, table.video.timescale) - video_pts[0]
            exact = Fraction(1, 90_000) if kind == "video" else scale
            for mine, packet in zip(ours, theirs, strict=True):
                assert abs(mine - shift - packet.pts * packet.time_base) <= exact
            assert samples.sync.tolist() == [p.is_keyframe for p in theirs]


def test_fragmented_heads_and_broken_files_are_named() -> None:
    data = _foreign({"movflags": "frag_keyframe+empty_moov"})
    with pytest.raises(MediaUnsupported, match="fragmented"):
        read_head(data)
    with pytest.raises(MediaDamaged, match="no moov"):
        index_mp4(Bytes(b""), 0)
    whole = _foreign({})
    begin = next(b for name, b, _ in boxes(whole) if name == "moov")
    with pytest.raises(MediaDamaged):  # killed before the moov was written
        index_mp4(Bytes(whole[: begin + 100]), begin + 100)


def test_samples_beyond_the_end_are_left_out() -> None:
    data = _foreign({"movflags": "faststart"}, audio=False)
    full = index_mp4(Bytes(data), len(data)).video
    assert full is not None
    cut = int(full.extent_offset[30]) + 5
    table = index_mp4(Bytes(data[:cut]), cut)
    assert table.video is not None
    assert len(table.video) == 30
    assert table.damage[0].offset == cut


def _base() -> bytes:
    made = footage("h264", 30, 10, 2)
    out = io.BytesIO()
    write_mp4(out, align(made.table.video, made.table.audio), made.read)
    return out.getvalue()


BASE = _base()
HEAD = len(BASE) - next(e - b for name, b, e in boxes(BASE) if name == "mdat")


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_hostile_heads_raise_named_errors_only(data: st.DataObject) -> None:
    head = bytearray(BASE[:HEAD])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(head) - 4))
        if data.draw(st.booleans()):
            head[at : at + 4] = struct.pack(">I", data.draw(st.sampled_from(
                [0, 1, 2, 7, 2**31 - 1, 2**31, 2**32 - 1])))  # fmt: skip
        else:
            head[at] = data.draw(st.integers(0, 255))
    source = bytes(
        head[: data.draw(st.integers(0, len(head)))] if data.draw(st.booleans()) else head
    )
    for call in (
        lambda: read_head(source), lambda: read_edits(source),
        lambda: index_mp4(Bytes(source), len(source)),
    ):  # fmt: skip
        with contextlib.suppress(MediaError):
            call()


def test_broken_audio_leaves_the_pictures() -> None:
    head = bytearray(BASE[:HEAD])
    at = [b for name, b, _ in boxes(BASE) if name.endswith("stsz")][1]
    struct.pack_into(">II", head, at + 4, 320, 7)
    table = read_head(bytes(head))
    assert table.audio is None
    assert table.video is not None
    assert "stts is for 30 samples" in table.notes[0]


def test_declared_counts_do_not_size_allocations() -> None:
    head = bytearray(BASE[:HEAD])
    at = next(b for name, b, _ in boxes(BASE) if name.endswith("stsz"))
    struct.pack_into(">II", head, at + 4, 1, 2**32 - 1)
    tracemalloc.start()
    with pytest.raises(MediaUnsupported, match="4294967295"):
        read_head(bytes(head))
    struct.pack_into(">II", head, at + 4, 1, 4_000_000)
    with pytest.raises(MediaDamaged):
        read_head(bytes(head))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40 << 20
