"""Layers over a span: of all claims on an instant, that of the lowest rank is seen."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Generic, TypeVar

from hikcore.instants import Span

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Claim(Generic[V]):
    """`value` for every instant of [begin, end), unless a claim of a lower rank says otherwise.

    An empty stretch (end not after begin) claims nothing. `rank` is compared between claims, so
    equal ranks mean equal values or a choice that does not matter.
    """

    rank: tuple[object, ...]
    begin: int
    end: int
    value: V


def flatten(claims: Iterable[Claim[V]], span: Span, otherwise: V) -> list[tuple[Span, V]]:
    """What is seen over the span: without hole or overlap, neighbours never equal.

    Linear in the number of claims but for sorting, whatever their order.
    """
    waiting = sorted(
        (c for c in claims if max(c.begin, span.begin) < min(c.end, span.end)),
        key=lambda c: c.begin,
    )
    cuts = {span.begin, span.end}
    for claim in waiting:
        cuts.add(max(claim.begin, span.begin))
        cuts.add(min(claim.end, span.end))
    edges = sorted(cuts)
    heap: list[tuple[tuple[object, ...], int]] = []
    out: list[tuple[Span, V]] = []
    at = 0
    for begin, end in pairwise(edges):
        while at < len(waiting) and waiting[at].begin <= begin:
            heapq.heappush(heap, (waiting[at].rank, at))
            at += 1
        while heap and waiting[heap[0][1]].end <= begin:
            heapq.heappop(heap)
        value = waiting[heap[0][1]].value if heap else otherwise
        if out and out[-1][1] == value:
            out[-1] = (Span(out[-1][0].begin, end), value)
        else:
            out.append((Span(begin, end), value))
    return out
