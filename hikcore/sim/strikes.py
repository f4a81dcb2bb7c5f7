"""What a fault proxy does to which message, as data; chosen by phase, by count or by seeded chance.

- drop: the connection ends before the request reaches the other side
- reset: the request is served; the connection is reset after `at` bytes of the answer's body
- close: the same by an orderly end, though more was announced (a short body)
- stall: silence after `at` bytes, until the client goes away or `seconds` have passed
- trickle: from `at` bytes on, one byte each `seconds` (1 if not given)
- short: only the first `at` bytes, announced as all
- long: `by` bytes of rubbish behind the true ones, announced
- wrong_length: `by` bytes more (or less) are announced than come
- no_length: no length is announced; the end of the connection is the end of the body
- unauthorized: the request reaches the device without its login: a 401 whose nonce is a good one
- stale_nonce: the same, and the challenge says stale="TRUE"
- busy: 503, as the other side would say it; `burst` of them in a row
- error200: HTTP 200 with an error's document
- store500: 500 with a document of S3's
- duplicate: the answer comes twice on the same connection
- repeat: the answer that the last request of the same phase got
- twice: the request is served twice, and the second answer is given
- clock_step: the answer is true; then the device's clock moves by `by` seconds
- reboot: the request is lost (with `at` or `part`: the answer, from there on), every connection is
  reset, and so are the next `count` ones
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from types import MappingProxyType
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

Kind = Literal[
    "drop", "reset", "close", "stall", "trickle", "short", "long", "wrong_length", "no_length",
    "unauthorized", "stale_nonce", "busy", "error200", "store500", "duplicate", "repeat", "twice",
    "clock_step", "reboot",
]  # fmt: skip
#: The kinds that need no understanding of what is said: all that there is for RTSP and other TCP.
PLAIN_KINDS = frozenset({"drop", "reset", "close", "stall", "trickle", "reboot"})

#: Patterns searched in `METHOD target`, first match wins.
ISAPI_PHASES: Mapping[str, str] = MappingProxyType(
    {
        "fetch": r"/ISAPI/ContentMgmt/download",
        "list": r"/ISAPI/(ContentMgmt|Streaming)",
        "login": r"/ISAPI/",
    }
)
S3_PHASES: Mapping[str, str] = MappingProxyType({"commit": r"^(PUT|POST|DELETE) ", "read": "."})


class Strike(BaseModel):
    """One thing that goes wrong on the way.

    Attributes:
        kind: what, see the module.
        phase: of the requests, by the proxy's table; None: any.
        match: regular expression searched in `METHOD target`, if given.
        nth: of the requests that fit, which ones, from 1; None: all that `p` takes.
        p: how likely each of them is struck, drawn by the proxy's seed.
        most: strikes after which it never strikes again; None: no bound.
        at: bytes of the answer's body that still come.
        part: the same as a part of the announced length, 0 to 1; wins.
        by, seconds, burst, count: see the kinds.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Kind
    phase: str | None = None
    match: str | None = None
    nth: tuple[int, ...] | None = None
    p: float = Field(default=1.0, ge=0, le=1)
    most: int | None = Field(default=None, ge=1)
    at: int = Field(default=0, ge=0)
    part: float | None = Field(default=None, ge=0, le=1)
    by: int = 10
    seconds: float = Field(default=0.0, ge=0)
    burst: int = Field(default=1, ge=1)
    count: int = Field(default=3, ge=0)

    @field_validator("match")
    @classmethod
    def _compiles(cls, text: str | None) -> str | None:
        if text is not None:
            try:
                re.compile(text)
            except re.error as error:
                raise ValueError(f"{text!r} is no regular expression: {error}") from None
        return text

    def cut(self, length: int | None) -> int:
        """Bytes of a body of that announced length after which it strikes."""
        if self.part is not None and length is not None:
            return int(length * self.part)
        return self.at


@dataclass
class _Count:
    """How often the requests of one strike came by, and what became of them."""

    seen: int = 0
    struck: int = 0
    left: int = 0


class Plan:
    """Strikes in the order in which they are looked at, and their counts.

    Args:
        strikes: what is to go wrong.
        seed: of the chances. The draw for the n-th request of a strike depends on the seed, the
            strike's place and n alone, not on what else was asked meanwhile.
    """

    def __init__(self, strikes: Sequence[Strike] = (), seed: int = 1) -> None:
        self._strikes = list(strikes)
        self._counts = [_Count() for _ in strikes]
        self._seed = seed

    def add(self, strike: Strike) -> None:
        """One more; counts from now."""
        self._strikes.append(strike)
        self._counts.append(_Count())

    def clear(self) -> None:
        """Everything goes right again."""
        self._strikes.clear()
        self._counts.clear()

    def choose(self, request: str, phase: str) -> Strike | None:
        """Count a request, and say what strikes it: the first strike that applies."""
        chosen = None
        for index, (strike, count) in enumerate(zip(self._strikes, self._counts, strict=True)):
            if strike.phase not in (None, phase):
                continue
            if strike.match is not None and not re.search(strike.match, request):
                continue
            count.seen += 1
            if chosen is None and self._hits(index, strike, count):
                chosen = strike
        return chosen

    def _hits(self, index: int, strike: Strike, count: _Count) -> bool:
        if count.left:
            count.left -= 1
            return True
        if strike.most is not None and count.struck >= strike.most:
            return False
        if strike.nth is not None and count.seen not in strike.nth:
            return False
        draw = Random(f"{self._seed}/{index}/{count.seen}").random()  # noqa: S311  repeatable
        if draw >= strike.p:
            return False
        count.struck += 1
        count.left = strike.burst - 1
        return True


def phase_of(request: str, phases: Mapping[str, str]) -> str:
    """The first phase whose pattern is in `METHOD target`, `other` if none is."""
    return next((name for name, pattern in phases.items() if re.search(pattern, request)), "other")
