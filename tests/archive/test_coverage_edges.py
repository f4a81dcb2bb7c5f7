"""The second between a listed edge, told in whole seconds, and the footage."""

from __future__ import annotations

import pytest

from tests.archive import build
from tests.archive.build import question, row
from tests.archive.test_coverage import answers, states


@pytest.mark.parametrize("seconds", [0.0, 0.4, 1.0])
def test_edges_are_a_second_at_most(seconds: float) -> None:
    listed = row(0, 1800)
    manifest = build.held(seconds, 1800, listed=listed)
    assert states([manifest], answers(question(0, 3600), listed))[0] == (0, 1800, "held")


def test_an_edge_is_not_held_where_another_recording_lost_its_rest() -> None:
    """Files overlap: what one of them no longer has may be all that was recorded there."""
    first, second = row(0, 900), row(899, 1800)
    short = build.held(
        0, 890, listed=first, received=500, notes=("short: listed 1000 bytes, received 500",)
    )
    said = answers(question(0, 3600), first, second)
    whole = build.held(899.48, 1800, listed=second)
    assert states([short, whole], said)[:3] == [
        (0, 890, "held"),
        (890, 899.48, "damaged"),
        (899.48, 1800, "held"),
    ]


def test_an_edge_is_not_held_where_another_recording_is_still_wanting() -> None:
    first, second = row(0, 900), row(899, 1800)
    said = answers(question(0, 3600), first, second)
    whole = build.held(899.48, 1800, listed=second)
    assert states([whole], said)[:2] == [(0, 899.48, "pending"), (899.48, 1800, "held")]


def test_a_short_recordings_own_edges_are_its_footage() -> None:
    listed = row(0, 900)
    notes = ("short: listed 1000 bytes, received 990",)
    short = build.held(0.4, 899.5, listed=listed, received=990, notes=notes)
    assert states([short], answers(question(0, 3600), listed))[0] == (0, 900, "held")
