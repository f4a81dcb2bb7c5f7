"""A slice of the random cuts: some of every container. All of them: `python -m
tests.media.random_cuts --points 1000`."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.media.cut_archive import Cameras
from tests.media.cut_bodies import CONTAINERS, kinds
from tests.media.cut_footage import Kind
from tests.media.random_cuts import draw, judge


@pytest.fixture(scope="module")
def cameras(tmp_path_factory: pytest.TempPathFactory) -> Cameras:
    return Cameras(tmp_path_factory.mktemp("cuts"))


def _kinds(container: str) -> list[Kind]:
    return [kind for name, kind in kinds() if name == container]


@pytest.mark.parametrize("container", CONTAINERS)
@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_random_cuts_show_what_was_filmed(
    cameras: Cameras, tmp_path: Path, container: str, data: st.DataObject
) -> None:
    kind = data.draw(st.sampled_from(_kinds(container)))
    point = draw(lambda below: data.draw(st.integers(0, below - 1)), container, kind)
    assert judge(cameras, point, tmp_path) == []


def test_every_class_has_footage() -> None:
    """Two codecs, with and without B pictures and sound, at a constant and a varying rate."""
    for container in CONTAINERS:
        count = 8 if container in ("everfocus", "avi", "plain ps with aac") else 16
        assert len(_kinds(container)) == len(set(_kinds(container))) == count
