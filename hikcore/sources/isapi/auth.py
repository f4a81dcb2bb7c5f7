"""Signing requests: Digest with nonce reuse, and never a second try of a refused password.

The digest itself is httpx's (MD5, MD5-sess, SHA-256 and so on; `nc` counts up while a challenge is
reused; `opaque=""` and `domain="::"` parse). What httpx does not do, and this wrapper does:

* httpx answers any 401 with the same credentials again. Here a 401 to a request that carried
  credentials ends the login of the whole process, unless the device says `stale` (in any case).
* httpx keeps a challenge for ever. Here it is dropped when a connection failed or it was idle for
  longer than devices keep it: a nonce that a reboot made unknown is refused without `stale`.
* Basic is answered only where the settings or TLS allow it.
"""

from __future__ import annotations

import re
import time
from collections.abc import AsyncGenerator
from typing import Final

import httpx
from pydantic import SecretStr

from hikcore.errors import DeviceAuthError, DeviceError, DeviceProtocolError
from hikcore.sources.isapi.login import Login
from hikcore.sources.isapi.status import parse_status, refusal_text

_STALE: Final = re.compile(r'\bstale\s*=\s*"?true', re.IGNORECASE)
#: Unsigned, signed, and signed again after `stale`: more is a device that never agrees.
_ROUNDS: Final = 3


class DeviceAuth(httpx.Auth):
    """The login of one device.

    Args:
        username, password: of the device's account.
        login: what the process knows of these credentials.
        where: the device, for errors.
        basic: whether Basic may be answered.
        nonce_idle: seconds after which a challenge is not used again.
    """

    def __init__(
        self,
        username: str,
        password: SecretStr,
        *,
        login: Login,
        where: str,
        basic: bool,
        nonce_idle: float,
    ) -> None:
        self._username = username
        self._password = password
        self._login = login
        self._where = where
        self._basic_allowed = basic
        self._nonce_idle = nonce_idle
        self._used = 0.0
        self._signer: httpx.Auth = httpx.Auth()
        self.forget()

    def forget(self) -> None:
        """Drop the challenge: the next request begins unsigned."""
        self._signer = httpx.DigestAuth(self._username, self._password.get_secret_value())

    async def async_auth_flow(
        self, request: httpx.Request
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """The requests of one exchange (httpx's contract).

        Raises:
            DeviceAuthError: refused, now or earlier in this process.
        """
        self._login.check()
        first = not self._login.accepted
        if first:
            await self._login.first.enter()
        try:
            self._login.check()  # while we waited
            self._begin(request)
            response = yield request
            for _ in range(_ROUNDS - 1):
                if response.status_code != 401:
                    break
                await self._must_not_be_refused(request, response)
                self._sign(request, response)
                response = yield request
            if response.status_code == 401:
                await self._must_not_be_refused(request, response)
                raise DeviceProtocolError("every nonce is stale at once", where=self._where)
            if response.is_success and "Authorization" in request.headers:
                self._login.accepted = True
        finally:
            if first:
                self._login.first.leave()

    def _begin(self, request: httpx.Request) -> None:
        """Sign with the challenge in hand, if there is one that is fresh."""
        now = time.monotonic()
        if now - self._used > self._nonce_idle:
            self.forget()
        self._used = now
        next(self._signer.auth_flow(request))

    async def _must_not_be_refused(self, request: httpx.Request, response: httpx.Response) -> None:
        challenges = response.headers.get_list("www-authenticate")
        if "Authorization" not in request.headers or any(_STALE.search(c) for c in challenges):
            return
        body = await response.aread()
        message, hint = refusal_text(parse_status(body))
        raise self._login.refuse(message, self._where, hint)

    def _sign(self, request: httpx.Request, response: httpx.Response) -> None:
        """Answer a challenge."""
        challenges = response.headers.get_list("www-authenticate")
        offered = [challenge.partition(" ")[0].lower() for challenge in challenges]
        if "digest" not in offered:
            self._signer = self._basic(offered)
            next(self._signer.auth_flow(request))
            return
        if not isinstance(self._signer, httpx.DigestAuth):
            self.forget()
        try:
            flow = self._signer.auth_flow(request)
            next(flow)
            flow.send(response)
        except (httpx.ProtocolError, KeyError, ValueError, NotImplementedError, StopIteration):
            raise DeviceProtocolError(
                "a digest challenge that cannot be read", where=self._where
            ) from None

    def _basic(self, offered: list[str]) -> httpx.Auth:
        if "basic" not in offered:
            raise self._no_way(f"offers no login that is known here ({', '.join(offered) or '-'})")
        if not self._basic_allowed:
            raise self._no_way(
                "offers Basic only, which sends the password readable",
                'use scheme = "https" with a verified or pinned certificate, '
                'or allow it with auth = "basic"',
            )
        return httpx.BasicAuth(self._username, self._password.get_secret_value())

    def _no_way(self, message: str, hint: str = "") -> DeviceError:
        return DeviceAuthError(f"the device {message}", where=self._where, hint=hint)
