"""The RTSP reader against the simulated recorder, with libav as the other opinion on every byte."""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing
from itertools import pairwise
from typing import Any

import av
import pytest
from pydantic import SecretStr

from hikcore.errors import DeviceAuthError, DeviceBusy, DeviceRefused, DeviceUnreachable
from hikcore.sim.faults import Fault
from hikcore.sim.profile import Profile
from hikcore.sim.recorder import Recorder
from hikcore.sources.rtsp import Account, NotThere, play
from hikcore.sources.rtsp_times import FIRST, Sample
from tests.sim.asking import PASSWORD, TINY

SPAN = "starttime=20261120T165810Z&endtime=20261120T165850Z"
#: The instant at which the playback of SPAN begins: a key picture, at or before it.
BEGIN = 1_795_175_890_000_000_000


def profile(*, camera: dict[str, Any] | None = None, **rtsp: Any) -> Profile:
    cameras = [{**TINY["cameras"][0], **(camera or {})}]
    return Profile.model_validate({**TINY, "rtsp": rtsp, "cameras": cameras})


def account(recorder: Recorder, password: str = PASSWORD, **more: Any) -> Account:
    assert recorder.rtsp_port is not None
    return Account("127.0.0.1", recorder.rtsp_port, "admin", SecretStr(password), **more)


def url(recorder: Recorder, query: str = f"tracks/101/?{SPAN}") -> str:
    return f"rtsp://127.0.0.1:{recorder.rtsp_port}/Streaming/{query}"


async def played(recorder: Recorder, most: int = 10**6, **more: Any) -> list[Sample]:
    found: list[Sample] = []
    async with (
        play(account(recorder), url(recorder), **more) as playing,
        aclosing(playing.samples(1.5)) as samples,
    ):
        async for sample in samples:
            found.append(sample)
            if len(found) >= most:
                break
    return found


def by_libav(recorder: Recorder) -> tuple[list[bytes], list[bytes]]:
    """(pictures, units of sound) as PyAV reads them."""
    address = url(recorder).replace("rtsp://", f"rtsp://admin:{PASSWORD}@")
    options = {"rtsp_transport": "tcp", "timeout": "2000000"}
    pictures: list[bytes] = []
    sounds: list[bytes] = []
    with av.open(address, options=options, timeout=5) as container:
        try:
            for packet in container.demux():
                (sounds if packet.stream.type == "audio" else pictures).append(bytes(packet))
        except av.error.FFmpegError:
            pass  # the recorder never ends a playback: the timeout does
    return pictures, sounds


@pytest.mark.parametrize(
    ("camera", "rtsp"),
    [
        ({"codec": "h264"}, {}),
        ({"codec": "h265"}, {"together": True, "most": 300}),
        ({"codec": "h264", "b_frames": 2}, {"together": True}),
        ({"codec": "h265", "b_frames": 2}, {}),
    ],
)
async def test_every_byte_is_as_libav_reads_it(camera: dict[str, Any], rtsp: Any) -> None:
    async with Recorder(profile(camera=camera, **rtsp), rtsp_port=0) as recorder:
        samples = await played(recorder)
        pictures, sounds = await asyncio.to_thread(by_libav, recorder)
    ours = [b"".join(b"\0\0\0\1" + unit for unit in s.units) for s in samples if s.kind == "video"]
    assert len(ours) >= 190
    # libav gives units behind start codes of three bytes and of four; it may hold the last back.
    plain = [picture.replace(b"\0\0\0\1", b"\0\0\1") for picture in pictures]
    assert [each.replace(b"\0\0\0\1", b"\0\0\1") for each in ours][: len(plain)] == plain
    assert len(plain) >= len(ours) - 1
    heard = [s.units[0] for s in samples if s.kind == "audio"]
    assert heard[: len(sounds)] == sounds
    assert len(heard) >= 1000


@pytest.mark.parametrize("reports", ["filmed", "sent", "none"])
async def test_distances_are_exact_whatever_reports_say(reports: str) -> None:
    async with Recorder(profile(reports=reports), rtsp_port=0) as recorder:
        samples = await played(recorder)
    pictures = [s for s in samples if s.kind == "video"]
    sounds = [s for s in samples if s.kind == "audio"]
    assert pictures[0].pts == FIRST
    assert pictures[0].sync
    assert {b.pts - a.pts for a, b in pairwise(pictures)} == {18_000}
    steps = [len(s.units[0]) * 90 // 8 for s in sounds]
    assert [b.pts - a.pts for a, b in pairwise(sounds)] == steps[:-1]
    # Sound lies beside the pictures: as PLAY said.
    assert abs(sounds[0].pts - pictures[0].pts) < 9_000
    walls = [s.wall for s in pictures]
    if reports == "none":
        assert set(walls) == {None}
    elif reports == "filmed":
        assert walls[0] is not None
        assert BEGIN - 2 * 10**9 <= walls[0] <= BEGIN
        assert {b - a for a, b in pairwise(walls) if a and b} <= {
            200_000_000 + n for n in (-1, 0, 1)
        }


async def test_a_session_is_ended_however_the_reader_ends() -> None:
    async with Recorder(profile(playbacks=1, leaks=True), rtsp_port=0) as recorder:
        await played(recorder, most=20)
        with pytest.raises(ZeroDivisionError):
            async with play(account(recorder), url(recorder)):
                raise ZeroDivisionError
        task = asyncio.create_task(played(recorder))
        while sum(request.method == "PLAY" for request in recorder.rtsp.requests) < 3:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        # A recorder that counts sessions which nobody ended would say 453 now.
        assert await played(recorder, most=3)


async def test_refusals_have_their_errors(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with Recorder(profile(playbacks=1), rtsp_port=0) as recorder:
        with pytest.raises(NotThere):
            async with play(account(recorder), url(recorder, f"tracks/901/?{SPAN}")):
                pass
        async with play(account(recorder), url(recorder)):
            with pytest.raises(DeviceBusy, match="453"):
                async with play(account(recorder), url(recorder)):
                    pass
        recorder.faults.add(Fault(match="SETUP", kind="status", status=461, nth=(1,)))
        with pytest.raises(DeviceRefused, match="461"):
            async with play(account(recorder), url(recorder)):
                pass
        before = len(recorder.rtsp.requests)
        with pytest.raises(DeviceAuthError) as refused:
            async with play(account(recorder, "not-it-5519"), url(recorder)):
                pass
        tries = recorder.rtsp.requests[before:]
        assert [request.login for request in tries] == ["challenge", "wrong"]
        port = account(recorder).port
    gone = Account("127.0.0.1", port, "admin", SecretStr(PASSWORD))
    with pytest.raises(DeviceUnreachable):
        async with play(gone, f"rtsp://127.0.0.1:{port}/Streaming/Channels/101"):
            pass
    for secret in ("not-it-5519", PASSWORD):
        assert secret not in caplog.text + str(refused.value) + repr(refused.value.__dict__)


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
async def test_basic_is_answered_only_where_it_may_be(algorithm: str) -> None:
    auth = {"scheme": "basic"} if algorithm == "MD5" else {"algorithm": algorithm}
    chosen = profile(basic=True)
    chosen = chosen.model_copy(update={"auth": chosen.auth.model_copy(update=auth)})
    async with Recorder(chosen, rtsp_port=0) as recorder:
        if algorithm == "MD5":
            with pytest.raises(DeviceAuthError, match="Basic"):
                async with play(account(recorder), url(recorder)):
                    pass
            assert "wrong" not in {request.login for request in recorder.rtsp.requests}
            assert not any("authorization" in r.headers for r in recorder.rtsp.requests)
        async with play(account(recorder, basic=True), url(recorder)) as playing:
            assert playing.video is not None
