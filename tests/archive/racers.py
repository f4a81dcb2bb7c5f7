"""What each of the racing processes does; in a module of its own, so that they can import it."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from multiprocessing.synchronize import Barrier
from typing import Any

from hikcore.archive.open import open_store
from hikcore.errors import ArchiveConflict

JSON = "application/json"


def create(url: str, key: str, number: int) -> bool:
    """Whether this one won."""
    try:
        open_store(url).create(key, b"winner %d" % number, content_type=JSON)
    except ArchiveConflict:
        return False
    return True


def increment(url: str, key: str, number: int) -> int:
    """Add one to a counter; returns the value that this process wrote."""
    store = open_store(url)
    while True:
        found = store.get(key)
        assert found is not None
        value = int(found[0].split()[0]) + 1
        try:
            # With the writer's name in it, nobody takes another's value for its own.
            store.swap(key, b"%d by %d" % (value, number), found[1], content_type=JSON)
        except ArchiveConflict:
            continue
        return value


def put(url: str, key: str, number: int) -> bool:
    """Put what every other one puts as well."""
    open_store(url).put(key, b"the same" * 1000, content_type=JSON)
    return True


def race(
    count: int, act: Callable[[str, str, int], Any], url: str, key: str, environ: dict[str, str]
) -> list[Any]:
    """What `act` returned in each of so many processes that began at the same moment."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "hikcore.archive.s3"])
    barrier, results = context.Barrier(count), context.Queue()
    runners = [
        context.Process(target=_run, args=(act, url, key, number, environ, barrier, results))
        for number in range(count)
    ]
    for runner in runners:
        runner.start()
    try:
        found = [results.get(timeout=120) for _ in runners]
    finally:
        for runner in runners:
            runner.join(5)
            runner.kill()
    failures = [text for text in found if isinstance(text, str)]
    assert not failures, failures[0]
    return found


def _run(
    act: Callable[[str, str, int], Any],
    url: str,
    key: str,
    number: int,
    environ: dict[str, str],
    barrier: Barrier,
    results: Any,
) -> None:
    os.environ.update(environ)
    barrier.wait(60)
    try:
        results.put(act(url, key, number))
    except BaseException as error:
        results.put(f"{type(error).__name__}: {error}")
        raise
