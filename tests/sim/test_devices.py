"""The ten devices: each is asked in its own dialect by hand, and shows what is told of it."""

import re
from typing import Any

import httpx
import pytest

from hikcore.sim.devices import DEVICES
from hikcore.sim.profiles import built_in, get_profile
from hikcore.sim.recorder import Recorder
from tests.sim.asking import GUID, PASSWORD, uris

SEARCH, DOWNLOAD = "/ISAPI/ContentMgmt/search", "/ISAPI/ContentMgmt/download"
DAY = {
    "nvr-4.84.101-local-dst": "2026-10-25",
    "nvr-4.1.18-empty-deadrtc": "2004-05-05",
}
NAMES = [data["name"] for data in DEVICES]


def http_for(recorder: Recorder) -> httpx.AsyncClient:
    auth: Any = httpx.DigestAuth("admin", PASSWORD)
    if recorder.profile.auth.scheme == "basic":
        auth = ("admin", PASSWORD)
    return httpx.AsyncClient(base_url=recorder.url, auth=auth, timeout=30)


def search(name: str, track: int = 101, position: int = 0, day: str = "") -> str:
    strict = name == "nxi-4.84-strict-xml"
    box, guid = (
        ("trackList", "{" + GUID.format(1) + "}") if strict else ("trackIDList", GUID.format(1))
    )
    day = day or DAY.get(name, "2026-11-20")
    return (
        f'<CMSearchDescription version="1.0"><searchID>{guid}</searchID>'
        f"<{box}><trackID>{track}</trackID></{box}><timeSpanList><timeSpan>"
        f"<startTime>{day}T00:00:00Z</startTime><endTime>{day}T23:59:59Z</endTime></timeSpan>"
        f"</timeSpanList><maxResults>100</maxResults>"
        f"<searchResultPostion>{position}</searchResultPostion></CMSearchDescription>"
    )


def wish(uri: str) -> str:
    uri = uri.replace("&", "&amp;")
    return f'<downloadRequest version="1.0"><playbackURI>{uri}</playbackURI></downloadRequest>'


def test_all_ten_are_there_and_say_where_they_come_from() -> None:
    assert len(NAMES) == 10
    assert set(NAMES) < set(built_in())
    for name in NAMES:
        assert (
            get_profile(name).identity.model in built_in()[name]
            or name == "nvr-4.40-cap40"
            or (name == "nxi-4.84-strict-xml")
        )


@pytest.mark.parametrize("name", NAMES)
async def test_each_serves_its_files_to_whoever_asks_rightly(name: str) -> None:
    async with Recorder(get_profile(name)) as recorder, http_for(recorder) as http:
        info = (await http.get("/ISAPI/System/deviceInfo")).text
        assert f"<firmwareVersion>{recorder.profile.identity.firmware}<" in info
        answer = await http.post(SEARCH, content=search(name))
        assert answer.status_code == 200, answer.text
        if name == "nvr-4.1.18-empty-deadrtc":
            assert "NO MATCHES" in answer.text
            return
        method = recorder.profile.dialect.download[0].split()[0]
        found = uris(answer.text)
        assert len(found) == len(recorder.files(1)) > 1
        for uri, file in zip(found[:2], recorder.files(1), strict=False):
            body = (await http.request(method, DOWNLOAD, content=wish(uri))).content
            assert body[:4] == b"IMKH"
            assert len(body) == recorder.vaults[1].size(file)
            other = {"GET": "POST", "POST": "GET"}[method]
            if f"{other} body" not in recorder.profile.dialect.download:
                refused = await http.request(other, DOWNLOAD, content=wish(uri))
                assert refused.status_code == 400


async def asked(name: str, method: str, path: str, body: str = "") -> httpx.Response:
    async with Recorder(get_profile(name)) as recorder, http_for(recorder) as http:
        return await http.request(method, path, content=body or None)


async def test_the_camera_says_so() -> None:
    name = "ipc-5.5-utc"
    async with Recorder(get_profile(name)) as recorder:
        async with httpx.AsyncClient(base_url=recorder.url) as http:
            refused = await http.get("/ISAPI/System/time")
            assert "Access Error: 401" in refused.text
            assert refused.headers["server"] == "App-webs/"
            assert refused.headers["www-authenticate"].startswith('Digest qop="auth", realm="IP')
        async with http_for(recorder) as http:
            proxy = await http.get("/ISAPI/ContentMgmt/InputProxy/channels")
            assert proxy.status_code == 403
            empty = await http.post(SEARCH, content=search(name, day="2020-01-01"))
            assert "<matchList>" in empty.text
            loose = search(name).replace(GUID.format(1), "search")
            found = await http.post(SEARCH, content=loose)
            assert "name=ch01_" in found.text
            # Noon UTC is 04:00 in California; the listing is in UTC.
            assert "T11:5" in found.text
            assert "T04:00:00-08:00" in (await http.get("/ISAPI/System/time")).text


async def test_three_seconds_and_a_future_end() -> None:
    name = "nvr-4.61-utc-overlap3"
    async with Recorder(get_profile(name)) as recorder, http_for(recorder) as http:
        text = (await http.post(SEARCH, content=search(name))).text
        assert max(re.findall("<endTime>(.*?)<", text)) > "2026-11-20T12:17"
        assert "isapi.org" in text
        first, second = recorder.files(1)[:2]
        assert first.end_ms - second.begin_ms == 3000
        inputs = (await http.get("/ISAPI/ContentMgmt/InputProxy/channels")).text
        assert ('size="8"' in inputs, re.findall("<id>(.*?)<", inputs)) == (True, ["1", "5"])


async def test_ten_minutes_twice() -> None:
    name = "nvr-4.84-utc-clockstep"
    async with Recorder(get_profile(name)) as recorder, http_for(recorder) as http:
        text = (await http.post(SEARCH, content=search(name))).text
        rows = re.findall("<startTime>(.*?)</startTime><endTime>(.*?)</endTime>", text)
        files = recorder.files(1)
        assert len(rows) == len(files) > 8
        first = min(file.begin_ms for file in files if file.era == 1)
        last = max(file.end_ms for file in files if file.era == 0)
        assert 590_000 < last - first <= 600_000  # ten minutes are there twice
        ignored = (await http.post(SEARCH, content=search(name, track=901))).text
        assert set(re.findall("<trackID>(.*?)<", ignored)) == {"101"}


async def test_the_hour_that_comes_twice() -> None:
    name = "nvr-4.84.101-local-dst"
    answer = await asked(name, "GET", "/ISAPI/System/time")
    assert "<localTime>2026-10-25T03:03:00+02:00<" in answer.text
    text = (await asked(name, "POST", SEARCH, search(name))).text
    begins = re.findall(r"<startTime>.{11}(.{8})Z", text)
    # 03:5x in summer, then 03:0x again: sorted by the instant, the readings go back.
    assert begins[0] > "03:50"
    assert begins[-1] < "03:10"


async def test_strict_xml_is_strict() -> None:
    name = "nxi-4.84-strict-xml"
    async with Recorder(get_profile(name)) as recorder, http_for(recorder) as http:
        right = search(name)
        for wrong in (
            '<?xml version="1.0" encoding="UTF-8"?>' + right,
            right.replace(' version="1.0"', ""),
            right.replace(' version="1.0"', ' version="1.0" xmlns="http://www.isapi.org/x"'),
            right.replace("{", "").replace("}", ""),
        ):
            assert (await http.post(SEARCH, content=wrong)).status_code == 400
        listed = right.replace("trackList", "trackIDList").replace(">101<", ">201<")
        assert "<trackID>101<" in (await http.post(SEARCH, content=listed)).text


async def test_the_others_are_what_is_told_of_them() -> None:
    refused = search("dvr-4.71-local").replace("Postion", "Position")
    assert (await asked("dvr-4.71-local", "POST", SEARCH, refused)).status_code == 400
    tracks = (await asked("dvr-4.71-local", "GET", "/ISAPI/ContentMgmt/record/tracks")).text
    assert "<ActionRecordingMode>MOTION<" in tracks
    inputs = (await asked("dvr-4.71-local", "GET", "/ISAPI/System/Video/inputs/channels")).text
    assert "NO VIDEO" in inputs
    dead = "nvr-4.1.18-empty-deadrtc"
    assert "2004-05-05" in (await asked(dead, "GET", "/ISAPI/System/time")).text
    assert (await asked(dead, "GET", "/ISAPI/Streaming/channels")).status_code == 403
    bad = await asked(dead, "POST", SEARCH, search(dead, track=901))
    assert (bad.status_code, "Invalid track id." in bad.text) == (400, True)
    name = "nvr-4.61-wide500"
    wide = search(name).replace("2026-11-20T00", "2024-11-20T00")
    async with Recorder(get_profile(name)) as recorder, http_for(recorder) as http:
        seen = {(await http.post(SEARCH, content=wide)).status_code for _ in range(20)}
        assert seen == {200, 500}
        one = search(name).replace(">100<", ">1<")
        text = (await http.post(SEARCH, content=one)).text
        assert int(re.findall("<numOfMatches>(.*?)<", text)[0]) > len(uris(text)) == 1
    async with Recorder(get_profile("basic-only-5.2.2")) as recorder:
        digest = httpx.DigestAuth("admin", PASSWORD)
        async with httpx.AsyncClient(base_url=recorder.url, auth=digest) as http:
            answer = await http.get("/ISAPI/System/time")
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"] == 'Basic realm="DS-FB2127"'
