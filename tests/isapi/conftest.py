from __future__ import annotations

import ssl
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from hikcore.sources import login as login_module
from hikcore.sources import politeness as politeness_module
from hikcore.sources.isapi import Busy, IsapiSource, Retries, Settings
from tests.isapi.device import Device

RECORDED = Path(__file__).parent / "recorded"
QUICK = Settings(
    connect_timeout=2,
    idle_timeout=0.4,
    retries=Retries(attempts=3, initial=0.01, maximum=0.02, jitter=0.01),
    busy=Busy(initial=0.01, maximum=0.02, patience=0.03),
    requests=10_000,
)
MakeSource = Callable[..., IsapiSource]


def recorded(name: str) -> bytes:
    return (RECORDED / name).read_bytes()


@pytest.fixture(autouse=True)
def fresh_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ports come back between tests; what a process knows of a device must not."""
    monkeypatch.setattr(login_module, "_logins", {})
    monkeypatch.setattr(politeness_module, "_devices", {})


@pytest.fixture
async def device() -> AsyncIterator[Device]:
    async with Device() as device:
        yield device


@pytest.fixture
async def source(device: Device) -> AsyncIterator[MakeSource]:
    made: list[IsapiSource] = []

    def make(password: str = "geheim-1", **extra: Any) -> IsapiSource:
        extra.setdefault("settings", QUICK)
        extra.setdefault("port", device.port)
        source = IsapiSource("127.0.0.1", "admin", SecretStr(password), **extra)
        made.append(source)
        return source

    yield make
    for one in made:
        await one.aclose()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A self-signed certificate and its key, as a recorder makes them."""
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "30",
            "-keyout",
            str(key),
            "-out",
            str(cert),
            "-subj",
            "/CN=recorder",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
        ],
        check=True,
        capture_output=True,
    )
    return cert, key


@pytest.fixture
async def tls_device(certificate: tuple[Path, Path]) -> AsyncIterator[Device]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    async with Device(tls=context) as device:
        yield device
