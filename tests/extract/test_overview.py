"""The table that Prefect shows: what is missing, and why."""

from __future__ import annotations

from hikcore.archive.local import LocalStore
from hikcore.extract.overview import STATES, coverage_rows
from hikcore.extract.site import Part, SiteWork
from hikcore.extract.spool import Spool
from hikcore.instants import NS, Span
from tests.extract.conftest import BEGIN, HASTY, JOB, Device, film


async def test_hours_by_state_and_the_reason_of_what_is_missing(
    device: Device, store: LocalStore, spool: Spool
) -> None:
    device.add(0, 50, film(0, 50))
    span = Span(BEGIN, BEGIN + 3600 * NS)
    await SiteWork({"nvr": device}, store, spool, patience=HASTY).extract(Part(JOB, span))
    (row,) = coverage_rows(store, [JOB], span)
    assert (row["camera"], row["day"]) == ("door", "2026-11-20")
    assert sum(row[state] for state in STATES) == 1.0
    assert row["held"] > 0.01
    (before,) = coverage_rows(store, [JOB], Span(BEGIN - 3600 * NS, BEGIN))
    assert before["unknown"] == 1.0
    assert "unknown: " in before["why"]
