"""`hikcore init`: a site's file, written from what a recorder lists."""

from __future__ import annotations

import asyncio
import getpass
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hikcore.cli.arguments import Debug, Json
from hikcore.cli.init_vendors import (
    Asked,
    Place,
    Vendor,
    ask_everfocus,
    ask_hik_cloud,
    ask_isapi,
)
from hikcore.cli.output import Output
from hikcore.errors import ConfigurationError, DeviceUnreachable, HikcoreError

if TYPE_CHECKING:
    from pydantic import SecretStr

    from hikcore.config.starter import NewSite

_PASSWORD_VARIABLE = "HIKCORE_PASSWORD"  # noqa: S105  a name, no password


def init(
    host: Annotated[
        str,
        typer.Argument(
            metavar="HOST",
            help="The recorder: HOST, HOST:PORT or [IPV6]:PORT. Of a cloud its API, or `cloud`.",
        ),
    ],
    vendor: Annotated[Vendor, typer.Option("--vendor", help="How it is spoken to.")] = Vendor.ISAPI,
    username: Annotated[
        str, typer.Option("--username", help="Its user; of a cloud the client id.")
    ] = "admin",
    site: Annotated[
        str | None, typer.Option("--site", metavar="ID", help="Id of the site. Of the host.")
    ] = None,
    device: Annotated[str, typer.Option("--device", metavar="ID", help="Id of it.")] = "nvr",
    password_file: Annotated[
        Path | None,
        typer.Option(
            "--password-file",
            metavar="FILE",
            help="Where the password is; where there is none yet, it is asked for and kept there, "
            "readable by you alone.",
        ),
    ] = None,
    scheme: Annotated[
        str | None, typer.Option("--scheme", help="http or https. Found out.")
    ] = None,
    pin: Annotated[
        str | None,
        typer.Option("--pin", metavar="SHA256", help="Trust this certificate, without asking."),
    ] = None,
    archive: Annotated[
        str, typer.Option("--archive", metavar="URL", help="For a new main file.")
    ] = "./archive",
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="FILE", help="The main file. ./hikcore.toml"),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print; write nothing.")] = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Write a site's file from what a recorder lists: cameras, zone, certificate.

    The password comes from --password-file, $HIKCORE_PASSWORD, or is asked for. It is never
    written into the configuration, which says where it is instead. Of a cloud's account all
    devices are written.
    """
    from hikcore.config.starter import site_file

    output = Output(json=json)
    name, port = _named(host, vendor)
    main = (config or Path("hikcore.toml")).absolute()
    made = site or _site_of(name)
    file = main.parent / "sites.d" / f"{made}.toml"
    _check_new(main, file, made)
    place = _find(name, port, scheme, pin, output) if vendor is not Vendor.HIK_CLOUD else None
    password, reference = _password(password_file, f"{username} at {_short(name)}", output)
    asked = Asked(made, device, username, password, reference)
    try:
        new = asyncio.run(_ask(vendor, name, place, asked))
    except HikcoreError as error:
        others = ", ".join(f"--vendor {each}" for each in Vendor if each is not vendor)
        error.hint = error.hint or (
            f"nothing was written; it was asked as one of {vendor}: for others {others}"
        )
        raise
    text = site_file(new)
    if dry_run:
        output.data(text)
    else:
        _write(main, file, text, archive, output)
    output.document(
        "init",
        site=made,
        device=new.devices[0].id if new.devices else device,
        devices=[each.id for each in new.devices],
        file=str(file),
        written=not dry_run,
        zone=new.zones[0] if new.zones else None,
        cameras={id_: camera.channel for id_, camera in new.cameras},
        password=reference,
    )


def _check_new(main: Path, file: Path, site: str) -> None:
    from hikcore.archive.keys import check_id
    from hikcore.config import load

    check_id(site, "site")
    known = load(main, lenient=True) if main.exists() else None
    aside = () if known is None else (id_ for each in known.aside for id_ in each.sites)
    if file.exists() or (known is not None and (site in known.settings.sites or site in aside)):
        raise ConfigurationError(
            f"site {site} is configured already",
            where=str(file if file.exists() else main),
            hint="name another with --site, or add the device to its file (--dry-run prints it)",
        )


def _find(
    host: str, port: int | None, scheme: str | None, pin: str | None, output: Output
) -> Place:
    """HTTPS where it answers; a certificate that does not verify is shown before it is trusted."""
    from hikcore.sources.tls import TlsPolicy, peer_fingerprint, verifies

    if scheme not in (None, "http", "https"):
        raise ConfigurationError(f"--scheme {scheme} is neither http nor https")
    plain = Place(host, port or 80, "http", "verify")
    if scheme == "http":
        return plain
    found = peer_fingerprint(host, port or 443, 5.0)
    if found is None:
        if scheme == "https":
            raise DeviceUnreachable(
                "no TLS handshake", where=f"{host}:{port or 443}", hint="try --scheme http"
            )
        return plain
    secure = port or 443
    if pin is not None:
        if TlsPolicy.parse(f"pin:{pin}").value != found:
            raise ConfigurationError(
                f"its certificate is {found}, not the one of --pin", where=f"{host}:{secure}"
            )
    elif verifies(host, secure, 5.0):
        return Place(host, secure, "https", "verify")
    else:
        output.talk(f"{host}:{secure} shows a certificate that nobody vouches for, SHA-256:")
        output.talk(f"  {found}")
        if not _asked("Is that your recorder's?"):
            raise ConfigurationError(
                "its certificate does not verify",
                where=f"{host}:{secure}",
                hint=f"compare with its web page, then say --pin {found}, or --scheme http",
            )
    return Place(host, secure, "https", f"pin:{found}")


def _asked(question: str) -> bool:
    return sys.stdin.isatty() and typer.confirm(question, err=True)


def _password(file: Path | None, whose: str, output: Output) -> tuple[SecretStr, str]:
    """The password, and where the configuration says that it is."""
    from pydantic import SecretStr

    if file is not None and file.exists():
        text = file.read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
        return SecretStr(text), f"file:{file.absolute()}"
    given = os.environ.get(_PASSWORD_VARIABLE)
    if not given:
        if not sys.stdin.isatty():
            raise ConfigurationError(
                "there is no password",
                hint=f"use --password-file, or set {_PASSWORD_VARIABLE}",
            )
        given = getpass.getpass(f"Password of {whose}: ", stream=sys.stderr)
    if file is None:
        wanted = Path("~/.config/hikcore").expanduser() / f"{whose.rsplit(maxsplit=1)[-1]}.password"
        if not _asked(f"Keep it in {wanted}, readable by you alone?"):
            return SecretStr(given), f"env:{_PASSWORD_VARIABLE}"
        file = wanted
    file.parent.mkdir(parents=True, exist_ok=True)
    # Never for a moment readable by others: the mode is that of the creation.
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(given + "\n")
    output.talk(f"the password is in {file.absolute()}")
    return SecretStr(given), f"file:{file.absolute()}"


async def _ask(vendor: Vendor, name: str, place: Place | None, asked: Asked) -> NewSite:
    """One login; everything that the file needs."""
    if place is None:
        return await ask_hik_cloud(name, asked)
    if vendor is Vendor.EVERFOCUS:
        return await ask_everfocus(place, asked)
    return await ask_isapi(place, asked)


def _named(host: str, vendor: Vendor) -> tuple[str, int | None]:
    """Name and port of a recorder; of a cloud the address of its API."""
    from hikcore.sources.hik_cloud.settings import BASE_URL

    if vendor is Vendor.HIK_CLOUD:
        if host == "cloud":
            return BASE_URL, None
        return (host if "://" in host else f"https://{host}").rstrip("/"), None
    if host.startswith("["):  # an IPv6 address, as in a URL
        name, bracket, port = host[1:].partition("]")
        broken = not bracket or (port and not port.startswith(":"))
        port = port.removeprefix(":")
    else:
        name, _, port = host.partition(":") if host.count(":") == 1 else (host, "", "")
        broken = False
    if broken or (port and not port.isdecimal()):
        raise ConfigurationError(f"{host!r} is neither HOST nor HOST:PORT nor [IPV6]:PORT")
    return name, int(port) if port else None


def _short(name: str) -> str:
    """The host of an address, as it may stand in the name of a file."""
    return name.partition("://")[2].partition("/")[0] or name


def _site_of(name: str) -> str:
    from hikcore.config.starter import slug

    return "site-cloud" if "://" in name else f"site-{slug(name)}"


def _write(main: Path, file: Path, text: str, archive: str, output: Output) -> None:
    from hikcore.config import load

    if not main.exists():
        main.parent.mkdir(parents=True, exist_ok=True)
        main.write_text(f'[archive]\nurl = "{archive}"\n', encoding="utf-8")
        output.data(f"wrote {main}")
    file.parent.mkdir(exist_ok=True)
    file.write_text(text, encoding="utf-8")
    site = file.stem
    load(main, lenient=True).site(site)
    output.data(f"wrote {file}")
    output.talk(f"next: hikcore doctor {site}; hikcore extract {site}")
