"""Against the simulated recorders: every file found, with its times, and every byte of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pydantic import SecretStr

from hikcore.errors import DeviceAuthError, DeviceError, TransferInterrupted
from hikcore.instants import NS, Span
from hikcore.sim.faults import Fault
from hikcore.sim.profile import Hole
from hikcore.sim.profiles import get_profile
from hikcore.sim.recorder import Recorder
from hikcore.sources.isapi import IsapiSource, Settings
from tests.isapi.conftest import QUICK

#: The simulator makes footage when it is first asked for: nothing comes meanwhile.
PATIENT = replace(QUICK, idle_timeout=60)


def source(recorder: Recorder, password: str = "", settings: Settings = PATIENT) -> IsapiSource:
    auth = recorder.profile.auth
    return IsapiSource(
        recorder.host,
        auth.username,
        SecretStr(password or auth.password.get_secret_value()),
        port=recorder.port,
        settings=settings,
        now=recorder.now,
    )


@pytest.mark.parametrize("name", ["small", "utc", "dst", "three-over-one", "file-in-file"])
async def test_every_file_of_every_camera(name: str) -> None:
    async with Recorder(get_profile(name)) as recorder:
        one = source(recorder)
        clock = await one.clock()
        assert clock.listing == recorder.profile.clock.listing
        assert clock.zone == recorder.profile.clock.rule
        span = Span(recorder.now() - 7200 * NS, recorder.now() + 7200 * NS)
        for camera in await one.cameras():
            answer = await one.recordings(camera.channel, "main", span)
            files = recorder.files(camera.channel)
            assert answer.complete
            assert [r.span.begin // NS for r in answer.recordings] == [
                f.begin_ms // 1000 for f in files
            ]
            assert [r.span.end // NS for r in answer.recordings] == [
                max(f.listed_ms // 1000, f.begin_ms // 1000 + 1) for f in files
            ]
            assert all(
                r.growing for r, f in zip(answer.recordings, files, strict=True) if f.growing
            )
            closed = [r for r in answer.recordings[:-1] if r.span.end < recorder.now() - 60 * NS]
            assert not any(r.growing for r in closed)
            assert (await one.recordings(camera.channel, "sub", span)).recordings == ()
        first = (await one.recordings(1, "main", span)).recordings[0]
        got = bytearray()

        async def write(block: bytes) -> None:
            got.extend(block)

        fetched = await one.fetch(first, write)
        assert bytes(got) == b"".join(recorder.vaults[1].body(recorder.files(1)[0]))
        assert fetched.size == fetched.promised == first.size
        assert all(request.status != 503 for request in recorder.requests)
        await one.aclose()


async def test_narrow_spans_find_what_they_touch_in_the_hour_that_comes_twice() -> None:
    async with Recorder(get_profile("dst")) as recorder:
        one = source(recorder)
        for back in range(10, 560, 45):
            span = Span(recorder.now() - back * NS, recorder.now() - back * NS + 1)
            answer = await one.recordings(1, "main", span)
            wanted = [f.name for f in recorder.files(1, span)]
            assert set(wanted) <= {r.name for r in answer.recordings}, back
        await one.aclose()


async def test_a_wrong_password_is_counted_once_by_the_device() -> None:
    async with Recorder(get_profile("small")) as recorder:
        one = source(recorder, "falsch-2")
        for _ in range(4):
            with pytest.raises(DeviceAuthError):
                await one.cameras()
        assert [request.login for request in recorder.requests].count("wrong") <= 1
        assert len(recorder.requests) == 2
        await one.aclose()


@pytest.mark.parametrize("name", ["small", "utc"])
async def test_the_clock_inside_a_recording_says_what_z_means(name: str) -> None:
    """A recorder that stopped ten minutes ago: nothing is being written."""
    profile = get_profile(name)
    since = profile.recorded.model_copy(
        update={"holes": (*profile.recorded.holes, Hole(begin="now-4m", end="now+9h"))}
    )
    async with Recorder(profile.model_copy(update={"recorded": since})) as recorder:
        one = source(recorder)
        assert (await one.clock()).listing == profile.clock.listing
        assert recorder.bytes_served > 0
        await one.aclose()


@pytest.mark.parametrize("kind", ["drop", "busy", "error200", "empty"])
async def test_a_passing_fault_is_survived_or_named(kind: str) -> None:
    async with Recorder(get_profile("small")) as recorder:
        one = source(recorder)
        span = Span(recorder.now() - 600 * NS, recorder.now())
        row = (await one.recordings(1, "main", span)).recordings[0]
        recorder.faults.add(Fault.model_validate({"kind": kind, "match": "download", "nth": [1]}))
        size = 0

        async def write(block: bytes) -> None:
            nonlocal size
            size += len(block)

        if kind == "error200":
            with pytest.raises(DeviceError, match="Device Error"):
                await one.fetch(row, write)
            assert size == 0
        else:
            await one.fetch(row, write)
            assert size == row.size
        await one.aclose()


@pytest.mark.parametrize("kind", ["close", "reset", "stall", "wrong_length"])
async def test_a_body_cut_by_the_device(kind: str) -> None:
    async with Recorder(get_profile("small")) as recorder:
        one = source(recorder)
        span = Span(recorder.now() - 600 * NS, recorder.now())
        row = (await one.recordings(1, "main", span)).recordings[0]
        recorder.faults.add(
            Fault.model_validate(
                {"kind": kind, "match": "download", "at": 50_000, "by": 9, "seconds": 9}
            )
        )

        async def write(block: bytes) -> None:
            pass

        quick = source(recorder, settings=QUICK)
        with pytest.raises(TransferInterrupted):
            await quick.fetch(row, write)
        await quick.aclose()
        await one.aclose()
