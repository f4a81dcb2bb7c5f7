"""WebSocket playback over a real connection: what is written is the recorder's frames, each once,
whatever the messages, breaks and holes are like."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest

from hikcore.errors import DeviceBusy, DeviceProtocolError, DeviceRefused, TransferInterrupted
from hikcore.instants import Span
from hikcore.sources.everfocus.playback import Manner, Playback, Played
from hikcore.sources.patience import Busy, BusyPace
from tests.everfocus.live.server import delta
from tests.everfocus.source.player import Frame, Player, Sockets, one, recorded, several, split

MS = 1_000_000
BEGIN = 1_795_168_800_000
QUICK = Manner(idle=0.15, pause=0.001)


def span(begin: float, end: float) -> Span:
    return Span(BEGIN * MS + int(begin * 1000) * MS, BEGIN * MS + int(end * 1000) * MS)


async def play(
    sockets: Sockets,
    asked: Span,
    *there: Span,
    manner: Manner = QUICK,
    from_key: bool = False,
    busy: BusyPace | None = None,
) -> tuple[bytes, Played]:
    out = bytearray()

    async def write(block: bytes) -> None:
        assert len(block) <= 1 << 20
        out.extend(block)

    playback = Playback(sockets, 1, "main", write, manner=manner, where="site/nvr", busy=busy)
    done = await playback.run(asked, there, from_key=from_key)
    assert done.size == len(out)
    return bytes(out), done


def expected(frames: list[Frame], asked: Span, *, exact: bool) -> bytes:
    """By the plainest means: from the key picture before, or the frame at, its begin."""
    begin, end = asked.begin // 1_000_000_000 * 1000, asked.end // MS
    first = next(n for n, each in enumerate(frames) if each.ms >= begin)
    if not exact:
        first = max(n for n, each in enumerate(frames) if each.key and each.ms <= max(
            begin, frames[0].ms))  # fmt: skip
    return b"".join(each.data for each in frames[first:] if each.ms < end)


@pytest.mark.parametrize("pack", [one, several, split])
@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("group", [1, 12, 900])
async def test_a_span_is_written_as_it_comes(group: int, exact: bool, pack: object) -> None:
    frames = recorded(BEGIN, BEGIN + 120_000, group * 1000)
    player = Player(frames, exact=exact, pack=pack)  # type: ignore[arg-type]
    asked = span(33.3, 61)
    async with player.running() as sockets:
        body, done = await play(sockets, asked)
    assert body == expected(frames, asked, exact=exact)
    assert done.whole
    assert done.key == (not exact or group < 900)
    assert player.told[-1] == {"command": "stop"}
    assert player.asked[0]["time"] == str(BEGIN // 1000 + 33)


@pytest.mark.parametrize("seed", range(20))
async def test_broken_anywhere_no_frame_is_lost_or_doubled(seed: int) -> None:
    chance = random.Random(seed)
    group = chance.choice([1000, 2000, 12_000, 40_000])
    frames = recorded(BEGIN, BEGIN + 90_000, group, sound=chance.random() < 0.5)
    breaks = [chance.randrange(0, len(frames)) for _ in range(chance.randrange(1, 6))]
    player = Player(
        frames,
        exact=chance.random() < 0.5,
        pack=chance.choice([one, several, split]),
        break_after=breaks,
        half=chance.random() < 0.5,
    )
    asked = span(chance.uniform(0, 30), chance.uniform(50, 85))
    async with player.running() as sockets:
        body, done = await play(sockets, asked)
    assert body == expected(frames, asked, exact=player.exact)
    assert done.whole
    assert len({each["session"] for each in player.asked}) == len(player.asked)


@pytest.mark.parametrize("hole", ["jump", "silence", "close"])
@pytest.mark.parametrize("exact", [True, False])
async def test_a_hole_is_passed(hole: str, exact: bool) -> None:
    frames = recorded(BEGIN, BEGIN + 20_000, 2000) + recorded(BEGIN + 50_000, BEGIN + 80_000, 2000)
    player = Player(frames, exact=exact, hole=hole)  # type: ignore[arg-type]
    there = (span(0, 20), span(50, 80))
    async with player.running() as sockets:
        body, done = await play(sockets, span(5, 60), *there)
        assert body == expected(frames, span(5, 60), exact=exact)
        assert done.whole
        # Ends in the hole: what the maps say is there was had, so nothing is waited for twice.
        before = len(player.asked)
        body, done = await play(sockets, span(5, 35), *there)
        assert body == expected(frames, span(5, 35), exact=exact)
        assert done.whole
        assert len(player.asked) == before + 1


async def test_what_maps_promise_and_nobody_plays_is_not_whole() -> None:
    frames = recorded(BEGIN, BEGIN + 20_000, 2000)
    for at_end in ("silence", "close"):
        player = Player(frames, at_end=at_end)  # type: ignore[arg-type]
        async with player.running() as sockets:
            body, done = await play(sockets, span(0, 40), span(0, 40))
        assert body == b"".join(each.data for each in frames)
        assert not done.whole
        assert done.connections <= 6


async def test_it_is_given_up_where_it_comes_no_further() -> None:
    frames = recorded(BEGIN, BEGIN + 20_000, 2000)
    player = Player(frames, break_after=[30] + [3] * 50)
    out = bytearray()

    async def write(block: bytes) -> None:
        out.extend(block)

    async with player.running() as sockets:
        playback = Playback(sockets, 1, "main", write, manner=QUICK)
        with pytest.raises(TransferInterrupted, match="came no further"):
            await playback.run(span(0, 19), [])
    assert len(player.asked) < 20
    whole = b"".join(each.data for each in frames)
    assert whole.startswith(bytes(out))


async def test_refusals_are_told() -> None:
    frames = recorded(BEGIN, BEGIN + 1000, 1000) + recorded(BEGIN + 60_000, BEGIN + 61_000, 1000)
    player = Player(frames, hole="refuse", exact=True)
    async with player.running() as sockets:
        body, done = await play(sockets, span(0, 30), span(0, 1))
        assert body
        assert done.whole
        player.frames = frames[:0]
        player.at_end = "refuse"  # type: ignore[assignment]
        with pytest.raises(DeviceRefused, match="no record"):
            await play(sockets, span(20, 30), span(20, 30))


async def test_from_the_key_picture_on() -> None:
    frames = recorded(BEGIN, BEGIN + 30_000, 12_000)
    player = Player(frames, exact=True)
    async with player.running() as sockets:
        body, _ = await play(sockets, span(5, 20), from_key=True)
    assert body == b"".join(e.data for e in frames if BEGIN + 12_000 <= e.ms < BEGIN + 20_000)


async def test_what_is_no_frame_is_kept_as_it_came() -> None:
    frames = recorded(BEGIN, BEGIN + 10_000, 1000)
    spoilt = Frame(frames[7].ms, False, b"\xff" + frames[7].data[1:])
    frames[7] = spoilt
    player = Player(frames, pack=split)
    async with player.running() as sockets:
        body, _ = await play(sockets, span(0, 9))
    assert body == b"".join(e.data for e in frames if e.ms < BEGIN + 9000)


async def test_speed_and_milliseconds_are_asked_for_as_set() -> None:
    frames = recorded(BEGIN, BEGIN + 10_000, 1000)
    player = Player(frames)
    async with player.running() as sockets:
        await play(sockets, span(0, 9), manner=Manner(idle=0.2, speed=4))
    assert player.told[0] == {"command": "fast_forward", "speed": 4}


async def test_a_recorder_that_plays_all_it_has_is_not_listened_to() -> None:
    hours = recorded(BEGIN - 3_600_000, BEGIN - 3_500_000, 2000, step=1000, sound=False)

    class FromTheFirst(Player):
        async def _send(self, connection: Any, begin: int, left: int | None) -> None:
            await super()._send(connection, 0, left)

    player = FromTheFirst(hours)
    async with player.running() as sockets:
        with pytest.raises(DeviceProtocolError, match="3550 s before") as raised:
            await play(sockets, span(0, 9))
    assert "playback_unit" in str(raised.value.hint)
    assert len(player.asked) == 1


async def test_frames_whose_time_stands_still_end() -> None:
    frames = [frame for _ in range(60) for frame in recorded(BEGIN, BEGIN + 2000, 2000)]
    player, ticks = Player(frames), itertools.count()
    async with player.running() as sockets:

        async def write(block: bytes) -> None:
            return None

        playback = Playback(
            sockets, 1, "main", write, manner=QUICK, monotonic=lambda: float(next(ticks))
        )
        with pytest.raises(TransferInterrupted, match="much longer"):
            await playback.run(span(0, 9), [])


async def test_one_frame_without_a_proper_time_spoils_nothing() -> None:
    frames = recorded(BEGIN, BEGIN + 10_000, 1000, sound=False)
    frames[11] = Frame(frames[11].ms, False, delta(5_000, 20))
    player = Player(frames)
    async with player.running() as sockets:
        body, done = await play(sockets, span(0, 9))
    assert body == b"".join(e.data for e in frames if e.ms < BEGIN + 9000)
    assert done.whole


@pytest.mark.parametrize("how", ["503", "1013", "text"])
async def test_where_others_have_its_playbacks_it_is_waited_for(how: str) -> None:
    """At first, and in the middle; what came before is not doubled."""
    frames = recorded(BEGIN, BEGIN + 20_000, 2000)
    player = Player(frames, break_after=[0, 0, 30], busy={0: how, 1: how, 3: how})
    async with player.running() as sockets:
        pace = BusyPace(Busy(initial=0.01, maximum=0.02, patience=5.0))
        body, done = await play(sockets, span(0, 15), busy=pace)
        assert body == expected(frames, span(0, 15), exact=False)
        assert done.whole
        assert pace.spent == 0.0
        assert len(player.asked) == 5


async def test_patience_with_a_busy_recorder_ends() -> None:
    player = Player(recorded(BEGIN, BEGIN + 5000, 1000), busy=dict.fromkeys(range(99), "503"))
    async with player.running() as sockets:
        pace = BusyPace(Busy(initial=0.01, maximum=0.02, patience=0.2))
        with pytest.raises(DeviceBusy):
            await play(sockets, span(0, 4), busy=pace)
        assert 3 < len(player.asked) < 40
        asked = len(player.asked)
        with pytest.raises(DeviceBusy):
            await play(sockets, span(0, 4), busy=pace)
        assert len(player.asked) == asked + 1, "its patience is spent for all"
