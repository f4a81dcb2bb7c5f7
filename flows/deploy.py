"""Puts the configuration's sites and limits into Prefect:

    python -m hikcore.flows.deploy [--config FILE] [--dry-run] [SITE...]

For each site two deployments of the flow: one with its schedule, and `SITE-backfill` without one,
for spans of your own, in a queue behind the schedules. For each device its global concurrency
limits. Pools that are not there are made, for workers that are processes. Run it again after every
change of the configuration: what is as it should be stays as it is, and it says what no site has
any more. It sends nothing secret: ids, limits and schedules.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.filters import DeploymentFilter
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from prefect.client.schemas.schedules import CronSchedule
from prefect.exceptions import ObjectNotFound
from prefect.settings import get_current_settings
from prefect.types.entrypoint import EntrypointType

from hikcore.config import Config, load
from hikcore.config.limits import device_limits
from hikcore.config.places import Site
from hikcore.errors import ConfigurationError, HikcoreError

from .extract import extract_site

TAG: Final = "hikcore"
_BACKFILL: Final = "backfill"


def cron_of(site: Site) -> str:
    """When a site's runs begin: as set, else every hour, at a minute of its own, so that not all
    sites begin at once."""
    return site.section.schedule or f"{zlib.crc32(site.id.encode()) % 60} * * * *"


async def deploy(config: Config, only: Sequence[str] = ()) -> None:
    """Make or update all that Prefect is to know of the sites.

    Raises:
        ConfigurationError: no such site.
    """
    sites = [config.site(each) for each in only] if only else config.sites
    async with get_client() as client:
        for pool in sorted({site.section.work_pool for site in sites}):
            await _pool(client, pool)
        chosen = {site.id for site in sites}
        limits = {each.name: each.limit for each in device_limits(config) if each.site in chosen}
        for name, limit in sorted(limits.items()):
            await client.upsert_global_concurrency_limit_by_name(name, limit)
        _say(f"{len(limits)} limits of devices")
        for site in sites:
            await _site(site)
        if not only:
            await _leftovers(client, {site.id for site in config.sites}, set(limits))


async def _pool(client: PrefectClient, name: str) -> None:
    try:
        await client.read_work_pool(name)
    except ObjectNotFound:
        await client.create_work_pool(WorkPoolCreate(name=name, type="process"))
        _say(f"work pool {name}: made; on a machine that reaches its recorders: "
             f"prefect worker start --pool {name}")  # fmt: skip


async def _site(site: Site) -> None:
    cron, zone = cron_of(site), site.section.zone or "UTC"
    common: dict[str, Any] = {
        "parameters": {"site": site.id},
        "work_pool_name": site.section.work_pool,
        "entrypoint_type": EntrypointType.MODULE_PATH,
    }
    scheduled = await extract_site.ato_deployment(
        site.id,
        schedules=[CronSchedule(cron=cron, timezone=zone)],
        description=f"{site.name}: what is missing of the last 48 hours.",
        tags=[TAG, f"site:{site.id}"],
        # A run that is still at work when the next is due has all of that one's work before it.
        concurrency_limit=_one(ConcurrencyLimitStrategy.CANCEL_NEW),
        **common,
    )
    await scheduled.aapply()
    backfill = await extract_site.ato_deployment(
        f"{site.id}-{_BACKFILL}",
        description=f"{site.name}: a span of your own. Give begin and end, with a zone.",
        tags=[TAG, f"site:{site.id}", _BACKFILL],
        work_queue_name=_BACKFILL,
        concurrency_limit=_one(ConcurrencyLimitStrategy.ENQUEUE),
        **common,
    )
    await backfill.aapply()
    _say(f"{site.id}: {cron} ({zone}), pool {site.section.work_pool}")


def _one(strategy: ConcurrencyLimitStrategy) -> ConcurrencyLimitConfig:
    return ConcurrencyLimitConfig(limit=1, collision_strategy=strategy)


async def _leftovers(client: PrefectClient, sites: set[str], limits: set[str]) -> None:
    """Name what was made for sites and devices that the configuration has no more."""
    wanted = sites | {f"{site}-{_BACKFILL}" for site in sites}
    ours = DeploymentFilter.model_validate({"tags": {"all_": [TAG]}})
    offset = 0
    while page := await client.read_deployments(deployment_filter=ours, limit=100, offset=offset):
        for each in page:
            if each.name not in wanted:
                _say(f"{each.name} is not configured any more, and still runs: "
                     f"prefect deployment delete extract-site/{each.name}")  # fmt: skip
        offset += len(page)
    offset = 0
    while found := await client.read_global_concurrency_limits(limit=100, offset=offset):
        for limit in found:
            if limit.name.startswith("hikcore:") and limit.name not in limits:
                _say(f"{limit.name} limits nothing any more: prefect gcl delete {limit.name}")
        offset += len(found)


def _say(text: str) -> None:
    print(text)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m hikcore.flows.deploy", description="Put sites and limits into Prefect."
    )
    parser.add_argument("sites", nargs="*", metavar="SITE", help="these only; all")
    parser.add_argument("--config", type=Path, help="the file; else as for hikcore")
    parser.add_argument("--dry-run", action="store_true", help="say what would be made")
    given = parser.parse_args(arguments)
    try:
        config = load(given.config)
        if given.dry_run:
            _plan(config, given.sites)
            return 0
        if not get_current_settings().api.url:
            raise ConfigurationError(
                "no Prefect server is named",
                where="PREFECT_API_URL",
                hint="PREFECT_API_URL=http://HOST:4200/api",
            )
        asyncio.run(deploy(config, given.sites))
    except HikcoreError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def _plan(config: Config, only: Sequence[str]) -> None:
    sites = [config.site(each) for each in only] if only else config.sites
    for site in sites:
        _say(f"{site.id}: {cron_of(site)}, pool {site.section.work_pool}")
    chosen = {site.id for site in sites}
    for each in device_limits(config):
        if each.site in chosen:
            _say(f"{each.name}: {each.limit}")


if __name__ == "__main__":
    sys.exit(main())
