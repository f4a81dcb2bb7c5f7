"""The recorder over real HTTP, asked by clients that share nothing with the product's."""

import asyncio
import re
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from hikcore.instants import NS, Span
from hikcore.sim.faults import Fault
from hikcore.sim.profiles import get_profile
from hikcore.sim.recorder import Recorder
from tests.sim.asking import GUID, NOON, PASSWORD, ask, client, fetch, question, tiny, uris, wish
from tests.timecode import read_instants


@pytest.fixture
async def recorder() -> AsyncIterator[Recorder]:
    async with Recorder(tiny()) as running:
        yield running


async def test_digest_with_one_challenge_for_many_requests(recorder: Recorder) -> None:
    async with client(recorder) as http:
        for _ in range(5):
            answer = await http.get("/ISAPI/System/deviceInfo?a=1&b=2")
            assert answer.status_code == 200
            assert "<model>DS-7608NI-K2</model>" in answer.text
    assert [request.login for request in recorder.requests] == ["challenge"] + ["in"] * 5
    first = recorder.requests[0]
    assert (first.status, first.headers.get("authorization")) == (401, None)


async def test_the_challenge_is_an_nvrs(recorder: Recorder) -> None:
    async with httpx.AsyncClient(base_url=recorder.url) as http:
        answer = await http.get("/ISAPI/System/time")
    header = answer.headers["www-authenticate"]
    assert answer.status_code == 401
    assert 'domain="::"' in header
    assert 'opaque=""' in header
    assert 'stale="FALSE"' in header
    assert "<statusValue>401</statusValue>" in answer.text


async def test_sha256_and_basic() -> None:
    async with Recorder(tiny(auth={"algorithm": "SHA-256"})) as recorder, client(recorder) as http:
        assert (await http.get("/ISAPI/System/time")).status_code == 200
    async with Recorder(tiny(auth={"scheme": "basic"})) as recorder:
        async with httpx.AsyncClient(base_url=recorder.url, auth=("admin", PASSWORD)) as http:
            assert (await http.get("/ISAPI/System/time")).status_code == 200
        async with client(recorder) as http:
            assert (await http.get("/ISAPI/System/time")).status_code == 401


async def test_stale_nonces_are_no_wrong_logins() -> None:
    async with Recorder(tiny(auth={"nonce_uses": 2})) as recorder, client(recorder) as http:
        for _ in range(12):
            answer = await http.get("/ISAPI/System/time")
            if answer.status_code == 401:
                assert 'stale="TRUE"' in answer.headers["www-authenticate"]
                answer = await http.get("/ISAPI/System/time")
            assert answer.status_code == 200
        recorder.door.forget_nonces()
        await http.get("/ISAPI/System/time")
        assert recorder.requests[-1].login in ("stale", "in")
    assert {request.login for request in recorder.requests} == {"challenge", "in", "stale"}


async def test_five_wrong_logins_lock_the_right_one_out(recorder: Recorder) -> None:
    for left in (4, 3, 2, 1, 0):
        # httpx answers a second challenge with a second login: a new client each time makes one.
        async with client(recorder, "wrong") as http:
            answer = await http.get("/ISAPI/System/time")
        assert answer.status_code == 401
        check = await httpx.AsyncClient().get(f"{recorder.url}/ISAPI/Security/userCheck")
        assert f"<retryLoginTime>{left}</retryLoginTime>" in check.text
    assert "<lockStatus>lock</lockStatus>" in answer.text
    async with client(recorder) as http:
        refused = await http.get("/ISAPI/System/time")
        assert refused.status_code == 401
        assert "<unlockTime>1800</unlockTime>" in refused.text
        recorder.advance(1000)
        check = await httpx.AsyncClient().get(f"{recorder.url}/ISAPI/Security/userCheck")
        assert "<unlockTime>800</unlockTime>" in check.text
        recorder.advance(801)
        assert (await http.get("/ISAPI/System/time")).status_code == 200


async def test_unknown_paths_and_refused_ones(recorder: Recorder) -> None:
    async with client(recorder) as http:
        lost = await http.get("/ISAPI/None/such")
        assert lost.status_code == 404
        assert lost.headers["content-type"] == "text/html"
        refused = await http.get("/ISAPI/System/Video/inputs/channels")
        assert refused.status_code == 403
        assert "<subStatusCode>notSupport</subStatusCode>" in refused.text
        assert (await http.put("/ISAPI/System/time", content="<Time/>")).status_code == 405


async def test_time_and_channels(recorder: Recorder) -> None:
    async with client(recorder) as http:
        answer = await http.get("/ISAPI/System/time")
        assert "<localTime>2026-11-20T17:00:00+05:00</localTime>" in answer.text
        assert "<timeZone>CST-5:00:00</timeZone>" in answer.text
        assert answer.headers["date"] == "Fri, 20 Nov 2026 17:00:00 GMT"
        answer = await http.get("/ISAPI/ContentMgmt/InputProxy/channels")
        assert re.findall("<id>(.*?)</id>", answer.text) == ["1", "3"]
        assert 'size="8"' in answer.text
        answer = await http.get("/ISAPI/Streaming/channels")
        assert re.findall("<id>(.*?)</id>", answer.text) == ["101", "301"]
        answer = await http.get("/ISAPI/ContentMgmt/record/tracks")
        assert "<Enable>false</Enable>" in answer.text
        answer = await http.get("/ISAPI/ContentMgmt/InputProxy/channels/status")
        assert answer.text.count("<online>true</online>") == 2


async def test_search_pages_to_its_end(recorder: Recorder) -> None:
    found: list[str] = []
    words = []
    async with client(recorder) as http:
        while True:
            text = await ask(http, position=len(found))
            words.append(re.findall("responseStatusStrg>(.*?)<", text)[0])
            assert "{88c2cd4d-d3fa-4ad4-bd80-555c18205d01}" in text
            found += uris(text)
            if words[-1] != "MORE":
                break
        empty = await ask(http, position=len(found))
    files = recorder.files(1)
    assert len(files) > 5
    assert words == ["MORE"] * ((len(files) - 1) // 3) + ["OK"]
    assert "NO MATCHES" in empty
    assert "matchList" not in empty
    assert [re.findall("name=(.*?)&", uri)[0] for uri in found] == [file.name for file in files]
    assert "starttime=20261120T165700Z" in found[0]


async def test_wrong_spellings_are_passed_over_in_silence(recorder: Recorder) -> None:
    async with client(recorder) as http:
        assert "<trackID>101</trackID>" in await ask(http, track=301, box="trackList")
        assert "<trackID>301</trackID>" in await ask(http, track=301)
        first = await ask(http)
        again = await ask(http, position=3, where="searchResultPosition")
        assert uris(again) == uris(first) != uris(await ask(http, position=3))
        assert "NO MATCHES" in await ask(http, track=102)
        for guid in ("search", ""):
            answer = await http.post("/ISAPI/ContentMgmt/search", content=question(guid=guid))
            assert answer.status_code == 400
            assert "badXmlContent" in answer.text
        answer = await http.post("/ISAPI/ContentMgmt/search", content="<CMSearch")
        assert "badXmlFormat" in answer.text
        late = question(span=("2026-11-20T00:00:00Z", "2040-01-01T00:00:00Z"))
        answer = await http.post("/ISAPI/ContentMgmt/search", content=late)
        assert answer.status_code == 400


async def test_spans_too_wide_for_the_firmware() -> None:
    async with Recorder(tiny(dialect={"widest_days": 31})) as recorder, client(recorder) as http:
        assert uris(await ask(http))
        year = question(span=("2026-01-01T00:00:00Z", "2026-12-31T00:00:00Z"))
        answer = await http.post("/ISAPI/ContentMgmt/search", content=year)
        assert (answer.status_code, "deviceError" in answer.text) == (500, True)


@pytest.mark.parametrize("listing", ["local", "utc"])
async def test_z_means_what_the_profile_says(listing: str) -> None:
    clock = {"listing": listing}
    window = {"utc": ("2026-11-20T11:58:10Z", "2026-11-20T11:58:20Z"),
              "local": ("2026-11-20T16:58:10Z", "2026-11-20T16:58:20Z")}  # fmt: skip
    async with Recorder(tiny(clock=clock)) as recorder, client(recorder) as http:
        (uri,) = uris(await ask(http, span=window[listing]))
        other = window["local" if listing == "utc" else "utc"]
        assert uris(await ask(http, span=other, guid=GUID.format(9))) == []
        hour = "11" if listing == "utc" else "16"
        assert f"starttime=20261120T{hour}5800Z" in uri
        (file,) = recorder.files(1, Span(NOON - 110 * NS, NOON - 100 * NS))
        assert f"name={file.name}" in uri


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_download_is_the_file(recorder: Recorder, method: str, tmp_path: Path) -> None:
    async with client(recorder) as http:
        uri = uris(await ask(http))[1]
        answer = await fetch(http, uri, method)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "Opaque/data"
    assert f"size={len(answer.content)}" in uri
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert recorder.bytes_served == len(answer.content)
    path = tmp_path / "file.mp4"
    path.write_bytes(answer.content)
    file = recorder.files(1)[1]
    end = file.end_ms * 10**6
    assert read_instants(str(path)) == [
        instant
        for instant in recorder.recorded(1, Span(NOON - 180 * NS, NOON))
        if file.begin_ms * 10**6 <= instant < end
    ]


async def test_downloads_are_refused_unless_asked_as_the_device_wants() -> None:
    profile = tiny(dialect={"download": ["GET query"]})
    async with Recorder(profile) as recorder, client(recorder) as http:
        uri = uris(await ask(http))[0]
        assert (await fetch(http, uri)).status_code == 400
        quoted = str(httpx.QueryParams({"playbackURI": uri}))
        for query in (quoted, f"playbackURI={uri}", f"playbackURI={uri}&onlyVerification=true"):
            answer = await http.get(f"/ISAPI/ContentMgmt/download?{query}")
            assert answer.content[:4] == b"IMKH"
            assert len(answer.content) == recorder.vaults[1].size(recorder.files(1)[0])


async def test_playback_uris_must_be_whole(recorder: Recorder) -> None:
    async with client(recorder) as http:
        uri = uris(await ask(http))[0]
        for bad in (
            uri.partition("&name")[0],
            uri.replace("&", "&amp;"),
            uri.replace("/101/", "/201/"),
            "http://example.invalid/",
        ):
            answer = await fetch(http, bad)
            assert (answer.status_code, "badXmlContent" in answer.text) == (400, True)
        gone = await fetch(http, re.sub(r"name=\d+", "name=00000000000000000", uri))
        assert gone.status_code == 404


async def test_the_growing_file_grows_closes_and_the_next_begins(recorder: Recorder) -> None:
    async with client(recorder) as http:
        span = ("2026-11-20T16:59:50Z", "2026-11-20T18:00:00Z")
        (*_, uri) = uris(await ask(http, span=span, guid=GUID.format(2)))
        growing = recorder.files(1)[-1]
        assert growing.growing
        end = re.findall(r"endtime=(\d+)T(\d+)Z", uri)[0][1]
        assert end > "170000"
        first = (await fetch(http, uri)).content
        recorder.advance(5)
        more = (await fetch(http, uri)).content
        assert more.startswith(first[:100_000])
        assert len(more) > len(first)
        recorder.advance(60)
        files = recorder.files(1)
        (closed,) = [file for file in files if file.name == growing.name]
        assert not closed.growing
        assert files[-1].name > growing.name
        whole = (await fetch(http, uri)).content
        assert whole.startswith(more[:100_000])
        assert len(whole) == recorder.vaults[1].size(closed)
        listed = uris(await ask(http, span=span, guid=GUID.format(3)))
        assert f"size={len(whole)}" in next(u for u in listed if growing.name in u)


async def test_recycled_files_are_gone() -> None:
    async with Recorder(tiny(recorded={"retention": 120})) as recorder, client(recorder) as http:
        uri = uris(await ask(http))[0]
        recorder.advance(60)
        answer = await fetch(http, uri)
        assert (answer.status_code, "Invalid Operation" in answer.text) == (404, True)
        assert uri not in uris(await ask(http, guid=GUID.format(4)))


async def test_busy_when_too_many_download() -> None:
    limits = {"downloads": 1, "rate": 2_000_000}
    async with Recorder(tiny(limits=limits)) as recorder, client(recorder) as http:
        uri = uris(await ask(http))[0]
        answers = await asyncio.gather(*(fetch(http, uri) for _ in range(3)))
        assert sorted(answer.status_code for answer in answers) == [200, 503, 503]
        busy = next(answer for answer in answers if answer.status_code == 503)
        assert "<subStatusCode>deviceBusy</subStatusCode>" in busy.text
        assert (await fetch(http, uri)).status_code == 200


DOWNLOAD = "/ContentMgmt/download"


async def _body(recorder: Recorder, http: httpx.AsyncClient) -> tuple[bytes, str, int]:
    """(bytes that came, what ended them, bytes announced) of a download."""
    uri = uris(await ask(http))[0]
    got, announced = b"", -1
    try:
        async with http.stream("POST", "/ISAPI/ContentMgmt/download", content=wish(uri)) as answer:
            announced = int(answer.headers.get("content-length", -1))
            async for block in answer.aiter_raw():
                got += block
    except httpx.HTTPError as error:
        return got, type(error).__name__, announced
    return got, "", announced


@pytest.mark.parametrize(
    ("fault", "ending"),
    [
        ({"kind": "drop"}, "RemoteProtocolError"),
        ({"kind": "reset", "at": 5000}, "ReadError"),
        ({"kind": "close", "at": 5000}, "RemoteProtocolError"),
        ({"kind": "wrong_length", "by": 10}, "RemoteProtocolError"),
        ({"kind": "short", "at": 5000}, ""),
        ({"kind": "no_length"}, ""),
        ({"kind": "no_length", "at": 5000}, ""),
        ({"kind": "long", "by": 100}, ""),
        ({"kind": "empty"}, ""),
        ({"kind": "noise"}, ""),
        ({"kind": "stall", "at": 5000, "seconds": 0.3}, ""),
        ({"kind": "delay", "seconds": 0.3}, ""),
    ],
)
async def test_faults_of_bodies(recorder: Recorder, fault: dict[str, Any], ending: str) -> None:
    size = recorder.vaults[1].size(recorder.files(1)[0])
    truth = b"".join(recorder.vaults[1].body(recorder.files(1)[0]))
    recorder.faults.add(Fault(match=DOWNLOAD, nth=(1,), **fault))
    async with client(recorder) as http:
        begun = asyncio.get_running_loop().time()
        got, ended, announced = await _body(recorder, http)
        took = asyncio.get_running_loop().time() - begun
        assert ended == ending
        kind, at = fault["kind"], fault.get("at")
        lengths = {"drop": -1, "short": 5000, "no_length": -1, "long": size + 100, "empty": 0,
                   "wrong_length": size + 10}  # fmt: skip
        assert announced == lengths.get(kind, size)
        wanted = {"drop": 0, "empty": 0, "long": size + 100, "stall": size}
        assert len(got) == wanted.get(kind, at or size)
        if kind == "noise":
            assert got[:4] != b"IMKH"
            got = bytes(byte ^ 0xA5 for byte in got)
        assert got[:size] == truth[: len(got)]
        if "seconds" in fault:
            assert took >= fault["seconds"]
        assert recorder.requests[-1].fault == kind
        got, ended, announced = await _body(recorder, http)
        assert (got, ended, announced) == (truth, "", size)


@pytest.mark.parametrize(
    ("fault", "status", "text"),
    [
        ({"kind": "busy"}, 503, "<statusCode>2</statusCode>"),
        ({"kind": "error200"}, 200, "<statusCode>3</statusCode>"),
        ({"kind": "status", "status": 403}, 403, "notSupport"),
    ],
)
async def test_faults_that_answer(
    recorder: Recorder, fault: dict[str, Any], status: int, text: str
) -> None:
    recorder.faults.add(Fault(match="POST .*search", body="<trackID>301<", nth=(2,), **fault))
    async with client(recorder) as http:
        for track, expected in ((101, 200), (301, 200), (301, status), (301, 200)):
            answer = await http.post("/ISAPI/ContentMgmt/search", content=question(track))
            assert answer.status_code == expected
            struck = recorder.requests[-1].fault
            assert (text in answer.text) == bool(struck)
    assert [request.fault for request in recorder.requests if request.fault] == [fault["kind"]]


async def test_requests_in_one_packet_and_clients_that_hang_up(recorder: Recorder) -> None:
    """Pipelining, an unfinished request, and a reader that leaves: the server lives on."""
    reader, writer = await asyncio.open_connection(recorder.host, recorder.port)
    one = b"GET /ISAPI/Security/userCheck HTTP/1.1\r\nHost: x\r\n\r\n"
    writer.write(one + one + b"GET /half")
    text = b""
    while text.count(b"</userCheck>") < 2:
        text += await asyncio.wait_for(reader.read(4096), 5)
    assert text.count(b"HTTP/1.1 200 OK") == 2
    writer.close()
    with socket.create_connection((recorder.host, recorder.port)) as rude:
        rude.sendall(b"\x16\x03\x01 this is no HTTP\r\n\r\n")
    async with client(recorder) as http:
        assert (await http.get("/ISAPI/System/time")).status_code == 200


async def test_prepare_makes_everything() -> None:
    seen: list[float] = []
    async with Recorder(get_profile("small")) as recorder:
        await recorder.prepare(seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1


def test_serve_tells_its_address_and_ends_on_interrupt() -> None:
    script = "from hikcore.sim import serve; serve('small')"
    with subprocess.Popen(
        [sys.executable, "-c", script], stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        url = re.findall(r"http://127\.0\.0\.1:\d+", line)[0]
        assert PASSWORD not in line
        assert httpx.get(f"{url}/ISAPI/Security/userCheck").status_code == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0


async def test_https_with_a_certificate_of_its_own(tmp_path: Path) -> None:
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-keyout", key,
         "-out", cert, "-subj", "/CN=recorder", "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(cert, key)
    async with Recorder(tiny(), tls=tls) as recorder:
        assert recorder.url.startswith("https://")
        recorder.faults.add(Fault(match=DOWNLOAD, nth=(1,), kind="reset", at=5000))
        trust = ssl.create_default_context(cafile=str(cert))
        auth = httpx.DigestAuth("admin", PASSWORD)
        async with httpx.AsyncClient(base_url=recorder.url, auth=auth, verify=trust) as http:
            uri = uris(await ask(http))[0]
            with pytest.raises(httpx.HTTPError):
                await fetch(http, uri)
            answer = await fetch(http, uri)
        assert len(answer.content) == recorder.vaults[1].size(recorder.files(1)[0])
