"""The configuration: where it is found, what overrides what, and what its errors say."""

from pathlib import Path

import pytest

from hikcore.config import load
from hikcore.errors import ConfigurationError

WHOLE = """
[archive]
url = "s3+http://127.0.0.1:9000/footage"
access_key = "env:ARCHIVE_KEY"
secret_key = "file:/run/secrets/archive"
[spool]
folder = "/var/spool/hikcore"
limit = "20 GB"
[defaults]
scheme = "https"
username = "viewer"
password = "env:NVR_PASSWORD"
[sites.home]
name = "Home"
zone = "Asia/Tashkent"
[sites.home.devices.nvr-1]
kind = "isapi"
host = "192.0.2.10"
username = "admin"
device_time = "auto"
cameras = "all"
[sites.home.devices.gate]
host = "192.0.2.11"
[sites.home.cameras.door]
device = "nvr-1"
channel = 1
streams = ["main"]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "hikcore.toml"
    path.write_text(WHOLE)
    return path


def refused(file: Path, text: str, environ: dict[str, str] | None = None) -> str:
    file.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        load(file, environ=environ or {})
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_the_whole_example(file: Path) -> None:
    config = load(file, environ={})
    nvr = config.site("home").device("nvr-1")
    gate = config.site("home").device("gate")
    assert config.settings.spool.limit == 20_000_000_000
    assert (nvr.username, nvr.scheme) == ("admin", "https")
    assert (gate.username, gate.scheme, str(gate.password)) == (
        "viewer",
        "https",
        "env:NVR_PASSWORD",
    )
    assert str(config.site("home").zone) == "Asia/Tashkent"


@pytest.mark.parametrize(
    ("text", "size"),
    [("20 GB", 20 * 10**9), ("1.5GiB", 3 << 29), ("500MB", 5 * 10**8), ("7", 7), ("2 kib", 2048)],
)
def test_sizes(file: Path, text: str, size: int) -> None:
    config = load(file, environ={}, overrides={"spool.limit": text})
    assert config.settings.spool.limit == size


def test_command_line_over_environment_over_file_over_default(file: Path) -> None:
    environ = {
        "HIKCORE__SITES__HOME__DEVICES__NVR_1__HOST": "198.51.100.1",
        "HIKCORE__SITES__HOME__DEVICES__NVR_1__PORT": "8443",
        "HIKCORE__SITES__HOME__CAMERAS__DOOR__STREAMS": '["main", "sub"]',
        "HIKCORE__ARCHIVE__REGION": "eu-1",
    }
    overrides = {"sites.home.devices.nvr-1.host": "203.0.113.9"}
    config = load(file, environ=environ, overrides=overrides)
    device = config.site("home").device("nvr-1")
    assert (device.host, device.port, device.tls) == ("203.0.113.9", 8443, "verify")
    assert config.site("home").camera("door").streams == ("main", "sub")
    assert config.origins["sites.home.devices.nvr-1.host"] == "command line"
    assert config.origins["sites.home.devices.nvr-1.port"].startswith("environment HIKCORE__")
    assert config.origins["sites.home.zone"] == f"file {file}"
    assert "sites.home.devices.nvr-1.tls" not in config.origins


def test_places_are_searched_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    environ = {"XDG_CONFIG_HOME": str(tmp_path / "xdg")}
    with pytest.raises(ConfigurationError) as caught:
        load(environ=environ)
    for place in (
        "--config",
        "HIKCORE_CONFIG",
        f"{tmp_path}/hikcore.toml",
        "xdg/hikcore/hikcore.toml",
    ):
        assert place in str(caught.value)
    text = '[archive]\nurl = "/{}"'
    for name, path in (
        ("xdg", tmp_path / "xdg/hikcore/hikcore.toml"),
        ("here", tmp_path / "hikcore.toml"),
        ("variable", tmp_path / "by-variable.toml"),
        ("option", tmp_path / "by-option.toml"),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.format(name))
        if name == "variable":
            environ["HIKCORE_CONFIG"] = str(path)
        found = load(path if name == "option" else None, environ=environ)
        assert found.settings.archive.url == f"/{name}"


def test_a_named_file_has_to_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "hikcore.toml").write_text(WHOLE)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match=r"HIKCORE_CONFIG names .*nowhere"):
        load(environ={"HIKCORE_CONFIG": str(tmp_path / "nowhere")})


def test_environment_alone_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    environ = {"HIKCORE__ARCHIVE__URL": "/footage", "XDG_CONFIG_HOME": str(tmp_path)}
    assert load(environ=environ).settings.archive.url == "/footage"


def test_an_unknown_key_names_the_nearest_and_its_file(file: Path) -> None:
    text = refused(file, WHOLE.replace('host = "192.0.2.11"', 'hots = "192.0.2.11"'))
    assert "sites.home.devices.gate.hots: unknown key" in text
    assert "nearest known: sites.home.devices.gate.host" in text
    assert f"file {file}" in text
    # And that the right one lacks, and every place where it could have been.
    assert "sites.home.devices.gate.host: not set" in text
    assert "HIKCORE__SITES__HOME__DEVICES__GATE__HOST" in text


def test_an_unknown_variable_is_not_passed_over(file: Path) -> None:
    text = refused(file, WHOLE, {"HIKCORE__SPOOL__LIMITS": "1 GB"})
    assert "HIKCORE__SPOOL__LIMITS" in text
    assert "nearest known: spool.limit" in text


def test_a_fault_in_the_defaults_is_told_once(file: Path) -> None:
    text = refused(file, WHOLE.replace('scheme = "https"', 'scheme = "ftp"'))
    assert text.count("scheme") == 1
    assert "defaults.scheme" in text


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"20 GB"', '"20 parsecs"', "no size"),
        ("Asia/Tashkent", "Asia/Taschkent", "no time zone"),
        ("sites.home.cameras.door", "sites.home.cameras.Door", "'Door' is no id"),
        ('device = "nvr-1"', 'device = "nvr-2"', "no device 'nvr-2' (known: nvr-1, gate)"),
        ("channel = 1", "channel = 0", "channel"),
        (
            '"s3+http://127.0.0.1:9000/footage"',
            '"s3+http://k:s@127.0.0.1/f"',
            "credentials in a URL",
        ),
        ('device_time = "auto"', 'tls = "pin:abc"', "none of: verify"),
        ("[spool]", "[spool", "TOML"),
    ],
)
def test_what_cannot_be_is_refused(file: Path, old: str, new: str, says: str) -> None:
    assert old in WHOLE
    assert says in refused(file, WHOLE.replace(old, new))


def test_one_channel_is_one_camera(file: Path) -> None:
    twice = WHOLE + '[sites.home.cameras.hall]\ndevice = "nvr-1"\nchannel = 1\n'
    assert "door and hall are both channel 1" in refused(file, twice)


def test_an_ambiguous_variable_is_refused(file: Path) -> None:
    both = WHOLE + '[sites.home.devices.nvr_1]\nhost = "192.0.2.12"\n'
    text = refused(file, both, {"HIKCORE__SITES__HOME__DEVICES__NVR_1__PORT": "80"})
    assert "may mean nvr-1 or nvr_1" in text


def test_cameras_by_id(file: Path) -> None:
    home = load(file, environ={}).site("home")
    assert (home.camera("door").device, home.camera("door").channel) == ("nvr-1", 1)
    assert (home.camera("nvr-1-12").device, home.camera("nvr-1-12").channel) == ("nvr-1", 12)
    with pytest.raises(ConfigurationError, match="did you mean 'door'"):
        home.camera("doors")
    with pytest.raises(ConfigurationError, match="is camera 'door'"):
        home.camera("nvr-1-01")
    with pytest.raises(ConfigurationError, match="no camera 'gate-01'"):
        home.camera("gate-01")  # its cameras are listed by hand
    with pytest.raises(ConfigurationError, match="`hikcore cameras home` lists all"):
        home.camera("hall")
