"""`hikcore logins`: which logins devices refused, and let them be tried again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hikcore.cli.arguments import ConfigFile, Debug, Json, Set, load_config
from hikcore.cli.output import Output
from hikcore.errors import ConfigurationError
from hikcore.instants import format_instant

if TYPE_CHECKING:
    from hikcore.archive.store import Store
    from hikcore.config import Config
    from hikcore.sources.refusals import LoginNote


def logins(
    target: Annotated[
        str | None,
        typer.Argument(metavar="[SITE/DEVICE|HOST]", help="Only this one. Default: all."),
    ] = None,
    clear: Annotated[
        bool, typer.Option("--clear", help="Forget the refusals: they may be tried again.")
    ] = False,
    config: ConfigFile = None,
    set_: Set = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Say which logins devices refused: nothing is sent with them until they change.

    What this machine knows, and with a configuration what all machines know that fill its archive.
    --clear is for a login that is right after all; a wrong one is refused once more, and five to
    seven refusals lock an account.
    """
    output = Output(json=json)
    settings = _settings(config, set_)
    store = settings.build_store() if settings is not None else None
    meant = _meant(target, settings)
    found = 0
    for where, name, note in _notes(store):
        if not note.refused or (meant and not meant & {name, name.rpartition(":")[0]}):
            continue
        found += 1
        _tell(output, name, note)
        if clear:
            _clear(where, store)
    if not found:
        output.talk("no login is known to be refused" + (f" by {target}" if target else ""))
    elif clear:
        output.talk(f"{found} cleared")
    output.document("summary", refused=found, cleared=clear and found > 0, code=0)


def _settings(config: Path | None, overrides: list[str] | None) -> Config | None:
    """The configuration; None where none is found and none was named."""
    try:
        return load_config(config, overrides)
    except ConfigurationError:
        if config is not None or overrides:
            raise
        return None


def _meant(target: str | None, settings: Config | None) -> set[str]:
    """The names under which a target's notes may lie; none: all are meant."""
    if target is None:
        return set()
    site, _, device = target.partition("/")
    if not device or settings is None:
        return {target}
    section = settings.site(site).device(device)
    port = section.port or (443 if section.scheme == "https" else 80)
    return {target, f"{section.host}:{port}"}


def _notes(store: Store | None) -> list[tuple[Path | str, str, LoginNote]]:
    """Where each note lies (a file, or a key of the archive), whose it is, and what it says."""
    from hikcore.extract.loginguard import LOGINS, refused_logins
    from hikcore.folders import state_folder
    from hikcore.sources.refusals import parse_note

    found: list[tuple[Path | str, str, LoginNote]] = []
    for path in sorted((state_folder() / "logins").glob("*.json")):
        note = parse_note(path.read_bytes())
        if note is not None:
            found.append((path, note.device, note))
    if store is not None:
        for key, note in refused_logins(store):
            found.append((key, key.removeprefix(LOGINS).removesuffix(".json"), note))
    return found


def _clear(where: Path | str, store: Store | None) -> None:
    from hikcore.extract.loginguard import clear_note

    if isinstance(where, Path):
        where.unlink(missing_ok=True)
    elif store is not None:
        clear_note(store, where)


def _tell(output: Output, name: str, note: LoginNote) -> None:
    for entry in note.refused:
        until = f", until {format_instant(entry.until, 0)}" if entry.until is not None else ""
        at = format_instant(entry.at, 0)
        output.data(f"{name}: {entry.username}, at {at}{until}: {entry.message}")
        output.document(
            "login",
            device=name,
            username=entry.username,
            at=at,
            until=format_instant(entry.until, 0) if entry.until is not None else None,
            message=entry.message,
        )
