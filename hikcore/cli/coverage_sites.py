"""Coverage of many sites: a line for each, those with alarms last."""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import TYPE_CHECKING, Final

from hikcore.cli.findings import natural
from hikcore.cli.output import Output, console, count_text, share_text
from hikcore.cli.targets import echo_span, parse_span
from hikcore.cli.together import FEW, tell_faults
from hikcore.errors import ArchiveNotFound, ConfigurationError, HikcoreError
from hikcore.instants import NS, Span, format_instant

if TYPE_CHECKING:
    from hikcore.cli.archive import Reader

#: Sites read side by side; of each, up to eight small objects are asked for at once. Of a folder
#: nobody waits for answers: there more threads only take turns.
AT_ONCE_FAR: Final = 8
AT_ONCE_NEAR: Final = 2
#: States that have a column: what is held, and what somebody may have to do something about.
_COLUMNS: Final = ("lost", "damaged", "pending", "unknown")
_HEAD: Final = ("site", "cameras", "held", *_COLUMNS, "alarm")
_MINUTE: Final = 60 * NS
_HOUR: Final = 60 * _MINUTE


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of every site: times without a zone are read by the clock of each."""

    begin: str
    end: str
    tz: tzinfo | None
    stream: str


@dataclass(slots=True)
class SiteCoverage:
    """What the archive says of a site, or why it does not.

    Attributes:
        states: ns of each state, of all cameras together.
        alarms: holes that nothing explains. alarm: how much they are, in ns.
    """

    site: str
    span: Span | None = None
    cameras: int = 0
    states: Counter[str] = field(default_factory=Counter)
    alarms: int = 0
    alarm: int = 0
    error: HikcoreError | None = None

    @property
    def rank(self) -> int:
        """Where it stands among the others: alarms last, where the end of a long answer is seen."""
        return 2 if self.alarms else 1 if self.error is not None else 0


def read_sites(reader: Reader, sites: Sequence[str], asked: Asked) -> list[SiteCoverage]:
    """Read the coverage of some sites side by side; one that cannot be read stops no other.

    Raises:
        ArchiveError: what is in the archive cannot be told at all.
    """
    known = frozenset(reader.archive.sites())
    return asyncio.run(_read_all(reader, sites, asked, known))


async def _read_all(
    reader: Reader, sites: Sequence[str], asked: Asked, known: frozenset[str]
) -> list[SiteCoverage]:
    from hikcore.doctor.finding import blocking

    far = reader.archive.store.far
    turns, ended = asyncio.Semaphore(AT_ONCE_FAR if far else AT_ONCE_NEAR), 0

    async def one(site: str) -> SiteCoverage:
        nonlocal ended
        async with turns:
            found = await blocking(lambda: _read(reader, site, asked, known))
        ended += 1
        if status is not None:
            status.update(f"read {ended} of {len(sites)} sites")
        return found

    screen = console(stderr=True)
    shown = len(sites) > FEW and screen.is_terminal
    with screen.status("") if shown else nullcontext() as status:
        return await asyncio.gather(*(one(site) for site in sites))


def _read(reader: Reader, site: str, asked: Asked, known: frozenset[str]) -> SiteCoverage:
    from hikcore.archive.reader import Archive

    found = SiteCoverage(site)
    try:
        found.span = parse_span(asked.begin, asked.end, asked.tz or reader.zone(site))
        if site not in known:
            raise ArchiveNotFound(
                "nothing of it is in the archive", where=site, hint="`hikcore extract` brings it in"
            )
        archive = Archive(reader.archive.store)  # that forgets what it read with the site
        for camera in archive.cameras(site):
            for stretch in archive.coverage(site, camera, found.span, asked.stream):
                found.states[stretch.state] += stretch.span.length
                if stretch.alarm:
                    found.alarms += 1
                    found.alarm += stretch.span.length
            found.cameras += 1
    except HikcoreError as error:
        return SiteCoverage(site, found.span, error=error)
    return found


def tell_sites(
    output: Output, found: Sequence[SiteCoverage], asked: Asked, *, aside: int, fail_on_alarm: bool
) -> int:
    """The lines, the JSON documents, and the exit code.

    Args:
        aside: files of the configuration whose sites were not read.

    Raises:
        ConfigurationError: the span can be used for no site.
    """
    errors = [(each.site, each.error) for each in found if each.error is not None]
    unusable = [error for _, error in errors if isinstance(error, ConfigurationError)]
    if unusable and len(unusable) == len(found):
        raise unusable[0]
    spans = {each.span for each in found if each.span is not None}
    if len(spans) == 1:
        echo_span(output, *spans)
    elif spans:
        output.talk(f"span: {asked.begin} to {asked.end}, by the clock of each site")
    tell_faults(output, errors, "site")
    ordered = sorted(found, key=lambda each: (each.rank, natural(each.site)))
    if not output.json:
        _show(ordered)
    alarmed = sum(each.alarms > 0 for each in found)
    codes = {error.exit_code for _, error in errors} | ({2} if aside else set())
    code = 3 if fail_on_alarm and alarmed else 0
    if codes:
        code = codes.pop() if len(codes) == 1 else 1
    for each in ordered:
        output.document("site_coverage", **_fields(each))
    said = [f"{alarmed} with alarms"] if alarmed else ["no alarm"]
    said += [f"{len(errors)} not read"] if errors else []
    output.data(f"{count_text(len(found), 'site')}: {', '.join(said)}")
    output.document(
        "summary",
        sites=len(found),
        cameras=sum(each.cameras for each in found),
        sites_with_alarms=alarmed,
        sites_failed=len(errors),
        seconds=_seconds(_together(found).states),
        code=code,
    )
    return code


def _show(found: Sequence[SiteCoverage]) -> None:
    """The lines, each as wide as it is: a site's id stays whole."""
    from rich.text import Text

    read = [each for each in found if each.error is None]
    whole = _together(read)
    rows = {each.site: _cells(each) for each in read}
    last = [_cells(whole)] if len(read) > 1 else []
    table = [_HEAD, *rows.values(), *last]
    widths = [max(len(row[column]) for row in table) for column in range(len(_HEAD))]
    widths[0] = max([widths[0], *(len(each.site) for each in found)])
    screen = console()

    def line(cells: Sequence[str], style: str = "") -> None:
        middle = (f"{cell:>{width}}" for cell, width in zip(cells[1:-1], widths[1:-1], strict=True))
        text = "  ".join([f"{cells[0]:<{widths[0]}}", *middle, cells[-1]])
        screen.print(Text(text, style=style), soft_wrap=True)

    if read:
        line(_HEAD, "bold")
    for number, each in enumerate(found):
        if each.error is not None:
            screen.print(Text(_not_read(each, widths[0]), style="magenta"), soft_wrap=True)
            continue
        if each.alarms and number > FEW and screen.is_terminal and not found[number - 1].alarms:
            line(_HEAD, "bold")  # the first one is out of sight
        line(rows[each.site], "red" if each.alarms else "")
    for cells in last:
        line(cells, "bold")


def _cells(each: SiteCoverage) -> tuple[str, ...]:
    whole = each.span.length * each.cameras if each.span is not None else sum(each.states.values())
    alarm = f"{count_text(each.alarms, 'hole')}, {_length(each.alarm)}" if each.alarms else "no"
    return (
        each.site,
        f"{each.cameras:,}",
        share_text(each.states["held"], whole) if whole else "-",
        *(_length(each.states[state]) for state in _COLUMNS),
        alarm,
    )


def _not_read(each: SiteCoverage, width: int) -> str:
    """No wider than the terminal: the whole of it is on standard error."""
    text = f"{each.site:<{width}}  not read: {each.error.message if each.error else ''}"
    room = shutil.get_terminal_size((100, 24)).columns
    return text if len(text) <= room else f"{text[: room - 1]}…"


def _together(found: Sequence[SiteCoverage]) -> SiteCoverage:
    whole = SiteCoverage("together")
    for each in found:
        whole.cameras += each.cameras
        whole.states += each.states
        whole.alarms += each.alarms
        whole.alarm += each.alarm
    return whole


def _length(ns: int) -> str:
    """As short as a column of 80 characters has room for; never 0 where there is any."""
    if ns == 0:
        return "-"
    if ns < _MINUTE:
        return f"{max(round(ns / NS), 1)} s"
    if ns < _HOUR:
        return f"{ns / _MINUTE:.0f} min"
    return f"{ns / _HOUR:.1f} h" if ns < 100 * _HOUR else f"{ns / _HOUR:,.0f} h"


def _seconds(states: Counter[str]) -> dict[str, float]:
    return {state: round(ns / NS, 3) for state, ns in states.items()}


def _fields(each: SiteCoverage) -> dict[str, object]:
    error = each.error
    return {
        "site": each.site,
        "begin": format_instant(each.span.begin) if each.span is not None else None,
        "end": format_instant(each.span.end) if each.span is not None else None,
        "cameras": each.cameras,
        "seconds": _seconds(each.states),
        "alarms": each.alarms,
        "error": None
        if error is None
        else {
            "code": error.exit_code,
            "error": type(error).__name__,
            "message": error.message,
            "where": error.where,
            "hint": error.hint,
        },
    }
