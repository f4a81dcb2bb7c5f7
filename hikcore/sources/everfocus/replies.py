"""What an answer says before anybody reads its fields: served, refused, busy, or logged out."""

from __future__ import annotations

from typing import Any, Final

from hikcore.errors import (
    DeviceBusy,
    DeviceError,
    DeviceProtocolError,
    DeviceRefused,
    DeviceUnreachable,
)
from hikcore.sources.everfocus.settings import EverFocusSettings
from hikcore.sources.everfocus.tolerant import Reply, read_json

_LONGEST: Final = 300


class DeviceSaidError(DeviceRefused):
    """`"Result": "Error"`. `description` is the recorder's own word for it."""

    def __init__(self, description: str, *, where: str = "") -> None:
        super().__init__(
            f"the recorder answers Error: {description or 'without a description'}", where=where
        )
        self.description = description


class LoginExpired(DeviceError):
    """The recorder wants a login, though it had given one; `Session` logs in again."""


def error_text(document: Any) -> str | None:
    """The description of `"Result": "Error"`; None where a reply is none."""
    if not isinstance(document, dict):
        return None
    result = document.get("Result")
    if not isinstance(result, str) or result.strip().lower() != "error":
        return None
    words = " ".join(str(document.get("Description") or "").split())
    return "".join(char for char in words if char.isprintable())[:_LONGEST]


def check_status(status: int, settings: EverFocusSettings, where: str) -> None:
    """Pass for a status under which a body says more.

    Raises:
        LoginExpired, DeviceBusy, DeviceRefused, DeviceUnreachable, DeviceProtocolError: by status.
    """
    if status in settings.expired_status:
        raise LoginExpired(f"HTTP {status}: it wants a login", where=where)
    if status in (429, 503):
        raise DeviceBusy(f"the recorder is busy (HTTP {status})", where=where)
    if status in (502, 504):
        raise DeviceUnreachable(f"something on the way answers HTTP {status}", where=where)
    if 300 <= status < 400:
        raise DeviceRefused(
            f"it points elsewhere (HTTP {status}); that is not followed",
            where=where,
            hint="check scheme and port of the recorder",
        )
    if status == 404:
        raise DeviceRefused("the recorder does not know this request (HTTP 404)", where=where)


def check_result(document: Any, settings: EverFocusSettings, where: str) -> None:
    """Pass unless a document says `"Result": "Error"`.

    Raises:
        DeviceSaidError: with its description. LoginExpired, DeviceBusy: by its words.
    """
    said = error_text(document)
    if said is None:
        return
    if any(word in said.lower() for word in settings.expired_words):
        raise LoginExpired(f"it wants a login: {said}", where=where)
    if any(word in said.lower() for word in settings.busy_words):
        raise DeviceBusy(f"the recorder is busy: {said}", where=where)
    raise DeviceSaidError(said, where=where)


def document_of(status: int, body: bytes, settings: EverFocusSettings, where: str) -> Reply:
    """The document of an answer that is one.

    Raises:
        DeviceError: none, or one that says Error; see `check_status` and `check_result`.
    """
    check_status(status, settings, where)
    if body.lstrip()[:1] == b"<":
        raise LoginExpired("a page for people in place of an answer", where=where)
    try:
        reply = read_json(body)
    except ValueError as error:
        fault = str(error) if body.strip() else "nothing in it"
        said = f"HTTP {status}, an" if status != 200 else "an"
        raise DeviceProtocolError(
            f"{said} answer that is no JSON: {fault}", where=where, answer=body
        ) from None
    check_result(reply.document, settings, where)
    if status >= 400:
        raise DeviceProtocolError(f"HTTP {status}", where=where)
    return reply
