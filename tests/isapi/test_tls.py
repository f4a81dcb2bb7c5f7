"""Self-signed recorders: refused with the line that would trust them, then trusted by it."""

from __future__ import annotations

import hashlib
import re
import ssl
from pathlib import Path

import pytest

from hikcore.errors import ConfigurationError, DeviceUnreachable
from tests.isapi.conftest import MakeSource, recorded
from tests.isapi.device import Device, Reply


@pytest.fixture(autouse=True)
def tells_time(tls_device: Device) -> None:
    tls_device.handlers["GET", "/ISAPI/System/time"] = Reply(
        body=recorded("hikvision_ds-7616nxi-k2_v4.84.101_time.xml")
    )


async def test_the_error_names_the_pin_and_the_pin_works(
    tls_device: Device, source: MakeSource, certificate: tuple[Path, Path]
) -> None:
    where = {"port": tls_device.port, "scheme": "https"}
    with pytest.raises(DeviceUnreachable, match="not trusted") as caught:
        await source(tls="verify", **where).deviation()
    assert not caught.value.retryable
    line = re.search(r'tls = "(pin:[0-9a-f]{64})"', str(caught.value))
    assert line is not None
    der = ssl.PEM_cert_to_DER_cert(certificate[0].read_text())
    assert line[1] == "pin:" + hashlib.sha256(der).hexdigest()
    assert not tls_device.asked
    await source(tls=line[1], **where).deviation()
    await source(tls=line[1].upper().replace("PIN", "pin"), **where).deviation()


async def test_another_certificate_than_the_pinned_gets_no_request(
    tls_device: Device, source: MakeSource
) -> None:
    one = source(tls="pin:" + "ab" * 32, port=tls_device.port, scheme="https")
    with pytest.raises(DeviceUnreachable, match="not the pinned one"):
        await one.deviation()
    assert not tls_device.asked


async def test_a_ca_file_and_off(
    tls_device: Device, source: MakeSource, certificate: tuple[Path, Path]
) -> None:
    where = {"port": tls_device.port, "scheme": "https"}
    await source(tls=f"ca:{certificate[0]}", **where).deviation()
    await source(tls="off", **where).deviation()


@pytest.mark.parametrize("text", ["", "pin:", "pin:12", "ca:", "maybe", "verify:x"])
async def test_other_settings_are_refused(source: MakeSource, text: str) -> None:
    with pytest.raises(ConfigurationError, match="verify, ca:FILE"):
        source(tls=text, scheme="https")


async def test_a_ca_file_that_is_none(source: MakeSource, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="CA file"):
        source(tls=f"ca:{tmp_path / 'none.pem'}", scheme="https")
