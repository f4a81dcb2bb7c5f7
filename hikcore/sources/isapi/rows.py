"""Rows of a search as recordings: their UTC, and whether they are still being written."""

from __future__ import annotations

from collections.abc import Iterable

from hikcore import passes
from hikcore.deviceclock import DeviceClock
from hikcore.errors import DeviceProtocolError
from hikcore.instants import Span
from hikcore.passes import Digits
from hikcore.sources.base import Recording, Stream
from hikcore.sources.isapi.literal import digits
from hikcore.sources.isapi.search import SearchRow
from hikcore.sources.isapi.settings import Settings


def recordings_of(
    rows: Iterable[SearchRow],
    *,
    channel: int,
    stream: Stream,
    clock: DeviceClock,
    device_now: int,
    settings: Settings,
    where: str,
) -> list[Recording]:
    """The recordings, in the order of the rows.

    A file is *growing* (its end a plan, its size not final) when

    1. its end is later than the device's now minus `growing_margin`: recorders list the file that
       they write with a planned end 17 to 190 minutes ahead (device fact); or
    2. it is the newest of these rows, and its end is less than `growing_settle` ago: then nothing
       shows yet that the recorder has gone on to another file and flushed this one.

    Args:
        device_now: UTC by the device's clock, read before the rows were.

    Raises:
        DeviceProtocolError: a time that is none.
    """
    rows = list(rows)
    spans = _spans(rows, clock, where)
    newest = max(spans, default=None, key=lambda span: span.begin)
    out = []
    for row, span in zip(rows, spans, strict=True):
        open_end = span.end > device_now - settings.growing_margin
        unsettled = (
            span.begin == newest.begin and span.end > device_now - settings.growing_settle
            if newest is not None
            else False
        )
        out.append(
            Recording(
                channel=channel,
                stream=stream,
                kind="file",
                literal_begin=row.begin,
                literal_end=row.end,
                span=span,
                size=row.size,
                name=row.name,
                growing=open_end or unsettled,
                locator=row.uri,
            )
        )
    return out


def _spans(rows: list[SearchRow], clock: DeviceClock, where: str) -> list[Span]:
    listed = []
    for row in rows:
        try:
            listed.append(Digits(digits(row.begin), digits(row.end), row.size, row.name))
        except ValueError as error:
            raise DeviceProtocolError(f"a recording's {error}", where=where) from None
    return passes.spans(clock, listed)
