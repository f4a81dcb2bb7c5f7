"""`hikcore download`: one clip straight from a recorder, without configuration or archive."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from hikcore.cli.arguments import (
    TIME_HELP,
    Debug,
    Json,
    Tz,
    echo_span,
    parse_span,
    zone_named,
)
from hikcore.cli.output import Output, size_text
from hikcore.errors import ConfigurationError
from hikcore.instants import format_instant, to_datetime

if TYPE_CHECKING:
    from pydantic import SecretStr

PASSWORD_VARIABLE: Final = "HIKCORE_PASSWORD"  # noqa: S105  a variable's name


def download(
    host: Annotated[str, typer.Argument(help="Name or address of the recorder.")],
    username: Annotated[str, typer.Argument(help="A user who may play back.")],
    password: Annotated[
        str,
        typer.Argument(
            help=f"- reads it from {PASSWORD_VARIABLE}, else from standard input. Written here it "
            "can be read by everybody on this machine (ps) and stays in the shell's history."
        ),
    ],
    start: Annotated[str, typer.Argument(metavar="START", help=TIME_HELP)],
    end: Annotated[str, typer.Argument(metavar="END", help="The same; not included.")],
    camera: Annotated[int, typer.Option("--camera", min=1, help="Number of the channel.")] = 1,
    stream: Annotated[str, typer.Option("--stream", help="main or sub.")] = "main",
    port: Annotated[
        int | None, typer.Option("--port", min=1, max=65535, help="80, or 443 with https.")
    ] = None,
    scheme: Annotated[str, typer.Option("--scheme", help="http or https.")] = "http",
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Where to put it.")] = Path(),
    tls: Annotated[
        str, typer.Option("--tls", help="verify, ca:FILE, pin:SHA256 or off.")
    ] = "verify",
    device_time: Annotated[
        str,
        typer.Option(
            "--device-time",
            help="What the recorder's times mean, where it cannot be measured: utc, local (its "
            "wall clock), or that clock's zone, like Europe/Berlin.",
        ),
    ] = "auto",
    verbose: Annotated[bool, typer.Option("--verbose", help="Say what is asked of it.")] = False,
    tz: Tz = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Fetch one clip straight from a recorder, cut to the frame, with its sound as AAC.

    A clip that is there already is left as it is.
    To keep footage, and fetch it once only, use `hikcore extract`.
    """
    from hikcore.hikvision_nvr_downloader import HikvisionNVRClient

    output = Output(json=json)
    for name, value, allowed in (
        ("--stream", stream, ("main", "sub")),
        ("--scheme", scheme, ("http", "https")),
    ):
        if value not in allowed:
            raise ConfigurationError(f"{name} {value}: it is {' or '.join(allowed)}")
    span = parse_span(start, end, zone_named(tz))
    secret = read_password(password, output)
    echo_span(output, span)
    if verbose:
        logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(message)s")
    client = HikvisionNVRClient(
        host,
        username,
        secret,
        port=port,
        scheme=scheme,
        tls=tls,
        device_time=device_time,
    )
    path = client.download_by_time(
        camera, to_datetime(span.begin), to_datetime(span.end), out, stream
    )
    output.data(str(path))
    output.talk(f"  {size_text(path.stat().st_size)}; {path.stem}.json says what is in it")
    output.document(
        "download",
        path=str(path),
        bytes=path.stat().st_size,
        begin=format_instant(span.begin),
        end=format_instant(span.end),
    )


def read_password(argument: str, output: Output) -> SecretStr:
    """The password: from the argument with a warning, or with `-` from where nobody else reads it.

    Raises:
        ConfigurationError: `-`, and there is none.
    """
    from pydantic import SecretStr

    if argument != "-":
        output.talk(
            "warning: a password on the command line can be read by others on this machine; "
            f"write - and set {PASSWORD_VARIABLE}"
        )
        return SecretStr(argument)
    found = os.environ.get(PASSWORD_VARIABLE)
    if not found and sys.stdin.isatty():
        from getpass import getpass

        found = getpass("Password: ")
    elif not found:
        found = sys.stdin.readline().rstrip("\r\n")
    if not found:
        raise ConfigurationError(
            "no password", hint=f"set {PASSWORD_VARIABLE} or give it on standard input"
        )
    return SecretStr(found)
