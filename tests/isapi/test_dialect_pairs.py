"""Every pair of the simulator's dialect fields: the source reads them all.

What a firmware demands, refuses or ignores is of one field; a request may have to be right in two
of them at once. So all pairs are walked, and draws of three to twenty fields besides.
"""

from __future__ import annotations

import random
from itertools import combinations
from typing import Any

import pytest

from hikcore.errors import ClockUndecided, DeviceRefused
from hikcore.instants import NS, Span
from hikcore.sim.recorder import Recorder
from hikcore.sources import login as login_module
from hikcore.sources import politeness as politeness_module
from hikcore.sources.isapi import IsapiSource
from tests.isapi.conftest import MakeSource
from tests.isapi.device import Device, Reply
from tests.isapi.pager import Pager
from tests.isapi.test_recorder import PATIENT
from tests.isapi.test_source import equip
from tests.sim.asking import tiny
from tests.sim.test_combinations import CHOICES

#: More than one window of a listing, its halves and a walk of all dialects may take together.
MOST_REQUESTS = 1000
PAIRS: list[dict[str, Any]] = [
    {one: a, other: b}
    for one, other in combinations(CHOICES, 2)
    for a in CHOICES[one]
    for b in CHOICES[other]
]
#: What ended in an error once, each for another reason.
ODD: list[dict[str, Any]] = [
    {"search_id": "braces"},
    {"container": "trackID", "metadata": "refused"},
    {"container": "trackID", "search_id": "braces"},
    {"track_ids": "n", "search_id": "braces"},
    {"position": "searchResultPosition", "wrong_position": "refused", "declaration": "required",
     "root_version": "required"},
    {"download": ["POST query"], "uri_time": "spaced"},
    {"search_id": "braces", "container": "trackID", "metadata": "refused"},
    {"position": "searchResultPosition", "metadata": "refused", "xmlns": "refused",
     "declaration": "refused", "container": "trackID", "page_cap": 1},
]  # fmt: skip
#: Older than all that is recorded.
_SECONDS = 200


def drawn(seed: int, count: int, fields: int) -> list[dict[str, Any]]:
    """Dialects of so many fields at once."""
    draw = random.Random(seed)
    return [
        {name: draw.choice(CHOICES[name]) for name in draw.sample(list(CHOICES), fields)}
        for _ in range(count)
    ]


async def reads_all(dialect: dict[str, Any]) -> None:
    """The source lists every file of two channels, and fetches one of each whole."""
    login_module._logins.clear()
    politeness_module._devices.clear()
    profile = tiny(dialect={"page_cap": 40, **dialect})
    async with Recorder(profile) as recorder:
        source = IsapiSource(
            recorder.host, "admin", profile.auth.password, port=recorder.port, settings=PATIENT,
            now=recorder.now,
        )  # fmt: skip
        try:
            for channel in (3, 1):
                await _reads(source, recorder, channel)
        finally:
            await source.aclose()
        assert len(recorder.requests) < MOST_REQUESTS


async def _reads(source: IsapiSource, recorder: Recorder, channel: int) -> None:
    span = Span(recorder.now() - _SECONDS * NS, recorder.now())
    files = recorder.files(channel)
    answer = await source.recordings(channel, "main", span)
    begins = sorted(row.span.begin // NS for row in answer.recordings)
    assert begins == sorted(file.begin_ms // 1000 for file in files)
    dialect = recorder.profile.dialect
    # Pages of one row that repeat the one before show nothing new, ever: halved windows find all,
    # and nothing proves it.
    assert answer.complete or (dialect.page_cap, dialect.page_repeats) == (1, 1)
    body = bytearray()

    async def write(block: bytes) -> None:
        body.extend(block)

    first = min(answer.recordings, key=lambda row: row.span.begin)
    await source.fetch(first, write)
    assert bytes(body) == b"".join(recorder.vaults[channel].body(files[0]))


@pytest.mark.parametrize("dialect", ODD, ids=str)
async def test_dialects_that_ended_in_an_error(dialect: dict[str, Any]) -> None:
    await reads_all(dialect)


@pytest.mark.parametrize("part", range(4))
async def test_pairs_of_choices_drawn(part: int) -> None:
    for dialect in random.Random(part).sample(PAIRS, 15):
        await reads_all(dialect)


@pytest.mark.parametrize("fields", [3, 7, 20])
async def test_more_choices_at_once(fields: int) -> None:
    for dialect in drawn(fields, 12, fields):
        await reads_all(dialect)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(8))
async def test_every_pair_of_choices(part: int) -> None:
    for dialect in PAIRS[part::8]:
        await reads_all(dialect)


@pytest.mark.slow
@pytest.mark.parametrize("fields", [3, 5, 12, 20])
async def test_many_choices_at_once(fields: int) -> None:
    for dialect in drawn(100 + fields, 150, fields):
        await reads_all(dialect)


async def test_a_clock_that_cannot_be_asked_tells_of_the_refusal(
    device: Device, source: MakeSource
) -> None:
    """Where every search is refused it is not the clock that wants a setting."""
    equip(device, Pager([]))
    device.handlers["POST", "/ISAPI/ContentMgmt/search"] = Reply(400, b"<html>Bad request</html>")
    one = source()
    with pytest.raises(DeviceRefused, match="known forms") as caught:
        await one.clock()
    assert not isinstance(caught.value, ClockUndecided)
