"""HTTPS and secure WebSockets: a certificate is verified or pinned, for both."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path

import pytest

from hikcore.errors import DeviceUnreachable
from tests.everfocus.client.conftest import MakeSession
from tests.everfocus.client.device import Device


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    command = (
        f"openssl req -x509 -newkey rsa:2048 -nodes -days 30 -keyout {key} -out {cert} "
        "-subj /CN=recorder -addext subjectAltName=IP:127.0.0.1"
    )
    subprocess.run(command.split(), check=True, capture_output=True)
    return cert, key


async def test_both_transports_trust_alike(
    certificate: tuple[Path, Path], session: MakeSession
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    async with Device(tls=context) as device:
        device.replies["GET", "/network/getPort"] = b'{"http_port": 80}'
        device.sockets["/meta/eventHook"] = ["x"]

        def made(tls: str) -> object:
            return session(port=device.port, scheme="https", tls=tls)

        with pytest.raises(DeviceUnreachable, match="not trusted") as caught:
            await made("verify").get("/network/getPort")  # type: ignore[attr-defined]
        assert device.asked == []
        pin = caught.value.hint.partition("fingerprint is ")[2][:64]
        for tls in (f"pin:{pin}", f"ca:{certificate[0]}", "off"):
            one = session(port=device.port, scheme="https", tls=tls)
            assert await one.get("/network/getPort") == {"http_port": 80}
            async with one.websocket("/meta/eventHook") as connection:
                assert await connection.recv() == "x"
        asked = len(device.asked)
        with pytest.raises(DeviceUnreachable, match="not the pinned one"):
            await made("pin:" + "0" * 64).get("/network/getPort")  # type: ignore[attr-defined]
        assert len(device.asked) == asked
