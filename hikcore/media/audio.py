"""Audio for players that know no G.711: decoded, put on one sample clock, encoded as AAC or FLAC.

Every unit stands at its own PTS; where no unit is, there is silence. So the track is in step with
the pictures to the sample over any gap. PyAV does the coding; it is imported when first needed.
"""

from __future__ import annotations

import struct
import tempfile
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from hikcore.errors import MediaUnsupported
from hikcore.media.mp4.join import Stretch
from hikcore.media.mp4.sound import Sound, config_of, copy_sound, one_format, overlapping
from hikcore.media.mp4.sound_entries import PCM, sample_bytes
from hikcore.media.mp4.write import TIMESCALE, Edit, OutTrack
from hikcore.media.samples import read_samples
from hikcore.media.table import CodecConfig, Samples

if TYPE_CHECKING:
    from av.audio.codeccontext import AudioCodecContext

Pcm = NDArray[np.int16]
#: A unit so near to where the one before it ends follows it without a seam (PTS are often rounded
#: to milliseconds); anything further off is put at its own PTS.
TOLERANCE = TIMESCALE * 2 // 1000
_AAC_RATES = frozenset(
    (7350, 8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000)
)
_UNITS_AT_ONCE = 256
_IN_MEMORY = 4 << 20


def encode_sound(
    stretches: Sequence[Stretch],
    begin: int,
    end: int,
    kind: Literal["aac", "flac"],
    notes: list[str],
) -> Sound | None:
    """The sound of [begin, end) as AAC or FLAC, silence where there is none.

    Encoder delay is hidden by the edit list. The same units give the same bytes with the same
    version of libavcodec. AAC is not encoded again as AAC.

    Args:
        begin, end: ticks of 90 kHz on the stretches' time.

    Returns:
        None if no unit sounds in [begin, end).

    Raises:
        MediaUnsupported: a rate that AAC does not know.
    """
    needed: list[Stretch] = []
    for stretch in one_format(stretches, notes):
        part = overlapping(stretch, begin, end, before=1)
        if part is not None:
            needed.append(part)
    if not needed:
        return None
    config = config_of(needed[0])
    if config.codec == kind:
        return copy_sound(stretches, begin, end, notes)
    if kind == "aac" and config.rate not in _AAC_RATES:
        raise MediaUnsupported(
            f"audio of {config.rate} Hz cannot become AAC", hint="take flac or copy"
        )
    pcm = place(decode_units(needed), begin, end, config.rate, config.channels)
    return _encode(pcm, config, kind, end - begin)


def decode_units(stretches: Sequence[Stretch]) -> Iterator[tuple[int, Pcm]]:
    """(begin in ticks, samples of shape (n, channels)) of every unit, in order."""
    config = config_of(stretches[0])
    if config.codec in ("alaw", "ulaw"):
        decode = _g711_decoder(config)
    elif config.codec in PCM:
        decode = _pcm_decoder(config)
    else:
        decode = _coded_decoder(config)
    for stretch in stretches:
        times, sizes = stretch.times, stretch.samples.size[stretch.first : stretch.last]
        for low in range(0, len(stretch), _UNITS_AT_ONCE):
            high = min(low + _UNITS_AT_ONCE, len(stretch))
            first = stretch.first
            data = read_samples(stretch.source, stretch.samples, first + low, first + high)
            at = 0
            for unit in range(low, high):
                size = int(sizes[unit])
                yield int(times[unit]), decode(data[at : at + size])
                at += size


def place(
    units: Iterable[tuple[int, Pcm]], begin: int, end: int, rate: int, channels: int
) -> Iterator[Pcm]:
    """Blocks that together are exactly the samples of [begin, end), each unit at its PTS.

    Args:
        units: (begin in ticks, samples (n, channels)) in order; where two overlap the earlier one
            is kept.
    """
    total = -(-(end - begin) * rate // TIMESCALE)
    tolerance = TOLERANCE * rate // TIMESCALE
    at, started = 0, False
    for tick, unit in units:
        wanted = ((tick - begin) * rate + TIMESCALE // 2) // TIMESCALE
        if started and abs(wanted - at) <= tolerance:
            wanted = at
        unit = unit[max(at - wanted, 0) : max(total - wanted, 0)]  # noqa: PLW2901
        if not len(unit):
            continue
        yield from _silence(wanted - at, rate, channels)
        yield unit
        at, started = max(wanted, at) + len(unit), True
    yield from _silence(total - at, rate, channels)


def _silence(count: int, rate: int, channels: int) -> Iterator[Pcm]:
    while count > 0:
        block = min(count, rate)
        yield np.zeros((block, channels), np.int16)
        count -= block


def _g711_decoder(config: CodecConfig) -> Callable[[bytes], Pcm]:
    """A function from bytes to samples: libavcodec decodes each of the 256 codes once."""
    import av  # noqa: PLC0415

    codec = "pcm_alaw" if config.codec == "alaw" else "pcm_mulaw"
    context = cast("AudioCodecContext", av.CodecContext.create(codec, "r"))
    context.sample_rate, context.layout = config.rate, "mono"
    frame = context.decode(av.Packet(bytes(range(256))))[0]
    table = frame.to_ndarray().reshape(-1).astype(np.int16)
    channels = config.channels

    def decode(unit: bytes) -> Pcm:
        codes = np.frombuffer(unit, np.uint8, len(unit) // channels * channels)
        out: Pcm = table[codes].reshape(-1, channels)
        return out

    return decode


def _pcm_decoder(config: CodecConfig) -> Callable[[bytes], Pcm]:
    """The 16 highest bits of linear PCM."""
    width, channels = sample_bytes(config), config.channels
    little = config.codec == "sowt" or (config.codec == "ipcm" and bool(config.record[0] & 1))

    def decode(unit: bytes) -> Pcm:
        whole = np.frombuffer(unit, np.uint8, len(unit) // (width * channels) * width * channels)
        parts = whole.reshape(-1, width)[:, ::-1] if little else whole.reshape(-1, width)
        high = parts[:, 0].astype(np.int16) << 8
        if width > 1:
            high |= parts[:, 1]
        out: Pcm = high.reshape(-1, channels)
        return out

    return decode


def _coded_decoder(config: CodecConfig) -> Callable[[bytes], Pcm]:
    """AAC, FLAC or Opus by libavcodec, as 16 bits."""
    import av  # noqa: PLC0415

    context = cast("AudioCodecContext", av.CodecContext.create(config.codec, "r"))
    context.extradata = _extradata(config)
    channels = config.channels
    layout = "mono" if channels == 1 else "stereo" if channels == 2 else None
    if config.codec == "flac" and layout:
        context.sample_rate, context.layout = config.rate, layout
    to_s16 = av.AudioResampler(format="s16p", layout=layout)

    def decode(unit: bytes) -> Pcm:
        frames = context.decode(av.Packet(unit))
        if config.codec == "aac":
            planes = [frame.to_ndarray() for frame in frames]
        else:
            planes = [out.to_ndarray() for f in frames for out in to_s16.resample(f)]
        if not planes:
            return np.zeros((0, channels), np.int16)
        pcm: NDArray[Any] = np.concatenate(planes, axis=1).T
        if config.codec == "aac":
            pcm = np.clip(np.rint(pcm * 32768.0), -32768, 32767)
        return pcm.astype(np.int16)[:, :channels]

    return decode


def _extradata(config: CodecConfig) -> bytes:
    """As libavcodec wants it: of Opus the head of RFC 7845 5.1, which dOps holds big-endian."""
    if config.codec != "opus" or len(config.record) < 11:
        return config.record
    _, channels, skip, rate, gain = struct.unpack_from(">BBHIh", config.record)
    head = b"OpusHead" + struct.pack("<BBHIh", 1, channels, skip, rate, gain)
    return head + config.record[10:]


def _encode(
    pcm: Iterable[Pcm], config: CodecConfig, kind: Literal["aac", "flac"], length: int
) -> Sound:
    import av  # noqa: PLC0415
    from av.codec.context import Flags  # noqa: PLC0415

    layout = "mono" if config.channels == 1 else "stereo"
    form = "fltp" if kind == "aac" else "s16"
    context = av.CodecContext.create(kind, "w")
    context.sample_rate, context.layout, context.format = config.rate, layout, form
    context.flags |= Flags.bitexact | Flags.global_header
    context.open()
    spool = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115  (closed with the Sound)
    sizes, begins, last = array("I"), array("q"), 0

    def keep(packets: Iterable[Any]) -> int:
        duration = last
        for packet in packets:
            spool.write(packet)
            sizes.append(packet.size)
            begins.append(packet.pts)
            duration = packet.duration or context.frame_size
        return duration

    position = 0
    for block in _blocks(pcm, context.frame_size):
        frame = av.AudioFrame.from_ndarray(_as(block, form), format=form, layout=layout)
        frame.sample_rate, frame.pts = config.rate, position
        position += len(block)
        last = keep(context.encode(frame))
    last = keep(context.encode(None))
    record = bytes(context.extradata or b"")
    out = CodecConfig(kind, record, rate=config.rate, channels=config.channels)
    samples = _columns(np.array(begins, np.int64), np.array(sizes, np.uint32), out, last)
    offsets = np.concatenate(([0], np.cumsum(samples.size, dtype=np.int64)))

    def read(first: int, end: int) -> bytes:
        spool.seek(int(offsets[first]))
        return spool.read(int(offsets[end] - offsets[first]))

    # The first packet of AAC lies before 0 by the encoder's delay: the edit begins after it.
    return Sound(OutTrack(samples, (Edit(length, -begins[0]),)), read, spool.close)


def _as(block: Pcm, form: str) -> NDArray[Any]:
    """The samples as PyAV takes them: planes of floats, or one plane of integers."""
    if form == "fltp":
        return np.ascontiguousarray(block.T.astype(np.float32) / 32768.0)
    return np.ascontiguousarray(block.reshape(1, -1))


def _blocks(pcm: Iterable[Pcm], size: int) -> Iterator[Pcm]:
    """The same samples in blocks of `size`, the last one shorter."""
    held: list[Pcm] = []
    count = 0
    for piece in pcm:
        held.append(piece)
        count += len(piece)
        if count >= size:
            whole = np.concatenate(held)
            for at in range(0, count - size + 1, size):
                yield whole[at : at + size]
            held, count = [whole[count - count % size :]], count % size
    if count:
        yield np.concatenate(held)


def _columns(
    begins: NDArray[np.int64], sizes: NDArray[np.uint32], config: CodecConfig, last: int
) -> Samples:
    count = len(sizes)
    return Samples(
        timescale=config.rate,
        dts=begins,
        pts=begins,
        size=sizes,
        sync=np.ones(count, np.bool_),
        config=np.zeros(count, np.uint16),
        first=np.zeros(count + 1, np.int64),
        extent_offset=np.zeros(0, np.uint64),
        extent_size=np.zeros(0, np.uint32),
        framing="raw",
        configs=(config,),
        last_duration=last,
    )
