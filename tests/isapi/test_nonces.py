"""Devices that take a nonce a few times and then refuse it like a bad password.

An access terminal with firmware V4.48.40 takes one twice; the third use is answered with 401 and a
`userCheck`, without `stale` and without a challenge (the discovery notes of a client written
against two of them, see recorded/README.md). Taken for a bad password, it would end every login.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from hikcore.errors import DeviceAuthError
from hikcore.sources.login import login_for
from tests.isapi.conftest import MakeSource, recorded
from tests.isapi.device import Asked, Device, Reply
from tests.isapi.test_login import PATIENT, TIME

SPENT = (
    b"<userCheck><statusValue>401</statusValue><statusString>Unauthorized</statusString>"
    b"<retryLoginTime>4</retryLoginTime></userCheck>"
)


class Frugal(Device):
    """Refuses a nonce that it took often enough as it refuses a password."""

    challenges = False

    def _check(self, asked: Asked) -> Reply | None:
        refused = super()._check(asked)
        if asked.login != "stale":
            return refused
        asked.login = "spent"
        return self._challenge("FALSE") if self.challenges else Reply(401, SPENT)


@pytest.fixture(params=[False, True], ids=["without", "with-challenge"])
async def device(request: pytest.FixtureRequest) -> AsyncIterator[Device]:
    async with Frugal() as device:
        device.challenges = request.param
        device.login.uses = 2
        device.handlers["GET", TIME] = Reply(
            body=recorded("hikvision_ds-7616nxi-k2_v4.84.101_time.xml")
        )
        yield device


async def test_a_nonce_that_is_used_up_is_no_bad_password(
    device: Device, source: MakeSource
) -> None:
    one = source()
    for _ in range(9):
        await one.deviation()
    assert device.count("good") == 9
    assert device.count("bad") == 0
    assert device.count("spent") == 1  # then it is known how often it takes one


@pytest.mark.parametrize("uses", [1, 2, 3])
async def test_twenty_tasks_get_through(device: Device, source: MakeSource, uses: int) -> None:
    device.login.uses = uses
    one = source(settings=PATIENT)
    await one.deviation()
    device.delay = 0.01
    await asyncio.gather(*(one.deviation() for _ in range(20)))
    assert device.count("good") == 21
    login = login_for("127.0.0.1", device.port, "admin", "geheim-1")
    assert login.uses is not None
    assert 1 <= login.uses <= uses  # which of many at once was refused first, nobody knows
    before = device.count("spent")
    await asyncio.gather(*(one.deviation() for _ in range(20)))
    assert device.count("spent") == before


async def test_tasks_that_waited_for_the_first_login_get_through(
    device: Device, source: MakeSource
) -> None:
    device.login.uses = 1
    device.delay = 0.01
    one = source(settings=PATIENT)
    await asyncio.gather(*(one.deviation() for _ in range(5)))
    assert (device.count("good"), device.count("bad")) == (5, 0)


async def test_a_first_call_that_the_device_does_not_offer(
    device: Device, source: MakeSource
) -> None:
    device.login.uses = 1
    forbidden = Reply(403, recorded("hikvision_nvr_v4.1.18_notsupport.xml"))
    device.handlers["GET", "/ISAPI/System/Video/inputs/channels"] = forbidden
    channels = recorded("hikvision_ds-7708n-i4_v4.1.18_inputproxy.xml")
    device.handlers["GET", "/ISAPI/ContentMgmt/InputProxy/channels"] = Reply(body=channels)
    assert len(await source().cameras()) == 3
    assert device.count("bad") == 0


async def test_a_password_that_has_changed_is_tried_once_more(
    device: Device, source: MakeSource
) -> None:
    one = source(settings=PATIENT)
    await one.deviation()
    device.login.password = "neu-3"
    device.delay = 0.01
    before = len(device.asked)
    outcomes = await asyncio.gather(*(one.deviation() for _ in range(12)), return_exceptions=True)
    assert all(isinstance(outcome, DeviceAuthError) for outcome in outcomes)
    fresh = [
        asked
        for asked in device.asked[before:]
        if asked.login == "bad" and "nc=00000001" in asked.headers["authorization"]
    ]
    assert len(fresh) == 1
    said = len(device.asked)
    with pytest.raises(DeviceAuthError):
        await one.deviation()
    assert len(device.asked) == said


async def test_a_password_that_changes_behind_a_nonce_in_use_is_not_tried_again(
    device: Device, source: MakeSource
) -> None:
    device.login.uses = 1000
    one = source(settings=PATIENT)
    for _ in range(7):
        await one.deviation()
    device.login.password = "neu-3"
    with pytest.raises(DeviceAuthError):
        await one.deviation()
    assert device.count("bad") == 1
