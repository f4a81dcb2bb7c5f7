"""The simulated devices of `hikcore demo`, one of each vendor, and the file that names them."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from json import dumps as json_text
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hikcore.instants import NS, Span

if TYPE_CHECKING:
    from hikcore.config import Config
    from hikcore.sim.everfocus.nvr import Nvr
    from hikcore.sim.hik_cloud.cloud import Cloud
    from hikcore.sim.recorder import Recorder

#: The ports that the configuration made here names: `hikcore simulate` listens on the first one, so
#: that it goes on working.
PORTS: Final = {"nvr": 8000, "cloud": 8001, "dock": 8002}
#: The instant at which all three clocks stand.
_NOON: Final = "2026-11-20T12:00:00Z"

_TILL: Final = {
    "camera": {"channel": 1, "name": "Till", "frame_ms": 1000, "gop": 16, "phase_ms": 3_260},
    "holes": [{"begin": "now-34m10s", "end": "now-29m40s"}],
}
_RAMP: Final = {
    "main": {"channel": 1, "name": "Ramp", "audio": "ulaw", "frame_ms": 1000, "gop": 12,
             "phase_ms": 7_120},
}  # fmt: skip
_HOLE: Final = {"begin": "now-21m30s", "end": "now-18m5s"}

_CONFIG: Final = """\
# Made by `hikcore demo`. It works as long as simulated devices run beside it:
#   hikcore simulate
#   hikcore simulate --profile hik-cloud --port 8001
#   hikcore simulate --profile everfocus --port 8002
#   hikcore cameras --config {file}
[archive]
url = {archive}

[spool]
folder = {spool}
limit = "2 GB"

[sites.demo]
name = "Demonstration"
zone = "Asia/Tashkent"

# A Hikvision recorder, over ISAPI.
[sites.demo.devices.nvr]
host = "127.0.0.1"
port = {nvr}
username = "{username}"
password = {password}

[sites.demo.cameras.gate]
device = "nvr"
channel = 1

[sites.demo.cameras.yard]
device = "nvr"
channel = 2

[sites.demo.cameras.store]
device = "nvr"
channel = 4

# A camera whose footage is in the vendor's cloud.
[sites.demo.devices.cloud]
kind = "hik_cloud"
serial = "{serial}"

[sites.demo.devices.cloud.cloud]
base_url = "http://127.0.0.1:{cloud}"
insecure_http = true
client_id = "{client}"
client_secret = {secret}

[sites.demo.cameras.till]
device = "cloud"
channel = 1

# An EverFocus recorder: HTTP and WebSocket.
[sites.demo.devices.dock]
kind = "everfocus"
host = "127.0.0.1"
port = {dock}
username = "{username}"
password = {password}

[sites.demo.cameras.ramp]
device = "dock"
channel = 1
"""


@dataclass(frozen=True, slots=True)
class Devices:
    """The three of them, listening."""

    recorder: Recorder
    cloud: Cloud
    nvr: Nvr

    @property
    def hour(self) -> Span:
        """What is extracted: the hour before their clocks."""
        now = self.recorder.now()
        return Span(now - 3600 * NS, now)

    async def film(self, done: Callable[[float], None] | None = None) -> None:
        """Make the footage, so that no device is slow because of it.

        Args:
            done: told the part that is done, 0 to 1.
        """
        steps: list[tuple[float, Callable[[], Awaitable[None]]]] = [
            (0.93, self.nvr.prepare), (1.0, self.cloud.prepare),
        ]  # fmt: skip
        await self.recorder.prepare(done and (lambda part: done(part * 0.86)))
        for part, prepare in steps:
            await prepare()
            if done is not None:
                done(part)


@asynccontextmanager
async def devices(cache: Path) -> AsyncIterator[Devices]:
    """Run them.

    Args:
        cache: folder of coded footage.
    """
    from hikcore.sim.everfocus.nvr import Nvr
    from hikcore.sim.everfocus.profile import nvr_profile
    from hikcore.sim.hik_cloud.cloud import Cloud
    from hikcore.sim.hik_cloud.profile import CloudProfile, cloud_profile
    from hikcore.sim.profiles import get_profile
    from hikcore.sim.recorder import Recorder

    # One camera of each, a picture a second: enough to see that it works, and soon made.
    account = CloudProfile.model_validate(
        cloud_profile("hik-cloud").model_dump()
        | {"frozen": _NOON, "cameras": [_TILL], "serving": {"fresh": 0}}
    )
    dock = nvr_profile(
        "everfocus", cameras=[_RAMP], recorded={"holes": [_HOLE]}, login={"change_pwd": None}
    )
    async with (
        Recorder(get_profile("default"), cache=cache) as recorder,
        Cloud(account, cache=cache) as cloud,
        Nvr(dock, cache=cache) as nvr,
    ):
        yield Devices(recorder, cloud, nvr)


def configured(home: Path, made: Devices) -> Config:
    """Write a configuration as a user would, and read it, with the ports of these devices."""
    from hikcore.config import load

    auth, account = made.recorder.profile.auth, made.cloud.profile.account
    file = home / "hikcore.toml"
    secrets = {
        "password": _kept(home / "password", auth.password.get_secret_value()),
        "secret": _kept(home / "client-secret", account.client_secret.get_secret_value()),
    }
    places = {"archive": f"{home}/archive", "spool": f"{home}/spool", **secrets}
    # A TOML text is written as JSON writes it.
    quoted = {key: json_text(value) for key, value in places.items()}
    text = _CONFIG.format(
        file=file, username=auth.username, client=account.client_id,
        serial=made.cloud.profile.cameras[0].serial, **PORTS, **quoted,
    )  # fmt: skip
    file.write_text(text, encoding="utf-8")
    at = "sites.demo.devices"
    overrides = {
        f"{at}.nvr.port": str(made.recorder.port),
        f"{at}.dock.port": str(made.nvr.port),
        f"{at}.cloud.cloud.base_url": made.cloud.url,
    }
    return load(file, overrides=overrides, environ={})


def _kept(path: Path, secret: str) -> str:
    """A secret in a file that nobody else may read, as the configuration names it."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as out:
        out.write(secret + "\n")
    return f"file:{path}"
