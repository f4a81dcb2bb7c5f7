"""requestVideoClips (9.11): which clips there are in a span."""

from __future__ import annotations

from typing import Any

from hikcore.instants import Span, parse_instant
from hikcore.sim.everfocus.behaviour import Clips
from hikcore.sim.everfocus.profile import NvrProfile
from hikcore.sim.everfocus.replies import Wrong
from hikcore.sim.everfocus.store import Store


def answer(
    channel: int, asked: Any, profile: NvrProfile, store: Store, now: int
) -> list[dict[str, Any]]:
    """The rows of the reply.

    Raises:
        Wrong: it is answered with an Error.
    """
    how = profile.clips
    if not isinstance(asked, dict):
        raise Wrong("no JSON object")
    begin, end = (
        _instant_ms(asked.get(name), name, how, strict=profile.strict_types)
        for name in ("startTime", "endTime")
    )
    if store.vault(channel) is None:
        raise Wrong(f"no channel {channel}")
    if end < begin:
        raise Wrong("endTime")
    asked_span = Span(begin, end + 1)
    found = [
        part
        for span in store.stretches(channel, 0, 0, now // 1_000_000, now)
        for part in _pieces(span, how)
        if part.meets(asked_span)
    ]
    if how.clamped:
        found = [part.intersection(asked_span) or part for part in found]
    if not found and how.none == "error":
        raise Wrong("no video clip")
    if how.order == "unsorted":
        found.reverse()
    return [_row(span, how) for span in found]


def _pieces(span: Span, how: Clips) -> list[Span]:
    """A stretch as it is stored, ms."""
    if how.rows == "stretches":
        return [span]
    step, more = how.piece_s * 1000, how.overlap_s * 1000
    return [Span(at, min(at + step + more, span.end)) for at in range(span.begin, span.end, step)]


def _row(span: Span, how: Clips) -> dict[str, Any]:
    """Whole seconds, and nothing left out."""
    values: dict[str, Any] = {"startTime": span.begin // 1000, "endTime": -(-span.end // 1000)}
    return {key: str(value) for key, value in values.items()} if how.written == "text" else values


def _instant_ms(value: Any, name: str, how: Clips, *, strict: bool) -> int:
    if isinstance(value, int) and not strict:
        value = str(value)
    if not isinstance(value, str):
        raise Wrong(f"{name} is no string")
    if how.times == "iso":
        try:
            return parse_instant(value) // 1_000_000
        except ValueError:
            raise Wrong(name) from None
    if not (value.isascii() and value.isdecimal()):
        raise Wrong(name)
    return int(value) * (1000 if how.times == "seconds" else 1)
