"""`hikcore init`: a site's file of what a recorder lists, and no password in it."""

from __future__ import annotations

import hashlib
import ssl
import stat
import tomllib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from hikcore.cli.init import Vendor, _named
from hikcore.config.starter import camera_ids, slug, zones_of
from hikcore.deviceclock import ZoneRule
from hikcore.errors import ConfigurationError
from hikcore.sim.recorder import Recorder
from hikcore.sources.base import DeviceCamera
from hikcore.zonerule import zone_rule
from tests.cli.conftest import BEGIN, END, PASSWORD, Command, Running, documented, small
from tests.isapi.conftest import certificate

__all__ = ["certificate"]


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    file = tmp_path / "secret"
    file.write_text(PASSWORD + "\n")
    return file


def test_a_site_from_nothing(
    hikcore: Command, recorder: Recorder, tmp_path: Path, kept: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("TZ", "Asia/Samarkand")
    host = f"127.0.0.1:{recorder.port}"
    asked = ("init", host, "--site", "home", "--password-file", kept)
    shown = hikcore(*asked, "--dry-run")
    assert shown.code == 0, shown.err
    assert list(tmp_path.glob("*.toml")) == []
    done = hikcore(*asked, "--json")
    assert done.code == 0, done.err
    assert set(done.lines[-1]) <= documented("init")
    file = tmp_path / "sites.d" / "home.toml"
    assert file.read_text().strip() == shown.out.strip()
    site = tomllib.loads(file.read_text())["sites"]["home"]
    assert site["zone"] == "Asia/Samarkand"  # five hours east, as the recorder, and ours
    assert site["devices"]["nvr"]["password"] == f"file:{kept}"
    assert {id_: c["channel"] for id_, c in site["cameras"].items()} == {"gate": 1, "yard": 2}
    everything = "".join(p.read_text() for p in tmp_path.rglob("*.toml"))
    assert PASSWORD not in everything + shown.out + shown.err + done.out + done.err
    # What was written is enough for the rest.
    assert hikcore("config", "check").code == 0
    planned = hikcore("extract", "home", "--from", BEGIN, "--to", END, "--dry-run", "--json")
    assert planned.lines[-1]["chunks"] > 0
    again = hikcore(*asked)
    assert again.code == 2
    assert "configured already" in again.err


def test_the_password_of_the_environment_is_kept_where_it_is_asked_to(
    hikcore: Command, recorder: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = f"127.0.0.1:{recorder.port}"
    none = hikcore("init", host)
    assert none.code == 2
    assert "--password-file" in none.err
    monkeypatch.setenv("HIKCORE_PASSWORD", PASSWORD)
    new = tmp_path / "keys" / "nvr"
    done = hikcore("init", host, "--password-file", new, "--json")
    assert done.code == 0, done.err
    assert stat.S_IMODE(new.stat().st_mode) == 0o600
    assert done.lines[-1]["site"] == "site-127-0-0-1"
    bare = hikcore("init", host, "--site", "b", "--dry-run")
    assert 'password = "env:HIKCORE_PASSWORD"' in bare.out


def test_what_goes_wrong_writes_nothing(
    hikcore: Command, recorder: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HIKCORE_PASSWORD", "wrong-one")
    host = f"127.0.0.1:{recorder.port}"
    refused = hikcore("init", host)
    assert refused.code == 7
    assert hikcore("init", "127.0.0.1:1").code == 6
    assert hikcore("init", host, "--scheme", "https").code == 6
    assert hikcore("init", host, "--site", "No Id").code == 2
    assert list(tmp_path.rglob("*.toml")) == []


@pytest.fixture
def secure(cache: Path, certificate: tuple[Path, Path]) -> Iterator[Recorder]:
    """One that speaks TLS, with a certificate that nobody vouches for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    with Running(small(), cache, tls=context) as running:
        yield running


def test_a_recorder_of_another_kind_is_told_where_its_lines_are(
    hikcore: Command, kept: Path, tmp_path: Path
) -> None:
    """As an EverFocus one answers: refused, without a login that ISAPI knows."""

    class Other(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(401)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Other) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        ran = hikcore("init", f"127.0.0.1:{server.server_port}", "--password-file", kept)
        server.shutdown()
    assert ran.code == 7
    assert "--vendor everfocus" in ran.err
    assert list(tmp_path.glob("**/*.toml")) == []


def test_a_certificate_is_shown_before_it_is_trusted(
    hikcore: Command, secure: Recorder, tmp_path: Path, kept: Path, certificate: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    pin = hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate[0].read_text())).hexdigest()
    asked = ("init", f"127.0.0.1:{secure.port}", "--site", "home", "--password-file", kept)
    for more in ((), ("--scheme", "https"), ("--pin", "ab" * 32)):
        refused = hikcore(*asked, *more)
        assert refused.code == 2
        assert pin in refused.err
    # Nothing was sent through what nobody trusted, and nothing was written.
    assert secure.requests == []
    assert list(tmp_path.rglob("*.toml")) == []
    questions: list[str] = []

    def yes(question: str) -> bool:
        questions.append(question)
        return True

    shown = hikcore(*asked, "--pin", pin, "--dry-run")
    assert shown.code == 0, shown.err
    with monkeypatch.context() as patched:
        patched.setattr("hikcore.cli.init._asked", yes)
        done = hikcore(*asked)
    assert done.code == 0, done.err
    assert questions == ["Is that your recorder's?"]
    file = tmp_path / "sites.d" / "home.toml"
    assert file.read_text().strip() == shown.out.strip()
    device = tomllib.loads(file.read_text())["sites"]["home"]["devices"]["nvr"]
    assert (device["scheme"], device["port"]) == ("https", secure.port)
    assert device["tls"] == f"pin:{pin}"
    planned = hikcore("extract", "home", "--from", BEGIN, "--to", END, "--dry-run", "--json")
    assert planned.lines[-1]["chunks"] > 0


def test_a_certificate_that_verifies_needs_no_pin(
    hikcore: Command, secure: Recorder, kept: Path, certificate: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    host = f"127.0.0.1:{secure.port}"
    done = hikcore("init", host, "--site", "home", "--password-file", kept, "--dry-run")
    assert done.code == 0, done.err
    device = tomllib.loads(done.out)["sites"]["home"]["devices"]["nvr"]
    assert device["scheme"] == "https"
    assert device.get("tls", "verify") == "verify"


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ("192.0.2.1", ("192.0.2.1", None)),
        ("nvr.local:8080", ("nvr.local", 8080)),
        ("2001:db8::1", ("2001:db8::1", None)),
        ("[2001:db8::1]", ("2001:db8::1", None)),
        ("[2001:db8::1]:8080", ("2001:db8::1", 8080)),
    ],
)
def test_where_a_recorder_is(given: str, named: tuple[str, int | None]) -> None:
    assert _named(given, Vendor.ISAPI) == named


@pytest.mark.parametrize("given", ["nvr:web", "[2001:db8::1", "[2001:db8::1]80", "[2001:db8::1]:x"])
def test_what_is_no_place_is_said(given: str) -> None:
    with pytest.raises(ConfigurationError, match="neither HOST"):
        _named(given, Vendor.ISAPI)


def test_ids_of_names() -> None:
    names = ["Front Door", "Ворота", "Yard", "yard", "Café №3", "", "nvr-02", "  "]
    channels = [DeviceCamera(number, name) for number, name in enumerate(names, 1)]
    assert [id_ for id_, _ in camera_ids("nvr", channels)] == [
        "front-door", "nvr-02", "yard-03", "yard-04", "cafe-no3", "nvr-06", "nvr-07", "nvr-08",
    ]  # fmt: skip
    assert slug("x" * 80) == "x" * 63


def test_zones_by_their_rule() -> None:
    berlin = ZoneRule.parse("CST-1:00:00DST01:00:00,M3.5.0/02:00:00,M10.5.0/03:00:00")
    found = zones_of(berlin)
    assert found[0] == "Europe/Berlin"
    assert "Europe/Paris" in found
    assert "Europe/London" not in found
    assert zones_of(berlin, "Europe/Madrid")[0] == "Europe/Madrid"
    assert zones_of(berlin, "America/New_York")[0] == "Europe/Berlin"
    assert zones_of(zone_rule("Australia/Lord_Howe")) == ["Australia/Lord_Howe"]
    assert zones_of(ZoneRule(12_345)) == []
