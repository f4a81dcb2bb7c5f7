"""The hostile frame streams of the kinds 33 to 42: each ends in a table or a named error,
in bounded memory, and what lies before and behind the damage stays usable."""

from __future__ import annotations

import random
import tracemalloc
from pathlib import Path

import psutil
import pytest

from hikcore.errors import MediaDamaged, MediaUnsupported
from hikcore.media.container import index_file
from hikcore.media.everfocus import EverFocusIndexer, parse_header, read_headers
from hikcore.media.sniff import sniff
from hikcore.native.everfocus import FrameCore
from tests.cost import cost
from tests.media.everfocus_reference import (
    G711,
    H264I,
    H264P,
    H265I,
    MAGIC,
    annexb,
    frame,
    lengths,
    parse,
)
from tests.media.test_everfocus import NS, T, index, nal_units, pictures, stream

WHOLE = [n for _, unit in pictures("h264", 40) for n in unit]


def reasons(table) -> list[str]:
    return [each.reason for each in table.damage]


def times(table) -> list[int]:
    """Pictures by number, from their times."""
    return [(int(pts) // 90 - T) // 40 for pts in table.video.pts]


# 33. Messages of 0, 31 and 32 bytes; a header alone.


@pytest.mark.parametrize("size", [0, 1, 31])
def test_33_a_message_shorter_than_its_header(size: int) -> None:
    with pytest.raises(MediaDamaged, match=f"of {size} bytes.*byte {size}"):
        parse_header(frame(H264I, b"", T)[:size])
    with pytest.raises(MediaDamaged, match="no picture and no sound"):
        index(frame(H264I, b"", T)[:size])


def test_33_a_header_alone() -> None:
    message = frame(H264I, b"", T)
    assert (parse_header(message).size, parse_header(message).time) == (0, T * NS)
    frames = stream(count=5)
    table = index(b"".join([*frames[:4], message, *frames[4:]]))
    assert times(table) == [0, 1, 2, 3, 4]
    assert not table.damage
    assert index(b"".join(frames) + message[:31]).cut_off == 31


# 34. A declared length above and below the true one, 0, 2^31, 2^32-1.


@pytest.mark.parametrize("pieces", [[1 << 20], [37], [1]])
@pytest.mark.parametrize("lie", [1, 31, 33, 5000, 100_000])
def test_34_a_length_above_the_true_one(lie: int, pieces: list[int]) -> None:
    frames = stream(count=40, sound=False)
    data = frames[20][32:]
    frames[20] = frame(H264P, data, T + 800, size=len(data) + lie)
    table = index(b"".join(frames), pieces, size_counts_header=False)
    assert times(table) == [n for n in range(40) if n != 20]
    assert reasons(table) == ["a frame that is shorter than it declares, left out"]
    assert table.damage[0].offset == sum(map(len, frames[:20]))


@pytest.mark.parametrize("left", [0, 7])
def test_34_a_length_below_the_true_one(left: int) -> None:
    frames = stream(count=40, sound=False)
    data = frames[21][32:]
    frames[21] = frame(H264P, data, T + 840, size=left)
    table = index(b"".join(frames))
    kept = times(table)
    assert [n for n in kept if n != 21] == [n for n in range(40) if n != 21]
    assert reasons(table) == ["bytes between frames passed over"]


@pytest.mark.parametrize("size", [(16 << 20) + 1, 2**31, 2**32 - 1])
def test_34_a_length_that_no_frame_has(size: int) -> None:
    frames = stream(count=40, sound=False)
    frames[20] = frame(H264P, frames[20][32:], T + 800, size=size)
    table = index(b"".join(frames))
    assert times(table) == [n for n in range(40) if n != 20]
    assert "declares more than any frame holds" in reasons(table)[0]
    assert parse_header(frames[20]).size == size


def test_34_nothing_is_allocated_by_a_declared_length() -> None:
    indexer = EverFocusIndexer(max_frame=2**31)
    before = psutil.Process().memory_info().rss
    indexer.feed(frame(H264I, b"\0\0\0\1\x65", T, size=2**31 - 64))
    indexer.feed(bytes(1000))
    assert psutil.Process().memory_info().rss - before < 4 << 20


# 35. Two frames in a message, a frame over several, text where a frame is due.


def test_35_messages_and_frames_do_not_match() -> None:
    frames = stream(count=20)
    body = b"".join(frames)
    for pieces in ([len(frames[0]) + len(frames[1])], [1], [len(frames[0]) // 2]):
        assert times(index(body, pieces)) == list(range(20))


def test_35_text_between_frames() -> None:
    frames = stream(count=20)
    frames.insert(9, b'{"Result":"Error","Description":"busy"}')
    table = index(b"".join(frames))
    assert times(table) == list(range(20))
    assert reasons(table) == ["bytes between frames passed over"]
    with pytest.raises(TypeError):
        parse_header("text")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        EverFocusIndexer().feed("text")  # type: ignore[arg-type]


# 36. Another magic number, byte order, frame type or codec.


def test_36_another_byte_order_is_named() -> None:
    message = bytes.fromhex("89639615") + bytes(28)
    with pytest.raises(MediaDamaged, match="big-endian"):
        parse_header(message)
    with pytest.raises(MediaUnsupported, match="big-endian"):
        index(message * 3)


def test_36_another_magic_number() -> None:
    with pytest.raises(MediaDamaged, match="begins with 0x46464952"):
        parse_header(b"RIFF" + bytes(28))
    with pytest.raises(MediaDamaged, match="bytes between frames passed over at byte 0"):
        index(b"RIFF" + bytes(2000))


@pytest.mark.parametrize("kind", [0, 5, 10, 17, 0xFFFF])
def test_36_unknown_frame_types_are_skipped_and_counted(kind: int) -> None:
    frames = stream(count=20)
    for at in (30, 11, 0):
        frames.insert(at, frame(kind, b"\0\0\0\1\x65" * 40, T))
    table = index(b"".join(frames))
    assert times(table) == list(range(20))
    assert not table.damage
    assert table.notes == ("3 frames of unknown types dropped",)


def test_36_the_type_names_the_wrong_codec() -> None:
    for codec, kind in (("h264", H265I), ("h265", H264I)):
        body = b"".join(
            frame(kind, annexb(nals), T + 40 * n) for n, (_, nals) in enumerate(pictures(codec, 20))
        )
        table = index(body)
        assert table.video is not None
        assert table.video.configs[0].codec == codec
        assert table.video.sync.nonzero()[0].tolist() == [0, 10]


def test_36_a_codec_change_in_mid_stream() -> None:
    body = b"".join(stream("h264", 20)) + b"".join(stream("h265", 20, begin=T + 800))
    table = index(body)
    assert table.video is not None
    assert [c.codec for c in table.video.configs] == ["h264", "h265"]
    assert table.video.config.tolist() == [0] * 20 + [1] * 20
    assert nal_units(body, table.video) == [
        n for codec in ("h264", "h265") for _, unit in pictures(codec, 20) for n in unit
    ]


# 37. The type says key picture of another, and the reverse.


def test_37_key_frames_are_what_the_nal_units_say() -> None:
    body = b"".join(
        frame(H264I if kind == H264P else H264P, annexb(nals), T + 40 * n)
        for n, (kind, nals) in enumerate(pictures("h264", 40))
    )
    table = index(body)
    assert table.video is not None
    assert table.video.sync.nonzero()[0].tolist() == [0, 10, 20, 30]


# 38. Times that go back, jump, repeat, are 0, or have a millisecond of 1000 and more.


def test_38_a_single_time_hours_off() -> None:
    body = stream(count=40, sound=False)
    body[20] = frame(H264P, body[20][32:], T + 36_000_000)
    table = index(b"".join(body))
    assert times(table) == list(range(40))
    assert table.notes == ("1 pictures without a time of their own: estimated",)


@pytest.mark.parametrize(("ms", "msec"), [(0, 0), (T, 1000), (T, 65535)])
def test_38_no_time_or_none_that_is_one(ms: int, msec: int) -> None:
    body = stream(count=40, sound=False)
    for n in (0, 20, 21, 39):
        body[n] = frame(H264I if n == 0 else H264P, body[n][32:], ms, msec=msec)
    assert parse_header(body[20]).time == -1
    table = index(b"".join(body))
    assert table.video is not None
    assert table.anchors is not None
    assert times(table) == list(range(40))
    assert table.anchors.sample.tolist() == [n for n in range(40) if n not in (0, 20, 21, 39)]
    assert reasons(table) == ["a frame without a usable time: estimated"] * 4


def test_38_the_same_time_twice_and_the_last_there_is() -> None:
    last = (2**32 - 1) * 1000 + 999
    stamps = [last - 40 * (39 - n) for n in range(40)]
    stamps[7] = stamps[6]
    table = index(b"".join(stream(times=stamps, sound=False)))
    assert table.video is not None
    pts = (table.video.pts // 90).tolist()
    assert pts == [*stamps[:7], stamps[6] + 40, *stamps[8:]]


def test_38_every_time_random() -> None:
    rng = random.Random(3)
    stamps = [rng.randrange(1, 2**42) for _ in range(40)]
    table = index(b"".join(stream(times=stamps)))
    assert table.video is not None
    assert (table.video.pts[1:] >= table.video.pts[:-1]).all()


# 39. Pictures of another camera: the header has no channel, so only its parameter sets tell.


def test_39_another_cameras_pictures_between() -> None:
    own, other = stream(count=20, sound=False), stream("h265", 20, sound=False)
    table = index(b"".join(f for pair in zip(own, other, strict=True) for f in pair))
    assert table.video is not None
    assert {c.codec for c in table.video.configs} == {"h264", "h265"}


def test_39_reserved_bytes_and_sizes_mean_nothing() -> None:
    body = b"".join(
        frame(kind, annexb(nals), T + 40 * n, shape=(n, 9), reserved=bytes([n]) * 12)
        for n, (kind, nals) in enumerate(pictures("h264", 20))
    )
    table = index(body)
    assert times(table) == list(range(20))
    assert table.video is not None
    assert (table.video.configs[0].width, len(table.video.configs)) == (256, 1)


# 40. Sound without samples; sound alone.


def test_40_sound_of_no_samples() -> None:
    frames = stream(count=20)
    frames.insert(5, frame(G711, b"", T))
    table = index(b"".join(frames))
    assert table.audio is not None
    assert len(table.audio) == 20
    assert not table.damage


def test_40_sound_alone_and_the_other_law() -> None:
    table = index(b"".join(frame(G711, bytes(160), T + 20 * n) for n in range(50)), law="alaw")
    assert table.video is None
    assert table.audio is not None
    assert table.audio.configs[0].codec == "alaw"
    assert table.audio.pts.tolist() == [(T + 20 * n) * 90 for n in range(50)]


# 41. There is no sequence number: a gap shows in the times alone.


def test_41_lost_frames_are_a_pause() -> None:
    frames = stream(count=40, sound=False)
    table = index(b"".join(frames[:15] + frames[18:]))
    assert times(table) == [*range(15), *range(18, 40)]


# 42. A flood of headers, a slow drip, an end in mid-frame.


def test_42_a_million_headers_without_frames() -> None:
    header = frame(H264P, b"", T)
    core = FrameCore()
    block = header * 10_000
    tracemalloc.start()
    rss = psutil.Process().memory_info().rss

    def feed() -> None:
        for _ in range(100):
            core.feed(block)

    assert cost(feed) < 3
    assert psutil.Process().memory_info().rss - rss < 4 << 20
    assert core.finish()["video"] == b""
    assert core.empty == 1_000_000
    tracemalloc.stop()
    rows, damage = read_headers(block)
    assert len(rows) == 10_000
    assert not damage


@pytest.mark.parametrize("size", [0, 16 << 20, 1 << 30])
def test_42_headers_that_all_promise_much(size: int) -> None:
    """The work stays linear where no header keeps its promise."""

    def seconds(times: int) -> float:
        body = frame(H264P, b"", T, size=size) * (2000 * times)

        def read() -> None:
            with pytest.raises(MediaDamaged):
                index(body, [4096])
            read_headers(body)

        return cost(read)

    small = min(seconds(20) for _ in range(3))
    assert min(seconds(160) for _ in range(2)) < 24 * small + 0.2


def test_42_headers_inside_a_promise_are_looked_at_once() -> None:
    """Each asks for more than the one before: what is kept is not moved each time."""
    size = 4 << 20
    header = frame(H264P, b"", T, size=size)
    core = FrameCore(size)
    block = header * 1024

    def feed() -> None:
        for _ in range(512):
            core.feed(block)
        core.finish()

    assert cost(feed) < 5


def test_42_one_byte_at_a_time_and_an_end_in_mid_frame() -> None:
    frames = stream(count=20)
    body = b"".join(frames)[: -len(frames[-1]) - 10]
    table = index(body, [1])
    assert times(table) == list(range(19))
    assert table.cut_off == len(frames[-2]) - 10


def test_caps_end_the_table_with_its_offset() -> None:
    body = b"".join(stream(count=20, sound=False))
    table = index(body, max_samples=7)
    assert times(table) == list(range(7))
    assert "a cap on the index" in reasons(table)[-1]
    assert nal_units(body, table.video) == [n for _, u in pictures("h264", 20)[:7] for n in u]


@pytest.mark.parametrize("data", [b"", b"\0", b"\xff" * 300, b"\0\0\0\5abc", bytes(9)])
def test_a_picture_that_is_no_nal_unit_does_not_spoil_its_neighbours(data: bytes) -> None:
    frames = stream(count=40, sound=False)
    frames.insert(20, frame(H264P, data, T + 790))
    table = index(b"".join(frames))
    assert times(table) == list(range(40))
    assert nal_units(b"".join(frames), table.video) == WHOLE
    assert len(table.damage) == (1 if data else 0)


def test_a_picture_framed_in_another_way_is_left_out() -> None:
    frames = stream(count=20, sound=False)
    frames[9] = frame(H264P, lengths(pictures("h264", 20)[9][1]), T + 360)
    table = index(b"".join(frames))
    assert times(table) == [n for n in range(20) if n != 9]
    assert reasons(table) == ["a picture framed in another way than the first, left out"]


def test_zeros_behind_a_nal_unit_belong_to_nothing() -> None:
    units = pictures("h264", 20)
    body = b"".join(
        frame(kind, annexb(nals) + bytes(n % 4), T + 40 * n) for n, (kind, nals) in enumerate(units)
    )
    table = index(body)
    assert nal_units(body, table.video) == [n for _, unit in units for n in unit]
    assert times(table) == list(range(20))


def test_a_stream_without_parameter_sets_is_damaged() -> None:
    frames = stream(count=10, sound=False)
    with pytest.raises(MediaDamaged, match="no parameter sets"):
        index(b"".join(frames[1:]))


def test_a_file_is_told_by_its_magic(tmp_path: Path) -> None:
    body = b"".join(stream(count=20))
    assert sniff(body[:64]) == "everfocus"
    path = tmp_path / "clip.bin"
    path.write_bytes(body)
    table = index_file(path)
    assert table.container == "everfocus"
    assert times(table) == list(range(20))


def test_the_magic_inside_a_frame_is_data() -> None:
    frames = stream(count=20)
    data = frames[5][32:] + MAGIC + bytes(2) + MAGIC * 20
    frames[5] = frame(G711, data, T)
    body = b"".join(frames)
    assert [f.offset for f in parse(body).frames] == [
        int(r["offset"]) for r in read_headers(body)[0]
    ]
    assert not index(body).damage
