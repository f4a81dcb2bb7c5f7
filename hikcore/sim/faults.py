"""Things that go wrong, as data: which request, and what happens to its answer."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

#: - drop: the connection is closed without an answer
#: - delay: the answer comes `seconds` later
#: - reset: TCP reset after `at` bytes of the body
#: - close: orderly close after `at` bytes, though more was announced
#: - stall: silence for `seconds` after `at` bytes, then it goes on
#: - short: a whole answer, announced as such, of only the first `at` bytes
#: - no_length: everything, ended by closing the connection; with `at`: only so many bytes
#: - wrong_length: `by` bytes more (or less) are announced than come
#: - long: `by` bytes of rubbish after the true ones, announced
#: - noise: every byte of the body is another one: no container any more
#: - busy: 503 with statusCode 2 deviceBusy
#: - error200: HTTP 200 whose body is a ResponseStatus of an error
#: - status: HTTP `status` with a ResponseStatus
#: - empty: HTTP 200 with nothing
Kind = Literal[
    "drop", "delay", "reset", "close", "stall", "short", "no_length", "wrong_length", "long",
    "noise",    "busy", "error200", "status", "empty",
]  # fmt: skip


class Fault(BaseModel):
    """One thing that goes wrong.

    Attributes:
        match: regular expression searched in `METHOD /path?query`.
        body: regular expression searched in the request's body, if given.
        nth: of the requests that match and are let in (logged in), which ones, from 1; None: all.
        kind: what happens.
        at: bytes of the body; None: none, or (no_length) all.
        by, seconds, status: see the kinds.
    """

    model_config = ConfigDict(extra="forbid")

    match: str
    body: str | None = None
    nth: tuple[int, ...] | None = None
    kind: Kind
    at: int | None = Field(default=None, ge=0)
    by: int = 0
    seconds: float = Field(default=0.0, ge=0)
    status: int = 500

    @field_validator("match", "body")
    @classmethod
    def _compiles(cls, text: str | None) -> str | None:
        if text is not None:
            try:
                re.compile(text)
            except re.error as error:
                raise ValueError(f"{text!r} is no regular expression: {error}") from None
        return text


class FaultPlan:
    """Faults and how often each one's requests have come by."""

    def __init__(self, faults: tuple[Fault, ...] = ()) -> None:
        self._faults: list[Fault] = list(faults)
        self._seen: list[int] = [0] * len(faults)

    def add(self, fault: Fault) -> None:
        """One more; counts from now."""
        self._faults.append(fault)
        self._seen.append(0)

    def clear(self) -> None:
        """Everything goes right again."""
        self._faults.clear()
        self._seen.clear()

    def choose(self, request: str, body: str) -> Fault | None:
        """Count a request, and say what is to happen to it: the first fault that applies."""
        chosen = None
        for index, fault in enumerate(self._faults):
            if not re.search(fault.match, request):
                continue
            if fault.body is not None and not re.search(fault.body, body):
                continue
            self._seen[index] += 1
            if chosen is None and (fault.nth is None or self._seen[index] in fault.nth):
                chosen = fault
        return chosen
