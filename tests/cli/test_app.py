"""The command line as a whole: help, exit codes, and what an error looks like."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import typer
import typer.rich_utils  # which typer itself loads when help is first asked for
from rich.table import Table

from hikcore import errors
from hikcore.cli.app import COMMANDS as ALL
from hikcore.cli.app import application
from hikcore.cli.failures import guarded
from hikcore.cli.output import Output
from tests.cli.conftest import Command


def _all(found: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Every command there is, those of groups too."""
    inner = getattr(found, "commands", None)
    if inner is None:
        return [path]
    return [each for name in inner for each in _all(inner[name], (*path, name))]


COMMANDS = _all(typer.main.get_command(application()))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_json_debug_and_help(hikcore: Command, command: tuple[str, ...]) -> None:
    found = typer.main.get_command(application())
    for name in command:
        found = found.commands[name]  # type: ignore[attr-defined]
    options = {option for parameter in found.params for option in parameter.opts}
    assert {"--json", "--debug"} <= options
    assert all(getattr(p, "help", None) for p in found.params if p.opts != ["--help", "-h"])
    assert hikcore(*command, "--help").code == 0


@pytest.mark.parametrize("command", [(), ("clock",), *COMMANDS])
def test_help_fits_a_narrow_terminal(
    hikcore: Command, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    """Paragraphs flow, tables stay within the terminal, and no text like H:M:S becomes a picture
    (typer takes what stands between colons for the name of an emoji)."""
    monkeypatch.setattr(typer.rich_utils, "MAX_WIDTH", 80)
    out = hikcore(*command, "--help").out
    lines = [line.rstrip() for line in out.splitlines()]
    assert max(map(len, lines)) <= 80
    assert not [each for each in out if ord(each) > 0x2300 and not 0x2500 <= ord(each) < 0x2580]
    prose = [line for line in lines if line[:1] in ("", " ") and "Usage:" not in line]
    for line, following in pairwise(prose):
        if line.strip() and following.strip():
            # The next line's first word had no room on this one.
            assert len(line) + 1 + len(following.split()[0]) > 79, line


def test_a_command_loads_no_other_command_and_nothing_heavy() -> None:
    """(Typer itself loads pydantic where that is installed.)"""
    code = (
        "import sys; from hikcore.cli.app import run; "
        "assert run(['cut', 'nothing.mp4', '-o', 'out.mp4']) == 2; "
        "print(sorted(m for m in sys.modules if m.startswith('hikcore.cli.'))); "
        "print(sorted({'numpy', 'av', 'httpx', 'asyncio', 'minio'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded, heavy = done.stdout.splitlines()
    assert "hikcore.cli.cut" in loaded
    assert not any(f"hikcore.cli.{name}'" in loaded for name in ALL if name != "cut")
    assert heavy == "[]"


def test_all_commands_are_documented() -> None:
    text = (Path(__file__).parents[2] / "docs" / "cli.md").read_text()
    for command in COMMANDS:
        assert f"`{' '.join(command)}" in text


def test_exit_codes_are_documented() -> None:
    text = (Path(__file__).parents[2] / "docs" / "cli.md").read_text()
    codes = {
        value.exit_code
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, errors.HikcoreError)
    }
    for code in codes | {0, 3, 130}:
        assert f"\n| {code} |" in text


def test_help_loads_nothing_heavy() -> None:
    """What makes it answer at once on any machine; a time would depend on who else is at work."""
    ran = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "hikcore", "--help"],
        capture_output=True, check=True, text=True,
    )  # fmt: skip
    loaded = {line.rsplit("|", 1)[1].strip() for line in ran.stderr.splitlines() if "|" in line}
    assert "typer" in loaded
    assert loaded.isdisjoint({"av", "h11", "httpx", "minio", "numpy", "prefect", "websockets"})


def test_version(hikcore: Command) -> None:
    from hikcore import __version__

    ran = hikcore("--version")
    assert (ran.code, ran.out) == (0, f"hikcore {__version__}\n")


def test_an_unknown_command(hikcore: Command) -> None:
    ran = hikcore("extrakt", "--json")
    assert ran.code == 2
    assert "extrakt" in ran.err
    assert ran.lines[-1]["type"] == "exit_error"


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (
            errors.DeviceBusy("no room", where="home/nvr", hint="wait"),
            5,
            "error: home/nvr: no room",
        ),
        (errors.ArchiveCorrupt("a hash differs"), 9, "error: a hash differs"),
        (RuntimeError("a fault of ours"), 1, "error: a fault of ours"),
        (KeyboardInterrupt(), 130, "error: interrupted"),
    ],
)
def test_an_error_is_one_line(
    hikcore: Command, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, line: str
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("hikcore.cli.config.load_config", broken)
    ran = hikcore("config", "show")
    assert ran.code == code
    assert ran.err.splitlines()[0] == line
    assert "Traceback" not in ran.err
    assert hikcore("config", "show", "--json").lines[-1]["code"] == code
    if code != 130:
        assert "Traceback" in hikcore("config", "show", "--debug").err


def test_a_reader_that_leaves_is_no_stack(tmp_path: Path) -> None:
    """As in `hikcore simulate --list | head -0`."""
    done = subprocess.run(
        f"{sys.executable} -m hikcore simulate --list | true",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr


def test_profiles_are_listed(hikcore: Command) -> None:
    ran = hikcore("simulate", "--list", "--json")
    assert "default" in ran.lines[-1]["profiles"]


def test_brackets_in_a_name_are_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table("name")
    table.add_row("Door [red]<1>[/x]")
    Output(json=False).table(table)
    assert "Door [red]<1>[/x]" in capsys.readouterr().out


def test_simulate_streams_too() -> None:
    command = [sys.executable, "-m", "hikcore", "simulate", "--profile", "small", "--port", "0",
               "--rtsp-port", "0"]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(2)]
        port = int(lines[1].partition("rtsp port ")[2].partition(":")[0])
        with socket.create_connection(("127.0.0.1", port), 5) as client:
            client.sendall(b"OPTIONS rtsp://x/ RTSP/1.0\r\nCSeq: 1\r\n\r\n")
            assert client.recv(4096).startswith(b"RTSP/1.0 200 OK")
        process.send_signal(signal.SIGINT)
        process.wait(20)


def test_a_full_disk_is_a_limit_though_the_error_names_no_file() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "hikcore", "simulate", "--list"], stdout=full,
            stderr=subprocess.PIPE, text=True, check=False, timeout=120,
        )  # fmt: skip
    assert done.returncode == 8
    assert "make room" in done.stderr
    assert "report it" not in done.stderr


def test_a_core_that_is_older_than_the_sources(capsys: pytest.CaptureFixture[str]) -> None:
    """After a `git pull` without a build."""

    def work() -> int:
        raise ModuleNotFoundError("No module named 'hikcore.native.x'", name="hikcore.native.x")

    assert guarded(work, Output(json=False), debug=False) == 1
    assert "make demo" in capsys.readouterr().err
