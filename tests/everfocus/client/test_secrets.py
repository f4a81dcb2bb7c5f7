"""Passwords and cookies stand in no log, no error, and nothing that is shown."""

from __future__ import annotations

import logging
import traceback
from pathlib import Path

import pytest
from pydantic import SecretStr

from hikcore.errors import DeviceError
from hikcore.sources.everfocus.client import EverFocusClient
from hikcore.sources.everfocus.digest import Parameters, digest
from hikcore.sources.fileguard import FileGuard
from tests.everfocus.client.case import DAY
from tests.everfocus.client.cases_cameras import CAMERA
from tests.everfocus.client.conftest import OPEN, MakeSession
from tests.everfocus.client.device import Device, Reply
from tests.everfocus.client.guide import reply

PLANTED = "pflanze-geheim-1"
CAMERAS = "kamera-geheim-2"


async def _use(client: EverFocusClient, device: Device) -> list[str]:
    """All that goes well and all that fails, and what errors say."""
    device.replies["GET", "/device/cameraDetail"] = reply(
        "2.4", **CAMERA, UserName="admin", Password=CAMERAS, Schedule=1, TimeSync=1
    )
    device.replies["GET", "/record/backupVideoClip"] = Reply(b"RIFF\0\0\0\0AVI " * 9, cut=30)
    device.replies["GET", "/system/getTime"] = Reply(b"", 500)
    device.replies["GET", "/network/getFTP"] = f'{{"active": "{CAMERAS}"}}'.encode()
    device.sockets["/meta/eventHook"] = ["x"]
    shown: list[str] = []
    for call in (
        lambda: client.camera(3),
        client.time,
        client.ftp,
        client.cameras,
        lambda: client.session.get("/system/reboot"),
    ):
        try:
            shown.append(f"{await call()!r}")
        except DeviceError as error:
            shown += [repr(error), str(error), *traceback.format_exception(error)]
    try:
        async with client.backup_video_clip(1, DAY) as clip:
            async for _ in clip.blocks():
                pass
    except DeviceError as error:
        shown += traceback.format_exception(error)
    async with client.event_hook() as connection:
        await connection.recv()
        shown.append(repr(connection))
    device.sockets.clear()
    try:
        async with client.event_hook():
            pass
    except DeviceError as error:
        shown += traceback.format_exception(error)
    return shown


@pytest.mark.parametrize("right", [True, False])
async def test_nothing_tells_a_secret(
    device: Device,
    session: MakeSession,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
    right: bool,
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("httpx", "httpcore", "websockets", "websockets.client", "hikcore", "asyncio"):
        caplog.set_level(logging.DEBUG, logger=name)
    device.password = PLANTED if right else "anders"
    guard = FileGuard(tmp_path, "127.0.0.1", device.port, "admin", SecretStr(PLANTED))
    one = session(PLANTED, settings=OPEN, guard=guard)
    client = EverFocusClient(one)
    shown: list[str] = []
    if right:
        shown += await _use(client, device)
        assert device.logins == 1
    else:
        with pytest.raises(DeviceError) as caught:
            await client.cameras()
        shown += traceback.format_exception(caught.value)
    await one.aclose()
    said = "\n".join([*shown, caplog.text, repr(one), repr(client), *one.warnings])
    said += "".join(path.read_text() for path in tmp_path.iterdir())
    cookies = set(device.nonces)
    assert cookies
    for secret in (PLANTED, CAMERAS, *cookies, *device.nonces.values()):
        assert secret not in said
    assert "geheim" not in "".join(asked.query for asked in device.asked)
    assert all(PLANTED.encode() not in asked.body for asked in device.asked)


def test_a_digest_is_not_the_password() -> None:
    said = digest("admin", SecretStr(PLANTED), Parameters("r", "auth", "n", ""), "c", OPEN)
    assert PLANTED not in said
    assert len(said) == 32
