"""What an RTSP session plays: recorded footage by time, over the borders of files, or live."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hikcore.instants import Span
from hikcore.sim.footage import Footage
from hikcore.sim.vault import Vault

_MS = 1_000_000


@dataclass(frozen=True)
class Piece:
    """A picture or a unit of sound.

    Attributes:
        ms: its instant, since 1970 UTC.
        units: NAL units without start codes; None: it is sound.
    """

    ms: int
    units: list[bytes] | None
    sound: bytes = b""


def key_units(vault: Vault, ms: int) -> list[bytes]:
    """The NAL units of the key picture at or before an instant."""
    start = vault.footage.group_start(ms)
    return next(vault.footage.pictures(start, start + 1)).units()


def recorded(vault: Vault, begin_ms: int, end_ms: int, now: int) -> Iterator[Piece]:
    """Footage on the disks from the key picture at or before the begin, gaps jumped over, each
    picture once, in decoding order."""
    before: set[int] = set()
    heard, era = -1, 0
    for file in vault.files(Span(begin_ms * _MS, max(end_ms, begin_ms + 1) * _MS), now):
        start = file.begin_ms
        if start < begin_ms:
            start = max(start, vault.footage.group_start(begin_ms))
        until = min(file.written_ms, end_ms)
        sent: set[int] = set()
        if file.era != era:
            era, before, heard = file.era, set(), -1
        footage, _ = vault.maker(era)
        for piece in _merged(footage, start, until, headless=file.headless):
            # Files overlap: their pictures are the same, and what was sent is left out.
            if piece.units is None:
                if piece.ms > heard:
                    heard = piece.ms
                    yield piece
                continue
            sent.add(piece.ms)
            if piece.ms not in before:
                yield piece
        before = sent


def live(vault: Vault, begin_ms: int) -> Iterator[Piece]:
    """Footage from the key picture at or before an instant, without end."""
    at = vault.footage.group_start(begin_ms)
    while True:
        footage, _ = vault.maker(vault.schedule.era)
        yield from _merged(footage, at, at + vault.camera.gop_ms)
        at += vault.camera.gop_ms


def _merged(
    footage: Footage, begin_ms: int, end_ms: int, *, headless: bool = False
) -> Iterator[Piece]:
    """Pictures and sound, each picture before the sound of its instant."""
    sounds = footage.audio(begin_ms, end_ms)
    sound = next(sounds, None)
    last = begin_ms
    for unit in footage.pictures(begin_ms, end_ms, headless=headless):
        last = max(last, unit.ms)
        while sound is not None and sound[0] < last:
            yield Piece(sound[0], None, sound[1])
            sound = next(sounds, None)
        yield Piece(unit.ms, unit.units())
    while sound is not None:
        yield Piece(sound[0], None, sound[1])
        sound = next(sounds, None)
