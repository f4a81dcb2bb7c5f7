"""Bodies that are not what a listing or a header says of them."""

import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import pytest

from hikcore.sim.camera import CameraProfile
from hikcore.sim.footage import Footage
from hikcore.sim.profile import Profile
from hikcore.sim.psmux import Muxer, MuxProfile, parts
from hikcore.sim.recorder import Recorder
from tests.sim.asking import TINY, ask, client, fetch, tiny, uris
from tests.sim.psreader import packets, pictures, wall_clock
from tests.timecode import read_instants


async def body(profile: Profile) -> tuple[bytes, str, Recorder]:
    """(the first file, its row, who served it)."""
    async with Recorder(profile) as recorder, client(recorder) as http:
        text = await ask(http)
        return (await fetch(http, uris(text)[0])).content, text, recorder


@pytest.mark.parametrize("codec", ["h264", "h265"])
@pytest.mark.parametrize("b_frames", [0, 2])
async def test_real_mp4_under_the_same_content_type(
    codec: str, b_frames: int, tmp_path: Path
) -> None:
    camera = {**TINY["cameras"][0], "codec": codec, "b_frames": b_frames, "audio": None}
    data = {**TINY, "cameras": [camera], "mux": {"container": "mp4"}}
    got, _, recorder = await body(Profile.model_validate(data))
    assert got[4:8] == b"ftyp"
    path = tmp_path / "file.mp4"
    path.write_bytes(got)
    file = recorder.files(1)[0]
    shown = [instant // 10**6 for instant in read_instants(str(path))]
    wanted = sorted(
        unit.ms for unit in recorder.vaults[1].footage.pictures(file.begin_ms, file.end_ms)
    )
    assert shown == wanted
    again, _, _ = await body(Profile.model_validate(data))
    assert again == got


async def test_encrypted_footage_is_noise_in_true_packets() -> None:
    got, _, recorder = await body(tiny(mux={"encrypt": 1, "scrambled": True}))
    found = packets(got, 40)
    clear = pictures(packets(b"".join(_clear(recorder)), 40))
    noisy = pictures(found)
    assert [picture[:2] for picture in noisy] == [picture[:2] for picture in clear]
    for (_, _, hidden), (_, _, plain) in zip(noisy, clear, strict=True):
        assert [len(unit) for unit in hidden] == [len(unit) for unit in plain]
        assert hidden != plain
    maps = [packet for packet in found if packet.id == 0xBC]
    assert {wall_clock(packet.descriptors[0x40])[1] for packet in maps} == {1}


def _clear(recorder: Recorder) -> list[bytes]:
    vault, file = recorder.vaults[1], recorder.files(1)[0]
    muxer = Muxer(vault.camera, MuxProfile(), vault.zone, recorder.profile.seed)
    return [data for _, data in parts(vault.footage, muxer, file.begin_ms, file.written_ms)]


async def test_h265_where_listing_and_map_say_h264(tmp_path: Path) -> None:
    data: dict[str, Any] = {
        **TINY, "cameras": [{**TINY["cameras"][0], "codec": "h265"}],
        "mux": {"types": {"video": 0x1B}}, "dialect": {"codec_type": "H.264-BP"},
    }  # fmt: skip
    got, text, _ = await body(Profile.model_validate(data))
    assert set(re.findall("<codecType>(.*?)<", text)) == {"H.264-BP"}
    found = packets(got, 40)
    assert {p.streams[0xE0][0] for p in found if p.id == 0xBC} == {0x1B}
    kinds = {unit[0] >> 1 & 63 for _, _, units in pictures(found) for unit in units}
    assert {32, 33, 34} < kinds  # VPS, SPS, PPS of H.265


def test_smart_codecs_have_groups_of_uneven_lengths_and_a_wrong_rate() -> None:
    camera = CameraProfile(channel=1, gop=60, keys=5, frame_ms=1000)
    footage = Footage(camera)
    begin = footage.first_key(1_795_176_000_000)
    units = list(footage.pictures(begin, begin + 2 * camera.gop_ms))
    assert [unit.ms for unit in units] == list(range(begin, begin + 120_000, 1000))
    keys = [unit.ms for unit in units if unit.key]
    assert len(keys) == 10
    assert {begin, begin + camera.gop_ms} < set(keys)
    lengths = {b - a for a, b in pairwise(keys)}
    assert len(lengths) > 4
    decoder = av.CodecContext.create("h264", "r")
    shown = [frame for unit in units for frame in decoder.decode(av.Packet(unit.data))]
    assert len(shown) + len(decoder.decode(None)) == 120
    muxer = Muxer(camera, MuxProfile(nominal_ms=40), footage.zone)
    (made,) = [p for p in packets(muxer.picture(units[0])) if p.id == 0xBC]
    video = made.streams[0xE0][1][0x42]
    assert video[13] << 15 | video[14] << 7 | video[15] >> 1 == 3600
