"""Leases: taken, renewed, left to who lives, taken over from who does not; on every store."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from hikcore.archive.local import LocalStore
from hikcore.archive.open import open_store
from hikcore.archive.store import Store
from hikcore.errors import ArchiveDenied, ArchiveUnavailable
from hikcore.extract.holder import Holder, is_gone, ourselves
from hikcore.extract.leases import LEASES, LeaseNote, Leases, Seen, Taken, lease_key
from hikcore.instants import DAY
from tests.archive.racers import race
from tests.extract.conftest import BEGIN, JOB
from tests.extract.worlds import World

TODAY = BEGIN // DAY * DAY
TERM = 60.0


@pytest.fixture(params=["folder", pytest.param("minio", marks=pytest.mark.minio)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, dict[str, str]]:
    """The URL of an empty archive, and what opens it."""
    if request.param == "folder":
        return (tmp_path / "archive").as_uri(), {}
    server = request.getfixturevalue("minio")
    return server.new_bucket(), server.environ


@pytest.fixture
def archive(place: tuple[str, dict[str, str]]) -> Store:
    url, environ = place
    return open_store(url, environ=environ)


def on(store: Store, world: World, name: str, ahead: float = 0.0) -> Leases:
    """The leases of a machine of that name, of which no other sees anything."""
    monotonic, sleep = world.machine(ahead)
    return Leases(
        store,
        term=TERM,
        holder=Holder(token=name, host=name, pid=7),
        monotonic=monotonic,
        sleep=sleep,
    )


async def taken(leases: Leases, stack: AsyncExitStack, **more: Any) -> Taken:
    return await stack.enter_async_context(leases.take(JOB, [TODAY], more.get("expired", {})))


def keys(store: Store) -> list[str]:
    return [each.key for each in store.list(LEASES)]


async def test_taken_renewed_and_given_back(archive: Store) -> None:
    world = World()
    async with world.passing(), AsyncExitStack() as stack:
        found = await taken(on(archive, world, "a"), stack)
        assert found.seen == {}
        assert keys(archive) == ["run/leases/home/door/main/2026-11-20.json"]
        first = archive.head(keys(archive)[0])
        await world.sleep(10 * TERM)
        later = archive.head(keys(archive)[0])
        assert first is not None
        assert later is not None
        assert first.etag != later.etag
        assert found.lost() == {}
    assert keys(archive) == []


@pytest.mark.parametrize("ahead", [0.0, 1e6, -1e6])
async def test_who_lives_keeps_it_whatever_the_clocks_say(archive: Store, ahead: float) -> None:
    world = World()
    first, second = on(archive, world, "a"), on(archive, world, "b", ahead)
    async with world.passing(), AsyncExitStack() as stack:
        await taken(first, stack)
        async with second.take(JOB, [TODAY], {}) as found:
            (seen,) = found.seen.values()
        began = world.now
        holder = await second.watch(seen)
        assert holder is not None
        assert str(holder) == "process 7 on a"
        assert world.now - began < TERM
    async with world.passing(), second.take(JOB, [TODAY], {}) as found:
        assert found.seen == {}


async def test_who_is_silent_for_a_term_is_followed_and_learns_it(archive: Store) -> None:
    still, world = World(), World()
    first, second = on(archive, still, "a"), on(archive, world, "b", 5e5)
    async with AsyncExitStack() as stack:
        async with still.passing():
            mine = await taken(first, stack)
        async with world.passing():
            seen = (await taken(second, stack)).seen
            assert await second.watch(seen[TODAY]) is None
            assert world.now >= TERM
            theirs = await taken(second, stack, expired=seen)
            assert theirs.seen == {}
            async with still.passing():  # the first one wakes
                await still.sleep(TERM)
                assert {day: str(who) for day, who in mine.lost().items()} == {
                    TODAY: "process 7 on b"
                }
            await world.sleep(3 * TERM)
            assert theirs.lost() == {}
    assert keys(archive) == []


async def test_given_back_while_somebody_looks(archive: Store) -> None:
    world = World()
    first, second = on(archive, world, "a"), on(archive, world, "b")
    async with world.passing():
        async with AsyncExitStack() as stack:
            await taken(first, stack)
            async with second.take(JOB, [TODAY], {}) as found:
                seen = found.seen
        assert await second.watch(seen[TODAY]) is None
        async with second.take(JOB, [TODAY], seen) as found:
            assert found.seen == {}


async def test_run_emptied_by_hand_is_put_back(archive: Store) -> None:
    world = World()
    async with world.passing(), AsyncExitStack() as stack:
        mine = await taken(on(archive, world, "a"), stack)
        archive.delete(lease_key(JOB, TODAY))
        await world.sleep(TERM)
        assert keys(archive)
        assert mine.lost() == {}
    assert keys(archive) == []


async def test_two_parts_of_one_process_share_a_day(archive: Store) -> None:
    world = World()
    leases, other = on(archive, world, "a"), on(archive, world, "b")
    async with world.passing(), AsyncExitStack() as stack:
        assert not (await taken(leases, stack)).seen
        async with leases.take(JOB, [TODAY, TODAY + DAY], {}) as both:
            assert both.seen == {}
        async with other.take(JOB, [TODAY, TODAY + DAY], {}) as found:
            assert list(found.seen) == [TODAY]
    assert keys(archive) == []


async def test_a_lease_of_rubbish_expires_like_any_other(archive: Store) -> None:
    world = World()
    archive.create(lease_key(JOB, TODAY), b"\xff not ours", content_type="application/json")
    second = on(archive, world, "b")
    async with world.passing():
        async with second.take(JOB, [TODAY], {}) as found:
            seen = found.seen
        assert str(seen[TODAY].holder) == "somebody else"
        assert await second.watch(seen[TODAY]) is None
        assert world.now >= TERM
        async with second.take(JOB, [TODAY], seen) as found:
            assert found.seen == {}


def hold(url: str, key: str, number: int) -> bool:
    """Whether this process got it; the one that did holds it until all others have asked."""

    async def main() -> bool:
        async with Leases(open_store(url)).take(JOB, [TODAY], {}) as found:
            got = not found.seen
            await asyncio.sleep(3 if got else 0)
            return got

    return asyncio.run(main())


def test_of_sixteen_processes_one_gets_it(place: tuple[str, dict[str, str]]) -> None:
    url, environ = place
    open_store(url, environ=environ).put("run/x", b"x", content_type="text/plain")
    assert sum(race(16, hold, url, "", environ)) == 1


HOLD = """
import asyncio, sys
from hikcore.archive.open import open_store
from hikcore.extract.leases import Leases
from tests.extract.conftest import JOB
async def main():
    async with Leases(open_store(sys.argv[1]), term=float(sys.argv[3])).take(
        JOB, [int(sys.argv[2])], {}
    ):
        print("held", flush=True)
        await asyncio.sleep(600)
asyncio.run(main())
"""


@contextmanager
def holding(place: tuple[str, dict[str, str]], term: float) -> Iterator[subprocess.Popen[bytes]]:
    url, environ = place
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, url, str(TODAY), str(term)],
        env={**os.environ, **environ},
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        yield process
    finally:
        process.kill()
        process.communicate()


async def test_killed_on_this_machine_it_is_followed_at_once(
    place: tuple[str, dict[str, str]], archive: Store
) -> None:
    leases = Leases(archive, term=3600)
    with holding(place, 3600) as process:
        async with leases.take(JOB, [TODAY], {}) as found:
            assert str(found.seen[TODAY].holder).startswith(f"process {process.pid} on ")
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # dead, and still in the list
        async with leases.take(JOB, [TODAY], {}) as found:
            assert found.seen == {}


async def test_killed_while_somebody_looks_it_is_followed_at_once(
    place: tuple[str, dict[str, str]], archive: Store
) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        process.kill()
        process.wait()

    leases = Leases(archive, term=3600, sleep=sleep)
    with holding(place, 3600) as process:
        async with leases.take(JOB, [TODAY], {}) as found:
            seen = found.seen
        assert await leases.watch(seen[TODAY]) is None
    assert len(slept) == 1


async def test_one_that_lives_and_stands_still_is_followed_after_the_term(
    place: tuple[str, dict[str, str]], archive: Store
) -> None:
    leases = Leases(archive, term=1.0)
    with holding(place, 1.0) as process:
        process.send_signal(signal.SIGSTOP)
        began = time.monotonic()
        async with leases.take(JOB, [TODAY], {}) as found:
            seen = found.seen
        assert await leases.watch(seen[TODAY]) is None
        assert time.monotonic() - began >= 1.0
        async with leases.take(JOB, [TODAY], seen) as found:
            assert found.seen == {}


def test_of_another_machine_nothing_is_known() -> None:
    us = ourselves()
    assert us.machine
    assert not is_gone(us)
    assert not is_gone(us.model_copy(update={"machine": "another", "pid": 999_999_999}))
    assert not is_gone(us.model_copy(update={"machine": ""}))
    assert is_gone(us.model_copy(update={"pid": 999_999_999}))
    assert is_gone(us.model_copy(update={"began": "1"}))  # the number is used again


class Unconditional(LocalStore):
    """A store that takes conditions and ignores them, as some S3 servers do."""

    def create(self, key: str, data: bytes, *, content_type: str) -> str:
        self.delete(key)
        return super().create(key, data, content_type=content_type)


class Refusing(LocalStore):
    """A store whose key may not write under `run/`."""

    def create(self, key: str, data: bytes, *, content_type: str) -> str:
        raise ArchiveDenied("AccessDenied", where=key)


class Away(LocalStore):
    def create(self, key: str, data: bytes, *, content_type: str) -> str:
        raise ArchiveUnavailable("no answer", where=key)


@pytest.mark.parametrize("kind", [Unconditional, Refusing, Away])
async def test_a_store_without_conditional_puts_has_no_leases_and_says_so_once(
    kind: type[LocalStore], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    leases = Leases(kind(tmp_path / "archive"))
    for _ in range(3):
        async with leases.take(JOB, [TODAY, TODAY + DAY], {}) as found:
            assert found.seen == {}
            assert found.lost() == {}
    assert len([r for r in caplog.records if "no leases" in r.message]) == 1
    assert list(LocalStore(tmp_path / "archive").list(LEASES)) == []


async def test_a_store_that_is_away_for_a_while_costs_no_lease(tmp_path: Path) -> None:
    world, store = World(), LocalStore(tmp_path / "archive")
    away = False

    class Sometimes(LocalStore):
        def swap(self, key: str, data: bytes, etag: str, *, content_type: str) -> str:
            if away:
                raise ArchiveUnavailable("no answer", where=key)
            return super().swap(key, data, etag, content_type=content_type)

    leases = on(Sometimes(store.root), world, "a")
    async with world.passing(), leases.take(JOB, [TODAY], {}) as mine:
        away = True
        await world.sleep(TERM / 2)
        away = False
        await world.sleep(TERM)
        found = store.get(lease_key(JOB, TODAY))
        assert found is not None
        assert LeaseNote.model_validate_json(found[0]).beat >= 4
        assert mine.lost() == {}
    assert keys(store) == []


async def test_what_was_seen_long_ago_is_not_expired_if_it_changed(archive: Store) -> None:
    """The term counts from the first look at that very content."""
    world = World()
    first, second = on(archive, world, "a"), on(archive, world, "b")
    async with world.passing(), AsyncExitStack() as stack:
        await taken(first, stack)
        old = Seen(lease_key(JOB, TODAY), "another", Holder(token="a"), -1e6)
        async with second.take(JOB, [TODAY], {TODAY: old}) as found:
            assert TODAY in found.seen
