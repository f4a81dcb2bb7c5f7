"""The client against the simulated recorder, which was written from the guide without it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from pydantic import SecretStr

from hikcore.errors import DeviceAuthError, DeviceRefused
from hikcore.instants import NS, Span
from hikcore.sim.everfocus import Nvr, nvr_profile
from hikcore.sources.everfocus.calls.streaming import EventMessage, Notice, control, parse
from hikcore.sources.everfocus.client import EverFocusClient
from hikcore.sources.everfocus.discovery import discover
from hikcore.sources.everfocus.replies import DeviceSaidError
from hikcore.sources.everfocus.session import Session
from tests.everfocus.client.conftest import OPEN

PASSWORD = "hikcore-12345"


@pytest.fixture
async def nvr() -> AsyncIterator[Nvr]:
    # `strict`: touching one management path fails the test.
    async with Nvr("everfocus-small", discovery_port=0) as nvr:
        yield nvr


@pytest.fixture
async def client(nvr: Nvr) -> AsyncIterator[EverFocusClient]:
    settings = replace(OPEN, idle_timeout=10)
    async with Session(
        "127.0.0.1", "admin", SecretStr(PASSWORD), port=nvr.port, settings=settings
    ) as session:
        yield EverFocusClient(session)


def last_hour(nvr: Nvr) -> Span:
    end = nvr.now() // (3600 * NS) * 3600 * NS
    return Span(end - 3600 * NS, end)


async def test_every_reading_is_understood(nvr: Nvr, client: EverFocusClient) -> None:
    """Each with a reply that is more than nothing."""
    cameras = await client.cameras()
    channel = cameras[0].channel
    assert (await client.camera(channel)).password.get_secret_value()
    assert {s.channel for s in await client.camera_status()} == {c.channel for c in cameras}
    encoders = await client.encoder_configurations([(channel, "main"), (channel, "sub")])
    assert [(e.channel, e.stream) for e in encoders] == [(channel, "main"), (channel, "sub")]
    assert all(e.width and e.gop and e.frame_rate for e in encoders)
    assert abs((await client.time()).time - nvr.now()) < NS
    ports = await client.ports()
    assert ports.http == nvr.port
    assert (await client.system_info()).serial
    assert (await client.overwrite()).days >= 0
    assert await client.storages()
    assert await client.smart("/dev/sdb")
    assert await client.snapshot_settings()
    assert await client.record_settings()
    assert await client.alarm_settings("Motion")
    assert await client.alarm_settings("GPIO")
    assert (await client.schedule(channel)).normal
    assert await client.schedules([channel], "Alarm")
    for call in (
        client.probe, client.scan_wifi, client.network, client.mobile_bitrate, client.poe_states,
        client.ddns, client.email, client.certificate, client.usb_storages, client.disk_groups,
        client.exception_alarm, client.accounts, client.gpio, client.pins, client.xfleet,
        client.gps_events, client.gsensor_events, client.ftp, client.ip_filter,
        client.configuration,
    ):  # fmt: skip
        assert await call(), call.__name__
    for about in (
        client.presets, client.tour_presets, client.camera_network, client.imaging,
        client.imaging_options, client.motion_settings,
    ):  # fmt: skip
        assert await about(channel), about.__name__
    assert await client.account("1")


async def test_footage(nvr: Nvr, client: EverFocusClient) -> None:
    span = last_hour(nvr)
    minutes = await client.record_map("minute", [1], span)
    assert minutes.span == span
    assert {len(row) for row in minutes.rows[1]} == {60}
    clips = await client.video_clips(1, span)
    assert clips
    asked = Span(clips[-1].end - 10 * NS, clips[-1].end - 5 * NS)
    async with client.backup_video_clip(1, asked) as clip:
        size = sum([len(block) async for block in clip.blocks()])
    assert size == clip.size > 1000
    with pytest.raises(DeviceSaidError):
        async with client.backup_video_clip(99, asked):
            pass
    async with client.playback(1, asked.begin, "one") as connection:
        assert bytes(await connection.recv())[:4] == bytes.fromhex("15966389")
        await client.control_playback("one", "pause")
        await connection.send(control("stop"))
    with pytest.raises(DeviceSaidError):
        await client.control_playback("nobody's", "pause")


async def test_what_happened(nvr: Nvr, client: EverFocusClient) -> None:
    span = Span(nvr.now() - 7200 * NS, nvr.now())
    events = await client.events([1, 2], span)
    assert events
    assert all(e.footage_begin <= e.begin <= e.end <= e.footage_end for e in events)
    metadata = await client.metadata(1, span, "manualStart")
    assert all(m.type == "manualStart" and span.begin <= m.time < span.end for m in metadata)
    assert all(span.begin <= e.time <= span.end for e in await client.logs(span.begin, span.end))


async def test_snapshots(nvr: Nvr, client: EverFocusClient) -> None:
    path = await client.take_snapshot(1)
    assert (await client.download_snapshot(path))[:3] == b"\xff\xd8\xff"
    found = await client.snapshots([1], Span(nvr.now() - 3600 * NS, nvr.now() + NS), ["Manual"])
    assert path in {one.path for one in found}
    with pytest.raises(DeviceSaidError):
        await client.download_snapshot("/nowhere.jpg")


async def test_listeners(nvr: Nvr, client: EverFocusClient) -> None:
    async with client.event_hook() as events, client.message_listener() as notices:
        async with client.status_stream() as states, asyncio.timeout(5):
            assert await states.recv()
        while not nvr.event(1, "Motion", "active"):
            await asyncio.sleep(0.01)
        nvr.step_clock(2)
        async with asyncio.timeout(5):
            assert parse(EventMessage, await events.recv())[0].state == "active"
            assert parse(Notice, await notices.recv())[0].message == "sysTimeChanged"


async def test_warnings(nvr: Nvr, client: EverFocusClient) -> None:
    await client.ports()
    assert any("change_pwd" in text for text in client.session.warnings)


async def test_a_restart_ends_logins(nvr: Nvr, client: EverFocusClient) -> None:
    await client.ports()
    nvr.door.expire()
    await client.ports()
    async with client.live(1) as connection:
        nvr.door.expire()
        assert await connection.recv()
    await client.cameras()
    assert nvr.door.attempts == 3


@pytest.mark.parametrize(
    ("login", "settings"),
    [
        ({"place": "address"}, {}),
        ({"rotates": True}, {}),
        ({"prehash": "md5"}, {"password_prehash": "md5"}),
        ({"algorithm": "sha256"}, {"login_algorithm": "sha256"}),
        ({"method": "GET"}, {"login_method": "GET"}),
        ({"uri": "/"}, {"login_uri": "/"}),
    ],
)
async def test_each_reading_of_the_login_has_its_setting(
    login: dict[str, object], settings: dict[str, object]
) -> None:
    async with Nvr(nvr_profile("everfocus-small", login=login)) as nvr:

        def made(**changed: object) -> Session:
            return Session(
                "127.0.0.1",
                "admin",
                SecretStr(PASSWORD),
                port=nvr.port,
                settings=replace(OPEN, **changed),
            )

        async with made(**settings) as session:
            assert await session.get("/network/getPort")
        assert nvr.door.attempts == 1
        if settings:
            async with made() as session:
                with pytest.raises(DeviceAuthError):
                    await session.get("/network/getPort")
            assert nvr.door.attempts == 2  # no other reading was tried


async def test_management_is_refused_before_it_is_sent(nvr: Nvr, client: EverFocusClient) -> None:
    for path in ("/storage/format", "/system/reboot", "/device/deleteCamera"):
        with pytest.raises(DeviceRefused):
            await client.session.get(path)
    assert nvr.requests == []


async def test_it_is_found(nvr: Nvr) -> None:
    assert nvr.discovery_port is not None
    for order in ("printed", "reversed"):
        settings = replace(OPEN, discovery_port=nvr.discovery_port, discovery_order=order)
        found = await discover(["127.0.0.1"], settings=settings, timeout=0.2)
        expected = [("127.0.0.1", nvr.port, "NVR")] if order == "printed" else []
        assert [(one.address, one.http_port, one.category) for one in found] == expected
