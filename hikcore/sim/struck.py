"""A fault before the answer: chosen by the request, told in the vendor's own words."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from hikcore.sim.faults import Fault, FaultPlan
from hikcore.sim.http import Request, Response
from hikcore.sim.spoil import Cut

#: Kinds that are an answer themselves; the others spoil the true one, or keep it back.
_TOLD: Final = ("busy", "error200", "status", "empty")


def chosen(faults: FaultPlan, request: Request) -> Fault | None:
    """Count a request, and say what is to happen to it."""
    text = request.body.decode("utf-8", "replace")
    return faults.choose(f"{request.method} {request.target}", text)


async def struck(
    request: Request,
    fault: Fault | None,
    tell: Callable[[Fault], Response],
    sleep: Callable[[float], Awaitable[None]],
) -> Response | None:
    """What the fault itself answers; None where there is none, or it only spoils the true answer.

    Args:
        tell: the vendor's answer of the kinds `busy`, `error200`, `status` and `empty`.
        sleep: how the device waits.

    Raises:
        Cut: no answer comes.
    """
    if fault is None:
        return None
    request.fault = fault.kind
    if fault.kind == "drop":
        raise Cut(hard=False)
    if fault.kind == "delay":
        await sleep(fault.seconds)
    return tell(fault) if fault.kind in _TOLD else None
