"""The state of a camera's stream at every instant of a span, and why. Pure, no I/O.

Every instant has exactly one state. What claims it first, in this order:

1. `held`: a piece of the resolver's timeline, of any take. A gap between two pieces that is no
   longer than their two uncertainties is no gap.
2. `excluded`: a tombstone names it.
3. `pending`: a recording is listed there and not settled; or one is still being written.
4. `damaged`: kept as received, not decodable; or pictures without the key frame that they need;
   or the rest of a recording of which two fetches brought alike less than was listed.
5. `held` again: listings are in whole seconds, footage is not, so the second (and the uncertainty)
   between a listed edge and the first or last frame of that recording belongs to the footage. Not
   before this place, as another recording may be damaged or wanting right there.
6. `lost`: a closed recording was listed there, a later complete answer of that device shows none,
   and we do not hold it.
7. `empty`: a settled recording is listed there, but its body as received holds nothing at that
   time (of a window only what follows knows why); or a complete question, put after the instant
   and a settle delay by the device's clock, found nothing: with the reason, where the device's own
   answers tell one (see expected).
8. `unknown`: nobody asked, asked too soon to tell, or the answer broke off.

A recording is there as long as no later complete question to its device misses it. One that is
still being written proves nothing about its future: it is never `lost`, and ends to count once the
same recording was listed again.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from hikcore.archive.documents import Manifest, Tombstone
from hikcore.archive.expected import ALARM, Cause, Causes
from hikcore.archive.layers import Claim, flatten
from hikcore.archive.resolver import Timeline, resolve
from hikcore.archive.said import Answers, Question, Row
from hikcore.archive.settled import is_short, run_span, settles, short_note, takes_of
from hikcore.instants import NS, Span, subtract, union

State = Literal["held", "empty", "lost", "damaged", "excluded", "pending", "unknown"]

#: A device lists what it has just closed after a while only.
SETTLE: Final = 60 * NS
#: From a recording's planned end until it can be expected to be listed as closed.
MARGIN: Final = 60 * NS
#: Literal times of listings are whole seconds, rounded either way.
EDGE: Final = NS
#: Rounding of 90 kHz ticks to nanoseconds, on both sides of a seam.
_TICK: Final = 2 * 11_112

NOTHING: Final = "the device has nothing there"
INSIDE: Final = "the recording holds nothing there"
NOBODY: Final = "nobody asked"
TOO_SOON: Final = "asked too soon to tell"
BROKE_OFF: Final = "the device's answer broke off"
WRITTEN: Final = "still being written when asked, and not asked again"


@dataclass(frozen=True, slots=True)
class Stretch:
    """A span of one state.

    Attributes:
        reason: in words; empty where the state says all.
        expected: UTC ns at which it is expected to be there (`pending`), where that can be told.
    """

    span: Span
    state: State
    reason: str = ""
    expected: int | None = None

    @property
    def alarm(self) -> bool:
        """Whether somebody should look: there should be footage, and nothing says why not."""
        return self.state == "empty" and self.reason == ALARM


_Value = tuple[State, str, int | None]
_HELD: Final[_Value] = ("held", "", None)


def coverage(
    manifests: Sequence[Manifest],
    answers: Answers,
    span: Span,
    *,
    tombstones: Sequence[Tombstone] = (),
    timeline: Timeline | None = None,
    causes: Causes | None = None,
    broken: Sequence[tuple[Span, str]] = (),
    settle: int = SETTLE,
    margin: int = MARGIN,
) -> list[Stretch]:
    """The whole span as stretches, in order, without hole or overlap.

    Args:
        manifests: of the stream, all that count and reach into the span (load.load_manifests).
        answers: what devices said of it, the day before included (load.load_answers).
        tombstones: of the stream.
        timeline: of these manifests, where the caller has resolved them already.
        causes: what is known of why the device may have nothing.
        broken: what lies under manifests that cannot be read, by their keys, and why.
        settle: ns after an instant before which an answer that shows nothing there proves nothing.
        margin: ns after a planned end at which a recording is expected to be listed as closed.
    """
    if timeline is None:
        timeline = resolve(manifests)
    removed = {key for stone in tombstones for key in stone.objects}
    listing = _Listing(manifests, answers, removed)
    claims = [
        *_held(manifests, timeline, removed),
        *_excluded(manifests, tombstones),
        *_damaged(manifests, timeline),
        *(_claim(2, span, ("damaged", reason, None)) for span, reason in broken),
        *listing.claims(margin),
        *_Asked(answers, settle, causes).claims(),
    ]
    found = flatten(claims, span, ("unknown", NOBODY, None))
    return [Stretch(part, *value) for part, value in found]


def _claim(rank: int, span: Span, value: _Value) -> Claim[_Value]:
    state, reason, expected = value
    return Claim((rank, expected or 0, state, reason), span.begin, span.end, value)


def _held(
    manifests: Sequence[Manifest], timeline: Timeline, removed: Collection[str]
) -> Iterator[Claim[_Value]]:
    shown: list[tuple[Span, int]] = []
    for piece in timeline.pieces:
        if piece.begin >= piece.end:
            continue
        run = manifests[piece.manifest].runs[piece.run]
        gone = [
            Span(segment.begin, segment.end)
            for segment in run.segments
            if segment.key in removed and segment.begin < segment.end
        ]
        whole = Span(piece.begin, piece.end)
        left = subtract([whole], gone) if gone else [whole]
        shown += [(part, run.uncertainty) for part in left]
    shown.sort(key=lambda found: (found[0].begin, found[0].end))
    reach, doubt = None, 0
    for part, uncertainty in shown:
        yield _claim(1, part, _HELD)
        if reach is not None and 0 < part.begin - reach <= doubt + uncertainty + _TICK:
            yield _claim(1, Span(reach, part.begin), _HELD)
        if reach is None or part.end >= reach:
            reach, doubt = part.end, uncertainty


def _excluded(
    manifests: Sequence[Manifest], tombstones: Sequence[Tombstone]
) -> Iterator[Claim[_Value]]:
    """What a tombstone spans, and the segments that it names where they lie now: a clock put right
    later moves them."""
    rules: dict[str, str] = {}
    for stone in tombstones:
        yield _claim(2, Span(stone.begin, stone.end), ("excluded", stone.rule, None))
        rules |= dict.fromkeys(stone.objects, stone.rule)
    if not rules:
        return
    for segment in (each for m in manifests for run in m.runs for each in run.segments):
        if segment.key in rules and segment.begin < segment.end:
            value: _Value = ("excluded", rules[segment.key], None)
            yield _claim(2, Span(segment.begin, segment.end), value)


def _damaged(manifests: Sequence[Manifest], timeline: Timeline) -> Iterator[Claim[_Value]]:
    for manifest in manifests:
        if manifest.state == "damaged" and manifest.begin < manifest.end:
            reason = manifest.raw.reason if manifest.raw is not None else ""
            yield _claim(4, Span(manifest.begin, manifest.end), ("damaged", reason, None))
    for part in timeline.headless:
        if part.begin < part.end:
            yield _claim(4, Span(part.begin, part.end), ("damaged", "no key frame", None))


class _Listing:
    """What devices listed, against what we have of it."""

    def __init__(
        self, manifests: Sequence[Manifest], answers: Answers, removed: Collection[str]
    ) -> None:
        self._rows = answers.rows
        self._removed = removed
        self._tails = [manifest for manifest in manifests if manifest.chunk.kind == "tail"]
        self._by_begin: dict[str, list[Manifest]] = {}
        for manifest in manifests:
            self._by_begin.setdefault(manifest.chunk.literal_begin, []).append(manifest)
        self._latest = {
            device: _latest([q for q in answers.questions if q.device == device])
            for device in {row.device for row in answers.rows}
        }
        #: Rows that begin alike: one recording relisted, or several after a step of the clock.
        self._alike: dict[tuple[str, str], list[Row]] = {}
        for row in answers.rows:
            self._alike.setdefault((row.device, row.literal_begin), []).append(row)

    def claims(self, margin: int) -> Iterator[Claim[_Value]]:
        """Edges of what we hold, and what is pending, lost, or empty inside a recording."""
        for row in self._rows:
            if row.begin >= row.end:
                continue
            if row.growing:
                yield from self._growing(row, margin)
            else:
                yield from self._closed(row)

    def _growing(self, row: Row, margin: int) -> Iterator[Claim[_Value]]:
        alike = self._alike[row.device, row.literal_begin]
        if any(other.last_seen > row.last_seen for other in alike):
            return
        edges = [
            edge
            for take in self._tails
            if take.device in ("", row.device)
            for edge in self._edges(row, take)
            if edge.begin == row.begin
        ]
        for edge in edges:
            yield _claim(5, edge, _HELD)
        value: _Value = ("pending", "still being written", self._closes(row, margin))
        for part in subtract(self._there(row), union(edges)):
            yield _claim(3, part, value)

    def _closes(self, row: Row, margin: int) -> int | None:
        """When a recording is expected to be listed as closed: at the end that is planned for it
        (facts: 17 to 190 minutes ahead), or, where the device lists it until now, when it is as
        long as its closed ones usually are. None where that tells nothing."""
        if row.end > row.last_seen:
            return row.end + margin
        lengths = sorted(
            other.end - other.begin
            for other in self._rows
            if not other.growing and other.device == row.device
        )
        due = row.begin + lengths[len(lengths) // 2] + margin if lengths else 0
        return due if due > row.last_seen else None

    def _closed(self, row: Row) -> Iterator[Claim[_Value]]:
        takes = self._takes(row)
        edges = [edge for take in takes for edge in self._edges(row, take)]
        for edge in edges:
            yield _claim(5, edge, _HELD)
        whole = Span(row.begin, row.end)
        told = (whole,) if row.part else ()
        settling = [
            take
            for take in takes
            if settles(
                take, literal_end=row.literal_end, begin=row.begin, end=row.end, size=row.size,
                there=told,
            )
        ]  # fmt: skip
        if settling:
            reason = next((short_note(take) for take in settling if is_short(take)), "")
            if reason and (all(map(is_short, settling)) or not row.part):
                for part in subtract([whole], union(edges)):
                    yield _claim(4, part, ("damaged", reason, None))
            else:
                # Why, is told by the question that found a window, if it was put to its end.
                rank = 9 if any(take.chunk.kind == "window" for take in takes) else 7
                yield _claim(rank, whole, ("empty", INSIDE, None))
            return
        reason = "fetched in part only" if takes else "listed, not fetched yet"
        there = self._there(row)
        for part in there:
            yield _claim(3, part, ("pending", reason, None))
        for part in subtract([whole], there):
            yield _claim(6, part, ("lost", "listed once, gone before it was fetched", None))

    def _takes(self, row: Row) -> list[Manifest]:
        """Of this recording, also as it was listed before. Rows that were last seen together with
        it are other recordings."""
        candidates = self._by_begin.get(row.literal_begin, [])
        if not candidates:
            return []
        listed = {
            other.chunk
            for other in self._alike[row.device, row.literal_begin]
            if other.last_seen == row.last_seen and not other.growing
        }
        return takes_of(
            candidates,
            chunk=row.chunk,
            literal_begin=row.literal_begin,
            device=row.device,
            listed=listed,
        )

    def _edges(self, row: Row, take: Manifest) -> Iterator[Span]:
        """The fraction of a second between a listed edge and the first or last frame."""
        if not take.runs or any(
            segment.key in self._removed for run in take.runs for segment in run.segments
        ):
            return
        for run in take.runs:
            shown, doubt = run_span(run), EDGE + run.uncertainty
            if 0 < shown.begin - row.begin <= doubt:
                yield Span(row.begin, shown.begin)
            if 0 < row.end - shown.end <= doubt:
                yield Span(shown.end, row.end)

    def _there(self, row: Row) -> list[Span]:
        """Where no later complete question misses it."""
        begins, latest = self._latest[row.device]
        whole = Span(row.begin, row.end)
        first = max(bisect_right(begins, row.begin) - 1, 0)
        missed = [
            part
            for part, asked in latest[first : bisect_left(begins, row.end)]
            if asked is not None and asked > row.last_seen
        ]
        return subtract([whole], missed)


def _latest(questions: Sequence[Question]) -> tuple[list[int], list[tuple[Span, int | None]]]:
    """When each instant was last asked about to the end: begins, and spans with that time."""
    complete = [q for q in questions if q.complete and q.begin < q.end]
    if not complete:
        return [], []
    whole = Span(min(q.begin for q in complete), max(q.end for q in complete))
    claims: list[Claim[int | None]] = [
        Claim((-q.asked,), q.begin, q.end, q.asked) for q in complete
    ]
    found = flatten(claims, whole, None)
    return [part.begin for part, _ in found], found


class _Asked:
    """What questions alone say, where nothing is listed."""

    def __init__(self, answers: Answers, settle: int, causes: Causes | None) -> None:
        self._causes = causes
        self._questions = [q for q in answers.questions if q.begin < q.end]
        self._settle = settle
        growing = [row for row in answers.rows if row.growing and row.begin < row.end]
        self._growing = sorted(growing, key=lambda row: row.begin)
        self._begins = [row.begin for row in self._growing]
        self._longest = max((row.end - row.begin for row in growing), default=0)

    def claims(self) -> Iterator[Claim[_Value]]:
        """`empty` where a question proves it, else why it does not."""
        for question in self._questions:
            whole = Span(question.begin, question.end)
            if not question.complete:
                yield _claim(10, whole, ("unknown", BROKE_OFF, None))
                continue
            sure = min(question.end, question.asked - self._settle)
            if question.begin < sure:
                shown = self._written(question)
                for part in subtract([Span(question.begin, sure)], shown):
                    yield from self._empty(part, question)
                for part in shown:
                    yield _claim(9, part, ("unknown", WRITTEN, None))
            if max(question.begin, sure) < question.end:
                late = Span(max(question.begin, sure), question.end)
                yield _claim(9, late, ("unknown", TOO_SOON, None))

    def _empty(self, span: Span, question: Question) -> Iterator[Claim[_Value]]:
        """What several questions found empty is explained if one of them explains it."""
        parts: list[tuple[Span, Cause]] = [(span, "")]
        if self._causes is not None:
            parts = self._causes.split(span, question)
        for part, cause in parts:
            explained = 0 if cause not in ("", ALARM) else 1
            value: _Value = ("empty", cause or NOTHING, None)
            yield Claim((8, explained, *value[:2]), part.begin, part.end, value)

    def _written(self, question: Question) -> list[Span]:
        """What this very question showed as still being written: it shows no emptiness there."""
        first = bisect_left(self._begins, question.begin - self._longest)
        last = bisect_left(self._begins, question.end)
        whole = Span(question.begin, question.end)
        found = (
            whole.intersection(Span(row.begin, row.end))
            for row in self._growing[first:last]
            if row.device == question.device and row.first_seen <= question.asked <= row.last_seen
        )
        return [part for part in found if part is not None]


def held(stretches: Iterable[Stretch]) -> list[Span]:
    """The instants that are held."""
    return union(stretch.span for stretch in stretches if stretch.state == "held")
