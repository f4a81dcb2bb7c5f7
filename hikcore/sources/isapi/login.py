"""What this process knows of a login: accepted, refused, or not tried yet.

Devices lock an account for half an hour after five to seven refusals, so one refusal is told to
everybody at once: every other task, also of another source object, fails before it sends anything
until the credentials are others.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from typing import Final

from hikcore.errors import DeviceAuthError
from hikcore.sources.isapi.turns import Turns

#: Keys the registry, so that no password and no plain hash of one lies in memory for longer.
_SALT: Final = secrets.token_bytes(32)


class Login:
    """One set of credentials at one device.

    Attributes:
        accepted: the device has taken them in this process.
        first: held by the task that logs in first; others wait for its outcome.
    """

    def __init__(self) -> None:
        self.accepted = False
        self.first = Turns(1)
        self._refusal: tuple[str, str, str] | None = None

    def check(self) -> None:
        """Pass unless these credentials were refused.

        Raises:
            DeviceAuthError: they were; nothing is sent.
        """
        if self._refusal is not None:
            message, where, hint = self._refusal
            raise DeviceAuthError(message, where=where, hint=hint)

    def refuse(self, message: str, where: str, hint: str) -> DeviceAuthError:
        """Remember the refusal for the life of the process; the error to raise."""
        self.accepted = False
        self._refusal = (message, where, hint)
        return DeviceAuthError(message, where=where, hint=hint)


_logins: dict[tuple[str, int, str, bytes], Login] = {}
_registry = threading.Lock()


def login_for(host: str, port: int, username: str, password: str) -> Login:
    """The one `Login` of this process for a device and credentials."""
    proof = hmac.new(_SALT, password.encode(), hashlib.sha256).digest()
    with _registry:
        return _logins.setdefault((host, port, username, proof), Login())
