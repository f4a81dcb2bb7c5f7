"""`hikcore simulate`: a simulated recorder of either vendor, or a cloud, to try things on."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from hikcore.cli.arguments import Debug, Json
from hikcore.cli.output import Output
from hikcore.instants import format_instant

if TYPE_CHECKING:
    from hikcore.sim.everfocus.nvr import Nvr
    from hikcore.sim.everfocus.profile import NvrProfile
    from hikcore.sim.hik_cloud.cloud import Cloud
    from hikcore.sim.hik_cloud.profile import CloudProfile
    from hikcore.sim.profile import Profile


def simulate(
    profile: Annotated[
        str, typer.Option("--profile", metavar="NAME|FILE", help="See --list; or TOML, JSON.")
    ] = "default",
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0: any free one.")] = 8000,
    rtsp_port: Annotated[
        int | None,
        typer.Option("--rtsp-port", min=0, max=65535, help="Stream over RTSP too; 0: any free."),
    ] = None,
    discovery_port: Annotated[
        int | None,
        typer.Option(
            "--discovery-port",
            min=0,
            max=65535,
            help="EverFocus: answer the search over UDP too; real ones: 31501.",
        ),
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="List the built-in profiles.")] = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Run a simulated recorder or cloud until Ctrl-C: real HTTP and RTSP, real video in it.

    It has a user and a password of its own, printed when it starts; they protect nothing. The
    profiles hik-cloud… are a cloud account, everfocus… recorders of that vendor.
    """
    from hikcore.cli import interrupt
    from hikcore.sim.everfocus.profile import built_in_nvrs, nvr_profile
    from hikcore.sim.hik_cloud.profile import built_in_clouds, cloud_profile
    from hikcore.sim.profiles import built_in, get_profile

    output = Output(json=json)
    if list_:
        profiles = built_in() | built_in_clouds() | built_in_nvrs()
        for name, description in profiles.items():
            output.data(f"{name:<24} {description}")
        output.document("profiles", profiles=profiles)
        return
    if profile in built_in_clouds():
        cloud = cloud_profile(profile)
        serving = (host, port)
        interrupt.run(
            lambda stop: _serve_cloud(cloud, serving, output, stop), output, first="stopping"
        )
        return
    if profile in built_in_nvrs():
        made = nvr_profile(profile)
        ports = (host, port, rtsp_port, discovery_port)
        interrupt.run(lambda stop: _serve_nvr(made, ports, output, stop), output, first="stopping")
        return
    chosen = get_profile(profile)
    where = (host, port, rtsp_port)
    interrupt.run(lambda stop: _serve(chosen, where, output, stop), output, first="stopping")


async def _serve(
    profile: Profile, where: tuple[str, int, int | None], output: Output, stop: asyncio.Event
) -> None:
    from hikcore.errors import ConfigurationError
    from hikcore.sim.recorder import Recorder

    host, port, rtsp_port = where
    try:
        async with Recorder(profile, host=host, port=port, rtsp_port=rtsp_port) as recorder:
            tell(output, recorder.url, profile, recorder.now(), recorder.rtsp_port)
            await stop.wait()
    except OSError as error:
        raise ConfigurationError(
            f"cannot listen there: {error.strerror}", where=f"{host}:{port}", hint="try --port 0"
        ) from None


async def _serve_cloud(
    profile: CloudProfile, where: tuple[str, int], output: Output, stop: asyncio.Event
) -> None:
    from hikcore.errors import ConfigurationError
    from hikcore.sim.hik_cloud.cloud import Cloud

    host, port = where
    try:
        async with Cloud(profile, host=host, port=port) as cloud:
            _tell_cloud(output, cloud)
            await stop.wait()
    except OSError as error:
        raise ConfigurationError(
            f"cannot listen there: {error.strerror}", where=f"{host}:{port}", hint="try --port 0"
        ) from None


async def _serve_nvr(
    profile: NvrProfile,
    where: tuple[str, int, int | None, int | None],
    output: Output,
    stop: asyncio.Event,
) -> None:
    from hikcore.errors import ConfigurationError
    from hikcore.sim.everfocus.nvr import Nvr

    host, port, rtsp_port, discovery_port = where
    try:
        async with Nvr(
            profile, host=host, port=port, rtsp_port=rtsp_port, discovery_port=discovery_port,
            strict=False,
        ) as nvr:  # fmt: skip
            _tell_nvr(output, nvr)
            await stop.wait()
            for each in nvr.trapped:
                output.talk(f"asked to change something, and did not: {each}")
    except OSError as error:
        raise ConfigurationError(
            f"cannot listen there: {error.strerror}", where=f"{host}:{port}", hint="try --port 0"
        ) from None


def _tell_nvr(output: Output, nvr: Nvr) -> None:
    """Where it is, who may log in, and what it has. The login protects nothing."""
    login, cameras = nvr.profile.login, nvr.profile.cameras
    password = login.password.get_secret_value()
    output.data(f"{nvr.url}  user {login.username}  password {password}")
    output.data("  EverFocus, HTTP and WebSocket on that port; kind = everfocus")
    if nvr.rtsp_port is not None:
        output.data(f"  streams at rtsp port {nvr.rtsp_port}: /live/1/0")
    if nvr.discovery_port is not None:
        output.data(f"  answers the search for devices at UDP port {nvr.discovery_port}")
    for camera in cameras:
        state = "" if camera.enabled else ", disabled"
        output.data(
            f"  channel {camera.main.channel}: {camera.main.title} ({camera.main.codec}{state})"
        )
    output.talk(f"its clock shows {format_instant(nvr.now())}; Ctrl-C stops it")
    output.document(
        "simulate",
        url=nvr.url,
        rtsp_port=nvr.rtsp_port,
        discovery_port=nvr.discovery_port,
        profile=nvr.profile.name,
        username=login.username,
        password=password,
        now=format_instant(nvr.now()),
        channels=[camera.main.channel for camera in cameras],
    )


def _tell_cloud(output: Output, cloud: Cloud) -> None:
    """Where it is, the account, and what it has. The account protects nothing."""
    account = cloud.profile.account
    secret, token = account.client_secret.get_secret_value(), account.token.get_secret_value()
    output.data(f"{cloud.url}  client_id {account.client_id}  client_secret {secret}")
    output.data(f"  access_token {token}; plain HTTP: insecure_http = true")
    for each in cloud.profile.cameras:
        camera = each.camera
        output.data(f"  {each.serial} channel {camera.channel}: {camera.title} ({camera.codec})")
    output.talk(f"its clock shows {format_instant(cloud.now())}; Ctrl-C stops it")
    output.document(
        "simulate",
        url=cloud.url,
        profile=cloud.profile.name,
        client_id=account.client_id,
        client_secret=secret,
        access_token=token,
        now=format_instant(cloud.now()),
        channels=[[each.serial, each.camera.channel] for each in cloud.profile.cameras],
    )


def tell(
    output: Output, url: str, profile: Profile, now: int, rtsp_port: int | None = None
) -> None:
    """Where it is, who may log in, and what it has."""
    password = profile.auth.password.get_secret_value()
    output.data(f"{url}  user {profile.auth.username}  password {password}")
    if rtsp_port is not None:
        output.data(f"  streams at rtsp port {rtsp_port}: /Streaming/Channels/101")
    for camera in profile.cameras:
        output.data(f"  channel {camera.channel}: {camera.name} ({camera.codec})")
    output.talk(f"its clock shows {format_instant(now)}; Ctrl-C stops it")
    output.document(
        "simulate",
        url=url,
        rtsp_port=rtsp_port,
        profile=profile.name,
        username=profile.auth.username,
        password=password,
        now=format_instant(now),
        channels=[camera.channel for camera in profile.cameras],
    )
