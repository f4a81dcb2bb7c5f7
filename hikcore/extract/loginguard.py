"""`ArchiveGuard`: all machines that fill an archive share what they know of a login.

A note a device under `run/`, changed by compare-and-swap. The right to log in first is a name in
it; who waits takes it over when the note has not changed for a whole term on his own monotonic
clock (no two machines' clocks are compared).
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from pydantic import SecretStr

from hikcore.archive.keys import check_id
from hikcore.archive.store import Store
from hikcore.errors import ArchiveConflict, DeviceBusy
from hikcore.sources.base import LoginGuard, Refusal
from hikcore.sources.refusals import Credentials, LoginNote, new_note, parse_note

LOGINS: Final = "run/logins/"
_JSON: Final = "application/json"
#: Seconds after which a holder that changes nothing is taken for dead: longer than a login lasts.
_TERM: Final = 90.0
_PATIENCE: Final = 600.0
_POLL: Final = 0.25
_TURNS: Final = 200

_Change = Callable[[LoginNote], LoginNote | None]


def login_key(site: str, device: str) -> str:
    """The key of a device's note."""
    return f"{LOGINS}{check_id(site, 'site')}/{check_id(device, 'device')}.json"


class ArchiveGuard:
    """A `LoginGuard` for every machine that writes into an archive.

    Args:
        store: of the archive.
        site, device: ids.
        username, password: its credentials.
        term: seconds; see the module.
    """

    def __init__(
        self,
        store: Store,
        site: str,
        device: str,
        username: str,
        password: SecretStr,
        *,
        term: float = _TERM,
    ) -> None:
        self._store = store
        self._key = login_key(site, device)
        self._device = f"{site}/{device}"
        self._credentials = Credentials(username, password)
        self._term = term

    async def refusal(self) -> Refusal | None:
        """See `LoginGuard`."""
        return await asyncio.to_thread(self._find)

    @asynccontextmanager
    async def first(self) -> AsyncIterator[None]:
        """See `LoginGuard`."""
        holder = secrets.token_hex(8)
        await self._take(holder)
        try:
            yield
        finally:
            await asyncio.shield(asyncio.to_thread(self._change, _released(holder)))

    async def refused(self, refusal: Refusal) -> None:
        """See `LoginGuard`."""
        await asyncio.to_thread(self._change, lambda note: self._credentials.add(note, refusal))

    async def accepted(self) -> None:
        """See `LoginGuard`."""
        await asyncio.to_thread(self._change, self._credentials.drop)

    async def _take(self, holder: str) -> None:
        deadline = time.monotonic() + _PATIENCE
        seen, since = -1, time.monotonic()
        while True:
            dead = seen if _over(since, self._term) else -1
            turn = await asyncio.to_thread(self._try, holder, dead)
            if turn is None:
                return
            if turn != seen:
                seen, since = turn, time.monotonic()
            if time.monotonic() > deadline:
                raise DeviceBusy(
                    f"others have been logging in for {_PATIENCE:g} s", where=self._device
                )
            await asyncio.sleep(_POLL)

    def _try(self, holder: str, dead: int) -> int | None:
        """Become the holder: None; else the turn at which somebody else holds it, unless that is
        the one that is taken for dead."""
        held: list[int] = []

        def take(note: LoginNote) -> LoginNote | None:
            held.clear()
            if note.holder and note.turn != dead:
                held.append(note.turn)
                return None
            return note.model_copy(update={"holder": holder, "turn": note.turn + 1})

        self._change(take)
        return held[0] if held else None

    def _find(self) -> Refusal | None:
        found = self._store.get(self._key)
        return self._credentials.find(parse_note(found[0])) if found is not None else None

    def _change(self, change: _Change) -> None:
        _update(self._store, self._key, self._device, change)


class Guards:
    """Several guards as one: what any of them knows holds, and all are told.

    Args:
        guards: the nearest first; they are entered in that order.
    """

    def __init__(self, guards: Sequence[LoginGuard]) -> None:
        self._guards = tuple(guards)

    async def refusal(self) -> Refusal | None:
        """See `LoginGuard`."""
        for guard in self._guards:
            found = await guard.refusal()
            if found is not None:
                return found
        return None

    @asynccontextmanager
    async def first(self) -> AsyncIterator[None]:
        """See `LoginGuard`."""
        async with AsyncExitStack() as stack:
            for guard in self._guards:
                await stack.enter_async_context(guard.first())
            yield

    async def refused(self, refusal: Refusal) -> None:
        """See `LoginGuard`."""
        for guard in self._guards:
            await guard.refused(refusal)

    async def accepted(self) -> None:
        """See `LoginGuard`."""
        for guard in self._guards:
            await guard.accepted()


def refused_logins(store: Store) -> Iterator[tuple[str, LoginNote]]:
    """The notes of an archive that hold refusals: key and note."""
    for info in store.list(LOGINS):
        found = store.get(info.key)
        note = parse_note(found[0]) if found is not None else None
        if note is not None and note.refused:
            yield info.key, note


def clear_note(store: Store, key: str) -> None:
    """Forget the refusals of a note."""
    _update(store, key, "", lambda note: note.model_copy(update={"refused": ()}))


def _update(store: Store, key: str, device: str, change: _Change) -> None:
    """Replace a note by a function of it (None: leave it), whoever else does so."""
    for _ in range(_TURNS):
        found = store.get(key)
        before = parse_note(found[0]) if found is not None else None
        after = change(before or new_note(device))
        if after is None or after == before:
            return
        try:
            if found is None:
                store.create(key, after.to_bytes(), content_type=_JSON)
            else:
                store.swap(key, after.to_bytes(), found[1], content_type=_JSON)
            return
        except ArchiveConflict:
            time.sleep(secrets.randbelow(20) / 1000)
    raise ArchiveConflict(f"others were first {_TURNS} times", where=f"{store.url}/{key}")


def _released(holder: str) -> _Change:
    def release(note: LoginNote) -> LoginNote | None:
        if note.holder != holder:
            return None  # taken for dead meanwhile, and followed
        return note.model_copy(update={"holder": "", "turn": note.turn + 1})

    return release


def _over(since: float, term: float) -> bool:
    return time.monotonic() - since > term
