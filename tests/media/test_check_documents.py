"""The checker where there is more, or less, to check with: JSON, sources, decoders, odd tracks."""

from __future__ import annotations

import io
import json
import struct
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from hikcore.errors import MediaUnsupported
from hikcore.instants import format_instant
from hikcore.media.check import INVARIANTS, check_file
from hikcore.media.mp4.write import Edit, OutTrack, align, write_mp4
from tests.media.mp4_footage import footage, picture
from tests.media.mp4_foreign import patched, rebuilt
from tests.media.test_check import BEGIN, CLIP, MADE, SEGMENT, _document, _swap, checked, segment
from tests.media.test_check_fragments import fragmented
from tests.media.test_check_rules import shown, video, written

SECOND = 1_000_000_000


def reasons(report: object) -> str:
    return "; ".join(one.reason for one in report.failures)  # type: ignore[attr-defined]


def audio_only() -> bytes:
    out = io.BytesIO()
    write_mp4(out, align(None, MADE.table.audio), lambda _, a, b: b"".join(MADE.sound[a:b]))
    return out.getvalue()


def test_a_json_that_is_none_is_told(tmp_path: Path) -> None:
    beside = tmp_path / "clip.json"
    report = checked(tmp_path, CLIP, sidecar=tmp_path / "nowhere.json")
    assert report.failed == [17]
    assert "no JSON at" in reasons(report)
    beside.write_text('{"schema": ')
    report = checked(tmp_path, CLIP)
    assert report.failed == [17]
    assert "clip.json is no JSON" in reasons(report)


@pytest.mark.parametrize(
    "text",
    ["[]", '{"schema": "other/1"}', json.dumps(_document(CLIP, files=[{"name": "b.mp4"}]))],
    ids=["a list", "another schema", "of another file"],
)
def test_a_json_of_something_else_is_passed_over(tmp_path: Path, text: str) -> None:
    (tmp_path / "clip.json").write_text(text)
    report = checked(tmp_path, CLIP)
    assert report.failures == []
    assert {9, 10, 12, 17} <= set(report.untold)


@pytest.mark.parametrize("field", ["frames", "missing", "files", "uncertainty_ms", "end"])
def test_a_json_that_lacks_a_field_is_told_which(tmp_path: Path, field: str) -> None:
    document = _document(CLIP)
    del document[field]
    named = tmp_path / "named.json"
    named.write_text(json.dumps(document))
    report = checked(tmp_path, CLIP, sidecar=named)
    assert report.failed == [17]
    assert report.failures[0].field == field


def test_a_json_of_other_types_is_told(tmp_path: Path) -> None:
    (tmp_path / "clip.json").write_text(json.dumps(_document(CLIP) | {"missing": None}))
    report = checked(tmp_path, CLIP)
    assert report.failed == [17]
    assert "NoneType" in report.failures[0].field


def test_a_json_that_was_named_must_name_the_file(tmp_path: Path) -> None:
    named = tmp_path / "named.json"
    named.write_text(json.dumps(_document(CLIP, files=[{"name": "b.mp4"}])))
    report = checked(tmp_path, CLIP, sidecar=named)
    assert [(one.invariant, one.field) for one in report.failures] == [(17, "files")]


def test_what_is_missing_says_why(tmp_path: Path) -> None:
    stretch = {
        "begin": format_instant(BEGIN + SECOND), "end": format_instant(BEGIN + SECOND + 1),
        "state": "not recorded",
    }  # fmt: skip
    for state, failed in (("not recorded", []), ("", [17])):
        missing = [stretch | {"state": state}]
        beside = tmp_path / "clip.json"
        beside.write_text(json.dumps(_document(CLIP, state="partial", missing=missing)))
        assert checked(tmp_path, CLIP).failed == failed


def test_an_uncertainty_is_not_below_0(tmp_path: Path) -> None:
    (tmp_path / "clip.json").write_text(json.dumps(_document(CLIP, uncertainty_ms=-0.001)))
    assert "an uncertainty below 0" in reasons(checked(tmp_path, CLIP))


def test_of_several_files_the_times_are_not_told(tmp_path: Path) -> None:
    document = _document(CLIP)
    own = document["files"]
    assert isinstance(own, list)
    document["files"] = [*own, {"name": "clip-2.mp4", "size": 1, "sha256": ""}]
    document["frames"] = 4711
    (tmp_path / "clip.json").write_text(json.dumps(document))
    report = checked(tmp_path, CLIP)
    assert report.failures == []
    assert {report.untold[n] for n in (9, 10, 12)} == {"the clip is several files"}


def test_a_file_without_edits_is_held_against_its_json(tmp_path: Path) -> None:
    made = footage("h264", 25, 25, 0, audio=None)
    samples = made.table.video
    assert samples is not None
    out = io.BytesIO()
    write_mp4(out, [OutTrack(samples)], made.read)
    period = 40_000_000
    for end, failed in ((25 * period, []), (27 * period, [9])):
        document = _document(
            out.getvalue(), end=BEGIN + end, last=BEGIN + 24 * period, frames=25, lead_in_ms=0.0
        )
        (tmp_path / "clip.json").write_text(json.dumps(document))
        assert checked(tmp_path, out.getvalue()).failed == failed


def test_sound_alone_is_checked_as_far_as_it_goes(tmp_path: Path) -> None:
    data = audio_only()
    (tmp_path / "clip.json").write_text(json.dumps(_document(data)))
    report = checked(tmp_path, data, decode=True)
    assert report.failures == []
    for number in (2, 4, 5, 15):
        assert report.untold[number] == "no video"
    assert "no video" in report.untold[13]


def test_a_codec_that_is_not_read_is_no_failure_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(CLIP.replace(b"avc1", b"vp09"))
    with pytest.raises(MediaUnsupported):
        check_file(path)


@pytest.mark.parametrize("cut", [20, 200])
def test_a_fragment_cut_off_leaves_the_rest_untold(tmp_path: Path, cut: int) -> None:
    whole = fragmented()
    report = checked(tmp_path, whole[: whole.rindex(b"moof") - 4 + cut])
    assert report.failed == [14]
    assert set(report.untold) == set(INVARIANTS) - {14}
    assert report.failures[0].offset == whole.rindex(b"moof") - 4


def test_an_edit_list_that_shows_nothing_or_an_empty_stretch(tmp_path: Path) -> None:
    report = checked(tmp_path, patched(CLIP, "elst", 12, struct.pack(">I", 1 << 30)), decode=True)
    assert report.failed == [8]  # as the decoder, which shows none either
    assert "the edit list shows no picture" in reasons(report)
    assert report.untold[13] == "nothing that a cut could begin at"
    middle = written(OutTrack(video(), (shown(2, 30), Edit(9000, -1), shown(50, 80))))
    assert "an empty edit in the middle" in reasons(checked(tmp_path, middle))
    first = written(OutTrack(video(), (Edit(9000, -1), shown(2, 80))))
    assert "an empty edit" not in reasons(checked(tmp_path, first))


def test_a_first_picture_after_0_without_an_edit_list(tmp_path: Path) -> None:
    assert int(video().pts.min()) > 0
    report = checked(tmp_path, written(OutTrack(video())))
    (found,) = [one for one in report.failures if one.invariant == 8]
    assert (found.track, found.sample) == ("video", int(video().pts.argmin()))


def test_a_track_without_its_header(tmp_path: Path) -> None:
    report = checked(tmp_path, _swap(CLIP, b"tkhd", b"free"))
    assert 14 in report.failed
    assert "no tkhd box" in reasons(report)


def test_parameter_sets_that_cannot_be_read(tmp_path: Path) -> None:
    at = CLIP.index(b"avcC") + 4 + 6
    at += 2 + int.from_bytes(CLIP[at : at + 2], "big") + 1  # behind the SPS: the PPS
    size = int.from_bytes(CLIP[at : at + 2], "big")
    broken = CLIP[: at + 3] + bytes(size - 1) + CLIP[at + 2 + size :]
    report = checked(tmp_path, broken)
    assert 5 in report.failed
    assert "the parameter sets of entry 1" in reasons(report)


def test_a_source_that_lacks_the_sound(tmp_path: Path) -> None:
    source = tmp_path / "source.mp4"
    out = io.BytesIO()
    write_mp4(out, align(MADE.table.video, None), MADE.read)
    source.write_bytes(out.getvalue())
    report = checked(tmp_path, CLIP, source=source)
    assert [(one.invariant, one.track) for one in report.failures] == [(1, "audio")]


def test_pictures_of_another_source(tmp_path: Path) -> None:
    """Said twice: by their bytes, and by what a decoder makes of both."""
    source = tmp_path / "source.mp4"
    source.write_bytes(segment(footage("h264", 80, 20, 2, first=1000)))
    report = checked(tmp_path, CLIP, source=source, decode=True)
    assert {1, 15} <= set(report.failed)
    assert "its first picture is none of those of the decoded source" in reasons(report)


def test_a_source_that_no_decoder_opens_is_told(tmp_path: Path) -> None:
    source = tmp_path / "source.mp4"
    source.write_bytes(SEGMENT[:100])
    report = checked(tmp_path, CLIP, source=source, decode=True)
    assert report.failed == [1]
    assert "PyAV does not decode the source" in report.untold[15]


def _open_gop(bframes: int) -> bytes:
    """H.265 whose key pictures after the first are CRA, as libavformat writes it."""
    out = io.BytesIO()
    with av.open(out, "w", "mp4") as container:
        stream = container.add_stream("libx265", rate=25)
        stream.width, stream.height, stream.pix_fmt = 256, 128, "yuv420p"
        stream.options = {"preset": "ultrafast", "x265-params":
                          "log-level=none:pools=none:frame-threads=1:open-gop=1:keyint=12:"
                          f"min-keyint=12:scenecut=0:bframes={bframes}"}  # fmt: skip
        for number in range(48):
            frame = av.VideoFrame.from_ndarray(picture(number), format="gray")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return out.getvalue()


@pytest.mark.parametrize("bframes", [0, 3])
def test_a_cra_is_sync_unless_pictures_behind_it_need_what_lies_before(
    tmp_path: Path, bframes: int
) -> None:
    """What a decoder that begins there loses tells the same (H.265 3.119: RASL)."""
    data = _open_gop(bframes)
    with av.open(io.BytesIO(data)) as container:
        taken = [packet for packet in container.demux(video=0) if packet.size]
        extradata = container.streams.video[0].codec_context.extradata
    keys = [at for at, packet in enumerate(taken) if packet.is_keyframe]
    kinds = [bytes(taken[at])[4] >> 1 & 63 for at in keys[1:]]
    assert len(keys) == 4
    assert set(kinds) == {21}
    lossy = []
    for at in keys[1:]:
        decoder = av.CodecContext.create("hevc", "r")
        decoder.extradata = extradata
        frames = sum(len(decoder.decode(packet)) for packet in [*taken[at:], None])
        if frames < len(taken) - at:
            lossy.append(at)
    assert bool(lossy) == bool(bframes)
    report = checked(tmp_path, data)
    found = [one.sample for one in report.failures if one.invariant == 4]
    assert found == lossy


def test_samples_in_another_order_are_not_those_of_the_source(tmp_path: Path) -> None:
    """The pictures are the source's, in another order."""
    made = footage("h264", 40, 20, 0, audio=None)
    samples = made.table.video
    assert samples is not None
    source = tmp_path / "source.mp4"
    source.write_bytes(segment(made))
    order = [*range(30), 31, 30, *range(32, 40)]
    units = [made.units[n] for n in order]
    out = io.BytesIO()
    write_mp4(
        out, [OutTrack(replace(samples, size=samples.size[np.array(order)]))],
        lambda _, a, b: b"".join(units[a:b]),
    )  # fmt: skip
    report = checked(tmp_path, out.getvalue(), source=source)
    assert [(one.invariant, one.sample) for one in report.failures] == [(2, 30)]


def test_a_track_of_another_kind_is_not_checked(tmp_path: Path) -> None:
    """A track of neither pictures nor sound beside them is nobody's."""
    other = rebuilt(
        CLIP, lambda path, body: body.replace(b"soun", b"meta") if path.endswith("hdlr") else None
    )
    report = checked(tmp_path, other)
    assert report.untold[11] == "no sound"
    assert report.failed == [3]  # bytes of mdat that are nobody's
