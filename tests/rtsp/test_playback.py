"""Recordings of a recorder that gives no files: played, kept, and shown as they were filmed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from hikcore.archive.local import LocalStore
from hikcore.archive.reader import Archive
from hikcore.archive.resolver import resolve
from hikcore.doctor.device import Subject, examine_device
from hikcore.errors import DeviceAuthError, DeviceRefused
from hikcore.extract.camera import extract_camera
from hikcore.extract.fetch import Patience
from hikcore.extract.report import CameraJob, CameraReport
from hikcore.extract.spool import Spool
from hikcore.instants import NS, Span
from hikcore.sim import rtp
from hikcore.sim.profile import Profile
from hikcore.sim.proxy import FaultProxy
from hikcore.sim.recorder import Recorder
from hikcore.sim.strikes import Strike
from hikcore.sources.isapi.settings import Settings
from hikcore.sources.isapi.source import IsapiSource
from hikcore.sources.isapi.status import Rejected
from hikcore.sources.patience import Retries
from tests.kill.objects import committed, raw_objects
from tests.sim.asking import NOON, TINY
from tests.timecode import read_instants

JOB = CameraJob("home", "door", "main", "nvr", 1)
HASTY = Patience(attempts=3, first=0.001, longest=0.002)
HOUR = Span(NOON - 3600 * NS, NOON)


def profile(*, camera: dict[str, Any] | None = None, rtsp: Any = None, **more: Any) -> Profile:
    """Half a minute a file, none of them to be downloaded."""
    cameras = [{**TINY["cameras"][0], **(camera or {})}]
    dialect = {"page_cap": 40, "download": [], **more.pop("dialect", {})}
    data = {**TINY, "dialect": dialect, "rtsp": rtsp or {}, "cameras": cameras, **more}
    return Profile.model_validate(data)


def source(recorder: Recorder, password: str = "", **settings: Any) -> IsapiSource:
    auth = recorder.profile.auth
    # Nothing but a stall has to be waited for: a loaded machine is no silent recorder.
    chosen = {"quiet": 6.0, "retries": Retries(3, 0.01, 0.02, 0.01), **settings}
    port = chosen.pop("rtsp_port", recorder.rtsp_port or 1)
    return IsapiSource(
        recorder.host,
        auth.username,
        SecretStr(password) if password else auth.password,
        port=recorder.port,
        now=recorder.now,
        settings=Settings(rtsp_port=port, **chosen),
    )


@asynccontextmanager
async def recorded(chosen: Profile) -> AsyncIterator[Recorder]:
    async with Recorder(chosen, rtsp_port=0) as recorder:
        yield recorder


async def extract(
    recorder: Recorder, folder: Path, span: Span = HOUR, *, tails: bool = False, **settings: Any
) -> tuple[CameraReport, LocalStore]:
    store = LocalStore(folder / "archive")
    device = source(recorder, **settings)
    try:
        report = await extract_camera(
            JOB, span, source=device, store=store, spool=Spool(folder / "spool", 1 << 30),
            patience=HASTY, now=recorder.now, tails=tails,
        )  # fmt: skip
    finally:
        await device.aclose()
    return report, store


def shown(store: LocalStore, span: Span, folder: Path) -> list[int]:
    """The instants in the pictures of a clip."""
    archive = Archive(store)
    path = folder / "clip.mp4"
    archive.clip("home", "door", span, path)
    return read_instants(str(path))


@pytest.mark.parametrize(
    ("camera", "rtsp"),
    [
        ({}, {}),
        ({"codec": "h265", "b_frames": 2, "audio": "ulaw"}, {"reports": "sent"}),
        ({"audio": None}, {"after_end": "runs_on", "reports": "none", "overrun_ms": 60_000}),
        ({}, {"after_end": "closes", "sets": False}),
    ],
)
async def test_what_was_played_is_shown_once(
    tmp_path: Path, camera: dict[str, Any], rtsp: dict[str, Any]
) -> None:
    async with recorded(profile(camera=camera, rtsp=rtsp)) as recorder:
        report, store = await extract(recorder, tmp_path)
        assert not report.errors
        # The recorder has just closed some, which are left until that is sure.
        closed = recorder.files(1)[: -report.growing]
        assert report.count("held") == len(closed) >= 3
        begin, end = closed[0].begin_ms * 10**6, closed[-1].end_ms * 10**6
        wanted = [at for at in recorder.recorded(1, Span(begin, end))]
        again, _ = await extract(recorder, tmp_path)
        assert not again.planned
    stretches = Archive(store).coverage("home", "door", Span(begin, end - NS))
    assert [stretch.state for stretch in stretches] == ["held"]
    found = shown(store, Span(begin - NS, end), tmp_path)
    assert found == [at for at in wanted if at <= found[-1]]
    assert len(found) > len(wanted) - 10


@pytest.mark.parametrize("kind", ["reset", "close", "stall"])
@pytest.mark.parametrize(
    ("camera", "rtsp"),
    [
        ({"codec": "h265", "b_frames": 2}, {}),
        ({}, {"reports": "none"}),
        # Every group is the same bytes: the sender's clock tells them apart.
        ({"scene": "static"}, {}),
    ],
)
async def test_cut_in_the_middle_nothing_is_lost_or_doubled(
    tmp_path: Path, kind: Any, camera: dict[str, Any], rtsp: dict[str, Any]
) -> None:
    async with recorded(profile(camera=camera, rtsp=rtsp)) as recorder:
        _, whole = await extract(recorder, tmp_path / "whole")
        port = recorder.rtsp_port
        asked = len(recorder.rtsp.requests)
        strikes = [Strike(kind=kind, nth=(1, 2, 4), at=90_000), Strike(kind="drop", nth=(3,))]
        async with FaultProxy(f"127.0.0.1:{port}", strikes, http=False) as proxy:
            quiet = 3.0 if kind == "stall" else 6.0
            report, cut = await extract(
                recorder, tmp_path / "cut", rtsp_port=proxy.port, quiet=quiet
            )
            assert not report.errors
            assert len(proxy.struck) == 4
        begins = [r.url.partition("starttime=")[2][:16] for r in recorder.rtsp.requests[asked:]]
        assert len(set(begins)) > report.count("held"), "it went on, and did not begin anew"
    one, other = (committed(raw_objects(each.url, {})) for each in (whole, cut))
    assert one == other


async def test_sixteen_playbacks_with_a_wrong_password_send_it_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with recorded(profile()) as recorder:
        good = source(recorder)
        answer = await good.recordings(1, "main", HOUR)
        row = answer.recordings[0]
        clock = await good.clock()
        await good.aclose()
        wrong = [source(recorder, "wr0ng-but-secret", playback="rtsp") for _ in range(16)]
        for each in wrong:
            each.read_as(clock)

        async def nothing(block: bytes) -> None:
            raise AssertionError

        errors = await asyncio.gather(
            *(each.fetch(row, nothing) for each in wrong), return_exceptions=True
        )
        assert {type(error) for error in errors} == {DeviceAuthError}
        assert [r.login for r in recorder.rtsp.requests].count("wrong") == 1
        before = len(recorder.requests)
        with pytest.raises(DeviceAuthError):
            await wrong[0].cameras()  # the same credentials over HTTP: nothing is sent
        assert len(recorder.requests) == before
        for each in wrong:
            await each.aclose()
    told = caplog.text + "".join(map(repr, errors)) + "".join(map(str, errors))
    assert "wr0ng" not in told
    assert recorder.profile.auth.password.get_secret_value() not in told


async def test_played_only_where_files_are_refused_for_good(tmp_path: Path) -> None:
    async with recorded(profile()) as recorder:
        report, _ = await extract(recorder, tmp_path / "a", playback="download")
        assert {type(error) for error in report.errors} == {Rejected}
        assert not recorder.rtsp.requests
    async with recorded(profile(dialect={"download": ["GET body"]})) as recorder:
        report, _ = await extract(recorder, tmp_path / "b")
        assert not report.errors
        assert not recorder.rtsp.requests
        report, store = await extract(recorder, tmp_path / "c", playback="rtsp")
        assert not report.errors
        assert not any(r.path.endswith("/download") for r in recorder.requests[-20:])
        kinds = {m.chunk.kind for m in Archive(store).manifests("home", "door", HOUR)}
        assert kinds == {"window"}
    async with Recorder(profile()) as recorder:  # nothing listens for RTSP
        report, _ = await extract(recorder, tmp_path / "d")
        assert {type(error) for error in report.errors} == {DeviceRefused}
        assert "rtsp_port" in str(report.errors[0])


async def test_packets_that_the_device_leaves_out_are_asked_for_again(tmp_path: Path) -> None:
    async with recorded(profile()) as recorder:
        _, whole = await extract(recorder, tmp_path / "whole")
        sent = rtp.Sender.packet
        dropped = 0

        def lossy(self: rtp.Sender, payload: bytes, ms: int, *, marker: bool) -> bytes:
            nonlocal dropped
            packet = sent(self, payload, ms, marker=marker)
            if self.packets % 97 == 0 and dropped < 3 and self.rate == 90_000:
                dropped += 1
                return packet[:3]  # shorter than a header: as if it had never come
            return packet

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(rtp.Sender, "packet", lossy)
            report, lost = await extract(recorder, tmp_path / "lost")
        assert not report.errors
        assert dropped == 3
    one, other = (committed(raw_objects(each.url, {})) for each in (whole, lost))
    assert one == other


async def test_a_tail_is_held_now_and_gives_way_to_the_closed_file(tmp_path: Path) -> None:
    recorded_so = {"since": "now-70s", "planned_ms": 20 * 60_000}
    chosen = profile(
        dialect={"download": ["GET body"]},
        recorded=recorded_so,
        camera={"file_ms": 100_000, "phase_ms": 480},
    )
    folder, span = tmp_path, Span(NOON - 600 * NS, NOON + 600 * NS)
    async with recorded(chosen) as recorder:
        nothing, store = await extract(recorder, folder, span)
        assert not nothing.planned
        assert nothing.growing == 1
        expected = recorder.files(1)[0].listed_ms * 10**6
        pending = Archive(store).coverage("home", "door", Span(NOON - 60 * NS, NOON))
        assert [s.state for s in pending] == ["pending"]
        assert pending[0].expected is not None
        assert expected <= pending[0].expected <= expected + 120 * NS

        seen: list[int] = []
        for _ in range(3):
            report, store = await extract(recorder, folder, span, tails=True)
            assert not report.errors
            assert [o.chunk.recording.kind for o in report.outcomes] == ["tail"]
            seen.append(report.received)
            again, _ = await extract(recorder, folder, span, tails=True)
            assert not again.planned, "what is held is not played again"
            recorder.advance(11)
        assert seen[1] < seen[0] / 2
        held = Archive(store).coverage("home", "door", Span(NOON - 70 * NS, recorder.now()))
        assert [s.state for s in held] == ["held", "pending"]
        tailed = shown(store, Span(NOON - 70 * NS, NOON + 20 * NS), folder)
        assert tailed == recorder.recorded(1, Span(NOON - 70 * NS, tailed[-1] + 1))

        recorder.advance(2000)
        report, store = await extract(recorder, folder, span)
        assert "file" in {o.chunk.recording.kind for o in report.outcomes}
        archive = Archive(store)
        footage = archive.footage("home", "door", Span(NOON - 70 * NS, NOON + 20 * NS))
        pieces = resolve(footage.manifests).take(1)
        kinds = {footage.manifests[piece.manifest].chunk.kind for piece in pieces}
        assert kinds == {"file"}
        assert shown(store, Span(NOON - 70 * NS, NOON + 20 * NS), folder)[: len(tailed)] == tailed


async def test_two_plays_and_a_kill_between_give_the_same_archive(tmp_path: Path) -> None:
    async with recorded(profile(camera={"codec": "h265"})) as recorder:
        stores = []
        for name in ("one", "two", "three"):
            if name == "three":
                task = asyncio.create_task(extract(recorder, tmp_path / name))
                spool = tmp_path / name / "spool"
                while not list(spool.glob("*.part")):
                    await asyncio.sleep(0.005)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
            _, store = await extract(recorder, tmp_path / name)
            stores.append(committed(raw_objects(store.url, {})))
            assert not list((tmp_path / name / "spool").iterdir())
    assert stores[0] == stores[1] == stores[2]


async def test_the_doctor_says_which_way_a_device_is_read(tmp_path: Path) -> None:
    chosen = profile(recorded={"since": "now-20m"}, camera={"file_ms": 100_000})
    async with recorded(chosen) as recorder:
        device = source(recorder)
        subject = Subject("home/nvr", recorder.host, recorder.port, device, channels=[1])
        report = await examine_device(subject, now=recorder.now, folder=tmp_path)
        await device.aclose()
        files = recorder.files(1)
    sample = next(each for each in report.findings if each.check == "sample")
    assert sample.verdict == "ok", sample
    assert "played over RTSP" in sample.text
    assert "10 s cut" in sample.text
    # Not a whole file was played for it.
    sent = max(recorder.vaults[1].size(file) for file in files if not file.growing)
    assert float(sample.text.split()[0]) * 1e6 < sent / 2
