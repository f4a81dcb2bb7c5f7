"""`hikcore config`: is the configuration right, and where does each value come from."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hikcore.cli.arguments import ConfigFile, Debug, Json, Set, Sites, load_config, sites_named
from hikcore.cli.output import Output
from hikcore.cli.together import FEW, ask_all

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hikcore.config import Config, Secret, Site
    from hikcore.errors import HikcoreError

app = typer.Typer(help="Check the configuration, or show it and where it comes from.")
CONFIGURATION = 2
_SITE_DEFAULT = re.compile(r"sites\.[^.]+\.defaults\.")


@app.command()
def show(
    site: Sites = None,
    origin: Annotated[
        bool, typer.Option("--origin", help="Name the source of each value.")
    ] = False,
    config: ConfigFile = None,
    set_: Set = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Show every value in force. Secrets are shown as the places that they are read from.

    Of more than eight sites at once what each sets itself; `show SITE` has what it inherits, too.
    """
    output = Output(json=json)
    settings = load_config(config, set_)
    chosen = {each.id for each in sites_named(settings, site)}
    brief = len(chosen) > FEW
    values = []
    for key, value in _leaves(settings.settings.model_dump(mode="json")):
        of_site = key.split(".")[1] if key.startswith("sites.") else None
        if (site is not None or of_site is not None) and of_site not in chosen:
            continue
        if _SITE_DEFAULT.match(key) and key not in settings.origins:
            continue  # a site's own defaults are nothing where they are not set
        source = _origin(settings, key)
        # Not in columns: of three none would be wide enough to be copied from.
        if not (brief and of_site is not None and key not in settings.origins):
            output.data(f"{key} = {_text(value)}" + (f"  ({source})" if origin else ""))
        values.append({"key": key, "value": value, **({"origin": source} if origin else {})})
    output.document("config", file=str(settings.path) if settings.path else None, values=values)


@app.command()
def check(
    site: Sites = None,
    online: Annotated[
        bool, typer.Option("--online", help="Also open the archive and log in to every device.")
    ] = False,
    config: ConfigFile = None,
    set_: Set = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Check that the configuration can be used: its keys, its secrets and its spool folder.

    What is wrong is told last.
    """
    output = Output(json=json)
    settings = load_config(config, set_)
    sites = sites_named(settings, site)
    checks = list(_checks(settings, sites, online=online, all_of_them=site is None))
    faulty = [(what, fault) for what, fault in checks if fault is not None]
    for what, fault in checks:
        if fault is None:
            output.data(f"ok    {what}")
    for what, fault in faulty:
        output.data(f"fail  {what}: {fault}")
    output.data(f"{len(checks)} checked, {len(faulty) or 'none'} wrong")
    code = CONFIGURATION if faulty else 0
    output.document(
        "config_check",
        checks=[{"what": what, "ok": fault is None, "fault": fault} for what, fault in checks],
        code=code,
    )
    raise typer.Exit(code)


def _checks(
    config: Config, sites: list[Site], *, online: bool, all_of_them: bool
) -> Iterator[tuple[str, str | None]]:
    """Each thing checked, and what is wrong with it."""
    archive = config.settings.archive
    files = dict.fromkeys(o.removeprefix("file ") for o in config.origins.values())
    more = sum(each.endswith(".toml") for each in files) - 1
    beside = f" and {more} of sites.d" if more > 0 else ""
    yield f"settings from {config.path or 'the environment'}{beside}", None
    for each in config.aside if all_of_them else ():
        yield f"{each.file.parent.name}/{each.file.name}", each.error.message
    for key, secret in (("access_key", archive.access_key), ("secret_key", archive.secret_key)):
        if secret is not None:
            yield _tried(f"archive.{key}", lambda s=secret, k=key: s.resolve(f"archive.{k}"))
    yield _tried("spool.folder", lambda: _writable(config))
    if online:
        yield _tried(f"archive {archive.url}", lambda: config.build_store().folders("v1/"))
        for asked in asyncio.run(ask_all(config, sites, lambda source: source.cameras())):
            fault = None if asked.error is None else _fault(asked.error)
            yield f"sites.{asked.site.id}.devices.{asked.device}", fault
        return
    secrets: dict[Secret, None] = {}
    for site in sites:
        for device in site.section.devices:
            name = f"sites.{site.id}.devices.{device}"
            yield _tried(name, lambda s=site, d=device: _usable(s, d, secrets))


def _fault(error: HikcoreError) -> str:
    return f"{error.message} ({error.hint})" if error.hint else error.message


def _tried(what: str, action: Any) -> tuple[str, str | None]:
    from hikcore.errors import HikcoreError

    try:
        action()
    except HikcoreError as error:
        return what, _fault(error)
    except OSError as error:
        return what, f"{error.strerror}: {error.filename}"
    return what, None


def _writable(config: Config) -> None:
    import tempfile

    folder = config.settings.spool.folder
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        pass


def _usable(site: Site, device: str, secrets: dict[Secret, None]) -> None:
    """What can be told without the device. Not by building a source, which takes a while: with two
    hundred sites a check must not take a minute.

    Args:
        secrets: that could be had already: one that all inherit is read once.
    """
    from hikcore.sources.address import base_url
    from hikcore.sources.tls import TlsPolicy

    section = site.device(device)
    _, password = site.login(device)
    if password not in secrets:
        password.resolve(f"sites.{site.id}.devices.{device}.password")
        secrets[password] = None
    base_url(section.scheme, section.host, section.port or 80, f"{site.id}/{device}")
    policy = TlsPolicy.parse(section.tls)
    if policy.kind == "ca":
        policy.context()


def _leaves(document: dict[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in document.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{above}{key}.")
        elif value not in (None, ""):
            yield f"{above}{key}", value


def _origin(config: Config, key: str) -> str:
    """Where a value comes from; a device's may be inherited."""
    if key in config.origins:
        return config.origins[key]
    if ".devices." in key:
        name = key.partition(".devices.")[2].partition(".")[2]
        for inherited in (f"{key.partition('.devices.')[0]}.defaults.{name}", f"defaults.{name}"):
            if inherited in config.origins:
                return f"{config.origins[inherited]} ({inherited})"
    return "default"


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
