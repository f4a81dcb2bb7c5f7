"""Pictures and sound give back the instant that was put into them."""

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hikcore.sim.camera import CameraProfile
from hikcore.sim.encoder import encode_group
from hikcore.sim.picture import Painter
from hikcore.sim.sound import sound
from tests.timecode import read_instant, read_sound

NOON = 1_795_176_000_000


@settings(deadline=None, max_examples=50)
@given(ms=st.integers(0, (1 << 44) - 1), size=st.sampled_from([(320, 180), (352, 288), (640, 360)]))
def test_every_instant_is_read_back(ms: int, size: tuple[int, int]) -> None:
    picture = Painter(*size, "Gate", 7).draw(ms, None)
    assert read_instant(picture[: size[1]]) == ms * 1_000_000


@pytest.mark.parametrize("codec", ["h264", "h265"])
def test_instants_survive_the_worst_coding(codec: str) -> None:
    camera = CameraProfile.model_validate(
        {"channel": 1, "codec": codec, "crf": 48, "gop": 12, "frame_ms": 40}
    )
    painter = Painter(320, 180, "Gate", 7)
    instants = [NOON + 40 * index for index in range(12)]
    units = encode_group(camera, [(ms, painter.draw(ms, ms * 1_000_000)) for ms in instants])
    decoder = av.CodecContext.create("hevc" if codec == "h265" else "h264", "r")
    frames = [
        frame
        for data in [*(unit.data for unit in units), None]
        for frame in decoder.decode(av.Packet(data) if data else None)
    ]
    assert [read_instant(frame) for frame in frames] == [ms * 1_000_000 for ms in instants]
    assert sum(len(unit.data) for unit in units) < 12_000


def test_damage_is_noticed() -> None:
    luma = Painter(320, 180, "Gate", 7).draw(NOON)[:180].copy()
    luma[0:16, 160:176] = 255 - luma[0:16, 160:176]
    with pytest.raises(ValueError, match="checksum"):
        read_instant(luma)


def test_a_person_sees_the_time_and_movement() -> None:
    painter = Painter(320, 180, "Gate", 7)
    first, later = (painter.draw(ms, ms * 1_000_000)[:180] for ms in (NOON, NOON + 1000))
    text = slice(180 - 26, 180 - 8)
    assert (first[text, :290] == 235).sum() > 500
    assert (first[text] != later[text]).any()
    middle = slice(48, 180 - 46)
    assert 20 < (first[middle] != later[middle]).sum() < 4000


def test_sizes_that_hold_no_code_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 320"):
        Painter(160, 120, "Gate", 1)
    with pytest.raises(ValueError, match="44 bits"):
        Painter(320, 180, "Gate", 1).draw(-1)


@settings(deadline=None, max_examples=50)
@given(
    begin=st.integers(0, 1 << 42),
    words=st.integers(1, 400),
    law=st.sampled_from(["alaw", "ulaw"]),
    channel=st.integers(1, 255),
)
def test_sound_counts(begin: int, words: int, law: str, channel: int) -> None:
    begin *= 2
    samples = sound(law, begin, begin + 2 * words, channel)  # type: ignore[arg-type]
    assert len(samples) == 16 * words
    assert read_sound(law, samples) == [
        ((begin + 2 * index) * 1_000_000, channel) for index in range(words)
    ]


@pytest.mark.parametrize("law", ["alaw", "ulaw"])
def test_lost_samples_are_heard(law: str) -> None:
    samples = sound(law, NOON, NOON + 40, 1)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="lost or put in"):
        read_sound(law, samples[:100] + samples[101:])


@pytest.mark.parametrize(("law", "decoder"), [("alaw", "pcm_alaw"), ("ulaw", "pcm_mulaw")])
def test_code_bytes_are_quiet_distinct_levels(law: str, decoder: str) -> None:
    """The numbers must still be there after decoding to PCM (as FLAC holds it)."""
    samples = sound(law, NOON, NOON + 1000, 200)  # type: ignore[arg-type]
    context = av.CodecContext.create(decoder, "r")
    context.sample_rate, context.layout = 8000, "mono"  # type: ignore[attr-defined]
    (frame,) = context.decode(av.Packet(samples))
    levels = frame.to_ndarray().ravel()
    pairs = set(zip(np.frombuffer(samples, np.uint8).tolist(), levels.tolist(), strict=True))
    assert len(pairs) == len({level for _, level in pairs}) == len({code for code, _ in pairs})
    assert np.abs(levels).max() < 4000
