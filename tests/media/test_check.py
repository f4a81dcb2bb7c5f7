"""The checker: content with what we write, and each rule broken on purpose is named."""

from __future__ import annotations

import hashlib
import io
import json
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hikcore.cli.app import run
from hikcore.instants import format_instant
from hikcore.media.check import Report, check_file
from hikcore.media.clip import ClipPart, write_clip
from hikcore.media.mp4.read import index_mp4, read_head
from hikcore.media.mp4.write import align, write_mp4
from tests.media.mp4_footage import Footage, boxes, footage
from tests.media.mp4_foreign import Bytes, patched, payload, rebuilt

BEGIN = 1_700_000_000_000_000_000


def segment(made: Footage) -> bytes:
    out = io.BytesIO()
    write_mp4(out, align(made.table.video, made.table.audio), made.read)
    return out.getvalue()


def clip(data: bytes, first: int = 33, last: int = 50, **options: object) -> bytes:
    """Pictures first to last of a segment."""
    table = read_head(data)
    assert table.video is not None
    times = np.sort(table.video.pts)
    order = np.argsort(table.video.pts)
    syncs = [i for i in np.flatnonzero(table.video.sync) if i <= order[first]]
    audio = len(table.audio) if table.audio is not None else 0
    part = ClipPart(Bytes(data), table, int(syncs[-1]), len(times), -int(times[first]), 0, audio)
    out = io.BytesIO()
    end = int(times[last] - times[first])
    write_clip(out, [part], show_from=0, show_to=end, **options)  # type: ignore[arg-type]
    return out.getvalue()


def checked(tmp_path: Path, data: bytes, **options: object) -> Report:
    path = tmp_path / "clip.mp4"
    path.write_bytes(data)
    return check_file(path, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("codec", ["h264", "h265"])
@pytest.mark.parametrize("bframes", [0, 2])
@pytest.mark.parametrize("audio", ["alaw", None])
def test_what_we_write_is_well(tmp_path: Path, codec: str, bframes: int, audio: str | None) -> None:
    steps = np.cumsum(3600 + np.arange(80) * 37 % 500)
    made = segment(
        footage(codec, 80, 20, bframes, pts=steps.tolist(), audio=audio, audio_delay=900)
    )
    source = tmp_path / "source.mp4"
    source.write_bytes(made)
    assert checked(tmp_path, made, source=source, decode=True).failures == []
    for sound in ("copy", "aac", "flac", "none") if audio else ("none",):
        report = checked(tmp_path, clip(made, audio=sound), source=source, decode=True)
        assert report.failures == []
        assert 13 not in report.untold
    report = checked(tmp_path, clip(made, start="key"), source=source)
    assert report.failures == []


def test_gaps_and_changed_sets_are_well(tmp_path: Path) -> None:
    from tests.media.test_clip import HOLE, cut, world

    segments = world("h264", 2)
    begin, end = segments[0].pictures()[33][0], segments[2].pictures()[30][0]
    assert end - begin > HOLE
    for gaps in ("keep", "cut"):
        report = checked(tmp_path, cut(segments, begin, end, gaps=gaps)[0], decode=True)
        assert report.failures == []


MADE = footage("h264", 80, 20, 2)
SEGMENT = segment(MADE)
CLIP = clip(SEGMENT)


def _document(data: bytes, **changes: object) -> dict[str, object]:
    """The JSON of CLIP, 17 pictures of 40 ms."""
    document: dict[str, object] = {
        "schema": "hikcore/clip/1", "begin": BEGIN, "end": BEGIN + 17 * 40_000_000,
        "first": BEGIN, "last": BEGIN + 16 * 40_000_000, "start": "exact", "lead_in_ms": 520.0,
        "uncertainty_ms": 1.0, "state": "complete", "missing": [], "frames": 17,
        "files": [{"name": "clip.mp4", "size": len(data),
                   "sha256": hashlib.sha256(data).hexdigest()}],
    }  # fmt: skip
    document.update(changes)
    for key in ("begin", "end", "first", "last"):
        document[key] = format_instant(document[key])  # type: ignore[arg-type]
    return document


def test_the_json_beside_is_held_against_it(tmp_path: Path) -> None:
    beside = tmp_path / "clip.json"
    beside.write_text(json.dumps(_document(CLIP)))
    report = checked(tmp_path, CLIP)
    assert report.failures == []
    assert set(report.untold) == {1, 15}
    period = 40_000_000
    for number, changes in (
        (9, {"frames": 18}), (9, {"first": BEGIN + period, "last": BEGIN + 17 * period}),
        (9, {"begin": BEGIN + 2 * period}), (9, {"end": BEGIN + 12 * period}),
        (10, {"lead_in_ms": 521.0}), (12, {"last": BEGIN + 16 * period - 20_000_000}),
        (16, {"files": [{"name": "clip.mp4", "size": 7, "sha256": "0" * 64}]}),
        (17, {"state": "partial"}), (17, {"state": "good"}), (17, {"state": None}),
    ):  # fmt: skip
        beside.write_text(json.dumps(_document(CLIP, **changes)))
        assert number in checked(tmp_path, CLIP).failed, (number, changes)


def u4(*values: int) -> bytes:
    return struct.pack(f">{len(values)}I", *values)


def _swap(data: bytes, kind: bytes, other: bytes) -> bytes:
    assert data.count(kind) >= 1
    return data.replace(kind, other, 1)


def _nal(data: bytes, sample: int, kind: int) -> bytes:
    """The slices of a video sample made to be of another type."""
    video = index_mp4(Bytes(data), len(data)).video
    assert video is not None
    out, at = bytearray(data), int(video.extent_offset[sample])
    end = at + int(video.size[sample])
    while at < end:
        size = int.from_bytes(out[at : at + 4], "big")
        if 1 <= out[at + 4] & 31 <= 5:
            out[at + 4] = out[at + 4] & 0xE0 | kind
        at += 4 + size
    return bytes(out)


def _no_sets(data: bytes) -> bytes:
    at = data.index(b"avcC") + 9
    return data[:at] + b"\xe0\x00" + bytes(29) + data[at + 31 :]


def _byte(data: bytes, sample: int) -> bytes:
    """One bit of the last byte of a sample."""
    video = read_head(data).video
    assert video is not None
    at = int(video.extent_offset[sample]) + int(video.size[sample]) - 1
    return data[:at] + bytes((data[at] ^ 0x10,)) + data[at + 1 :]


def _moov_last(data: bytes) -> bytes:
    sizes = {name: (b - 8, e) for name, b, e in boxes(data) if name in ("moov", "mdat")}
    (a, b), (c, d) = sizes["moov"], sizes["mdat"]
    back = b - a

    def change(path: str, body: bytes) -> bytes | None:
        if not path.endswith("co64"):
            return None
        count = len(body) // 8 - 1
        return body[:8] + struct.pack(
            f">{count}Q", *(o - back for o in struct.unpack(f">{count}Q", body[8:]))
        )

    moved = rebuilt(data, change)
    return moved[:a] + moved[c:d] + moved[a:b]


def _second_entry(data: bytes) -> bytes:
    def change(path: str, body: bytes) -> bytes | None:
        if path.endswith("stsd") and b"avc1" in body:
            return body[:4] + u4(2) + body[8:] * 2
        return None

    longer = len(rebuilt(data, change)) - len(data)

    def moved(path: str, body: bytes) -> bytes | None:
        if path.endswith("co64"):
            count = len(body) // 8 - 1
            offsets = struct.unpack(f">{count}Q", body[8:])
            return body[:8] + struct.pack(f">{count}Q", *(o + longer for o in offsets))
        return change(path, body)

    return rebuilt(data, moved)


BROKEN: list[tuple[int, str, Callable[[bytes], bytes]]] = [
    (3, "a chunk before mdat", lambda d: patched(d, "co64", 8, struct.pack(">Q", 40))),
    (3, "bytes without a sample", lambda d: rebuilt(
        d, lambda path, body: body + b"xxxx" if path == "mdat" else None)),
    (3, "a chunk over another", lambda d: patched(
        d, "co64", 8, d[payload(d, "co64")[0] + 16 : payload(d, "co64")[0] + 24])),
    (4, "a sync sample that is none", lambda d: patched(d, "stss", 8, u4(1, 22))),
    (4, "a first sample that is not sync", lambda d: patched(d, "stss", 8, u4(2))),
    (4, "an IDR that is not marked", lambda d: _nal(d, 5, 5)),
    (5, "a slice that names no set", _no_sets),
    (5, "two equal entries", _second_entry),
    (6, "a duration of the media that is not the sum", lambda d: patched(d, "mdhd", 16, u4(77))),
    (7, "two pictures at one time", lambda d: patched(d, "ctts", 8 + 4, u4(7200 + 3600))),
    (7, "ctts of version 0 below 0", lambda d: patched(d, "ctts", 12, u4(2**32 - 7200))),
    (8, "an edit that begins inside of a picture", lambda d: patched(
        d, "elst", 12, u4(int.from_bytes(d[payload(d, "elst")[0] + 12 :][:4], "big") + 1))),
    (8, "an edit that is longer than the media", lambda d: patched(d, "elst", 8, u4(9_000_000))),
    (2, "a lead-in from a key frame too early", lambda d: patched(
        d, "elst", 8, u4(3600, int.from_bytes(d[payload(d, "elst")[0] + 12 :][:4], "big")))),
    (11, "sound hidden before it begins", lambda d: patched(d, "elst", 12, u4(4000), 1)),
    (14, "bytes after the last box", lambda d: d + b"1234"),
    (14, "moov behind mdat", _moov_last),
    (14, "a second mvhd", lambda d: _swap(d, b"trak", b"mvhd")),
    (14, "a movie longer than its tracks", lambda d: patched(d, "mvhd", 16, u4(1))),
    (14, "tracks of one number", lambda d: patched(d, "tkhd", 12, u4(1), 1)),
    (14, "no moov", lambda d: d[:100]),
    (16, "a time of writing", lambda d: patched(d, "mvhd", 4, u4(3_800_000_000))),
    (16, "a time of writing in a track", lambda d: patched(d, "mdhd", 8, u4(3_800_000_000))),
]  # fmt: skip


@pytest.mark.parametrize(("number", "name", "change"), BROKEN, ids=[n for _, n, _ in BROKEN])
def test_a_broken_rule_is_named(
    tmp_path: Path, number: int, name: str, change: Callable[[bytes], bytes]
) -> None:
    broken = change(CLIP)
    assert broken != CLIP
    report = checked(tmp_path, broken)
    assert number in report.failed, name
    assert all(f.reason for f in report.failures)


def test_the_source_is_compared_sample_by_sample(tmp_path: Path) -> None:
    source = tmp_path / "source.mp4"
    source.write_bytes(SEGMENT)
    assert checked(tmp_path, CLIP, source=source).ok
    report = checked(tmp_path, _byte(CLIP, 7), source=source)
    (failure,) = report.failures
    assert (failure.invariant, failure.track, failure.sample) == (1, "video", 7)
    video = read_head(CLIP).video
    assert video is not None
    assert failure.offset == int(video.extent_offset[7])
    late = patched(CLIP, "stts", 12, u4(3601))
    assert 6 in checked(tmp_path, late, source=source).failed
    # A sample left out in the middle.
    out = io.BytesIO()
    keep = [*range(25), *range(26, 80)]
    whole = MADE.table.video
    assert whole is not None
    less = replace(
        whole, dts=whole.dts[keep], pts=whole.pts[keep], size=whole.size[keep],
        sync=whole.sync[keep], config=whole.config[keep],
    )  # fmt: skip
    units = [MADE.units[k] for k in keep]
    write_mp4(out, align(less, None), lambda _, a, b: b"".join(units[a:b]))
    report = checked(tmp_path, out.getvalue(), source=source)
    assert (report.failures[0].invariant, report.failures[0].sample) == (2, 25)
    assert checked(tmp_path, segment(footage("h264", 40, 20, 0)), source=source).failed[0] == 1


def test_a_decoder_is_asked(tmp_path: Path) -> None:
    assert checked(tmp_path, CLIP, decode=True).ok
    video = read_head(CLIP).video
    assert video is not None
    at, size = int(video.extent_offset[0]), int(video.size[0])
    torn = CLIP[: at + size - 400] + bytes(300) + CLIP[at + size - 100 :]
    assert 15 in checked(tmp_path, torn, decode=True).failed


def test_reading_by_ranges_is_checked(tmp_path: Path) -> None:
    """Half a megabyte of small boxes before the moov: more is read than the tables."""
    free = b"".join(struct.pack(">I4s", 1000, b"free") + bytes(992) for _ in range(500))
    begin = next(b for name, b, _ in boxes(CLIP) if name == "moov") - 8

    def moved(path: str, body: bytes) -> bytes | None:
        if not path.endswith("co64"):
            return None
        count = len(body) // 8 - 1
        offsets = struct.unpack(f">{count}Q", body[8:])
        return body[:8] + struct.pack(f">{count}Q", *(o + len(free) for o in offsets))

    shifted = rebuilt(CLIP, moved)
    report = checked(tmp_path, shifted[:begin] + free + shifted[begin:])
    assert report.failed == [18]
    late = _moov_last(CLIP)
    at = next(b for name, b, _ in boxes(late) if name == "moov") - 8
    report = checked(tmp_path, late[:at] + free + late[at:])
    assert 18 in report.failed


def test_a_segment_without_key_frame_is_told(tmp_path: Path) -> None:
    made = footage("h264", 30, 15, 0, audio=None)
    assert made.table.video is not None
    out = io.BytesIO()
    units = made.units[3:10]
    write_mp4(out, align(made.table.video.slice(3, 10), None), lambda _, a, b: b"".join(units[a:b]))
    report = checked(tmp_path, out.getvalue())
    assert report.failed == [4]
    assert "no sample is" in report.failures[0].reason


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = tmp_path / "good.mp4", tmp_path / "bad.mp4"
    good.write_bytes(CLIP)
    bad.write_bytes(_nal(CLIP, 5, 5))
    assert run(["check", str(good)]) == 0
    assert "well" in capsys.readouterr().out
    assert run(["check", str(good), str(bad), "--json"]) == 9
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["type"] for line in lines] == ["check", "check", "summary"]
    assert (lines[0]["ok"], lines[1]["ok"], lines[2]["code"]) == (True, False, 9)
    assert lines[1]["failed"] == [4]
    assert lines[1]["failures"][0]["sample"] == 5
    assert run(["check", str(tmp_path / "none.mp4")]) == 2
