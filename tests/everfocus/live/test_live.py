"""The live client against real WebSockets."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.frames import Opcode

from hikcore.errors import DeviceAuthError, DeviceRefused, DeviceUnreachable, MediaUnsupported
from hikcore.sources.everfocus.live import LiveFrame, LiveGap, LiveStream
from hikcore.sources.reconnect import Reconnect
from tests.everfocus.live.server import (
    BEGIN,
    Break,
    P,
    Pauses,
    Script,
    Server,
    Sockets,
    Stay,
    delta,
    group,
    key,
    raw,
)
from tests.media.everfocus_reference import frame

PATH = "/live/3/0"
MS = 1_000_000


async def collect(stream: LiveStream, count: int) -> list[LiveFrame | LiveGap]:
    """The first so many items."""
    out: list[LiveFrame | LiveGap] = []
    async with asyncio.timeout(20), aclosing(stream.frames()) as items:
        async for item in items:
            out.append(item)
            if len(out) == count:
                break
    return out


def stream(sockets: Sockets, **more: Any) -> tuple[LiveStream, Pauses]:
    pauses = Pauses()
    ticks = iter(range(10**18, 2 * 10**18, 10**6))
    options: dict[str, Any] = {"sleep": pauses, "now": lambda: next(ticks), "name": "home/nvr"}
    return LiveStream(sockets, 3, **(options | more)), pauses


def times(items: Sequence[LiveFrame | LiveGap]) -> list[int | str]:
    """Times of frames in ms since BEGIN, and where gaps are."""
    return ["gap" if isinstance(item, LiveGap) else item.time // MS - BEGIN for item in items]


async def play(scripts: Sequence[Script | Any], count: int, **more: Any) -> tuple[Any, ...]:
    server = Server({PATH: scripts})
    async with server.running() as sockets:
        live, pauses = stream(sockets, **more)
        items = await collect(live, count)
        assert sockets.open == 0
    return items, live, pauses, server


async def test_every_frame_as_it_came() -> None:
    frames = [*group(BEGIN), frame(16, b"\xff" * 320, BEGIN + 190), *group(BEGIN + 200)]
    items, live, _, _ = await play([[*frames, Stay()]], len(frames))
    assert [bytes(item.payload) for item in items] == [f[32:] for f in frames]
    assert [item.kind for item in items] == [6, 7, 7, 7, 7, 16, 6, 7, 7, 7, 7]
    assert times(items) == [0, 40, 80, 120, 160, 190, 200, 240, 280, 320, 360]
    assert items[0].key
    assert live.counts.frames == 11
    assert live.counts.bytes == sum(len(f) - 32 for f in frames)


async def test_begins_with_what_can_be_decoded() -> None:
    late = [delta(BEGIN), frame(6, P + b"not", BEGIN + 40), frame(16, bytes(9), BEGIN + 50)]
    items, live, _, _ = await play([[*late, *group(BEGIN + 80), Stay()]], 5)
    assert times(items) == [80, 120, 160, 200, 240]
    assert live.counts.waited == 3


async def test_or_with_the_first_frame_where_that_is_wanted() -> None:
    items, _, _, _ = await play([[delta(BEGIN), Stay()]], 1, wait_for_key=False)
    assert times(items) == [0]
    assert not items[0].key


async def test_a_break_is_a_gap_with_the_devices_times() -> None:
    first, second = group(BEGIN), group(BEGIN + 9000)
    scripts = [[*first, Break()], [delta(BEGIN + 8900), *second, Stay()]]
    items, live, pauses, _ = await play(scripts, 11)
    assert times(items) == [0, 40, 80, 120, 160, "gap", 9000, 9040, 9080, 9120, 9160]
    gap = items[5]
    assert (gap.begin, gap.end) == ((BEGIN + 160) * MS, (BEGIN + 9000) * MS)
    assert gap.lost < gap.found
    assert gap.waited == 1
    assert "the stream ended" in gap.reason
    assert len(pauses.asked) == 1
    assert live.counts.gaps == 1


async def test_what_is_sent_again_after_a_break_is_not_doubled_and_closes_the_gap() -> None:
    frames = group(BEGIN, 12)
    scripts = [[*frames[:7], Break()], [*frames, Stay()]]
    items, live, _, _ = await play(scripts, 12)
    assert times(items) == [40 * n for n in range(12)]
    assert live.counts.repeated == 7
    assert live.counts.gaps == 0


async def test_sent_again_from_the_middle_of_a_group_on() -> None:
    """No key picture comes first, and none is needed: the last frame seen is among them."""
    frames = group(BEGIN, 12)
    items, _, _, _ = await play([[*frames[:7], Break()], [*frames[4:], Stay()]], 12)
    assert times(items) == [40 * n for n in range(12)]


async def test_20_breaks_lose_and_double_nothing_where_the_recorder_repeats() -> None:
    frames = [f for n in range(40) for f in group(BEGIN + 200 * n)]
    scripts: list[Script] = []
    for number in range(20):
        at = 7 + number * 9
        scripts.append([*frames[max(at - 12, 0) : at], Break()])
    items, live, _, _ = await play([*scripts, [*frames[170:], Stay()]], len(frames))
    assert times(items) == [40 * n for n in range(200)]
    assert live.counts.connections == 21


async def test_a_clock_set_back_repeats_no_frame() -> None:
    """Other frames at times that were seen before are other frames."""
    again = [key(BEGIN, 77), delta(BEGIN + 40, 99)]
    items, _, _, _ = await play([[*group(BEGIN), Break()], [*again, Stay()]], 8)
    assert times(items) == [0, 40, 80, 120, 160, "gap", 0, 40]


async def test_a_silent_recorder_is_left_and_asked_again() -> None:
    scripts = [[*group(BEGIN), Stay()], [*group(BEGIN + 400), Stay()]]
    items, _, _, _ = await play(scripts, 11, idle=0.2)
    assert items[5].reason == "nothing came for 0.2 s"


async def test_a_slow_reader_is_no_silent_recorder() -> None:
    server = Server({PATH: [[*group(BEGIN, 3), Stay()]]})
    async with server.running() as sockets:
        live, _ = stream(sockets, idle=0.05)
        async with asyncio.timeout(20), aclosing(live.frames()) as items:
            async for item in items:
                assert isinstance(item, LiveFrame)
                await asyncio.sleep(0.1)
                if live.counts.frames == 3:
                    break
    assert live.counts.connections == 1


async def test_pauses_grow_and_are_never_the_same_for_all() -> None:
    server = Server({PATH: [[*group(BEGIN), Stay()]]})
    async with server.running() as sockets:
        sockets.fail = [DeviceUnreachable("no route") for _ in range(8)]
        live, pauses = stream(sockets, reconnect=Reconnect(jitter=lambda: 0.5))
        await collect(live, 5)
    assert pauses.asked == [0.75, 1.5, 3.0, 6.0, 12.0, 22.5, 22.5, 22.5]
    assert Reconnect(jitter=lambda: 0.0).pause(1) != Reconnect(jitter=lambda: 0.9).pause(1)


@pytest.mark.parametrize(
    ("error", "received"),
    [(DeviceAuthError("refused"), False), (DeviceAuthError("refused"), True),
     (DeviceRefused("no such channel"), False)],
)  # fmt: skip
async def test_what_no_repeat_can_help_ends_it(error: Exception, received: bool) -> None:
    server = Server({PATH: [[*group(BEGIN), Break()]]})
    async with server.running() as sockets:
        if not received:
            sockets.fail = [error]
        live, pauses = stream(sockets)

        async def read() -> None:
            async with aclosing(live.frames()) as items:
                async for _ in items:
                    sockets.fail = [error]

        with pytest.raises(type(error)):
            await read()
    assert len(pauses.asked) == int(received)


async def test_patience_before_the_first_frame_can_be_limited() -> None:
    async with Server({}).running() as sockets:
        sockets.fail = [DeviceUnreachable("no route") for _ in range(3)]
        live, _ = stream(sockets, reconnect=Reconnect(attempts=3))
        with pytest.raises(DeviceUnreachable):
            await collect(live, 1)


async def test_a_json_error_in_place_of_frames() -> None:
    with pytest.raises(DeviceRefused, match="no such channel"):
        await play([['{"Result": "Error", "Description": "no such channel"}', Stay()]], 1)


async def test_35_a_text_message_with_frames_in_it() -> None:
    """Not UTF-8 at all; a recorder that sets the wrong opcode is read all the same."""

    async def text(connection: ServerConnection) -> None:
        for each in group(BEGIN):
            await raw(connection, Opcode.TEXT, each, fin=True)

    items, _, _, _ = await play([[text, Stay()]], 5)
    assert times(items) == [0, 40, 80, 120, 160]


async def test_35_a_message_in_websocket_fragments() -> None:
    async def pieces(connection: ServerConnection) -> None:
        body = key(BEGIN, 1000)
        await raw(connection, Opcode.BINARY, body[:10], fin=False)
        await raw(connection, Opcode.CONT, body[10:500], fin=False)
        await raw(connection, Opcode.CONT, body[500:], fin=True)

    items, _, _, _ = await play([[pieces, Stay()]], 1)
    assert items[0].size == len(key(BEGIN, 1000)) - 32


async def test_36_big_endian_ends_it() -> None:
    swapped = bytes.fromhex("89639615") + key(BEGIN)[4:]
    with pytest.raises(MediaUnsupported, match=r"home/nvr, channel 3 main: .*big-endian"):
        await play([[swapped, Stay()]], 1)


async def test_38_times_are_given_as_they_came() -> None:
    odd = [key(BEGIN), delta(BEGIN - 5000), delta(BEGIN), frame(7, P, 0), frame(7, P, 5, msec=1000)]
    items, _, _, _ = await play([[*odd, delta(BEGIN + 10**9), Stay()]], 6)
    assert [item.time for item in items] == [
        BEGIN * MS, (BEGIN - 5000) * MS, BEGIN * MS, -1, -1, (BEGIN + 10**9) * MS,
    ]  # fmt: skip


async def test_40_sound_of_no_samples_and_another_codec() -> None:
    hevc = frame(8, b"\0\0\0\1\x40\x01x\0\0\0\1\x42\x01x\0\0\0\1\x26\x01x", BEGIN + 80)
    messages = [key(BEGIN), frame(16, b"", BEGIN + 10), hevc, Stay()]
    items, live, _, _ = await play([messages], 2)
    assert [item.kind for item in items] == [6, 8]
    assert live.counts.passed == {"empty frames": 1}


async def test_42_the_connection_breaks_in_a_picture() -> None:
    async def half(connection: ServerConnection) -> None:
        await raw(connection, Opcode.BINARY, key(BEGIN + 40)[:50], fin=False)
        connection.transport.abort()

    scripts = [[key(BEGIN), half], [*group(BEGIN + 4000), Stay()]]
    items, _, _, _ = await play(scripts, 3)
    assert times(items) == [0, "gap", 4000]


async def test_42_a_million_header_only_frames_and_then_a_picture() -> None:
    flood = frame(7, b"", BEGIN + 1) * 250_000
    items, live, _, _ = await play([[key(BEGIN), *[flood] * 4, key(BEGIN + 40), Stay()]], 2)
    assert times(items) == [0, 40]
    assert live.counts.passed["empty frames"] == 1_000_000


async def test_42_no_compressed_message_is_inflated() -> None:
    """permessage-deflate is not offered; a compressed frame all the same ends the connection."""

    async def bomb(connection: ServerConnection) -> None:
        one = compressed(b"\xcb\x00\x00" * 100)
        connection.transport.write(one)

    scripts = [[key(BEGIN), bomb, Stay()], [key(BEGIN + 4000), Stay()]]
    items, _, _, _ = await play(scripts, 3)
    assert times(items) == [0, "gap", 4000]


def compressed(data: bytes) -> bytes:
    """A final binary frame with RSV1 set, unmasked, of less than 65536 bytes."""
    return b"\xc2\x7e" + len(data).to_bytes(2, "big") + data


async def test_42_a_message_larger_than_any_frame_ends_the_connection() -> None:
    scripts = [[key(BEGIN), bytes(18 << 20), Stay()], [key(BEGIN + 4000), Stay()]]
    items, _, _, _ = await play(scripts, 3)
    assert times(items) == [0, "gap", 4000]


async def test_many_cameras_at_once_are_not_mixed_up() -> None:
    paths = {f"/live/{n}/0": [[*group(BEGIN + n, 25), Stay()]] for n in range(1, 41)}
    server = Server(paths)
    async with server.running() as sockets:
        lives = [LiveStream(sockets, n, sleep=Pauses()) for n in range(1, 41)]
        found = await asyncio.gather(*(collect(live, 25) for live in lives))
    for number, items in enumerate(found, 1):
        assert times(items) == [number + 40 * n for n in range(25)]
