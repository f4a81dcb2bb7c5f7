"""The contract of the download stage, one test a line, each named after the line.

Its configuration is the document's, word for word, with the simulated cloud's address in it.

Deferred, as the analysis of the downloaded files is not part of this package yet:

- CLI cloud mode hands the downloaded files to probe, frames, clips, inference, aggregate, and local
  mode discovers folders as before.
- Cloud metadata is carried into `video_manifest.jsonl`.
- Frame sampling is capped by the chunk's requested or actual duration.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import av
import pytest

from hikcore.errors import ConfigurationError
from hikcore.hik_cloud_download.config import load_stage
from hikcore.hik_cloud_download.manifest import Row
from hikcore.hik_cloud_download.stage import Downloads, chunks_of
from hikcore.instants import NS, parse_instant
from hikcore.sim.faults import Fault
from hikcore.sim.hik_cloud.cloud import Cloud
from tests.hik_cloud.conftest import NOW, SERIAL
from tests.hik_cloud.stage import (
    BEGIN,
    DOCUMENT,
    ENV,
    KEYS,
    TOKEN,
    cloud_of,
    rows,
    staged,
    work,
    written,
)  # fmt: skip

# Configuration


def test_config_parser_loads_devices_as_list_of_dicts(tmp_path: Path) -> None:
    stage = staged(tmp_path)
    assert [device.model_dump() for device in stage.devices] == [
        {"device_serial": "SIM000001", "channel_no": 1, "name": "store-front"}
    ]


def test_defaults_are_the_documents(tmp_path: Path) -> None:
    text = DOCUMENT.format(out=tmp_path, url="x").splitlines()
    keys = ("api_base_url", "download_", "chunk", "timeout", "access", "timezone", "runtime")
    kept = [line for line in text if not line.strip().startswith(keys)]
    (tmp_path / "c.yaml").write_text("\n".join(kept))
    stage = load_stage(tmp_path / "c.yaml", ENV)
    assert stage.settings.base_url == "https://api2.hik-cloud.com"
    assert stage.settings.download_path == "/v1/carrier/cstorage/open/play/download"
    assert (stage.chunk, stage.settings.timeout, stage.settings.download_timeout) == (600, 60, 600)
    assert stage.ranges[0][0] == BEGIN  # the zone too


def test_sections_of_the_analysis_are_accepted_and_named(tmp_path: Path) -> None:
    stage = staged(
        tmp_path,
        ("output:\n", "frames:\n  fps: 1\ninference: {model: x}\noutput:\n  clips: yes\n"),
        ("  mode: hik", "  local_dir: ./videos\n  mode: hik"),
        ("  chunk_seconds", "  something: 1\n  chunk_seconds"),
    )
    assert set(stage.unused) == {
        "frames", "inference", "output.clips", "source.local_dir", "hik_cloud.something",
    }  # fmt: skip


def test_a_typo_names_the_key_that_was_meant(tmp_path: Path) -> None:
    stage = staged(
        tmp_path,
        ("  chunk_seconds", "  chunk_second: 60\n  Access_Token_Env: X\n  chunk_seconds"),
        ("      channel_no", "      chanel_no: 2\n      channel_no"),
        ("output:\n", "run_time: {}\noutput:\n"),
    )
    assert set(stage.unused) == {
        "run_time (nearest known: runtime)",
        "hik_cloud.chunk_second (nearest known: chunk_seconds)",
        "hik_cloud.Access_Token_Env (nearest known: access_token_env)",
        "hik_cloud.devices.0.chanel_no (nearest known: channel_no)",
    }


def test_times_are_texts_in_the_zone_or_epoch_integers(tmp_path: Path) -> None:
    epoch = staged(tmp_path, ('"2026-11-20 19:30:00"', str(BEGIN)))
    unquoted = staged(tmp_path, ('"2026-11-20 19:30:00"', "2026-11-20 19:30:00"))
    berlin = staged(tmp_path, ("Asia/Shanghai", "Europe/Berlin"))
    assert staged(tmp_path).ranges == epoch.ranges == unquoted.ranges == ((BEGIN, BEGIN + 900),)
    assert berlin.ranges[0][0] == BEGIN + 7 * 3600


@pytest.mark.parametrize("bad", ["true", '"2026-11-20"', "1.5", '"yesterday"', "null"])
def test_other_times_are_errors(bad: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="is no time"):
        staged(tmp_path, ('"2026-11-20 19:30:00"', bad))


def test_the_documents_sample_times() -> None:
    assert parse_instant("2025-12-04T13:59:47Z") // NS == 1764856787
    assert 1764856978 - 1764856787 == 191


@pytest.mark.parametrize("end", ['"2026-11-20 19:30:00"', '"2026-11-20 19:29:59"', "5"])
def test_end_not_after_begin_fails_fast(end: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="not after begin"):
        staged(tmp_path, ('"2026-11-20 19:45:00"', end))


def test_missing_token_fails_fast_only_in_hik_cloud_mode(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no access token") as caught:
        staged(tmp_path, environ={})
    assert "HIK_CLOUD_ACCESS_TOKEN" in str(caught.value)
    assert staged(tmp_path, ("mode: hik_cloud", "mode: local"), environ={}).mode == "local"


def test_token_of_the_file_before_that_of_the_environment(tmp_path: Path) -> None:
    assert staged(tmp_path).access_token.get_secret_value() == TOKEN  # type: ignore[union-attr]
    both = staged(tmp_path, ("access_token: null", "access_token: literal-one"))
    assert both.access_token.get_secret_value() == "literal-one"  # type: ignore[union-attr]
    other = staged(tmp_path, ("HIK_CLOUD_ACCESS_TOKEN", "OTHER"), environ={"OTHER": "two"})
    assert other.access_token.get_secret_value() == "two"  # type: ignore[union-attr]


@pytest.mark.parametrize("serial", ["../x", "a/b", "", "0123", '".."'])
def test_a_serial_that_is_no_folder_name_is_an_error(serial: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        staged(tmp_path, ("SIM000001", serial))


def test_errors_of_the_file_do_not_quote_it(tmp_path: Path) -> None:
    for bad in ("*planted-secret", "{planted-secret", "!planted-secret x", "'planted-secret"):
        with pytest.raises(ConfigurationError) as caught:
            staged(tmp_path, ("access_token: null", f"access_token: {bad}"))
        assert "planted" not in str(caught.value)
    with pytest.raises(ConfigurationError) as caught:
        staged(tmp_path, ("access_token: null", "access_token: [planted-secret]"))
    assert "planted" not in str(caught.value)


# Chunks


@pytest.mark.parametrize(("asked", "given"), [(600, 600), (3600, 3600), (7200, 3600), (1, 1)])
def test_splitter_produces_max_3600_second_chunks(asked: int, given: int, tmp_path: Path) -> None:
    stage = staged(
        tmp_path, ("chunk_seconds: 600", f"chunk_seconds: {asked}"), ("19:45:00", "22:00:01")
    )
    chunks = list(chunks_of(stage, 0))
    assert max(chunk.end - chunk.begin for chunk in chunks) == given
    assert chunks[0].begin == BEGIN
    assert chunks[-1].end == BEGIN + 9001
    assert all(a.end == b.begin for a, b in pairwise(chunks))
    assert bool(stage.warnings) == (asked > 3600)


@pytest.mark.parametrize("bad", ["0", "-600"])
def test_chunk_seconds_not_above_0_is_an_error(bad: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="not above 0"):
        staged(tmp_path, ("chunk_seconds: 600", f"chunk_seconds: {bad}"))


def test_every_device_over_every_range(tmp_path: Path) -> None:
    stage = staged(
        tmp_path,
        ("    - device", "    - {device_serial: B, channel_no: 2}\n    - device"),
        ("  time_ranges:\n", "  time_ranges:\n    - {begin: 100, end: 200}\n"),
    )
    assert [(c.device_serial, c.begin) for c in chunks_of(stage, 0)] == [
        ("B", 100), ("B", BEGIN), ("B", BEGIN + 600),
        ("SIM000001", 100), ("SIM000001", BEGIN), ("SIM000001", BEGIN + 600),
    ]  # fmt: skip


# The API


async def test_api_client_builds_url_body_and_bearer_header(tmp_path: Path) -> None:
    async with cloud_of() as cloud:
        await work(cloud, tmp_path, dry_run=True)
        first = cloud.requests[0]
    assert (first.method, first.target) == ("POST", "/v1/carrier/cstorage/open/play/download")
    assert first.headers["authorization"] == f"bearer {TOKEN}"
    assert first.headers["content-type"] == "application/json"
    assert json.loads(first.body) == {
        "deviceSerial": SERIAL, "channelNo": 1, "timeBegin": BEGIN, "timeEnd": BEGIN + 600,
    }  # fmt: skip


async def test_success_gives_an_address_and_its_actual_times(tmp_path: Path) -> None:
    async with cloud_of(since="now-29m") as cloud:
        await work(cloud, tmp_path, dry_run=True)
    assert rows(tmp_path)[0]["actual_begin"] == BEGIN + 60  # there it begins
    assert rows(tmp_path)[0]["actual_end"] == BEGIN + 600


async def test_code_80438027_is_no_recording_and_the_batch_goes_on(tmp_path: Path) -> None:
    async with cloud_of(holes=[{"begin": "now-31m", "end": "now-19m"}]) as cloud:
        summary = await work(cloud, tmp_path)
    assert [row["status"] for row in rows(tmp_path)] == ["no_recording", "downloaded"]
    assert summary.failed == 0


@pytest.mark.parametrize("code", [80430002, 80430099, 1, 200, 20018, 60019])
async def test_other_codes_are_address_failed_and_the_batch_goes_on(
    code: int, tmp_path: Path
) -> None:
    odd = [{"nth": [1], "code": code, "said": "because"}]
    async with cloud_of(oddities=odd) as cloud:
        await work(cloud, tmp_path)
    first, second = rows(tmp_path)
    assert (first["status"], second["status"]) == ("address_failed", "downloaded")
    assert str(code) in first["last_error"]
    assert "because" in first["last_error"]


async def test_code_200_is_success_where_that_is_set(tmp_path: Path) -> None:
    async with cloud_of(envelope={"code": "200", "success": False}) as cloud:
        await work(cloud, tmp_path, dry_run=True)
        more = ("  chunk_seconds", "  success_codes: [0, 200]\n  chunk_seconds")
        await work(cloud, tmp_path, more, dry_run=True)
    assert [row["status"] for row in rows(tmp_path)] == ["address_failed"] * 2 + ["address_ok"] * 2


async def test_a_refused_token_fails_each_row_and_is_told_once(tmp_path: Path) -> None:
    async with cloud_of() as cloud:
        cloud.api.revoke()
        summary = await work(cloud, tmp_path)
        assert len(cloud.requests) == 1  # every other request would be refused alike
    assert [row["status"] for row in rows(tmp_path)] == ["address_failed"] * 2
    assert "401" in summary.account
    assert all("401" in row["last_error"] for row in rows(tmp_path))


# Output


async def test_downloads_lie_under_serial_and_channel_with_names_of_the_request(
    tmp_path: Path,
) -> None:
    async with cloud_of() as cloud:
        await work(cloud, tmp_path)
    folder = tmp_path / "out/downloads/hik_cloud/SIM000001/ch1"
    names = [f"SIM000001_ch1_{at}_{at + end}.mp4" for at, end in ((BEGIN, 600), (BEGIN + 600, 300))]
    assert sorted(path.name for path in folder.iterdir()) == names
    with av.open(str(folder / names[0])) as video:
        assert sum(1 for _ in video.decode(video=0)) > 500
    assert [Path(row["path"]) for row in rows(tmp_path)] == [folder / name for name in names]


async def test_the_manifest_has_exactly_the_documents_keys_and_statuses(tmp_path: Path) -> None:
    holes = [{"begin": "now-31m", "end": "now-19m"}]
    async with cloud_of(holes=holes) as cloud:
        await work(cloud, tmp_path, dry_run=True)
        await work(cloud, tmp_path)
    for row in rows(tmp_path):
        assert set(row) == KEYS
        assert row["source"] == "hik_cloud"
        assert row["status"] in {
            "address_ok", "downloaded", "no_recording", "address_failed", "download_failed",
        }  # fmt: skip
    assert rows(tmp_path)[-1]["download_url_host"] == "127.0.0.1"


async def test_dry_run_stops_at_addresses(tmp_path: Path) -> None:
    async with cloud_of() as cloud:
        await work(cloud, tmp_path, dry_run=True)
        assert {request.method for request in cloud.requests} == {"POST"}
        assert not cloud.downloads
    assert [row["status"] for row in rows(tmp_path)] == ["address_ok"] * 2
    assert all(row["path"] is None for row in rows(tmp_path))
    assert [path.name for path in (tmp_path / "out").iterdir()] == [
        "hik_cloud_download_manifest.jsonl"
    ]


@pytest.mark.parametrize(
    "fault",
    [
        Fault(match="GET /media/", nth=(1, 2, 3), kind="reset", at=900),
        Fault(match="GET /media/", nth=(1, 2, 3), kind="status", status=500),
        Fault(match="GET /media/", nth=(1, 2, 3), kind="wrong_length", by=50),
    ],
    ids=lambda fault: fault.kind,
)
async def test_download_failure_is_download_failed_and_the_batch_goes_on(
    fault: Fault, tmp_path: Path
) -> None:
    async with cloud_of() as cloud:
        cloud.fault(fault)
        await work(cloud, tmp_path)
    first, second = rows(tmp_path)
    assert (first["status"], second["status"]) == ("download_failed", "downloaded")
    assert first["retry_count"] == 2
    assert (first["path"], bool(first["last_error"])) == (None, True)
    folder = tmp_path / "out/downloads/hik_cloud/SIM000001/ch1"
    assert len(list(folder.iterdir())) == 1  # no part is left


async def test_a_try_that_helps_is_counted(tmp_path: Path) -> None:
    async with cloud_of() as cloud:
        cloud.fault(Fault(match="POST /v1/", nth=(1,), kind="status", status=502))
        cloud.fault(Fault(match="GET /media/", nth=(1,), kind="reset", at=900))
        await work(cloud, tmp_path)
    assert [(row["status"], row["retry_count"]) for row in rows(tmp_path)] == [
        ("downloaded", 2),
        ("downloaded", 0),
    ]


@pytest.mark.parametrize("kind", ["json", "html", "empty", "m3u8"])
async def test_an_error_page_is_no_video(kind: str, tmp_path: Path) -> None:
    async with cloud_of(oddities=[{"body": kind}]) as cloud:
        await work(cloud, tmp_path)
    assert [row["status"] for row in rows(tmp_path)] == ["download_failed"] * 2


@pytest.mark.parametrize("kind", ["ts", "noise"])
async def test_other_bytes_are_kept_and_named(kind: str, tmp_path: Path) -> None:
    async with cloud_of(oddities=[{"body": kind}]) as cloud:
        await work(cloud, tmp_path)
    assert [row["status"] for row in rows(tmp_path)] == ["downloaded"] * 2
    assert all(row["last_error"].startswith("kept as it came") for row in rows(tmp_path))


# Resume


async def test_an_existing_file_with_status_downloaded_is_skipped(tmp_path: Path) -> None:
    async with cloud_of() as cloud:
        await work(cloud, tmp_path)
        asked = len(cloud.requests)
        # Nor does a dry run put a line above it.
        again = [await work(cloud, tmp_path, dry_run=dry) for dry in (False, True)]
        assert len(cloud.requests) == asked
        assert [summary.skipped for summary in again] == [2, 2]
        Path(rows(tmp_path)[0]["path"]).unlink()
        await work(cloud, tmp_path)
    assert [row["requested_begin"] - BEGIN for row in rows(tmp_path)] == [0, 600, 0]


async def test_the_last_row_wins(tmp_path: Path) -> None:
    async with cloud_of() as cloud:
        await work(cloud, tmp_path)
        first = rows(tmp_path)[0] | {"status": "download_failed"}
        with (tmp_path / "out/hik_cloud_download_manifest.jsonl").open("a") as file:
            file.write(json.dumps(first) + "\n")
        await work(cloud, tmp_path)
    assert [row["status"] for row in rows(tmp_path)][2:] == ["download_failed", "downloaded"]


async def test_a_torn_last_line_is_tolerated(tmp_path: Path) -> None:
    async with cloud_of() as cloud:
        await work(cloud, tmp_path)
        file = tmp_path / "out/hik_cloud_download_manifest.jsonl"
        whole = file.read_bytes()
        file.write_bytes(whole[:-30])
        await work(cloud, tmp_path)
    lines = file.read_text().splitlines()
    assert len(lines) == 3
    assert json.loads(lines[2])["requested_begin"] == BEGIN + 600


# The command, and what is secret


class Said(NamedTuple):
    code: int
    out: str
    err: str


async def command(folder: Path, cloud: Cloud, *more: str, mode: str = "hik_cloud") -> Said:
    file = written(folder, ("mode: hik_cloud", f"mode: {mode}"), url=cloud.url)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "hikcore", "hik-cloud", "download", "--config", str(file), *more),
        env={**os.environ, **ENV},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return Said(process.returncode or 0, out.decode(), err.decode())


def secrets_of(cloud: Cloud) -> list[str]:
    return [TOKEN, *(f"sig{name[::-1]}" for name in cloud.api.tickets)]


async def test_the_command_downloads_and_prints_no_token(tmp_path: Path) -> None:
    async with cloud_of() as cloud:
        fine = await command(tmp_path, cloud, "--json")
        cloud.api.revoke()
        (tmp_path / "out/hik_cloud_download_manifest.jsonl").unlink()
        refused = await command(tmp_path, cloud, "--json", "--debug")
        secrets = secrets_of(cloud)
    documents = [json.loads(line) for line in fine.out.splitlines()]
    assert [document["type"] for document in documents] == ["chunk", "chunk", "summary"]
    assert documents[2]["rows"] == {"downloaded": 2}
    assert (fine.code, refused.code) == (0, 7)
    assert refused.err.count("the token is the cause") == 1
    assert "check access_token, or client_id" in refused.err
    assert all(secret not in "".join(map(str, (*fine, *refused))) for secret in secrets)


async def test_token_and_addresses_are_persisted_and_logged_nowhere(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    for name in ("httpx", "httpcore", "hikcore", "stamina"):
        caplog.set_level(0, logger=name)
    async with cloud_of() as cloud:
        cloud.fault(Fault(match="GET /media/", nth=(1, 2), kind="reset", at=900))
        cloud.fault(Fault(match="POST /v1/", nth=(2,), kind="status", status=502))
        await work(cloud, tmp_path)
        cloud.api.revoke()
        (tmp_path / "out/hik_cloud_download_manifest.jsonl").unlink()
        await work(cloud, tmp_path)
        secrets = secrets_of(cloud)
    kept = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert len(secrets) > 3
    assert "HTTP Request" in caplog.text  # it does hear the library
    for secret in secrets:
        assert secret not in caplog.text
        assert all(secret.encode() not in path.read_bytes() for path in kept)
        assert all(secret not in str(path) for path in kept)


async def test_local_mode_asks_the_cloud_nothing(tmp_path: Path) -> None:
    async with cloud_of() as cloud:
        assert (await command(tmp_path, cloud, mode="local")).code == 0
        assert cloud.requests == []
    assert not (tmp_path / "out").exists()


def test_a_row_is_written_in_the_documents_order() -> None:
    row = Row("S", 1, 2, 3, "address_ok")
    assert list(json.loads(row.line())) == [
        "source", "device_serial", "channel_no", "requested_begin", "requested_end",
        "actual_begin", "actual_end", "download_url_host", "path", "status", "retry_count",
        "last_error",
    ]  # fmt: skip


def test_a_file_that_is_not_there_or_no_yaml(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot read"):
        load_stage(tmp_path / "none.yaml", ENV)
    (tmp_path / "list.yaml").write_text("- a\n")
    with pytest.raises(ConfigurationError, match="no YAML mapping"):
        load_stage(tmp_path / "list.yaml", ENV)
    assert os.environ.get("HIK_CLOUD_ACCESS_TOKEN") is None


async def test_client_credentials_stand_in_for_a_token(tmp_path: Path) -> None:
    """An addition."""
    environ = {
        "HIK_CLOUD_CLIENT_ID": "simulated-client",
        "HIK_CLOUD_CLIENT_SECRET": "simulated-secret",
    }
    async with cloud_of() as cloud:
        stage = load_stage(written(tmp_path, url=cloud.url), environ)
        summary = await Downloads(stage, told=lambda row: None, now=lambda: NOW).run(dry_run=False)
        assert cloud.api.token_requests == 1
    assert summary.counts == {"downloaded": 2}


def test_a_settle_delay_only_where_it_is_set(tmp_path: Path) -> None:
    """An addition: the document's request is not changed by default."""
    now = BEGIN + 700
    assert list(chunks_of(staged(tmp_path), now))[-1].end == BEGIN + 900
    late = staged(tmp_path, ("  chunk_seconds", "  settle_seconds: 60\n  chunk_seconds"))
    assert list(chunks_of(late, now))[-1].end == BEGIN + 640
