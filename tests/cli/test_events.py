"""`hikcore events`: what nobody listened to is no silence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hikcore.archive.events import Event, event_key, put_events
from hikcore.archive.local import LocalStore
from hikcore.cli.app import run
from hikcore.instants import NS, parse_instant

NOON = parse_instant("2026-11-20T12:00:00Z")


def told(device: str, kind: str, begin: int, end: int | None = None) -> Event:
    return Event.model_validate(
        {"schema": "hikcore/event/1", "key": event_key(device, "watch", begin, {}), "site": "home",
         "device": device, "kind": kind, "time": begin, "end": end, "received": end or begin,
         "via": "eventHook"}
    )  # fmt: skip


@pytest.fixture
def archive(tmp_path: Path) -> str:
    store = LocalStore(tmp_path / "archive")
    store.root.mkdir()
    put_events(store, [told("one", "watch", NOON, NOON + 3600 * NS), told("one", "event", NOON)])
    put_events(store, [told("two", "watch", NOON - 90 * 86_400 * NS, NOON - 80 * 86_400 * NS)])
    return str(store.root)


def asked(archive: str, capsys: pytest.CaptureFixture[str], *more: str) -> list[tuple[str, str]]:
    span = ("--from", "2026-11-20T12:00:00Z", "--to", "2026-11-20T14:00:00Z")
    assert run(["events", *more, *span, "--archive", archive, "--json"]) == 0
    summary = json.loads(capsys.readouterr().out.splitlines()[-1])
    return [(each["device"], each["via"]) for each in summary["not_listened"]]


def test_a_device_that_nobody_listened_to_is_named(
    archive: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Somebody did once, but not in this span: that nothing is found there tells nothing."""
    assert asked(archive, capsys, "home") == [("two", ""), ("one", "eventHook")]
    assert asked(archive, capsys, "home/door") == [("one", "eventHook")]
    span = ("--from", "2026-11-20T12:00:00Z", "--to", "2026-11-20T14:00:00Z")
    assert run(["events", "home", *span, "--archive", archive]) == 0
    said = capsys.readouterr().err
    assert "nobody listened to two from 2026-11-20 12:00:00 to 2026-11-20 14:00:00\n" in said
    assert "nobody listened to one from 2026-11-20 13:00:00 to 2026-11-20 14:00:00: eventHook" in (
        said
    )
