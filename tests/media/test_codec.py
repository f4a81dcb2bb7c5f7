"""Parameter sets against what libav makes of the same stream."""

from __future__ import annotations

import contextlib
import io
from fractions import Fraction

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hikcore.errors import MediaDamaged, MediaError, MediaUnsupported
from hikcore.media import h264, h265
from hikcore.media.bits import BitReader, rbsp
from hikcore.media.codec import parameter_sets, read_entry, sample_entry, video_config
from hikcore.media.mp4.entries import nal_width
from hikcore.media.table import CodecConfig
from tests.media.mp4_footage import boxes, encode, split_annexb

SHAPES = [
    ("libx264", "yuv420p", 256, 128, {}),
    ("libx264", "yuv420p", 1920, 1080, {"profile": "baseline"}),
    ("libx264", "yuv420p", 250, 130, {"profile": "main"}),
    ("libx264", "yuv420p", 704, 576, {"x264-params": "interlaced=1"}),
    ("libx264", "yuv422p10le", 254, 126, {}),
    ("libx264", "yuv444p", 255, 127, {}),
    ("libx264", "gray", 64, 66, {}),
    ("libx264", "yuv420p", 320, 240, {"x264-params": "cqm=jvt"}),
    ("libx265", "yuv420p", 256, 128, {}),
    ("libx265", "yuv420p", 1920, 1080, {}),
    ("libx265", "yuv420p10le", 250, 130, {}),
    ("libx265", "yuv422p", 254, 126, {}),
    ("libx265", "yuv444p", 255, 127, {}),
    ("libx265", "yuv420p", 256, 128, {"x265-params": "temporal-layers=2:bframes=3"}),
]


def _encode(encoder: str, fmt: str, width: int, height: int, options: dict[str, str]) -> bytes:
    """One key picture as Annex B, parameter sets in band."""
    context = av.CodecContext.create(encoder, "w")
    assert isinstance(context, av.VideoCodecContext)
    context.width, context.height, context.pix_fmt = width, height, fmt
    context.time_base = Fraction(1, 25)
    options = {"preset": "ultrafast", **options}
    if encoder == "libx265":
        params = options.get("x265-params", "")
        options["x265-params"] = f"{params}:log-level=none:pools=none:repeat-headers=1".strip(":")
    context.options = options
    frame = av.VideoFrame.from_ndarray(np.full((height, width), 90, np.uint8), format="gray")
    frame.pts = 0
    return b"".join(bytes(p) for p in [*context.encode(frame), *context.encode(None)])


@pytest.mark.parametrize(("encoder", "fmt", "width", "height", "options"), SHAPES)
def test_the_record_is_what_libav_writes(
    encoder: str, fmt: str, width: int, height: int, options: dict[str, str]
) -> None:
    data = _encode(encoder, fmt, width, height, options)
    codec = "h264" if encoder == "libx264" else "h265"
    config = video_config(codec, split_annexb(data))  # type: ignore[arg-type]
    assert (config.width, config.height) == (width, height)

    remuxed = io.BytesIO()
    raw = "h264" if codec == "h264" else "hevc"
    with av.open(io.BytesIO(data), format=raw) as source, av.open(remuxed, "w", "mp4") as out:
        stream = out.add_stream_from_template(source.streams.video[0])
        for packet in source.demux():
            if packet.size:
                packet.stream, packet.pts, packet.dts = stream, 0, 0
                out.mux(packet)
    name = "avcC" if codec == "h264" else "hvcC"
    written = remuxed.getvalue()
    at = written.index(name.encode())
    theirs = written[at + 4 : at - 4 + int.from_bytes(written[at - 4 : at], "big")]
    if codec == "h264":
        assert config.record == theirs
    else:
        # Ours says nothing of segmentation, parallelism and frame rate, and holds no SEI.
        assert config.record[:13] == theirs[:13]
        assert config.record[16:19] == theirs[16:19]
        assert config.record[21] == theirs[21]
        ours, other = parameter_sets(config), h265.read_hvcc(theirs)
        assert ours == [nal for nal in other if h265.nal_type(nal) in (32, 33, 34)]


def test_high_profile_says_chroma_and_depth() -> None:
    nals = split_annexb(_encode("libx264", "yuv422p10le", 254, 126, {}))
    record = video_config("h264", nals).record
    assert record[1] == 122
    assert record[-4:] == bytes((0xFE, 0xFA, 0xFA, 0))  # 4:2:2, 10 bits, no SPS extension


def test_hvcc_arrays_are_complete_and_layers_counted() -> None:
    options = {"x265-params": "temporal-layers=2:bframes=3"}
    nals = split_annexb(_encode("libx265", "yuv420p", 256, 128, options))
    record = video_config("h265", nals).record
    assert (record[22], record[23]) == (3, 0x80 | h265.VPS)
    info = h265.parse_sps(next(n for n in nals if h265.nal_type(n) == h265.SPS))
    assert record[21] >> 3 & 7 == info.sub_layers == 2


@pytest.mark.parametrize("codec", ["h264", "h265"])
def test_sets_come_back_in_any_company(codec: str) -> None:
    units, _, _ = encode(codec, 3, 3, 0)
    module = h264 if codec == "h264" else h265
    order = (7, 8) if codec == "h264" else (32, 33, 34)
    sets = sorted((n for n in units[0] if module.nal_type(n) in order), key=module.nal_type)
    config = video_config(codec, list(units[0]))  # type: ignore[arg-type]
    assert parameter_sets(config) == sets
    # Repeats, trailing zeros and another order of types change nothing.
    noisy = [*sets[::-1], b"\x09\xf0", *(nal + b"\0" for nal in sets)]
    assert video_config(codec, noisy) == config  # type: ignore[arg-type]
    entry = sample_entry(config)
    assert entry[4:8] == (b"avc1" if codec == "h264" else b"hvc1")
    assert read_entry(entry) == config


@pytest.mark.parametrize("codec", ["h264", "h265"])
def test_a_missing_set_is_named(codec: str) -> None:
    units, _, _ = encode(codec, 3, 3, 0)
    module = h264 if codec == "h264" else h265
    kinds = {7: "sequence", 8: "picture"} if codec == "h264" else {32: "video", 34: "picture"}
    for kind, name in kinds.items():
        left = [nal for nal in units[0] if module.nal_type(nal) != kind]
        with pytest.raises(MediaDamaged, match=name):
            video_config(codec, left)  # type: ignore[arg-type]
    with pytest.raises(MediaDamaged, match="no H26"):
        video_config(codec, [])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "config",
    [
        CodecConfig("alaw", rate=8000, channels=1),
        CodecConfig("ulaw", rate=16000, channels=2),
        CodecConfig("aac", bytes((0x15, 0x88)), rate=8000, channels=1),
        CodecConfig("aac", bytes((0x11, 0x90)), rate=48000, channels=2),
        CodecConfig(
            "flac",
            bytes.fromhex("10001000000000000000")
            + (8000 << 44 | 15 << 36).to_bytes(8, "big")
            + bytes(16),
            rate=8000,
            channels=1,
        ),
    ],
)  # fmt: skip
def test_audio_entries_come_back(config: CodecConfig) -> None:
    entry = sample_entry(config)
    assert int.from_bytes(entry[:4], "big") == len(entry)
    assert read_entry(entry) == config
    list(boxes(entry[36:]))


def test_entries_that_we_do_not_read() -> None:
    entry = bytearray(sample_entry(CodecConfig("alaw", rate=8000, channels=1)))
    entry[4:8] = b"samr"
    with pytest.raises(MediaUnsupported, match="samr"):
        read_entry(bytes(entry))
    units, _, _ = encode("h264", 3, 3, 0)
    visual = bytearray(sample_entry(video_config("h264", list(units[0]))))
    visual[8 + 78 + 8 + 4] = 0xFD  # lengthSizeMinusOne 1
    assert nal_width(bytes(visual)) == 2
    assert read_entry(bytes(visual)) == video_config("h264", list(units[0]))


@given(st.binary(max_size=80))
def test_rbsp_undoes_emulation_prevention(payload: bytes) -> None:
    escaped, zeros = bytearray(), 0
    for byte in payload:
        if zeros >= 2 and byte <= 3:
            escaped.append(3)
            zeros = 0
        escaped.append(byte)
        zeros = zeros + 1 if byte == 0 else 0
    assert rbsp(bytes(escaped)) == payload


@given(st.lists(st.integers(0, 2**31), max_size=20))
def test_exp_golomb(values: list[int]) -> None:
    text = "".join("0" * ((v + 1).bit_length() - 1) + f"{v + 1:b}" for v in values) + "1"
    text += "0" * (-len(text) % 8)
    bits = BitReader(int(text, 2).to_bytes(len(text) // 8, "big"), "test")
    assert [bits.ue() for _ in values] == values


@given(st.sampled_from(["h264", "h265"]), st.data())
def test_broken_sets_raise_named_errors_only(codec: str, data: st.DataObject) -> None:
    units, _, _ = encode(codec, 3, 3, 0)
    nals = [bytearray(nal) for nal in units[0][:4]]
    nal = data.draw(st.sampled_from(nals))
    if data.draw(st.booleans()):
        del nal[data.draw(st.integers(0, len(nal))) :]
    else:
        nal[data.draw(st.integers(0, len(nal) - 1))] = data.draw(st.integers(0, 255))
    try:
        config = video_config(codec, [bytes(n) for n in nals])  # type: ignore[arg-type]
    except MediaError:
        return
    assert 0 < config.width <= 1 << 15
    assert 0 < config.height <= 1 << 15


@given(st.sampled_from(["h264", "h265"]), st.integers(0, 200))
def test_cut_off_records_raise_named_errors(codec: str, left: int) -> None:
    units, _, _ = encode(codec, 3, 3, 0)
    record = video_config(codec, list(units[0])).record  # type: ignore[arg-type]
    cut = record[: min(left, len(record) - 1)]
    reader = h264.read_avcc if codec == "h264" else h265.read_hvcc
    with contextlib.suppress(MediaDamaged):
        assert len(reader(cut)) <= len(reader(record))
