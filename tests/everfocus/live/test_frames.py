"""Messages to frames: however they are cut, and whatever is wrong with them."""

from __future__ import annotations

import struct
import time
import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hikcore.errors import MediaUnsupported
from hikcore.media.keypicture import decodes_from
from hikcore.sources.everfocus.frames import FrameCutter
from tests.everfocus.live.server import BEGIN, IDR, P, delta, group, key
from tests.media.everfocus_reference import CAP, H265I, H265P, MAGIC, frame, parse


def cut(messages: list[bytes], cutter: FrameCutter | None = None) -> list[tuple[int, int, bytes]]:
    """(kind, time, payload) of all frames."""
    cutter = cutter or FrameCutter()
    return [
        (header.kind, header.time, bytes(payload))
        for message in messages
        for header, payload in cutter.feed(message)
    ]


def expected(body: bytes) -> list[tuple[int, int, bytes]]:
    return [(f.kind, -1 if f.ms is None else f.ms * 1_000_000, f.data) for f in parse(body).frames]


KINDS = st.sampled_from([6, 7, 8, 9, 16, 77])
FRAMES = st.lists(
    st.builds(frame, KINDS, st.binary(max_size=80), st.integers(0, 2**41)), min_size=1, max_size=8
)


@given(FRAMES, st.lists(st.integers(0, 600), max_size=12))
def test_any_cut_of_whole_frames_gives_the_same_frames(
    frames: list[bytes], cuts: list[int]
) -> None:
    body = b"".join(frames)
    edges = [0, *sorted(min(c, len(body)) for c in cuts), len(body)]
    messages = [body[a:b] for a, b in pairwise(edges)]
    assert cut(messages, FrameCutter(size_counts_header=False)) == expected(body)


@given(st.lists(st.binary(max_size=120), max_size=6), FRAMES)
def test_whatever_came_before_messages_that_are_frames_come_out(
    junk: list[bytes], frames: list[bytes]
) -> None:
    """Whatever is kept of junk, one message of one frame later all is as it should be."""
    assume(MAGIC[::-1] not in b"".join(junk))  # big-endian: named, and not read
    cutter = FrameCutter(size_counts_header=False)
    cut(junk, cutter)
    tail = [key(BEGIN), delta(BEGIN + 40), *frames]
    known = [f for f in expected(b"".join(tail)) if f[0] != 77]
    found = [f for f in cut([*tail, key(BEGIN + 80)], cutter) if f[0] != 77]
    assert found[-len(known) : -1] == known[1:]


def test_one_message_one_frame_is_not_copied() -> None:
    message = key(BEGIN)
    ((header, payload),) = FrameCutter().feed(message)
    assert payload.obj is message
    assert (header.kind, header.time) == (6, BEGIN * 1_000_000)


@pytest.mark.parametrize("size", [0, 1, 3, 31, 32])
def test_33_messages_of_less_than_a_frame(size: int) -> None:
    whole = key(BEGIN)
    cutter = FrameCutter()
    assert cut([whole[:size]], cutter) == []
    assert cut([whole[size:]], cutter) == expected(whole)
    assert not cutter.faults


def test_33_header_alone_then_its_picture_in_the_next_message() -> None:
    frames = group(BEGIN)
    messages = [part for f in frames for part in (f[:32], f[32:])]
    assert cut(messages) == expected(b"".join(frames))


@pytest.mark.parametrize("declared", [0, 5, 2**31, 2**32 - 1])
def test_34_a_declared_length_that_lies_costs_its_own_frame_alone(declared: int) -> None:
    bad = frame(7, P + b"x" * 40, BEGIN + 40, size=declared)
    good = group(BEGIN + 80)
    cutter = FrameCutter(size_counts_header=False)
    found = cut([key(BEGIN), bad, *good], cutter)
    assert found[0] == expected(key(BEGIN))[0]
    assert [f for f in found if f[1] >= (BEGIN + 80) * 1_000_000] == expected(b"".join(good))
    assert cutter.faults


def test_34_a_length_longer_than_the_message_does_not_swallow_what_follows() -> None:
    """Known to be a lie as soon as the next message is a whole frame, not a megabyte later."""
    bad = frame(7, P + b"x" * 40, BEGIN + 40, size=1 << 20)
    cutter = FrameCutter(size_counts_header=False)
    assert cut([bad], cutter) == []
    assert cut([key(BEGIN + 80)], cutter) == expected(key(BEGIN + 80))
    assert cutter.faults["a frame that is shorter than it declares"] == 1


def test_34_lengths_that_count_the_header() -> None:
    def counted(kind: int, data: bytes, ms: int) -> bytes:
        return frame(kind, data, ms, size=len(data) + 32)

    frames = [counted(6, IDR + bytes(99), BEGIN), counted(7, P + b"y" * 9, BEGIN + 40)]
    wanted = [(6, BEGIN * 1_000_000, IDR + bytes(99)), (7, (BEGIN + 40) * 1_000_000, P + b"y" * 9)]
    assert cut(frames) == wanted
    assert cut([b"".join(frames)]) == wanted


def test_35_several_frames_in_a_message_and_one_over_several() -> None:
    frames = group(BEGIN, 9)
    body = b"".join(frames)
    assert cut([body]) == expected(body)
    first = frames[0]
    messages = [first[:40], first[40:41], first[41:] + frames[1][:7], frames[1][7:], *frames[2:]]
    assert cut(messages) == expected(body)


def test_36_other_magic_and_unknown_types() -> None:
    cutter = FrameCutter()
    other = bytes.fromhex("15966388") + key(BEGIN)[4:]
    good = key(BEGIN + 40)
    odd = frame(4711, b"what is it", BEGIN + 80)
    assert cut([other, good, odd, good], cutter) == expected(good + odd + good)
    assert cutter.faults["bytes between frames"] == 1


def test_36_big_endian_is_named() -> None:
    big = struct.pack(">IIHHHIH12x", 0x89639615, 5, 6, 1920, 1080, 1_795_168_997, 250) + b"abcde"
    with pytest.raises(MediaUnsupported, match="big-endian"):
        cut([big])


def test_42_a_million_empty_frames_cost_little_memory() -> None:
    message = frame(7, b"", BEGIN) * 500_000
    cutter = FrameCutter()
    tracemalloc.start()
    count = sum(1 for _ in range(2) for _ in cutter.feed(message))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 1_000_000
    assert peak < 100_000


def test_42_one_byte_a_message_is_linear() -> None:
    body = key(BEGIN, 200_000)
    cutter = FrameCutter()
    begin = time.process_time()
    found = [f for at in range(len(body)) for f in cut([body[at : at + 1]], cutter)]
    assert found == expected(body)
    assert time.process_time() - begin < 10  # each byte copied with all before it: minutes


def test_42_what_is_kept_is_bounded_by_what_a_frame_may_declare() -> None:
    cutter = FrameCutter(max_frame=1 << 16)
    cut([frame(7, b"", BEGIN, size=1 << 16)], cutter)
    for _ in range(100):
        cut([bytes(8192)], cutter)
    assert len(cutter._kept) <= (1 << 16) + 64


def test_magic_inside_a_picture_is_a_picture() -> None:
    inner = frame(6, b"abc", BEGIN + 1)
    outer = frame(7, P + b"z" * 8 + inner + b"z" * 8, BEGIN)
    assert cut([outer[:50], outer[50:], key(BEGIN + 40)]) == expected(outer + key(BEGIN + 40))
    assert len(MAGIC) == 4
    assert CAP == 16 << 20


@pytest.mark.parametrize(
    ("kind", "payload", "wanted"),
    [
        (6, IDR + b"x", True),
        (7, IDR + b"x", True),  # the flag says P, the picture says IDR
        (6, P + b"x", False),  # and the reverse
        (6, IDR[:8], True),  # parameter sets in a frame of their own
        (6, b"\0\0\1\x09\xf0\0\0\1\x06\x05\0\0\1\x41x", False),
        (6, len(IDR[4:8]).to_bytes(4, "big") + IDR[4:8] + b"\0\0\0\2\x65x", True),
        (H265I, b"\0\0\0\1\x40\x01x\0\0\0\1\x42\x01x\0\0\0\1\x44\x01x\0\0\0\1\x26\x01x", True),
        (H265I, b"\0\0\0\1\x02\x01x", False),
        (H265P, b"\0\0\0\1\x2a\x01x", True),
        (6, b"\0\0\0\1\x40\x01x\0\0\0\1\x42\x01x\0\0\0\1\x26\x01x", True),  # H.265 all the same
        (H265I, IDR + b"x", True),  # H.264 all the same
        (6, b"", False),
        (6, b"no NAL unit at all", False),
    ],
)
def test_37_the_picture_says_whether_it_is_a_key(kind: int, payload: bytes, wanted: bool) -> None:
    assert decodes_from(payload, h265=kind in (8, 9)) is wanted


def test_34_a_length_that_ends_inside_the_next_frame() -> None:
    """The header of that frame, found inside, decides; a magic number alone does not."""
    bad = frame(7, P + b"x" * 9, BEGIN + 40, size=60)
    cutter = FrameCutter(size_counts_header=False)
    assert cut([bad + key(BEGIN + 80)], cutter) == expected(key(BEGIN + 80))
    assert cutter.faults["a frame that is shorter than it declares"] == 1
    # In a true picture that junk follows: of no known kind, and cut off at the message's end.
    for inside in (frame(4711, b"", BEGIN), MAGIC + b"abc"):
        picture = frame(7, P + inside + bytes(60), BEGIN)
        cutter = FrameCutter(size_counts_header=False)
        assert cut([picture + b"junk!", key(BEGIN + 80)], cutter) == expected(
            picture + key(BEGIN + 80)
        )
        assert cutter.faults == {"bytes between frames": 1}


def test_36_a_magic_number_that_is_cut_by_two_messages() -> None:
    whole = key(BEGIN)
    for size in (1, 2, 3):
        cutter = FrameCutter()
        assert cutter.between
        assert cut([b"junk, much of it" + whole[:size]], cutter) == []
        assert not cutter.between
        assert cut([whole[size:]], cutter) == expected(whole)
        assert cutter.faults == {"bytes between frames": 1}


def test_36_an_unknown_frame_does_not_prove_that_the_one_before_was_cut_off() -> None:
    cutter = FrameCutter(size_counts_header=False)
    bad = frame(7, P + b"x" * 40, BEGIN + 40, size=1 << 20)
    assert cut([bad, frame(4711, b"what is it", BEGIN + 60)], cutter) == []
    assert cut([key(BEGIN + 80)], cutter) == expected(key(BEGIN + 80))


def test_what_is_kept_whole_lacks_no_byte() -> None:
    """Headers, and what lay before them: together all that came, in order."""
    frames = group(BEGIN)
    messages = [b"junk", frames[0], b"other junk" + frames[1], *frames[2:]]
    cutter = FrameCutter(size_counts_header=False, whole=True)
    out = b"".join(
        cutter.before + bytes(view) for message in messages for _, view in cutter.feed(message)
    )
    assert out == b"".join(messages)
