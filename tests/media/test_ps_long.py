"""Program streams at their longest: a group of 25 minutes, a gigabyte of the least packets."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hikcore.deviceclock import UTC_CLOCK
from hikcore.media.check import check_file
from hikcore.media.cut import cut_file
from hikcore.media.runs import find_runs
from hikcore.media.segments import plan_segments, write_segment
from hikcore.sim import hikps
from tests.media.mp4_footage import decode_video, encode
from tests.media.ps_bodies import Bytes, index, nal_units

STEP = 6750  # 75 ms: 20 000 pictures are 25 minutes
COUNT = 20_000

_FEED = """
import resource, sys
from hikcore.media.ps import PsIndexer
from hikcore.sim.psmux import MuxProfile
from tests.media.ps_bodies import muxed


head = muxed(MuxProfile(private=False), seconds=0.9).body
packet = bytes.fromhex(sys.argv[1])
block = memoryview(packet * ((1 << 20) // len(packet)))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
indexer = PsIndexer()
indexer.feed(head)
fed = len(head)
while fed < 1 << 30:
    indexer.feed(block)
    fed += len(block)
table = indexer.finish()
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(len(head), fed, len(table.video), table.damage[-1].offset, (peak - before) // 1024)
print(table.damage[-1].reason)
"""


def _fed(packet: bytes) -> tuple[list[int], str]:
    """(bytes of the sound footage before, of all, its pictures, offset of the last damage, MB that
    the process grew), and the reason: of a gigabyte of this packet."""
    done = subprocess.run(
        [sys.executable, "-c", _FEED, packet.hex()], capture_output=True, text=True, check=True
    )
    numbers, reason = done.stdout.splitlines()
    return [int(number) for number in numbers.split()], reason


@pytest.mark.slow
def test_a_gigabyte_of_packets_of_seven_bytes() -> None:
    """Shorter than a PES header: nothing of them is kept but the first faults."""
    (head, fed, pictures, at, grown), reason = _fed(b"\0\0\1\xe0\0\1\x80")
    assert fed >= 1 << 30
    assert pictures >= 10
    assert head <= at < head + 7 * 1001
    assert "header" in reason
    assert grown < 16


@pytest.mark.slow
def test_a_gigabyte_of_packets_of_one_byte_each_ends_at_the_cap() -> None:
    """Of a picture's bytes each lies in an extent of its own: 6 million of 16 bytes, and their copy
    as columns, are all that is held."""
    (head, fed, pictures, at, grown), reason = _fed(b"\0\0\1\xe0\0\4\x80\0\0\xff")
    assert fed >= 1 << 30
    assert pictures >= 10
    assert "cap" in reason
    # One extent a packet, those of the footage aside.
    assert 0 <= head + 10 * 6_000_000 - at < 10 * 10_000
    assert grown < 6_000_000 * 16 * 5 >> 20


@pytest.mark.slow
def test_a_group_of_25_minutes_and_of_20_000_pictures(tmp_path: Path) -> None:
    nals, _, keys = encode("h264", COUNT, COUNT, 0)
    assert sum(keys) == 1
    parts = []
    for number, units in enumerate(nals):
        parts.append(hikps.pack_header(STEP * number, number))
        for place, nal in enumerate(units):
            pts = STEP * number if place == 0 else None
            parts.append(hikps.pes(0xE0, b"\0\0\0\1" + nal, pts=pts))
    body = b"".join(parts)
    table = index(body)
    assert table.video is not None
    assert table.video.sync.sum() == 1
    assert nal_units(body, table.video) == [[nal.rstrip(b"\0") for nal in unit] for unit in nals]
    (run,) = find_runs(table, UTC_CLOCK, 0)
    (plan,) = plan_segments(table, run)
    segment = tmp_path / "segment.mp4"
    with segment.open("wb") as out:
        written = write_segment(out, Bytes(body), table, run, plan)
    assert written.frames == COUNT
    assert written.end - written.begin == COUNT * 75 * 1_000_000
    assert check_file(segment).failed == []
    # The last ten seconds, and all of the group before them, hidden.
    stream, clip = tmp_path / "a.ps", tmp_path / "clip.mp4"
    stream.write_bytes(body)
    made = cut_file(stream, clip, 1490, 1500)
    first = 1_490_000 // 75
    assert (made.frames, made.hidden) == (COUNT - first, first)
    assert made.lead_in == first * STEP
    assert check_file(clip).failed == []
    shown = [number for _, number in decode_video(clip.read_bytes())]
    assert shown == [number % (1 << 16) for number in range(first, COUNT)]
