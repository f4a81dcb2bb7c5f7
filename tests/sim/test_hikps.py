"""The bytes of a body against layouts and values seen in real streams."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hikcore.deviceclock import ZoneRule
from hikcore.instants import parse_instant
from hikcore.sim import hikps, ps_body
from hikcore.sim.camera import CameraProfile
from hikcore.sim.footage import Footage
from hikcore.sim.psmux import Muxer, MuxProfile
from tests.sim.psreader import packets, pictures, wall_clock
from tests.timecode import read_instants, read_sound

BEGIN = 1_795_176_000_000  # 2026-11-20T12:00:00Z
H264 = CameraProfile(channel=1, audio="alaw", gop=10)
H265 = CameraProfile(channel=2, codec="h265", audio="ulaw", gop=10)


@pytest.mark.parametrize(
    ("bits", "instant", "encrypt"),
    [
        ("169ba5222ef7", "2022-09-23T09:18:08.478Z", 7),
        ("16ce046b7497", "2022-12-28T01:06:45.658Z", 7),
        ("179d3eb46000", "2023-09-26T15:43:17Z", 0),
    ],
)
def test_the_clock_descriptor_is_that_of_real_cameras(
    bits: str, instant: str, encrypt: int
) -> None:
    made = hikps.clock_descriptor(parse_instant(instant), True, encrypt)
    assert made[6:12].hex() == bits
    assert len(made) == 16
    assert made[:4] == b"\x40\x0eHK"


def test_a_map_has_the_crc_of_the_standard_byte_swapped() -> None:
    made = hikps.program_map(3, hikps.device_descriptor(), (0x1B, b""), None)
    # CRC-32/MPEG-2, bit by bit, over everything before it.
    value = 0xFFFFFFFF
    for byte in made[:-4]:
        for bit in range(7, -1, -1):
            top = value >> 31 ^ byte >> bit & 1
            value = (value << 1 & 0xFFFFFFFF) ^ (0x04C11DB7 if top else 0)
    assert made[-4:] == value.to_bytes(4, "little")
    assert hikps.program_map(3, b"", (0x1B, b""), None, "zero")[-4:] == bytes(4)


def test_nominal_values_are_where_parsers_look() -> None:
    video = hikps.video_descriptor(2560, 1436, 3600, 0)
    assert (video[13] << 15 | video[14] << 7 | video[15] >> 1, video[15] & 1) == (3600, 1)
    assert int.from_bytes(video[6:8], "big") == 2560
    assert int.from_bytes(video[8:10], "big") == 1440
    audio = hikps.audio_descriptor()
    assert audio[5] << 14 | audio[6] << 6 | audio[7] >> 2 == 8000
    assert audio[8] << 14 | audio[9] << 6 | audio[10] >> 2 == 64_000
    assert [len(video), len(audio)] == [16, 12]
    assert hikps.file_header("h265", None)[:16].hex() == "494d4b48010200000200050000000000"


@settings(deadline=None)
@given(
    size=st.integers(0, 70),
    pts=st.none() | st.integers(0, (1 << 33) - 1),
    marks=st.tuples(st.booleans(), st.booleans(), st.booleans()),
)
def test_pes_are_padded_and_flagged(
    size: int, pts: int | None, marks: tuple[bool, bool, bool]
) -> None:
    first, last, end = marks
    made = hikps.pes(0xE0, bytes(size), pts=pts, first=first, last=last, frame_end=end)
    (packet,) = packets(made)
    assert len(made) % 4 == 0
    assert (packet.pts, packet.payload, packet.aligned) == (pts, bytes(size), first)
    assert 2 <= len(packet.stuffing) <= 5
    flag = packet.stuffing[-1]
    assert (not flag & 2, not flag & 1, not flag & 4) == (first, last, end and last)
    if marks == (True, True, False):
        assert flag == 0xFC
    if marks == (True, True, True):
        assert flag == 0xF8


@pytest.mark.parametrize(
    ("camera", "mux"),
    [
        (H264, MuxProfile()),
        (H264, MuxProfile(pes_size=65_484, private=False, system_header=False, milliseconds=False)),
        (H265, MuxProfile(pes_size=64, crc="zero")),
        (H265, MuxProfile(pts_wrap_ms=BEGIN + 4_000, frame_flags=False)),
        (H264.model_copy(update={"b_frames": 2, "audio": None}), MuxProfile()),
    ],
)
def test_everything_filmed_is_in_the_body(camera: CameraProfile, mux: MuxProfile) -> None:
    zone = ZoneRule(5 * 3600)
    end = BEGIN + 9_500
    body = b"".join(ps_body(BEGIN, end, camera=camera, mux=mux, zone=zone))
    assert body[:4] == b"IMKH"
    found = packets(body, 40)
    footage = Footage(camera, 1, zone)
    wanted = list(footage.pictures(BEGIN, end))
    muxer = Muxer(camera, mux, zone)
    assert pictures(found) == [
        (muxer.pts(unit.ms), muxer.frame_number(unit.ms), unit.units()) for unit in wanted
    ]
    first = wanted[0].ms
    for (pts, number, _), unit in zip(pictures(found), wanted, strict=True):
        assert pts % 2 == 0
        assert (pts - pictures(found)[0][0]) % (1 << 33) == (unit.ms - first) * 90
        assert number - pictures(found)[0][1] == (unit.ms - first) // camera.frame_ms
    assert all(packet.size <= mux.pes_size for packet in found if packet.id == 0xE0)
    sound = b"".join(packet.payload for packet in found if packet.id == 0xC0)
    if camera.audio:
        heard = [instant for instant, _ in read_sound(camera.audio, sound)]
        # The last unit begins before the end and is whole.
        last = -(-end // camera.audio_ms) * camera.audio_ms
        assert heard == list(range(first * 10**6, last * 10**6, 2_000_000))
    else:
        assert sound == b""


def test_maps_carry_the_wall_clock_of_their_picture() -> None:
    zone = ZoneRule(5 * 3600)
    camera = H264.model_copy(update={"phase_ms": 137})
    found = packets(b"".join(ps_body(BEGIN, BEGIN + 9_000, camera=camera, zone=zone)), 40)
    maps = [packet for packet in found if packet.id == 0xBC]
    assert [wall_clock(packet.descriptors[0x40]) for packet in maps] == [
        ((2026, 11, 20, 17, 0, 2 * index, 137), 7) for index in range(5)
    ]
    assert len({packet.raw[6] for packet in maps}) == 5
    assert maps[0].streams[0xE0][0] == 0x1B
    assert maps[0].streams[0xC0][0] == 0x90
    assert {0xBD, 0xBF} < maps[0].streams.keys()
    coarse = ps_body(BEGIN, BEGIN + 3_000, camera=camera, mux=MuxProfile(milliseconds=False))
    (first,) = [p for p in packets(b"".join(coarse), 40) if p.id == 0xBC][:1]
    assert wall_clock(first.descriptors[0x40]) == ((2026, 11, 20, 12, 0, 0, 0), 7)


def test_only_key_pictures_have_maps_and_private_data_looks_like_packets() -> None:
    found = packets(b"".join(ps_body(BEGIN, BEGIN + 3_900)), 40)
    order = [packet.id for packet in found if packet.id != 0xC0]
    assert order[:3] == [0xBA, 0xBB, 0xBC]
    assert order.count(0xBA) == 20
    assert order.count(0xBB) == order.count(0xBC) == order.count(0xBD) == order.count(0xBF) == 1
    (private,) = [packet for packet in found if packet.id == 0xBD]
    assert b"\0\0\0\1\0\0\1\xba" in private.payload
    assert int.from_bytes(private.payload[2:4], "big") * 4 + 4 == len(private.payload)


@pytest.mark.parametrize("camera", [H264, H265, H264.model_copy(update={"b_frames": 2})])
def test_another_reader_plays_it(camera: CameraProfile, tmp_path: Path) -> None:
    end = BEGIN + 12_300
    path = tmp_path / "file.mp4"
    path.write_bytes(b"".join(ps_body(BEGIN, end, camera=camera)))
    shown = [instant // 10**6 for instant in read_instants(str(path))]
    assert shown == sorted(unit.ms for unit in Footage(camera).pictures(BEGIN, end))
    if not camera.b_frames:
        assert shown == list(range(BEGIN, end, camera.frame_ms))


_MAKE = """
import hashlib, sys
from pathlib import Path
from hikcore.sim import ps_body
from hikcore.sim.camera import CameraProfile
for codec in ("h264", "h265"):
    camera = CameraProfile(channel=3, codec=codec, gop=10, audio="alaw")
    body = b"".join(ps_body({begin}, {begin} + 5_000, camera=camera, cache=Path(sys.argv[1])))
    print(hashlib.sha256(body).hexdigest())
"""


def test_two_processes_make_the_same_bytes(tmp_path: Path) -> None:
    made = []
    for name in ("one", "two"):
        script = _MAKE.format(begin=BEGIN)
        run = subprocess.run(
            [sys.executable, "-c", script, str(tmp_path / name)],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        made.append(run.stdout.split())
    assert made[0] == made[1]
    other = ps_body(BEGIN, BEGIN + 5_000, camera=CameraProfile(channel=3, gop=10, audio="alaw"))
    assert made[0][0] == hashlib.sha256(b"".join(other)).hexdigest()
    changed = ps_body(
        BEGIN, BEGIN + 5_000, camera=CameraProfile(channel=3, gop=10, audio="alaw"), seed=2
    )
    assert made[0][0] != hashlib.sha256(b"".join(changed)).hexdigest()
