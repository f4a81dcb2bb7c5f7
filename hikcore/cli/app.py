"""All commands, and what becomes of an error: one clear line, and the exit code of its kind.

A command's module declares its arguments and loads the rest when it runs, so that `--help` is fast.
Where a command is named, only its own module is loaded: those of all take as long as typer itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import typer

from hikcore.cli.failures import guarded
from hikcore.cli.output import Output

#: Typer carries a click of its own and does not name this class: the base of all usage errors.
_ClickException = typer.BadParameter.__mro__[2]

#: In the order of `--help`; each is a function in the module of its name, a group an `app` there.
COMMANDS = (
    "demo", "simulate", "init", "cameras", "extract", "coverage", "clip", "cut", "live", "listen",
    "events", "check", "download", "doctor", "logins",
)  # fmt: skip
GROUPS = ("clock", "config", "everfocus", "hik-cloud")


def application(arguments: Sequence[str] = ()) -> typer.Typer:
    """The command line: all of it, or what the arguments need if they begin with a command."""
    app = typer.Typer(
        name="hikcore",
        help="Recorded video out of NVRs into an archive, exactly once, and exact clips back.",
        no_args_is_help=True,
        add_completion=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_hikcore)
    named = arguments[0] if arguments and arguments[0] in (*COMMANDS, *GROUPS) else None
    for name in (*COMMANDS, *GROUPS):
        if named in (None, name):
            module = import_module(f"hikcore.cli.{name.replace('-', '_')}")
            if name in GROUPS:
                app.add_typer(module.app, name=name)
            else:
                app.command()(getattr(module, name))
    return app


def _version(asked: bool) -> None:
    if asked:
        from hikcore import __version__

        print(f"hikcore {__version__}")
        raise typer.Exit


def _hikcore(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version and exit."
    ),
) -> None:
    pass


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code."""
    output = Output(json="--json" in arguments)
    return guarded(lambda: _run(arguments, output), output, debug="--debug" in arguments)


def _unwrap(command: Any) -> None:
    """Make one line of each paragraph of the help, down to the last command.

    Typer keeps the line breaks of all paragraphs but the first, and the list of commands those of
    the first: in a terminal narrower than our lines each then ends in a stump.
    """
    paragraphs = (command.help or "").split("\n\n")
    command.help = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
    for each in getattr(command, "commands", {}).values():
        _unwrap(each)


def _run(arguments: Sequence[str], output: Output) -> int:
    command = typer.main.get_command(application(arguments))
    _unwrap(command)
    try:
        # Not `command.main`, which has exit codes of its own for what we tell apart.
        with command.make_context("hikcore", list(arguments)) as context:
            command.invoke(context)
    except typer.Exit as done:
        return done.exit_code
    except typer.Abort:
        raise KeyboardInterrupt from None
    except Exception as error:
        if not isinstance(error, _ClickException):
            raise
        # Its own text names the option and the usage line.
        error.show()  # type: ignore[attr-defined]  # its class is found at run time
        said = error.format_message()  # type: ignore[attr-defined]  # as above
        output.failed(2, "UsageError", said, quiet=True)
        return 2
    return 0
