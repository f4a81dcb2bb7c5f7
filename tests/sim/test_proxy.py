"""The fault proxy in front of a simulated recorder, of MinIO and of plain TCP."""

import asyncio
import errno
import os
import socket
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from hikcore.sim.disk import short_files, small_disk
from hikcore.sim.proxy import FaultProxy
from hikcore.sim.recorder import Recorder
from hikcore.sim.strikes import S3_PHASES, Plan, Strike
from tests.minio_server import MinioServer
from tests.sim.asking import PASSWORD, ask, tiny, uris, wish

DOWNLOAD = "/ISAPI/ContentMgmt/download"


@pytest.fixture
async def recorder() -> AsyncIterator[Recorder]:
    async with Recorder(tiny()) as running:
        yield running


def through(proxy: FaultProxy) -> httpx.AsyncClient:
    auth = httpx.DigestAuth("admin", PASSWORD)
    return httpx.AsyncClient(base_url=proxy.url, auth=auth, timeout=20)


def before(recorder: Recorder, *strikes: Strike, **more: Any) -> FaultProxy:
    return FaultProxy(f"{recorder.host}:{recorder.port}", strikes, **more)


async def body(http: httpx.AsyncClient, uri: str) -> tuple[bytes, str, int]:
    """(bytes that came, what ended them, bytes announced) of a download."""
    got, announced = b"", -1
    try:
        async with http.stream("POST", DOWNLOAD, content=wish(uri)) as answer:
            announced = int(answer.headers.get("content-length", -1))
            async for block in answer.aiter_raw():
                got += block
    except httpx.HTTPError as error:
        return got, type(error).__name__, announced
    return got, "", announced


async def test_without_a_strike_everything_passes_as_it_is(recorder: Recorder) -> None:
    async with before(recorder) as proxy, through(proxy) as http:
        uri = uris(await ask(http))[0]
        truth = b"".join(recorder.vaults[1].body(recorder.files(1)[0]))
        assert await body(http, uri) == (truth, "", len(truth))
        head = await http.head("/ISAPI/System/time")
        assert (head.status_code, head.content) == (405, b"")
    assert [passed.phase for passed in proxy.passed] == ["list", "list", "fetch", "login"]
    assert not proxy.struck


@pytest.mark.parametrize(
    ("strike", "ending", "announced"),
    [
        ({"kind": "drop"}, "RemoteProtocolError", None),
        ({"kind": "reset", "at": 5000}, "ReadError", 0),
        ({"kind": "close", "at": 5000}, "RemoteProtocolError", 0),
        ({"kind": "close", "part": 0.5}, "RemoteProtocolError", 0),
        ({"kind": "close", "part": 1.0}, "", 0),
        ({"kind": "short", "at": 5000}, "", "at"),
        ({"kind": "long", "by": 100}, "", 100),
        ({"kind": "wrong_length", "by": 10}, "RemoteProtocolError", 10),
        ({"kind": "no_length"}, "", None),
        ({"kind": "stall", "at": 5000, "seconds": 0.2}, "", 0),
    ],
)
async def test_bodies(
    recorder: Recorder, strike: dict[str, Any], ending: str, announced: int | str | None
) -> None:
    truth = b"".join(recorder.vaults[1].body(recorder.files(1)[0]))
    async with before(recorder) as proxy, through(proxy) as http:
        uri = uris(await ask(http))[0]
        proxy.plan.add(Strike(phase="fetch", nth=(1,), **strike))
        got, ended, said = await body(http, uri)
        assert ended == ending
        known = {None: -1, "at": 5000}
        assert said == (known[announced] if announced in known else len(truth) + int(announced))
        at = int(strike.get("part", 0) * len(truth)) or strike.get("at", len(truth))
        if strike["kind"] == "drop":
            at = 0
        elif strike["kind"] in ("stall", "long"):
            at = said
        assert len(got) == at
        assert got[: len(truth)] == truth[: len(got)]
        assert await body(http, uri) == (truth, "", len(truth))
    assert [passed.strike.kind for passed in proxy.struck if passed.strike] == [strike["kind"]]


async def test_a_stall_ends_when_the_client_goes_away(recorder: Recorder) -> None:
    strike = Strike(kind="stall", phase="fetch", at=100)
    async with before(recorder, strike) as proxy, through(proxy) as http:
        uri = uris(await ask(http))[0]
        with pytest.raises(httpx.ReadTimeout):
            await http.post(DOWNLOAD, content=wish(uri), timeout=0.3)
        for _ in range(1000):
            if not proxy._open:
                break
            await asyncio.sleep(0.01)
        assert not proxy._open


async def test_one_byte_a_second_by_a_clock_that_is_given(recorder: Recorder) -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    strike = Strike(kind="trickle", phase="list", at=20, nth=(2,))
    async with before(recorder, strike, sleep=sleep) as proxy, through(proxy) as http:
        text = await ask(http)
    assert text.startswith("<?xml")
    assert text.rstrip().endswith("</CMSearchResult>")
    assert waited == [1.0] * (len(text.encode()) - 20)


@pytest.mark.parametrize("kind", ["unauthorized", "stale_nonce"])
async def test_logins_that_are_not_taken(recorder: Recorder, kind: Any) -> None:
    async with before(recorder) as proxy, through(proxy) as http:
        assert (await http.get("/ISAPI/System/time")).status_code == 200
        proxy.plan.add(Strike(kind=kind, nth=(1,)))
        # httpx signs anew with the nonce of the 401, which is a good one.
        assert (await http.get("/ISAPI/System/time")).status_code == 200
    assert [passed.request for passed in proxy.struck] == ["GET /ISAPI/System/time"]
    assert [request.login for request in recorder.requests] == ["challenge", "in"] * 2


async def test_the_challenge_of_a_stale_nonce_says_so(recorder: Recorder) -> None:
    strikes = [Strike(kind="stale_nonce", nth=(2,))]
    async with before(recorder, *strikes) as proxy, httpx.AsyncClient() as http:
        url = f"{proxy.url}/ISAPI/System/time"
        for said in ("FALSE", "TRUE", "FALSE"):
            assert f'stale="{said}"' in (await http.get(url)).headers["www-authenticate"]


async def test_errors_in_the_language_of_who_was_asked(recorder: Recorder) -> None:
    strikes = [
        Strike(kind="busy", match="System/time", nth=(2,), burst=3),
        Strike(kind="error200", match="deviceInfo"),
        Strike(kind="store500", match="/bucket/"),
        Strike(kind="busy", match="/bucket2/"),
        Strike(kind="error200", match="/cloud"),
    ]
    async with before(recorder, *strikes) as proxy, through(proxy) as http:
        statuses = [(await http.get("/ISAPI/System/time")).status_code for _ in range(6)]
        # The first one takes two requests: the second of them begins the burst.
        assert statuses == [503, 503, 503, 200, 200, 200]
        answer = await http.get("/ISAPI/System/deviceInfo")
        assert (answer.status_code, "<statusCode>3<" in answer.text) == (200, True)
        answer = await http.put("/bucket/key", content=b"x")
        assert (answer.status_code, "InternalError" in answer.text) == (500, True)
        answer = await http.put("/bucket2/key", headers={"x-amz-date": "1"})
        assert (answer.status_code, "SlowDown" in answer.text) == (503, True)
        assert (await http.get("/cloud")).json() == {"code": 50000}


async def test_answers_twice_again_and_served_twice(recorder: Recorder) -> None:
    async with before(recorder) as proxy:
        reader, writer = await asyncio.open_connection(proxy.host, proxy.port)
        request = b"GET /ISAPI/Security/userCheck HTTP/1.1\r\nHost: x\r\n\r\n"

        async def answered(count: int) -> bytes:
            got = b""
            while got.count(b"</userCheck>") < count:
                got += await asyncio.wait_for(reader.read(4096), 5)
            return got

        proxy.plan.add(Strike(kind="duplicate", nth=(1,)))
        proxy.plan.add(Strike(kind="repeat", nth=(2,)))
        proxy.plan.add(Strike(kind="twice", nth=(3,)))
        writer.write(request)
        assert (await answered(2)).count(b"HTTP/1.1 200 OK") == 2
        assert len(recorder.requests) == 1
        writer.write(request)
        await answered(1)
        assert len(recorder.requests) == 1
        writer.write(request)
        await answered(1)
        assert len(recorder.requests) == 3
        writer.close()


async def test_the_device_takes_part(recorder: Recorder) -> None:
    begun = recorder.now()
    hooks = {
        "clock_step": lambda strike: recorder.advance(strike.by),
        "reboot": lambda strike: recorder.door.forget_nonces(),
    }
    strikes = [
        Strike(kind="clock_step", match="time", nth=(2,), by=3600),
        Strike(kind="reboot", match="deviceInfo", nth=(1,), count=2),
    ]
    async with before(recorder, *strikes, hooks=hooks) as proxy, through(proxy) as http:
        assert "T17:00:00" in (await http.get("/ISAPI/System/time")).text
        assert recorder.now() - begun == 3600 * 10**9
        assert "T18:00:00" in (await http.get("/ISAPI/System/time")).text
        for _ in range(3):
            with pytest.raises(httpx.TransportError):
                await http.get("/ISAPI/System/deviceInfo")
        assert (await http.get("/ISAPI/System/deviceInfo")).status_code in (200, 401)
        assert recorder.requests[-1].login in ("stale", "in")


def test_chances_are_seeded_and_do_not_depend_on_other_requests() -> None:
    strikes = [Strike(kind="reset", phase="fetch", p=0.5, most=60)]

    def draw(seed: int, noise: bool) -> list[bool]:
        plan, out = Plan(strikes, seed), []
        for _ in range(200):
            out.append(plan.choose(f"GET {DOWNLOAD}", "fetch") is not None)
            if noise:
                plan.choose("POST /ISAPI/ContentMgmt/search", "list")
        return out

    first = draw(7, noise=False)
    assert first == draw(7, noise=True) != draw(8, noise=False)
    assert sum(first) == 60
    assert 30 < sum(first[:100]) < 70
    with pytest.raises(ValidationError):
        Strike(kind="reset", match="(")


async def test_plain_tcp_by_connection() -> None:
    payload = bytes(range(256)) * 40

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(payload)
        await writer.drain()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    strikes = [
        Strike(kind="reset", nth=(2,), at=1000),
        Strike(kind="close", nth=(3,), at=1000),
        Strike(kind="drop", nth=(4,)),
        Strike(kind="stall", nth=(5,), at=1000),
    ]

    async def talk() -> tuple[bytes, str]:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        got = b""
        try:
            writer.write(b"go\n")
            while len(got) < len(payload):
                block = await asyncio.wait_for(reader.read(4096), 2)
                if not block:
                    return got, "end"
                got += block
        except (ConnectionError, TimeoutError) as error:
            return got, type(error).__name__
        finally:
            writer.close()
        return got, ""

    async with server, FaultProxy(f"127.0.0.1:{port}", strikes, http=False) as proxy:
        assert await talk() == (payload, "")
        assert await talk() == (payload[:1000], "ConnectionResetError")
        assert await talk() == (payload[:1000], "end")
        got, ended = await talk()
        assert (got, ended in ("end", "ConnectionResetError")) == (b"", True)
        assert await talk() == (payload[:1000], "TimeoutError")
        assert await talk() == (payload, "")


@pytest.mark.minio
def test_in_front_of_minio(minio: MinioServer) -> None:
    from minio import Minio
    from minio.error import S3Error

    strikes = [
        Strike(kind="store500", phase="commit", match="/one", nth=(1,)),
        Strike(kind="reset", phase="commit", match="/two", nth=(1,)),
        Strike(kind="close", phase="read", match="/one", part=0.5, nth=(2,)),
    ]
    import io

    import urllib3

    with FaultProxy(minio.endpoint, strikes, phases=S3_PHASES) as proxy:
        http = urllib3.PoolManager(retries=False, timeout=10)
        store = Minio(proxy.endpoint, access_key=minio.access_key, secret_key=minio.secret_key,
                      secure=False, region="us-east-1", http_client=http)  # fmt: skip
        store.make_bucket("proxied")
        with pytest.raises(S3Error, match="InternalError"):
            store.put_object("proxied", "one", io.BytesIO(b"a" * 5000), 5000)
        store.put_object("proxied", "one", io.BytesIO(b"a" * 5000), 5000)
        with pytest.raises(urllib3.exceptions.ProtocolError):
            store.put_object("proxied", "two", io.BytesIO(b"b" * 5000), 5000)
        # Done, but the answer was lost.
        assert store.stat_object("proxied", "two").size == 5000
        assert store.get_object("proxied", "one").data == b"a" * 5000
        with pytest.raises(urllib3.exceptions.HTTPError):
            store.get_object("proxied", "one").read()


def test_in_a_thread_of_its_own() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        strikes = [Strike(kind="busy", nth=(1,))]
        with (
            FaultProxy(f"127.0.0.1:{port}", strikes) as proxy,
            pytest.raises(urllib.error.HTTPError, match="503"),
        ):
            urllib.request.urlopen(f"{proxy.url}/ISAPI/System/time", timeout=60)


def test_disks_run_full(tmp_path: Path) -> None:
    with short_files(1000), (tmp_path / "a").open("wb", buffering=0) as out:
        assert out.write(b"x" * 2000) == 1000
        with pytest.raises(OSError, match=f"Errno {errno.EFBIG}"):
            out.write(b"x")
    (tmp_path / "b").write_bytes(b"x" * 2000)
    try:
        with small_disk(tmp_path / "small", 65_536) as folder:
            with pytest.raises(OSError, match=f"Errno {errno.ENOSPC}"):
                (folder / "a").write_bytes(b"x" * 200_000)
            assert os.statvfs(folder).f_blocks * os.statvfs(folder).f_frsize == 65_536
    except PermissionError as error:
        pytest.skip(f"this machine lets nobody mount a small disk: {error}")


async def test_chunks_and_whoever_waits_to_be_asked_on() -> None:
    """Chunked both ways, and `Expect: 100-continue`, as uploaders send it."""
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        heard.append(await reader.readuntil(b"0\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, FaultProxy(f"127.0.0.1:{port}") as proxy:
        reader, writer = await asyncio.open_connection(proxy.host, proxy.port)
        writer.write(b"PUT /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
                     b"Expect: 100-continue\r\n\r\n")  # fmt: skip
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100 ")
        writer.write(b"5\r\nhello\r\n0\r\n\r\n")
        answer = await asyncio.wait_for(reader.read(), 5)
        writer.close()
    # No length is known: the end of the connection is the end of the body.
    assert answer.startswith(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
    assert answer.endswith(b"\r\n\r\nabc")
    assert heard[1] == b"5\r\nhello\r\n0\r\n\r\n"


@pytest.mark.parametrize("split", [1, 7, 100_000])
async def test_messages_of_a_websocket_are_doubled_whole(split: int) -> None:
    from websockets.frames import Frame, Opcode

    from hikcore.sim.wsframes import doubled

    bodies = [b"a", b"b" * 126, b"c" * 70_000]
    frames = [Frame(Opcode.BINARY, body).serialize(mask=False) for body in bodies]
    ping = Frame(Opcode.PING, b"p").serialize(mask=False)
    stream = b"".join(frames[:2]) + ping + frames[2]

    async def blocks() -> AsyncIterator[bytes]:
        for at in range(0, len(stream), split):
            yield stream[at : at + split]

    got = b"".join([block async for block in doubled(blocks())])
    assert got == frames[0] * 2 + frames[1] * 2 + ping + frames[2] * 2
