"""What README and docs/comparison.md say of cuts is what comes of making them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from benchmarks import compare
from benchmarks.peers import PYAV

ROOT = Path(__file__).parent.parent

#: What is the same with every version of everything; ffmpeg's rows depend on what is installed.
OURS = (PYAV, "hikcore")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("compare")


@pytest.fixture(scope="module")
def footage(folder: Path) -> compare.Footage:
    return asyncio.run(compare.prepare(folder))


def rows(table: str) -> list[str]:
    return [line for line in table.splitlines() if line.startswith(tuple(f"| {t} " for t in OURS))]


@pytest.mark.slow
def test_no_frame_is_lost_and_none_shown_too_many(footage: compare.Footage, folder: Path) -> None:
    text = (ROOT / "docs" / "comparison.md").read_text(encoding="utf-8")
    for cuts in (compare.from_ps(footage), compare.from_mp4(footage)):
        peer, *ours = rows(told := compare.table(footage, cuts, folder))
        assert peer.startswith("| PyAV")
        assert len(ours) >= 1
        assert all(row.endswith("` | as asked | 0 of 250 | 0 |") for row in ours)
        assert all(row in text for row in rows(told))


@pytest.mark.slow
def test_a_hole_is_told(footage: compare.Footage, folder: Path) -> None:
    text = (ROOT / "docs" / "comparison.md").read_text(encoding="utf-8")
    told = rows(compare.gap_table(footage, folder))
    assert len(told) == 2
    for row in told:
        assert "nothing; error: " in row
        assert row.endswith("| 3720 s |")
        assert row in text
