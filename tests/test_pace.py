"""What trickles ends, whatever idle timeouts say."""

from __future__ import annotations

import pytest

from hikcore.errors import TransferInterrupted
from hikcore.sources.pace import Pace


def came(each: int, times: int, waited: float) -> None:
    """So many bytes, so often, after so many seconds each."""
    pace = Pace(1024, 60, "device")
    for _ in range(times):
        pace.came(each, waited)


def test_a_byte_a_second_ends_after_the_window() -> None:
    with pytest.raises(TransferInterrupted, match="60 bytes in 60 s"):
        came(1, 60, 1.0)


def test_what_is_slow_but_comes_goes_on() -> None:
    came(1100, 1000, 1.0)


def test_waits_of_our_own_do_not_count() -> None:
    came(1, 1000, 0.0)
