"""EverFocus frame streams: headers, tables, times; against a reference that shares nothing."""

from __future__ import annotations

import io
import re
import struct
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hikcore.deviceclock import UTC_CLOCK
from hikcore.errors import MediaDamaged, MediaUnsupported
from hikcore.media.everfocus import EverFocusIndexer, parse_header, read_headers
from hikcore.media.runs import find_runs
from hikcore.media.samples import read_samples
from hikcore.media.segments import plan_segments, write_segment
from hikcore.media.spread import media_times
from hikcore.media.table import Samples, SampleTable
from tests.media.everfocus_reference import (
    G711,
    H264I,
    H264P,
    H265I,
    H265P,
    Parsed,
    annexb,
    frame,
    lengths,
    parse,
)
from tests.media.mp4_footage import encode, read_number

T = 1_700_000_000_123
NS = 1_000_000


class Body:
    """A body as a source of bytes."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def read_at(self, offset: int, size: int) -> bytes:
        assert offset + size <= len(self.data)
        return self.data[offset : offset + size]


@cache
def pictures(codec: str, count: int, gop: int = 10) -> tuple[tuple[int, tuple[bytes, ...]], ...]:
    """(frame type, NAL units) of each."""
    key, other = (H264I, H264P) if codec == "h264" else (H265I, H265P)
    nals, _, keys = encode(codec, count, gop, 0)
    return tuple((key if k else other, unit) for k, unit in zip(keys, nals, strict=True))


def stream(
    codec: str = "h264", count: int = 40, *, begin: int = T, step: int = 40, sound: bool = True,
    times: Sequence[int] | None = None, framed=annexb,
) -> list[bytes]:  # fmt: skip
    """Frames of pictures, a sound after each."""
    out = []
    for number, (kind, nals) in enumerate(pictures(codec, count)):
        ms = times[number] if times is not None else begin + step * number
        out.append(frame(kind, framed(nals), ms))
        if sound:
            out.append(frame(G711, bytes([number % 256]) * 320, ms + 7, shape=(0, 0)))
    return out


def index(body: bytes, pieces: Sequence[int] = (1 << 20,), **options: object) -> SampleTable:
    indexer = EverFocusIndexer(**options)  # type: ignore[arg-type]
    at = turn = 0
    while at < len(body):
        size = pieces[turn % len(pieces)]
        indexer.feed(body[at : at + size])
        at, turn = at + size, turn + 1
    return indexer.finish()


def nal_units(body: bytes, samples: Samples | None) -> list[bytes]:
    """All NAL units of a track, as the product reads them."""
    if samples is None:
        return []
    data = bytes(read_samples(Body(body), samples, 0, len(samples)))
    assert len(data) == int(samples.size.sum(dtype=np.int64))
    out, at = [], 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        out.append(data[at + 4 : at + 4 + size])
        at += 4 + size
    return out


def test_the_header_is_packed_and_little_endian() -> None:
    """The golden bytes of the guide's layout: sec at 14, msec at 18. Read with natural alignment,
    magic, length, type and size still look right, and the time is wrong."""
    golden = bytes.fromhex(
        "15966389" "d2040000" "0600" "8007" "3804" "c3f45365" "7b00" "a0a1a2a3a4a5a6a7a8a9aaab"
    )  # fmt: skip
    header = parse_header(golden)
    assert (header.size, header.kind, header.width, header.height) == (1234, 6, 1920, 1080)
    assert header.time == 0x6553F4C3 * 1000 * NS + 123 * NS
    assert struct.calcsize("@IIHHHIH12s") != 32
    assert struct.unpack_from("@IIHHHIH", golden)[5] != 0x6553F4C3


@given(st.binary(min_size=28, max_size=60))
def test_headers_are_as_struct_reads_them(rest: bytes) -> None:
    data = b"\x15\x96\x63\x89" + rest
    size, kind, width, height, sec, msec = struct.unpack_from("<IHHHIH", data, 4)
    told = msec <= 999 and (sec or msec)
    for form in (data, bytearray(data), memoryview(data)):
        header = parse_header(form)
        assert (header.size, header.kind, header.width, header.height) == (
            size,
            kind,
            width,
            height,
        )
        assert header.time == ((sec * 1000 + msec) * NS if told else -1)


@pytest.mark.parametrize("codec", ["h264", "h265"])
@pytest.mark.parametrize("framed", [annexb, lengths])
def test_a_stream_becomes_a_table(codec: str, framed) -> None:
    frames = stream(codec, framed=framed)
    body = b"".join(frames)
    table = index(body)
    assert table.video is not None
    assert table.audio is not None
    assert table.anchors is not None
    assert not table.damage
    assert not table.notes
    assert not table.cut_off
    assert nal_units(body, table.video) == [n for _, unit in pictures(codec, 40) for n in unit]
    assert table.video.framing == ("annexb" if framed is annexb else "length")
    assert np.flatnonzero(table.video.sync).tolist() == [0, 10, 20, 30]
    assert table.video.pts.tolist() == [(T + 40 * n) * 90 for n in range(40)]
    assert table.video.configs[0].codec == codec
    assert (table.video.configs[0].width, table.video.configs[0].height) == (256, 128)
    assert table.audio.pts.tolist() == [(T + 40 * n + 7) * 90 for n in range(40)]
    assert table.audio.configs[0].codec == "ulaw"
    assert table.audio.last_duration == 3600
    assert read_samples(Body(body), table.audio, 3, 4) == b"\x03" * 320
    assert table.anchors.wall.tolist() == [(T + 40 * n) * NS for n in range(40)]
    (run,) = find_runs(table, UTC_CLOCK, 0)
    assert (run.begin, run.origin, run.reason, run.uncertainty) == (T * NS, "stream", "start", NS)


@pytest.mark.parametrize("codec", ["h264", "h265"])
def test_the_mp4_shows_each_picture_at_its_time(codec: str) -> None:
    times = [T + 40 * n + (1000 if n >= 25 else 0) + n % 3 for n in range(40)]
    body = b"".join(stream(codec, times=times))
    table = index(body)
    (run,) = find_runs(table, UTC_CLOCK, 0)
    (plan,) = plan_segments(table, run)
    out = io.BytesIO()
    written = write_segment(out, Body(body), table, run, plan)
    assert (written.begin, written.frames, written.units) == (T * NS, 40, 40)
    with av.open(io.BytesIO(out.getvalue())) as container:
        shown = [(int(f.pts), read_number(f)) for f in container.decode(container.streams.video[0])]
    first = shown[0][0]
    assert [(pts - first, n) for pts, n in shown] == [
        ((times[n] - times[0]) * 90, n) for n in range(40)
    ]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 400), min_size=1, max_size=5))
def test_pieces_of_any_size_give_the_same(pieces: list[int]) -> None:
    body = b"".join(stream(count=12))
    whole, parts = index(body), index(body, pieces)
    assert whole.video is not None
    assert parts.video is not None
    for name in ("pts", "size", "sync", "first", "extent_offset", "extent_size"):
        assert np.array_equal(getattr(whole.video, name), getattr(parts.video, name)), name


def test_several_frames_a_message_and_frames_over_messages() -> None:
    frames = stream(count=20)
    joined = [b"".join(frames[n : n + 3]) for n in range(0, len(frames), 3)]
    body = b"".join(frames)
    indexer = EverFocusIndexer()
    for message in joined:
        indexer.feed(message)
    # The newest whole frame that something follows: a reader stops by it.
    assert indexer.latest == (T + 40 * 19) * NS
    table = indexer.finish()
    split = index(body, [len(frames[0]) - 5, 1, 40, 7])
    assert table.video is not None
    assert split.video is not None
    assert len(table.video) == len(split.video) == 20
    assert indexer.latest == (T + 40 * 19 + 7) * NS


def test_two_pictures_in_a_frame_share_its_time() -> None:
    units = pictures("h264", 20)
    body = b"".join(
        frame(units[n][0], annexb(units[n][1] + units[n + 1][1]), T + 40 * n)
        for n in range(0, 20, 2)
    )
    table = index(body)
    assert table.video is not None
    assert table.video.pts.tolist() == [(T + 40 * n) * 90 for n in range(20)]
    assert table.notes == ("10 pictures without a time of their own: estimated",)


def test_parameter_sets_in_a_frame_of_their_own() -> None:
    units = pictures("h264", 20)
    body = b""
    for n, (kind, nals) in enumerate(units):
        sets = [nal for nal in nals if nal[0] & 31 in (7, 8)]
        if sets:
            body += frame(kind, annexb(sets), T + 40 * n)
        body += frame(kind, annexb([nal for nal in nals if nal not in sets]), T + 40 * n)
    table = index(body)
    assert table.video is not None
    assert len(table.video) == 20
    assert nal_units(body, table.video) == [nal for _, unit in units for nal in unit]
    assert table.video.pts.tolist() == [(T + 40 * n) * 90 for n in range(20)]


@pytest.mark.parametrize("setting", [True, None])
def test_a_length_that_counts_the_header(setting: bool | None) -> None:
    body = b""
    for n, (kind, nals) in enumerate(pictures("h264", 20)):
        data = annexb(nals)
        body += frame(kind, data, T + 40 * n, size=len(data) + 32)
    for pieces in ([1 << 20], [33]):
        table = index(body, pieces, size_counts_header=setting)
        assert table.video is not None
        assert len(table.video) == 20
        assert not table.damage
    # One frame alone shows it too, by the end.
    assert len(index(body[: 32 + len(annexb(pictures("h264", 20)[0][1]))]).video or ()) == 1


def test_a_clock_set_back_begins_a_run_and_leaves_the_times_right() -> None:
    times = [T + 40 * n - (2000 if n >= 23 else 0) for n in range(40)]
    table = index(b"".join(stream(times=times)))
    assert table.video is not None
    assert table.audio is not None
    assert (np.diff(table.video.pts) == 3600).all()
    # Sound stays with the pictures it was recorded with.
    assert (table.audio.pts - table.video.pts == 630).all()
    runs = find_runs(table, UTC_CLOCK, 0)
    assert [(r.first, r.last) for r in runs] == [(0, 23), (23, 40)]
    assert [r.begin for r in runs] == [times[0] * NS, times[23] * NS]
    assert runs[1].reason == "clock step"
    assert [r.audio_last - r.audio_first for r in runs] == [23, 17]


def test_a_pause_is_kept_and_an_hour_begins_a_run() -> None:
    times = [
        T + 40 * n + (3000 if n >= 10 else 0) + (3_600_000 if n >= 20 else 0) for n in range(40)
    ]
    table = index(b"".join(stream(times=times)))
    assert table.video is not None
    assert table.video.pts.tolist() == [ms * 90 for ms in times]
    runs = find_runs(table, UTC_CLOCK, 0)
    assert [(r.first, r.begin) for r in runs] == [(0, times[0] * NS), (20, times[20] * NS)]


def test_a_clock_of_whole_seconds() -> None:
    """Pictures are laid evenly into their second; the origin's uncertainty says how well that is
    known."""
    true = [T + 40 * n for n in range(200)]
    kinds = pictures("h264", 200)
    body = b"".join(
        frame(kind, annexb(nals), ms // 1000 * 1000)
        for (kind, nals), ms in zip(kinds, true, strict=True)
    )
    table = index(body)
    assert table.video is not None
    assert table.anchors is not None
    assert not table.anchors.milliseconds
    steps = np.diff(table.video.pts)
    assert (np.abs(steps - 3600) <= 360).all()
    (run,) = find_runs(table, UTC_CLOCK, 0)
    assert abs(run.begin - true[0] * NS) <= run.uncertainty + 40 * NS
    assert run.uncertainty <= 60 * NS


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.integers(1, 80),
            st.just(0),
            st.integers(-9000, 9000),
            st.just(3_600_000),
            st.just(-3_600_000),
            st.none(),
        ),
        min_size=1,
        max_size=60,
    )
)
def test_media_times_rise_and_keep_differences(steps: list[int | None]) -> None:
    at, clock, known = T, [], []
    for step in steps:
        at += step or 0
        clock.append(at * 90)
        known.append(step is not None)
    times = media_times(np.array(clock, np.int64), np.array(known))
    assert (np.diff(times.pts) >= 0).all()
    assert (times.shift >= 0).all()
    assert (np.diff(times.shift) >= 0).all()
    assert not (times.own & ~np.array(known)).any()
    if all(step is not None and 1 <= step <= 80 for step in steps):
        assert times.exact.all()
        assert times.pts.tolist() == clock


def test_no_time_at_all() -> None:
    table = index(b"".join(frame(k, annexb(n), 0) for k, n in pictures("h264", 10)))
    assert table.video is not None
    assert table.anchors is None
    assert table.video.pts.tolist() == [3600 * n for n in range(10)]
    (run,) = find_runs(table, UTC_CLOCK, 5 * NS)
    assert (run.begin, run.origin) == (5 * NS, "listing")


def pieces_of_streams() -> st.SearchStrategy[bytes]:
    """Whole frames, junk, and all that can be wrong with a header."""
    good = stream(count=10)
    whole = st.sampled_from(good)
    return st.one_of(
        whole, whole, whole, whole,
        st.builds(lambda f, n: f[: n % len(f)], whole, st.integers(0, 5000)),
        st.builds(lambda f, n: f[:4] + n.to_bytes(4, "little") + f[8:], whole,
                  st.one_of(st.integers(0, 3000), st.just(2**31), st.just(2**32 - 1))),
        st.builds(lambda f, k: f[:8] + k.to_bytes(2, "little") + f[10:], whole,
                  st.sampled_from([0, 1, 6, 7, 8, 9, 16, 65535])),
        st.binary(max_size=40),
        st.just(b"\x15\x96\x63\x89"),
        st.just(frame(H264P, b"", T)),
        st.just(frame(G711, b"\x15\x96\x63\x89" * 9, T)),
    )  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(
    st.lists(pieces_of_streams(), min_size=1, max_size=25),
    st.lists(st.integers(1, 900), min_size=1),
)
def test_spoiled_streams_are_read_as_the_reference_reads_them(
    parts: list[bytes], pieces: list[int]
) -> None:
    compare(b"".join(stream(count=3)) + b"".join(parts), pieces)


def _told(truth: Parsed) -> tuple[str, int]:
    """The codec that the first parameter set is of; without any, the one that all headers name;
    and from which NAL unit on."""
    for at, nal in enumerate(truth.nals):
        if nal[:2] in (b"\x40\x01", b"\x42\x01", b"\x44\x01"):
            return "h265", at
        if nal[0] & 0x9F == 7:
            return "h264", at
    kinds = {f.kind for f in truth.frames if f.kind in (H264I, H264P, H265I, H265P)}
    if kinds <= {H265I, H265P}:
        return "h265", 0
    return "h264" if kinds <= {H264I, H264P} else "", 0


def _pictured(nal: bytes, codec: str) -> bool:
    """Whether a NAL unit is a slice (H.265: of the base layer)."""
    if codec == "h265":
        return len(nal) > 1 and not nal[0] & 0x41 and not nal[1] >> 3 and bool(nal[1] & 7)
    return 1 <= nal[0] & 31 <= 5


def compare(body: bytes, pieces: Sequence[int]) -> None:
    truth = parse(body)
    rows, faults = read_headers(body)
    with tempfile.NamedTemporaryFile() as file:
        file.write(body)
        file.flush()
        again, same = read_headers(Path(file.name))
    assert same == faults
    assert again.tobytes() == rows.tobytes()
    assert [(int(r["offset"]), int(r["kind"]), int(r["size"])) for r in rows] == [
        (f.offset, f.kind, len(f.data)) for f in truth.frames
    ]
    assert [int(r["time"]) for r in rows] == [
        -1 if f.ms is None else f.ms * NS for f in truth.frames
    ]
    # Parameter sets of both codecs among them: whose a slice is depends on where they stand.
    mixed = any(n[:2] in (b"\x40\x01", b"\x42\x01", b"\x44\x01") for n in truth.nals) and any(
        n[0] & 0x9F == 7 for n in truth.nals
    )
    told, since = _told(truth)
    mixed = mixed or not told
    try:
        table = index(body, pieces, size_counts_header=False)
    except MediaUnsupported:
        assert body.startswith(b"\x89\x63\x96\x15")
        return
    except MediaDamaged as error:
        if "no parameter sets" in error.message:
            assert truth.nals
        else:
            assert not truth.audio
            assert mixed or not any(_pictured(nal, told) for nal in truth.nals[since:])
        return
    same = index(body, size_counts_header=False)
    assert same.damage == table.damage
    assert same.notes == table.notes
    got = nal_units(body, table.video)
    # A last access unit that has no picture is in no sample.
    assert got == truth.nals[: len(got)]
    codec = table.video.configs[0].codec if table.video is not None else told
    assert mixed or not any(_pictured(nal, codec) for nal in truth.nals[max(len(got), since) :])
    if table.audio is not None:
        sound = bytes(read_samples(Body(body), table.audio, 0, len(table.audio)))
        assert sound == b"".join(f.data for f in truth.audio)
    else:
        assert not truth.audio


def test_the_reference_knows_what_was_muxed() -> None:
    truth = parse(b"".join(stream(count=12)))
    assert truth.nals == [n for _, unit in pictures("h264", 12) for n in unit]
    assert [f.ms for f in truth.audio] == [T + 40 * n + 7 for n in range(12)]
    assert not truth.cut
    assert re.match(rb"\x00\x00\x00\x01\x67", truth.frames[0].data)


@pytest.mark.parametrize("size", [256, 300, 511])
def test_a_length_that_looks_like_a_start_code(size: int) -> None:
    """A NAL unit of 256 to 511 bytes: its length begins as a start code does."""
    nals = [list(pictures("h264", 1)[0][1])]
    nals += [[b"\x41" + b"\x9b" * (size - 1)], [b"\x41" + b"\x9a" * 90]]
    frames = [
        frame(H264I if not number else H264P, lengths(each), T + 40 * number)
        for number, each in enumerate(nals)
    ]
    table = index(b"".join(frames))
    assert table.video is not None
    assert len(table.video) == 3
    assert not table.damage
    assert parse(b"".join(frames)).nals == [nal for each in nals for nal in each]
