"""Recorders in Western Europe, in winter: what `Z` means makes no difference until March.

They would otherwise be refused on a first day on which nothing tells: where no file is being
written, and the streams have no clock.
"""

from __future__ import annotations

import pytest

from hikcore.errors import ClockUndecided
from hikcore.instants import DAY, NS, Span, parse_instant
from tests.isapi.conftest import MakeSource, recorded
from tests.isapi.device import Asked, Device, Reply
from tests.isapi.pager import File, Pager

RULES = {
    "London": "CST+0:00:00DST01:00:00,M3.5.0/01:00:00,M10.5.0/02:00:00",
    "Dublin": "CST+0:00:00DST01:00:00,M3.5.0/00:00:00,M10.5.0/00:00:00",
    "Lisbon": "CST-0:00:00DST01:00:00,M3.5.0/01:00:00,M10.5.0/02:00:00",
}
WINTER = parse_instant("2026-11-21T12:00:00Z")
SUMMER = parse_instant("2026-07-21T12:00:00Z")


def recorder(device: Device, rule: str, wall: str, pager: Pager) -> None:
    time = f"<Time><localTime>{wall}</localTime><timeZone>{rule}</timeZone></Time>"
    device.handlers["GET", "/ISAPI/System/time"] = Reply(body=time.encode())
    channels = recorded("hikvision_ds-7804n-r2_v4.84.031_inputproxy.xml")
    device.handlers["GET", "/ISAPI/ContentMgmt/InputProxy/channels"] = Reply(body=channels)

    def answer(asked: Asked) -> Reply:
        return Reply(body=pager.answer(asked.body))

    device.handlers["POST", "/ISAPI/ContentMgmt/search"] = answer


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
async def test_nothing_tells_and_nothing_depends_on_it(
    device: Device, source: MakeSource, rule: str
) -> None:
    at = WINTER // NS - 7200
    recorder(device, rule, "2026-11-21T12:00:00+00:00", Pager([File(101, at, at + 3600)]))
    one = source(now=lambda: WINTER)
    clock = await one.clock()
    assert (clock.listing, clock.source) == ("utc", "zone is UTC now")
    answer = await one.recordings(1, "main", Span(WINTER - DAY, WINTER))
    assert [row.span for row in answer.recordings] == [Span(at * NS, (at + 3600) * NS)]
    with pytest.raises(ClockUndecided, match="cannot tell what the Z"):
        await one.recordings(1, "main", Span(SUMMER, SUMMER + DAY))
    change = parse_instant("2026-10-25T00:00:00Z")
    with pytest.raises(ClockUndecided):
        await one.recordings(1, "main", Span(change, change + DAY))


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
async def test_in_summer_it_is_measured_or_refused(
    device: Device, source: MakeSource, rule: str
) -> None:
    at = SUMMER // NS - 7200
    recorder(device, rule, "2026-07-21T13:00:00+01:00", Pager([File(101, at, at + 600)]))
    with pytest.raises(ClockUndecided):
        await source(now=lambda: SUMMER).clock()
    at = SUMMER // NS + 3600  # by its wall clock a file is being written now
    pager = Pager([File(101, at - 600, at + 900)])
    recorder(device, rule, "2026-07-21T13:00:00+01:00", pager)
    assert (await source(now=lambda: SUMMER).clock()).listing == "local"
