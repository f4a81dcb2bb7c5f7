"""`hikcore clock`: what a device's times are taken for, and putting a wrong reading right."""

from __future__ import annotations

import sys
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hikcore.cli.archive import open_reader
from hikcore.cli.arguments import ArchiveUrl, ConfigFile, Debug, Json, Set, parse_target
from hikcore.cli.output import Output, length_text
from hikcore.errors import ArchiveNotFound, ConfigurationError
from hikcore.instants import NS, format_instant

if TYPE_CHECKING:
    from hikcore.archive.clocks import Clocks
    from hikcore.archive.documents import ClockProfile
    from hikcore.archive.shift import Shift
    from hikcore.archive.store import Store
    from hikcore.deviceclock import DeviceClock

app = typer.Typer(help="What a device's times are taken for, and putting a wrong reading right.")
Device = Annotated[str, typer.Argument(metavar="SITE/DEVICE", help="Whose clock.")]


@app.command()
def show(
    target: Device,
    archive: ArchiveUrl = None,
    config: ConfigFile = None,
    set_: Set = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Show how the archive reads a device's times, and which reading replaced another."""
    from rich.table import Table

    output = Output(json=json)
    store, site, device, clocks = _open(target, archive, config, set_)
    table = Table("profile", "its Z means", "zone", "how found", "read by", box=None)
    profiles = []
    for name, profile in sorted(clocks.profiles.items()):
        standing = clocks.standing(name)
        row = [name[:16], _meaning(profile), _zone(profile), profile.source]
        table.add_row(*row, "" if standing == name else standing[:16])
        fields = profile.model_dump(mode="json", by_alias=True, exclude={"schema_"})
        profiles.append({"sha256": name, **fields, "standing": standing})
    output.table(table)
    output.document("clock", site=site, device=device, archive=store.url, profiles=profiles)


@app.command()
def correct(
    target: Device,
    device_time: Annotated[
        str,
        typer.Option(
            "--device-time",
            metavar="utc|local|ZONE",
            help="What a Z behind its times means: UTC, its own wall clock, or the wall clock of "
            "a zone like Asia/Tashkent.",
        ),
    ],
    profile: Annotated[
        str | None,
        typer.Option("--profile", metavar="HASH", help="Only this one of several profiles."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show, and write nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    archive: ArchiveUrl = None,
    config: ConfigFile = None,
    set_: Set = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Put right what the times of a device were taken for. Shows what moves, and asks.

    Nothing is fetched or cut again: readers take UTC from the device's own digits, which the
    archive keeps.
    """
    from hikcore.archive.clocks import clock_of, put_profile
    from hikcore.archive.shift import shifts

    output = Output(json=json)
    store, site, device, clocks = _open(target, archive, config, set_)
    wrong = _wrong(clocks, device, device_time, profile)
    right = {name: _right(clock_of(clocks.profiles[name]), device_time) for name in wrong}
    moved = list(shifts(store, site, device, clocks, _with(clocks, site, device, right)))
    _check_history(device_time, moved)
    for name in wrong:
        now = _words(right[name])
        output.data(f"{site}/{device}, profile {name[:16]}: {_words(name, clocks)} -> {now}")
    _tell(output, moved)
    write = bool(wrong) and not dry_run and (yes or _agreed(output))
    written = [put_profile(store, site, device, right[name], name) for name in wrong if write]
    if not wrong:
        output.data("nothing to correct: its times are read so already")
    elif write:
        output.data("written; nothing is fetched or cut again")
    else:
        output.data("nothing was written")
    output.document(
        "clock_correct",
        site=site,
        device=device,
        replaced=wrong,
        written=written,
        shifts=[_fields(each) for each in moved],
    )


def _open(
    target: str, archive: str | None, config: Path | None, overrides: list[str] | None
) -> tuple[Store, str, str, Clocks]:
    from hikcore.archive.clocks import load_clocks
    from hikcore.archive.keys import CLOCKS

    where = parse_target(target, camera=True, second="DEVICE")
    assert where.camera is not None
    store = open_reader(archive, config, overrides).archive.store
    clocks = load_clocks(store, where.site, where.camera)
    if not clocks.profiles:
        known = ", ".join(sorted(store.folders(f"{CLOCKS}{where.site}/")))
        raise ArchiveNotFound(
            f"there is no clock profile of device {where.camera}",
            where=f"{store.url}, site {where.site}",
            hint=f"there are: {known}" if known else "the first extraction measures it",
        )
    return store, where.site, where.camera, clocks


def _wrong(clocks: Clocks, device: str, device_time: str, only: str | None) -> list[str]:
    """The profiles in force that read otherwise."""
    from hikcore.archive.clocks import clock_of

    heads = clocks.heads(device)
    if only is not None:
        heads = [name for name in heads if name.startswith(only)]
        if len(heads) != 1:
            raise ConfigurationError(
                f"--profile {only} names {len(heads)} of the profiles in force",
                hint=f"`hikcore clock show` lists them: {', '.join(clocks.heads(device))}",
            )
    out = []
    for name in heads:
        clock = clock_of(clocks.profiles[name])
        right = _right(clock, device_time)
        if (right.listing, right.zone) != (clock.listing, clock.zone):
            out.append(name)
    return out


def _right(clock: DeviceClock, device_time: str) -> DeviceClock:
    from hikcore.zonerule import zone_rule

    if device_time == "utc":
        return replace(clock, listing="utc", source="correction")
    if device_time == "local":
        return replace(clock, listing="local", source="correction")
    try:
        zone = zone_rule(device_time)
    except ValueError as error:
        raise ConfigurationError(
            f"--device-time {device_time}: {error}", hint="or one of: utc, local"
        ) from None
    return replace(clock, listing="local", zone=zone, source="correction")


def _with(clocks: Clocks, site: str, device: str, right: dict[str, DeviceClock]) -> Clocks:
    """The profiles as they will be."""
    from hikcore.archive.clocks import Clocks, profile_of
    from hikcore.archive.documents import ClockProfile

    more = (profile_of(site, device, clock, name) for name, clock in right.items())
    found = {name: ClockProfile.model_validate_json(data) for name, data in more}
    return Clocks({**clocks.profiles, **found})


def _check_history(device_time: str, moved: list[Shift]) -> None:
    from hikcore.zonerule import keeps, zone_rule

    if device_time in ("utc", "local"):
        return
    instants = [at for each in moved for at in (each.new.begin, each.new.end)]
    at = keeps(device_time, zone_rule(device_time), instants)
    if at is not None:
        raise ConfigurationError(
            f"{device_time} had another rule at {format_instant(at, 0)} than now: one profile "
            "cannot tell both",
            where="--device-time",
            hint="name a zone whose rule did not change since the first recording",
        )


def _agreed(output: Output) -> bool:
    if output.json or not sys.stdin.isatty():
        raise ConfigurationError(
            "this changes how all footage of the device is read",
            hint="look at it with --dry-run, then say --yes",
        )
    return typer.confirm("Read it so from now on?", err=True)


def _tell(output: Output, moved: list[Shift]) -> None:
    """A row for days that follow each other and move alike; the JSON has every day."""
    from rich import box
    from rich.table import Table

    if not moved:
        output.data("nothing that is held moves")
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title="times in UTC", title_justify="left")
    for column in ("camera", "recordings", "held from, to", "becomes", "by", "listed by"):
        right = column in ("recordings", "by", "listed by")
        table.add_column(column, justify="right" if right else "left")
    alike = groupby(moved, lambda s: (s.camera, s.stream, s.by, s.listing_by))
    for (camera, stream, by, listing_by), group in alike:
        days = list(group)
        old = [days[0].old.begin, days[-1].old.end]
        new = [days[0].new.begin, days[-1].new.end]
        table.add_row(
            camera if stream == "main" else f"{camera}/{stream}",
            str(sum(day.recordings for day in days)),
            "\n".join(_short(at) for at in old),
            "\n".join(_short(at) for at in new),
            _by(by),
            _by(listing_by),
        )
    output.table(table)


def _by(ns: int) -> str:
    return f"{'-' if ns < 0 else '+'}{length_text(abs(ns) // NS * NS)}" if ns else "stays"


def _short(ns: int) -> str:
    return format_instant(ns, 0).replace("T", " ").removesuffix("Z")


def _words(clock: DeviceClock | str, clocks: Clocks | None = None) -> str:
    from hikcore.archive.clocks import clock_of

    if isinstance(clock, str):
        assert clocks is not None
        clock = clock_of(clocks.profiles[clock])
    meaning = "UTC" if clock.listing == "utc" else "its wall clock"
    return f"Z is {meaning}, zone {_offset(clock.zone.offset, clock.zone.shift)}"


def _meaning(profile: ClockProfile) -> str:
    return "UTC" if profile.listing == "utc" else "its wall clock"


def _zone(profile: ClockProfile) -> str:
    return _offset(profile.offset, profile.shift)


def _offset(seconds: int, shift: int) -> str:
    sign = "-" if seconds < 0 else "+"
    text = f"UTC{sign}{abs(seconds) // 3600}:{abs(seconds) % 3600 // 60:02d}"
    return f"{text}, summer {shift // 60:+d} min" if shift else text


def _fields(shift: Shift) -> dict[str, Any]:
    return {
        "camera": shift.camera,
        "stream": shift.stream,
        "day": shift.day.replace("/", "-"),
        "recordings": shift.recordings,
        "begin": format_instant(shift.old.begin, 9),
        "end": format_instant(shift.old.end, 9),
        "new_begin": format_instant(shift.new.begin, 9),
        "new_end": format_instant(shift.new.end, 9),
        "listed": format_instant(shift.listed, 9),
        "new_listed": format_instant(shift.relisted, 9),
    }
