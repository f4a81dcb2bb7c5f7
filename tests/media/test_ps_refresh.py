"""Program streams without key frames to cut at, and times where none belongs (media facts: hostile
inputs 10 and 16)."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av

from hikcore.media.check import check_file
from hikcore.media.cut import cut_file
from hikcore.sim import hikps
from tests.media.mp4_footage import HEIGHT, WIDTH, decode_video, picture, split_annexb
from tests.media.ps_bodies import PLAIN, index, muxed, nal_units, pack, video

COUNT, STEP = 60, 3600


def refreshed() -> list[bytes]:
    """Pictures of which the first alone is IDR: a band of intra blocks wanders instead, and
    recovery points (SEI) say when it is through."""
    context = av.CodecContext.create("libx264", "w")
    assert isinstance(context, av.VideoCodecContext)
    context.width, context.height, context.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    context.time_base = Fraction(1, 25)
    context.options = {
        "preset": "ultrafast",
        "x264-params": "keyint=15:intra-refresh=1:bframes=0:threads=1",
    }
    packets = []
    for number in range(COUNT):
        frame = av.VideoFrame.from_ndarray(picture(number), format="gray")
        frame.pts = number
        packets += context.encode(frame)
    packets += context.encode(None)
    return [bytes(packet) for packet in packets]


def test_intra_refresh_has_one_place_to_begin_at(tmp_path: Path) -> None:
    """Header flag 0x82. A cut reaches back to the only key picture, says so, and shows the right
    pictures; a recovery point is no border."""
    header = bytearray(hikps.file_header("h264", None))
    header[24] = 0x82
    pictures = refreshed()
    assert sum(nal[0] & 31 == 5 for one in pictures for nal in split_annexb(one)) == 1
    assert any(nal[:2] == b"\x06\x06" for one in pictures[1:] for nal in split_annexb(one))
    body = bytes(header) + b"".join(
        pack(STEP * n, n) + video(one, STEP * n) for n, one in enumerate(pictures)
    )
    table = index(body)
    assert table.video is not None
    assert table.video.sync.tolist() == [True] + [False] * (COUNT - 1)
    stream, clip = tmp_path / "a.ps", tmp_path / "clip.mp4"
    stream.write_bytes(body)
    made = cut_file(stream, clip, 1.6, 2.0)
    assert (made.frames, made.hidden, made.lead_in) == (10, 40, 40 * STEP)
    assert check_file(clip).failed == []
    assert [number for _, number in decode_video(clip.read_bytes())] == list(range(40, 50))


def test_a_time_on_a_packet_in_which_no_picture_begins_is_nobodys() -> None:
    made = muxed(PLAIN, audio=None, seconds=0.4)
    body = b""
    for number, unit in enumerate(made.pictures):
        half = len(unit.data) // 2
        body += pack(0, number) + video(unit.data[:half], 90 * unit.ms)
        body += video(unit.data[half:], 90 * unit.ms + 77_777)
    table = index(body)
    assert table.video is not None
    wanted = [(90 * unit.ms) % (1 << 33) for unit in made.pictures]
    assert (table.video.pts % (1 << 33)).tolist() == wanted
    assert nal_units(body, table.video) == [unit.units() for unit in made.pictures]
