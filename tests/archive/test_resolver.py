"""The resolver against footage that is known picture by picture: each is shown exactly once."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hikcore.archive.documents import Body, Chunk, Manifest, RunRef, VideoFormat
from hikcore.archive.recognition import gops_document, units_document
from hikcore.archive.resolver import Timeline, resolve
from hikcore.instants import ticks_to_ns
from hikcore.media.fingerprint import Columns, Units
from hikcore.native.gather import digest_groups

T0 = 1_700_000_000_000_000_000
STEP = 3600


@dataclass
class Scene:
    """What a camera saw: pictures of 40 ms; `sync[i]` begins a group."""

    hashes: np.ndarray
    sync: np.ndarray

    def manifest(
        self,
        first: int,
        last: int,
        *,
        offset: int = 0,
        jitter: int = 0,
        uncertainty: int = 1_000_000,
        kind: str = "file",
        step: int = 0,
    ) -> Manifest:
        """Pictures first..last as one chunk, its PTS moved by `offset`, its origin by `jitter`."""
        index = np.arange(first, last)
        pts = index.astype(np.int64) * STEP + offset
        syncs = np.flatnonzero(self.sync[first:last]).astype(np.int64)
        edges = np.append(syncs, last - first).astype(np.int64)
        groups = np.zeros(len(syncs), np.uint64)
        hashes = np.ascontiguousarray(self.hashes[first:last])
        digest_groups(hashes, edges, groups)
        relative = pts - pts[0]

        def units(a: int, b: int) -> Units:
            return Units(relative[a:b], hashes[a:b])

        columns = Columns(
            relative[syncs],
            np.diff(edges).astype(np.uint32),
            groups,
            hashes[syncs],
            units(0, int(edges[0])) if edges[0] else None,
            units(int(edges[0]), int(edges[1])) if len(syncs) else None,
            units(int(edges[-2]), last - first) if len(syncs) > 1 else None,
        )
        begin = T0 + ticks_to_ns(first * STEP) + jitter + step
        run = RunRef(
            begin=begin,
            origin="stream",
            uncertainty=uncertainty,
            reason="start",
            pts_begin=int(pts[0]),
            pts_end=int(pts[-1]) + STEP,
            video=VideoFormat(codec="h264", width=16, height=16, record=""),
            gops=gops_document(columns),
            head=units_document(columns.head),
            first=units_document(columns.first),
            last=units_document(columns.last),
            segments=(),
        )
        return Manifest(
            writer="test",
            site="s",
            camera="c",
            stream="main",
            device="d",
            chunk=Chunk(
                id=f"{first:08x}{last:08x}",
                kind=kind,
                literal_begin=str(first),
                literal_end="",
                size=last,
            ),
            clock="0" * 16,
            begin=begin,
            end=begin + ticks_to_ns((last - first) * STEP),
            state="held",
            body=Body(container="ps", size=1),
            runs=(run,),
        )


def scene(groups: list[int], static: bool = False) -> Scene:
    """Groups of these lengths; static: every group is the same bytes."""
    sync = np.zeros(sum(groups), np.bool_)
    sync[np.cumsum([0, *groups[:-1]])] = True
    hashes = np.random.default_rng(1).integers(1, 2**63, sum(groups)).astype(np.uint64)
    if static:
        at = 0
        for length in groups:
            hashes[at : at + length] = np.arange(1, length + 1)
            at += length
    return Scene(hashes, sync)


def shown(
    timeline: Timeline, manifests: list[Manifest], offsets: list[int], take: int
) -> list[int]:
    """Indices of the pictures shown in a take, in order."""
    out: list[int] = []
    for piece in timeline.take(take):
        low = (piece.pts_from - offsets[piece.manifest]) // STEP
        high = (piece.pts_to - offsets[piece.manifest]) // STEP
        out += range(low, high)
    return out


def test_two_files_that_overlap_are_one_continuous_strand() -> None:
    world = scene([50] * 20)
    files = [world.manifest(0, 530), world.manifest(500, 1000, jitter=2_000_000)]
    timeline = resolve(files)
    assert shown(timeline, files, [0, 0], 1) == list(range(1000))
    assert not timeline.take(2)
    assert [p.manifest for p in timeline.pieces] == [0, 1]
    # The cut-off group is shown from the file that holds it whole.
    assert timeline.pieces[0].pts_to == 500 * STEP
    assert timeline.pieces[1].time - timeline.pieces[0].time == 500 * STEP


def test_a_run_that_a_clock_step_cut_off_gives_way_to_the_whole_group() -> None:
    world = scene([50] * 20)
    one, other = world.manifest(0, 530), world.manifest(500, 1000, offset=9_000_000)
    body = one.model_copy(update={"runs": one.runs + other.runs, "end": other.end})
    timeline = resolve([body])
    frames = [
        index
        for piece in timeline.take(1)
        for index in range(
            (piece.pts_from - 9_000_000 * piece.run) // STEP,
            (piece.pts_to - 9_000_000 * piece.run) // STEP,
        )
    ]
    assert frames == list(range(1000))


def test_headless_beginning_continues_the_cut_off_group() -> None:
    world = scene([50] * 20)
    files = [world.manifest(0, 530), world.manifest(520, 1000)]
    timeline = resolve(files)
    assert shown(timeline, files, [0, 0], 1) == list(range(1000))
    assert [p.joins for p in timeline.pieces] == [False, True]
    assert timeline.headless == ()


def test_headless_beginning_of_nothing_is_named() -> None:
    world = scene([50] * 20)
    files = [world.manifest(0, 500), world.manifest(620, 1000)]
    timeline = resolve(files)
    assert shown(timeline, files, [0, 0], 1) == [*range(500), *range(650, 1000)]
    assert [(h.manifest, h.end - h.begin) for h in timeline.headless] == [
        (1, ticks_to_ns(30 * STEP))
    ]


def test_file_within_a_file_and_takes_of_one_chunk() -> None:
    world = scene([50] * 20)
    files = [world.manifest(0, 1000), world.manifest(200, 730), world.manifest(0, 1000)]
    timeline = resolve(files)
    assert shown(timeline, files, [0] * 3, 1) == list(range(1000))
    assert not timeline.take(2)


def test_clock_set_back_is_a_second_take() -> None:
    world = scene([50] * 40)
    back = -10_000_000_000
    files = [world.manifest(0, 1000), world.manifest(1000, 2000, offset=7_000_000, step=back)]
    timeline = resolve(files)
    counted = sorted(
        shown(timeline, files, [0, 7_000_000], 1) + shown(timeline, files, [0, 7_000_000], 2)
    )
    assert counted == list(range(2000))
    assert shown(timeline, files, [0, 7_000_000], 2) == list(range(1000, 1250))


def test_neighbours_without_common_footage_lose_no_frame_to_the_uncertainty() -> None:
    world = scene([50] * 20)
    files = [
        world.manifest(0, 500, uncertainty=500_000_000, jitter=400_000_000),
        world.manifest(500, 1000, uncertainty=500_000_000, jitter=-400_000_000),
    ]
    timeline = resolve(files)
    assert shown(timeline, files, [0, 0], 1) == list(range(1000))
    assert timeline.pieces[0].end <= timeline.pieces[1].begin


def test_static_scene_is_matched_at_the_measured_distance() -> None:
    world = scene([50] * 20, static=True)
    files = [world.manifest(0, 530), world.manifest(500, 1000, jitter=900_000)]
    timeline = resolve(files)
    assert shown(timeline, files, [0, 0], 1) == list(range(1000))


@st.composite
def recordings(draw: st.DrawFn) -> tuple[Scene, list[tuple[int, int, int, int]]]:
    """A scene and the files made of it: (first, last, PTS offset, jitter). Files begin at a sync
    sample or inside a group, end anywhere, overlap, repeat, contain each other."""
    lengths = draw(st.lists(st.integers(2, 30), min_size=3, max_size=25))
    world = scene(lengths, static=draw(st.booleans()))
    total = len(world.hashes)
    files = []
    for _ in range(draw(st.integers(1, 6))):
        first = draw(st.integers(0, total - 2))
        if draw(st.booleans()):
            first = int(np.flatnonzero(world.sync[: first + 1])[-1])
        last = draw(st.integers(first + 1, total))
        offset = draw(st.sampled_from([0, 0, 90_000, 1 << 33]))
        files.append((first, last, offset, draw(st.integers(-400_000, 400_000))))
    return world, files


@settings(max_examples=300, deadline=None)
@given(recordings(), st.randoms())
def test_every_decodable_picture_is_shown_exactly_once(made, random) -> None:
    world, files = made
    manifests = [world.manifest(a, b, offset=o, jitter=j) for a, b, o, j in files]
    offsets = [o for _, _, o, _ in files]
    timeline = resolve(manifests)
    everything: list[int] = []
    for take in {piece.take for piece in timeline.pieces}:
        everything += shown(timeline, manifests, offsets, take)
    # Nothing is doubled, and what a file holds behind its first sync sample is shown.
    held: set[int] = set()
    for first, last, _, _ in files:
        syncs = np.flatnonzero(world.sync[first:last])
        if len(syncs):
            held |= set(range(first + int(syncs[0]), last))
    assert len(everything) == len(set(everything))
    assert held <= set(everything)
    # Instants rise, and lie within the jitter of the truth.
    for take in {piece.take for piece in timeline.pieces}:
        pieces = timeline.take(take)
        for before, after in pairwise(pieces):
            assert before.end <= after.begin
        for piece in pieces:
            low = (piece.pts_from - offsets[piece.manifest]) // STEP
            truth = T0 + ticks_to_ns(low * STEP)
            assert abs(piece.instant(piece.pts_from) - truth) <= 1_000_000
    # The order in which manifests are listed does not matter.
    order = list(range(len(manifests)))
    random.shuffle(order)
    again = resolve([manifests[i] for i in order])
    assert [(order[p.manifest], p.pts_from, p.pts_to, p.begin) for p in again.pieces] == [
        (p.manifest, p.pts_from, p.pts_to, p.begin) for p in timeline.pieces
    ] or len({(a, b, o) for a, b, o, _ in files}) < len(files)
