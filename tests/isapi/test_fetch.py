"""A download: whole, or an error and nothing that looks whole."""

from __future__ import annotations

import asyncio
import gzip
import os
import random
from dataclasses import replace

import pytest
from pydantic import SecretStr

from hikcore.errors import (
    ConfigurationError,
    DeviceAuthError,
    DeviceBusy,
    DeviceError,
    DeviceProtocolError,
    DeviceRefused,
    DeviceUnreachable,
    TransferInterrupted,
)
from hikcore.instants import NS, Span
from hikcore.sources.base import Fetched, Recording
from hikcore.sources.isapi import IsapiSource, Settings
from tests.isapi.conftest import QUICK, MakeSource, recorded
from tests.isapi.device import Asked, Device, Reply, Reset, Stall

DOWNLOAD = "/ISAPI/ContentMgmt/download"
BODY = b"IMKH" + random.Random(1).randbytes(3_000_000)
RECORDING = Recording(
    1,
    "main",
    "file",
    "a",
    "b",
    Span(0, NS),
    len(BODY),
    "x",
    False,
    "rtsp://192.0.2.1/Streaming/tracks/101/?starttime=1&endtime=2&name=x&size=3",
)
VIDEO = "Opaque/data"


async def fetch(source: IsapiSource) -> tuple[Fetched, bytes]:
    got = bytearray()

    async def write(block: bytes) -> None:
        assert 0 < len(block) <= 1 << 20
        got.extend(block)

    try:
        return await source.fetch(RECORDING, write), bytes(got)
    except DeviceError as error:
        error.got = bytes(got)  # type: ignore[attr-defined]
        raise


def serve(device: Device, *replies: Reply, method: str = "GET") -> None:
    """Replies in a row, the last for ever."""
    left = list(replies)
    device.handlers[method, DOWNLOAD] = lambda _: left.pop(0) if len(left) > 1 else left[0]


@pytest.mark.parametrize("length", ["true", None])
async def test_a_body_arrives_whole(device: Device, source: MakeSource, length: str | None) -> None:
    serve(device, Reply(body=BODY, kind=VIDEO, length=length))
    fetched, got = await fetch(source())
    assert got == BODY
    assert fetched == Fetched(len(BODY), len(BODY) if length else None)
    assert b"name=x&amp;size=3</playbackURI>" in device.asked[-1].body


async def test_a_body_that_was_compressed_unasked_is_unpacked(
    device: Device, source: MakeSource
) -> None:
    coded = [("Content-Encoding", "gzip")]
    serve(device, Reply(body=gzip.compress(BODY), kind=VIDEO, headers=coded))
    fetched, got = await fetch(source())
    assert got == BODY
    assert fetched == Fetched(len(BODY), None)  # what was told is the length of something else
    assert device.asked[-1].headers["accept-encoding"] == "identity"


async def test_a_compressed_body_cut_short_is_an_interruption(
    device: Device, source: MakeSource
) -> None:
    packed = gzip.compress(BODY)
    coded = [("Content-Encoding", "gzip")]
    serve(device, Reply(body=[packed[:1_000_000]], kind=VIDEO, headers=coded, length=len(packed)))
    with pytest.raises(TransferInterrupted) as caught:
        await fetch(source())
    assert BODY.startswith(caught.value.got)  # type: ignore[attr-defined]


async def test_a_refusal_that_was_compressed_is_read(device: Device, source: MakeSource) -> None:
    refusal = (
        b"<ResponseStatus><statusCode>4</statusCode><statusString>Invalid Operation</statusString>"
        b"<subStatusCode>lowPrivilege</subStatusCode></ResponseStatus>"
    )
    for status in (200, 403):
        coded = [("Content-Encoding", "gzip")]
        serve(device, Reply(status, gzip.compress(refusal), coded))
        with pytest.raises(DeviceRefused, match="lowPrivilege"):
            await fetch(source())


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ([BODY[:1_000_000]], "connection broke"),
        ([BODY[:1_000_000], Reset()], "connection broke"),
        ([BODY[:1_000_000], Stall()], r"no byte for 0\.4 s"),
    ],
)
async def test_a_body_cut_short_is_an_interruption_and_a_prefix(
    device: Device, source: MakeSource, parts: list[bytes | Stall | Reset], told: str
) -> None:
    serve(device, Reply(body=parts, kind=VIDEO, length=len(BODY)))
    with pytest.raises(TransferInterrupted, match=told) as caught:
        await fetch(source())
    got = caught.value.got  # type: ignore[attr-defined]
    assert got
    assert BODY.startswith(got)
    assert caught.value.retryable
    # Beginning anew is the caller's to decide; the one request after it asked to continue.
    asked = [each.headers.get("range") for each in device.asked if each.login == "good"]
    assert asked[0] is None
    assert len(asked) == 2
    assert asked[1] == f"bytes={len(got) - 65_536}-"


async def test_a_slow_body_is_no_stall(device: Device, source: MakeSource) -> None:
    parts: list[bytes | Stall | Reset] = []
    for at in range(0, 400_000, 100_000):
        parts += [BODY[at : at + 100_000], Stall(0.2)]
    serve(device, Reply(body=parts, kind=VIDEO))
    fetched, got = await fetch(source())  # 0.8 s in all, idle timeout 0.4 s
    assert got == BODY[:400_000]
    assert fetched.size == 400_000


@pytest.mark.parametrize(
    ("body", "kind", "error"),
    [
        (recorded("hikvision_nvr_v4.1.18_notsupport.xml"), VIDEO, DeviceRefused),
        (recorded("hikvision_nvr_v4.61_deviceerror.xml"), "video/mp4", DeviceRefused),
        (recorded("hikvision_nvr_v4.30_busy.xml"), VIDEO, DeviceBusy),
        (b'{"statusCode":4,"subStatusCode":"notSupport"}', VIDEO, DeviceRefused),
        (b"<html><body>hello</body></html>", VIDEO, DeviceProtocolError),
        (b"\xef\xbb\xbf<?xml version='1.0'?><Other/>", VIDEO, DeviceProtocolError),
        (b"", VIDEO, TransferInterrupted),
    ],
)
async def test_a_document_under_http_200_is_an_error_and_writes_nothing(
    device: Device, source: MakeSource, body: bytes, kind: str, error: type[DeviceError]
) -> None:
    serve(device, Reply(body=body, kind=kind))
    with pytest.raises(error) as caught:
        await fetch(source())
    assert caught.value.got == b""  # type: ignore[attr-defined]


async def test_busy_and_broken_beginnings_are_tried_again(
    device: Device, source: MakeSource
) -> None:
    busy = Reply(503, recorded("hikvision_nvr_v4.30_busy.xml"))
    serve(device, busy, Reply(body=[Reset()], length=9), Reply(body=BODY, kind=VIDEO))
    _, got = await fetch(source())
    assert got == BODY


async def test_busy_for_ever_ends(device: Device, source: MakeSource) -> None:
    serve(device, Reply(503, recorded("hikvision_nvr_v4.30_busy.xml")))
    with pytest.raises(DeviceBusy):
        await fetch(source())
    assert device.count("good", DOWNLOAD) >= 2
    await asyncio.sleep(0.03)
    serve(device, Reply(body=BODY, kind=VIDEO))
    assert (await fetch(source()))[1] == BODY


@pytest.mark.parametrize("status", [400, 403, 405])
async def test_a_device_that_wants_post_is_found_and_remembered(
    device: Device, source: MakeSource, status: int
) -> None:
    device.handlers["GET", DOWNLOAD] = Reply(
        status, recorded("hikvision_ds-7616nxi_v4.84_badxml.xml")
    )
    serve(device, Reply(body=BODY[:5000], kind=VIDEO), method="POST")
    one = source()
    for _ in range(2):
        _, got = await fetch(one)
        assert got == BODY[:5000]
    methods = [asked.method for asked in device.asked if asked.login == "good"]
    assert methods == ["GET", "POST", "POST"]


async def test_a_recycled_file_is_refused_without_a_ladder_or_repeats(
    device: Device, source: MakeSource
) -> None:
    device.handlers["GET", DOWNLOAD] = Reply(404, recorded("hikvision_ipc_v5.5_404.html"))
    with pytest.raises(DeviceRefused, match="Not Found"):
        await fetch(source())
    assert device.count("good") == 1


async def test_a_refused_login_under_a_download(device: Device, source: MakeSource) -> None:
    with pytest.raises(DeviceAuthError):
        await fetch(source("falsch-2"))
    assert [asked.login for asked in device.asked] == ["none", "bad"]


async def test_nothing_listens(device: Device, source: MakeSource) -> None:
    async with Device() as gone:
        port = gone.port
    with pytest.raises(DeviceUnreachable, match="check host, port"):
        await fetch(source(port=port))


async def test_a_name_that_is_none(source: MakeSource) -> None:
    one = source()
    one._connection._client.base_url = "http://nowhere.invalid"  # type: ignore[assignment]
    with pytest.raises(DeviceUnreachable):
        await fetch(one)


async def test_never_more_downloads_at_once_than_set(device: Device, source: MakeSource) -> None:
    device.delay = 0.02
    serve(device, Reply(body=BODY[:5000], kind=VIDEO))
    one, other = source(), source()
    await asyncio.gather(*(fetch(each) for each in (one, other) for _ in range(6)))
    assert device.count("good") == 12
    assert device.most == 2


async def test_places_are_shared_by_all_event_loops_of_the_process(
    device: Device, source: MakeSource
) -> None:
    device.delay = 0.02
    serve(device, Reply(body=BODY[:5000], kind=VIDEO))
    await fetch(source())

    def in_a_loop_of_its_own() -> None:
        async def work() -> None:
            one = source()
            await asyncio.gather(*(fetch(one) for _ in range(3)))
            await one.aclose()

        asyncio.run(work())

    await asyncio.gather(*(asyncio.to_thread(in_a_loop_of_its_own) for _ in range(4)))
    assert device.count("good") == 13
    assert device.most == 2


async def test_a_cancelled_waiter_gives_its_place_back(device: Device, source: MakeSource) -> None:
    device.delay = 0.05
    serve(device, Reply(body=BODY[:5000], kind=VIDEO))
    one = source()
    tasks = [asyncio.create_task(fetch(one)) for _ in range(8)]
    await asyncio.sleep(0.08)
    for task in tasks[:6]:
        task.cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert sum(isinstance(outcome, tuple) for outcome in outcomes) >= 2
    await asyncio.wait_for(asyncio.gather(*(fetch(one) for _ in range(4))), 5)


async def test_an_answer_without_end_is_not_taken_into_memory(
    device: Device, source: MakeSource
) -> None:
    device.handlers["GET", "/ISAPI/System/time"] = Reply(body=[b"<Time>" + b" " * 100_000] * 20)
    with pytest.raises(DeviceProtocolError, match="more than 1000000 bytes"):
        await source(settings=Settings(answer_limit=1_000_000)).deviation()


async def test_a_redirect_to_https_is_named(device: Device, source: MakeSource) -> None:
    def moved(_: Asked) -> Reply:
        return Reply(302, headers=[("Location", "https://127.0.0.1/")])

    device.handlers["GET", "/ISAPI/System/time"] = moved
    with pytest.raises(DeviceProtocolError, match='scheme = "https"'):
        await source().deviation()


async def test_the_environment_has_no_say(
    device: Device, source: MakeSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, "HTTP_PROXY", "http://127.0.0.1:9")
    serve(device, Reply(body=BODY[:5000], kind=VIDEO))
    await fetch(source())


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/ISAPI/System/reboot"),
        ("DELETE", "/ISAPI/ContentMgmt/download"),
        ("PUT", "/ISAPI/System/time"),
        ("POST", "/ISAPI/System/time"),
        ("GET", "/ISAPI/ContentMgmt/download/../../System/factoryReset"),
        ("POST", "/ISAPI/ContentMgmt/search/x"),
    ],
)
async def test_nothing_that_could_change_a_device_leaves(
    device: Device, source: MakeSource, method: str, path: str
) -> None:
    with pytest.raises(DeviceRefused, match="was not sent"):
        await source()._connection.ask(method, path)
    assert not device.asked


@pytest.mark.parametrize("host", ["http://nvr", "nvr/x", "a b", "", "[::1", "u@nvr", "nvr:80"])
def test_a_host_that_is_none(host: str) -> None:
    with pytest.raises(ConfigurationError, match="host"):
        IsapiSource(host, "u", SecretStr("p"))


class Ranged:
    """A device that cuts bodies off and continues them, each in its own way."""

    def __init__(self, cuts: list[int], way: str) -> None:
        self.cuts, self.way, self.asked = cuts, way, [""]

    def __call__(self, asked: Asked) -> Reply:
        wanted = asked.headers.get("range", "")
        self.asked.append(wanted)
        begin = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
        end = self.cuts.pop(0) if self.cuts else len(BODY)
        if not wanted or self.way == "ignores":
            parts: list[bytes | Stall | Reset] = [BODY[:end]]
            return Reply(body=[*parts, Reset()] if end < len(BODY) else parts, length=len(BODY))
        told = f"bytes {begin}-{len(BODY) - 1}/{len(BODY)}"
        sent = BODY[begin:end]
        if self.way == "lies":
            sent = BODY[: end - begin]
        elif self.way == "another":
            sent = bytes(byte ^ 1 for byte in BODY[begin:end])
        elif self.way == "other range":
            told = f"bytes {begin + 1}-{len(BODY) - 1}/{len(BODY)}"
        elif self.way == "grown":
            told = f"bytes {begin}-{len(BODY)}/{len(BODY) + 1}"
        left = len(BODY) - begin
        return Reply(
            206, [sent, Reset()] if end < len(BODY) else [sent], [("Content-Range", told)], left
        )


@pytest.mark.parametrize("cuts", [[1_000_000], [200_000, 200_001, 2_999_999], [70_000, 60_000, 3]])
async def test_a_body_is_continued_where_the_device_proves_that_it_can(
    device: Device, source: MakeSource, cuts: list[int]
) -> None:
    ranged = Ranged(list(cuts), "continues")
    device.handlers["GET", DOWNLOAD] = ranged
    fetched, got = await fetch(source())
    assert got == BODY
    assert fetched == Fetched(len(BODY), len(BODY))
    assert len(ranged.asked) == len(cuts) + 2


@pytest.mark.parametrize("way", ["ignores", "lies", "another", "other range", "grown"])
async def test_what_is_not_proven_is_never_mixed(
    device: Device, source: MakeSource, way: str
) -> None:
    ranged = Ranged([1_000_000, 10**9, 1_000_000], way)
    device.handlers["GET", DOWNLOAD] = ranged
    one = source()
    for turn in (1, 2):
        with pytest.raises(TransferInterrupted) as caught:
            await fetch(one)
        got = caught.value.got  # type: ignore[attr-defined]
        assert BODY.startswith(got)
        assert got
        if turn == 1:
            asked = len(ranged.asked)
    again = len(ranged.asked) - asked
    assert again == (1 if way in ("ignores", "lies", "another") else 2)


async def test_a_body_that_trickles_has_stalled(device: Device, source: MakeSource) -> None:
    trickle: list[bytes | Stall | Reset] = [BODY[:100_000]]
    for at in range(100_000, 100_040):
        trickle += [BODY[at : at + 1], Stall(0.05)]
    serve(device, Reply(body=trickle, kind=VIDEO, length=len(BODY)))
    with pytest.raises(TransferInterrupted, match=r"bytes in 0 s|bytes in 1 s") as caught:
        await fetch(source())
    assert BODY.startswith(caught.value.got)  # type: ignore[attr-defined]


async def test_a_slow_disk_is_no_slow_device(device: Device, source: MakeSource) -> None:
    serve(device, Reply(body=[BODY[at : at + 30_000] for at in range(0, 300_000, 30_000)]))
    size = 0

    async def write(block: bytes) -> None:
        nonlocal size
        size += len(block)
        await asyncio.sleep(0.1)

    await source(settings=replace(QUICK, idle_timeout=0.2)).fetch(RECORDING, write)
    assert size == 300_000


@pytest.mark.parametrize(
    ("served", "refusal"),
    [
        (("GET", "query"), 405),
        (("POST", "query"), 400),
        (("GET", "quoted query"), 403),
        (("GET", "token"), 400),
        (("PUT", "body"), 405),
        (("POST", "body"), 200),
    ],
)
async def test_every_form_of_download_is_found_and_remembered(
    device: Device, source: MakeSource, served: tuple[str, str], refusal: int
) -> None:
    method, form = served
    tokens: list[str] = []

    def token(asked: Asked) -> Reply:
        tokens.append(f"t{len(tokens)}")
        return Reply(body=f'{{"Token":{{"value":"{tokens[-1]}"}}}}'.encode())

    def matches(asked: Asked) -> bool:
        query = asked.target.partition("?")[2]
        quoted = "playbackURI=rtsp%3A%2F%2F" in query and RECORDING.locator.endswith("size=3")
        raw = f"playbackURI={RECORDING.locator}" in query
        return {
            "query": raw,
            "quoted query": quoted,
            "token": bool(tokens) and query == f"token={tokens[-1]}" and b"size=3<" in asked.body,
            "body": not query and b"name=x&amp;size=3</playbackURI>" in asked.body,
        }[form]

    def answer(asked: Asked) -> Reply:
        if asked.method == method and matches(asked):
            return Reply(body=BODY[:5000], kind=VIDEO)
        return Reply(refusal, recorded("hikvision_ds-7616nxi_v4.84_badxml.xml"))

    for verb in ("GET", "POST", "PUT"):
        device.handlers[verb, DOWNLOAD] = answer
    device.handlers["GET", "/ISAPI/Security/token"] = token
    one = source()
    for _ in range(2):
        assert (await fetch(one))[1] == BODY[:5000]
    assert len([a for a in device.asked if a.login == "good"][-2:]) == 2
    assert len(tokens) == (2 if form == "token" else len(tokens))


async def test_a_right_that_is_missing_is_no_matter_of_form(
    device: Device, source: MakeSource
) -> None:
    refused = recorded("hikvision_nvr_v4.1.18_notsupport.xml").replace(
        b"notSupport", b"lowPrivilege"
    )
    serve(device, Reply(403, refused))
    with pytest.raises(DeviceRefused, match="remote playback"):
        await fetch(source())
    assert device.count("good") == 1
