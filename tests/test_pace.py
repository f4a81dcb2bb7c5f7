"""What trickles ends, whatever idle timeouts say."""

from __future__ import annotations

import pytest

from hikcore.errors import TransferInterrupted
from hikcore.sources.pace import Pace


def test_a_byte_a_second_ends_after_the_window() -> None:
    pace = Pace(1024, 60, "device")
    with pytest.raises(TransferInterrupted, match="60 bytes in 60 s"):
        for _ in range(61):
            pace.came(1, 1.0)


def test_what_is_slow_but_comes_goes_on() -> None:
    pace = Pace(1024, 60, "device")
    for _ in range(1000):
        pace.came(1100, 1.0)


def test_waits_of_our_own_do_not_count() -> None:
    pace = Pace(1024, 60, "device")
    for _ in range(1000):
        pace.came(1, 0.0)
