"""Playing over RTSP from a begin to an end that is ours, over breaks.

A connection that breaks is begun again from the last key picture, as long as that gets on. A
playback that ends before it should is begun again, too: if that brings nothing more, there is no
more.
"""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

from hikcore.deviceclock import DeviceClock
from hikcore.errors import TransferInterrupted
from hikcore.instants import NS, Span, parse_instant
from hikcore.sources.patience import Retries
from hikcore.sources.rtsp import Account, Playing, play
from hikcore.sources.rtsp_played import Played

_T = TypeVar("_T")
#: A listed end is whole seconds, rounded down; the picture of that second belongs to it.
EDGE: Final = NS
#: What a playback may lack of its end and still have reached it: rounding, the last picture.
REACHED: Final = 2 * NS
#: Footage without a key picture is played so far past its end, and no further.
_NO_KEY: Final = 30 * NS
_RANGE: Final = re.compile(r"clock\s*=\s*(\d{8}T\d{6})")
_Outcome = tuple[bool, TransferInterrupted | None]


class Retrying(Protocol):
    """A device's patience."""

    async def __call__(self, attempt: Callable[[], Coroutine[Any, Any, _T]]) -> _T:
        """What `attempt` gives, tried again while it fails in a way that passes."""
        ...


@dataclass(frozen=True, slots=True)
class Way:
    """How one device is played from.

    Attributes:
        account: where, and as whom.
        retrying: its patience. place: one of its playbacks, held while it plays.
        allowed: waits until one more may be begun. received: waits as long as bytes may take.
        retries: of a playback that broke.
        quiet: seconds without a packet after which it is over.
        slack: it takes at most so many times as long as its footage, and five minutes.
    """

    account: Account
    retrying: Retrying
    place: Callable[[], AbstractAsyncContextManager[None]]
    allowed: Callable[[], Awaitable[None]]
    received: Callable[[int], Awaitable[None]]
    retries: Retries
    quiet: float = 15.0
    slack: float = 2.0


async def perform(
    way: Way,
    body: Played,
    limit: int,
    url: Callable[[int | None], str],
    clock: DeviceClock,
    *,
    open_end: bool = False,
    there: Sequence[Span] = (),
) -> None:
    """Play into a body, and finish it.

    Args:
        limit: UTC ns: it ends with the first key picture that was filmed then or later.
        url: the address, to begin at an instant (UTC ns), or at the begin.
        clock: what the device's times mean.
        open_end: nobody knows how far the footage goes: silence is its end.
        there: the stretches in which there is footage, in order, where the device tells: behind a
            hole at which it falls silent it is asked for what follows, once for each.

    Raises:
        TransferInterrupted: it breaks off over and over, does not get on, or brings nothing.
        NotThere: the device has nothing to play there.
        DeviceError: it does not play.
    """
    failures, left = 0, list(there)
    while True:
        before = body.pictures
        ended, broken = await _once(way, body, limit, url, clock)
        if ended or (open_end and broken is None):
            break
        if broken is not None and body.pictures and body.resume_from is None:
            raise broken  # no key picture yet: there is nothing to go on from
        failures = 0 if body.pictures > before else failures + 1
        again = failures > 0 and broken is None
        if (broken is None or failures > 0) and _behind(body, left, asked_again=again):
            failures = 0
            continue
        if failures and not body.searching and broken is None:
            break  # it was asked again, and has no more
        if failures >= way.retries.attempts or (body.searching and failures > 1):
            raise broken or TransferInterrupted(
                "the playback does not go on where it broke off", where=way.account.where
            )
        await _wait(way.retries, failures)
    await body.finish()
    if not body.pictures:
        raise TransferInterrupted(
            f"no picture within {way.quiet:g} s of playback",
            where=way.account.where,
            hint="the recorder may have written over this recording, or is slow to find it",
        )


def _behind(body: Played, left: list[Span], *, asked_again: bool) -> bool:
    """Whether it stands at a hole with more behind it: then the body jumps there. What was passed
    is taken off `left`, so that a map that is wrong leads nowhere twice."""
    last = body.last
    if last is None:
        return False
    inside = any(each.begin <= last + REACHED < each.end for each in left)
    if inside and not asked_again and not body.jumping:
        return False  # it fell silent where there should be more
    left[:] = [each for each in left if each.begin > last + REACHED]
    if not left:
        return False
    body.jump(left.pop(0).begin)
    return True


def reached(body: Played, limit: int) -> bool:
    """Whether a body holds what was filmed until a limit (`EDGE` after the end)."""
    return body.last is not None and body.last >= limit - EDGE - REACHED


async def _once(
    way: Way, body: Played, limit: int, url: Callable[[int | None], str], clock: DeviceClock
) -> _Outcome:
    """One playback: whether it came to the end, and what broke it."""
    start = body.resume_from
    if start is not None:
        body.again()
    before = body.pictures

    async def attempt() -> _Outcome:
        try:
            return await _play(way, url(start), body, limit, clock, first=start is None), None
        except TransferInterrupted as error:
            if body.pictures > before or start is not None:
                return False, error  # not to be tried again here
            raise

    return await way.retrying(attempt)


async def _play(
    way: Way, url: str, body: Played, limit: int, clock: DeviceClock, *, first: bool
) -> bool:
    begin = body.resume_from or body.origin
    async with way.place():
        await way.allowed()
        deadline = time.monotonic() + way.slack * (limit - begin) / NS + 300
        async with play(way.account, url) as playing:
            if first:
                body.origin = _origin(playing, clock, body.origin, limit)
            return await _copy(way, playing, body, limit, deadline)


async def _copy(way: Way, playing: Playing, body: Played, limit: int, deadline: float) -> bool:
    """What comes, into the body; whether it reached the end."""
    where = way.account.where
    async with aclosing(playing.samples(way.quiet)) as samples:
        try:
            async for sample in samples:
                at = body.time_of(sample)
                if sample.kind == "video" and not body.searching:
                    if at >= limit and (sample.sync or at >= limit + _NO_KEY):
                        return True
                    if not sample.whole:
                        raise TransferInterrupted(
                            f"the device left out packets ({playing.lost} so far)",
                            where=where,
                            hint="it cannot keep up: fewer at once, or a better way to it",
                        )
                if time.monotonic() > deadline:
                    raise TransferInterrupted(
                        "the playback takes much longer than its footage", where=where
                    )
                size, begun = body.size, time.monotonic()
                await body.take(playing, sample)
                await way.received(body.size - size)
                deadline += time.monotonic() - begun  # our own waiting is not the device's
        except TransferInterrupted:
            if reached(body, limit):
                return True  # some hang up at the end
            raise
    return reached(body, limit)


def _origin(playing: Playing, clock: DeviceClock, asked: int, limit: int) -> int:
    """When the playback begins: as PLAY was answered, where that can be; else as asked."""
    found = _RANGE.search(playing.range)
    if found is None:
        return asked
    try:
        readings = clock.literal_readings(parse_instant(f"{found[1]}Z"))
    except ValueError:
        return asked  # no date
    begin = min(readings, key=lambda reading: abs(reading - asked))
    return begin if asked - 60 * NS <= begin < limit else asked


async def _wait(retries: Retries, failures: int) -> None:
    wait = min(retries.initial * retries.factor**failures, retries.maximum)
    await asyncio.sleep(wait * random.uniform(0.75, 1.25))  # noqa: S311  no secret
