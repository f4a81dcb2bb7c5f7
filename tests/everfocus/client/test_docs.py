"""docs/everfocus.md: every setting is named, and the examples are Python of today."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from hikcore.config.everfocus_section import EverFocusSection
from hikcore.sources.everfocus.client import EverFocusClient
from hikcore.sources.everfocus.settings import EverFocusSettings

TEXT = (Path(__file__).parents[3] / "docs/everfocus.md").read_text(encoding="utf-8")
#: Of every kind of device: docs/config.md has them, under these names or others.
SHARED = {"connect_timeout", "idle_timeout", "retries", "busy", "requests", "hours"}
#: Guards of memory and time, which say no more than their docstring.
LIMITS = {"answer_limit", "message_limit", "slowest"}


def test_every_setting_is_named() -> None:
    named = set(re.findall(r"`([a-z_]+)`", TEXT))
    settings = {one.name for one in fields(EverFocusSettings)} - SHARED - LIMITS
    assert (settings | set(EverFocusSection.model_fields)) - named == set()


def test_the_table_is_whole() -> None:
    table = TEXT.partition("### The table `everfocus`")[2]
    rows = [row.split("|")[1] for row in table.splitlines() if row.startswith("| `")]
    keys = [key for row in rows for key in re.findall(r"`([a-z_]+)`", row)]
    assert sorted(keys) == sorted(EverFocusSection.model_fields)


def test_the_examples_are_python() -> None:
    examples = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    assert len(examples) >= 2
    for example in examples:
        compile(example, "docs/everfocus.md", "exec", flags=0x2000)  # await at the top is allowed
    for call in re.findall(r"client\.(\w+)\(", examples[0]):
        assert callable(getattr(EverFocusClient, call))
