"""Listeners into an archive: nothing lost, nothing doubled, and what nobody can know is said."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from hikcore.archive.event_writer import EventWriter
from hikcore.archive.events import Event, read_events, unwatched
from hikcore.archive.local import LocalStore
from hikcore.errors import DeviceAuthError, DeviceRefused, DeviceUnreachable
from hikcore.extract.listening import EventListening, Listens
from hikcore.instants import DAY, NS, Span
from hikcore.sources.base import Deviation
from hikcore.sources.everfocus.heard import ENDPOINTS
from hikcore.sources.everfocus.known import HeardAt, not_heard
from hikcore.sources.everfocus.listen import Listener, Listening, Silence
from hikcore.sources.everfocus.searched import (
    Found,
    search_events,
    search_logs,
    search_meta,
)
from tests.everfocus.live.server import Break, Pauses, Server, Sockets, Stay

NOW = 1_795_168_997 * NS
#: The recorder's clock is so far ahead of ours.
AHEAD = 90 * NS


class Clock:
    """Ours: it stands still unless it is set."""

    def __init__(self, now: int = NOW) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now


class Nvr:
    """A session: the tiny server's sockets, and replies to searches."""

    def __init__(self, sockets: Sockets) -> None:
        self.websocket = sockets.websocket
        self.asked: list[tuple[str, Any]] = []
        self.replies: dict[str, Callable[[Any], Any]] = {}

    async def post(
        self, path: str, body: Any = None, params: Mapping[str, Any] | None = None
    ) -> Any:
        self.asked.append((path, body))
        return self.replies.get(path, lambda _: [])(body)


def hook(kind: str = "Motion", state: str = "active", channel: int = 3) -> str:
    return json.dumps({"ChannelID": channel, "Type": kind, "State": state})


class Home:
    """An archive, a clock, and a recorder that is listened to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = LocalStore(folder / "archive")
        self.store.root.mkdir(exist_ok=True)
        self.clock = Clock()
        self.said: list[Event] = []
        self.nvr: Nvr | None = None

    @asynccontextmanager
    async def listening(
        self, sockets: Sockets, *, run: str = "one", only: str = "", **options: int
    ) -> AsyncIterator[tuple[EventListening, asyncio.Event]]:
        async def deviation() -> Deviation:
            return Deviation(AHEAD, NS // 100)

        endpoints = [e for e in ENDPOINTS if only in ("", e.name)]
        self.nvr = nvr = self.nvr or Nvr(sockets)
        nvr.websocket = sockets.websocket
        listener = Listener(nvr, endpoints=endpoints, now=self.clock, sleep=Pauses())
        writer = EventWriter(self.store, self.folder / "journal", now=self.clock)
        work = EventListening(
            listener, nvr, deviation, self.store, writer, site="home", device="nvr",
            cameras={3: "door", 4: "yard"}, run=run, now=self.clock, said=self.said.append,
            options=Listens(**({"settle": 0} | options)),
        )  # fmt: skip
        yield work, asyncio.Event()

    def step(self, seconds: int, said: int) -> Callable[[Any], Any]:
        """For a script: the clock goes on once so much was said."""

        async def later(_: Any) -> None:
            while len(self.said) < said:
                await asyncio.sleep(0.002)
            self.clock.now += seconds * NS

        return later

    async def until(self, work: EventListening, stop: asyncio.Event, count: int) -> None:
        """Run until so many events were said, and stop."""
        task = asyncio.create_task(work.run(stop))
        async with asyncio.timeout(20):
            while len(self.said) < count and not task.done():
                await asyncio.sleep(0.005)
        stop.set()
        await task

    def events(self, *kinds: str) -> list[Event]:
        span = Span(self.clock.now - 9 * DAY, self.clock.now + 9 * DAY)
        found = read_events(self.store, "home", span)
        return [e for e in found if not kinds or e.kind in kinds]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


SILENT = {each.path: [[Stay()]] for each in ENDPOINTS}


async def test_all_five_listeners(home: Home) -> None:
    detail = {"message": "cameraDetail", "time": 1795169000000, "target": 4,
              "content": {"Password": "hunter2"}}  # fmt: skip
    status = [{"ChannelID": 3, "Online": True, "Recording": True, "Event": False}]
    scripts: dict[str, Any] = {
        "/meta/eventHook": [[hook(), hook(), hook(state="inactive"), Stay()]],
        "/meta/metaHook": [
            ['{"ChannelID": 4, "Type": "manualStart", "Data": "{ id: 1564741064}"}', Stay()]
        ],
        "/system/exceptionListen": [['[{"exception": "DiskFull", "time": 1795168990000}]', Stay()]],
        "/system/messageListen": [[json.dumps(detail), Stay()]],
        "/device/cameraStatus": [[*[json.dumps(status)] * 5, Stay()]],
    }
    async with Server(scripts).running() as sockets, home.listening(sockets) as (work, stop):
        await home.until(work, stop, 7)
    events = home.events("event", "meta", "exception", "message", "status")
    assert len(events) == 7
    heard = {e.via: e for e in events}
    motion = heard["eventHook"]
    assert (motion.camera, motion.channel, motion.type) == ("door", 3, "Motion")
    # By the recorder's clock, as footage is; by ours beside it.
    assert (motion.time, motion.received, motion.told) == (NOW + AHEAD, NOW, "receipt")
    assert (motion.deviation, motion.uncertainty) == (AHEAD, NS // 100)
    full = heard["exceptionListen"]
    assert (full.time, full.told, full.camera) == (1_795_168_990 * NS, "device", "")
    assert heard["messageListen"].camera == "yard"
    assert heard["cameraStatus"].state == "Online=yes, Recording=yes, Event=no"
    stored = b"".join(p.read_bytes() for p in home.folder.rglob("*") if p.is_file())
    assert b"hunter2" not in stored
    assert not list((home.folder / "journal").iterdir())


async def test_a_hole_is_asked_for_and_what_was_heard_is_not_doubled(home: Home) -> None:
    """Heard before the break and after it, and found by the search as well."""

    def rows(body: Any) -> list[dict[str, Any]]:
        device = (NOW + AHEAD) // NS
        row = {"ChannelID": 3, "Type": "Motion", "comment": "x", "video_size": 7}
        return [
            # Both ends heard: begun before the break, ended after it.
            row | {"ev_start": device, "ev_end": device, "pre_rec": device - 10},
            row | {"ev_start": device + 20, "ev_end": device + 25},
            row | {"ev_start": device + 20, "ev_end": device + 25},
            row | {"ev_start": device + 4000, "ev_end": device + 4001},
        ]

    first = [hook(), hook(state="inactive"), home.step(60, 2), Break()]
    scripts = {"/meta/eventHook": [first, [hook(), Stay()]]}
    async with (
        Server(scripts).running() as sockets,
        home.listening(sockets, only="eventHook") as (work, stop),
    ):
        assert home.nvr is not None
        home.nvr.replies["/record/eventSearch"] = rows
        await home.until(work, stop, 5)
    assert len(home.events("event")) == 3
    (found,) = home.events("interval")
    assert found.time == NOW + AHEAD + 20 * NS
    assert found.end == NOW + AHEAD + 25 * NS
    (gap,) = home.events("gap")
    assert gap.via == "eventHook"
    assert (gap.time, gap.end) == (NOW + AHEAD, NOW + AHEAD + 60 * NS)
    assert gap.data["found"] == 2
    assert gap.data["new"] == 1
    assert gap.data["failed"] == []
    assert "other types" in gap.data["unknown"]
    path, body = home.nvr.asked[0]
    assert path == "/record/eventSearch"
    assert body["ChannelID"] == [3, 4]
    assert body["StartTime"] <= (NOW + AHEAD) // NS - 2
    assert body["EndTime"] >= (NOW + AHEAD) // NS + 62
    span = Span(NOW + AHEAD, NOW + AHEAD + 60 * NS)
    assert unwatched(home.events(), "eventHook", span) == [span]


async def test_metadata_of_a_hole(home: Home) -> None:
    stamp = (NOW + AHEAD) // 10**6

    def rows(body: Any) -> list[dict[str, Any]]:
        if (body["ChannelID"], body["Type"]) != (3, "custom"):
            return []
        row = {"ChannelID": 3, "Type": "custom", "Data": {"id": 7}}
        return [row | {"Timestamp": stamp + 300}, row | {"Timestamp": stamp + 30_000}]

    custom = '{"ChannelID": 3, "Type": "custom", "Data": "{\\"id\\": 7}"}'
    scripts = {"/meta/metaHook": [[custom, home.step(60, 1), Break()], [Stay()]]}
    async with (
        Server(scripts).running() as sockets,
        home.listening(sockets, only="metaHook") as (work, stop),
    ):
        assert home.nvr is not None
        home.nvr.replies["/record/metaSearch"] = rows
        await home.until(work, stop, 3)
    assert [e.time for e in home.events("meta")] == [NOW + AHEAD, (stamp + 30_000) * 10**6]


async def test_a_search_that_fails_leaves_everything_unknown(home: Home) -> None:
    listening: list[EventListening] = []

    async def later(connection: Any) -> None:
        while len(listening[0]._watching) < len(ENDPOINTS):
            await asyncio.sleep(0.002)
        home.clock.now = NOW + NS

    scripts = {each.path: [[later, Break()], [Stay()]] for each in ENDPOINTS}
    async with Server(scripts).running() as sockets, home.listening(sockets) as (work, stop):
        assert home.nvr is not None
        listening.append(work)
        refused = {"Result": "Error", "Description": "not supported"}
        for path in ("/record/eventSearch", "/record/metaSearch", "/system/searchLogs"):
            home.nvr.replies[path] = lambda _: refused
        await home.until(work, stop, 5)
    gaps = home.events("gap")
    assert sorted(g.via for g in gaps) == sorted(e.name for e in ENDPOINTS)
    assert {g.data["unknown"] for g in gaps} == {"everything"}
    assert "not supported" in gaps[0].data["failed"][0]


async def test_the_time_between_two_runs_is_a_hole(home: Home) -> None:
    scripts = {"/meta/eventHook": [[hook(), Stay()]]}
    async with Server(scripts).running() as sockets:
        async with home.listening(sockets, only="eventHook") as (work, stop):
            task = asyncio.create_task(work.run(stop))
            while not home.said:
                await asyncio.sleep(0.005)
            home.clock.now += 30 * NS
            stop.set()
            await task
        home.clock.now += 3600 * NS
        async with home.listening(sockets, only="eventHook", run="two") as (work, stop):
            await home.until(work, stop, 3)
    (gap,) = home.events("gap")
    assert gap.data["reason"] == "nobody listened"
    assert gap.time == NOW + AHEAD + 30 * NS
    assert gap.end == NOW + AHEAD + 3630 * NS


async def test_killed_and_started_again(home: Home) -> None:
    """What a killed run heard is there, and the hole begins where it was last surely alive."""
    scripts = {"/meta/eventHook": [[hook(), Stay()]]}
    async with Server(scripts).running() as sockets:
        async with home.listening(sockets, only="eventHook", mark_every=0) as (work, stop):
            task = asyncio.create_task(work._consume())
            while not home.said:
                await asyncio.sleep(0.005)
            home.clock.now += 5 * NS
            await work.tick()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert work._writer._file is not None
            work._writer._file.close()
        assert home.events() == []
        home.clock.now += 100 * NS
        async with home.listening(sockets, only="eventHook", run="two") as (work, stop):
            await home.until(work, stop, 3)
    assert work.report.recovered == 2
    assert len(home.events("event")) == 2
    (gap,) = home.events("gap")
    assert gap.end is not None
    assert gap.end - gap.time == 100 * NS


async def test_the_clock_is_compared_again_when_it_was_set(home: Home) -> None:
    readings = iter((AHEAD, 2 * AHEAD, 3 * AHEAD, 3 * AHEAD, 3 * AHEAD))

    async def deviation() -> Deviation:
        return Deviation(next(readings), 1)

    message = '{"message": "sysTimeChanged", "time": 1795169000000, "content": {}}'
    scripts = {"/system/messageListen": [[message, Stay()]]}
    async with (
        Server(scripts).running() as sockets,
        home.listening(sockets, only="messageListen") as (work, stop),
    ):
        work._measure = deviation
        await work._compare()
        task = asyncio.create_task(work._consume())
        while not home.said:
            await asyncio.sleep(0.005)
        await work.tick()
        assert work._clock is not None
        assert work._clock.offset == 2 * AHEAD
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert not stop.is_set()


async def listened(sockets: Any, count: int, **more: Any) -> list[Any]:
    items: list[Any] = []
    listener = Listener(sockets, sleep=Pauses(), **more)
    async with asyncio.timeout(20):
        gen = listener.items()
        async for item in gen:
            items.append(item)
            if len(items) == count:
                break
        await gen.aclose()
    return items


EVENTS = [each for each in ENDPOINTS if each.name == "eventHook"]


async def test_an_endpoint_that_is_not_there_is_left_the_others_are_heard() -> None:
    scripts = {each.path: [[Stay()]] for each in ENDPOINTS if each.name != "metaHook"}
    async with Server(scripts).running() as sockets:
        items = await listened(sockets, 5)
    (silent,) = (i for i in items if isinstance(i, Silence))
    assert (silent.via, silent.final) == ("metaHook", True)


async def test_no_endpoint_at_all_is_an_error() -> None:
    async with Server({}).running() as sockets:
        with pytest.raises(DeviceRefused, match="none of its listeners"):
            await listened(sockets, 99)


async def test_a_refused_login_ends_it_for_all() -> None:
    async with Server(SILENT).running() as sockets:
        sockets.fail = [DeviceAuthError("refused")]
        with pytest.raises(DeviceAuthError):
            await listened(sockets, 99)


async def test_it_comes_back_however_often() -> None:
    scripts = {"/meta/eventHook": [*[[hook(), Break()]] * 5, [hook(), Stay()]]}
    async with Server(scripts).running() as sockets:
        sockets.fail = [DeviceUnreachable("booting")] * 3
        items = await listened(sockets, 20, endpoints=EVENTS)
    assert len([i for i in items if isinstance(i, Silence)]) == 8
    assert len([i for i in items if isinstance(i, Listening)]) == 6
    assert [i.since >= 0 for i in items if isinstance(i, Listening)] == [False] + [True] * 5


async def test_a_recorder_that_no_longer_answers_pings_is_dead() -> None:
    """It answered one before; whoever never answers any is believed to be there."""

    class Line:
        def __init__(self, pongs: int) -> None:
            self.pongs = pongs
            self.pings = 0

        async def recv(self, decode: bool | None = None) -> bytes:
            await asyncio.Event().wait()
            raise AssertionError

        async def ping(self) -> Any:
            self.pings += 1
            future = asyncio.get_running_loop().create_future()
            if self.pings <= self.pongs:
                future.set_result(0.0)
            return future

    class One:
        def __init__(self, pongs: int) -> None:
            self.line = Line(pongs)

        @asynccontextmanager
        async def websocket(self, path: str, params: Any = None) -> AsyncIterator[Any]:
            yield self.line

    ticks = iter(range(10**18, 2 * 10**18, NS))
    dead = await listened(One(2), 2, endpoints=EVENTS, quiet=0.01, now=lambda: next(ticks))
    assert isinstance(dead[1], Silence)
    assert dead[1].at == 10**18 + 2 * NS  # the last pong: until then it was surely there
    mute = One(0)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await listened(mute, 2, endpoints=EVENTS, quiet=0.01)
    assert mute.line.pings > 3


async def test_status_that_no_longer_comes_is_a_dead_connection() -> None:
    status = [each for each in ENDPOINTS if each.kind == "status"]
    row = '[{"ChannelID": 1, "Online": true}]'
    async with Server({"/device/cameraStatus": [[row, Stay()]]}).running() as sockets:
        items = await listened(sockets, 4, endpoints=status, status_idle=0.2)
    assert [type(i).__name__ for i in items] == ["Listening", "Heard", "Silence", "Listening"]


class Replies:
    def __init__(self, reply: Callable[[Any], Any]) -> None:
        self.reply = reply
        self.asked: list[Any] = []

    async def post(
        self, path: str, body: Any = None, params: Mapping[str, Any] | None = None
    ) -> Any:
        self.asked.append((path, body))
        return self.reply(body)


SPAN = Span(1584892800 * NS, 1584979200 * NS)


async def test_the_guides_own_event() -> None:
    row = {
        "ChannelID": 1, "ev_start": 1584949182, "ev_end": 1584949183, "pre_rec": 1584949172,
        "post_rec": 1584949213, "video_size": 14707618, "Type": "Motion", "comment": "Motion-1",
    }  # fmt: skip
    session = Replies(lambda body: [row] if 1 in body["ChannelID"] else [])
    search = await search_events(session, range(1, 10), SPAN)
    (found,) = search.rows
    assert (found.time, found.end) == (1584949182 * NS, 1584949183 * NS)
    assert found.data["pre_rec"] == 1584949172
    assert [body["ChannelID"] for _, body in session.asked] == [[1, 2, 3, 4], [5, 6, 7, 8], [9]]
    assert session.asked[0][1] == {
        "ChannelID": [1, 2, 3, 4], "StartTime": 1584892800, "EndTime": 1584979200,
        "Type": ["Motion", "InputAlarm", "ManualRecord", "Tag"], "Stream": "Main",
    }  # fmt: skip


async def test_metadata_by_type_or_as_a_list() -> None:
    session = Replies(lambda _: [{"ChannelID": 2, "Type": "a", "Data": "{ id: 1}",
                                  "Timestamp": "1584949182123"}])  # fmt: skip
    search = await search_meta(session, [2], SPAN, types=["a"])
    assert search.rows[0].time == 1584949182123 * 10**6
    assert session.asked[0][1]["Type"] == "a"
    await search_meta(session, [2], SPAN, types=["a", "b"], as_list=True)
    assert session.asked[1][1]["Type"] == ["a", "b"]


async def test_a_full_page_of_logs_is_asked_for_in_halves() -> None:
    first, last = SPAN.begin // 10**6, SPAN.end // 10**6
    every = [{"type": "System", "description": f"n{n}", "createTime": first + n * 4000,
              "hasRecord": 0} for n in range(10_000)]  # fmt: skip

    def reply(body: Any) -> Any:
        inside = [r for r in every if body["startTime"] <= r["createTime"] < body["endTime"]]
        return inside[:4000]

    session = Replies(reply)
    search = await search_logs(session, SPAN)
    assert len({row.data["description"] for row in search.rows}) == 10_000
    assert len(search.rows) == 10_000
    assert not search.failed
    assert all(body["startTime"] > 0 for _, body in session.asked)
    assert last > first


async def test_more_logs_than_can_be_told_in_a_second_is_said() -> None:
    rows = [{"type": "System", "description": str(n), "createTime": SPAN.begin // 10**6}
            for n in range(4000)]  # fmt: skip
    search = await search_logs(Replies(lambda _: rows), SPAN)
    assert search.failed == ["4000 log rows in a second: there may be more"]


def at(seconds: float, state: str = "active", kind: str = "event", data: Any = None) -> HeardAt:
    return HeardAt(kind, 3, "Motion", state, data, NOW + int(seconds * NS))


def row(begin: float, end: float) -> Found:
    return Found("eventSearch", "interval", 3, "motion", NOW + int(begin * NS), NOW + int(end * NS))


def test_one_heard_stands_for_one_found() -> None:
    heard = [at(0), at(1, "inactive"), at(5), at(6, "inactive")]
    rows = [row(0, 1), row(0.5, 1.5), row(5, 6)]
    assert not_heard(rows, heard, 2 * NS) == [rows[1]]
    assert not_heard(rows, [], 2 * NS) == rows


def test_half_heard_is_news() -> None:
    assert not_heard([row(0, 100)], [at(0)], 2 * NS) == [row(0, 100)]


def test_an_event_without_length() -> None:
    rows = [row(0, 0), row(0.2, 0.2)]
    assert len(not_heard(rows, [at(0, "once")], 2 * NS)) == 1
    assert not_heard(rows, [at(0, "once"), at(0.3, "once")], 2 * NS) == []
