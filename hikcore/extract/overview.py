"""What an archive holds of cameras over a span, a row per camera and UTC day: hours by state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from hikcore.archive.reader import Archive
from hikcore.archive.store import Store
from hikcore.extract.report import CameraJob
from hikcore.instants import NS, Span, format_instant

#: A day may have a reason for each of its holes; the command `hikcore coverage` has them all.
_REASONS = 3
#: The columns of a row, in order.
STATES = ("held", "pending", "empty", "lost", "damaged", "excluded", "unknown")


def coverage_rows(store: Store, jobs: Iterable[CameraJob], span: Span) -> list[dict[str, Any]]:
    """The table of coverage: a row per camera and UTC day of the span.

    Returns:
        Rows of `camera`, `day`, and hours in each of STATES, together the hours of the day that lie
        in the span; and `why`: in words, of what is not held, what takes the most time first.

    Raises:
        ArchiveError: the archive cannot be read.
    """
    archive = Archive(store)
    rows = []
    for job in jobs:
        for day in span.days():
            name = job.camera if job.stream == "main" else f"{job.camera}/{job.stream}"
            row: dict[str, Any] = {"camera": name, "day": format_instant(day.begin, 0)[:10]}
            nanoseconds = dict.fromkeys(STATES, 0)
            reasons: Counter[str] = Counter()
            for stretch in archive.coverage(job.site, job.camera, day, job.stream):
                nanoseconds[stretch.state] += stretch.span.length
                if stretch.state != "held" and stretch.reason:
                    reasons[f"{stretch.state}: {stretch.reason}"] += stretch.span.length
            row |= {state: round(ns / (3600 * NS), 4) for state, ns in nanoseconds.items()}
            row["why"] = "; ".join(reason for reason, _ in reasons.most_common(_REASONS))
            rows.append(row)
    return rows
