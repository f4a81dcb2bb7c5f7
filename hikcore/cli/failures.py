"""What becomes of an error: one clear line, and the exit code of its kind (docs/cli.md)."""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable
from typing import Final

from hikcore.cli.output import Output
from hikcore.errors import HikcoreError

INTERRUPTED: Final = 130
FAILED: Final = 1
FULL: Final = 8
_FULL: Final = (errno.ENOSPC, errno.EDQUOT)


def guarded(work: Callable[[], int], output: Output, *, debug: bool) -> int:
    """The exit code of some work, whatever it raises."""
    try:
        return work()
    except KeyboardInterrupt:
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
        if debug:
            _stack()
        return _other(error, output, debug)


def _other(error: Exception, output: Output, debug: bool) -> int:
    full = isinstance(error, OSError) and error.errno in _FULL
    if isinstance(error, OSError) and (error.filename or full):
        # A write that fails does not name its file.
        output.failed(
            FULL if full else FAILED,
            type(error).__name__,
            error.strerror or str(error),
            str(error.filename or ""),
            "make room on that disk" if full else "check that it can be made and written to",
        )
        _give_up_output()
        return FULL if full else FAILED
    hint = "" if debug else "run it again with --debug for the stack, and report it"
    if isinstance(error, ImportError) and (error.name or "").startswith("hikcore.native"):
        hint = "the sources are newer than what was built of them: `make demo` or `pip install .`"
    output.failed(FAILED, type(error).__name__, str(error) or "an unexpected error", hint=hint)
    return FAILED


def _give_up_output() -> None:
    """Where our output is what cannot be written, the interpreter is not to try it again when it
    ends: from Python 3.13 on that makes an exit code of its own, 120."""
    try:
        if sys.stdout is not None:  # closed by who started us
            sys.stdout.flush()
    except OSError:
        sys.stdout = None


def _stack() -> None:
    import traceback

    traceback.print_exc()
