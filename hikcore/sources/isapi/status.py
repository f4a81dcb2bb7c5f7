"""Refusals: what a device means by a status, in XML or JSON, at any HTTP status (facts 1.10)."""

from __future__ import annotations

import html
import json
import re
from dataclasses import dataclass
from typing import Any, Final

from hikcore.errors import (
    DeviceAuthError,
    DeviceBusy,
    DeviceError,
    DeviceProtocolError,
    DeviceRefused,
)
from hikcore.sources.isapi import xml

#: Sub-statuses that mean "not now", whatever number and HTTP status they come with.
_BUSY: Final = {"devicebusy", "serviceunavailable", "nomemory", "upgrading", "notenoughbandwidth"}
#: "Device Error".
_DEVICE_ERROR: Final = 3
#: Sub-statuses with a next step.
_HINTS: Final = {
    "lowprivilege": "give the account the right of remote playback on the device",
    "badauthorization": "give the account the right of remote playback on the device",
    "notactivated": "activate the device in its web page first",
    "rebootrequired": "restart the device",
    "notsupport": "this device does not offer that",
}
_TITLE: Final = re.compile(rb"<(?:title|h[12])[^>]*>(.*?)</", re.IGNORECASE | re.DOTALL)


class Rejected(DeviceRefused):
    """A refusal that a ladder of dialects can look into.

    Args:
        http: the HTTP status.
        code: ISAPI `statusCode`, 0 where there was none.
        sub: ISAPI `subStatusCode`, empty where there was none.
    """

    def __init__(
        self, message: str, *, where: str, hint: str, http: int, code: int, sub: str
    ) -> None:
        super().__init__(message, where=where, hint=hint)
        self.http = http
        self.code = code
        self.sub = sub


@dataclass(frozen=True, slots=True)
class Status:
    """A `ResponseStatus` or `userCheck`, from XML or JSON."""

    code: int
    string: str
    sub: str
    detail: str = ""
    locked: bool = False
    unlock_seconds: int | None = None
    tries_left: int | None = None
    user_check: bool = False

    @property
    def ok(self) -> bool:
        """Whether it says that all is well."""
        if self.user_check:
            return self.code == 200 and not self.locked
        return self.code in (0, 1) and self.sub.lower() in ("", "ok")


def parse_status(body: bytes) -> Status | None:
    """The status that a body is, or None where it is something else."""
    start = body.lstrip(b"\xef\xbb\xbf \t\r\n\0")[:1]
    if start == b"{":
        return _json_status(body)
    if start != b"<":
        return None
    try:
        root = xml.parse(body.lstrip(b"\xef\xbb\xbf"))
    except ValueError:
        return None
    name = xml.local(root)
    if name not in ("ResponseStatus", "userCheck"):
        return None
    fields = {xml.local(child): xml.text(child) for child in root}
    return _user_check(fields) if name == "userCheck" else _response_status(fields)


def _json_status(body: bytes) -> Status | None:
    try:
        value: Any = json.loads(body)
    except ValueError:
        return None
    if not isinstance(value, dict):
        return None
    for name in ("ResponseStatus", "userCheck"):
        if isinstance(value.get(name), dict):
            value = value[name]
            break
    fields = {str(key): str(entry) for key, entry in value.items()}
    if "lockStatus" in fields or "statusValue" in fields:
        return _user_check(fields)
    return _response_status(fields) if "statusCode" in fields else None


def _response_status(fields: dict[str, str]) -> Status:
    details = [fields.get(key, "") for key in ("errorMsg", "description", "subStatusString")]
    return Status(
        code=_integer(fields.get("statusCode")) or 0,
        string=fields.get("statusString", ""),
        sub=fields.get("subStatusCode", ""),
        detail=next((detail for detail in details if detail), ""),
    )


def _user_check(fields: dict[str, str]) -> Status:
    return Status(
        code=_integer(fields.get("statusValue")) or 0,
        string=fields.get("statusString", ""),
        sub="",
        locked=fields.get("lockStatus", "").lower() == "lock",
        unlock_seconds=_integer(fields.get("unlockTime")),
        tries_left=_integer(fields.get("retryLoginTime")),
        user_check=True,
    )


def _integer(text: str | None) -> int | None:
    return int(text) if text and re.fullmatch(r"-?\d{1,9}", text.strip()) else None


def error_of(http: int, body: bytes, where: str) -> DeviceError | None:
    """The error that an answer means, None where it means none.

    Args:
        http: its HTTP status (never a 401, which the login has dealt with).
        body: the first bytes of the body, as many as were read.
        where: device and request.
    """
    status = parse_status(body)
    if status is not None and status.user_check and not status.ok:
        message, hint = refusal_text(status)
        return DeviceAuthError(message, where=where, hint=hint)
    if status is not None and not status.ok:
        return _status_error(http, status, body, where)
    if http == 200:
        return None
    return _http_error(http, body, where)


def _status_error(http: int, status: Status, body: bytes, where: str) -> DeviceError:
    sub = status.sub.lower()
    said = " / ".join(part for part in (status.string, status.sub, status.detail) if part)
    said = said or f"statusCode {status.code}"
    if status.code == 2 or sub in _BUSY:
        return DeviceBusy(f"the device is busy: {said}", where=where, hint="it is tried again")
    error = Rejected(
        f"the device refuses: {said} (HTTP {http})",
        where=where,
        hint=_HINTS.get(sub, ""),
        http=http,
        code=status.code,
        sub=status.sub,
    )
    if status.code == _DEVICE_ERROR or sub == "deviceerror":
        error.answer = body  # it comes and goes on one unit with one question (facts 1.3)
    return error


def _http_error(http: int, body: bytes, where: str) -> DeviceError:
    if http in (502, 503, 504):
        return DeviceBusy(f"the device answers HTTP {http}", where=where, hint="it is tried again")
    if 300 <= http < 400:
        return DeviceProtocolError(
            f"the device redirects (HTTP {http})",
            where=where,
            hint='it may want TLS: set scheme = "https" and its port',
        )
    title = _TITLE.search(body[:4096])
    said = ""
    if title:
        said = ": " + " ".join(html.unescape(title.group(1).decode("utf-8", "replace")).split())
    if http < 400:
        return DeviceProtocolError(f"the device answers HTTP {http}{said}", where=where)
    error = Rejected(
        f"the device answers HTTP {http}{said}", where=where, hint="", http=http, code=0, sub=""
    )
    if http == 500 or _broken_off(body):
        error.answer = body  # whole, it might say that the device is busy
    return error


def _broken_off(body: bytes) -> bool:
    """Whether it begins as the document of a refusal does, and cannot be read."""
    text = body.lstrip(b"\xef\xbb\xbf \t\r\n\0")
    if not text.startswith((b"<?xml", b"<ResponseStatus", b"<userCheck", b"{")):
        return False
    try:
        json.loads(text) if text[:1] == b"{" else xml.parse(text)
    except ValueError:
        return True
    return False


def refusal_text(status: Status | None) -> tuple[str, str]:
    """Message and hint of a refused login, with what the device says of its lock."""
    once = "nothing was tried a second time, as five to seven refusals lock an account"
    if status is not None and status.locked:
        left = status.unlock_seconds
        lasts = f" for another {left} s" if left is not None else ""
        return (
            f"the account is locked on the device{lasts}",
            "wait until then, then check user name and password; the right password is refused, "
            "too, while it is locked",
        )
    tries = status.tries_left if status is not None else None
    left_text = f"; the device allows {tries} more before it locks" if tries else ""
    return (
        f"user name or password refused{left_text}",
        f"correct the credentials; {once}; where they are right after all, "
        "`hikcore logins --clear` lets them be tried again",
    )
