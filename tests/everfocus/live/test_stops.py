"""Listeners that are stopped, killed or kept waiting at a bad moment: nothing goes with them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hikcore.archive.events import Event, event_key, put_events, unwatched
from hikcore.errors import DeviceUnreachable
from hikcore.extract.holes import Hole, left_open, questions
from hikcore.extract.listening import EventListening
from hikcore.instants import NS, Span
from hikcore.sources.everfocus.heard import ENDPOINTS
from hikcore.sources.everfocus.known import HeardAt, not_heard
from hikcore.sources.everfocus.listen import Listener, Listening, Silence
from hikcore.sources.everfocus.searched import Found
from hikcore.sources.reconnect import Reconnect
from tests.everfocus.live.server import Break, Pauses, Server, Stay
from tests.everfocus.live.test_listening import AHEAD, EVENTS, NOW, Home, hook


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


async def killed(work: EventListening, task: asyncio.Task[Any]) -> None:
    """As `kill -9` does it: nothing more is written, and the kernel lets go of the journal."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    if work._writer._file is not None:
        work._writer._file.close()


async def until(condition: Any) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.002)


async def test_stopped_while_a_hole_is_asked_for(home: Home) -> None:
    """The question that was broken off is put again before the end."""
    scripts = {"/meta/eventHook": [[hook(), home.step(60, 1), Break()], [Stay()]]}
    asked = 0

    async def post(path: str, body: Any = None, params: Any = None) -> Any:
        nonlocal asked
        asked += 1
        if asked == 1:
            stop.set()
            await asyncio.Event().wait()
        start = (NOW + AHEAD) // NS + 20
        return [{"ChannelID": 3, "Type": "Motion", "ev_start": start, "ev_end": start + 5}]

    async with (
        Server(scripts).running() as sockets,
        home.listening(sockets, only="eventHook") as (work, stop),
    ):
        assert home.nvr is not None
        home.nvr.post = post  # type: ignore[method-assign]
        async with asyncio.timeout(60):
            await work.run(stop)
    assert asked == 2
    assert len(home.events("gap")) == 1
    assert len(home.events("interval")) == 1


async def test_killed_before_a_hole_was_asked_for(home: Home) -> None:
    """It connected again and said that it listens: the next run still sees what lies before."""
    scripts = {
        "/meta/eventHook": [
            [hook(), home.step(20, 1), hook(), home.step(40, 2), Break()],
            [hook(state="x"), Stay()],
        ]
    }
    async with Server(scripts).running() as sockets:
        async with home.listening(sockets, only="eventHook", settle=9000 * NS, mark_every=0) as (
            work,
            _,
        ):
            await work._compare()
            task = asyncio.create_task(work._consume())
            await until(lambda: len(home.said) >= 4)  # with what is said of the first stretch
            home.clock.now += 5 * NS
            await work.tick()
            await killed(work, task)
        home.clock.now += 10 * NS
        async with home.listening(sockets, only="eventHook", run="two") as (work, stop):
            await home.until(work, stop, 7)
    gaps = {(gap.time - NOW - AHEAD, gap.end): gap.data["reason"] for gap in home.events("gap")}
    assert gaps == {
        (20 * NS, NOW + AHEAD + 60 * NS): "the listener was killed",
        (65 * NS, NOW + AHEAD + 75 * NS): "nobody listened",
    }
    assert home.nvr is not None
    # Once each, though both are known at the start.
    async with (
        Server(scripts).running() as sockets,
        home.listening(sockets, only="eventHook", run="three") as (work, stop),
    ):
        before = len(home.nvr.asked)
        await asyncio.to_thread(work._begin)
        assert work._holes == []
    assert len(home.nvr.asked) == before


async def test_a_hole_of_before_is_not_asked_for_while_nobody_answers(home: Home) -> None:
    """A recorder that is away cannot be asked: what a killed run left waits until it is heard."""
    put_events(
        home.store, [told("watch", NOW - 90 * NS, NOW - 80 * NS, AHEAD),
                     told("watch", NOW - 70 * NS, NOW - 60 * NS, AHEAD)],
    )  # fmt: skip
    async with Server({"/meta/eventHook": [[hook(), Stay()]]}).running() as sockets:
        sockets.fail = [DeviceUnreachable("booting")] * 10_000
        async with home.listening(sockets, only="eventHook") as (work, stop):
            task = asyncio.create_task(work.run(stop))
            await until(lambda: len(sockets.fail) < 9_990)
            await work.tick()
            stop.set()
            await task
        assert home.nvr is not None
        assert home.nvr.asked == []
        assert home.events("gap") == []
        sockets.fail = []
        async with home.listening(sockets, only="eventHook", run="two") as (work, stop):
            await home.until(work, stop, 3)
    assert [gap.data["reason"] for gap in home.events("gap")] == [
        "the listener was killed", "nobody listened",
    ]  # fmt: skip


async def test_it_does_not_claim_to_have_listened_while_it_said_good_bye(home: Home) -> None:
    """Connections may take ten seconds to close, and nobody reads them then."""

    class Slow:
        def __init__(self, sockets: Any) -> None:
            self.sockets = sockets

        @asynccontextmanager
        async def websocket(self, path: str, params: Any = None) -> AsyncIterator[Any]:
            async with self.sockets.websocket(path, params) as connection:
                try:
                    yield connection
                finally:
                    home.clock.now += 10 * NS

    async with Server({"/meta/eventHook": [[hook(), Stay()]]}).running() as sockets:
        slow: Any = Slow(sockets)
        async with home.listening(slow, only="eventHook") as (work, stop):
            task = asyncio.create_task(work.run(stop))
            await until(lambda: home.said)
            home.clock.now += 30 * NS
            stop.set()
            await task
    assert home.clock.now == NOW + 40 * NS
    ends = [e.end for e in home.events("watch")]
    assert ends == [NOW + AHEAD + 30 * NS]


async def test_what_has_come_when_it_is_stopped_is_written(home: Home) -> None:
    scripts = {"/meta/eventHook": [[*[hook(state=str(n)) for n in range(200)], Stay()]]}
    async with (
        Server(scripts).running() as sockets,
        home.listening(sockets, only="eventHook") as (work, stop),
    ):
        listener, taken = work._listener, 0
        items = listener.items

        async def slowly(until: asyncio.Event | None = None) -> Any:
            nonlocal taken
            async for item in items(until):
                taken += 1
                if taken == 3:
                    await asyncio.sleep(0.3)  # the others come meanwhile
                    stop.set()
                    await asyncio.sleep(0)
                yield item

        listener.items = slowly  # type: ignore[method-assign]
        async with asyncio.timeout(60):
            await work.run(stop)
    told = len(home.events("event"))
    assert told == taken - 1  # all but the statement that it is listened to
    assert told > 2


async def test_nobody_is_kept_from_writing_by_a_store_that_waits(home: Home) -> None:
    """An archive that hangs for a minute: what is heard meanwhile is in the journal at once."""
    hangs = asyncio.Event()
    loop = asyncio.get_running_loop()
    put = home.store.put

    def slow(*args: Any, **more: Any) -> Any:
        loop.call_soon_threadsafe(hangs.set)
        asyncio.run_coroutine_threadsafe(until(lambda: len(home.said) >= 3), loop).result()
        return put(*args, **more)

    async def second(connection: Any) -> None:
        await hangs.wait()

    scripts = {"/meta/eventHook": [[hook(), second, hook(state="b"), hook(state="c"), Stay()]]}
    home.store.put = slow  # type: ignore[method-assign]
    async with (
        Server(scripts).running() as sockets,
        home.listening(sockets, only="eventHook", watch_every=0) as (work, stop),
    ):
        home.clock.now = NOW + NS
        task = asyncio.create_task(work.run(stop))
        await until(lambda: home.said)
        home.clock.now += NS
        await until(lambda: len(home.events("event")) >= 1)
        stop.set()
        async with asyncio.timeout(60):
            await task
    assert len(home.events("event")) == 3


async def test_half_a_character_in_a_message(home: Home) -> None:
    """JSON may hold one (`\\ud83d`), no file can: what it stands in is heard all the same."""
    half = json.dumps({"ChannelID": 3, "Type": "Mo\ud83d", "State": "active", "\udc00": "\ud83d"})
    scripts = {"/meta/eventHook": [[half, hook(), Stay()]]}
    async with (
        Server(scripts).running() as sockets,
        home.listening(sockets, only="eventHook") as (work, stop),
    ):
        await home.until(work, stop, 2)
    assert {e.type for e in home.events("event")} == {"Mo\ufffd", "Motion"}


async def test_a_recorder_that_takes_connections_and_drops_them_is_left_in_peace() -> None:
    """Not one connection a second and endpoint for ever; once it says something, soon again."""
    scripts = {"/meta/eventHook": [*[[Break()]] * 8, [hook(), Break()], [Stay()]]}
    pauses = Pauses()
    items: list[Any] = []
    async with Server(scripts).running() as sockets:
        quiet = Reconnect(jitter=lambda: 1.0)
        listener = Listener(sockets, endpoints=EVENTS, sleep=pauses, reconnect=quiet)
        async with asyncio.timeout(60):
            async for item in listener.items():
                items.append(item)
                if sum(isinstance(i, Listening) for i in items) == 10:
                    break
    assert pauses.asked == [1, 2, 4, 8, 16, 30, 30, 30, 1]
    assert sum(isinstance(i, Silence) for i in items) == 9


def told(kind: Any, begin: int, end: int, offset: int, via: str = "eventHook") -> Event:
    return Event(
        key=event_key("nvr", kind, f"{via} {begin}", {}), site="home", device="nvr", kind=kind,
        time=begin + offset, end=end + offset, received=end, deviation=offset, via=via,
    )  # fmt: skip


spans = st.lists(
    st.tuples(
        st.sampled_from(["watch", "gap"]),
        st.integers(0, 60),
        st.integers(1, 20),
        st.sampled_from([0, 7 * NS, -3600 * NS]),
    ),
    max_size=12,
)


@given(spans)
def test_holes_that_no_gap_tells_of(said: list[tuple[str, int, int, int]]) -> None:
    """Against a count of instants; the device's clock may be set in between."""
    events = [told(k, NOW + b, NOW + b + n, offset) for k, b, n, offset in said]
    heard = {i for k, b, n, _ in said if k == "watch" for i in range(b, b + n)}
    known = {i for _, b, n, _ in said for i in range(b, b + n)}
    expected = {i for i in range(min(heard), max(heard))} - known if heard else set()
    found = left_open(events, ["eventHook", "metaHook"], 5)
    assert {i - NOW for hole in found for i in range(hole.begin, hole.end)} == expected
    assert {(hole.via, hole.due) for hole in found} <= {("eventHook", 5)}


def test_holes_far_apart_are_asked_for_apart() -> None:
    at = [0, 10, 3000, 9000, 9001]
    holes = [Hole("x", NOW + s * NS, NOW + (s + 5) * NS, "", 0) for s in at]
    spans = questions(holes, AHEAD, NS)
    base = NOW + AHEAD
    assert spans == [
        Span(base - NS, base + 3006 * NS), Span(base + 8999 * NS, base + 9007 * NS),
    ]  # fmt: skip


def take_by_hand(found: list[Found], heard: list[HeardAt], slack: int) -> list[Found]:
    """`not_heard` by looking at everything each time."""
    left, out = sorted(heard, key=lambda each: each.time), []

    def take(row: Found, time: int, states: tuple[str, ...]) -> bool:
        near = [
            each for each in left
            if (each.channel, each.type, each.kind) == (row.channel, row.type, "event")
            and abs(each.time - time) <= slack and each.state in states
        ]  # fmt: skip
        if not near:
            return False
        best = min(near, key=lambda each: abs(each.time - time))
        if best.state != "once" or "inactive" in states:
            left.remove(best)
        return True

    for row in sorted(found, key=lambda each: each.time):
        begun = take(row, row.time, ("active", "once"))
        ended = take(row, row.end, ("inactive", "once"))
        if not (begun and ended):
            out.append(row)
    return out


@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 9), st.integers(3, 4)), max_size=15),
    st.lists(
        st.tuples(
            st.integers(0, 50), st.sampled_from(["active", "inactive", "once"]), st.integers(3, 4)
        ),
        max_size=25,
    ),
    st.integers(0, 6),
)
def test_what_was_heard_already(
    rows: list[tuple[int, int, int]], heard: list[tuple[int, str, int]], slack: int
) -> None:
    found = [Found("s", "interval", c, "Motion", t, t + n) for t, n, c in rows]
    known = [HeardAt("event", c, "Motion", state, None, t) for t, state, c in heard]
    assert not_heard(found, known, slack) == take_by_hand(found, known, slack)


async def test_nobody_listened_is_seen_from_outside(home: Home) -> None:
    """A run that ends by an error says until when it listened, and not a moment longer."""
    async with (
        Server({"/meta/eventHook": [[hook(), Stay()]]}).running() as sockets,
        home.listening(sockets, only="eventHook") as (work, stop),
    ):
        task = asyncio.create_task(work.run(stop))
        await until(lambda: home.said)
        home.clock.now += 30 * NS
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    # Called off: the journal has it, and the next run puts it.
    assert home.events() == []
    home.clock.now += 30 * NS
    assert work._writer._file is not None
    work._writer._file.close()
    async with (
        Server({each.path: [[Stay()]] for each in ENDPOINTS}).running() as sockets,
        home.listening(sockets, only="eventHook", run="two") as (work, stop),
    ):
        await home.until(work, stop, 1)
    span = Span(NOW + AHEAD, home.clock.now + AHEAD)
    assert len(home.events("event")) == 1
    assert unwatched(home.events(), "eventHook", span)
