from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from hikcore.sources import login as login_module
from hikcore.sources import politeness as politeness_module
from hikcore.sources.everfocus.session import Session
from hikcore.sources.everfocus.settings import EverFocusSettings
from hikcore.sources.isapi import Busy, Retries
from tests.everfocus.client.device import Device

QUICK = EverFocusSettings(
    connect_timeout=2,
    idle_timeout=0.5,
    retries=Retries(attempts=3, initial=0.01, maximum=0.02, jitter=0.01),
    busy=Busy(initial=0.01, maximum=0.02, patience=0.03),
    requests=10_000,
)
#: All that may be asked is allowed.
OPEN = replace(QUICK, inventory=True, snapshots=True, scans=True)
MakeSession = Callable[..., Session]


@pytest.fixture(autouse=True)
def fresh_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ports come back between tests; what a process knows of a recorder must not."""
    monkeypatch.setattr(login_module, "_logins", {})
    monkeypatch.setattr(politeness_module, "_devices", {})


@pytest.fixture
async def device() -> AsyncIterator[Device]:
    async with Device() as device:
        yield device


@pytest.fixture
async def session(device: Device) -> AsyncIterator[MakeSession]:
    made: list[Session] = []

    def make(password: str = "geheim-1", **extra: Any) -> Session:
        extra.setdefault("settings", QUICK)
        extra.setdefault("port", device.port)
        made.append(Session("127.0.0.1", "admin", SecretStr(password), **extra))
        return made[-1]

    yield make
    for one in made:
        await one.aclose()
