"""One wrong password is sent once: by all tasks, processes and machines together."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

import pytest
from pydantic import SecretStr

from hikcore.archive.local import LocalStore
from hikcore.errors import DeviceAuthError
from hikcore.extract.loginguard import ArchiveGuard, Guards, refused_logins
from hikcore.instants import NS
from hikcore.sources import login as login_module
from hikcore.sources.base import LoginGuard, Refusal
from hikcore.sources.fileguard import FileGuard
from hikcore.sources.refusals import Credentials, new_note, parse_note
from tests.isapi.conftest import MakeSource, recorded
from tests.isapi.device import Device, Login, Reply

TIME = "/ISAPI/System/time"

#: One process of many: a source with a guard over files, and with one over an archive as well.
CHILD = """
import asyncio, sys
from pathlib import Path
from pydantic import SecretStr
from hikcore.archive.local import LocalStore
from hikcore.errors import DeviceAuthError
from hikcore.extract.loginguard import ArchiveGuard, Guards
from hikcore.sources.fileguard import FileGuard
from hikcore.sources.isapi import IsapiSource

port, password, state, archive = int(sys.argv[1]), SecretStr(sys.argv[2]), *sys.argv[3:5]
guards = [FileGuard(Path(state), "127.0.0.1", port, "admin", password)]
if archive:
    guards.append(ArchiveGuard(LocalStore(Path(archive)), "home", "nvr", "admin", password))

async def main():
    source = IsapiSource("127.0.0.1", "admin", password, port=port, guard=Guards(guards))
    outcomes = await asyncio.gather(*(source.deviation() for _ in range(4)), return_exceptions=True)
    await source.aclose()
    print({type(outcome).__name__ for outcome in outcomes})

asyncio.run(main())
"""


@pytest.fixture(autouse=True)
def tells_time(device: Device) -> None:
    device.handlers["GET", TIME] = Reply(
        body=recorded("hikvision_ds-7616nxi-k2_v4.84.101_time.xml")
    )


async def child(device: Device, password: str, state: Path, archive: Path | str = "") -> str:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CHILD, str(device.port), password, str(state), str(archive),
        env={**os.environ, "PYTHONPATH": os.getcwd()}, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    told, _ = await process.communicate()
    assert process.returncode == 0
    return told.decode().strip()


async def test_sixteen_processes_send_a_wrong_password_once(device: Device, tmp_path: Path) -> None:
    outcomes = await asyncio.gather(*(child(device, "falsch-2", tmp_path) for _ in range(16)))
    assert set(outcomes) == {"{'DeviceAuthError'}"}
    assert device.count("bad") == 1
    assert await child(device, "geheim-1", tmp_path) == "{'Deviation'}"
    assert await child(device, "falsch-2", tmp_path) == "{'DeviceAuthError'}"
    assert device.count("bad") == 1


async def test_six_machines_that_share_an_archive_send_it_once(
    device: Device, tmp_path: Path
) -> None:
    store = LocalStore(tmp_path / "archive")
    outcomes = await asyncio.gather(
        *(child(device, "falsch-2", tmp_path / str(n), store.root) for n in range(6))
    )
    assert set(outcomes) == {"{'DeviceAuthError'}"}
    assert device.count("bad") == 1
    (key, note), *_ = refused_logins(store)
    assert key == "run/logins/home/nvr.json"
    assert note.holder == ""
    text = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"falsch-2" not in text


async def test_many_first_logins_with_the_right_password_all_succeed(
    device: Device, tmp_path: Path
) -> None:
    store = tmp_path / "archive"
    outcomes = await asyncio.gather(
        *(child(device, "geheim-1", tmp_path / str(n % 2), store) for n in range(6))
    )
    assert set(outcomes) == {"{'Deviation'}"}


@pytest.fixture(params=["file", "archive", "both"])
def guard(request: pytest.FixtureRequest, tmp_path: Path) -> LoginGuard:
    wrong = SecretStr("falsch-2")
    file = FileGuard(tmp_path / "state", "127.0.0.1", 80, "admin", wrong)
    archive = ArchiveGuard(LocalStore(tmp_path / "archive"), "home", "nvr", "admin", wrong)
    return {"file": file, "archive": archive, "both": Guards([file, archive])}[request.param]


async def test_a_refusal_stands_for_a_new_process_until_it_is_cleared(
    device: Device, source: MakeSource, guard: LoginGuard, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DeviceAuthError, match="hikcore logins --clear"):
        await source("falsch-2", guard=guard).deviation()
    monkeypatch.setattr(login_module, "_logins", {})  # as in a new process
    one = source("falsch-2", guard=guard)
    with pytest.raises(DeviceAuthError, match="nothing was sent now"):
        await one.deviation()
    assert device.count("bad") == 1
    await guard.accepted()
    device.login.password = "falsch-2"  # it was right after all
    await one.deviation()
    assert device.count("bad") == 1


async def test_a_refusal_of_others_stops_a_process_that_works(
    device: Device, source: MakeSource, guard: LoginGuard, monkeypatch: pytest.MonkeyPatch
) -> None:
    device.login.password = "falsch-2"
    one = source("falsch-2", guard=guard)
    await one.deviation()
    await guard.refused(Refusal("refused elsewhere", "", 0))
    monkeypatch.setattr(login_module, "_ASK_AGAIN", 0.0)
    before = len(device.asked)
    with pytest.raises(DeviceAuthError, match="refused elsewhere"):
        await one.deviation()
    assert len(device.asked) == before


async def test_a_lock_stands_no_longer_than_itself(
    device: Device, source: MakeSource, guard: LoginGuard
) -> None:
    """The right password of an account that somebody else has locked: not sent while the device
    tells of the lock, and tried once after it."""
    device.login = Login(password="falsch-2", locked=True)
    now = time.time_ns()
    one = source("falsch-2", guard=guard, now=lambda: now)
    for _ in range(3):
        with pytest.raises(DeviceAuthError, match="locked on the device for another 1800 s"):
            await one.deviation()
    assert [asked.login for asked in device.asked] == ["none"]
    device.login.locked = False
    now += 1700 * NS
    with pytest.raises(DeviceAuthError):
        await one.deviation()
    assert len(device.asked) == 1
    now += 131 * NS
    await one.deviation()
    assert device.count("bad") == 0


async def test_the_lock_is_read_where_the_refusal_says_nothing(
    device: Device, source: MakeSource
) -> None:
    device.login.style = "ipc"
    device.open["GET", "/ISAPI/Security/userCheck"] = Reply(
        401, recorded("hikvision_nvr_v4.61_usercheck-lock.xml")
    )
    with pytest.raises(DeviceAuthError, match="locked on the device for another 1800 s"):
        await source("falsch-2").deviation()
    assert [asked.login for asked in device.asked] == ["none", "bad", "none"]
    assert device.asked[-1].target == "/ISAPI/Security/userCheck"
    assert "authorization" not in device.asked[-1].headers


def test_a_note_names_credentials_and_gives_nothing_away() -> None:
    right, wrong = Credentials("admin", SecretStr("a")), Credentials("admin", SecretStr("b"))
    note = wrong.add(new_note("nvr"), Refusal("no", "", 5, None))
    note = wrong.add(note, Refusal("again", "", 6, None))
    assert [entry.message for entry in note.refused] == ["again"]
    assert right.find(note) is None
    assert wrong.find(parse_note(note.to_bytes())) == Refusal("again", "", 6, None)
    assert right.drop(note) is note
    assert wrong.drop(note).refused == ()
    assert parse_note(b"no note") is None
    other = Credentials("other", SecretStr("b"))
    assert other.find(note) is None


async def test_a_holder_that_died_is_followed_after_a_term(tmp_path: Path) -> None:
    store, secret = LocalStore(tmp_path), SecretStr("x")
    dead = ArchiveGuard(store, "home", "nvr", "admin", secret)
    await dead._take("dead")
    entered = []

    async def next_one() -> None:
        async with ArchiveGuard(store, "home", "nvr", "admin", secret, term=0.6).first():
            entered.append(time.monotonic())

    began = time.monotonic()
    await asyncio.gather(next_one(), next_one())
    assert len(entered) == 2
    assert min(entered) - began > 0.6


async def test_a_nonce_that_grew_old_while_waiting_is_not_used(
    device: Device, source: MakeSource, guard: LoginGuard, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hikcore.sources.isapi import auth

    monkeypatch.setattr(auth, "_LONG", 0.2)
    entered = asyncio.Event()

    async def hold() -> None:
        async with guard.first():
            entered.set()
            await asyncio.sleep(0.5)
            device._nonces.clear()  # and this device does not say `stale`

    device.login.password = "falsch-2"
    holding = asyncio.create_task(hold())
    await entered.wait()
    await source("falsch-2", guard=guard).deviation()
    await holding
    assert device.count("bad") == 0
