"""The fifteen kinds of fault, what strikes they are made of, and how a run may end that meets one.

A run has to end well in spite of the fault, or to fail with one of the errors that `may_end` names;
there is no third way. After that the operator's next step is taken (mostly: run again), and the
archive has to be right.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from hikcore.errors import (
    ArchiveDenied,
    ArchiveError,
    ArchiveUnavailable,
    DeviceAuthError,
    DeviceBusy,
    DeviceProtocolError,
    DeviceRefused,
    DeviceUnreachable,
    SpoolFull,
    TransferInterrupted,
)
from hikcore.sim.strikes import Strike
from tests.conformance.bench import Errors, Phase

#: Of wrong or no Content-Length there are two kinds of strikes; they count as one kind of fault.
KINDS: tuple[str, ...] = (
    "reset", "stall", "short body", "long body", "wrong Content-Length", "no Content-Length",
    "401 in the middle", "stale nonce", "503 burst", "error under 200", "1 byte/s", "disk full",
    "store 500", "duplicate answer", "clock step", "reboot",
)  # fmt: skip

#: Kinds that befall neither the device nor what passes between: they begin when a request of the
#: phase is met, and last until the run's end.
LOCAL = ("disk full", "store 500")


@dataclass(frozen=True)
class Fault:
    """One fault of a cell.

    Attributes:
        strikes: in the proxy of the phase.
        reads: in the store's proxy, of a request that reads.
        by: seconds that the device's clock is set by.
        most: requests to which the store answers 500; None: until the run's end.
    """

    strikes: tuple[Strike, ...]
    reads: tuple[Strike, ...] = ()
    by: int = 0
    most: int | None = None


def fault(kind: str, phase: Phase, nth: int, random: Random) -> Fault:
    """A kind in a phase, at its n-th request.

    Args:
        random: where in a body, how much, which way.
    """
    part = random.uniform(0.02, 0.98)
    more = random.randint(1, 500)
    sign = random.choice((1, -1))
    bodies = {
        "reset": {"kind": "reset", "part": part},
        "stall": {"kind": "stall", "part": part},
        "short body": {"kind": "short", "part": part},
        "long body": {"kind": "long", "by": more},
        "wrong Content-Length": {"kind": "wrong_length", "by": sign * more},
        "no Content-Length": {"kind": "no_length"},
        "401 in the middle": {"kind": "unauthorized"},
        "stale nonce": {"kind": "stale_nonce"},
        "503 burst": {"kind": "busy", "burst": random.randint(2, 3)},
        "error under 200": {"kind": "error200"},
        "1 byte/s": {"kind": "trickle", "part": part, "seconds": 1},
        "duplicate answer": {"kind": "duplicate"},
        "reboot": {"kind": "reboot", "count": random.randint(1, 3)},
    }
    if kind == "store 500" and phase == "commit":
        burst = random.choice((2, 1_000_000))
        return Fault((Strike(kind="store500", phase="commit", nth=(nth,), burst=burst),))
    if kind in (*LOCAL, "clock step") or (kind == "reboot" and phase == "commit"):
        # The strike only tells that a request of the phase was met.
        strike = Strike(kind="clock_step", phase=phase, nth=(nth,))
        return Fault((strike,), by=sign * 3600, most=random.choice((2, None)))
    strike = Strike.model_validate({"phase": phase, "nth": (nth,), **bodies[kind]})
    reads: tuple[Strike, ...] = ()
    if phase == "commit" and "part" in bodies[kind]:
        # Puts are answered without a body: one is struck that has one, too.
        reads = (strike.model_copy(update={"phase": "read", "nth": (random.randint(1, 3),)}),)
    return Fault((strike,), reads)


#: Nothing was received, or not what was sent: tried again within the run; never kept as footage.
_GARBLED: Errors = (DeviceProtocolError, TransferInterrupted)
#: By the device's own word: told, and asked again by the next run.
_SAID: Errors = (DeviceRefused, DeviceBusy, DeviceProtocolError)
_OF_DEVICE: dict[str, Errors] = {
    "short body": _GARBLED,
    "long body": _GARBLED,
    "wrong Content-Length": _GARBLED,
    "401 in the middle": (DeviceAuthError,),
    "error under 200": _SAID,
    # It may be read in place of the next one, and is then none.
    "duplicate answer": _GARBLED,
    "disk full": (SpoolFull,),
    "store 500": (ArchiveUnavailable,),
    "reboot": (DeviceUnreachable, TransferInterrupted),
}
_OF_STORE: dict[str, Errors] = {
    **dict.fromkeys(KINDS, (ArchiveUnavailable,)),
    "401 in the middle": (ArchiveDenied,),
    # Where the second one comes late, it is read as the answer to the next request.
    "duplicate answer": (ArchiveError,),
    "disk full": (SpoolFull,),
    "clock step": (),
    "reboot": (DeviceUnreachable, TransferInterrupted),
}


def may_end(kind: str, phase: Phase) -> Errors:
    """The errors with which a run may end that meets the fault; none: it has to end well."""
    return (_OF_STORE if phase == "commit" else _OF_DEVICE).get(kind, ())
