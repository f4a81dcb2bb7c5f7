"""Secrets are read from where they are named, and shown nowhere."""

import traceback
from pathlib import Path

import pytest

from hikcore.config import Secret, load
from hikcore.errors import ConfigurationError

PLANTED = "Planted-9f1c"


@pytest.mark.parametrize(
    "form", ["env:SOME_SECRET", "file:{folder}/secret", "cmd:cat {folder}/secret"]
)
def test_three_forms(form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_SECRET", PLANTED)
    (tmp_path / "secret").write_text(PLANTED + "\n")
    secret = Secret(form.format(folder=tmp_path)).resolve("here")
    assert secret.get_secret_value() == PLANTED
    assert PLANTED not in repr(secret)


@pytest.mark.parametrize(
    "text", [PLANTED, "", "env:", "vault:x", "ENV:NAME", f"password {PLANTED}: yes"]
)
def test_a_secret_in_clear_is_refused_and_not_repeated(text: str, tmp_path: Path) -> None:
    file = tmp_path / "hikcore.toml"
    file.write_text(f'[archive]\nurl = "/x"\nsecret_key = "{text}"\n')
    with pytest.raises(ConfigurationError) as caught:
        load(file, environ={})
    message = "".join(traceback.format_exception(caught.value))
    assert PLANTED not in message
    assert "archive.secret_key" in message
    for form in ("env:NAME", "file:PATH", "cmd:COMMAND"):
        assert form in message


def test_a_secret_under_an_unknown_key_is_not_repeated(tmp_path: Path) -> None:
    file = tmp_path / "hikcore.toml"
    file.write_text(f'[archive]\nurl = "/x"\nsecretkey = "{PLANTED}"\n')
    with pytest.raises(ConfigurationError) as caught:
        load(file, environ={})
    message = "".join(traceback.format_exception(caught.value))
    assert "nearest known: archive.secret_key" in message
    assert PLANTED not in message


@pytest.mark.parametrize(
    ("reference", "says"),
    [
        ("env:NOT_SET_ANYWHERE", "NOT_SET_ANYWHERE is not set"),
        ("file:/nowhere/at/all", "/nowhere/at/all"),
        ("file:{folder}/empty", "is empty"),
        ("cmd:false", "ended with 1"),
        ("cmd:no-such-command-anywhere", "did not run"),
        ("cmd:'", "did not run"),
    ],
)
def test_one_that_cannot_be_had(reference: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(ConfigurationError, match=says) as caught:
        Secret(reference.format(folder=tmp_path)).resolve("sites.home.devices.nvr1.password")
    assert "sites.home.devices.nvr1.password" in str(caught.value)


def test_what_a_failing_command_prints_is_not_repeated() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Secret(f"cmd:sh -c 'echo {PLANTED}; exit 3'").resolve("here")
    assert PLANTED not in "".join(traceback.format_exception(caught.value))


def test_secrets_are_read_when_needed_only(tmp_path: Path) -> None:
    file = tmp_path / "hikcore.toml"
    file.write_text(
        f'[archive]\nurl = "{tmp_path}/archive"\n[sites.home.devices.nvr]\nhost = "192.0.2.1"\n'
        'username = "admin"\npassword = "env:NOT_SET_ANYWHERE"\n'
    )
    config = load(file, environ={})
    config.build_store()
    with pytest.raises(ConfigurationError, match="NOT_SET_ANYWHERE"):
        config.build_source("home", "nvr")
