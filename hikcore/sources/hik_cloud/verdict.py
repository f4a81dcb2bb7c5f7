"""What an answer of the cloud means: its envelope, its code, and what to do about it. Pure.

Three envelopes are known on one host: `code` 0 with `success` (the download address), `code` 200
with `message`, and `code` "200" with `msg`. A token's answer has none at all.
"""

from __future__ import annotations

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
    NoRecording,
    TransferInterrupted,
)
from hikcore.sources.hik_cloud.settings import CloudSettings, ErrorClass

NO_RECORDING: Final = "80438027"
#: Codes of the document (first two) and of sibling requests of the same platform.
KNOWN: Final[dict[str, tuple[ErrorClass, str]]] = {
    "80430002": ("permanent", "the interval is longer than 3600 s"),
    NO_RECORDING: ("no_recording", "nothing is recorded in the interval"),
    "401": ("auth", "the token is not valid"),
    "10001": ("permanent", "a parameter is wrong"),
    "10002": ("auth", "the token is not valid or has expired"),
    "20001": ("permanent", "there is no such channel"),
    "20002": ("permanent", "there is no such device"),
    # It may stay so for days: the next run asks again.
    "20007": ("permanent", "the device is offline"),
    "20018": ("permanent", "the device does not belong to this account"),
    "429": ("throttled", "too many requests"),
    "49999": ("transient", "data error"),
    "50000": ("transient", "system error"),
    "60019": ("permanent", "the device's stream is encrypted"),
}
#: After these nothing else of the device or channel can be had either.
OF_DEVICE: Final = frozenset({"20001", "20002", "20007", "20018", "60019"})
#: What a message may hold that is to stand in no log.
_ADDRESS: Final = re.compile(r"https?://\S+", re.IGNORECASE)
_TOKENS: Final = re.compile(r"(?i)\b(bearer\s+|access_token\W{1,4}|client_secret\W{1,4})\S+")
_CODE: Final = re.compile(r"[\w.-]{1,40}")


class CloudError(DeviceError):
    """The cloud refused a request with a code.

    Attributes:
        code: as told, "HTTP 502" where there was none.
        kind: what it is taken for.
    """

    def __init__(
        self, code: str, kind: ErrorClass, said: str, *, where: str, hint: str = ""
    ) -> None:
        super().__init__(f"code {code}: {said}" if said else f"code {code}", where=where, hint=hint)
        self.code = code
        self.kind = kind


class CloudRefused(CloudError, DeviceRefused):
    """Asking again would not help."""


class CloudBusy(CloudError, DeviceBusy):
    """It may help to ask later."""


class CloudAuthError(CloudError, DeviceAuthError):
    """The token is not taken; nothing of the account can succeed."""


class NothingRecorded(CloudError, NoRecording):
    """Nothing is recorded in the interval."""


_ERRORS: Final[dict[ErrorClass, type[CloudError]]] = {
    "permanent": CloudRefused,
    "no_recording": NothingRecorded,
    "auth": CloudAuthError,
    "throttled": CloudBusy,
    "transient": CloudBusy,
}
_HINTS: Final[dict[ErrorClass, str]] = {
    "auth": "check access_token, or client_id and client_secret, in the portal of the account",
    "throttled": "it is tried again; lower requests_per_second if it comes back",
}


@dataclass(frozen=True, slots=True)
class Address:
    """Where footage can be had for a short time, and what it spans.

    Attributes:
        url: signed: it opens the footage to anyone, so it stands in no text.
        begin, end: what the cloud says that it has, Unix seconds; None where it does not say.
    """

    url: str
    begin: int | None
    end: int | None

    def __repr__(self) -> str:
        return f"Address(url=…, begin={self.begin}, end={self.end})"


def classify(code: str, settings: CloudSettings) -> tuple[ErrorClass, str]:
    """What a code is taken for, and what is known of it: the user's word first. A code that nobody
    knows is permanent: it is told, and the next run asks again."""
    known = KNOWN.get(code, ("permanent", ""))
    return settings.classes.get(code, known[0]), known[1]


def http_error(status: int, body: bytes, settings: CloudSettings, where: str) -> DeviceError | None:
    """The error of an HTTP status, None where it is 200. The body's own code is told first."""
    if status == 200:
        return None
    document = _document(body)
    if status == 401:
        said = _message(document) or "the token is not taken"
        return CloudAuthError("HTTP 401", "auth", said, where=where, hint=_HINTS["auth"])
    code = _code(document)
    if code is not None and code not in settings.success_codes:
        return error_of(code, _message(document), settings, where)
    kind: ErrorClass = "permanent"
    if status == 429:
        kind = "throttled"
    elif status >= 500 or status == 408:
        kind = "transient"
    said = _message(document)
    return _ERRORS[kind](f"HTTP {status}", kind, said, where=where, hint=_HINTS.get(kind, ""))


def error_of(code: str, said: str, settings: CloudSettings, where: str) -> CloudError:
    """The error of a code that is no success."""
    kind, known = classify(code, settings)
    hint = _HINTS.get(kind, "")
    if not known and code not in settings.classes:
        hint = f'not known to hikcore: error_classes = {{ "{code}" = "transient" }} would retry it'
    return _ERRORS[kind](code, kind, said or known, where=where, hint=hint)


def data_of(body: bytes, settings: CloudSettings, where: str) -> Any:
    """What an envelope holds.

    Raises:
        CloudError: it says that it failed, by its code.
        TransferInterrupted: it is no JSON: an error page of something in between.
    """
    document = _document(body)
    if document is None:
        raise TransferInterrupted(
            "the answer is no JSON object", where=where, hint="a gateway may be in trouble"
        )
    code, success = _code(document), document.get("success")
    fine = code in settings.success_codes if code is not None else success is True
    if not fine or success is False:
        raise error_of(code or "none", _message(document), settings, where)
    return document.get("data")


def address_of(data: Any, where: str) -> Address:
    """The address in an answer.

    Raises:
        DeviceProtocolError: there is none, or its times cannot be read.
    """
    url = data.get("url") if isinstance(data, dict) else None
    if not isinstance(url, str) or not url.strip():
        raise DeviceProtocolError("success, but no download address", where=where)
    begin, end = (_seconds(data.get(key), where) for key in ("actualBeginTime", "actualEndTime"))
    if begin is not None and end is not None and end <= begin:
        raise DeviceProtocolError(f"actual times run from {begin} to {end}", where=where)
    return Address(url.strip(), begin, end)


def clean(text: str) -> str:
    """A text of the cloud without addresses and tokens, in one line of bounded length."""
    text = _TOKENS.sub(r"\1…", _ADDRESS.sub("…", text))
    return " ".join(text.split())[:300]


def _document(body: bytes) -> dict[str, Any] | None:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _code(document: dict[str, Any] | None) -> str | None:
    """As text: it comes as 0, 200 and "200"."""
    code = (document or {}).get("code")
    if isinstance(code, bool) or not isinstance(code, str | int):
        return None
    text = str(code).strip()
    return text if _CODE.fullmatch(text) else None


def _message(document: dict[str, Any] | None) -> str:
    for key in ("message", "msg", "error_description", "error"):
        said = (document or {}).get(key)
        if isinstance(said, str) and said:
            return clean(said)
    return ""


def _seconds(value: Any, where: str) -> int | None:
    """Texts in the document's sample, while requests have numbers."""
    if value is None or value == "":
        return None
    try:
        seconds = int(str(value).strip())
    except ValueError:
        raise DeviceProtocolError("an actual time is no whole number", where=where) from None
    # Milliseconds, as other requests of the platform have them, are taken as such.
    return seconds // 1000 if seconds > 100_000_000_000 else seconds
