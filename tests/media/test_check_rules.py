"""Every rule of the checker broken alone: exactly its number fails, and it is said where."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hikcore.media.check import INVARIANTS, Failure, Report, check_file
from hikcore.media.mp4.read import read_head
from hikcore.media.mp4.write import Edit, OutTrack, align, write_mp4
from hikcore.media.table import Samples
from tests.media.mp4_footage import boxes, footage
from tests.media.mp4_foreign import patched, rebuilt
from tests.media.test_check import (
    BEGIN,
    CLIP,
    MADE,
    SEGMENT,
    _byte,
    _document,
    _nal,
    _no_sets,
    checked,
    u4,
)

PERIOD = 40_000_000


def video() -> Samples:
    """Of MADE (80 pictures, a key picture every 20), its media time from 0 on."""
    samples = MADE.table.video
    assert samples is not None
    zero = int(samples.dts[0])
    return replace(samples, pts=samples.pts - zero, dts=samples.dts - zero)


def written(*tracks: OutTrack) -> bytes:
    out = io.BytesIO()
    write_mp4(out, tracks, MADE.read)
    return out.getvalue()


def shown(first: int, last: int) -> Edit:
    """An edit that shows pictures first to last, by the order of showing."""
    times = np.sort(video().pts)
    times = np.append(times, times[-1] + 3600)
    return Edit(int(times[last] - times[first]), int(times[first]))


def sound_late() -> bytes:
    """Half a second of sound is hidden though the edit list of the video hides nothing."""
    samples, audio = video(), MADE.table.audio
    assert audio is not None
    begin = int(audio.pts[0])
    audio = replace(audio, pts=audio.pts - begin, dts=audio.pts - begin)
    end = int(audio.pts[-1]) + audio.last_duration
    first = Edit(80 * 3600, int(samples.pts.min()))
    return written(OutTrack(samples, (first,)), OutTrack(audio, (Edit(end - 45_000, 45_000),)))


def torn() -> bytes:
    """The later half of the first key picture overwritten with noise."""
    one = read_head(CLIP).video
    assert one is not None
    at, end = int(one.extent_offset[0]), int(one.extent_offset[0] + one.size[0])
    middle = (at + end) // 2
    noise = np.random.default_rng(5).integers(1, 256, end - middle, np.uint8).tobytes()
    return CLIP[:middle] + noise + CLIP[end:]


def far_moov() -> bytes:
    """Half a megabyte of small boxes before the moov."""
    free = b"".join(struct.pack(">I4s", 1000, b"free") + bytes(992) for _ in range(500))

    def moved(path: str, body: bytes) -> bytes | None:
        if not path.endswith("co64"):
            return None
        offsets = struct.unpack(f">{len(body) // 8 - 1}Q", body[8:])
        return body[:8] + struct.pack(f">{len(offsets)}Q", *(o + len(free) for o in offsets))

    begin = next(b for name, b, _ in boxes(CLIP) if name == "moov") - 8
    shifted = rebuilt(CLIP, moved)
    return shifted[:begin] + free + shifted[begin:]


def twice() -> bytes:
    """Two hidden pictures at one time."""
    samples = video()
    pts = samples.pts.copy()
    pts[2] = pts[3]
    samples = replace(samples, pts=pts)
    return written(OutTrack(samples, (shown(10, 80),)))


Broken = tuple[bytes, dict[str, object]]
#: What is broken, by rule: the file, and changes of the JSON beside it. The place that is named: a
#: sample, a byte, or a field of the JSON.
RULES: dict[int, tuple[str, Callable[[], Broken]]] = {
    1: ("sample", lambda: (_byte(CLIP, 7), {})),
    2: ("sample", lambda: (written(OutTrack(video(), (shown(45, 80),))), {"none": 1})),
    3: ("offset", lambda: (rebuilt(
        CLIP, lambda path, body: body + b"xxxx" if path == "mdat" else None), {})),
    4: ("sample", lambda: (_nal(CLIP, 5, 5), {})),
    5: ("sample", lambda: (_no_sets(CLIP), {})),
    6: ("offset", lambda: (patched(CLIP, "mdhd", 16, u4(77)), {})),
    7: ("sample", lambda: (twice(), {"none": 1})),
    8: ("track", lambda: (written(OutTrack(
        video(), (Edit(80 * 3600 + 900, int(video().pts.min())),))), {"none": 1})),
    9: ("field", lambda: (CLIP, {"frames": 18})),
    10: ("field", lambda: (CLIP, {"lead_in_ms": 521.0})),
    11: ("sample", lambda: (sound_late(), {"none": 1})),
    12: ("field", lambda: (CLIP, {"last": BEGIN + 16 * PERIOD - 20_000_000})),
    13: ("sample", lambda: (written(OutTrack(
        video(), (shown(5, 30), shown(50, 80)))), {"none": 1})),
    14: ("offset", lambda: (CLIP + b"1234", {})),
    15: ("sample", lambda: (torn(), {})),
    16: ("offset", lambda: (patched(CLIP, "mvhd", 4, u4(3_800_000_000)), {})),
    17: ("field", lambda: (CLIP, {"state": "good"})),
    18: ("offset", lambda: (far_moov(), {})),
}  # fmt: skip


def report_of(tmp_path: Path, number: int) -> Report:
    data, changes = RULES[number][1]()
    source = None
    if number == 1:
        source = tmp_path / "source.mp4"
        source.write_bytes(SEGMENT)
    if changes != {"none": 1}:
        (tmp_path / "clip.json").write_text(json.dumps(_document(data, **changes)))
    return checked(tmp_path, data, source=source, decode=number == 15)


@pytest.mark.parametrize("number", RULES)
def test_one_rule_alone_is_broken_and_its_place_is_named(tmp_path: Path, number: int) -> None:
    report = report_of(tmp_path, number)
    assert report.failed == [number], [str(one) for one in report.failures]
    place = RULES[number][0]
    found = report.failures[0]
    assert found.reason
    assert getattr(found, place) not in (None, ""), found
    if place == "sample":
        assert found.track in ("video", "audio")
    assert _is_there(found, tmp_path)


def _is_there(found: Failure, folder: Path) -> bool:
    """Whether the place is one of the file, or of the JSON."""
    if found.field:
        document = json.loads((folder / "clip.json").read_text())
        return found.field in document or found.field in document["files"][0]
    return found.offset is None or 0 <= found.offset <= (folder / "clip.mp4").stat().st_size


def test_every_rule_is_broken_once() -> None:
    assert set(RULES) == set(INVARIANTS)


def test_what_is_not_broken_breaks_none(tmp_path: Path) -> None:
    """The files of the rules above with nothing broken in them."""
    whole = written(OutTrack(video(), (Edit(80 * 3600, int(video().pts.min())),)))
    (tmp_path / "clip.json").write_text(json.dumps(_document(CLIP)))
    source = tmp_path / "source.mp4"
    source.write_bytes(SEGMENT)
    assert checked(tmp_path, CLIP, source=source, decode=True).failures == []
    (tmp_path / "clip.json").unlink()
    assert checked(tmp_path, whole, source=source, decode=True).failures == []
    assert checked(tmp_path, SEGMENT, source=source, decode=True).failures == []
    made = footage("h264", 80, 20, 2)
    out = io.BytesIO()
    write_mp4(out, align(made.table.video, made.table.audio), made.read)
    (tmp_path / "other.mp4").write_bytes(out.getvalue())
    assert check_file(tmp_path / "other.mp4", decode=True).failures == []
