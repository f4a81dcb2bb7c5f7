"""The fields of a profile as a table: `python -m hikcore.sim.fields`; docs/simulator.md has it.

With `everfocus` behind it those of such a recorder, for docs/everfocus-simulator.md.
"""

from __future__ import annotations

import inspect
import re
import sys
import types
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic_core import PydanticUndefined

from hikcore.sim.alerts import AlertEvent, Alerts
from hikcore.sim.camera import CameraProfile
from hikcore.sim.everfocus.behaviour import (
    Answering,
    Backup,
    Clips,
    Logs,
    Maps,
    Playback,
    Snapshots,
    Socketing,
)
from hikcore.sim.everfocus.happened import EventRow, LogRow, MetaRow
from hikcore.sim.everfocus.profile import (
    Limit,
    Login,
    NvrCamera,
    NvrClock,
    NvrIdentity,
    NvrProfile,
)
from hikcore.sim.faults import Fault
from hikcore.sim.profile import (
    Auth,
    Clock,
    ClockStep,
    Dialect,
    Disk,
    ExtraFile,
    Hole,
    Identity,
    Limits,
    Profile,
    Recorded,
    Rtsp,
)
from hikcore.sim.psmux import MuxProfile
from hikcore.sim.weekly import Block

#: Tables in the order of the document: (how a profile names it, its model).
TABLES: tuple[tuple[str, type[BaseModel]], ...] = (
    ("(top)", Profile), ("identity", Identity), ("auth", Auth), ("clock", Clock),
    ("dialect", Dialect), ("limits", Limits), ("recorded", Recorded), ("recorded.holes", Hole),
    ("recorded.extra", ExtraFile), ("recorded.steps", ClockStep), ("disks", Disk),
    ("cameras", CameraProfile), ("cameras.schedule", Block), ("mux", MuxProfile), ("rtsp", Rtsp),
    ("alerts", Alerts), ("alerts.events", AlertEvent), ("faults", Fault),
)  # fmt: skip


#: Those of EverFocus recorders that the others do not have.
EVERFOCUS: tuple[tuple[str, type[BaseModel]], ...] = (
    ("(top)", NvrProfile), ("identity", NvrIdentity), ("login", Login), ("clock", NvrClock),
    ("answering", Answering), ("maps", Maps), ("clips", Clips), ("backup", Backup),
    ("playback", Playback), ("sockets", Socketing), ("snapshots", Snapshots), ("limits", Limit),
    ("cameras", NvrCamera), ("events", EventRow), ("metas", MetaRow), ("logs", LogRow),
    ("logging", Logs),
)  # fmt: skip


def markdown(tables: tuple[tuple[str, type[BaseModel]], ...] = TABLES) -> str:
    """All tables."""
    return "\n".join(line for name, model in tables for line in _table(name, model))


def _table(name: str, model: type[BaseModel]) -> Iterator[str]:
    meanings: dict[str, str] = {}
    for base in reversed(model.__mro__):
        meanings |= _meanings(inspect.cleandoc(base.__doc__ or ""))
    yield f"### {name}\n"
    yield "| field | values | default | meaning |\n|---|---|---|---|"
    for key, field in model.model_fields.items():
        default = (
            "required"
            if field.is_required()
            else _default(field.get_default(call_default_factory=True))
        )
        yield f"| `{key}` | {_kind(field.annotation)} | {default} | {meanings.get(key, '')} |"
    yield ""


def _meanings(doc: str) -> dict[str, str]:
    """What the docstring's list of attributes says of each; several names may share a line."""
    found: dict[str, str] = {}
    names: list[str] = []
    for line in doc.partition("Attributes:")[2].splitlines():
        match = re.match(r" {4}((?:\w+, )*\w+): (.*)", line)
        if match is not None:
            names = match.group(1).split(", ")
            found.update(dict.fromkeys(names, match.group(2).strip()))
        elif line.strip():
            found.update({name: f"{found[name]} {line.strip()}" for name in names})
        elif names:
            break
    return {name: text.replace("|", "\\|") for name, text in found.items()}


def _kind(annotation: Any) -> str:
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return "instant"
    if origin is Literal:
        return " \\| ".join(f"`{value}`" for value in args)
    if origin in (Union, types.UnionType):
        return " \\| ".join(_kind(arg) for arg in args if arg is not type(None))
    if origin is tuple:
        repeated = len(args) == 2 and args[1] is Ellipsis
        return f"list of {_kind(args[0])}" if repeated else f"{len(args)} x {_kind(args[0])}"
    if origin is dict:
        return f"table of {_kind(args[1])}"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "table"
    names = {str: "text", int: "number", float: "number", bool: "true \\| false", SecretStr: "text"}
    return names.get(annotation, str(getattr(annotation, "__name__", annotation)))


def _default(value: Any) -> str:
    if value is PydanticUndefined or isinstance(value, BaseModel):
        return ""
    if value is None or value in ((), {}, ""):
        return "none"
    if isinstance(value, SecretStr):
        return "`hikcore-12345`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return ", ".join(_default(item) or "one" for item in value)
    return f"`{value}`"


if __name__ == "__main__":
    print(markdown(EVERFOCUS if "everfocus" in sys.argv else TABLES))
