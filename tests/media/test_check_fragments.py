"""The checker over fragmented files: ours, libavformat's, and ones with a fault in a fragment."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from hikcore.media.mp4.fragment import write_fragmented
from hikcore.media.mp4.write import Edit, OutTrack, align
from tests.media.mp4_footage import footage
from tests.media.mp4_foreign import foreign, rebuilt
from tests.media.test_check import _nal, checked, segment


def fragmented(codec: str = "h264", bframes: int = 2, **options: object) -> bytes:
    made = footage(codec, 80, 20, bframes)
    out = io.BytesIO()
    tracks = align(made.table.video, made.table.audio)
    write_fragmented(out, tracks, made.read, **options)  # type: ignore[arg-type]
    return out.getvalue()


@pytest.mark.parametrize("codec", ["h264", "h265"])
@pytest.mark.parametrize("bframes", [0, 2])
@pytest.mark.parametrize("options", [{}, {"index": True}, {"least": 100_000, "index": True}])
def test_what_we_write_is_well(
    tmp_path: Path, codec: str, bframes: int, options: dict[str, object]
) -> None:
    source = tmp_path / "source.mp4"
    source.write_bytes(segment(footage(codec, 80, 20, bframes)))
    data = fragmented(codec, bframes, **options)
    report = checked(tmp_path, data, source=source, decode=True)
    assert report.failures == []
    assert set(report.untold) == {9, 10, 12, 17}


@pytest.mark.parametrize("flags", ["frag_keyframe+delay_moov", "frag_keyframe+empty_moov+dash",
                                   "frag_every_frame+delay_moov+default_base_moof"])  # fmt: skip
def test_files_of_others_are_taken_apart(tmp_path: Path, flags: str) -> None:
    """They need not keep our rules (libavformat writes mfra, durations of 0 and its own edits), but
    what holds of any file holds: bytes in their boxes, sync where it is, decoding."""
    report = checked(tmp_path, foreign(sound=None, movflags=flags, bframes=0), decode=True)
    assert not set(report.failed) & {1, 2, 3, 4, 5, 7, 13, 15, 18}, report.failures


def test_a_lead_in_that_no_player_hides_is_told(tmp_path: Path) -> None:
    """In fragments libavformat hides nothing: the edit list says one thing, the decoder another."""
    made = footage("h264", 80, 40, 0, audio=None)
    video = made.table.video
    assert video is not None
    out = io.BytesIO()
    video = replace(video, pts=video.pts - video.dts[0], dts=video.dts - video.dts[0])
    edits = (Edit(50 * 3600, int(video.pts[30])),)
    write_fragmented(out, [OutTrack(video, edits)], made.read)
    report = checked(tmp_path, out.getvalue(), decode=True)
    assert report.failed == [15]
    assert "80 pictures are decoded where 50" in report.failures[0].reason


def fields(path: str, at: int, value: int, number: int = 0) -> Callable[[bytes], bytes]:
    """A change of four bytes in the n-th box that a path ends with."""

    def change(data: bytes) -> bytes:
        seen = -1

        def inside(name: str, body: bytes) -> bytes | None:
            nonlocal seen
            if not name.endswith(path):
                return None
            seen += 1
            if seen != number:
                return None
            return body[:at] + struct.pack(">I", value) + body[at + 4 :]

        return rebuilt(data, inside)

    return change


FAULTS: list[tuple[int, str, Callable[[bytes], bytes]]] = [
    (3, "a fragment's samples beyond its mdat", fields("trun", 8, 4000, 4)),
    (6, "a fragment that begins before the last one ends", fields("tfdt", 8, 3600, 4)),
    (6, "an index with other times", fields("sidx", 32 + 4, 1)),
    (14, "fragments out of order", fields("mfhd", 4, 1, 2)),
    (14, "an index that points beside", fields("sidx", 32, 1000)),
    (14, "a fragment without its media", lambda d: d.replace(b"mdat", b"free", 2).replace(
        b"free", b"mdat", 1)),
    (14, "a moof without its number", lambda d: d.replace(b"mfhd", b"free", 1)),
    (14, "an index cut off", lambda d: rebuilt(
        d, lambda name, body: body[:20] if name == "sidx" else None)),
    (14, "an index without a timescale", fields("sidx", 8, 0)),
    (14, "an index with more rows than it has", fields("sidx", 28, 0xFFFF)),
    (16, "a time of writing", fields("mvhd", 4, 3_800_000_000)),
]  # fmt: skip


@pytest.mark.parametrize(("number", "name", "change"), FAULTS, ids=[n for _, n, _ in FAULTS])
def test_a_fault_is_named_with_its_place(
    tmp_path: Path, number: int, name: str, change: Callable[[bytes], bytes]
) -> None:
    whole = fragmented(index=True)
    broken = change(whole)
    assert broken != whole
    report = checked(tmp_path, broken)
    assert number in report.failed, (name, report.failures)
    (found, *_) = [one for one in report.failures if one.invariant == number]
    assert found.offset is not None
    assert 0 <= found.offset <= len(broken)


def test_sync_samples_are_looked_at_in_every_fragment(tmp_path: Path) -> None:
    whole = fragmented(bframes=0)
    report = checked(tmp_path, _nal(whole, 45, 5))
    assert report.failed == [4]
    assert [(one.track, one.sample) for one in report.failures] == [("video", 45)]
