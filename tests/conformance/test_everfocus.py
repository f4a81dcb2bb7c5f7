"""The EverFocus source passes the suite."""

from __future__ import annotations

from tests.conformance.everfocus import EverFocusBench
from tests.conformance.suite import Conformance


class TestEverFocus(Conformance):
    bench = EverFocusBench
