"""Spans against sets of instants."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hikcore.instants import Span, subtract, union

spans = st.lists(
    st.builds(lambda at, n: Span(at, at + n), st.integers(0, 60), st.integers(1, 12)), max_size=12
)


def instants(found: list[Span]) -> set[int]:
    return {at for span in found for at in range(span.begin, span.end)}


@given(spans, spans)
def test_what_is_left(some: list[Span], minus: list[Span]) -> None:
    left = subtract(some, minus)
    assert instants(left) == instants(some) - instants(minus)
    assert left == union(left)


def test_many_of_many() -> None:
    """A day of a connection that breaks every second: looked at each with each, it would be ten
    thousand million looks."""
    some = [Span(10 * n, 10 * n + 8) for n in range(100_000)]
    holes = [Span(10 * n + 2, 10 * n + 4) for n in range(100_000)]
    assert len(subtract(some, holes)) == 200_000
