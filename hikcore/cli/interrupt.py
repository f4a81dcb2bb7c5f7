"""Ctrl-C: once finishes the chunk, twice stops now, thrice leaves without a word.

Stopping at any moment is safe (the archive shows only what is whole); finishing the chunk only
saves its bytes from being fetched again.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from hikcore.cli.output import Output

_T = TypeVar("_T")


#: What a person reads after the first Ctrl-C.
CHUNK = "stopping when this recording is done; once more stops now"


def run(
    work: Callable[[asyncio.Event], Awaitable[_T]], output: Output, *, first: str = CHUNK
) -> _T:
    """Run a coroutine to its end, or to that of its chunk once `stop` is set.

    Args:
        work: takes the event that asks it to stop.
        output: where a person is told what a Ctrl-C did.
        first: what the first one does.

    Raises:
        KeyboardInterrupt: stopped in the middle.
    """

    async def main() -> _T:
        stop = asyncio.Event()
        with _signals(stop, output, first):
            return await work(stop)

    try:
        return asyncio.run(main())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


@contextmanager
def _signals(stop: asyncio.Event, output: Output, first: str) -> Iterator[None]:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    presses = 0

    def pressed() -> None:
        nonlocal presses
        presses += 1
        if presses == 1:
            output.talk(first)
            stop.set()
        elif presses == 2 and task is not None:
            output.talk("stopping now")
            task.cancel()
        else:
            os._exit(130)

    signals = (signal.SIGINT, signal.SIGTERM)
    for each in signals:
        loop.add_signal_handler(each, pressed)
    try:
        yield
    finally:
        for each in signals:
            loop.remove_signal_handler(each)
            if presses:
                # On the way out: one more press must neither print a stack nor change the code.
                signal.signal(each, lambda *_: os._exit(130))
