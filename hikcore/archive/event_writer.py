"""Events into the archive as they come: a journal on this machine first, then batches.

A put for every event would be thousands of small objects a day, and an event that waits in memory
is lost with its process. So each is written to a journal at once, a batch goes out by and by, and
then the journal goes. Whoever starts next puts what a killed process left behind: as keys name the
events, one that was put already is no second one.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, TextIO

from pydantic import ValidationError

from hikcore.archive.events import Event, put_events
from hikcore.archive.store import Store
from hikcore.instants import NS

#: A batch of so many events goes out whatever the clock says.
_MOST: Final = 1000


class EventWriter:
    """Takes the events of one device. Not safe for two threads at once; calls block (a store's
    puts, a file's writes).

    Args:
        store: of the archive.
        folder: for journals: on a disk of this machine, the same in the next run.
        now: our clock, UTC ns.
        every: ns between batches.
    """

    def __init__(
        self, store: Store, folder: Path, *, now: Callable[[], int], every: int = 60 * NS
    ) -> None:
        self._store = store
        self._folder = folder
        self._now = now
        self._every = every
        self._events: list[Event] = []
        self._file: TextIO | None = None
        self._path = folder
        self._since = 0
        folder.mkdir(parents=True, exist_ok=True)

    def recover(self) -> list[Event]:
        """Put what processes that ended without a word left behind, and return it."""
        out: list[Event] = []
        for path in sorted(self._folder.glob("*.jsonl")):
            if path == self._path:
                continue
            with path.open("r+", encoding="utf-8") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError:
                    continue  # its process is alive
                found = list(_journalled(file))
                put_events(self._store, found)
                path.unlink(missing_ok=True)
                out += found
        return out

    def add(self, event: Event) -> None:
        """Keep an event: when this returns, a killed process does not lose it."""
        self._write({"event": json.loads(event.to_bytes())})
        self._events.append(event)

    def mark(self, statement: Event) -> None:
        """Keep a statement that holds if nothing more is heard of this process: of several with one
        key the last one counts, and none of them where an event with that key is added."""
        self._write({"mark": json.loads(statement.to_bytes())})

    def due(self) -> bool:
        """Whether a batch should go out."""
        if not self._events:
            return False
        return len(self._events) >= _MOST or self._now() - self._since >= self._every

    def flush(self) -> int:
        """Put what was added since the last batch; how many events that were.

        Raises:
            ArchiveError: the store does not take them; they stay in the journal, and with the next
                batch.
        """
        count = len(self._events)
        if self._events:
            put_events(self._store, self._events)
        self._events = []
        if self._file is not None:
            self._path.unlink(missing_ok=True)
            self._file.close()
            self._file = None
        return count

    def _write(self, line: dict[str, object]) -> None:
        if self._file is None:
            self._since = self._now()
            self._open()
        assert self._file is not None
        self._file.write(json.dumps(line, ensure_ascii=False) + "\n")
        self._file.flush()

    def _open(self) -> None:
        """A journal of its own, locked as long as this process lives."""
        number = self._since
        while True:
            self._path = self._folder / f"{number:020d}-{os.getpid()}.jsonl"
            number += 1
            try:
                file = self._path.open("x", encoding="utf-8")
            except FileExistsError:
                continue
            fcntl.flock(file, fcntl.LOCK_EX)
            # Somebody who recovers may have had it between the two calls, and removed it.
            if self._path.exists():
                self._file = file
                return
            file.close()


def _journalled(file: TextIO) -> Iterator[Event]:
    """The events of a journal and the statements that hold; a line that the end cut is none."""
    marks: dict[str, Event] = {}
    for line in file:
        if not line.endswith("\n"):
            break
        try:
            entry = json.loads(line)
            event = Event.model_validate(entry.get("mark") or entry["event"])
        except (ValueError, KeyError, AttributeError, ValidationError):
            continue  # a disk that was full or lost power; the rest is good
        if "mark" in entry:
            marks[event.key] = event
        else:
            marks.pop(event.key, None)
            yield event
    yield from marks.values()
