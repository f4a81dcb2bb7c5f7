"""The Hik Cloud source passes the suite."""

from __future__ import annotations

from tests.conformance.hik_cloud import HikCloudBench
from tests.conformance.suite import Conformance


class TestHikCloud(Conformance):
    bench = HikCloudBench
