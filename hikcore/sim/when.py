"""Instants in a profile, as text: ISO 8601 with a zone (`2026-11-20T09:10:00Z`), or relative to the
clock when the recorder starts: `now`, `now-2h`, `now-1h30m`, `now+5s` (units d, h, m, s).
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

from hikcore.instants import NS, parse_instant

_RELATIVE = re.compile(r"now(?:([+-])((?:\d+[dhms])+))?")
_UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}


def resolve(text: str, now: int) -> int:
    """Nanoseconds UTC of a profile's instant.

    Raises:
        ValueError: neither ISO 8601 with a zone nor relative to now.
    """
    match = _RELATIVE.fullmatch(text)
    if match is None:
        return parse_instant(text)
    parts = re.findall(r"(\d+)([dhms])", match.group(2) or "")
    seconds = sum(int(count) * _UNITS[unit] for count, unit in parts)
    return now + (seconds if match.group(1) == "+" else -seconds) * NS


def _checked(text: str) -> str:
    resolve(text, 0)
    return text


When = Annotated[str, AfterValidator(_checked)]


class Data(BaseModel):
    """A part of a profile: a key that it does not know is an error, not a typing slip lost."""

    model_config = ConfigDict(extra="forbid")
