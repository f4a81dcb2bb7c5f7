"""Tokens, envelopes, codes, and what keeps secrets, over HTTP."""

from __future__ import annotations

import asyncio
import traceback
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from hikcore.errors import (
    ConfigurationError,
    DeviceAuthError,
    DeviceError,
    DeviceProtocolError,
    DeviceRefused,
    HikcoreError,
    TransferInterrupted,
)
from hikcore.instants import NS
from hikcore.sim.faults import Fault
from hikcore.sim.hik_cloud.cloud import Cloud
from hikcore.sources.base import SpanSource
from hikcore.sources.hik_cloud.client import CloudClient, http_client, token_provider
from hikcore.sources.hik_cloud.settings import CloudSettings
from hikcore.sources.hik_cloud.tokens import ClientCredentials
from hikcore.sources.hik_cloud.verdict import Address, CloudBusy, CloudRefused, NothingRecorded
from tests.hik_cloud.conftest import NOW, SERIAL, extract, profile, settings, source, span, states

AT = NOW // NS - 1800
GIVEN = "simulated-token-0"


async def address(cloud: Cloud, begin: int = AT, end: int = AT + 60, **changes: object) -> Address:
    chosen = settings(cloud, **changes)
    tokens = token_provider(chosen, access_token=SecretStr(GIVEN))
    client = CloudClient(tokens, chosen)
    try:
        return await client.address(SERIAL, 1, begin, end)
    finally:
        await client.aclose()


# Tokens


async def test_one_token_is_asked_for_however_many_wait() -> None:
    async with Cloud(profile()) as cloud:
        cloud.fault(Fault(match="/oauth/token", kind="delay", seconds=0.05))
        sources = [source(cloud) for _ in range(3)]
        answers = await asyncio.gather(
            *(each.recordings(1, "main", span(3000, 1500)) for each in sources for _ in range(4))
        )
        await asyncio.gather(*(each.aclose() for each in sources))
        assert cloud.api.token_requests == 1
    assert {len(answer.recordings) for answer in answers} == {5}


async def test_what_expires_in_says_is_believed() -> None:
    now, asked = [0.0], []

    async def ask() -> tuple[int, bytes]:
        asked.append(now[0])
        return 200, b'{"access_token":"t%d","expires_in":"43199"}' % len(asked)

    tokens = ClientCredentials(ask, "there", margin=60, clock=lambda: now[0])
    for at in (0.0, 43000.0, 43138.0, 43140.0, 80000.0):
        now[0] = at
        await tokens.token()
    assert asked == [0.0, 43140.0]


async def test_a_token_that_dies_in_a_run_is_changed_once(tmp_path: Path) -> None:
    async with Cloud(profile()) as cloud:
        used = source(cloud)
        assert (await used.recordings(1, "main", span(3000, 2700))).complete
        cloud.api.revoke()
        assert (await extract(cloud, tmp_path, span(2700, 2100), used)).errors == []
        assert cloud.api.token_requests == 2
        sent = [each.headers.get("authorization") for each in cloud.requests if each.status == 401]
        assert len(set(sent)) == 1  # the same token is not sent again


async def test_a_token_that_is_refused_at_once_ends_the_account(tmp_path: Path) -> None:
    async with Cloud(profile()) as cloud:
        report = await extract(cloud, tmp_path, span(3000, 600), source(cloud, token="wrong-one"))
        assert isinstance(report.failure, DeviceAuthError)
        assert len(cloud.requests) == 1


async def test_refused_credentials_are_not_sent_again() -> None:
    async with Cloud(profile()) as cloud:
        chosen = settings(cloud)
        tokens = token_provider(
            chosen, access_token=None, client_id="x", client_secret=SecretStr("planted-secret")
        )
        for _ in range(3):
            with pytest.raises(DeviceAuthError) as caught:
                await tokens.token()
            assert "planted" not in "".join(traceback.format_exception(caught.value))
        assert cloud.api.token_requests == 1


async def test_a_token_endpoint_that_is_asked_too_often_is_waited_for() -> None:
    async with Cloud(profile()) as cloud:
        cloud.fault(Fault(match="/oauth/token", nth=(1, 2), kind="status", status=429))
        used = source(cloud)
        assert (await used.recordings(1, "main", span(3000, 2700))).complete
        await used.aclose()


# Envelopes and codes


@pytest.mark.parametrize("code", [0, 200, "200"])
@pytest.mark.parametrize("success", [True, False])
@pytest.mark.parametrize("times", ["texts", "numbers"])
async def test_every_envelope_of_success(code: Any, success: bool, times: str) -> None:
    envelope = {"code": code, "success": success, "times": times}
    async with Cloud(profile(envelope=envelope)) as cloud:
        found = await address(cloud)
        assert (found.begin, found.end) == (AT, AT + 60)
        with pytest.raises(NothingRecorded):
            await address(cloud, AT - 90_000, AT - 89_000)


async def test_actual_times_may_be_left_out(tmp_path: Path) -> None:
    async with Cloud(profile(since="now-45m", envelope={"times": "none"})) as cloud:
        assert (await address(cloud)).begin is None
        report = await extract(cloud, tmp_path, span(2100, 1500))
    assert report.errors == []


@pytest.mark.parametrize(
    ("code", "error", "tries"),
    [
        (80430002, CloudRefused, 1), (80430099, CloudRefused, 1), (20018, CloudRefused, 1),
        (60019, CloudRefused, 1), (20007, CloudRefused, 1), (49999, CloudBusy, 4),
        (50000, CloudBusy, 4), (10002, DeviceAuthError, 1), (80438027, NothingRecorded, 1),
    ],
)  # fmt: skip
async def test_codes_by_their_class(code: int, error: type[HikcoreError], tries: int) -> None:
    async with Cloud(profile(oddities=[{"code": code, "said": "because"}])) as cloud:
        with pytest.raises(error, match=str(code)):
            await address(cloud)
        assert len(cloud.requests) == tries


async def test_a_person_knows_codes_better() -> None:
    odd = [{"nth": [1, 2], "code": 80431234}]
    async with Cloud(profile(oddities=odd)) as cloud:
        classes = {"80431234": "transient", "80438027": "permanent"}
        assert (await address(cloud, classes=classes)).url
        with pytest.raises(CloudRefused):
            await address(cloud, AT - 90_000, AT - 89_000, classes=classes)


@pytest.mark.parametrize("kind", ["status", "empty", "drop"])
async def test_gateways_in_trouble_are_asked_again(kind: Any) -> None:
    async with Cloud(profile()) as cloud:
        cloud.fault(Fault(match="POST /v1/", nth=(1, 2, 3), kind=kind, status=502))
        assert (await address(cloud)).url
        assert len(cloud.requests) == 4


async def test_a_request_longer_than_the_cloud_takes_is_refused_by_code() -> None:
    async with Cloud(profile(since="now-2h")) as cloud:
        assert (await address(cloud, AT - 3600, AT)).url
        with pytest.raises(CloudRefused, match="80430002"):
            await address(cloud, AT - 3601, AT)


async def test_one_window_that_fails_is_told_and_leaves_the_others(tmp_path: Path) -> None:
    odd = [{"nth": [2], "code": 80431234, "said": "who knows"}]
    async with Cloud(profile(since="now-45m", oddities=odd)) as cloud:
        report = await extract(cloud, tmp_path, span(2400, 1500))
    assert [error.message for error in report.errors] == ["code 80431234: who knows"]
    assert report.count("held") == 2
    found = states(tmp_path, span(2080, 1820))
    assert set(found) == {"unknown"}  # nobody may say that it is empty


async def test_a_device_of_another_account_is_asked_for_once(tmp_path: Path) -> None:
    async with Cloud(profile(state="foreign")) as cloud:
        report = await extract(cloud, tmp_path, span(3000, 600))
        assert isinstance(report.failure, CloudRefused)
        assert len(cloud.requests) == 2  # a token, an address


async def test_what_is_too_fresh_or_past_its_retention_is_not_called_empty(tmp_path: Path) -> None:
    serving = {"retention": 1800}
    async with Cloud(profile(since="now-2h", serving=serving)) as cloud:
        used = source(cloud, retention_days=1500 / 86_400)
        report = await extract(cloud, tmp_path, span(3600, 0), used)
        assert report.errors == []
        asked = [each for each in cloud.requests if each.path.endswith("download")]
        before = await extract(cloud, tmp_path, span(200_000, 100_000), source(cloud))
        assert before.errors == []
        old = source(cloud, retention_days=1)
        assert not (await old.recordings(1, "main", span(200_000, 100_000))).complete
        assert not (await old.recordings(1, "main", span(60, -600))).complete
        await old.aclose()
    assert set(states(tmp_path, span(3000, 1800))) == {"unknown"}
    assert set(states(tmp_path, span(190_000, 110_000))) == {"empty"}
    assert set(states(tmp_path, span(1500, 310))) == {"held"}
    assert "empty" not in states(tmp_path, span(120, 0))
    assert len(asked) <= 2 * 6


# Downloads


@pytest.mark.parametrize("kind", ["json", "html", "empty", "noise"])
async def test_another_address_is_asked_for_once(kind: str, tmp_path: Path) -> None:
    # The second address: the first was for the listing.
    async with Cloud(profile(oddities=[{"nth": [2], "body": kind}])) as cloud:
        report = await extract(cloud, tmp_path, span(2100, 1800))
    assert (report.errors, report.count("held")) == ([], 1)


@pytest.mark.parametrize("kind", ["json", "ts", "m3u8"])
async def test_what_is_no_footage_is_named_and_not_kept(kind: str, tmp_path: Path) -> None:
    async with Cloud(profile(oddities=[{"body": kind}])) as cloud:
        report = await extract(cloud, tmp_path, span(2100, 1800))
    (error,) = report.errors
    names = {"json": "error document (json, 49999)", "ts": "transport stream", "m3u8": "playlist"}
    assert names[kind] in error.message
    assert "held" not in states(tmp_path, span(2100, 1800))


async def test_the_same_file_for_two_spans_is_a_placeholder(tmp_path: Path) -> None:
    async with Cloud(profile(oddities=[{"body": "placeholder"}])) as cloud:
        report = await extract(cloud, tmp_path, span(2400, 1800))
    assert any("placeholder" in error.message for error in report.errors)


async def test_an_address_that_expired_is_asked_for_again(tmp_path: Path) -> None:
    async with Cloud(profile()) as cloud:
        cloud.fault(Fault(match="GET /media/", nth=(1,), kind="status", status=403))
        report = await extract(cloud, tmp_path, span(2100, 1800))
    assert (report.errors, report.count("held")) == ([], 1)


@pytest.mark.parametrize("kind", ["reset", "close", "short", "no_length"])
async def test_a_body_that_breaks_off_is_fetched_anew(kind: Any, tmp_path: Path) -> None:
    async with Cloud(profile()) as cloud:
        cloud.fault(Fault(match="GET /media/", nth=(1,), kind=kind, at=60_000))
        report = await extract(cloud, tmp_path, span(2100, 1800))
    assert (report.errors, report.count("held")) == ([], 1)
    assert set(states(tmp_path, span(2090, 1810))) == {"held"}


@pytest.mark.parametrize("length", [True, False])
@pytest.mark.parametrize("index", ["front", "end"])
async def test_lengths_redirects_and_places_of_the_index(
    index: str, length: bool, tmp_path: Path
) -> None:
    serving = {"length": length, "index": index, "redirected": True, "content_type": "text/html"}
    async with Cloud(profile(serving=serving)) as cloud:
        report = await extract(cloud, tmp_path, span(2100, 1800))
        media = [each for each in cloud.requests if each.path.startswith("/media/")]
        assert all("authorization" not in each.headers for each in media)
        assert all("cookie" not in each.headers for each in media)
    assert (report.errors, report.count("held")) == ([], 1)


async def test_a_download_that_takes_too_long_ends() -> None:
    async with Cloud(profile()) as cloud:
        cloud.fault(Fault(match="GET /media/", kind="stall", at=9000, seconds=30))
        used = source(cloud, download_timeout=0.3)
        row = (await used.recordings(1, "main", span(2100, 1800))).recordings[0]

        async def write(block: bytes) -> None:
            pass

        with pytest.raises(TransferInterrupted, match=r"more than 0\.3 s"):
            await used.fetch(row, write)
        await used.aclose()


# What keeps secrets


async def test_plain_http_is_refused_unless_waived(tmp_path: Path) -> None:
    async with Cloud(profile()) as cloud:
        with pytest.raises(ConfigurationError, match="not https"):
            source(cloud, insecure_http=False)
        used = source(cloud)
        waived = used._media._client._transport
        waived._http = False  # type: ignore[attr-defined]
        report = await extract(cloud, tmp_path, span(2100, 1800), used)
    assert "not https" in report.errors[0].message
    assert not cloud.downloads


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/carrier/cstorage/open/play/download"),
        ("POST", "/v1/devices/{id}/encrypt/off"),
        ("DELETE", "/v1/devices/list"),
        ("POST", "https://elsewhere.example/oauth/token"),
    ],
)
async def test_only_what_is_on_the_list_is_sent(method: str, path: str) -> None:
    async with http_client(CloudSettings(base_url="https://127.0.0.1:1")) as client:
        with pytest.raises(DeviceRefused, match="not on the list"):
            await client.request(method, path)


async def test_planted_secrets_are_in_no_log_error_or_archive(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    for name in ("httpx", "httpcore", "hikcore", "stamina"):
        caplog.set_level(0, logger=name)
    said: list[str] = []
    odd = [
        {
            "nth": [3],
            "code": 1,
            "said": "bad bearer simulated-token-0 at https://m.example/?sign=x",
        },
        {"nth": [4], "body": "json"},
    ]
    async with Cloud(profile(oddities=odd)) as cloud:
        for kind in ("reset", "status", "drop"):
            cloud.fault(Fault(match="GET /media/", nth=(1, 2), kind=kind, at=900, status=404))  # type: ignore[arg-type]
        for used in (source(cloud, token=GIVEN), source(cloud), source(cloud, token=GIVEN)):
            report = await extract(cloud, tmp_path, span(2400, 1200), used)
            said += ["".join(traceback.format_exception(error)) for error in report.errors]
            cloud.api.revoke()
        signed = [f"sig{name[::-1]}" for name in cloud.api.tickets]
        secrets = ["simulated-secret", *cloud.api.tokens, *signed, *cloud.api.tickets]
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert said
    assert len(kept) > 3
    for secret in secrets:
        assert secret not in caplog.text
        assert secret not in "".join(said)
        assert all(secret.encode() not in path.read_bytes() for path in kept)


def test_an_address_shows_nothing() -> None:
    assert "planted" not in repr(Address("https://m.example/planted?sign=planted", 1, 2))


@pytest.mark.parametrize(
    "url", ["ftp://x", "nonsense", "https://user:planted@host", "https://host/?q=planted", ""]
)
def test_a_base_address_that_is_none(url: str) -> None:
    with pytest.raises(ConfigurationError, match="base_url") as caught:
        token_provider(
            CloudSettings(base_url=url), access_token=None, client_id="x",
            client_secret=SecretStr("y"),
        )  # fmt: skip
    assert "planted" not in str(caught.value)


@pytest.mark.parametrize(
    "changes",
    [{"window_seconds": 601}, {"chunk_seconds": 3601}, {"chunk_seconds": 0}, {"window_seconds": 7}],
)
async def test_lengths_that_do_not_fit(changes: dict[str, int]) -> None:
    async with Cloud(profile()) as cloud:
        with pytest.raises(ConfigurationError):
            source(cloud, **changes)


# The source


async def test_no_request_is_longer_than_the_chunk_and_each_address_is_fresh(
    tmp_path: Path,
) -> None:
    async with Cloud(profile(serving={"ttl": 1})) as cloud:
        used = source(cloud, chunk_seconds=310)
        assert isinstance(used, SpanSource)
        assert (await extract(cloud, tmp_path, span(3000, 1800), used)).errors == []
        lengths = [
            each.body.decode() for each in cloud.requests if each.path.endswith("play/download")
        ]
        order = [each.method for each in cloud.requests][-2:]
    asked = [dict(httpx.Response(200, content=body).json()) for body in lengths]
    assert max(body["timeEnd"] - body["timeBegin"] for body in asked) == 310
    assert order == ["POST", "GET"]


async def test_channels_come_from_the_account_where_that_is_set() -> None:
    async with Cloud(profile({"online": False}, page=1)) as cloud:
        used = source(cloud, list_channels=True)
        (camera,) = await used.cameras()
        await used.aclose()
        assert (camera.channel, camera.name, camera.online) == (1, "Front", None)
        plain = source(cloud)
        assert [each.channel for each in await plain.cameras()] == [1]
        await plain.aclose()


async def test_an_answer_that_cannot_be_right() -> None:
    odd = [{"actual": [100, 0]}]
    async with Cloud(profile(oddities=odd)) as cloud:
        with pytest.raises(DeviceProtocolError, match="actual times"):
            await address(cloud)
        with pytest.raises(DeviceError):
            await address(cloud, AT, AT)
