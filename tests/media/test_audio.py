"""Audio at delivery: decoded, placed at its PTS to the sample, encoded; libav is the judge."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Sequence

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from hikcore.errors import MediaUnsupported
from hikcore.media.audio import TOLERANCE, decode_units, encode_sound, place
from hikcore.media.clip import ClipPart, ClipReport, write_clip
from hikcore.media.mp4.join import Stretch
from hikcore.media.mp4.read import read_head
from hikcore.media.mp4.write import align, write_mp4
from hikcore.media.table import CodecConfig, Samples, SampleTable
from tests.media.mp4_footage import Footage, columns, footage, packets

UNIT = 320  # samples: 40 ms at 8 kHz


class Bytes:
    """A ByteSource over bytes."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def read_at(self, offset: int, size: int) -> bytes:
        return self.data[offset : offset + size]


def track(
    units: Sequence[bytes], times: Sequence[int], config: CodecConfig, last: int = 3600
) -> tuple[Bytes, Samples]:
    samples = columns(
        np.array(times, np.int64), list(map(len, units)), [True] * len(units), (config,), 0, last
    )
    return Bytes(b"".join(units)), samples


def libav_decode(codec: str, data: bytes) -> NDArray[np.int16]:
    context = av.CodecContext.create(codec, "r")
    context.sample_rate, context.layout = 8000, "mono"  # type: ignore[attr-defined]
    out: NDArray[np.int16] = context.decode(av.Packet(data))[0].to_ndarray().reshape(-1)  # type: ignore[attr-defined]
    return out


def heard(data: bytes) -> tuple[int, NDArray[np.int16]]:
    """(first sample's place on the sample clock, samples) of the audio, as a player hears it."""
    with av.open(io.BytesIO(data)) as container:
        stream = container.streams.audio[0]
        blocks, begin = [], None
        for frame in container.decode(stream):
            if begin is None:
                assert frame.pts is not None
                assert frame.time_base is not None
                begin = round(frame.pts * frame.time_base * frame.sample_rate)
            block = frame.to_ndarray()
            if frame.format.name == "fltp":
                block = np.clip(np.rint(block * 32768), -32768, 32767).astype(np.int16)
            blocks.append(block.reshape(-1).astype(np.int16))
    assert begin is not None
    return begin, np.concatenate(blocks)


@pytest.mark.parametrize("law", ["alaw", "ulaw"])
def test_g711_decodes_as_libav_does(law: str) -> None:
    rng = np.random.default_rng(5)
    units = [rng.integers(0, 256, UNIT, np.uint8).tobytes() for _ in range(600)]
    config = CodecConfig(law, rate=8000, channels=1)  # type: ignore[arg-type]
    source, samples = track(units, (3600 * np.arange(600)).tolist(), config)
    decoded = list(decode_units([Stretch(source, samples, 0, 600, 7)]))
    assert [tick for tick, _ in decoded] == [3600 * n + 7 for n in range(600)]
    ours = np.concatenate([block for _, block in decoded])
    codec = "pcm_alaw" if law == "alaw" else "pcm_mulaw"
    assert np.array_equal(ours[:, 0], libav_decode(codec, b"".join(units)))


@given(
    st.lists(st.tuples(st.integers(0, 8000), st.integers(1, 700)), max_size=12),
    st.integers(-20_000, 20_000), st.integers(1, 60_000), st.sampled_from([8000, 16_000, 44_100]),
)  # fmt: skip
def test_units_are_placed_at_their_pts(
    steps: list[tuple[int, int]], begin: int, length: int, rate: int
) -> None:
    """Against a plain picture of it: an array of the whole span, written unit by unit."""
    units, tick = [], 0
    for number, (step, size) in enumerate(steps):
        tick += step
        units.append((tick, np.full((size, 1), number + 1, np.int16)))
    total = -(-length * rate // 90_000)
    expected = np.zeros(total, np.int16)
    at, started = 0, False
    for tick, unit in units:
        where = int(np.floor((tick - begin) * rate / 90_000 + 0.5))
        if started and abs(where - at) <= TOLERANCE * rate // 90_000:
            where = at
        for offset in range(len(unit)):
            place_ = where + offset
            if at <= place_ < total:
                expected[place_] = unit[offset, 0]
                at, started = place_ + 1, True
    blocks = list(place(iter(units), begin, begin + length, rate, 1))
    assert np.array_equal(np.concatenate(blocks)[:, 0], expected)
    assert max(len(block) for block in blocks) <= max(rate, 700)


def speech(count: int) -> NDArray[np.uint8]:
    """G.711 codes that never repeat over a short window."""
    return np.random.default_rng(9).integers(0, 256, count, np.uint8)


def clip(
    audio: str,
    *,
    law: str = "alaw",
    delay: int = 0,
    hole: int = 0,
    begin: int = 30,
    **options: object,
) -> tuple[bytes, ClipReport, NDArray[np.int16], int]:
    """A clip of pictures from `begin` to 90, of 100 with `hole` ticks after 50.

    Returns:
        the file, the report, every sample of the source by the sample clock of the clip's begin
        (silence where none is), and the first sample that the source has.
    """
    made = footage("h264", 100, 25, 0, audio=None)
    video = made.table.video
    assert video is not None
    codes = speech(100 * UNIT)
    times = 3600 * np.arange(100) + delay
    times[50:] += hole
    units = [codes[UNIT * n : UNIT * (n + 1)].tobytes() for n in range(100)]
    _, sound = track(units, times.tolist(), CodecConfig(law, rate=8000, channels=1))  # type: ignore[arg-type]
    parts = []
    for low in (0, 50):
        part = Footage(
            SampleTable("mp4", video.slice(low, low + 50), sound.slice(low, low + 50)),
            made.units[low : low + 50], tuple(units[low : low + 50]), b"",
        )  # fmt: skip
        out = io.BytesIO()
        plan = write_mp4(out, align(part.table.video, part.table.audio), part.read)
        table = read_head(plan.head)
        assert table.video is not None
        shift = (low - begin) * 3600 + (hole if low else 0)
        if table.audio is not None and low and hole:  # the two tracks moved together
            audio_shift = int(times[50]) - hole - 50 * 3600 - int(table.audio.pts[0])
            moved = table.audio.pts + audio_shift
            table = SampleTable("mp4", table.video, replaced(table.audio, moved))
        parts.append(ClipPart(Bytes(out.getvalue()), table, 0, 50, shift, 0, 50))
    target = io.BytesIO()
    end = 60 * 3600 + hole
    report = write_clip(target, parts, show_from=0, show_to=end, audio=audio, **options)  # type: ignore[arg-type]
    pcm = libav_decode("pcm_alaw" if law == "alaw" else "pcm_mulaw", codes.tobytes())
    whole = np.zeros(-(-end * 8000 // 90_000), np.int16)
    for unit, time in enumerate(times.tolist()):
        at = ((time - begin * 3600) * 8000 + 45_000) // 90_000
        low, high = max(at, 0), min(at + UNIT, len(whole))
        if low < high:
            whole[low:high] = pcm[unit * UNIT + low - at : unit * UNIT + high - at]
    return target.getvalue(), report, whole, max(((times[0] - begin * 3600) * 8000) // 90_000, 0)


def replaced(samples: Samples, times: NDArray[np.int64]) -> Samples:
    from dataclasses import replace

    return replace(samples, dts=times, pts=times)


@pytest.mark.parametrize("law", ["alaw", "ulaw"])
@pytest.mark.parametrize("delay", [0, 45, -1800, 3330])
@pytest.mark.parametrize("hole", [0, 900_000])
def test_flac_is_the_sound_to_the_sample(law: str, delay: int, hole: int) -> None:
    data, report, whole, _ = clip("flac", law=law, delay=delay, hole=hole)
    begin, samples = heard(data)
    assert begin == 0
    assert np.array_equal(samples[: len(whole)], whole)
    assert len(samples) - len(whole) in (0, 1)
    assert report.audio == "flac"


def test_sound_that_begins_after_the_pictures_is_silence_before() -> None:
    data, _, whole, first = clip("flac", delay=40 * 3600)
    assert first == 10 * UNIT
    begin, samples = heard(data)
    assert begin == 0
    assert not samples[:first].any()
    assert np.array_equal(samples[: len(whole)], whole)


@pytest.mark.parametrize("hole", [0, 900_000])
def test_copied_g711_begins_on_the_sample(hole: int) -> None:
    data, report, whole, _ = clip("copy", delay=-1800, hole=hole)
    begin, samples = heard(data)
    assert begin == 0
    before = 20 * UNIT + (-1800 * 8 // 90)
    assert np.array_equal(samples[:before], whole[:before])
    assert report.audio == "alaw"


@pytest.mark.parametrize("delay", [0, -1800, 3330])
@pytest.mark.parametrize("hole", [0, 900_000])
def test_aac_is_in_step_with_the_pictures(delay: int, hole: int) -> None:
    """Encoder delay, a gap, an odd begin must not move the sound; correlation tells by how much."""
    data, report, whole, _ = clip("aac", delay=delay, hole=hole)
    begin, samples = heard(data)
    assert begin == 0
    assert report.audio == "aac"
    assert 0 <= len(samples) - len(whole) < 1024
    for at in (0, len(whole) - 4000):  # before and after the gap
        window = whole[at : at + 4000].astype(float)
        scores = {
            lag: float(np.dot(window[100:-100], samples[at + 100 + lag : at + 3900 + lag]))
            for lag in range(-60, 61)
        }
        assert max(scores, key=lambda lag: scores[lag]) == 0


@pytest.mark.parametrize("kind", ["copy", "aac", "flac"])
def test_the_same_units_give_the_same_bytes(kind: str) -> None:
    assert clip(kind, hole=900_000)[0] == clip(kind, hole=900_000)[0]


def test_closed_gaps_are_closed_in_the_sound_too() -> None:
    data, report, whole, _ = clip("flac", hole=900_000, gaps="cut")
    _, samples = heard(data)
    silence = 900_000 * 8 // 90
    closed = np.concatenate((whole[: 20 * UNIT], whole[20 * UNIT + silence :]))
    assert np.array_equal(samples[: len(closed)], closed)
    assert len(report.gaps) == 1


def test_none_and_nothing() -> None:
    data, report, _, _ = clip("none")
    assert report.audio is None
    assert read_head(data).audio is None
    for kind in ("copy", "aac", "flac"):  # the sound begins after the clip has ended
        data, report, _, _ = clip(kind, delay=200 * 3600)
        assert report.audio is None
        assert read_head(data).audio is None


def _stretch(config: CodecConfig, count: int = 50, seed: int = 3) -> Stretch:
    rng = np.random.default_rng(seed)
    size = config.rate // 25 * config.channels
    units = [rng.integers(0, 256, size, np.uint8).tobytes() for _ in range(count)]
    source, samples = track(units, (3600 * np.arange(count)).tolist(), config)
    return Stretch(source, samples, 0, count, 0)


@pytest.mark.parametrize(("rate", "channels"), [(16_000, 1), (8000, 2), (44_100, 1), (48_000, 2)])
def test_other_rates_and_stereo(rate: int, channels: int) -> None:
    config = CodecConfig("ulaw", rate=rate, channels=channels)
    sound = encode_sound([_stretch(config)], 900, 90_900, "flac", [])
    assert sound is not None
    out = io.BytesIO()
    write_mp4(out, [sound.track], lambda _, a, b: sound.read(a, b))
    sound.close()
    with av.open(io.BytesIO(out.getvalue())) as container:
        stream = container.streams.audio[0]
        assert (stream.rate, stream.channels) == (rate, channels)
        total = sum(frame.samples for frame in container.decode(stream))
    assert total == rate


def test_a_rate_that_aac_does_not_know_is_named() -> None:
    with pytest.raises(MediaUnsupported, match="9000 Hz"):
        encode_sound([_stretch(CodecConfig("ulaw", rate=9000, channels=1))], 0, 9000, "aac", [])


def test_a_change_of_format_is_left_out_and_told() -> None:
    notes: list[str] = []
    stretches = [
        _stretch(CodecConfig("ulaw", rate=8000, channels=1)),
        _stretch(CodecConfig("alaw", rate=16_000, channels=1)),
    ]
    sound = encode_sound(stretches, 0, 90_000, "flac", notes)
    assert sound is not None
    sound.close()
    assert notes == ["audio left out where it changes to alaw 16000 Hz 1 channels"]


def test_aac_of_a_recorder_is_copied_or_becomes_flac() -> None:
    """Made by our own encoder, read back as a source would give it."""
    g711 = CodecConfig("alaw", rate=8000, channels=1)
    sound = encode_sound([_stretch(g711, 100)], 0, 360_000, "aac", [])
    assert sound is not None
    samples = sound.track.samples
    units = [sound.read(n, n + 1) for n in range(len(samples))]
    sound.close()
    source, aac = track(
        units, (11_520 * np.arange(len(units))).tolist(), samples.configs[0], 11_520
    )
    stretch = Stretch(source, aac, 0, len(units), 0)
    copied = encode_sound([stretch], 100_000, 200_000, "aac", [])
    assert copied is not None
    # Units 8 to 17 sound in it; the one before primes the decoder and is hidden.
    assert len(copied.track.samples) == 11
    assert copied.track.samples.timescale == 8000
    assert copied.track.edits[0].media_time == round(100_000 * 8 / 90) - 7 * 1024
    assert copied.read(0, 11) == b"".join(units[7:18])
    flac = encode_sound([stretch], 100_000, 200_000, "flac", [])
    assert flac is not None
    out = io.BytesIO()
    write_mp4(out, [flac.track], lambda _, a, b: flac.read(a, b))
    flac.close()
    _, pcm = heard(out.getvalue())
    context = av.CodecContext.create("aac", "r")
    context.extradata = samples.configs[0].record
    frames = [f.to_ndarray() for unit in units for f in context.decode(av.Packet(unit))]
    whole = np.clip(np.rint(np.concatenate(frames, axis=1)[0] * 32768), -32768, 32767)
    at = round(100_000 * 8 / 90)
    # The first unit has no predecessor in a decoder that starts at it, so the window overlap of
    # one unit before is decoded too, and equal from there on.
    assert np.array_equal(pcm[: len(pcm) - 1], whole[at : at + len(pcm) - 1])


def test_units_of_the_copy_are_those_of_the_source() -> None:
    data, _, _, _ = clip("copy")
    codes = speech(100 * UNIT)
    assert (
        b"".join(unit for _, unit in packets(data, "audio"))
        == codes[30 * UNIT : 90 * UNIT].tobytes()
    )


def test_pyav_is_not_imported_before_it_is_needed() -> None:
    code = "import sys, hikcore.media.clip, hikcore.media.audio; sys.exit('av' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
