"""A client of recorders written by hand, and recorders cheap to ask: shared by these tests.

It shares nothing with the product's own client.
"""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import httpx

from hikcore.instants import parse_instant
from hikcore.sim.profile import Profile
from hikcore.sim.recorder import Recorder

NOON = parse_instant("2026-11-20T12:00:00Z")
DAY = ("2026-11-20T00:00:00Z", "2026-11-20T23:59:59Z")
GUID = "88C2CD4D-D3FA-4AD4-BD80-555C18205D{:02X}"
PASSWORD = "hikcore-12345"

#: One camera, half-minute files: a listing of them costs nothing.
TINY: dict[str, Any] = {
    "name": "tiny",
    "clock": {"frozen": "2026-11-20T12:00:00Z"},
    "recorded": {"since": "now-3m"},
    "dialect": {"page_cap": 3},
    "cameras": [
        {"channel": 1, "audio": "alaw", "gop": 10, "file_ms": 30_000},
        {"channel": 3, "bank": 2, "gop": 10, "frame_ms": 500, "file_ms": 60_000},
    ],
}


def tiny(**changes: dict[str, Any]) -> Profile:
    data = dict(TINY)
    for key, value in changes.items():
        data[key] = {**data.get(key, {}), **value}
    return Profile.model_validate(data)


def client(recorder: Recorder, password: str = PASSWORD) -> httpx.AsyncClient:
    auth = httpx.DigestAuth("admin", password)
    return httpx.AsyncClient(base_url=recorder.url, auth=auth, timeout=20)


def question(
    track: int = 101, *, position: int = 0, most: int = 100, box: str = "trackIDList",
    span: tuple[str, str] = DAY, guid: str = GUID.format(1), where: str = "searchResultPostion",
) -> str:  # fmt: skip
    return (
        f'<?xml version="1.0" encoding="utf-8"?><CMSearchDescription><searchID>{guid}</searchID>'
        f"<{box}><trackID>{track}</trackID></{box}><timeSpanList><timeSpan>"
        f"<startTime>{span[0]}</startTime><endTime>{span[1]}</endTime></timeSpan></timeSpanList>"
        f"<maxResults>{most}</maxResults><{where}>{position}</{where}></CMSearchDescription>"
    )


async def ask(http: httpx.AsyncClient, **what: Any) -> str:
    answer = await http.post("/ISAPI/ContentMgmt/search", content=question(**what))
    assert answer.status_code == 200, answer.text
    return answer.text


def uris(text: str) -> list[str]:
    return [unescape(uri) for uri in re.findall("<playbackURI>(.*?)</playbackURI>", text)]


def wish(uri: str) -> str:
    return (
        '<downloadRequest version="1.0" xmlns="http://www.isapi.org/ver20/XMLSchema">'
        f"<playbackURI>{uri.replace('&', '&amp;')}</playbackURI></downloadRequest>"
    )


async def fetch(http: httpx.AsyncClient, uri: str, method: str = "POST") -> httpx.Response:
    return await http.request(method, "/ISAPI/ContentMgmt/download", content=wish(uri))
