"""Who holds a lease: a process, named so that its own machine can see whether it still lives.

Nothing here is needed for rightness. A holder of whom nothing can be seen is judged by whether his
lease changes, and by nothing else.
"""

from __future__ import annotations

import os
import platform
import secrets
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict

_PROC: Final = Path("/proc")
#: Of `/proc/<pid>/stat`, counted behind the name in parentheses: the state, and when the process
#: began in ticks since the machine did (proc(5), fields 3 and 22).
_STATE, _BEGAN = 0, 19
#: Dead and not yet waited for by whoever started it, or about to go.
_DEAD: Final = frozenset("ZXx")


class Holder(BaseModel):
    """A process that holds leases.

    Attributes:
        token: random, so that two of the same process are two.
        host, pid: for people.
        machine: boot of the machine and namespace of its process numbers; "" where that cannot be
            known. Only inside one of these does a process number name a process.
        began: when the process began, by that machine: numbers are used again.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    token: str
    host: str = ""
    pid: int = 0
    machine: str = ""
    began: str = ""

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}" if self.pid else "somebody else"


def ourselves() -> Holder:
    """This process, with a token of its own for each call."""
    return Holder(
        token=secrets.token_hex(8),
        host=platform.node() or "a machine without a name",
        pid=os.getpid(),
        machine=_machine(),
        began=_process(os.getpid())[1],
    )


def is_gone(holder: Holder) -> bool:
    """Whether it can be seen that a holder is dead: he was on this machine, and is not any more.
    False where he lives, and where nothing can be seen."""
    machine = _machine()
    if not machine or holder.machine != machine:
        return False
    state, began = _process(holder.pid)
    return state in _DEAD or began != holder.began


def _machine() -> str:
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
        # Containers on one machine share its boot, but each numbers its own processes.
        return f"{boot} {os.readlink(_PROC / 'self/ns/pid')}"
    except OSError:
        return ""


def _process(pid: int) -> tuple[str, str]:
    """State and beginning; both "" where there is no such process."""
    try:
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        return fields[_STATE], fields[_BEGAN]
    except (OSError, IndexError, UnicodeDecodeError):
        return "", ""
