"""Whether an archive equals the footage: every picture once, at its time, and none besides."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from hikcore.archive.reader import Archive
from hikcore.instants import NS, Span
from tests.conformance import reading
from tests.conformance.bench import Bench
from tests.conformance.places import Place


def check_archive(bench: Bench, place: Place, folder: Path, *, count: int = 100) -> None:
    """Hold an archive against the simulator's footage.

    Args:
        count: pictures that there must be at least, so that nothing passes by being empty.
    """
    truth = bench.pictures()
    assert len(truth) >= count, f"the simulator has {len(truth)} pictures only"
    objects = place.objects()
    assert reading.damaged(objects) == []
    instants = defaultdict(set)
    for at, picture in truth.items():
        instants[picture].add(at)
    found = reading.held(objects)
    invented = [each for each in found if each.picture not in instants]
    assert not invented, f"{len(invented)} pictures that were never filmed"
    for each in found:
        off = min(abs(each.at - at) for at in instants[each.picture])
        assert off <= bench.exact + each.uncertain, f"a picture {off / NS:.3f} s off its time"
    missing = truth.keys() - {at for each in found for at in instants[each.picture]}
    assert not missing, f"{len(missing)} pictures are not in the archive"
    _check_clip(bench, place, truth, folder)


def _check_clip(
    bench: Bench, place: Place, truth: dict[int, reading.Picture], folder: Path
) -> None:
    """What is shown of it: each picture once, in order; and what is said of it."""
    archive, job = Archive(place.plain), bench.job
    order = sorted(truth)
    whole = Span(order[0] - 5 * NS, order[-1] + 5 * NS)
    out = folder / "whole.mp4"
    archive.clip(job.site, job.camera, whole, out)
    shown = reading.shown(out)
    assert len(shown) == len(order), f"{len(shown)} pictures shown of {len(order)}"
    assert shown == [truth[at] for at in order]
    states = {
        stretch.state
        for stretch in archive.coverage(job.site, job.camera, whole)
        for at in order
        if stretch.span.begin <= at < stretch.span.end
    }
    assert states == {"held"}, states
