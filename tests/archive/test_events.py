"""Events in the archive: once, whoever puts them and however often; readable by the day."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hikcore.archive.event_writer import EventWriter
from hikcore.archive.events import (
    Event,
    ReceiptSlots,
    event_key,
    put_events,
    read_events,
    unwatched,
    watched,
)
from hikcore.archive.store import Store
from hikcore.errors import ArchiveCorrupt, ArchiveUnavailable, ConfigurationError
from hikcore.instants import DAY, NS, Span, parse_instant

NOON = parse_instant("2026-11-20T12:00:00Z")
DAY_OF = Span(parse_instant("2026-11-20T00:00:00Z"), parse_instant("2026-11-21T00:00:00Z"))


def event(at: int = NOON, number: int = 0, **more: Any) -> Event:
    data = more.pop("data", {"n": number})
    fields: dict[str, Any] = {
        "site": "home", "device": "nvr", "camera": "door", "channel": 3, "kind": "event",
        "type": "Motion", "time": at, "received": at, "via": "eventHook", "data": data,
    }  # fmt: skip
    fields |= more
    fields.setdefault("key", event_key(fields["device"], fields["kind"], at, data))
    return Event(**fields)


def batches(store: Store) -> list[str]:
    return [info.key for info in store.list("events/")]


def test_a_batch_a_day_named_by_its_content(store: Store) -> None:
    late = parse_instant("2026-11-20T23:59:59.999Z")
    keys = put_events(store, [event(late), event(NOON), event(late + NS)])
    assert [key.rpartition("_")[0] for key in keys] == [
        "events/home/nvr/2026/11/20/20261120T120000.000Z_20261120T235959.999Z",
        "events/home/nvr/2026/11/21/20261121T000000.999Z_20261121T000000.999Z",
    ]
    assert batches(store) == keys
    found = store.get(keys[0])
    assert found is not None
    lines = [json.loads(line) for line in found[0].splitlines()]
    assert [line["schema"] for line in lines] == ["hikcore/event/1"] * 2
    assert lines[0]["time"] == "2026-11-20T12:00:00.000000000Z"


def test_putting_again_adds_nothing(store: Store) -> None:
    events = [event(NOON + n * NS, n) for n in range(5)]
    put_events(store, events)
    put_events(store, reversed(events))
    assert len(batches(store)) == 1
    put_events(store, events[:2])  # the part of a batch that was broken off
    assert len(batches(store)) == 2
    assert read_events(store, "home", DAY_OF) == events


@given(st.lists(st.lists(st.integers(0, 30), max_size=12), max_size=5))
def test_every_event_once_in_the_order_of_time(puts: list[list[int]]) -> None:
    class Memory:
        url = "memory:"

        def __init__(self) -> None:
            self.held: dict[str, bytes] = {}

        def put(self, key: str, data: bytes, *, content_type: str) -> None:
            self.held[key] = data

        def get(self, key: str) -> tuple[bytes, str] | None:
            return self.held[key], ""

        def list(self, prefix: str, after: str = "") -> Any:
            from hikcore.archive.store import ObjectInfo

            return [ObjectInfo(k, 1, "") for k in sorted(self.held) if k.startswith(prefix)]

        def folders(self, prefix: str) -> Sequence[str]:
            return ["nvr"] if self.held else []

    memory: Any = Memory()
    for numbers in puts:
        put_events(memory, [event(NOON + n * 3600 * NS, n) for n in numbers])
    span = Span(NOON, NOON + 3 * DAY)
    wanted = sorted({n for numbers in puts for n in numbers})
    assert [e.data["n"] for e in read_events(memory, "home", span)] == wanted


def test_a_camera_sees_its_own_and_what_concerns_the_recorder(store: Store) -> None:
    put_events(
        store,
        [
            event(NOON, 1),
            event(NOON + 1, 2, camera="yard", channel=4),
            event(NOON + 2, 3, camera="", channel=None, kind="exception", type="DiskFull"),
            event(NOON + 3, 4, camera="", channel=9),
        ],
    )
    numbers = [e.data["n"] for e in read_events(store, "home", DAY_OF, camera="door")]
    assert numbers == [1, 3]
    assert len(read_events(store, "home", DAY_OF)) == 4
    assert read_events(store, "home", DAY_OF, device="other") == []
    assert read_events(store, "elsewhere", DAY_OF) == []


def test_an_event_that_began_the_day_before_and_goes_on(store: Store) -> None:
    begin = DAY_OF.begin - 10 * NS
    put_events(store, [event(begin, kind="interval", end=DAY_OF.begin + NS)])
    assert len(read_events(store, "home", DAY_OF)) == 1
    assert read_events(store, "home", Span(DAY_OF.begin + NS, DAY_OF.end)) == []


def test_the_last_word_on_an_event_found_while_it_went_on(store: Store) -> None:
    for end in (5, 30, 12):
        put_events(store, [event(NOON, data={"e": end}, kind="interval", end=NOON + end * NS)])
    (found,) = read_events(store, "home", DAY_OF)
    assert found.end == NOON + 30 * NS


def receipt(at: int, listener: str, slots: ReceiptSlots, data: Any = None) -> Event:
    data = data or {"Type": "Motion"}
    slot = slots.slot(at, json.dumps(data))
    return event(
        at, data=data, told="receipt", listener=listener, key=event_key("nvr", "event", slot, data)
    )


def test_what_two_listeners_heard_is_one_event(store: Store) -> None:
    """Also where the second of receipt is another one."""
    one, two = ReceiptSlots(), ReceiptSlots()
    edge = NOON + NS - 1_000_000
    put_events(store, [receipt(t, "one", one) for t in (NOON, edge, NOON + 5 * NS)])
    put_events(
        store, [receipt(t, "two", two) for t in (NOON + 3, edge + 4_000_000, NOON + 5 * NS + 9)]
    )
    found = read_events(store, "home", DAY_OF)
    assert [e.time for e in found] == [NOON, edge, NOON + 5 * NS]


def test_what_one_listener_heard_twice_happened_twice(store: Store) -> None:
    slots = ReceiptSlots()
    put_events(store, [receipt(NOON + n, "one", slots) for n in range(4)])
    assert len(read_events(store, "home", DAY_OF)) == 4


def test_metadata_that_one_heard_and_another_found(store: Store) -> None:
    def heard(at: int, data: Any) -> Event:
        row = {"ChannelID": 3, "Type": "x", "Data": data}
        return event(at, kind="meta", type="x", told="receipt", via="metaHook", data=row)

    def found(at: int, data: Any) -> Event:
        row = {"ChannelID": 3, "Type": "x", "Data": data, "Timestamp": at // 10**6}
        return event(at, kind="meta", type="x", via="metaSearch", data=row)

    put_events(store, [heard(NOON, '{"id": 7}'), heard(NOON + 60 * NS, "a")])
    put_events(
        store,
        [found(NOON + NS, {"id": 7}), found(NOON + NS + 9, {"id": 7}), found(NOON + 90 * NS, "a")],
    )
    assert [e.time - NOON for e in read_events(store, "home", DAY_OF)] == [
        0, NS + 9, 60 * NS, 90 * NS,
    ]  # fmt: skip


def watch(begin: int, end: int, via: str = "eventHook", listener: str = "") -> Event:
    key = event_key("nvr", "watch", f"{via} {begin}", {})
    return event(
        begin, kind="watch", end=end, via=via, key=key, camera="", channel=None, data={},
        listener=listener,
    )  # fmt: skip


def test_when_somebody_listened(store: Store) -> None:
    """Statements are cut at midnight, so that each day says it by itself."""
    first, last = DAY_OF.begin - 3600 * NS, DAY_OF.begin + 3600 * NS
    put_events(store, [watch(first, last), watch(NOON, NOON + NS), watch(NOON, NOON + 9 * NS)])
    found = read_events(store, "home", DAY_OF)
    assert watched(found, "eventHook", DAY_OF) == [
        Span(DAY_OF.begin, last), Span(NOON, NOON + 9 * NS),
    ]  # fmt: skip
    assert unwatched(found, "eventHook", DAY_OF) == [
        Span(last, NOON), Span(NOON + 9 * NS, DAY_OF.end),
    ]  # fmt: skip
    assert unwatched(found, "metaHook", DAY_OF) == [DAY_OF]


def test_a_connection_that_was_dead_before_it_was_known() -> None:
    """Somebody believed to listen, and said later that nothing was heard; another one did hear."""
    span = Span(NOON, NOON + 100)
    own = {"kind": "gap", "listener": "one"}
    gap = watch(NOON + 40, NOON + 60).model_copy(update=own)
    events = [watch(NOON, NOON + 100, listener="one"), gap]
    assert unwatched(events, "eventHook", span) == [Span(NOON + 40, NOON + 60)]
    events.append(watch(NOON + 30, NOON + 50, listener="two"))
    assert unwatched(events, "eventHook", span) == [Span(NOON + 50, NOON + 60)]


def test_ids_and_damage(store: Store) -> None:
    with pytest.raises(ConfigurationError):
        put_events(store, [event(camera="No Such")])
    (key,) = put_events(store, [event()])
    store.put(key.replace(key[-22:-6], "0" * 16), b'{"schema":"x"}\n', content_type="x")
    with pytest.raises(ArchiveCorrupt, match="line 1 is no event"):
        read_events(store, "home", DAY_OF)


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> int:
        return self.now


def test_a_killed_writer_loses_nothing(store: Store, tmp_path: Path) -> None:
    clock = Clock()
    writer = EventWriter(store, tmp_path / "journal", now=clock)
    writer.add(event(NOON, 1))
    writer.flush()
    writer.add(event(NOON + 1, 2))
    writer.mark(watch(NOON, NOON + 5))
    writer.mark(watch(NOON, NOON + 7))
    writer.add(event(NOON + 2, 3))
    (journal,) = (tmp_path / "journal").iterdir()
    with journal.open("a") as file:
        file.write('{"event": {"schema": "hikcore/ev')  # killed while writing
    assert writer._file is not None
    writer._file.close()  # as the kernel does; the lock goes with it

    following = EventWriter(store, tmp_path / "journal", now=clock)
    assert following.recover() == 3
    assert not list((tmp_path / "journal").iterdir())
    assert following.recover() == 0
    found = read_events(store, "home", DAY_OF)
    assert sorted(e.data["n"] for e in found if e.kind == "event") == [1, 2, 3]
    assert [e.end for e in found if e.kind == "watch"] == [NOON + 7]


def test_killed_between_put_and_the_end_of_the_journal(store: Store, tmp_path: Path) -> None:
    clock = Clock()
    writer = EventWriter(store, tmp_path / "journal", now=clock)
    for number in range(3):
        writer.add(event(NOON + number, number))
    (journal,) = (tmp_path / "journal").iterdir()
    kept = journal.read_bytes()
    writer.flush()
    journal.write_bytes(kept)
    EventWriter(store, tmp_path / "journal", now=clock).recover()
    assert len(batches(store)) == 1
    assert len(read_events(store, "home", DAY_OF)) == 3


def test_the_journal_of_a_living_writer_is_left_alone(store: Store, tmp_path: Path) -> None:
    clock = Clock()
    one = EventWriter(store, tmp_path / "journal", now=clock)
    one.add(event())
    two = EventWriter(store, tmp_path / "journal", now=clock)
    assert two.recover() == 0
    two.add(event(NOON + 1, 2))
    assert len(list((tmp_path / "journal").iterdir())) == 2
    one.flush()
    two.flush()
    assert len(read_events(store, "home", DAY_OF)) == 2


class Away:
    """A store that takes nothing for now."""

    url = "away:"

    def __init__(self) -> None:
        self.gone = True
        self.tried = 0
        self.lines: list[bytes] = []

    def put(self, key: str, data: bytes, *, content_type: str) -> None:
        self.tried += 1
        if self.gone:
            raise ArchiveUnavailable("away")
        self.lines += data.splitlines()


def test_a_store_that_is_away_keeps_nothing_from_being_kept(tmp_path: Path) -> None:
    away: Any = Away()
    clock = Clock()
    writer = EventWriter(away, tmp_path, now=clock)
    assert not writer.due()
    writer.add(event(NOON, 1))
    assert not writer.due()
    clock.now += 60 * NS
    assert writer.due()
    with pytest.raises(ArchiveUnavailable):
        writer.flush()
    writer.add(event(NOON + 1, 2))
    away.gone = False
    assert writer.flush() == 2
    assert len(away.lines) == 2
    assert not list(tmp_path.iterdir())


def test_a_long_outage_fills_the_disk_and_not_the_memory(tmp_path: Path) -> None:
    """One put a minute is tried, of one batch; no batch grows; all of it goes out afterwards."""
    away: Any = Away()
    clock = Clock()
    writer = EventWriter(away, tmp_path, now=clock)
    held = [name for name in dir(writer) if isinstance(getattr(writer, name), list)]
    assert held == []
    for number in range(3500):
        clock.now += NS
        writer.add(event(clock.now, number))
        if writer.due():
            with pytest.raises(ArchiveUnavailable):
                writer.flush()
    assert away.tried <= 3500 // 60 + 1
    assert max(path.read_bytes().count(b"\n") for path in tmp_path.iterdir()) <= 1000
    away.gone = False
    assert writer.flush() == 3500
    assert len(set(away.lines)) == 3500
    assert not list(tmp_path.iterdir())


def test_a_full_batch_goes_out_at_once(tmp_path: Path) -> None:
    away: Any = Away()
    away.gone = False
    writer = EventWriter(away, tmp_path, now=Clock())
    for number in range(1000):
        assert not writer.due()
        writer.add(event(NOON, number))
    assert writer.due()
    assert writer.flush() == 1000
    assert not writer.due()


def test_what_comes_while_a_batch_waits_for_the_store_is_in_the_next(tmp_path: Path) -> None:
    """And in a journal at once: a process that is killed in that moment loses none."""
    away: Any = Away()
    away.gone = False
    writer = EventWriter(away, tmp_path, now=Clock())
    put = away.put

    def slow(key: str, data: bytes, *, content_type: str) -> None:
        if not away.lines:
            writer.add(event(NOON + 1, 2))
            assert any(b'"n": 2' in path.read_bytes() for path in tmp_path.iterdir())
        put(key, data, content_type=content_type)

    away.put = slow
    writer.add(event(NOON, 1))
    assert writer.flush() == 1
    assert writer.flush() == 1
    assert len(away.lines) == 2


def test_a_journal_that_another_version_wrote_or_a_disk_spoiled(
    store: Store, tmp_path: Path
) -> None:
    """What can be read goes out; the rest is kept, as somebody else may be able to read it."""
    writer = EventWriter(store, tmp_path / "journal", now=Clock())
    writer.add(event(NOON, 1))
    writer.close_batch()
    (journal,) = (tmp_path / "journal").iterdir()
    line = journal.read_bytes()
    newer = line.replace(b"hikcore/event/1", b"hikcore/event/9")
    journal.write_bytes(b"\xff\xfe\x80 no text\n" + newer + b"\0" * 512 + b"\n" + line)
    assert EventWriter(store, tmp_path / "journal", now=Clock()).recover() == 1
    assert len(read_events(store, "home", DAY_OF)) == 1
    (kept,) = (tmp_path / "journal").iterdir()
    assert kept.suffix == ".damaged"
    assert newer in kept.read_bytes()
    assert EventWriter(store, tmp_path / "journal", now=Clock()).recover() == 0


def test_a_journal_of_zeros_alone_goes(store: Store, tmp_path: Path) -> None:
    (tmp_path / "journal").mkdir()
    (tmp_path / "journal" / "1-1.jsonl").write_bytes(b"\0" * 4096 + b"\n")
    assert EventWriter(store, tmp_path / "journal", now=Clock()).recover() == 0
    assert not list((tmp_path / "journal").iterdir())
