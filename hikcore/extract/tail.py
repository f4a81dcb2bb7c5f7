"""What lies in recordings that are still being written: played now, and superseded by the file once
that is closed and fetched (files are shown before tails)."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import Final

from hikcore.archive.coverage import coverage, held
from hikcore.archive.documents import Manifest
from hikcore.archive.said import Answers
from hikcore.errors import DeviceAuthError, DeviceError, HikcoreError
from hikcore.extract.plan import PlannedChunk, identity
from hikcore.extract.report import CameraJob
from hikcore.instants import NS, Span, subtract
from hikcore.sources.base import PlaysTails, Recording, Source

_LOG = logging.getLogger(__name__)
#: Between footage that is held and a listed begin: whole seconds, rounded either way.
_ROUNDED: Final = 2 * NS
#: Played again, so that both tails hold the same pictures, by which they are joined: more than the
#: group of pictures in which one ends on most cameras.
_AGAIN: Final = 5 * NS


async def tails(
    job: CameraJob,
    source: Source,
    rows: Iterable[Recording],
    manifests: Sequence[Manifest],
    span: Span,
    now: int,
    faults: list[HikcoreError],
) -> list[PlannedChunk]:
    """What is to be played of the growing recordings among some rows, from where footage ends that
    is held; nothing where the source plays none.

    Args:
        manifests: of the camera and stream, over all that the rows reach.
        span: of which footage is wanted.
        now: UTC ns, by our clock.
        faults: gets what kept one from being planned.

    Raises:
        DeviceAuthError: the login is refused.
    """
    if not isinstance(source, PlaysTails):
        return []
    growing = [row for row in sorted(set(rows), key=lambda row: row.span) if row.growing]
    growing = [row for row in growing if row.span.meets(span)]
    planned = []
    for row in growing:
        try:
            # Footage has the times of the device's clock, which may be minutes off ours.
            device_now = now + (await source.deviation()).offset
            begin = wanted_from(manifests, row.span, device_now)
            tail = await source.tail(row, begin) if begin is not None else None
        except DeviceAuthError:
            raise
        except DeviceError as error:
            _LOG.warning("%s: its growing recording is left for later: %s", job, error)
            faults.append(error)
            continue
        if tail is not None:
            planned.append(PlannedChunk(identity(job.camera, tail), tail))
    return planned


def wanted_from(manifests: Sequence[Manifest], growing: Span, now: int) -> int | None:
    """From which instant (UTC ns) on a growing recording is to be played; None where all of it is
    held already. Pure.

    Args:
        now: UTC ns, by the device's clock.
    """
    if now <= growing.begin:
        return None
    whole = Span(growing.begin, min(growing.end, now))
    have = held(coverage(manifests, Answers(), whole))
    lacking = [part for part in subtract([whole], have) if part.length > _ROUNDED]
    if not lacking:
        return None
    begin = lacking[0].begin
    return begin if begin == growing.begin else max(begin - _AGAIN, growing.begin)
