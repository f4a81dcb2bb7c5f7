"""Signing requests: Digest with nonce reuse, and never a second try of a refused password.

The digest itself is httpx's (MD5, MD5-sess, SHA-256 and so on; `nc` counts up while a challenge is
reused; `opaque=""` and `domain="::"` parse). What httpx does not do, and this wrapper does:

* httpx answers any 401 with the same credentials again. Here a 401 to a request that carried
  credentials ends the login of the whole process, unless the device says `stale` (in any case), or
  the request was signed ahead with a nonce that had been taken a few times at most. Some firmware
  takes a nonce twice, and refuses the third use like a bad password, without `stale` (V4.48 of a
  terminal, whose 401 has not even a challenge). That is asked once more with a fresh nonce, by one
  task at a time; how often a nonce was taken is remembered. A nonce that was taken more often shows
  that the device does not count: what it refuses then is the password, and nobody asks again.
* httpx keeps a challenge for ever. Here it is dropped when a connection failed or it was idle for
  longer than devices keep it: a nonce that a reboot made unknown is refused without `stale`.
* Basic is answered only where the settings or TLS allow it.
"""

from __future__ import annotations

import re
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack
from typing import Final

import httpx
from pydantic import SecretStr

from hikcore.errors import DeviceAuthError, DeviceError, DeviceProtocolError
from hikcore.instants import NS
from hikcore.sources.base import LoginGuard, Refusal
from hikcore.sources.isapi.challenges import challenges_of
from hikcore.sources.isapi.status import Status, parse_status, refusal_text
from hikcore.sources.login import Login

_STALE: Final = re.compile(r'\bstale\s*=\s*"?true', re.IGNORECASE)
#: Unsigned, signed, and signed again after `stale`: more is a device that never agrees.
_ROUNDS: Final = 3
#: Devices that count the uses of a nonce are known to take two. One that has taken more than this
#: does not count, and its 401 is about the password.
_FEW: Final = 4
#: Seconds after which a nonce that was not used yet is not relied on.
_LONG: Final = 5.0
_AUTHORIZATION: Final = "Authorization"
_USER_CHECK: Final = "/ISAPI/Security/userCheck"
#: Seconds that a lock lasts where the device does not say, and what is waited after it.
_LOCK: Final = 1800
_AFTER_LOCK: Final = 30


class _Signer:
    """What signs requests ahead: how often it was used, and how often that was taken."""

    __slots__ = ("auth", "taken", "uses")

    def __init__(self, auth: httpx.Auth, uses: int = 0) -> None:
        self.auth = auth
        self.uses = uses
        self.taken = uses


async def _tells_of_locks(response: httpx.Response) -> bool:
    """Whether a refusal's body says itself if the login is locked; HTML pages do not."""
    status = parse_status(await response.aread())
    return status is not None and (status.locked or status.tries_left is not None)


def _user_check(request: httpx.Request) -> httpx.Request:
    """Asks, without credentials, whether the login is locked and how many tries are left."""
    url = request.url.copy_with(path=_USER_CHECK, query=None)
    return httpx.Request("GET", url, extensions=request.extensions)


class DeviceAuth(httpx.Auth):
    """The login of one device.

    Args:
        username, password: of the device's account.
        login: what the process knows of these credentials.
        where: the device, for errors.
        basic: whether Basic may be answered.
        nonce_idle: seconds after which a challenge is not used again.
        guard: what others know of these credentials; None: nobody shares them.
        now: our clock, ns UTC.
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
        guard: LoginGuard | None,
        now: Callable[[], int],
    ) -> None:
        self._username = username
        self._password = password
        self._login = login
        self._where = where
        self._basic_allowed = basic
        self._nonce_idle = nonce_idle
        self._guard = guard
        self._now = now
        self._holding = False
        self._used = 0.0
        self._signer = _Signer(self._digest())

    def forget(self) -> None:
        """Drop the challenge: the next request begins unsigned."""
        self._signer = _Signer(self._digest())

    async def async_auth_flow(
        self, request: httpx.Request
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """The requests of one exchange (httpx's contract).

        Raises:
            DeviceAuthError: refused, now or earlier, here or elsewhere.
        """
        # httpx keeps to ASCII else; a realm, and what a person calls an account, need not.
        request.headers.encoding = "utf-8"
        await self._check()
        async with AsyncExitStack() as held:
            waited = not self._login.accepted
            if waited:
                await held.enter_async_context(self._login.first.place())
                await self._check()  # while we waited
            use = self._begin(request)
            signer = self._signer
            answer: httpx.Auth | None = None
            await self._first(request, held)
            response = yield request
            for _ in range(_ROUNDS - 1 + bool(use)):
                if response.status_code != 401:
                    break
                refusal = await self._refusal(request, response)
                if refusal and refusal.until is None and use and signer.taken <= _FEW:
                    await self._anew(request, use, None if waited else held)
                    use = 0
                    response = yield request
                    continue
                if refusal is not None:
                    # Told before anything else is sent: this generator may end at the next yield.
                    error = await self._login.refuse(refusal, self._where, self._guard)
                    if refusal.until is None and not await _tells_of_locks(response):
                        said = yield _user_check(request)
                        error = await self._more(refusal, await said.aread()) or error
                    raise error
                answer = self._sign(request, response)
                if await self._first(request, held):
                    # The nonce is as old as the wait, and not every device says `stale`.
                    del request.headers[_AUTHORIZATION]
                    self.forget()
                    response = yield request
                    if response.status_code != 401:
                        break
                    locked = await self._refusal(request, response)
                    if locked is not None:
                        raise await self._login.refuse(locked, self._where, self._guard)
                    answer = self._sign(request, response)
                response = yield request
            if use and response.is_success:
                signer.taken += 1
            await self._end(request, response, answer)

    async def _anew(self, request: httpx.Request, use: int, held: AsyncExitStack | None) -> None:
        """That use of a nonce was one too many: the request without credentials once more. Where it
        is the password that has changed, one task finds out; `held`: keeps its place."""
        known = self._login.uses
        self._login.uses = max(1, use - 1 if known is None else min(known, use - 1))
        if held is not None:
            await held.enter_async_context(self._login.first.place())
            await self._check()
        del request.headers[_AUTHORIZATION]
        self.forget()

    async def _end(
        self, request: httpx.Request, response: httpx.Response, answer: httpx.Auth | None
    ) -> None:
        """What the last answer means for the login; `answer` signed what it is to."""
        if response.status_code == 401:
            refusal = await self._refusal(request, response)
            if refusal is not None:
                raise await self._login.refuse(refusal, self._where, self._guard)
            raise DeviceProtocolError("every nonce is stale at once", where=self._where)
        if answer is not None and response.status_code != 404:
            # Not before: a nonce that others use at once may be used up when this one comes. A 404
            # says nothing: some give it to any password, where the path is none of theirs.
            self._signer = _Signer(answer, 1)
        if response.is_success and _AUTHORIZATION in request.headers:
            await self._login.accept(self._guard)

    async def _check(self, *, at_once: bool = False) -> None:
        await self._login.check(self._guard, self._where, self._now, at_once=at_once)

    async def _first(self, request: httpx.Request, held: AsyncExitStack) -> bool:
        """Before credentials are sent for the first time in this process: wait for the turn among
        all processes, and ask what the others met. Whether that took long."""
        if self._login.accepted or _AUTHORIZATION not in request.headers or self._guard is None:
            return False
        began = time.monotonic()
        if not self._holding:
            await held.enter_async_context(self._guard.first())
            self._holding = True
            held.callback(self._let_go)
        await self._check(at_once=True)
        return time.monotonic() - began > _LONG

    def _let_go(self) -> None:
        self._holding = False

    def _begin(self, request: httpx.Request) -> int:
        """Sign with the challenge in hand, if there is one that is fresh. The how manieth use of
        its nonce that is, 0 where none was used."""
        now = time.monotonic()
        limit = self._login.uses
        if now - self._used > self._nonce_idle or (
            limit is not None and self._signer.uses >= limit
        ):
            self.forget()
        self._used = now
        next(self._signer.auth.auth_flow(request))
        digest = isinstance(self._signer.auth, httpx.DigestAuth)
        if _AUTHORIZATION not in request.headers or not digest:
            return 0
        self._signer.uses += 1
        return self._signer.uses

    async def _refusal(self, request: httpx.Request, response: httpx.Response) -> Refusal | None:
        """What a 401 refuses: credentials, or every login while it is locked; None: it asks for a
        login, or for another nonce."""
        body = parse_status(await response.aread())
        locked = self._locked(body)
        if locked is not None:
            return locked
        challenges = response.headers.get_list("www-authenticate")
        if _AUTHORIZATION not in request.headers or any(_STALE.search(c) for c in challenges):
            return None
        message, hint = refusal_text(body)
        return Refusal(message, hint, self._now())

    async def _more(self, refusal: Refusal, body: bytes) -> DeviceAuthError | None:
        """The error with what userCheck adds: how many tries are left, or that it is locked now
        (which our refusal has done, so that it stands as before)."""
        status = parse_status(body)
        if status is None or not status.user_check:
            return None
        message, hint = refusal_text(status)
        told = Refusal(message, hint, refusal.at)
        return await self._login.refuse(told, self._where, self._guard)

    def _locked(self, status: Status | None) -> Refusal | None:
        """The lock that a device tells of, also to a request without credentials. It says nothing
        of whether they are right, so it stands no longer than itself."""
        if status is None or not status.locked:
            return None
        message, hint = refusal_text(status)
        seconds = status.unlock_seconds if status.unlock_seconds is not None else _LOCK
        until = self._now() + (max(0, seconds) + _AFTER_LOCK) * NS
        return Refusal(message, hint, self._now(), until)

    def _sign(self, request: httpx.Request, response: httpx.Response) -> httpx.Auth:
        """Answer a challenge; what signs the requests that follow."""
        challenges = challenges_of(response)
        offered = [challenge.scheme for challenge in challenges]
        unread = not challenges and "www-authenticate" in response.headers
        if "digest" not in offered and not unread:
            basic = self._basic(offered)
            next(basic.auth_flow(request))
            return basic
        for challenge in sorted(challenges, key=lambda each: not each.strong):
            if challenge.scheme != "digest":
                continue
            alone = httpx.Response(401, headers=challenge.alone(), request=request)
            signer = self._digest()
            try:
                flow = signer.auth_flow(request)
                next(flow)
                flow.send(alone)
            except (httpx.ProtocolError, KeyError, ValueError, NotImplementedError, StopIteration):
                continue  # an algorithm that nobody knows beside one that is known
            return signer
        raise DeviceProtocolError("a digest challenge that cannot be read", where=self._where)

    def _digest(self) -> httpx.DigestAuth:
        return httpx.DigestAuth(self._username, self._password.get_secret_value())

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
