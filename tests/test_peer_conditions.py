"""Ordinary conditions in which the tools that people use today deliver wrong data, and ours.

Each test is a row of docs/comparison.md. The recorder is the one of that table: files of 4 s, each
overlapping the next by 1 s, over real HTTP; what a clip shows is read out of its pictures.
"""

from __future__ import annotations

import json
import logging
import re
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hikcore import HikvisionNVRClient
from hikcore.errors import DeviceBusy, DeviceError
from hikcore.instants import NS, Span, format_instant, parse_instant, to_datetime
from hikcore.sim.faults import Fault
from hikcore.sim.profile import Profile
from hikcore.sim.recorder import Recorder
from hikcore.sim.recordings import StoredFile
from tests.cli.conftest import PASSWORD, Command, Ran, Running, write_config
from tests.timecode import read_instants

BEGIN = parse_instant("2026-11-20T11:40:00Z")
#: What a user writes once they know their recorder: these tests are not about the clock.
KNOWN_CLOCK = ("--device-time", "local")
DOWNLOAD = "/ISAPI/ContentMgmt/download"


def profile(**changes: Any) -> Profile:
    """The recorder of the table; tables given replace entries of its own."""
    data: dict[str, Any] = {
        "name": "peers",
        "auth": {"password": PASSWORD},
        # Its Z means local time, as on most recorders.
        "clock": {"zone": "CST-5:00:00", "listing": "local", "frozen": "2026-11-20T12:00:00Z"},
        "recorded": {"since": "now-20m", "holes": [{"begin": "now-16m30s", "end": "now"}]},
        "dialect": {},
        "cameras": [
            {"channel": 1, "audio": "alaw", "gop": 5, "phase_ms": 480,
             "file_ms": 3_000, "overlap_ms": [1_000, 1_000]},
        ],
    }  # fmt: skip
    for table, entries in changes.items():
        data[table] |= entries
    return Profile.model_validate(data)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("coded-footage")


@pytest.fixture
def recorder(cache: Path) -> Iterator[Recorder]:
    with Running(profile(), cache) as running:
        yield running


@pytest.fixture
def hikcore(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Command:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("TEST_NVR_PASSWORD", PASSWORD)
    monkeypatch.setenv("HIKCORE_PASSWORD", PASSWORD)
    monkeypatch.delenv("HIKCORE_CONFIG", raising=False)
    return Command(capsys)


def span(begin: float, seconds: float) -> Span:
    """Seconds after BEGIN."""
    return Span(BEGIN + round(begin * NS), BEGIN + round((begin + seconds) * NS))


def download(hikcore: Command, recorder: Recorder, asked: Span, *more: str) -> Ran:
    """The command for one clip straight from the recorder."""
    times = format_instant(asked.begin), format_instant(asked.end)
    words = ["127.0.0.1", "admin", "-", *times, "--port", str(recorder.port), "--json"]
    return hikcore("download", *words, *more)


def clip_of(ran: Ran) -> Path:
    assert ran.code == 0, ran.err
    return Path(ran.lines[-1]["path"])


def client(recorder: Recorder, **more: Any) -> HikvisionNVRClient:
    """One that does not wait long between tries."""
    settings = {"timeout": 5.0, "backoff_factor": 0.01, "device_time": "local", **more}
    return HikvisionNVRClient("127.0.0.1", "admin", PASSWORD, port=recorder.port, **settings)


def fetch(recorder: Recorder, asked: Span, folder: Path, **more: Any) -> Path:
    """By the library."""
    begin, end = to_datetime(asked.begin), to_datetime(asked.end)
    return client(recorder, **more).download_by_time(1, begin, end, folder)


def truth(recorder: Recorder, asked: Span) -> list[int]:
    """The pictures of a span, and the one that covers its begin."""
    every = recorder.recorded(1, Span(asked.begin - NS, asked.end))
    covering = max(instant for instant in every if instant <= asked.begin)
    return [instant for instant in every if instant >= covering]


def shown(clip: Path) -> list[int]:
    return read_instants(str(clip))


def fetched(recorder: Recorder) -> Counter[str]:
    """How often each file was asked for whole; after a body that broke off a device is asked once
    whether it continues one."""
    asks = [r for r in recorder.requests if r.path == DOWNLOAD and "range" not in r.headers]
    bodies = [r.body.decode() for r in asks if r.status == 200]
    return Counter(match.group() for body in bodies for match in re.finditer(r"name=\d+", body))


def touched(recorder: Recorder, asked: Span) -> list[StoredFile]:
    return recorder.files(1, asked)


def spoil(recorder: Recorder, file: StoredFile, kind: str, **more: Any) -> None:
    """What happens to the download of one file, each time unless `nth` says which."""
    fault = {"match": DOWNLOAD, "body": f"name={file.name}", "kind": kind, **more}
    recorder.faults.add(Fault.model_validate(fault))


def half(recorder: Recorder, file: StoredFile) -> int:
    return recorder.vaults[1].size(file) // 2


def middle(recorder: Recorder, asked: Span) -> StoredFile:
    """A file that holds footage which no other one does."""
    files = touched(recorder, asked)
    return files[len(files) // 2]


def nothing_left(folder: Path) -> bool:
    """No file that could be taken for footage."""
    return not [
        p for p in folder.rglob("*") if p.suffix in {".mp4", ".json"} and p.parent == folder
    ]


def test_5_s_over_three_overlapping_files_are_5_s(
    hikcore: Command, recorder: Recorder, tmp_path: Path
) -> None:
    asked = span(30.1, 5)
    assert len(touched(recorder, asked)) == 3
    clip = clip_of(download(hikcore, recorder, asked))
    assert shown(clip) == truth(recorder, asked)
    assert len(shown(clip)) == 26  # 25, and the one that is on the screen at the begin
    assert shown(fetch(recorder, asked, tmp_path / "library")) == shown(clip)


@pytest.mark.parametrize(("page", "files", "seconds"), [(4, 9, 24), (40, 60, 177)])
def test_every_page_is_read_and_nothing_fetched_twice(
    hikcore: Command, cache: Path, tmp_path: Path, page: int, files: int, seconds: int
) -> None:
    asked = span(10.6, seconds)
    with Running(profile(dialect={"page_cap": page}), cache) as recorder:
        assert len(touched(recorder, asked)) == files > page
        assert shown(clip_of(download(hikcore, recorder, asked, *KNOWN_CLOCK))) == truth(
            recorder, asked
        )
        times = fetched(recorder)
        assert set(times.values()) == {1}
        assert {f"name={file.name}" for file in touched(recorder, asked)} <= set(times)
        assert len(times) <= files + 2  # a listing's whole seconds may touch one more on each side

        recorder.requests.clear()
        write_config(tmp_path, recorder.port)
        words = ("--from", format_instant(asked.begin), "--to", format_instant(asked.end))
        ran = hikcore("extract", "home/gate", *words)
        assert ran.code == 0, ran.err
        assert set(fetched(recorder).values()) == {1}
    archive = ("--archive", tmp_path / "archive")
    bounds = (format_instant(asked.begin), format_instant(asked.end))
    ran = hikcore("clip", "home/gate", *bounds, "-o", tmp_path / "c.mp4", *archive)
    assert ran.code == 0, ran.err
    assert shown(tmp_path / "c.mp4") == truth(recorder, asked)


def test_nothing_recorded_is_said_and_kept_as_an_answer(
    hikcore: Command, recorder: Recorder, tmp_path: Path
) -> None:
    asked = span(8 * 60, 30)
    ran = download(hikcore, recorder, asked, *KNOWN_CLOCK)
    assert ran.code == 4
    assert "no recording of that time" in ran.err
    assert nothing_left(tmp_path)
    write_config(tmp_path, recorder.port)
    bounds = (format_instant(asked.begin), format_instant(asked.end))
    assert hikcore("extract", "home/gate", "--from", bounds[0], "--to", bounds[1]).code == 0
    told = hikcore(
        "coverage", "home/gate", *bounds, "--archive", tmp_path / "archive", "--json"
    ).lines[-1]
    assert [s["state"] for s in told["cameras"][0]["stretches"]] == ["empty"]


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Shanghai", "UTC"])
@pytest.mark.parametrize("listing", ["local", "utc"])
def test_neither_the_clients_zone_nor_the_recorders_matters(
    hikcore: Command,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    zone: str,
    listing: str,
) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    asked = span(30.1, 5)
    try:
        with Running(profile(clock={"listing": listing}), cache) as recorder:
            # What the Z of this recorder means is not told: it is measured.
            assert shown(clip_of(download(hikcore, recorder, asked))) == truth(recorder, asked)
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize("kind", ["close", "no_length", "reset"])
def test_a_body_cut_once_is_fetched_again(recorder: Recorder, tmp_path: Path, kind: str) -> None:
    asked = span(30.1, 5)
    file = middle(recorder, asked)
    spoil(recorder, file, kind, at=half(recorder, file), nth=[1])
    assert shown(fetch(recorder, asked, tmp_path)) == truth(recorder, asked)
    assert fetched(recorder)[f"name={file.name}"] == 2


@pytest.mark.parametrize("kind", ["close", "no_length"])
def test_a_body_that_is_always_cut_leaves_a_hole_that_is_told(
    recorder: Recorder, tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    asked = span(30.1, 5)
    file = middle(recorder, asked)
    spoil(recorder, file, kind, at=half(recorder, file))
    with caplog.at_level(logging.WARNING, "hikcore.download"):
        clip = fetch(recorder, asked, tmp_path)
    every, there = truth(recorder, asked), shown(clip)
    assert set(there) < set(every)
    told = json.loads(clip.with_suffix(".json").read_text())
    assert told["state"] == "partial"
    holes = [Span(parse_instant(h["begin"]), parse_instant(h["end"])) for h in told["missing"]]
    lost = sorted(set(every) - set(there))
    assert all(any(h.begin <= instant < h.end for h in holes) for instant in lost)
    assert "nothing from" in caplog.text


def test_a_busy_recorder_is_waited_for(recorder: Recorder, tmp_path: Path) -> None:
    asked = span(30.1, 5)
    spoil(recorder, middle(recorder, asked), "busy", nth=[1, 2])
    assert shown(fetch(recorder, asked, tmp_path)) == truth(recorder, asked)


def test_a_recorder_that_stays_busy_is_an_error_and_leaves_no_file(
    recorder: Recorder, tmp_path: Path
) -> None:
    asked = span(30.1, 5)
    spoil(recorder, middle(recorder, asked), "busy")
    with pytest.raises(DeviceBusy):
        fetch(recorder, asked, tmp_path)
    assert nothing_left(tmp_path)
    assert len([r for r in recorder.requests if r.status == 503]) <= 5


def test_an_error_under_200_is_no_footage(recorder: Recorder, tmp_path: Path) -> None:
    asked = span(30.1, 5)
    spoil(recorder, middle(recorder, asked), "error200")
    with pytest.raises(DeviceError):
        fetch(recorder, asked, tmp_path)
    assert nothing_left(tmp_path)
    recorder.faults.clear()
    assert shown(fetch(recorder, asked, tmp_path)) == truth(recorder, asked)


def test_a_stall_ends_by_itself(recorder: Recorder, tmp_path: Path) -> None:
    asked = span(30.1, 5)
    file = middle(recorder, asked)
    spoil(recorder, file, "stall", at=half(recorder, file), seconds=3600, nth=[1])
    for each in recorder.files(1):
        recorder.vaults[1].size(each)  # made beforehand: filming must not look like a stall
    begin = time.monotonic()
    assert shown(fetch(recorder, asked, tmp_path, timeout=1.0)) == truth(recorder, asked)
    assert time.monotonic() - begin < 60  # and not an hour
    assert fetched(recorder)[f"name={file.name}"] >= 2


def test_a_wrong_password_is_sent_once(
    hikcore: Command, recorder: Recorder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HIKCORE_PASSWORD", "wrong-one")
    ran = download(hikcore, recorder, span(30.1, 5), *KNOWN_CLOCK)
    assert ran.code == 7
    assert len([r for r in recorder.requests if "authorization" in r.headers]) == 1
    assert nothing_left(tmp_path)


def test_one_request_a_file_and_one_challenge_in_all(recorder: Recorder, tmp_path: Path) -> None:
    asked = span(30.1, 24)
    fetch(recorder, asked, tmp_path)
    asks = [r for r in recorder.requests if r.path == DOWNLOAD]
    assert len(asks) == len(fetched(recorder)) >= 9
    assert len([r for r in recorder.requests if r.status == 401]) <= 1


def test_a_relative_folder_is_relative_to_where_one_is(
    hikcore: Command, recorder: Recorder, tmp_path: Path
) -> None:
    clip = clip_of(download(hikcore, recorder, span(30.1, 5), "--out", "a/b", *KNOWN_CLOCK))
    assert clip.resolve().parent == tmp_path / "a" / "b"
    assert sorted(p.suffix for p in (tmp_path / "a" / "b").iterdir()) == [".json", ".mp4"]


def test_every_row_of_the_table_is_a_test() -> None:
    page = (Path(__file__).parent.parent / "docs" / "comparison.md").read_text(encoding="utf-8")
    table = page.partition("| condition | hikcore |")[2].partition("\n\n")[0].splitlines()[2:]
    named = {line.rstrip("| ").rpartition("`")[0].rpartition("`")[2] for line in table}
    assert len(table) >= 13
    assert named <= set(globals())
