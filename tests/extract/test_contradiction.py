"""A wall clock inside a recording that tells another time than its listing is reported."""

from __future__ import annotations

import re

import pytest

from hikcore.archive.local import LocalStore
from hikcore.deviceclock import DeviceClock, ZoneRule
from hikcore.extract.camera import extract_camera
from hikcore.extract.spool import Spool
from hikcore.instants import NS, Span
from tests.extract.conftest import BEGIN, HASTY, JOB, Device, film


class Misread(Device):
    """Its zone is taken for UTC+5, and its wall clock tells UTC: five hours beside its listing."""

    async def clock(self) -> DeviceClock:
        return DeviceClock("utc", ZoneRule(18_000), "setting")


@pytest.mark.parametrize(("device", "off"), [(Device(), 0), (Misread(), 5 * 3600)])
async def test_a_reading_that_the_footage_contradicts(
    device: Device, off: int, store: LocalStore, spool: Spool
) -> None:
    device.add(0, 100, film(0, 100))
    report = await extract_camera(
        JOB, Span(BEGIN, BEGIN + 200 * NS), source=device, store=store, spool=spool, patience=HASTY
    )
    (outcome,) = report.outcomes
    assert outcome.state == "held"
    assert ("in doubt" in outcome.reason) == bool(off)
    if off:
        assert re.search(r"begins 1(?:7999|8000) s before its listing", outcome.reason)
