"""What the cloud has of a channel, and what it says of a span. Pure but for the clock given."""

from __future__ import annotations

from dataclasses import dataclass

from hikcore.instants import NS, Span, subtract
from hikcore.sim.footage import Footage
from hikcore.sim.hik_cloud.profile import BodyKind, CloudCamera, Serving
from hikcore.sim.when import resolve

_MS = 1_000_000


@dataclass(frozen=True)
class Piece:
    """What an address leads to: footage of a channel from a picture on, ms since 1970.

    Attributes:
        told: the actual times that are told with it, Unix seconds.
    """

    begin_ms: int
    end_ms: int
    told: tuple[int, int]


class Shelf:
    """The footage of one channel.

    Args:
        camera: it.
        footage: of it.
        started: the clock when the cloud began, ns: what `now` means in the profile.
    """

    def __init__(self, camera: CloudCamera, footage: Footage, started: int) -> None:
        self.camera = camera
        self.footage = footage
        self._since = resolve(camera.since, started)
        # `now`: it is recorded on and on.
        self._until = None if camera.until == "now" else resolve(camera.until, started)
        self._holes = [
            Span(resolve(hole.begin, started), resolve(hole.end, started)) for hole in camera.holes
        ]

    def has(self, serving: Serving, now: int) -> list[Span]:
        """What it has now."""
        end = now - serving.fresh * NS
        if self._until is not None:
            end = min(end, self._until)
        begin = max(self._since, now - serving.retention * NS if serving.retention else 0)
        stretches = subtract([Span(begin, end)], self._holes) if begin < end else []
        # Each begins with a key picture, as a camera begins to send.
        keys = [self.footage.first_key(-(-each.begin // _MS)) * _MS for each in stretches]
        return [
            Span(key, each.end) for key, each in zip(keys, stretches, strict=True) if key < each.end
        ]

    def piece(self, serving: Serving, begin: int, end: int, now: int) -> Piece | None:
        """The footage in `[begin, end)` (Unix seconds): one body has all that is there."""
        asked = Span(begin * NS, end * NS)
        inside = [part for each in self.has(serving, now) if (part := each.intersection(asked))]
        if not inside:
            return None
        first, last = inside[0].begin // _MS, inside[-1].end // _MS
        if serving.start == "key":
            holds = next(each for each in self.has(serving, now) if each.meets(inside[0]))
            first = max(self.footage.group_start(first), holds.begin // _MS)
        return Piece(first, last, (first // 1000, -(-last // 1000)))

    def spans(self, serving: Serving, piece: Piece, now: int) -> list[tuple[int, int]]:
        """The stretches of a piece without its holes, ms."""
        whole = Span(piece.begin_ms * _MS, piece.end_ms * _MS)
        return [
            (part.begin // _MS, part.end // _MS)
            for each in self.has(serving, now)
            if (part := each.intersection(whole))
        ]

    def kind(self, serving: Serving, piece: Piece) -> BodyKind:
        """What its body is."""
        most = serving.irregular_over
        if most is not None and piece.end_ms - piece.begin_ms > most * 1000:
            return "irregular"
        return serving.container
