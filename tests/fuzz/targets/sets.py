"""Parameter sets of H.264 and H.265, and the records made of them."""

from __future__ import annotations

import contextlib
from functools import cache

from hikcore.errors import MediaError
from hikcore.media import h264, h265
from hikcore.media.bits import rbsp
from hikcore.media.codec import parameter_sets, video_config
from hikcore.media.mp4.entries import read_entry, sample_entry
from hikcore.media.vui import usability
from tests.fuzz.mutate import Grammar
from tests.fuzz.target import Target
from tests.media.ps_bodies import muxed

MARK = b"\xfe\xfd"


@cache
def seeds() -> list[bytes]:
    """NAL units with a mark between them, and the records."""
    out = []
    for codec in ("h264", "h265"):
        nals = muxed(codec=codec).pictures[0].units()
        sets = [nal for nal in nals if len(nal) < 200]
        out += [MARK.join(sets), *sets]
        config = video_config("h265" if codec == "h265" else "h264", sets)
        out += [config.record, sample_entry(config)]
    return out


def check(body: bytes) -> None:
    """Only what can be is believed, and what is written is read again."""
    rbsp(body)
    for parse in (h264.parse_sps, h265.parse_sps):
        for nal in (body, b"\x67" + body, b"\x42\1" + body):
            with contextlib.suppress(MediaError):
                info = parse(nal)
                assert 0 < info.width <= 1 << 15
                assert 0 < info.height <= 1 << 15
    for read in (h264.read_avcc, h265.read_hvcc):
        with contextlib.suppress(MediaError):
            assert sum(map(len, read(body))) <= len(body)
    for iso in (False, True):
        with contextlib.suppress(MediaError):
            read_entry(body, iso=iso)
    nals = body.split(MARK)[:40]
    for codec in ("h264", "h265"):
        try:
            config = video_config("h265" if codec == "h265" else "h264", nals)
        except MediaError:
            continue
        usability(config)
        sets = parameter_sets(config)
        kept = {nal.rstrip(b"\0") for nal in nals}
        assert all(one in kept for one in sets)
        assert video_config(config.codec, sets) == config  # type: ignore[arg-type]
        again = read_entry(sample_entry(config))
        assert (again.record, again.width, again.height) == (
            config.record, config.width, config.height,
        )  # fmt: skip


GRAMMAR = Grammar(
    (MARK, b"\x67", b"\x68", b"\x42\1", b"\0\0\3", b"\xff\xff", b"\0" * 5), (MARK,), 8
)
TARGET = Target("sets", seeds, check, GRAMMAR, largest=1 << 14)
