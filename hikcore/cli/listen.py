"""`hikcore listen`: what a recorder reports goes into the archive, for as long as this runs."""

from __future__ import annotations

import asyncio
import hashlib
import os
import socket
import time
from collections.abc import Callable
from datetime import UTC
from typing import TYPE_CHECKING, Annotated, Final

import typer

from hikcore.cli import interrupt
from hikcore.cli.arguments import ConfigFile, Debug, Json, Set, load_config, parse_target
from hikcore.cli.events import event_fields, event_line
from hikcore.cli.output import Output, count_text
from hikcore.errors import ConfigurationError

if TYPE_CHECKING:
    from hikcore.archive.events import Event
    from hikcore.archive.store import Store
    from hikcore.config import Config, Site
    from hikcore.extract.listening import ListenReport

_STOPPING: Final = "writing what was heard; once more stops now"


def listen(
    target: Annotated[str, typer.Argument(metavar="SITE/DEVICE", help="Which recorder.")],
    seconds: Annotated[
        float | None,
        typer.Option("--seconds", min=0.1, help="End after so long; else at Ctrl-C."),
    ] = None,
    config: ConfigFile = None,
    set_: Set = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Write what a recorder reports into the archive until Ctrl-C, each event once.

    Events, metadata, exceptions, messages and the state of cameras. After a lost connection, and
    for the time since somebody listened last, the recorder is asked what it still knows; what
    nobody can know is written down as a gap. EverFocus recorders only.
    """
    output = Output(json=json)
    where = parse_target(target, camera=True, second="DEVICE")
    settings = load_config(config, set_)
    site = settings.site(where.site)
    device = where.camera or ""
    zone = site.zone or UTC
    output.talk(f"times in {zone}")

    def said(event: Event) -> None:
        if event.kind == "watch":
            return
        output.data(event_line(event, zone))
        output.document("event", **event_fields(event))

    async def work(stop: asyncio.Event) -> ListenReport:
        if seconds is not None:
            asyncio.get_running_loop().call_later(seconds, stop.set)
        return await _listen(settings, site, device, stop, said)

    tell(output, interrupt.run(work, output, first=_STOPPING))


async def _listen(
    config: Config, site: Site, device: str, stop: asyncio.Event, said: Callable[[Event], None]
) -> ListenReport:
    from hikcore.archive.event_writer import EventWriter
    from hikcore.extract.listening import EventListening, Listens
    from hikcore.folders import state_folder
    from hikcore.sources.everfocus.listen import Listener
    from hikcore.sources.everfocus.source import EverFocusSource

    kind = site.device(device).kind
    store = config.build_store(create=True)
    source = config.build_source(site.id, device, store)
    try:
        if not isinstance(source, EverFocusSource):
            raise ConfigurationError(
                f"a device of kind {kind} is not listened to", where=f"{site.id}/{device}"
            )
        cameras = site.cameras_of(device, await source.cameras())
        name = f"{site.id}/{device}"
        listening = EventListening(
            Listener(source.session, name=name),
            source.session,
            source.deviation,
            store,
            EventWriter(store, state_folder() / journal(store, site.id, device), now=time.time_ns),
            site=site.id,
            device=device,
            cameras={each.channel: each.id for each in cameras},
            run=f"{socket.gethostname()}-{os.getpid()}-{time.time_ns() // 10**9}",
            options=Listens(meta_as_list=site.device(device).everfocus.meta_as_list),
            said=said,
        )
        return await listening.run(stop)
    finally:
        await source.aclose()


def journal(store: Store, site: str, device: str) -> str:
    """Where events wait for their batch, below the state folder: of this archive alone."""
    archive = hashlib.sha256(store.url.encode()).hexdigest()[:16]
    return f"events/{archive}/{site}/{device}"


def tell(output: Output, report: ListenReport) -> None:
    """What came of it."""
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(report.written.items()))
    batches = "1 batch" if report.batches == 1 else f"{report.batches:,} batches"
    output.talk(f"  {kinds or 'nothing'} in {batches}")
    if report.recovered:
        output.talk(f"  {count_text(report.recovered, 'event')} of a run that was killed")
    for warning in report.warnings:
        output.talk(f"warning: {warning}")
    output.document(
        "summary",
        written=dict(report.written),
        batches=report.batches,
        recovered=report.recovered,
        warnings=report.warnings,
        code=0,
    )
