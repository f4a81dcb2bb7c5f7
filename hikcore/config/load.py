"""Finds the settings and lays them over each other: command line > environment > file > default.

Beside the file may be a folder `sites.d`: each `*.toml` in it holds `[sites.…]` tables of its own.
One of them that is wrong need not stop the other sites: `load(lenient=True)`.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from hikcore.config.aside import Aside, claimed, faulty_sites
from hikcore.config.faults import ENV_PREFIX, explain, known_keys, unknown_key
from hikcore.config.lines import WithLines, line_of
from hikcore.config.model import Settings
from hikcore.config.places import Config
from hikcore.errors import ConfigurationError

FILE_NAME: Final = "hikcore.toml"
SITES_FOLDER: Final = "sites.d"
FILE_VARIABLE: Final = "HIKCORE_CONFIG"


def load(
    path: str | Path | None = None,
    *,
    overrides: Mapping[str, str] | None = None,
    environ: Mapping[str, str] | None = None,
    lenient: bool = False,
) -> Config:
    """Read the configuration.

    Args:
        path: the file; without it the first of `$HIKCORE_CONFIG`, `./hikcore.toml` and
            `$XDG_CONFIG_HOME/hikcore/hikcore.toml` that there is.
        overrides: dotted keys and values from the command line, above all else.
        environ: in place of the process's environment.
        lenient: a site of `sites.d` with a fault is set aside (`Config.aside`), and the fault is
            raised when that site is asked for. A fault elsewhere is raised at once.

    Raises:
        ConfigurationError: no file, no TOML, or a key or value that cannot be.
    """
    environ = os.environ if environ is None else environ
    file, looked = _find(path, environ)
    variables = {n: v for n, v in environ.items() if n.upper().startswith(ENV_PREFIX)}
    if file is None and not variables and not overrides:
        raise ConfigurationError(
            f"no configuration file; looked for: {', '.join(looked)}",
            where="configuration",
            hint="`hikcore init HOST` writes one from what a recorder lists; docs/config.md has an "
            "example to copy; `hikcore demo` needs none",
        )
    document: dict[str, Any] = {}
    origins: dict[str, str] = {}
    texts: dict[str, str] = {}
    aside: list[Aside] = []
    for each in _files(file):
        more: dict[str, Any] = {}
        try:
            text, more = _read(each)
            _take(each, text, more, document, origins, texts)
        except ConfigurationError as error:
            if each == file or not lenient:
                raise
            aside.append(Aside(each, claimed(each, more), error))
    for site in {site for each in aside for site in each.sites}:
        document.get("sites", {}).pop(site, None)  # of two files with one site neither is right
    for name, value in sorted(variables.items()):
        keys = _keys_of_variable(name, document)
        _put(document, keys, value, origins, f"environment {name}")
    for key, value in (overrides or {}).items():
        _put(document, key.split("."), value, origins, "command line")
    try:
        settings = Settings.model_validate(document)
    except ValidationError as error:
        lines = WithLines(origins, texts)
        bad = faulty_sites(error, origins, file) if lenient else {}
        if not bad:
            # `from None`: pydantic's own text would repeat what we take care not to.
            raise explain(error, document, lines, looked) from None
        for site, its in bad.items():
            aside.append(
                Aside(its, (site,), explain(error, document, lines, [f"file {its}"], site))
            )
        sites = {id_: each for id_, each in document["sites"].items() if id_ not in bad}
        settings = Settings.model_validate(document | {"sites": sites})
    return Config(settings, file, origins, tuple(sorted(aside, key=lambda each: each.file)))


def _find(path: str | Path | None, environ: Mapping[str, str]) -> tuple[Path | None, list[str]]:
    """The file, and every place looked at in order. One that is named must be there."""
    for named, by in ((path, "--config"), (environ.get(FILE_VARIABLE), f"${FILE_VARIABLE}")):
        if named:
            file = Path(named).expanduser()
            if not file.is_file():
                raise ConfigurationError(f"{by} names {file}: no such file", where="configuration")
            return file, [f"{by} {file}"]
    home = environ.get("XDG_CONFIG_HOME") or f"{environ.get('HOME', '')}/.config"
    usual = [Path(FILE_NAME).absolute(), Path(home) / "hikcore" / FILE_NAME]
    looked = ["--config (not given)", f"${FILE_VARIABLE} (not set)"]
    for file in usual:
        if file.is_file():
            return file, [*looked, str(file)]
        looked.append(f"{file} (not there)")
    return None, looked


def _files(file: Path | None) -> list[Path]:
    """The file, and those of `sites.d` beside it, by name."""
    if file is None:
        return []
    return [file, *sorted((file.parent / SITES_FOLDER).glob("*.toml"))]


def _take(
    file: Path,
    text: str,
    more: Mapping[str, Any],
    document: dict[str, Any],
    origins: dict[str, str],
    texts: dict[str, str],
) -> None:
    """Add what a file says; the first one is the main file."""
    if texts:
        _add_sites(file, text, more, document, origins)
    else:
        document.update(more)
    texts[f"file {file}"] = text
    origins.update((key, f"file {file}") for key in _leaves(more))


def _add_sites(
    file: Path,
    text: str,
    more: Mapping[str, Any],
    document: dict[str, Any],
    origins: Mapping[str, str],
) -> None:
    for key in more:
        if key != "sites":
            raise ConfigurationError(
                f"{key}: only [sites.…] tables belong there",
                where=f"{file}, line {line_of(text, [key]) or 1}",
                hint="[archive], [spool] and [defaults] are for the main file",
            )
    sites = document.setdefault("sites", {})
    found = more.get("sites", {})
    if not isinstance(sites, dict):
        return  # what stands there is told when all is validated
    if not isinstance(found, dict):
        raise ConfigurationError(
            "sites: is a value, not a table", where=f"{file}, line {line_of(text, ['sites']) or 1}"
        )
    for site in found:
        if site in sites:
            key = f"sites.{site}"
            first = next(o for k, o in origins.items() if f"{k}.".startswith(f"{key}."))
            raise ConfigurationError(
                f"site {site} is also in {first.removeprefix('file ')}",
                where=f"{file}, line {line_of(text, ['sites', site]) or 1}",
                hint="keep a site in one file",
            )
    sites.update(found)


def _read(file: Path) -> tuple[str, dict[str, Any]]:
    try:
        text = file.read_text(encoding="utf-8")
        return text, tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"no valid TOML: {error}", where=str(file)) from None
    except UnicodeDecodeError:
        raise ConfigurationError("not UTF-8 text", where=str(file)) from None
    except OSError as error:
        raise ConfigurationError(f"cannot be read: {error.strerror}", where=str(file)) from None


def _leaves(document: Mapping[str, Any], above: str = "") -> list[str]:
    out: list[str] = []
    for key, value in document.items():
        path = f"{above}{key}"
        if isinstance(value, dict) and value:
            out += _leaves(value, path + ".")
        else:
            out.append(path)
    return out


def _keys_of_variable(name: str, document: Mapping[str, Any]) -> list[str]:
    """`HIKCORE__SITES__HOME__ZONE` is sites.home.zone.

    An id's dashes are underscores in a variable; an id of the file is taken as the file writes it.
    """
    keys: list[str] = []
    at: Any = document
    for part in name[len(ENV_PREFIX) :].lower().split("__"):
        there = at if isinstance(at, dict) else {}
        matches = [key for key in there if key.replace("-", "_").lower() == part]
        if len(matches) > 1:
            raise ConfigurationError(
                f"may mean {' or '.join(matches)}", where=f"environment {name}"
            )
        key = matches[0] if matches else part
        keys.append(key)
        at = there.get(key)
    return keys


def _put(
    document: dict[str, Any], keys: list[str], text: str, origins: dict[str, str], origin: str
) -> None:
    """Set one key, tables made on the way."""
    at = document
    for depth, key in enumerate(keys):
        known = known_keys(keys[:depth])
        if known is not None and key not in known:
            raise ConfigurationError(unknown_key(keys[: depth + 1]), where=origin)
        if depth == len(keys) - 1:
            break
        below = at.setdefault(key, {})
        if not isinstance(below, dict):
            raise ConfigurationError(
                f"{'.'.join(keys[: depth + 1])} is a value, not a table", where=origin
            )
        at = below
    at[keys[-1]] = _value(text, origin)
    origins[".".join(keys)] = origin


def _value(text: str, origin: str) -> object:
    """A list or table is written as in TOML; all else is text, which pydantic reads by its key."""
    if not text.startswith(("[", "{")):
        return text
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        raise ConfigurationError("is no TOML list", where=origin) from None
