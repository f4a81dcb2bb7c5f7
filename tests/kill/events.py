"""Counts what a process does, by class, and kills it with SIGKILL at the n-th of one class.

Loaded into the process under test alone; the product knows nothing of it. Classes:

- `store.before`, `store.effect`, `store.answer`: a request to the store: not yet sent; done, its
  answer not yet seen by the product; answered, and whatever comes next under way.
- `device.before`, `device.effect`, `device.answer`: the same of an HTTP request to a device.
- `spool.write`: half of a block of a body is in the file.
- `disk`: before an fsync, link, rename or unlink, of the spool or of a store in a folder.
"""

from __future__ import annotations

import functools
import json
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

CLASSES = (
    "store.before",
    "store.effect",
    "store.answer",
    "device.before",
    "device.effect",
    "device.answer",
    "spool.write",
    "disk",
)
#: After an answer the process lives for at most so long, or until its next event.
_AFTERWARDS = 0.02


class Events:
    """The count of one process.

    Args:
        kill: `CLASS:N`, or '' to count only.
    """

    def __init__(self, kill: str = "") -> None:
        self.counts: Counter[str] = Counter()
        self._class, _, number = kill.partition(":")
        self._number = int(number or 0)
        self._armed = False
        self._lock = threading.Lock()

    def happened(self, kind: str) -> None:
        """An event; does not return where it is the one to die at."""
        with self._lock:
            self.counts[kind] += 1
            hit = kind == self._class and self.counts[kind] == self._number
            if self._armed or (hit and not kind.endswith(".answer")):
                _die()
            if hit:
                self._armed = True
                threading.Thread(target=_die_soon, daemon=True).start()

    def about_to_hit(self, kind: str) -> bool:
        """Whether the next event of this kind is the one to die at."""
        return kind == self._class and self.counts[kind] + 1 == self._number

    def write(self, path: Path) -> None:
        """The counts as JSON."""
        path.write_text(json.dumps(self.counts))


def install(events: Events) -> None:
    """Patch the process: the store's requests, the device's, the spool's writes, the disk."""
    _stores(events)
    _device(events)
    _spool(events)
    for name in ("fsync", "link", "rename", "replace", "unlink"):
        _before(os, name, events, "disk")


def _stores(events: Events) -> None:
    """For a folder its operations; for S3 each HTTP request, as an operation may be several."""
    import urllib3

    from hikcore.archive.local import LocalStore

    for name in ("get", "get_range", "head", "put_file", "put", "create", "swap", "delete"):
        _around(LocalStore, name, events, "store")
    _around(urllib3.PoolManager, "urlopen", events, "store")


def _device(events: Events) -> None:
    import httpx

    inner = httpx.AsyncHTTPTransport.handle_async_request

    async def handle(self: Any, request: Any) -> Any:
        events.happened("device.before")
        response = await inner(self, request)
        events.happened("device.effect")
        events.happened("device.answer")
        return response

    httpx.AsyncHTTPTransport.handle_async_request = handle  # type: ignore[method-assign]


def _spool(events: Events) -> None:
    from hikcore.extract.spool import Part

    inner = Part.write

    def write(self: Part, block: bytes | memoryview) -> None:
        if events.about_to_hit("spool.write"):
            inner(self, block[: len(block) // 2])
            self.file.flush()
        events.happened("spool.write")
        inner(self, block)

    Part.write = write  # type: ignore[method-assign]


def _around(owner: Any, name: str, events: Events, what: str) -> None:
    inner = getattr(owner, name)

    @functools.wraps(inner)
    def call(*args: Any, **kwargs: Any) -> Any:
        events.happened(f"{what}.before")
        answer = inner(*args, **kwargs)
        events.happened(f"{what}.effect")
        events.happened(f"{what}.answer")
        return answer

    setattr(owner, name, call)


def _before(owner: Any, name: str, events: Events, kind: str) -> None:
    inner: Callable[..., Any] = getattr(owner, name)

    @functools.wraps(inner)
    def call(*args: Any, **kwargs: Any) -> Any:
        events.happened(kind)
        return inner(*args, **kwargs)

    setattr(owner, name, call)


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _die_soon() -> None:
    time.sleep(_AFTERWARDS)
    _die()
