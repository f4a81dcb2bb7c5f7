"""How a simulated EverFocus recorder writes its replies."""

from __future__ import annotations

import json
from typing import Any, Literal

from hikcore.sim.http import Response

_JSON = "application/json; charset=utf-8"


class Wrong(Exception):
    """A request is answered with an Error of this text."""


def reply(value: Any, status: int = 200, content_type: str = _JSON) -> Response:
    """A reply in JSON."""
    return Response(status, content_type, json.dumps(value, ensure_ascii=False).encode())


def error(text: str, status: int = 200, content_type: str = _JSON) -> Response:
    """`{"Result":"Error","Description":…}`."""
    return reply({"Result": "Error", "Description": text}, status, content_type)


def done(text: str = "") -> Response:
    """`{"Result":"OK","Description":…}`."""
    return reply({"Result": "OK", "Description": text})


def flag(value: bool, written: Literal["bool", "text", "number"]) -> bool | str | int:
    """A boolean as the profile writes it."""
    if written == "text":
        return "true" if value else "false"
    return int(value) if written == "number" else value


def parsed(body: bytes) -> Any:
    """The JSON of a request.

    Raises:
        Wrong: it is none.
    """
    try:
        return json.loads(body)
    except ValueError:
        raise Wrong("the body is no JSON") from None


def whole(value: Any, name: str, *, strict: bool) -> int:
    """A whole number of a request.

    Args:
        strict: a text is none.

    Raises:
        Wrong: it is none.
    """
    if isinstance(value, str) and value.isascii() and value.isdecimal() and not strict:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise Wrong(name)
    return value
