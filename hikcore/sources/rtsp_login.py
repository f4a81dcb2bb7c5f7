"""A device's login as RTSP has it: the very one of its HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Final

from hikcore.errors import DeviceAuthError
from hikcore.instants import NS
from hikcore.sources.base import LoginGuard, Refusal
from hikcore.sources.login import Login


@dataclass(frozen=True, slots=True)
class Said:
    """What a device says with a refusal.

    Attributes:
        message, hint: for people.
        lock: seconds that the account is locked for; None: it says nothing of a lock.
    """

    message: str = "the device refuses the user name or password"
    hint: str = "check both; nothing was tried a second time, as refusals lock an account"
    lock: int | None = None


#: Seconds that a lock is left alone after its time.
_AFTER_LOCK: Final = 30


class SharedLogin:
    """The device's login as RTSP has it: one refusal over RTSP is one of the device, for everybody,
    and the other way round. Implements `rtsp.RtspLogin`.

    Args:
        login, guard: what is known of the credentials, in this process and beyond it.
        where: the device, for errors. now: our clock, UTC ns.
        read: what the body of a refusal says.
    """

    def __init__(
        self,
        login: Login,
        guard: LoginGuard | None,
        where: str,
        now: Callable[[], int],
        read: Callable[[bytes], Said] = lambda body: Said(),
    ) -> None:
        self._read = read
        self._login, self._guard = login, guard
        self._where, self._now = where, now

    async def check(self) -> None:
        """Pass unless the credentials were refused, here or anywhere.

        Raises:
            DeviceAuthError: they were.
        """
        await self._login.check(self._guard, self._where, self._now)

    def turn(self) -> AbstractAsyncContextManager[None]:
        """Held while they are sent for the first time."""
        return self._turn()

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        if self._login.accepted:
            yield
            return
        async with self._login.first.place():
            if self._guard is None or self._login.accepted:
                yield
                return
            async with self._guard.first():
                await self._login.check(self._guard, self._where, self._now, at_once=True)
                yield

    async def refused(self, body: bytes) -> DeviceAuthError:
        """Tell everybody that the device refused them; a lock stands no longer than itself."""
        said = self._read(body)
        until = None
        if said.lock is not None:
            until = self._now() + (max(0, said.lock) + _AFTER_LOCK) * NS
        refusal = Refusal(f"{said.message} (over RTSP)", said.hint, self._now(), until)
        return await self._login.refuse(refusal, self._where, self._guard)

    async def accepted(self) -> None:
        """The device took them."""
        await self._login.accept(self._guard)
