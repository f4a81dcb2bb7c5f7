"""A recorder that fails half of all requests at random: where an extraction from it ends.

    python -m tests.flaky.harness --points 200 --seed 1

Each point is one seed: a recorder behind a proxy that strikes every second request (dropped, reset,
cut short with or without saying so, stalled, busy, an error under HTTP 200, ...), and an archive
that starts empty. The same extraction runs a few times, each with a source of its own. At its end
the archive must be that of an undisturbed run, segment for segment, byte for byte (a manifest may
tell besides of rubbish behind a body that came longer than listed); or what is missing must be
`pending` (or never have been told by the device: `unknown`), with an error that names why. On the
way nothing may be in the archive that an undisturbed run does not put there, but for beginnings of
a recording: a body that the transport called whole, cut short somewhere else in each attempt, is
kept for what it is worth, counted for no more than it has, and fetched again. Points that are in
the results file are left out with `--resume`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from hikcore.archive.columns import unpack
from hikcore.archive.coverage import Stretch
from hikcore.archive.local import LocalStore
from hikcore.archive.reader import Archive
from hikcore.errors import ArchiveNotFound, HikcoreError
from hikcore.extract.fetch import Patience
from hikcore.extract.report import CameraJob, CameraReport
from hikcore.extract.site import SiteWork, camera_days
from hikcore.extract.spool import Spool
from hikcore.instants import NS, Span, parse_instant
from hikcore.sim.camera import CameraProfile
from hikcore.sim.profile import Clock, Hole, Profile, Recorded
from hikcore.sim.proxy import FaultProxy
from hikcore.sim.recorder import Recorder
from hikcore.sim.strikes import Kind, Plan, Strike
from hikcore.sources.isapi import Busy, IsapiSource, Retries, Settings
from tests.kill.objects import committed, raw_objects

END: Final = parse_instant("2026-11-20T12:00:00Z")
SPAN: Final = Span(END - 900 * NS, END)
PROFILE: Final = Profile(
    name="flaky",
    clock=Clock(frozen="2026-11-20T12:00:00Z", listing="local"),
    recorded=Recorded(
        since="now-15m", holes=(Hole(begin="now-8m10s", end="now-7m20s", channels=(1,)),)
    ),
    cameras=(
        CameraProfile(channel=1, height=144, frame_ms=500, gop=20, file_ms=120_000, phase_ms=480),
        CameraProfile(channel=2, height=144, codec="h265", frame_ms=1000, gop=10, file_ms=200_000,
                      audio="alaw"),
    ),
)  # fmt: skip
JOBS: Final = [CameraJob("home", f"cam{n}", "main", "nvr", n) for n in (1, 2)]
#: How much of all requests fails.
HALF: Final = 0.5
RUNS: Final = 8
#: What names a body that is shorter than listed.
BEGINNING: Final = "the beginning of "
#: A network's and a device's recovery, without the waits.
HASTY: Final = Settings(
    connect_timeout=5,
    idle_timeout=0.15,
    retries=Retries(attempts=4, initial=0.002, maximum=0.004, jitter=0.002),
    busy=Busy(initial=0.01, maximum=0.02, patience=0.3),
    requests=100_000,
)
#: How often each kind stands in the plan: failures outnumber lies.
_KINDS: Final[dict[Kind, int]] = {
    "drop": 4, "reset": 4, "close": 4, "busy": 4, "stale_nonce": 4, "stall": 2,
    "short": 1, "long": 1, "wrong_length": 1, "error200": 1,
}  # fmt: skip


@dataclass(frozen=True)
class Result:
    """What one point came to; `fault` is empty where all is as it must be.

    Attributes:
        ended: `right`: the archive of an undisturbed run; `pending`: with what is missing said.
        runs: until then. struck, asked: requests.
        why: the kinds of the last run's errors. said: the errors.
    """

    point: int
    ended: str
    fault: str
    runs: int
    struck: int
    asked: int
    why: tuple[str, ...]
    seconds: float
    said: tuple[str, ...] = ()


def strikes(draw: random.Random) -> list[Strike]:
    """Every kind, so that half of all requests are struck: each strike takes its share of what
    those before it let by."""
    kinds = [kind for kind, often in _KINDS.items() for _ in range(often)]
    draw.shuffle(kinds)
    p = 1 - (1 - HALF) ** (1 / len(kinds))
    return [_strike(kind, p, draw) for kind in kinds]


def _strike(kind: Kind, p: float, draw: random.Random) -> Strike:
    by = draw.randint(1, 500)
    if kind == "wrong_length":
        by *= draw.choice((-1, 1))
    return Strike(kind=kind, p=p, by=by)


class Anywhere(Plan):
    """Strikes each body somewhere else: what comes twice alike is believed, and rightly."""

    def __init__(self, plan: Sequence[Strike], draw: random.Random) -> None:
        super().__init__(plan, draw.randint(1, 1 << 30))
        self._draw = draw

    def choose(self, request: str, phase: str) -> Strike | None:
        """As any plan, at a place of its own."""
        strike = super().choose(request, phase)
        if strike is None:
            return None
        by = self._draw.randint(1, 500) * (-1 if strike.by < 0 else 1)
        return strike.model_copy(update={"part": self._draw.uniform(0.02, 0.98), "by": by})


class Harness:
    """Points against one kind of recorder.

    Args:
        folder: for archives and spools.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._reference: dict[str, str] = {}
        self._coverage: list[list[Stretch]] = []

    async def prepare(self) -> None:
        """An undisturbed run, once."""
        async with Recorder(PROFILE, cache=self._folder / "cache") as recorder:
            await recorder.prepare()
            reports, store = await self._run(recorder.port, self._folder / "reference")
        faults = [error for report in reports for error in report.errors]
        assert not faults, faults
        self._reference = contents(store)
        self._coverage = _coverage(store)
        assert {s.state for part in self._coverage for s in part} == {"held", "empty", "pending"}

    async def point(self, number: int, seed: int) -> Result:
        """One seed."""
        began = time.monotonic()
        draw = random.Random(f"{seed}/{number}")
        folder = self._folder / f"point-{number}"
        async with (
            Recorder(PROFILE, cache=self._folder / "cache") as recorder,
            FaultProxy(f"127.0.0.1:{recorder.port}") as proxy,
        ):
            proxy.plan = Anywhere(strikes(draw), draw)
            await recorder.prepare()
            ended, fault, run = "", "", 0
            reports: list[CameraReport] = []
            while not fault and ended != "right" and run < RUNS:
                run += 1
                reports, store = await self._run(proxy.port, folder)
                ended, fault = self._judge(store, reports)
        errors = [error for report in reports for error in report.errors]
        why = tuple(sorted({type(error).__name__ for error in errors}))
        said = tuple(str(error) for error in errors)
        spent = round(time.monotonic() - began, 2)
        return Result(
            number, ended, fault, run, len(proxy.struck), len(proxy.passed), why, spent, said
        )

    async def _run(self, port: int, folder: Path) -> tuple[list[CameraReport], LocalStore]:
        """One extraction, as a process of its own would do it."""
        store = LocalStore(folder / "archive")
        source = IsapiSource(
            "127.0.0.1", "admin", PROFILE.auth.password, port=port, settings=HASTY,
            now=lambda: END,
        )  # fmt: skip
        try:
            work = SiteWork(
                {"nvr": source}, store, Spool(folder / "spool", 200_000_000, poll=0.01),
                patience=Patience(attempts=4, first=0.001, longest=0.002), cameras_at_once=1,
            )  # fmt: skip
            return await work.extract_all(camera_days(JOBS, SPAN)), store
        finally:
            await source.aclose()

    def _judge(self, store: LocalStore, reports: Sequence[CameraReport]) -> tuple[str, str]:
        """(how it ended so far, what is wrong)."""
        found, right = contents(store), self._reference
        for name in [name for name in found if name.startswith(BEGINNING)]:
            if not _is_beginning(found.pop(name), right):
                return "", f"{name} is no beginning of what an undisturbed run commits"
        strange = sorted(key for key in found if not same(found[key], right.get(key, "")))
        if strange:
            return "", f"{len(strange)} objects that no undisturbed run commits: {strange[:2]}"
        coverage = _coverage(store)
        errors = [error for report in reports for error in report.errors]
        if _states(coverage) == _states(self._coverage) and found.keys() == right.keys():
            return "right", ""
        for job, part, whole in zip(JOBS, coverage, self._coverage, strict=True):
            fault = _claims_too_much(part, whole)
            if fault:
                return "", f"{job}: {fault}"
        came_short = any(each.reason for report in reports for each in report.outcomes)
        if not errors and not came_short:
            return "", "not all is there, and nothing says why"
        if any(not str(error).strip() for error in errors):
            return "", "an error without words"
        return "pending", ""


def contents(store: LocalStore) -> dict[str, str]:
    """What an archive has: of manifests chunk, state, runs and segments, without what else is told
    of the body as it was received; of other objects the hash. Bodies that are shorter than listed
    stand apart (`BEGINNING`), without their segments."""
    objects = raw_objects(store.url, {})
    found = committed(objects)
    documents = {key: json.loads(objects[key]) for key in found if key.startswith("v1/manifests/")}
    whole = {
        key for key, each in documents.items() if each["body"]["size"] >= each["chunk"]["size"]
    }
    named = {segment for key in whole for segment in _segments(documents[key])}
    for key, document in documents.items():
        del found[key]
        name = f"{document['camera']} {document['chunk']['id']}"
        if key not in whole:
            for segment in _segments(document) - named:
                found.pop(segment, None)
            found[f"{BEGINNING}{name} {document['body']['size']}"] = json.dumps(document)
            continue
        longer = document["body"]["size"] > document["chunk"]["size"]
        rest = ("body", "notes") if longer else ()
        found[name] = json.dumps({k: v for k, v in document.items() if k not in rest})
    return found


def _segments(document: dict[str, Any]) -> set[str]:
    return {segment["key"] for run in document["runs"] for segment in run["segments"]}


def _is_beginning(found: str, right: Mapping[str, str]) -> bool:
    """Whether a manifest's groups of pictures are the first ones of the whole recording's; its last
    may be cut off."""
    short = json.loads(found)
    whole = json.loads(right.get(f"{short['camera']} {short['chunk']['id']}", "{}"))
    if not whole or short["state"] != "held" or len(short["runs"]) != 1:
        return False
    one, other = short["runs"][0], whole["runs"][0]
    have, all_ = unpack(one["gops"]["hash"], "<u8"), unpack(other["gops"]["hash"], "<u8")
    complete = len(have) - 1
    return one["begin"] == other["begin"] and have[:complete].tolist() == all_[:complete].tolist()


def same(found: str, right: str) -> bool:
    """Whether a content is that of the reference, as far as it is told."""
    if not right.startswith("{") or found == right:
        return found == right
    one, other = json.loads(found), json.loads(right)
    return all(other[name] == value for name, value in one.items())


def _coverage(store: LocalStore) -> list[list[Stretch]]:
    archive, found = Archive(store), []
    for job in JOBS:
        try:
            found.append(archive.coverage(job.site, job.camera, SPAN))
        except ArchiveNotFound:
            found.append([Stretch(SPAN, "unknown", "nobody asked")])
    return found


def _states(coverage: Sequence[Sequence[Stretch]]) -> list[list[tuple[Span, str]]]:
    """Without why: a schedule that the device did not get to tell explains nothing."""
    return [[(stretch.span, stretch.state) for stretch in part] for part in coverage]


def _claims_too_much(found: Sequence[Stretch], right: Sequence[Stretch]) -> str:
    """What is said that is not so: only `pending` and `unknown` may stand for something else."""
    for stretch in found:
        if stretch.state == "unknown" or (stretch.state == "pending" and stretch.reason):
            continue
        said = [r for r in right if r.state == stretch.state]
        inside = sum(
            part.length for r in said if (part := r.span.intersection(stretch.span)) is not None
        )
        # Edges of a recording are held once its neighbour is, to the second of the listing.
        if stretch.span.length - inside > 2 * NS:
            return f"{stretch.state} ({stretch.reason}) is claimed of {stretch.span}"
    return ""


def summary(results: Sequence[Result]) -> str:
    """Figures of all points, and every fault."""
    right = [result for result in results if result.ended == "right"]
    runs = Counter(result.runs for result in right)
    struck, asked = sum(r.struck for r in results), sum(r.asked for r in results)
    lines = [
        f"{len(results)} points; {struck} of {asked} requests struck ({struck / asked:.0%})",
        f"right: {len(right)} ("
        + ", ".join(f"{count} after run {run}" for run, count in sorted(runs.items()))
        + ")",
        f"pending, with why: {sum(result.ended == 'pending' for result in results)}",
        f"faults: {sum(bool(result.fault) for result in results)}",
    ]
    why = Counter(name for result in results if result.ended == "pending" for name in result.why)
    lines += [f"  pending for {name}: {count}" for name, count in why.most_common()]
    lines += [f"FAULT point {r.point}: {r.fault}" for r in results if r.fault]
    return "\n".join(lines)


async def points(
    folder: Path, numbers: Sequence[int], seed: int, tell: Callable[[Result], None]
) -> None:
    """Run points one after the other."""
    harness = Harness(folder)
    await harness.prepare()
    for number in numbers:
        try:
            result = await asyncio.wait_for(harness.point(number, seed), 120)
        except (TimeoutError, HikcoreError) as error:
            result = Result(number, "", f"{type(error).__name__}: {error}", 0, 0, 1, (), 0.0)
        tell(result)


def main() -> int:
    """The command line; 0 if every point is good."""
    parser = argparse.ArgumentParser(description="extract from a recorder that fails at random")
    parser.add_argument("--points", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--results", type=Path, default=Path(tempfile.gettempdir()) / "flaky.jsonl")
    parser.add_argument("--resume", action="store_true", help="leave out points in --results")
    options = parser.parse_args()
    if not options.resume:
        options.results.unlink(missing_ok=True)
    results = _read(options.results)
    done = {result.point for result in results}

    def tell(result: Result) -> None:
        results.append(result)
        with options.results.open("a") as file:
            file.write(json.dumps(asdict(result)) + "\n")
        said = result.fault or result.ended
        sys.stderr.write(f"{result.point}: {said} after {result.runs}, {result.seconds} s\n")

    todo = [number for number in range(1, options.points + 1) if number not in done]
    with tempfile.TemporaryDirectory(prefix="flaky-") as folder:
        asyncio.run(points(Path(folder), todo, options.seed, tell))
    print(summary(results))
    return int(any(result.fault for result in results))


def _read(path: Path) -> list[Result]:
    if not path.exists():
        return []
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return [Result(**{**row, "why": tuple(row["why"]), "said": tuple(row["said"])}) for row in rows]


if __name__ == "__main__":
    sys.exit(main())
