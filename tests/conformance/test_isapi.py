"""The ISAPI source passes the suite."""

from __future__ import annotations

from tests.conformance.isapi import IsapiBench
from tests.conformance.suite import Conformance


class TestIsapi(Conformance):
    bench = IsapiBench
