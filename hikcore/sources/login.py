"""What is known of a login: accepted, refused, or not tried yet; in this process and beyond it.

Devices lock an account for half an hour after five to seven refusals, so one refusal is told to
everybody at once: every other task, also of another source object, and by the guard every other
process and machine, fails before it sends anything until the credentials are others.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from collections.abc import Callable
from typing import Final

from hikcore.errors import DeviceAuthError
from hikcore.instants import format_instant
from hikcore.sources.base import LoginGuard, Refusal
from hikcore.sources.refusals import as_told
from hikcore.sources.turns import Turns

#: Keys the registry, so that no password and no plain hash of one lies in memory for longer.
_SALT: Final = secrets.token_bytes(32)
#: Seconds after which others are asked again whether they met a refusal.
_ASK_AGAIN: Final = 15.0


class Login:
    """One set of credentials at one device, in this process.

    Attributes:
        accepted: the device has taken them in this process.
        first: held by the task that logs in first; others wait for its outcome.
        uses: how often the device was seen to take one nonce; None: as often as it was asked.
    """

    def __init__(self) -> None:
        self.accepted = False
        self.first = Turns(1)
        self.uses: int | None = None
        self._refusal: Refusal | None = None
        self._where = ""
        self._asked = float("-inf")

    async def check(
        self, guard: LoginGuard | None, where: str, now: Callable[[], int], *, at_once: bool = False
    ) -> None:
        """Pass unless these credentials were refused, here or anywhere.

        Args:
            at_once: ask the others, however lately they were asked.

        Raises:
            DeviceAuthError: they were; nothing is sent.
        """
        if guard is not None:
            known = self._refusal is not None
            if known or at_once or time.monotonic() - self._asked > _ASK_AGAIN:
                self._asked = time.monotonic()
                told = await guard.refusal()
                if told is None:
                    self._refusal = None  # somebody has cleared it
                elif not known:
                    when = f"at {format_instant(told.at, 0)}"
                    self._refusal, self._where = as_told(told, when), where
        refusal = self._refusal
        if refusal is not None and refusal.stands(now()):
            self.accepted = False
            raise DeviceAuthError(refusal.message, where=self._where or where, hint=refusal.hint)

    async def refuse(
        self, refusal: Refusal, where: str, guard: LoginGuard | None
    ) -> DeviceAuthError:
        """Remember a refusal and tell it; the error to raise."""
        self.accepted = False
        self._refusal, self._where = refusal, where
        if guard is not None:
            await guard.refused(refusal)
        return DeviceAuthError(refusal.message, where=where, hint=refusal.hint)

    async def accept(self, guard: LoginGuard | None) -> None:
        """The device took them."""
        if self.accepted:
            return
        self.accepted, self._refusal = True, None
        if guard is not None:
            await guard.accepted()


_logins: dict[tuple[str, int, str, bytes], Login] = {}
_registry = threading.Lock()


def login_for(host: str, port: int, username: str, password: str) -> Login:
    """The one `Login` of this process for a device and credentials."""
    proof = hmac.new(_SALT, password.encode(), hashlib.sha256).digest()
    with _registry:
        return _logins.setdefault((host, port, username, proof), Login())
