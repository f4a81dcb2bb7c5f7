"""Over TLS, as the real cloud is spoken to."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path

import pytest

from hikcore.sim.hik_cloud.cloud import Cloud
from tests.hik_cloud.conftest import extract, profile, source, span


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    key, cert = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-keyout", key,
         "-out", cert, "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    return cert, key


@pytest.fixture
def context(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    found.load_cert_chain(*certificate)
    return found


async def test_footage_comes_over_tls_alone(
    certificate: tuple[Path, Path], context: ssl.SSLContext, tmp_path: Path
) -> None:
    async with Cloud(profile(), tls=context) as cloud:
        used = source(cloud, insecure_http=False, ca_file=str(certificate[0]))
        report = await extract(cloud, tmp_path, span(2100, 1800), used)
    assert (report.errors, report.count("held")) == ([], 1)


async def test_a_certificate_that_nobody_vouches_for_gets_no_request(
    context: ssl.SSLContext, tmp_path: Path
) -> None:
    async with Cloud(profile(), tls=context) as cloud:
        used = source(cloud, insecure_http=False)
        report = await extract(cloud, tmp_path, span(2100, 1800), used)
        assert cloud.requests == []
    assert "not trusted" in report.errors[0].message


async def test_footage_on_another_host_without_tls_is_refused(
    certificate: tuple[Path, Path], context: ssl.SSLContext, tmp_path: Path
) -> None:
    async with Cloud(profile(), tls=context) as cloud:
        cloud.api.media_url = cloud.api.media_url.replace("https", "http")
        used = source(cloud, insecure_http=False, ca_file=str(certificate[0]))
        report = await extract(cloud, tmp_path, span(2100, 1800), used)
        assert all(not each.path.startswith("/media") for each in cloud.requests)
    assert "not https" in report.errors[0].message
