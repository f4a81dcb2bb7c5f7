"""Every target, by its name."""

from __future__ import annotations

from importlib import import_module

from tests.fuzz.target import Target

NAMES = (
    "ps", "es", "sets", "everfocus", "avi", "mp4", "plain", "fragments", "gather", "trips", "cuts",
    "rtp", "remux",
)  # fmt: skip


def target(name: str) -> Target:
    """A target; its module is loaded now."""
    found = import_module(f"tests.fuzz.targets.{name}").TARGET
    assert isinstance(found, Target)
    return found
