"""Program streams as MP4 in one reading: what a second reading would make of them."""

from __future__ import annotations

import errno
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hikcore.errors import HikcoreError, MediaDamaged, MediaUnsupported
from hikcore.media import remux, whole
from hikcore.media.check import check_file
from hikcore.media.cut import FOREVER, cut_file
from hikcore.media.mp4.boxes import children
from hikcore.media.remux import remux_file, write_twice
from hikcore.sim import hikps
from hikcore.sim.psmux import MuxProfile
from tests.fuzz.targets.remux import check, same_movie
from tests.media.cut_bodies import body, kinds
from tests.media.cut_footage import Kind
from tests.media.ps_bodies import BEGIN, PLAIN, Muxed, muxed, pack, picture, video
from tests.media.test_ps_hostile import MAP

MUXES = {
    "as new firmware": MuxProfile(),
    "packets of 64": MuxProfile(pes_size=64, header=False),
    "packets of 300": MuxProfile(pes_size=300, private=False),
    "packets of 5120": MuxProfile(pes_size=5120, junk=4),
}
STREAMS = [(name, kind) for name, kind in kinds() if name.endswith(("ps", "ps with aac"))]


@pytest.mark.parametrize("audio", [None, "alaw"])
@pytest.mark.parametrize(("codec", "b_frames"), [("h264", 0), ("h264", 2), ("h265", 0)])
@pytest.mark.parametrize("name", MUXES)
@given(block=st.integers(1, 9000))
@settings(max_examples=8)
def test_one_reading_is_enough_whatever_its_blocks(
    name: str, codec: str, b_frames: int, audio: str | None, block: int
) -> None:
    made = muxed(MUXES[name], codec=codec, b_frames=b_frames, audio=audio, seconds=3.5)
    assert check(made.body, block)


@pytest.mark.parametrize(("container", "kind"), STREAMS, ids=map(str, STREAMS))
def test_the_rules_of_the_checker_hold(
    container: str, kind: Kind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = body(container, kind)
    assert check(made.data)
    source, out = tmp_path / "a.ps", tmp_path / "a.mp4"
    source.write_bytes(made.data)
    monkeypatch.setattr(remux, "write_twice", None)
    remux_file(source, out)
    report = check_file(out, source=source, decode=True)
    assert not report.failures, report.failures
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["a.mp4", "a.ps"]


def test_sound_lies_near_its_pictures(tmp_path: Path) -> None:
    made = muxed(seconds=20)
    (tmp_path / "a.ps").write_bytes(made.body)
    remux_file(tmp_path / "a.ps", tmp_path / "a.mp4")
    data = (tmp_path / "a.mp4").read_bytes()
    kinds_ = [kind for kind, _, _ in children(data, 0, len(data))]
    assert kinds_ == [b"ftyp", b"moov", b"free", b"mdat"]
    begin = data.index(b"mdat") + 4
    at = [data.index(unit, begin) - begin for _, unit in made.sounds[::25]]
    total = len(data) - begin
    for number, place in enumerate(at):
        assert abs(place / total - number / len(at)) < 0.15


@contextmanager
def second_readings(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Path]]:
    seen: list[Path] = []

    def spy(path: Path, out: int) -> object:
        seen.append(path)
        return write_twice(path, out)

    with monkeypatch.context() as patch:
        patch.setattr(remux, "write_twice", spy)
        yield seen


def _other_sound() -> bytes:
    made = muxed(PLAIN, seconds=1.9)
    at = made.body.index(b"\x90\xc0", made.body.index(MAP, made.body.index(MAP) + 4))
    return made.body[:at] + b"\x91" + made.body[at + 1 :]


def _sound_alone_for_long() -> bytes:
    made = muxed(seconds=1.5)
    last = made.muxer.pts(made.sounds[-1][0])
    units = [hikps.pes(0xC0, b"\xd5" * 60_000, pts=last + 3600 * n) for n in range(1, 21)]
    return made.body + b"".join(units) + muxed(begin=BEGIN + 3360).body


ODD = {"a sound that changes": _other_sound, "a megabyte of sound": _sound_alone_for_long}


@pytest.mark.parametrize("name", ODD)
def test_what_is_odd_is_read_again(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "a.ps"
    source.write_bytes(ODD[name]())
    with second_readings(monkeypatch) as seen:
        remux_file(source, tmp_path / "a.mp4")
    assert seen == [source]
    with (tmp_path / "b.mp4").open("wb") as out:
        write_twice(source, out.fileno())
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


@pytest.mark.parametrize("lacking", [1, 7, 8, 200])
def test_room_that_is_too_small(
    lacking: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even by a byte; and what is left is a box, or there is none."""
    source = tmp_path / "a.ps"
    source.write_bytes(muxed(seconds=3).body)
    remux_file(source, tmp_path / "a.mp4")
    data = (tmp_path / "a.mp4").read_bytes()
    boxes = {kind: (begin, end) for kind, begin, end in children(data, 0, len(data))}
    needed = boxes[b"moov"][1] + 8
    for room, readings in ((needed - lacking, 1), (needed, 0), (needed + lacking, lacking < 8)):
        monkeypatch.setattr(remux, "_room", lambda *_, room=room: room)
        with second_readings(monkeypatch) as seen:
            remux_file(source, tmp_path / "b.mp4")
        assert len(seen) == readings, room
        same_movie(data, (tmp_path / "b.mp4").read_bytes())
        assert not check_file(tmp_path / "b.mp4", source=source).failures


def test_a_body_whose_begin_is_unlike_its_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A megabyte that says little of how many pictures come: a second reading, and the same."""
    made = muxed(PLAIN, audio=None, seconds=60)
    filler = b"\0\0\1\x0c" + b"\xff" * 60_000
    head = pack() + picture(made, 0) + video(filler) * 20
    rest = b"".join(picture(made, number) for number in range(1, len(made.pictures)))
    source = tmp_path / "a.ps"
    source.write_bytes(head + rest)
    monkeypatch.setattr(remux, "_LEAST_ROOM", 1000)
    with second_readings(monkeypatch) as seen:
        remux_file(source, tmp_path / "a.mp4")
    assert seen == [source]
    assert not check_file(tmp_path / "a.mp4").failures


def _nothing(made: Muxed) -> bytes:
    return made.body[:60]


def _two_codecs(made: Muxed) -> bytes:
    return made.body + muxed(PLAIN, codec="h265", audio=None, seconds=1.5).body


@pytest.mark.parametrize(
    ("spoil", "error"), [(_nothing, MediaDamaged), (_two_codecs, MediaUnsupported)]
)
def test_what_cannot_be_one_mp4_leaves_nothing(
    spoil: object, error: type[Exception], tmp_path: Path
) -> None:
    source = tmp_path / "a.ps"
    assert callable(spoil)
    source.write_bytes(spoil(muxed(PLAIN, audio=None)))
    with pytest.raises(error):
        remux_file(source, tmp_path / "a.mp4")
    assert [path.name for path in tmp_path.iterdir()] == ["a.ps"]


def test_a_disk_that_is_full_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    source = tmp_path / "a.ps"
    source.write_bytes(muxed(seconds=60).body)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(OSError, match="too large") as caught:
            remux_file(source, tmp_path / "a.mp4")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert caught.value.errno == errno.EFBIG
    assert [path.name for path in tmp_path.iterdir()] == ["a.ps"]


def test_a_process_that_is_killed_leaves_no_file_of_that_name(tmp_path: Path) -> None:
    source = tmp_path / "a.ps"
    source.write_bytes(muxed(seconds=20).body)
    code = (
        "import os, sys; from pathlib import Path; from hikcore.media import remux, ps_scan\n"
        "ps_scan.PsScan.end = lambda self: os.kill(os.getpid(), 9)\n"
        "remux.remux_file(Path(sys.argv[1]), Path(sys.argv[2]))"
    )
    out = tmp_path / "a.mp4"
    done = subprocess.run([sys.executable, "-c", code, source, out], check=False)
    assert done.returncode == -9
    assert not out.exists()
    remux_file(source, out)
    assert not check_file(out, source=source).failures


def test_other_containers_are_read_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for container in ("everfocus", "avi", "mp4 moov last", "mp4 fragmented"):
        source = tmp_path / container.replace(" ", "_")
        source.write_bytes(body(container, Kind("h264", False, True, "constant")).data)
        with second_readings(monkeypatch) as seen:
            remux_file(source, tmp_path / "a.mp4")
        assert seen == [source]
        assert not check_file(tmp_path / "a.mp4").failures


@pytest.mark.parametrize("container", ["hikvision ps", "plain ps"])
@pytest.mark.parametrize(
    ("codec", "b_pictures"), [("h264", False), ("h264", True), ("h265", False)]
)
def test_tables_without_numpy_are_those_with_it(
    container: str, codec: str, b_pictures: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, out = tmp_path / "a.ps", tmp_path / "a.mp4"
    source.write_bytes(body(container, Kind(codec, b_pictures, False, "variable")).data)
    told = remux_file(source, out)
    monkeypatch.setattr(remux, "plain_pictures", lambda *_: None)
    assert remux_file(source, tmp_path / "b.mp4") == told
    assert out.read_bytes() == (tmp_path / "b.mp4").read_bytes()
    assert told.size == out.stat().st_size


def test_a_silent_body_loads_no_numpy(tmp_path: Path) -> None:
    """It takes longer to load than a tenth of a gigabyte takes to write."""
    source = tmp_path / "a.ps"
    source.write_bytes(muxed(audio=None, b_frames=2).body)
    code = (
        "import sys; from pathlib import Path\n"
        "from hikcore.media.remux import remux_file\n"
        "from hikcore.media.ps_index import index_stream\n"
        "remux_file(Path(sys.argv[1]), Path(sys.argv[2])); index_stream(Path(sys.argv[1]))\n"
        "print({'numpy', 'pydantic', 'asyncio', 'av', 'typer', 'dataclasses'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, source, tmp_path / "a.mp4"], check=True, capture_output=True
    )
    assert done.stdout == b"set()\n"


@pytest.mark.parametrize("start", ["exact", "key"])
@pytest.mark.parametrize("b_frames", [0, 2])
def test_a_cut_of_all_of_it_is_one_reading(
    b_frames: int, start: Literal["exact", "key"], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, out = tmp_path / "a.ps", tmp_path / "a.mp4"
    source.write_bytes(muxed(audio=None, b_frames=b_frames, seconds=4).body)
    with monkeypatch.context() as patch:
        patch.setattr(whole, "cut_table", None)
        told = cut_file(source, out, 0, FOREVER, start=start)
    general = cut_file(source, tmp_path / "b.mp4", 0, 1e9, start=start)
    assert told._replace(size=0) == general._replace(size=0)
    same_movie(out.read_bytes(), (tmp_path / "b.mp4").read_bytes())
    assert not check_file(out, source=source, decode=True).failures


def _headless() -> bytes:
    return muxed(audio=None, begin=BEGIN + 160, headless=True, seconds=3).body


def _silence_that_ends() -> bytes:
    """Sound comes in the second megabyte."""
    made = muxed(PLAIN, audio=None, seconds=2)
    filler = video(b"\0\0\1\x0c" + b"\xff" * 60_000)
    return made.body + filler * 20 + muxed(begin=BEGIN + 2400).body


@pytest.mark.parametrize("make", [_headless, _silence_that_ends, lambda: muxed(seconds=3).body])
def test_a_cut_of_all_that_is_no_plain_stream(make: Callable[[], bytes], tmp_path: Path) -> None:
    source = tmp_path / "a.ps"
    source.write_bytes(make())
    outcomes: list[object] = []
    for end in (FOREVER, 1e9):
        try:
            told = cut_file(source, tmp_path / f"{end}.mp4", 0, end)
            outcomes.append((told, (tmp_path / f"{end}.mp4").read_bytes()))
        except HikcoreError as error:
            outcomes.append(str(error))
    assert outcomes[0] == outcomes[1]
    assert not list(tmp_path.glob(".*"))
