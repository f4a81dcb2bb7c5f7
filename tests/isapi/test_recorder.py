"""Against the simulated recorders: every file found, with its times, and every byte of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from hikcore.errors import DeviceAuthError, TransferInterrupted
from hikcore.instants import NS, Span
from hikcore.sim.faults import Fault
from hikcore.sim.profile import Hole, Profile
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


MANY = {"recorded": {"since": "now-6m", "holes": []}, "cameras": [
    {"channel": 3, "name": "Gate", "frame_ms": 1000, "gop": 10, "file_ms": 20_000},
]}  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    [
        {"dialect": {"page_cap": 3}},
        {"dialect": {"page_cap": 3, "full_page": "OK", "status": "responseStatusStrp"}},
        {"dialect": {"page_cap": 10, "position": "searchResultPosition"}},
        {"dialect": {"page_cap": 10, "position": "searchResultPosition", "full_page": "OK"}},
        {"dialect": {"container": "trackList", "search_id": "braces"}},
        {"dialect": {"container": "trackList", "namespace": None, "empty": "blank"}},
        {"dialect": {"bad_track": "refused", "matches": "total", "total": True}},
        {"dialect": {"download": ["POST body"], "uri_slash": False, "uri_port": 90}},
        {"dialect": {"content_length": False, "content_type": "video/mp4"}},
        {"auth": {"algorithm": "SHA-256", "nonce_uses": 2}},
        {"auth": {"refusal": "html", "nonce_uses": 1}},
        {"clock": {"suffix": "none", "http_date": "utc"}},
        {"clock": {"zone": "CST+3:00:00", "listing": "local"}},
        {"clock": {"zone": "CST+3:00:00", "listing": "utc"}},
        {"clock": {"zone": "GMT0:00:00"}},
    ],
    ids=str,
)
async def test_every_dialect_that_the_simulator_speaks(changes: dict[str, Any]) -> None:
    base = get_profile("small").model_dump(
        exclude={"cameras": True, "recorded": True, "auth": {"password"}}
    )
    for key, value in changes.items():
        base[key].update(value)
    async with Recorder(Profile.model_validate({**base, **MANY})) as recorder:
        one = source(recorder)
        assert [camera.channel for camera in await one.cameras()] == [3]
        span = Span(recorder.now() - 300 * NS, recorder.now())
        answer = await one.recordings(3, "main", span)
        assert answer.complete
        found = {r.name for r in answer.recordings}
        assert {f.name for f in recorder.files(3, span)} <= found
        assert len(found) == len(answer.recordings) >= 15
        got = bytearray()

        async def write(block: bytes) -> None:
            got.extend(block)

        row = answer.recordings[4]
        fetched = await one.fetch(row, write)
        assert fetched.size == len(got) == row.size
        assert not any(request.login == "wrong" for request in recorder.requests)
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
        assert [request.login for request in recorder.requests].count("wrong") == 1
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
async def test_a_passing_fault_is_survived(kind: str) -> None:
    async with Recorder(get_profile("small")) as recorder:
        one = source(recorder)
        span = Span(recorder.now() - 600 * NS, recorder.now())
        row = (await one.recordings(1, "main", span)).recordings[0]
        recorder.faults.add(Fault.model_validate({"kind": kind, "match": "download", "nth": [1]}))
        size = 0

        async def write(block: bytes) -> None:
            nonlocal size
            size += len(block)

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
