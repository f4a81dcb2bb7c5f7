"""What an SPS says of pixels and colours stands in pasp and colr, as ffprobe reads them."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
from fractions import Fraction
from pathlib import Path

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hikcore.media.codec import video_config
from hikcore.media.cut import cut_file
from hikcore.media.files import FileSource
from hikcore.media.mp4.plain import find_moov, open_plain
from hikcore.media.mp4.write import OutTrack, write_mp4
from hikcore.media.table import CodecConfig
from hikcore.media.vui import Usability, usability
from hikcore.media.whole import cut_table
from tests.media.mp4_footage import boxes, columns, join_lengths, picture, split_annexb


def coded(codec: str, options: str) -> tuple[CodecConfig, list[bytes], list[bool]]:
    """Configuration, samples and key flags of a few pictures."""
    context = av.CodecContext.create("libx264" if codec == "h264" else "libx265", "w")
    assert isinstance(context, av.VideoCodecContext)
    context.width, context.height, context.pix_fmt = 256, 128, "yuv420p"
    context.time_base = Fraction(1, 25)
    name, more = ("x264-params", "threads=1") if codec == "h264" else (
        "x265-params", "log-level=none:pools=none:frame-threads=1:repeat-headers=1")  # fmt: skip
    context.options = {"preset": "ultrafast", name: ":".join(filter(None, (options, more)))}
    packets = []
    for number in range(4):
        frame = av.VideoFrame.from_ndarray(picture(number), format="gray")
        frame.pts = number
        packets += context.encode(frame)
    packets += context.encode(None)
    nals = [split_annexb(bytes(packet)) for packet in packets]
    return (
        video_config(codec, nals[0]),  # type: ignore[arg-type]
        [join_lengths(one) for one in nals],
        [packet.is_keyframe for packet in packets],
    )


def written(codec: str, options: str) -> bytes:
    import numpy as np

    config, samples, keys = coded(codec, options)
    table = columns(3600 * np.arange(len(samples)), list(map(len, samples)), keys, (config,), 0,
                    3600)  # fmt: skip
    out = io.BytesIO()
    write_mp4(out, [OutTrack(table)], lambda _, a, b: b"".join(samples[a:b]))
    return out.getvalue()


CASES = [
    ("sar=40\\:33" , Usability((40, 33))),
    ("sar=7\\:5", Usability((7, 5))),
    ("colorprim=bt709:transfer=bt709:colormatrix=bt709", Usability(None, (1, 1, 1, False))),
    ("colorprim=smpte170m:transfer=smpte170m:colormatrix=smpte170m:RANGE",
     Usability(None, (6, 6, 6, True))),
    ("", Usability()),
]  # fmt: skip


@pytest.mark.parametrize("codec", ["h264", "h265"])
@pytest.mark.parametrize(("options", "said"), CASES)
def test_the_sps_is_read_and_ffprobe_finds_it(
    tmp_path: Path, codec: str, options: str, said: Usability
) -> None:
    options = options.replace("RANGE", "fullrange=on" if codec == "h264" else "range=full")
    config = coded(codec, options)[0]
    found = usability(config)
    assert (found.pixel if found.pixel != (1, 1) else None, found.colour) == said
    data = written(codec, options)
    entry = data[data.index(b"avc1" if codec == "h264" else b"hvc1", 40) :][:1000]
    assert (b"pasp" in entry, b"colr" in entry) == (said.pixel is not None, said.colour is not None)
    assert list(boxes(data))
    if not shutil.which("ffprobe"):
        pytest.skip("ffprobe is not installed")
    path = tmp_path / "a.mp4"
    path.write_bytes(data)
    ran = subprocess.run(
        ["ffprobe", "-v", "error", "-show_streams", "-of", "json", str(path)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert ran.stderr == ""
    (stream,) = json.loads(ran.stdout)["streams"]
    if said.pixel:
        assert stream["sample_aspect_ratio"] == f"{said.pixel[0]}:{said.pixel[1]}"
    if said.colour:
        names = {1: "bt709", 6: "smpte170m"}
        assert stream["color_primaries"] == stream["color_space"] == names[said.colour[0]]
        assert stream["color_range"] == ("pc" if said.colour[3] else "tv")


@given(st.binary(max_size=80), st.sampled_from(["h264", "h265"]))
def test_what_cannot_be_read_says_nothing(record: bytes, codec: str) -> None:
    head = (
        b"\x01d\x00\x0a\xff\xe1" if codec == "h264" else b"\x01" + bytes(21) + b"\x01\xa1\x00\x01"
    )
    size = len(record).to_bytes(2, "big")
    kind = b"\x67" if codec == "h264" else b"\x42\x01"
    for one in (record, head + size + record, head + size + kind + record):
        usability(CodecConfig(codec, one))  # type: ignore[arg-type]


def test_the_boxes_are_what_the_sps_says_and_not_a_guess() -> None:
    """Without a word in the SPS, no box: players take square pixels and guess by the size."""
    data = written("h264", "")
    assert b"pasp" not in data
    assert b"colr" not in data


@pytest.mark.parametrize("codec", ["h264", "h265"])
@pytest.mark.parametrize(("options", "said"), CASES)
def test_a_cut_of_such_a_file_has_the_same_boxes_either_way(
    tmp_path: Path, codec: str, options: str, said: Usability
) -> None:
    """The quick way takes its entry from the same parameter sets as the general one."""
    options = options.replace("RANGE", "fullrange=on" if codec == "h264" else "range=full")
    path = tmp_path / "a.mp4"
    path.write_bytes(written(codec, options))
    with FileSource(path) as source:
        assert open_plain(find_moov(source, source.size), source.size) is not None
    cut_file(path, tmp_path / "quick.mp4", 0.04, 0.12)
    with (tmp_path / "general.mp4").open("wb") as out:
        cut_table(path, out.fileno(), 3600, 10_800)
    data = (tmp_path / "quick.mp4").read_bytes()
    assert data == (tmp_path / "general.mp4").read_bytes()
    entry = data[data.index(b"avc1" if codec == "h264" else b"hvc1", 40) :][:1000]
    assert (b"pasp" in entry, b"colr" in entry) == (said.pixel is not None, said.colour is not None)
