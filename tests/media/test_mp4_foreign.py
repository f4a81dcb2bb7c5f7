"""Files of others, held against libavformat packet by packet."""

from __future__ import annotations

import io
import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from hikcore.deviceclock import DeviceClock, ZoneRule
from hikcore.errors import MediaDamaged, MediaEncrypted, MediaUnsupported
from hikcore.instants import NS
from hikcore.media.clip import ClipPart, write_clip
from hikcore.media.container import index_file
from hikcore.media.mp4.read import index_mp4, read_head
from hikcore.media.runs import find_runs
from hikcore.media.samples import FileSource, read_samples
from hikcore.media.segments import plan_segments, write_segment
from hikcore.media.table import Samples, SampleTable
from tests.media.mp4_footage import decode_video, encode
from tests.media.mp4_foreign import Bytes, foreign, libav_packets, payload, rebuilt


def index(data: bytes, **options: bool) -> SampleTable:
    return index_mp4(Bytes(data), len(data), **options)


def units(data: bytes, samples: Samples) -> list[bytes]:
    whole = read_samples(Bytes(data), samples, 0, len(samples))
    ends = np.cumsum(samples.size, dtype=np.int64)
    return [whole[e - s : e] for e, s in zip(ends.tolist(), samples.size.tolist(), strict=True)]


def agrees(data: bytes, table: SampleTable, kind: str) -> None:
    """As libav reads it: bytes, pts differences and dts differences exact, key frames."""
    samples = table.video if kind == "video" else table.audio
    assert samples is not None
    theirs = libav_packets(data, kind)
    assert units(data, samples) == [p[2] for p in theirs]
    scale = Fraction(1, samples.timescale)
    for column, number in ((samples.pts, 0), (samples.dts, 1)):
        ours = [int(t) * scale for t in column]
        off = {mine - their[number] for mine, their in zip(ours, theirs, strict=True)}
        assert len(off) == 1
    assert samples.sync.tolist() == [p[3] for p in theirs]


CLOCK = DeviceClock("utc", ZoneRule())
FRAGMENTED = "frag_keyframe+empty_moov"


@pytest.mark.parametrize(
    "movflags",
    ["", "faststart", FRAGMENTED, FRAGMENTED + "+default_base_moof", "frag_keyframe",
     FRAGMENTED + "+separate_moof", FRAGMENTED + "+omit_tfhd_offset", "frag_every_frame+empty_moov",
     FRAGMENTED + "+global_sidx+default_base_moof", FRAGMENTED + "+negative_cts_offsets",
     "dash+empty_moov",
     "negative_cts_offsets", "hybrid_fragmented"],
)  # fmt: skip
@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_every_form_that_libavformat_writes(codec: str, movflags: str) -> None:
    if movflags.startswith("dash"):
        movflags = "dash+frag_keyframe+empty_moov+default_base_moof"
    data = foreign("mp4", codec, "aac", movflags)
    for verify in (False, True):
        table = index(data, verify=verify)
        assert table.damage == ()
        agrees(data, table, "video")
        agrees(data, table, "audio")


@pytest.mark.parametrize(
    ("container", "sound", "codec"),
    [("mp4", "flac", "flac"), ("mp4", "libopus", "opus"), ("mp4", "pcm_s16be", "ipcm"),
     ("mp4", "pcm_s16le", "ipcm"), ("mov", "pcm_s16le", "sowt"), ("mov", "pcm_s16be", "twos"),
     ("mov", "pcm_alaw", "alaw"), ("mov", "pcm_mulaw", "ulaw"), ("mov", "aac", "aac")],
)  # fmt: skip
@pytest.mark.parametrize("movflags", ["", FRAGMENTED])
def test_every_kind_of_sound(
    tmp_path: Path, container: str, sound: str, codec: str, movflags: str
) -> None:
    data = foreign(container, "libx264", sound, movflags)
    table = index(data)
    assert table.audio is not None
    assert table.audio.configs[0].codec == codec
    assert table.audio.configs[0].rate == (8000 if codec in ("alaw", "ulaw") else 48_000)
    theirs = libav_packets(data, "audio")
    assert b"".join(units(data, table.audio)) == b"".join(p[2] for p in theirs)
    assert table.video is not None
    agrees(data, table, "video")
    # The sound stands where libav has it against the pictures.
    begin = Fraction(int(table.audio.pts[0]), table.audio.timescale)
    zero = Fraction(int(table.video.pts[0]), table.video.timescale)
    both = theirs[0][0] - libav_packets(data, "video")[0][0]
    assert abs(begin - zero - both) <= Fraction(1, table.audio.timescale)
    # … and through a segment of ours.
    made, whole = extracted(tmp_path, data)
    assert b"".join(p[2] for p in libav_packets(made, "audio")) == b"".join(p[2] for p in theirs)
    after = libav_packets(made, "audio")[0][0] - libav_packets(made, "video")[0][0]
    assert abs(after - both) < Fraction(1, 10_000)
    assert whole == [p[2] for p in libav_packets(data, "video")]


def extracted(tmp_path: Path, data: bytes) -> tuple[bytes, list[bytes]]:
    """A body as a recorder sends it through index, runs and one segment: (the file, its video)."""
    path = tmp_path / "body.mp4"
    path.write_bytes(data)
    table = index_file(path)
    (run,) = find_runs(table, CLOCK, 1_700_000_000 * NS)
    assert (run.begin, run.origin) == (1_700_000_000 * NS, "listing")
    (plan,) = plan_segments(table, run)
    out = tmp_path / "segment.mp4"
    with FileSource(path) as source, out.open("wb") as file:
        written = write_segment(file, source, table, run, plan)
    assert written.frames == len(table.video or ())
    made = out.read_bytes()
    return made, [p[2] for p in libav_packets(made, "video")]


@pytest.mark.parametrize("rate", [24, 25, 30, 60])
@pytest.mark.parametrize("movflags", ["", FRAGMENTED])
def test_a_recorders_mp4_becomes_a_segment(tmp_path: Path, rate: int, movflags: str) -> None:
    data = foreign("mp4", "libx264", "aac", movflags, rate=rate)
    made, video = extracted(tmp_path, data)
    theirs = libav_packets(data, "video")
    assert video == [p[2] for p in theirs]
    ours = libav_packets(made, "video")
    assert len({a[0] - b[0] for a, b in zip(ours, theirs, strict=True)}) == 1
    assert [n for _, n in decode_video(made)] == [*range(60)]


def test_a_timescale_that_does_not_divide_is_rounded_and_says_so(tmp_path: Path) -> None:
    data = foreign(video_track_timescale="10007")
    path = tmp_path / "a.mp4"
    path.write_bytes(data)
    table = index_file(path)
    assert table.video is not None
    assert any("rounded" in note for note in table.notes)
    native = index(data).video
    assert native is not None
    for ours, theirs in zip(table.video.pts.tolist(), native.pts.tolist(), strict=True):
        assert abs(Fraction(ours, 90_000) - Fraction(theirs, 10_007)) <= Fraction(1, 180_000)


def _shorter(data: bytes, width: int) -> bytes:
    """The same file with NAL lengths of so many bytes (0: start codes). mdat comes first."""
    table = index(data).video
    assert table is not None
    begin, _ = payload(data, "mdat")
    at, parts, sizes = begin, [], []
    for unit in units(data, table):
        nals, i = [], 0
        while i < len(unit):
            size = int.from_bytes(unit[i : i + 4], "big")
            nals.append(unit[i + 4 : i + 4 + size])
            i += 4 + size
        start = b"\0\0\0\1"
        new = b"".join((len(n).to_bytes(width, "big") if width else start) + n for n in nals)
        parts.append(new)
        sizes.append(len(new))
        at += len(new)

    def change(path: str, body: bytes) -> bytes | None:
        if path == "mdat":
            return b"".join(parts)
        if path.endswith("stsz"):
            return struct.pack(f">4xII{len(sizes)}I", 0, len(sizes), *sizes)
        if path.endswith("stsc"):
            return struct.pack(">4xI3I", 1, 1, len(sizes), 1)
        if path.endswith("stco"):
            return struct.pack(">4xII", 1, begin)
        if path.endswith("stsd") and width:
            at = body.index(b"avcC") + 8
            return body[:at] + bytes((0xFC | width - 1,)) + body[at + 1 :]
        return None

    return rebuilt(data, change)


@pytest.mark.parametrize("width", [0, 2, 3])
def test_lengths_of_other_widths_become_four(tmp_path: Path, width: int) -> None:
    data = foreign(sound=None)
    original = index(data).video
    assert original is not None
    other = _shorter(data, width)
    table = index(other, verify=True)
    assert table.video is not None
    assert table.video.framing == ("annexb" if width == 0 else f"length{width}")
    assert units(other, table.video) == units(data, original)
    assert table.video.configs == original.configs
    assert table.video.sync.tolist() == original.sync.tolist()
    assert any("NAL units behind" in note for note in table.notes)
    _, video = extracted(tmp_path, other)
    assert video == units(data, original)


def test_one_byte_lengths() -> None:
    """NAL units of at most 255 bytes: made by hand, as no encoder's slice is so short."""
    nals, _, _ = encode("h264", 3, 3, 0)
    small = [n[:200] for n in nals[0]]
    data = foreign(sound=None, frames=3, gop=3, bframes=0)
    begin, _ = payload(data, "mdat")
    sample = b"".join(bytes((len(n),)) + n for n in small)

    def change(path: str, body: bytes) -> bytes | None:
        if path == "mdat":
            return sample * 3
        if path.endswith("stsz"):
            return struct.pack(">4xII", len(sample), 3)
        if path.endswith("stsc"):
            return struct.pack(">4xI3I", 1, 1, 3, 1)
        if path.endswith("stco"):
            return struct.pack(">4xII", 1, begin)
        if path.endswith("stsd"):
            at = body.index(b"avcC") + 8
            return body[:at] + b"\xfc" + body[at + 1 :]
        return None

    other = rebuilt(data, change)
    video = index(other).video
    assert video is not None
    assert video.framing == "length1"
    wanted = b"".join(len(n).to_bytes(4, "big") + n for n in small)
    assert units(other, video) == [wanted] * 3


def _in_band(data: bytes, kind: bytes) -> bytes:
    """Parameter sets in the samples alone (avc3, or an avc1 that breaks the rule)."""
    table = index(data).video
    assert table is not None
    record = table.configs[0].record
    pps = record.index(b"\x01", 8 + record[7])
    sps = record[8 : 8 + record[7]]
    size = int.from_bytes(record[pps + 1 : pps + 3], "big")
    sets = (len(sps).to_bytes(4, "big") + sps + size.to_bytes(4, "big")
            + record[pps + 3 : pps + 3 + size])  # fmt: skip
    begin, _ = payload(data, "mdat")
    parts = [sets + u if s else u for u, s in zip(units(data, table), table.sync, strict=True)]

    def change(path: str, body: bytes) -> bytes | None:
        if path == "mdat":
            return b"".join(parts)
        if path.endswith("stsz"):
            return struct.pack(f">4xII{len(parts)}I", 0, len(parts), *map(len, parts))
        if path.endswith("stsc"):
            return struct.pack(">4xI3I", 1, 1, len(parts), 1)
        if path.endswith("stco"):
            return struct.pack(">4xII", 1, begin)
        if path.endswith("stsd"):
            at = body.index(b"avcC")
            old = struct.unpack_from(">I", body, at - 4)[0]
            new = body[at + 4 : at + 9] + b"\xe0\x00"
            entry = (
                body[12:16] + body[16 : at - 4] + struct.pack(">I", 8 + len(new)) + b"avcC" + new
            )
            entry += body[at - 4 + old :]
            entry = kind + entry[4:]
            return body[:8] + struct.pack(">I", 4 + len(entry)) + entry
        return None

    return rebuilt(data, change)


@pytest.mark.parametrize("kind", [b"avc1", b"avc3"])
@pytest.mark.parametrize("verify", [False, True])
def test_parameter_sets_in_the_samples(kind: bytes, verify: bool) -> None:
    data = foreign(sound=None)
    original = index(data).video
    assert original is not None
    table = index(_in_band(data, kind), verify=verify)
    assert table.video is not None
    used = {table.video.configs[int(n)] for n in table.video.config}
    assert used == {original.configs[0]}


def test_sync_samples_are_held_against_their_nal_units() -> None:
    data = foreign(sound=None)
    begin, _ = payload(data, "stss")
    count = int.from_bytes(data[begin + 4 : begin + 8], "big")
    assert count == 5
    # The second entry names picture 14, which is none; without stss all are marked.
    lie = data[: begin + 12] + struct.pack(">I", 15) + data[begin + 16 :]
    table = index(lie, verify=True)
    assert table.video is not None
    assert np.flatnonzero(table.video.sync).tolist() == [0, 24, 36, 48]
    assert "sample 14 is marked as sync" in table.damage[0].reason
    for name in (b"free", None):
        other = data.replace(b"stss", name) if name else rebuilt(
            data, lambda path, _: struct.pack(">4xI", 0) if path.endswith("stss") else None
        )  # fmt: skip
        video = index(other, verify=True).video
        assert video is not None
        assert np.flatnonzero(video.sync).tolist() == [0, 12, 24, 36, 48]


def test_a_cra_with_leading_pictures_that_refer_back_is_no_border() -> None:
    data = foreign("mp4", "libx265", None)
    table = index(data, verify=True).video
    assert table is not None
    at = int(np.flatnonzero(table.sync)[2])
    patched = bytearray(data)

    def set_type(sample: int, kind: int) -> None:
        offset, end = int(table.extent_offset[sample]), int(table.size[sample])
        end += offset
        while offset < end:
            size = int.from_bytes(patched[offset : offset + 4], "big")
            if patched[offset + 4] >> 1 & 0x3F < 32:
                patched[offset + 4] = kind << 1 | patched[offset + 4] & 0x81
            offset += 4 + size

    set_type(at, 21)
    first = index(bytes(patched), verify=True).video
    assert first is not None
    assert first.sync[at]
    set_type(at + 1, 9)
    second = index(bytes(patched), verify=True)
    assert second.video is not None
    assert not second.video.sync[at]
    assert second.video.sync.sum() == table.sync.sum() - 1


def test_few_requests_and_few_bytes() -> None:
    for movflags in ("", "faststart"):
        data = foreign("mp4", "libx264", "aac", movflags, frames=60)
        big = data
        if not movflags:  # a body of 4 GiB before the tables: a hole in the source
            begin, end = payload(data, "mdat")
            table = index(data).video
            assert table is not None
            big = data[:begin] + bytes(2 << 20) + data[begin:end] + data[end:]
            big = (big[: begin - 8] + struct.pack(">I", end - begin + 8 + (2 << 20))
                   + big[begin - 4 :])  # fmt: skip
        source = Bytes(big)
        index_mp4(source, len(big))
        assert source.requests <= 4
        assert source.total <= 160 << 10


@pytest.mark.parametrize(
    ("kind", "error", "text"),
    [(b"encv", MediaEncrypted, "encv"), (b"mp4v", MediaUnsupported, "mp4v"),
     (b"drmi", MediaEncrypted, "encrypted")],
)  # fmt: skip
def test_what_is_not_read_is_named(kind: bytes, error: type[Exception], text: str) -> None:
    data = foreign(sound=None).replace(b"avc1\0\0", kind + b"\0\0")
    with pytest.raises(error, match=text):
        index(data)


def test_a_compressed_moov_and_media_elsewhere_are_named() -> None:
    data = foreign(sound=None)
    with pytest.raises(MediaUnsupported, match=r"cmov.*at byte"):
        index(data.replace(b"mvhd", b"cmov"))
    begin, _ = payload(data, "dref")
    assert data[begin + 12 : begin + 16] == b"url "
    with pytest.raises(MediaUnsupported, match="another file"):
        index(data[: begin + 19] + b"\0" + data[begin + 20 :])
    with pytest.raises(MediaDamaged, match="no moov"):
        index(data[: payload(data, "mdat")[1]])


def test_our_head_is_not_read_leniently() -> None:
    data = foreign(movflags="faststart", sound=None)
    begin, _ = payload(data, "stts")
    with pytest.raises(MediaDamaged, match="stts"):
        read_head(data[: begin + 8] + struct.pack(">I", 59) + data[begin + 12 :])


@pytest.mark.parametrize("sound", ["flac", "libopus", "pcm_s16be", "pcm_s16le", "pcm_alaw", "aac"])
@pytest.mark.parametrize("kind", ["copy", "flac"])
def test_clips_of_every_kind_of_sound(tmp_path: Path, sound: str, kind: str) -> None:
    """Cut from the segment that extraction made; the tone is heard where it was."""
    container = "mov" if sound == "pcm_alaw" else "mp4"
    made, _ = extracted(tmp_path, foreign(container, "libx264", sound))
    table = read_head(made)
    assert table.video is not None
    assert table.audio is not None
    first = int(np.sort(table.video.pts)[25])
    part = ClipPart(Bytes(made), table, 24, 60, -first, 0, len(table.audio))
    out = io.BytesIO()
    report = write_clip(out, [part], show_from=0, show_to=90_000, audio=kind)  # type: ignore[arg-type]
    assert report.audio == ("flac" if kind == "flac" else table.audio.configs[0].codec)
    assert [n for _, n in decode_video(out.getvalue())] == [*range(25, 50)]
    rate = 8000 if sound == "pcm_alaw" else 48_000
    heard = _decoded(out.getvalue(), rate)
    wave = 8000 * np.sin(np.arange(rate, 2 * rate) / 9)
    assert abs(len(heard) - rate) <= rate // 25
    middle = slice(rate // 4, rate // 2)
    # Coders that lose something shift no sample; their error stays far below the tone.
    assert np.abs(heard[middle] - wave[middle]).max() < (
        900 if sound in ("aac", "libopus") else 300
    )


def _decoded(data: bytes, rate: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    with av.open(io.BytesIO(data)) as container:
        stream = container.streams.audio[0]
        turn = av.AudioResampler(format="s16", layout="mono", rate=rate)
        parts = [o.to_ndarray()[0] for f in container.decode(stream) for o in turn.resample(f)]
    return np.concatenate(parts).astype(np.float64)
