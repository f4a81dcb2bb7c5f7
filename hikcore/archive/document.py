"""What every document of the archive is: frozen, JSON with keys sorted and no spaces, UTF-8.

Instants are RFC 3339 in UTC with nine digits (integers of nanoseconds in Python); a device's own
wall-clock readings are the same without a zone.
"""

from __future__ import annotations

import json
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, WithJsonSchema

from hikcore.instants import format_instant, format_local, parse_instant


def _instant(value: object) -> int:
    """Raises ValueError for all else, which pydantic tells as a fault of the document."""
    if isinstance(value, str):
        return parse_instant(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise ValueError(f"an instant is a text like 2026-11-20T10:03:17Z, not {value!r}")


def _local(value: object) -> int:
    return _instant(value + "Z") if isinstance(value, str) else _instant(value)


Instant = Annotated[
    int,
    BeforeValidator(_instant),
    PlainSerializer(lambda ns: format_instant(ns, 9), return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
LocalReading = Annotated[
    int,
    BeforeValidator(_local),
    PlainSerializer(lambda ns: format_local(ns, 9), return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}$"}),
]


class Document(BaseModel):
    """A frozen document; unknown fields are kept out of what we write and ignored when read."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    def to_bytes(self) -> bytes:
        """Canonical bytes: the same document gives the same bytes on every machine."""
        value = self.model_dump(mode="json", exclude_none=True, by_alias=True)
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
