"""The documents of what devices said: questions, rows, schedules; and what is expected by them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hikcore.archive.document import Document, Instant


class Question(Document):
    """A question to a device, and when it was put.

    Attributes:
        asked: when, by the device's clock, in UTC.
        complete: whether paging came to its end, so that what was not listed was not there.
        device: who was asked: one device says nothing about what another one holds.
        clock: SHA-256 of the clock profile by which the device's times became UTC and the span its.
        online: whether the device said then that the camera is there.
        oldest: when its oldest recording began, where nothing was found and so it was looked for.
    """

    begin: Instant
    end: Instant
    asked: Instant
    complete: bool
    device: str = ""
    clock: str = ""
    online: bool | None = None
    oldest: Instant | None = None


class Row(Document):
    """A recording as a device listed it, and between which questions it was seen.

    Rows are the same when device, literal begin, literal end, size and growing are. `clock`:
    SHA-256 of the clock profile by which its times became UTC.

    `part`: one of the stretches that a device said to be in a window, which has a row for each:
    those are told apart by begin and end, too.
    """

    literal_begin: str
    literal_end: str
    begin: Instant
    end: Instant
    size: int | None = None
    name: str = ""
    growing: bool
    chunk: str
    first_seen: Instant
    last_seen: Instant
    device: str = ""
    clock: str = ""
    part: bool | None = None


class WeekBlock(Document):
    """A stretch of a weekday (0: Monday) in which a device is to record, by its wall clock: seconds
    since midnight, at most 86400."""

    weekday: int
    begin: int
    end: int
    mode: Literal["continuous", "motion"]


class Schedule(Document):
    """When a device said that it is to record a camera, and between which questions it said so;
    schedules are the same when device and blocks are."""

    device: str
    blocks: tuple[WeekBlock, ...]
    first_seen: Instant
    last_seen: Instant


class Expectation(Document):
    """What is to be expected of a camera.

    Attributes:
        kind: `continuous`, `motion`; `schedule`: as its blocks say; `unknown`.
        set: by a person: then it stands whatever devices say. Else a device said so when it was
            last asked.
    """

    kind: Literal["continuous", "schedule", "motion", "unknown"] = "unknown"
    blocks: tuple[WeekBlock, ...] = ()
    set: bool = False


class Answers(Document):
    """Everything that devices ever said of a camera, stream and UTC day (of the row's begin, of the
    question's part in that day). Merging two is a join: commutative, associative, idempotent."""

    schema_: Literal["hikcore/answers/1"] = Field("hikcore/answers/1", alias="schema")
    questions: tuple[Question, ...] = ()
    rows: tuple[Row, ...] = ()
    schedules: tuple[Schedule, ...] = ()
