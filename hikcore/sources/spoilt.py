"""Answers that broke off or came garbled: asked for again, but never for ever.

A recorder that is short of memory, a proxy or a bad line spoils one answer in many; the same
question brings a whole one then. A device that always says the same broken thing is known, too: its
second answer is like the first, and asking on would only be a burden to it.
"""

from __future__ import annotations

import hashlib
import threading
import time
from typing import Final, TypeVar

from hikcore.errors import DeviceError

#: Answers that a device gave twice alike, and places of which it spoils all, that are remembered.
_MOST: Final = 64
_K = TypeVar("_K")
_V = TypeVar("_V")


class SpoiltAnswers:
    """What one device is known to spoil, for all its tasks in this process.

    Args:
        patience: seconds for which a place that spoiled one answer after the other, as often as it
            was asked, is given no more than one try.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._mutex = threading.Lock()
        self._words: dict[bytes, None] = {}
        self._given_up: dict[str, float] = {}

    def is_its_word(self, where: str, answer: bytes) -> bool:
        """Whether this very answer came there twice in a row before."""
        return _digest(where, answer) in self._words

    def given_up(self, where: str) -> bool:
        """Whether a whole patience was spent there a short while ago."""
        since = self._given_up.get(where)
        return since is not None and time.monotonic() - since < self._patience

    def say(self, where: str, answer: bytes) -> None:
        """It came there twice in a row."""
        with self._mutex:
            _keep(self._words, _digest(where, answer), None)

    def give_up(self, where: str) -> None:
        """Nothing but spoilt answers came there."""
        with self._mutex:
            _keep(self._given_up, where, time.monotonic())


class Tries:
    """The spoilt answers to one question.

    Args:
        known: of its device. attempts: how often it may be put.

    Attributes:
        over: whether it is not to be put again, whatever the last error was.
    """

    def __init__(self, known: SpoiltAnswers, attempts: int) -> None:
        self._known, self._attempts = known, attempts
        self._last: bytes | None = None
        self._spoilt = 0
        self.over = False

    def met(self, error: DeviceError, number: int) -> None:
        """The `number`-th try ended so: says in the error whether a repeat may help (`retryable`),
        and at the last try how often it was asked. One without an `answer` is left as it is."""
        answer, where = error.answer, error.where
        if answer is None:
            return
        self._spoilt += 1
        # Nothing at all twice proves nothing: a line may break off at the first byte again.
        same, self._last = bool(answer) and answer == self._last, answer
        error.retryable = True
        if same:
            self._known.say(where, answer)
            error.message += f" (asked {self._spoilt} times, it answers the very same)"
            error.retryable = False
        elif answer and self._known.is_its_word(where, answer):
            error.message += " (it answered the very same before, asked twice)"
            error.retryable = False
        elif number >= self._attempts > 1:
            error.message += f" ({self._spoilt} of {number} tries ended with such an answer)"
            if self._spoilt == number:
                self._known.give_up(where)
        elif self._known.given_up(where):
            error.message += " (not asked again: it spoiled every answer a short while ago)"
            self.over = True


def _keep(kept: dict[_K, _V], key: _K, value: _V) -> None:
    kept.pop(key, None)
    kept[key] = value
    while len(kept) > _MOST:
        del kept[next(iter(kept))]


def _digest(where: str, answer: bytes) -> bytes:
    return hashlib.blake2b(where.encode() + b"\0" + answer, digest_size=16).digest()
