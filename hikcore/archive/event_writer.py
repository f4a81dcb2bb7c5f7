"""Events into the archive as they come: a journal on this machine first, then batches.

A put for every event would be thousands of small objects a day, and an event that waits in memory
is lost with its process. So each is written to a journal at once; by and by a journal is closed,
its events go out as a batch, and then it goes. While the archive is away closed journals wait on
the disk, not in memory. Whoever starts next puts what a killed process left behind: as keys name
the events, one that was put already is no second one.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Final, NamedTuple, TextIO

from pydantic import ValidationError

from hikcore.archive.events import Event, put_events
from hikcore.archive.store import Store
from hikcore.instants import NS

_LOG = logging.getLogger(__name__)
#: A batch of so many events goes out whatever the clock says.
_MOST: Final = 1000


class EventWriter:
    """Takes the events of one device.

    `add`, `mark` and `close_batch` belong to one thread, and write to a file at most;
    `put_batches` waits for the store, and may run in another one meanwhile.

    Args:
        store: of the archive.
        folder: for journals: on a disk of this machine, the same in the next run.
        now: our clock, UTC ns.
        every: ns between batches, and before a batch that the store did not take is tried again.
    """

    def __init__(
        self, store: Store, folder: Path, *, now: Callable[[], int], every: int = 60 * NS
    ) -> None:
        self._store = store
        self._folder = folder
        self._now = now
        self._every = every
        self._file: TextIO | None = None
        self._path = folder
        self._since = 0
        self._count = 0
        self._closed: deque[Path] = deque()
        self._again = 0
        self._putting = Lock()
        folder.mkdir(parents=True, exist_ok=True)

    def recover(self) -> int:
        """Put what processes that ended without a word left behind; how many events that were.

        Raises:
            ArchiveError: the store does not take them; they stay where they are.
        """
        count = 0
        for path in sorted(self._folder.glob("*.jsonl")):
            if path == self._path:
                continue
            try:
                file = path.open("r+", encoding="utf-8", errors="replace")
            except FileNotFoundError:
                continue  # somebody else put it
            with file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError:
                    continue  # its process is alive
                count += self._put(path, _journalled(file), marks=True)
        return count

    def add(self, event: Event) -> None:
        """Keep an event: when this returns, a killed process does not lose it."""
        self._write({"event": json.loads(event.to_bytes())})
        self._count += 1
        if self._count >= _MOST:
            self.close_batch()  # a journal is read whole: none grows while the archive is away

    def mark(self, statement: Event) -> None:
        """Keep a statement that holds if nothing more is heard of this process: of several with one
        key the last one counts, and none of them where an event with that key is added."""
        self._write({"mark": json.loads(statement.to_bytes())})

    def due(self) -> bool:
        """Whether a batch should go out."""
        if self._closed:
            return self._now() >= self._again
        return self._count > 0 and self._now() - self._since >= self._every

    def close_batch(self) -> None:
        """What was added until now is a batch; what comes goes into the next one."""
        if self._file is None:
            return
        # Without its lock another process may take it for left behind, put it and remove it: that
        # adds nothing that we should not put ourselves.
        self._file.close()
        self._file = None
        self._count = 0
        self._closed.append(self._path)

    def put_batches(self) -> int:
        """Put the batches that are closed; how many events that were.

        Raises:
            ArchiveError: the store does not take them; they stay in their journals until the next
                time.
        """
        count = 0
        with self._putting:
            self._again = self._now() + self._every
            while self._closed:
                path = self._closed[0]
                with suppress(FileNotFoundError):  # somebody else put it
                    with path.open(encoding="utf-8", errors="replace") as file:
                        found = _journalled(file)
                    count += self._put(path, found, marks=False)
                self._closed.popleft()
            self._again = 0
        return count

    def flush(self) -> int:
        """Both."""
        self.close_batch()
        return self.put_batches()

    def _put(self, path: Path, found: _Journal, *, marks: bool) -> int:
        """Put a journal's events and remove it."""
        events = [*found.events, *(found.marks if marks else ())]
        put_events(self._store, events)
        if found.unread:
            # By another version perhaps, which can still be asked for them.
            with suppress(FileNotFoundError):
                path.rename(path.with_suffix(".damaged"))
            _LOG.warning("%s: %d lines are no events: kept as .damaged", path, found.unread)
        else:
            path.unlink(missing_ok=True)
        return len(events)

    def _write(self, line: dict[str, object]) -> None:
        if self._file is None:
            self._since = self._now()
            self._open()
        assert self._file is not None
        self._file.write(json.dumps(line, ensure_ascii=False) + "\n")
        self._file.flush()

    def _open(self) -> None:
        """A journal of its own, locked as long as it is written to."""
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


class _Journal(NamedTuple):
    """The events of a journal, the statements that hold if its writer was killed, and how many of
    its lines are neither."""

    events: list[Event]
    marks: list[Event]
    unread: int


def _journalled(file: TextIO) -> _Journal:
    events: list[Event] = []
    marks: dict[str, Event] = {}
    unread = 0
    for line in file:
        if not line.endswith("\n"):
            break  # the end cut it off
        try:
            entry = json.loads(line)
            event = Event.model_validate(entry.get("mark") or entry["event"])
        except (ValueError, KeyError, AttributeError, ValidationError):
            unread += bool(line.strip("\0\n"))  # zeros: the disk lost power
            continue
        if "mark" in entry:
            marks[event.key] = event
        else:
            marks.pop(event.key, None)
            events.append(event)
    return _Journal(events, list(marks.values()), unread)
