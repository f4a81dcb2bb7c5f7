"""The flow over a site of three vendors: one run fills the archive, and no secret of any of them
is in Prefect's database, its logs, the archive or what was printed."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from pathlib import Path

import pytest

from hikcore.instants import NS, Span, format_instant
from tests.everfocus.source.test_command import CLOUD_SECRET, CONFIG, PASSWORD, cloud, new, old
from tests.flows.secrets import in_database, in_files, spellings
from tests.flows.server import PrefectServer
from tests.flows.test_flow import ROOT

pytestmark = [pytest.mark.prefect, pytest.mark.slow]


async def run_flow(
    server: PrefectServer, folder: Path, span: Span, password: str
) -> tuple[str, str]:
    """The name of the final state, and everything that was printed or logged."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.flows.driver", "mall"),
        *(format_instant(at, 0) for at in (span.begin, span.end)),
        env={
            **os.environ, **server.environ, "HIKCORE_CONFIG": str(folder / "hikcore.toml"),
            "HIKCORE_STATE_FOLDER": str(folder / "state"), "XDG_CACHE_HOME": str(folder / "cache"),
            "CLOUD_SECRET": CLOUD_SECRET, "OLD_PASSWORD": "hikcore-12345", "NEW_PASSWORD": password,
            "PREFECT_LOGGING_LEVEL": "DEBUG",
        },
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await asyncio.wait_for(process.communicate(), 200)
    said = out.decode() + err.decode()
    assert process.returncode == 0, said
    return json.loads(out.decode().strip().splitlines()[-1])["name"], said


async def test_no_secret_of_any_vendor_reaches_prefect(
    prefect_server: PrefectServer, tmp_path: Path
) -> None:
    wrong = "Planted-EF-wrong-9d"
    async with old() as recorder, cloud() as account, new() as nvr:
        text = CONFIG.format(folder=tmp_path, old=recorder.port, cloud=account.url, new=nvr.port)
        (tmp_path / "hikcore.toml").write_text(text)
        end = (time.time_ns() // (600 * NS) - 1) * 600 * NS
        state, said = await run_flow(prefect_server, tmp_path, Span(end - 60 * NS, end), PASSWORD)
        refused, more = await run_flow(
            prefect_server, tmp_path, Span(end - 300 * NS, end - 120 * NS), wrong
        )
        tokens = account.api.tokens
        assert account.api.token_requests
    assert (state, refused) == ("Completed", "PartiallyComplete")
    assert list((tmp_path / "archive/v1").rglob("*.mp4"))
    (database,) = prefect_server.home.rglob("*.db")
    assert list(in_database(database, "mall"))  # it does find what is there
    for secret in (PASSWORD, CLOUD_SECRET, wrong, *tokens):
        assert list(in_database(database, secret)) == []
        assert in_files(tmp_path, secret) == []
        assert in_files(prefect_server.home, secret) == []
        assert not any(each in (said + more).encode() for each in spellings(secret))
