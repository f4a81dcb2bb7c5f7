"""All commands, and what becomes of an error: one clear line, and the exit code of its kind.

A command's module declares its arguments and loads the rest when it runs, so that `--help` is fast.
Where a command is named, only its own module is loaded: those of all take as long as typer itself.
"""

from __future__ import annotations

import errno
import sys
from collections.abc import Sequence
from importlib import import_module

import typer

from hikcore.cli.output import Output
from hikcore.errors import HikcoreError

INTERRUPTED = 130
FAILED = 1
FULL = 8
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
    debug = "--debug" in arguments
    command = typer.main.get_command(application(arguments))
    try:
        # Not `command.main`, which has exit codes of its own for what we tell apart.
        with command.make_context("hikcore", list(arguments)) as context:
            command.invoke(context)
    except typer.Exit as done:
        return done.exit_code
    except (KeyboardInterrupt, typer.Abort):
        output.failed(INTERRUPTED, "Interrupted", "interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our output left (`hikcore … | head`); nothing more can be said there, and
        # the interpreter's own flush at exit must not complain.
        sys.stdout = None
        return FAILED
    except HikcoreError as error:
        if debug:
            _stack()
        output.failed(error.exit_code, type(error).__name__, error.message, error.where, error.hint)
        return error.exit_code
    except Exception as error:
        return _other(error, output, debug)
    return 0


def _other(error: Exception, output: Output, debug: bool) -> int:
    if isinstance(error, _ClickException):
        # Its own text names the option and the usage line.
        # The class is found at run time (above), so the type checker does not know its methods.
        error.show()  # type: ignore[attr-defined]
        output.failed(2, "UsageError", error.format_message(), quiet=True)  # type: ignore[attr-defined]
        return 2
    if debug:
        _stack()
    if isinstance(error, OSError) and error.filename:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        output.failed(
            FULL if full else FAILED,
            type(error).__name__,
            error.strerror or str(error),
            str(error.filename),
            "make room on that disk" if full else "check that it can be made and written to",
        )
        return FULL if full else FAILED
    output.failed(
        FAILED,
        type(error).__name__,
        str(error) or "an unexpected error",
        hint="" if debug else "run it again with --debug for the stack, and report it",
    )
    return FAILED


def _stack() -> None:
    import traceback

    traceback.print_exc()
