"""Main and sub stream as each request spells them: nine ways in one guide."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from hikcore.errors import DeviceProtocolError
from hikcore.sources.base import Stream

#: Which spelling; in brackets the sections that use it.
Spelling = Literal["path", "encoder", "imaging", "event", "map", "clip", "snapshot", "record"]

WIRE: Final[Mapping[Spelling, Mapping[Stream, int | str]]] = {
    "path": {"main": 0, "sub": 1},  # StreamID (3.1, 3.3)
    "encoder": {"main": 0, "sub": 1},  # mainsub (2.21)
    "imaging": {"main": 0, "sub": 1},  # mainsub (9.8, 9.9, 10.15); told of 10.16 alone
    "event": {"main": "Main", "sub": "Sub"},  # Stream (4.5)
    "map": {"main": 1, "sub": 2},  # mainsub (5.1 to 5.3)
    "clip": {"main": 0, "sub": 1},  # stream (9.12)
    "snapshot": {"main": 0, "sub": 1},  # streamType (9.14)
    "record": {"main": "0", "sub": "1"},  # streamType (9.16), where "2" is both
}
#: What `streamType` of 9.16 says where both streams are recorded.
BOTH: Final = "2"


def to_wire(spelling: Spelling, stream: Stream) -> int | str:
    """What a request says for a stream."""
    return WIRE[spelling][stream]


def from_wire(spelling: Spelling, value: object) -> tuple[Stream, ...]:
    """The streams that an answer names: one, or of `record` both. Numbers may come as text.

    Raises:
        DeviceProtocolError: none of them.
    """
    said = str(value).strip().lower()
    if spelling == "record" and said == BOTH:
        return ("main", "sub")
    found = tuple(name for name, wire in WIRE[spelling].items() if str(wire).lower() == said)
    if not found:
        raise DeviceProtocolError(f"a stream that is neither main nor sub ({spelling})")
    return found
