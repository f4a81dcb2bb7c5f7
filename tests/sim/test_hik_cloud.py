"""The simulated cloud does what is told of the real one."""

from __future__ import annotations

import io
import json
from typing import Any

import av
import httpx
import pytest

from hikcore.errors import ConfigurationError
from hikcore.instants import NS
from hikcore.sim.hik_cloud.cloud import Cloud
from hikcore.sim.hik_cloud.profile import CloudProfile, built_in_clouds, cloud_profile
from tests.hik_cloud.conftest import NOW, SERIAL, profile
from tests.timecode import read_instant

PATH = "/v1/carrier/cstorage/open/play/download"
FORM = {
    "client_id": "simulated-client", "client_secret": "simulated-secret",
    "grant_type": "client_credentials",
}  # fmt: skip
AT = NOW // NS - 1800


async def post(cloud: Cloud, body: Any, token: str = "simulated-token-0") -> httpx.Response:
    async with httpx.AsyncClient() as client:
        headers = {"Authorization": f"Bearer {token}"}
        return await client.post(cloud.url + PATH, json=body, headers=headers)


def asked(
    begin: object = AT, end: object = AT + 60, serial: object = SERIAL, channel: object = 1
) -> Any:
    return {"deviceSerial": serial, "channelNo": channel, "timeBegin": begin, "timeEnd": end}


async def url_of(cloud: Cloud, **changes: Any) -> str:
    return str((await post(cloud, asked(**changes))).json()["data"]["url"])


async def test_tokens_are_bare_json_and_the_same_within_their_lifetime() -> None:
    async with Cloud(profile(account={"lifetime": 100})) as cloud, httpx.AsyncClient() as client:
        url = f"{cloud.url}/oauth/token"
        first = (await client.post(url, data=FORM)).json()
        cloud.advance(40)
        second = (await client.post(url, data=FORM)).json()
        cloud.advance(70)
        third = (await client.post(url, data=FORM)).json()
        assert set(first) == {"access_token", "token_type", "expires_in", "scope"}
        assert (first["expires_in"], second["expires_in"]) == (100, 60)
        assert first["access_token"] == second["access_token"] != third["access_token"]
        assert (await post(cloud, asked(), first["access_token"])).status_code == 401
        assert (await post(cloud, asked(), third["access_token"])).status_code == 200
        wrong = await client.post(url, data=FORM | {"client_secret": "x"})
        assert (wrong.status_code, "access_token" in wrong.text) == (401, False)
        assert (await client.post(url, json=FORM)).status_code == 400
        other = await client.post(url, data=FORM | {"grant_type": "password"})
        assert other.status_code == 400


async def test_tokens_asked_for_too_often_are_refused() -> None:
    made = profile(account={"per_minute": 2})
    async with Cloud(made) as cloud, httpx.AsyncClient() as client:
        url = f"{cloud.url}/oauth/token"
        assert [(await client.post(url, data=FORM)).status_code for _ in range(3)] == [
            200,
            200,
            429,
        ]
        cloud.advance(61)
        assert (await client.post(url, data=FORM)).status_code == 200


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"begin": str(AT)}, 10001), ({"channel": "1"}, 10001), ({"serial": 5}, 10001),
        ({"begin": True}, 10001), ({"begin": AT - 3541}, 80430002), ({"end": AT}, 80430001),
        ({"begin": AT - 90_000, "end": AT - 89_000}, 80438027),
        ({"begin": NOW // NS, "end": NOW // NS + 60}, 80438027),
        ({"begin": NOW // NS - 30, "end": NOW // NS}, 80438027),
        ({"serial": "X"}, 20002), ({"channel": 9}, 20001), ({"begin": AT - 3540}, 0), ({}, 0),
    ],
)  # fmt: skip
async def test_codes_of_download_addresses(changes: dict[str, Any], code: int) -> None:
    async with Cloud(profile(since="now-2h")) as cloud:
        answer = await post(cloud, asked(**changes))
    assert (answer.status_code, answer.json()["code"]) == (200, code)
    assert answer.json()["success"] == (code == 0)


@pytest.mark.parametrize(
    ("state", "code"), [("offline", 20007), ("foreign", 20018), ("encrypted", 60019)]
)
async def test_states_of_devices(state: str, code: int) -> None:
    async with Cloud(profile(state=state)) as cloud:
        assert (await post(cloud, asked())).json()["code"] == code


@pytest.mark.parametrize("start", ["exact", "key"])
async def test_bodies_begin_where_asked_or_at_the_key_picture_before(start: str) -> None:
    async with Cloud(profile(serving={"start": start})) as cloud, httpx.AsyncClient() as client:
        answer = (await post(cloud, asked(AT + 5, AT + 65))).json()["data"]
        body = (await client.get(answer["url"])).content
    with av.open(io.BytesIO(body)) as video:
        packets = [packet for packet in video.demux(video=0) if packet.size]
    assert packets[0].is_keyframe == (start == "key")
    assert int(answer["actualBeginTime"]) == (AT if start == "key" else AT + 5)
    assert len(packets) == (60 if start == "exact" else 65)


async def test_addresses_end_and_take_no_token() -> None:
    async with Cloud(profile()) as cloud, httpx.AsyncClient() as client:
        url = await url_of(cloud)
        refused = await client.get(url, headers={"Authorization": "bearer simulated-token-0"})
        assert refused.status_code == 400
        assert (await client.get(url.split("?")[0])).status_code == 403
        assert (await client.get(url)).status_code == 200
        again = await client.get(url)
        assert (again.status_code, b"expired" in again.content) == (403, True)
        late = await url_of(cloud)
        cloud.advance(601)
        assert (await client.get(late)).status_code == 403


async def test_lists_have_pages() -> None:
    entries = [
        {"serial": "A", "camera": {"channel": number, "online": number != 2}}
        for number in range(1, 6)
    ]
    made = CloudProfile.model_validate({"cameras": entries, "page": 2})
    async with Cloud(made) as cloud, httpx.AsyncClient(base_url=cloud.url) as client:
        headers = {"Authorization": "bearer simulated-token-0"}
        rows: list[dict[str, Any]] = []
        for page in (1, 2, 3):
            query = {"deviceId": "id-A", "pageNo": page, "pageSize": 500}
            answer = await client.get("/v1/channels/list", params=query, headers=headers)
            rows += answer.json()["data"]["rows"]
            assert answer.json()["data"]["hasNextPage"] == (page < 3)
    assert [(row["channelNo"], row["channelStatus"]) for row in rows] == [
        (1, 1), (2, -1), (3, 1), (4, 1), (5, 1),
    ]  # fmt: skip


async def test_every_request_is_kept_and_answers_are_told_apart() -> None:
    async with Cloud(profile()) as cloud, httpx.AsyncClient() as client:
        await client.get(await url_of(cloud))
        assert [request.method for request in cloud.requests] == ["POST", "GET"]
        assert json.loads(cloud.requests[0].body) == asked()


async def test_the_placeholder_is_always_the_same_video() -> None:
    async with (
        Cloud(profile(oddities=[{"body": "placeholder"}])) as cloud,
        httpx.AsyncClient() as client,
    ):
        bodies = [(await client.get(await url_of(cloud))).content for _ in range(2)]
    assert bodies[0] == bodies[1]
    with av.open(io.BytesIO(bodies[0])) as video:
        first = next(video.decode(video=0))
    assert read_instant(first) == 0


@pytest.mark.parametrize("name", built_in_clouds())
async def test_built_in_profiles_serve(name: str) -> None:
    async with Cloud(cloud_profile(name)) as cloud, httpx.AsyncClient() as client:
        now = cloud.now() // NS
        url = await url_of(cloud, begin=now - 700, end=now - 640, serial="SIM000001")
        assert (await client.get(url)).status_code == 200


def test_a_name_of_none() -> None:
    with pytest.raises(ConfigurationError, match="hik-cloud"):
        cloud_profile("hik-clowd")
