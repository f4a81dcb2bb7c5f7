"""Logging in and out of one recorder (guide, 10.1 to 10.3): one login at a time, none too many.

A refused password is told to everybody at once, other processes and machines included, and is not
sent again until it changes (`hikcore.sources.login`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from typing import Any, Final

from pydantic import SecretStr

from hikcore.errors import DeviceAuthError, DeviceError, DeviceProtocolError, DeviceRefused
from hikcore.sources.base import LoginGuard, Refusal
from hikcore.sources.everfocus import digest
from hikcore.sources.everfocus.replies import LoginExpired, check_status, document_of, error_text
from hikcore.sources.everfocus.wire import Wire
from hikcore.sources.login import Login
from hikcore.sources.turns import Turns

_LOG = logging.getLogger("hikcore.everfocus")
_LOGIN: Final = "/admin/login"
_LOGOUT: Final = "/admin/logout"
#: Seconds that a logout may take: whoever closes does not wait for a recorder that is gone.
_LOGOUT_PATIENCE: Final = 3.0
#: Logins whose answer was lost, before the first that was answered: the password may be wrong, and
#: every one of them counted.
_UNANSWERED: Final = 2
#: HTTP codes under which credentials are refused.
_REFUSALS: Final = frozenset({400, 401, 403})


class Entrance:
    """The login of one session.

    Args:
        wire: of the recorder.
        username, password: of its account.
        login: what this process knows of these credentials.
        guard: what others know of them; None: nobody shares them.
        warn: told what people should know.

    Attributes:
        generation: how often it was logged in.
    """

    def __init__(
        self,
        wire: Wire,
        username: str,
        password: SecretStr,
        *,
        login: Login,
        guard: LoginGuard | None,
        warn: Callable[[str], None],
    ) -> None:
        self.generation = 0
        self._wire, self._warn = wire, warn
        self._username, self._password = username, password
        self._login, self._guard = login, guard
        self._flight = Turns(1)
        self._valid = False
        self._unanswered = 0

    async def enter(self) -> None:
        """Log in, unless that is done.

        Raises:
            DeviceAuthError: refused, now or earlier, here or by another process.
            DeviceError: no proper answer.
        """
        async with self._flight.place():
            if not self._valid:
                await self._log_in()

    async def again(self, generation: int) -> None:
        """Log in anew, unless somebody did so since that generation."""
        async with self._flight.place():
            if self.generation == generation:
                self._valid = False
            if not self._valid:
                _LOG.info("%s: the login has run out", self._wire.where)
                await self._log_in()

    async def leave(self) -> None:
        """Log out, as far as the recorder lets us: nothing is raised."""
        if not self._valid:
            return
        self._valid = False
        with suppress(DeviceError, TimeoutError):
            async with asyncio.timeout(_LOGOUT_PATIENCE):
                await self._wire.small("GET", _LOGOUT)

    async def _log_in(self) -> None:
        await self._check()
        async with AsyncExitStack() as held:
            # Also where they were accepted before: a password that was changed meanwhile is sent by
            # one session, not by all that a restart of the recorder put out.
            await held.enter_async_context(self._login.first.place())
            await self._check()
            if self._guard is not None and not self._login.accepted:
                await held.enter_async_context(self._guard.first())
                await self._check(at_once=True)
            self._wire.forget()
            await self._answer(await self._parameters())

    async def _check(self, *, at_once: bool = False) -> None:
        wire = self._wire
        await self._login.check(self._guard, wire.where, wire.now, at_once=at_once)

    async def _parameters(self) -> digest.Parameters:
        wire = self._wire
        where = f"{wire.where} {_LOGIN}"
        status, body = await wire.small("GET", _LOGIN)
        try:
            # Not strict in the guide's own sample, so no warning where a recorder is not.
            document = document_of(status, body, wire.settings, where).document
        except LoginExpired as error:
            raise DeviceProtocolError(
                f"it wants a login before a login ({error.message})", where=where
            ) from None
        parameters = digest.Parameters.read(document, wire.settings, where)
        if parameters.change_pwd == digest.FIRST:
            self._warn(digest.CHANGE_FIRST)
        return parameters

    async def _answer(self, parameters: digest.Parameters) -> None:
        """Send the digest, once."""
        wire = self._wire
        body = digest.answer(self._username, self._password, parameters, wire.settings)
        try:
            document = self._answered(*await wire.small("POST", _LOGIN, None, body))
        except DeviceError as error:
            if error.retryable and not self._login.accepted:
                self._unanswered += 1
                if self._unanswered >= _UNANSWERED:
                    raise self._lost(error) from None
            raise
        said = error_text(document)
        if said is not None:
            raise await self._refused(said or "without a description")
        if not isinstance(document, dict) or str(document.get("Result", "")).upper() != "OK":
            raise DeviceProtocolError("a login that is neither OK nor Error", where=wire.where)
        await self._login.accept(self._guard)
        wire.user = str(document.get("Description") or "").removeprefix("userID=")
        if str(document.get("option")) == digest.TEMPORARY:
            self._warn(digest.CHANGE_SOON)
        self.generation += 1
        self._valid, self._unanswered = True, 0

    def _answered(self, status: int, body: bytes) -> Any:
        """The document of a login's answer: of a refusal too, however it is told."""
        wire = self._wire
        where = f"{wire.where} {_LOGIN}"
        if status not in _REFUSALS:
            check_status(status, wire.settings, where)
        try:
            # In this answer no word means that a login has run out, or that it may be sent again.
            plain = replace(wire.settings, expired_words=(), busy_words=())
            return document_of(200, body, plain, where).document
        except DeviceRefused as error:
            return {"Result": "Error", "Description": getattr(error, "description", "")}
        except (DeviceProtocolError, LoginExpired):
            if status in _REFUSALS:
                return {"Result": "Error", "Description": f"HTTP {status}"}
            raise DeviceProtocolError("a login answered by no JSON", where=where) from None

    async def _refused(self, said: str) -> DeviceAuthError:
        refusal = Refusal(
            f"the recorder refuses the login of {self._username} ({said})",
            "check user and password; recorders lock an account after some tries, so it is not "
            "sent again until it changes",
            self._wire.now(),
        )
        return await self._login.refuse(refusal, self._wire.where, self._guard)

    def _lost(self, error: DeviceError) -> DeviceProtocolError:
        return DeviceProtocolError(
            f"no answer to {self._unanswered} logins ({error.message}); the password may be wrong, "
            "so it is not sent again",
            where=self._wire.where,
        )
