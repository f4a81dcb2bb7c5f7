"""`hikcore init` of every vendor: what is written is whole, and holds no secret."""

from __future__ import annotations

import asyncio
import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from hikcore.config import load
from hikcore.config.starter import NewDevice, NewSite, site_file
from hikcore.sim.recorder import Recorder
from hikcore.sources.base import DeviceCamera
from tests.cli.conftest import Command, documented
from tests.everfocus.source.test_command import CLOUD_SECRET, PASSWORD, cloud, new
from tests.flows.secrets import in_files


@contextmanager
def elsewhere(make: Any) -> Iterator[Any]:
    """A simulated device in a thread of its own, as the command blocks this one."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def run(coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result(60)

    async def made() -> Any:
        return await make().__aenter__()

    device = run(made())
    try:
        yield device
    finally:
        run(device.__aexit__(None, None, None))
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)


def site(folder: Path, id_: str) -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads((folder / f"sites.d/{id_}.toml").read_text())
    return found["sites"][id_]  # type: ignore[no-any-return]


def test_an_everfocus_recorder(
    hikcore: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HIKCORE_PASSWORD", PASSWORD)
    with elsewhere(new) as nvr:
        host = f"127.0.0.1:{nvr.port}"
        done = hikcore("init", host, "--vendor", "everfocus", "--site", "mall", "--json")
        assert done.code == 0, done.err
        assert set(done.lines[-1]) <= documented("init")
        written = site(tmp_path, "mall")
        device = written["devices"]["nvr"]
        assert (device["kind"], device["port"]) == ("everfocus", nvr.port)
        assert device["password"] == "env:HIKCORE_PASSWORD"
        assert [c["channel"] for c in written["cameras"].values()] == [1]
        assert hikcore("config", "check", "--online").code == 0
        assert hikcore("cameras", "mall").code == 0
    assert in_files(tmp_path, PASSWORD) == []
    assert PASSWORD not in done.out + done.err


def test_all_devices_of_a_cloud_account(
    hikcore: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HIKCORE_PASSWORD", CLOUD_SECRET)
    asked = ("--vendor", "hik-cloud", "--username", "simulated-client", "--site", "shops")
    with elsewhere(cloud) as account:
        done = hikcore("init", account.url, *asked, "--json")
        assert done.code == 0, done.err
        written = site(tmp_path, "shops")
        assert done.lines[-1]["devices"] == ["sim000001"]
        device = written["devices"]["sim000001"]
        assert (device["kind"], device["serial"]) == ("hik_cloud", "SIM000001")
        assert device["cloud"] == {
            "base_url": account.url, "insecure_http": True,
            "client_id": "simulated-client", "client_secret": "env:HIKCORE_PASSWORD",
        }  # fmt: skip
        assert written["cameras"]
        assert hikcore("config", "check").code == 0
        assert hikcore("cameras", "shops").code == 0
        monkeypatch.setenv("HIKCORE_PASSWORD", "wr0ng-secret")
        refused = hikcore("init", account.url, *asked[:-1], "other")
        assert refused.code == 7, refused.err
        assert not (tmp_path / "sites.d/other.toml").exists()
    assert in_files(tmp_path, CLOUD_SECRET) == []


def test_where_a_recorder_streams_is_found_out(
    hikcore: Command, recorder: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.cli.conftest import PASSWORD as OF_ISAPI

    monkeypatch.setenv("HIKCORE_PASSWORD", OF_ISAPI)
    for port in (554, 10554):
        recorder._answers.documents.ports["RTSP"] = port
        name = f"p{port}"
        assert hikcore("init", f"127.0.0.1:{recorder.port}", "--site", name).code == 0
        assert site(tmp_path, name)["devices"]["nvr"].get("rtsp_port") == (
            None if port == 554 else port
        )


def test_cameras_of_several_devices_have_ids_of_their_own(tmp_path: Path) -> None:
    from hikcore.config.starter import camera_ids

    gate = [DeviceCamera(1, "Gate"), DeviceCamera(2, "Gate")]
    first = camera_ids("a", gate)
    second = camera_ids("b", [DeviceCamera(1, "Gate"), gate[0]], {id_ for id_, _ in first})
    devices = [
        NewDevice("a", {"kind": "hik_cloud", "serial": 'A"1', "cloud": {"client_id": "x"}}, first),
        NewDevice("b", {"host": "10.0.0.2", "port": 81}, second[:1]),
    ]
    (tmp_path / "sites.d").mkdir()
    (tmp_path / "hikcore.toml").write_text('[archive]\nurl = "/nowhere"\n')
    (tmp_path / "sites.d/s.toml").write_text(site_file(NewSite("s", "", [], devices)))
    section = load(tmp_path / "hikcore.toml").site("s").section
    assert section.devices["a"].serial == 'A"1'
    assert {id_: each.device for id_, each in section.cameras.items()} == {
        "gate-01": "a", "gate-02": "a", "b-01": "b",
    }  # fmt: skip
