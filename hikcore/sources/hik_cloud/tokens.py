"""Where the token comes from: given, or changed from client credentials; kept in memory alone."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol

from pydantic import SecretStr

from hikcore.errors import DeviceAuthError, DeviceProtocolError
from hikcore.sources.base import LoginGuard, Refusal
from hikcore.sources.turns import Turns

#: Where an answer does not say how long its token is good.
_UNSAID: Final = 3600.0


class Tokens(Protocol):
    """Gives tokens."""

    async def token(self) -> SecretStr:
        """One to use now.

        Raises:
            DeviceError: there is none to be had.
        """
        ...

    def refused(self, token: SecretStr) -> bool:
        """The cloud did not take it: whether another may be had."""
        ...


class GivenToken:
    """A token that a person put into the settings: there is no other."""

    def __init__(self, token: SecretStr) -> None:
        self._token = token

    async def token(self) -> SecretStr:
        """It."""
        return self._token

    def refused(self, token: SecretStr) -> bool:
        """There is nothing to refresh."""
        return False


#: Asks for a token; the status and the body of the answer.
Ask = Callable[[], Awaitable[tuple[int, bytes]]]


class ClientCredentials:
    """Tokens for client credentials (RFC 6749, 4.4): asked for once, however many wait.

    Args:
        ask: posts the credentials. The endpoint is limited in frequency, so a refusal is kept too.
        where: the account, for errors.
        margin: seconds before its end at which a token is not used any more.
        clock: seconds, monotonic.
        guard: tells other processes and machines of a refusal. now: UTC ns, of its notes.
    """

    def __init__(
        self,
        ask: Ask,
        where: str,
        *,
        margin: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
        guard: LoginGuard | None = None,
        now: Callable[[], int] = time.time_ns,
    ) -> None:
        self._ask, self._where = ask, where
        self._margin, self._clock = margin, clock
        self._flight = Turns(1)
        self._guard, self._now = guard, now
        self._token: SecretStr | None = None
        self._until = 0.0
        self._refusal: DeviceAuthError | None = None

    async def token(self) -> SecretStr:
        """A token that is good for a while, fetched where need be.

        Raises:
            DeviceAuthError: the credentials are refused; they are not sent again.
            DeviceError: the cloud does not answer.
        """
        async with self._flight.place():
            if self._refusal is not None:
                raise self._refusal
            if self._token is None or self._clock() >= self._until:
                await self._fetch()
            assert self._token is not None
            return self._token

    def refused(self, token: SecretStr) -> bool:
        """Drop it, if it is still the one in use, so that the next call fetches another."""
        if self._token is not None and self._token == token:
            self._token = None
        return self._refusal is None

    async def _fetch(self) -> None:
        guard = self._guard
        known = await guard.refusal() if guard is not None else None
        if known is not None and known.stands(self._now()):
            self._refusal = DeviceAuthError(known.message, where=self._where, hint=known.hint)
            raise self._refusal
        status, body = await self._ask()
        document = _object(body)
        value = document.get("access_token")
        if isinstance(value, str) and value and status == 200:
            lifetime = _lifetime(document.get("expires_in"))
            # A token with less left than the margin is used all the same, for half of that.
            self._until = self._clock() + max(lifetime - self._margin, lifetime / 2)
            self._token = SecretStr(value)
            if guard is not None:
                await guard.accepted()
            return
        if status in (400, 401, 403) or (status == 200 and "error" in document):
            message = f"the client credentials are refused (HTTP {status})"
            hint = "check client_id and client_secret in the portal of the account"
            self._refusal = DeviceAuthError(message, where=self._where, hint=hint)
            if guard is not None:
                await guard.refused(Refusal(message, hint, self._now()))
            raise self._refusal
        raise DeviceProtocolError(f"no token in the answer (HTTP {status})", where=self._where)


def _object(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _lifetime(value: object) -> float:
    """Seconds, as told: 604799 in one sample, 43199 in another."""
    try:
        return max(float(str(value)), 0.0)
    except ValueError:
        return _UNSAID
