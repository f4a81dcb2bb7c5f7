"""What the documentation says of the configuration is true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hikcore.config import load
from hikcore.config.model import (
    ArchiveSection,
    CameraSection,
    DeviceSection,
    SiteSection,
    SpoolSection,
)

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", ["README.md", "docs/config.md"])
def test_the_example_is_a_configuration(name: str, tmp_path: Path) -> None:
    found = re.search(r"```toml\n(.*?)```", (ROOT / name).read_text(), re.DOTALL)
    assert found is not None
    file = tmp_path / "hikcore.toml"
    file.write_text(found.group(1))
    config = load(file, environ={})
    assert config.site("home").camera("nvr1-02").channel == 2


def test_every_key_is_documented_and_no_other() -> None:
    text = (ROOT / "docs/config.md").read_text()
    rows = [row.split("|")[1] for row in text.splitlines() if row.startswith("| `")]
    documented = {key for row in rows for key in re.findall(r"`([a-z_]+)`", row)}
    keys = {
        key
        for section in (ArchiveSection, SpoolSection, DeviceSection, SiteSection, CameraSection)
        for key in section.model_fields
    }
    assert documented == keys - {"devices", "cameras"} | {"cameras"}
