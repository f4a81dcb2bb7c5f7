"""What was looked at, how it is, and what to do."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Final, Literal, TypeVar

from hikcore.errors import HikcoreError

Verdict = Literal["ok", "warn", "fail"]
_T = TypeVar("_T")

PARTLY: Final = 3
FAILED: Final = 1


@dataclass(frozen=True, slots=True)
class Finding:
    """One line.

    Attributes:
        check: what was looked at, in a word or three.
        text: how it is. hint: the next step, where one is needed.
        code: the exit code of a failure.
    """

    check: str
    verdict: Verdict
    text: str
    hint: str = ""
    code: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """All findings about one thing.

    Attributes:
        subject: `archive`, or `site/device`.
        title: where and what it is, for people.
    """

    subject: str
    title: str
    findings: tuple[Finding, ...]

    @property
    def failures(self) -> list[Finding]:
        """Those that keep it from working."""
        return [finding for finding in self.findings if finding.verdict == "fail"]


def exit_code(reports: Iterable[Report]) -> int:
    """0 where nothing failed; the code of the failures, where they have one in common and nothing
    is whole; 3 where some things are whole and others failed."""
    reports = list(reports)
    codes = {finding.code for report in reports for finding in report.failures}
    if not codes:
        return 0
    devices = [report for report in reports if report.subject != "archive"]
    if any(not report.failures for report in devices) and any(r.failures for r in devices):
        return PARTLY
    return codes.pop() if len(codes) == 1 else FAILED


def failure(check: str, error: HikcoreError) -> Finding:
    """An error as a finding."""
    return Finding(check, "fail", error.message, error.hint, error.exit_code)


async def within(seconds: float, work: Awaitable[_T]) -> _T:
    """The result, in bounded time.

    Raises:
        TimeoutError: it was not there by then; the work is cancelled.
    """
    async with asyncio.timeout(seconds):
        return await work


async def blocking(work: Callable[[], _T]) -> _T:
    """Run what blocks in a thread that keeps nobody from leaving: `asyncio.to_thread` would be
    waited for at exit, also where it hangs."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[_T] = loop.create_future()

    def settle(result: _T | None, error: BaseException | None) -> None:
        if done.done():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)  # type: ignore[arg-type]  # of `work`, which gave no error

    def run() -> None:
        result, error = None, None
        try:
            result = work()
        except BaseException as raised:
            error = raised
        try:
            loop.call_soon_threadsafe(settle, result, error)
        except RuntimeError:
            return  # the loop is closed: nobody waits any more

    threading.Thread(target=run, name="doctor", daemon=True).start()
    return await done
