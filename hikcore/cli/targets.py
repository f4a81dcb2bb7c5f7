"""What commands are asked for: targets, times and zones. Typer is not loaded for it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, timedelta, tzinfo
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from hikcore.cli.output import Output, length_text
from hikcore.errors import ConfigurationError
from hikcore.instants import NS, Span, format_instant, parse_instant

if TYPE_CHECKING:
    from hikcore.config import Config, Site

_DATE = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)(\s*(?:Z|[+-]\d\d:?\d\d))?")
_TARGET = re.compile(r"([a-z0-9][a-z0-9_-]{0,62})(?:/([a-z0-9][a-z0-9_-]{0,62}))?")


class Target(NamedTuple):
    """`SITE` or `SITE/CAMERA`."""

    site: str
    camera: str | None

    def __str__(self) -> str:
        return f"{self.site}/{self.camera}" if self.camera else self.site


def parse_target(text: str, *, camera: bool = False, second: str = "CAMERA") -> Target:
    """Read a target.

    Args:
        text: `SITE` or `SITE/CAMERA`.
        camera: it has to name a camera.
        second: what stands behind the stroke, where that is no camera.

    Raises:
        ConfigurationError: it is none.
    """
    match = _TARGET.fullmatch(text)
    if match is None or (camera and match.group(2) is None):
        form = f"SITE/{second}" if camera else f"SITE or SITE/{second}"
        raise ConfigurationError(
            f"{text!r} is not {form}", hint="ids are of a-z, 0-9, '-' and '_', like home/door"
        )
    return Target(match.group(1), match.group(2))


def load_config(file: Path | None, overrides: list[str] | None = None) -> Config:
    """The configuration, with what `--set` overrides. A site of `sites.d` that is wrong stops none
    but itself, and is named.

    Raises:
        ConfigurationError: it cannot be used.
    """
    from hikcore.config import load

    pairs = {}
    for item in overrides or ():
        key, equals, value = item.partition("=")
        if not equals:
            raise ConfigurationError(f"--set {key}: write it like --set archive.url=./footage")
        pairs[key.strip()] = value.strip()
    config = load(file, overrides=pairs, lenient=True)
    if config.aside:
        names = ", ".join(each.file.name for each in config.aside[:3])
        more = f" and {len(config.aside) - 3} more" if len(config.aside) > 3 else ""
        Output(json=False).talk(
            f"warning: not used, as they are wrong: {names}{more} (`hikcore config check` says why)"
        )
    return config


def sites_named(config: Config, wanted: str | None) -> list[Site]:
    """The sites that a command is asked for.

    Args:
        wanted: an id, or a pattern of ids with `*`, `?` or `[…]`; None: all that can be used.

    Raises:
        ConfigurationError: there is none of that id, it is wrong, or no id matches the pattern.
    """
    if wanted is None:
        return config.sites
    if not is_pattern(wanted):
        return [config.site(wanted)]
    chosen = like([site.id for site in config.sites], wanted, "`hikcore config check` lists all")
    return [site for site in config.sites if site.id in chosen]


def is_pattern(wanted: str) -> bool:
    """Whether it can stand for several sites."""
    return any(each in wanted for each in "*?[")


def like(sites: Sequence[str], pattern: str, hint: str) -> list[str]:
    """Those whose ids are like a pattern.

    Args:
        hint: where there is none.

    Raises:
        ConfigurationError: no id is.
    """
    found = [site for site in sites if fnmatchcase(site, pattern)]
    if not found:
        raise ConfigurationError(f"no site's id is like {pattern!r}", hint=hint)
    return found


#: The end of 2200: past any footage, and far enough from the last day that a zone can be added to.
_LAST: Final = 7_289_654_400 * NS


def parse_span(begin: str, end: str, zone: tzinfo | None) -> Span:
    """Read a span; the end is not in it, but a date as the end is the whole of that day.

    Raises:
        ConfigurationError: no times, no zone, or begin is not before end.
    """
    try:
        span = Span(parse_instant(begin, zone), parse_instant(_day_after(end), zone))
        if not 0 <= span.begin < span.end <= _LAST:
            raise ValueError("nothing was recorded before 1970, nor will be after 2200")
        return span
    except (ValueError, OverflowError) as error:
        hint = ""
        if "has no zone" in str(error):
            hint = "or give the site a zone in the configuration, or use --tz Europe/Berlin"
        raise ConfigurationError(str(error), where="time", hint=hint) from None


def names_zone(text: str) -> bool:
    """Whether a time says itself in which zone it is told."""
    try:
        parse_instant(_day_after(text))
    except (ValueError, OverflowError):
        return False
    return True


def _day_after(text: str) -> str:
    """The text of the next midnight where the text is a date alone, else the text."""
    match = _DATE.fullmatch(text.strip())
    if match is None:
        return text
    year, month, day, suffix = match.groups()
    try:
        following = date(int(year), int(month), int(day)) + timedelta(days=1)
    except (ValueError, OverflowError):
        return text  # parse_instant says what is wrong with it
    return f"{following.isoformat()}T00:00:00{(suffix or '').strip()}"


def zone_named(name: str | None) -> tzinfo | None:
    """The zone of `--tz`.

    Raises:
        ConfigurationError: there is none of that name.
    """
    if name is None:
        return None
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ConfigurationError(f"--tz {name}: write it like Asia/Tashkent or UTC") from None


def echo_span(output: Output, span: Span) -> None:
    """Say how the times were understood."""
    output.talk(
        f"span: {format_instant(span.begin)} to {format_instant(span.end)} (UTC), "
        f"{length_text(span.length)}"
    )
