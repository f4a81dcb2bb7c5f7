"""The checker with files whose parameter sets were left out, without a JSON that says so; and with
tracks that are broken, or none of ours."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hikcore.cli.app import run
from hikcore.media.check import check_file
from hikcore.media.cut import cut_file
from hikcore.media.mp4.read import read_head
from hikcore.media.mp4.strip import sets_of
from hikcore.sim.psmux import MuxProfile
from tests.media.mp4_footage import footage
from tests.media.ps_bodies import muxed
from tests.media.test_check import CLIP, checked, segment


def source(folder: Path, codec: str, container: str) -> Path:
    path = folder / f"source.{container}"
    if container == "mp4":
        path.write_bytes(segment(footage(codec, 80, 20, 0)))
    else:
        path.write_bytes(muxed(MuxProfile(), codec=codec, seconds=3.2).body)
    return path


@pytest.mark.parametrize("codec", ["h264", "h265"])
@pytest.mark.parametrize("container", ["mp4", "ps"])
def test_a_cut_without_its_sets_is_compared_without_them(
    tmp_path: Path, codec: str, container: str, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, out = source(tmp_path, codec, container), tmp_path / "out.mp4"
    cut_file(whole, out, 0.4, 2.4, strip_parameter_sets=True)
    report = check_file(out, source=whole, decode=True)
    assert report.failures == []
    (note,) = report.notes
    assert note.startswith("parameter sets of the sample entry were left out of ")
    assert run(["check", str(out), "--source", str(whole), "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[0])["notes"] == [note]
    cut_file(whole, out, 0.4, 2.4)
    report = check_file(out, source=whole)
    assert (report.failures, report.notes) == ([], [])


def test_other_bytes_that_are_missing_are_still_a_failure(tmp_path: Path) -> None:
    """Of a stripped file, a byte of a picture; of one with its sets, one picture's sets."""
    whole, out = source(tmp_path, "h264", "mp4"), tmp_path / "out.mp4"
    cut_file(whole, out, 0.4, 2.4, strip_parameter_sets=True)
    data = bytearray(out.read_bytes())
    video = read_head(bytes(data)).video
    assert video is not None
    last = len(video) - 1
    data[int(video.extent_offset[last]) + int(video.size[last]) - 1] ^= 1
    assert 1 in checked(tmp_path, bytes(data), source=whole).failed
    cut_file(whole, out, 0.4, 2.4)
    data = bytearray(out.read_bytes())
    video = read_head(bytes(data)).video
    assert video is not None
    second = next(at for at in range(1, len(video)) if video.sync[at])
    at = int(video.extent_offset[second])
    sets = sets_of(video.configs[0])
    size = int.from_bytes(data[at : at + 4], "big")
    assert bytes(data[at + 4 : at + 4 + size]) in sets
    data[at + 4] = 12  # filler data: the SPS of this picture is gone, the others have theirs
    report = checked(tmp_path, bytes(data), source=whole)
    assert 1 in report.failed
    assert report.notes == []


def test_a_json_that_says_kept_is_believed(tmp_path: Path) -> None:
    """Then sets that are missing are missing bytes."""
    whole, out = source(tmp_path, "h264", "mp4"), tmp_path / "out.mp4"
    cut_file(whole, out, 0.4, 2.4, strip_parameter_sets=True)
    said = {"schema": "hikcore/clip/1", "parameter_sets": "kept", "files": [{"name": "out.mp4"}]}
    out.with_suffix(".json").write_text(json.dumps(said))
    report = check_file(out, source=whole)
    assert 1 in report.failed


def test_sound_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    broken = bytearray(CLIP)
    at = broken.find(b"stsz", broken.find(b"soun"))
    broken[at : at + 4] = b"free"
    report = checked(tmp_path, bytes(broken))
    assert 14 in report.failed
    assert any("audio left out: no stsz box" in one.reason for one in report.failures)


def test_a_track_that_none_of_ours_has_is_named_and_not_taken_for_another(tmp_path: Path) -> None:
    """A second track of sound, whose header has another duration than the first's."""
    moov = CLIP.find(b"moov") - 4
    begin = CLIP.rfind(b"trak", moov, CLIP.find(b"soun")) - 4
    end = begin + int.from_bytes(CLIP[begin : begin + 4], "big")
    box = bytearray(CLIP[begin:end])
    at = box.find(b"tkhd") + 4
    assert box[at] == 0  # version: 32-bit times
    box[at + 12 : at + 16] = (9).to_bytes(4, "big")
    box[at + 20 : at + 24] = (1).to_bytes(4, "big")
    size = int.from_bytes(CLIP[moov : moov + 4], "big") + len(box)
    data = bytearray(CLIP[:end] + box + CLIP[end:])
    data[moov : moov + 4] = size.to_bytes(4, "big")
    report = checked(tmp_path, bytes(data))
    assert report.untold[14] == "track soun left out"
    assert not any("tkhd says" in one.reason for one in report.failures)
