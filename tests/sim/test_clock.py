"""Time that jumps: sleepers wake in their order, and nobody waits."""

import asyncio

from hikcore.instants import NS
from hikcore.sim.clock import JumpingClock


async def test_two_who_sleep_at_once_wake_together() -> None:
    clock = JumpingClock(1000 * NS)
    begun = asyncio.get_running_loop().time()
    await asyncio.gather(clock.sleep(60), clock.sleep(60), clock.sleep(3600))
    assert clock.now() == 4600 * NS
    clock.advance(0.5)
    assert clock.monotonic() == 4600.5
    await clock.sleep(0)
    assert clock.now() == 4600 * NS + NS // 2
    assert asyncio.get_running_loop().time() - begun < 5
