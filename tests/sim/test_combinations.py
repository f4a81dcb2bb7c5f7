"""Fields go together: whoever writes requests as a profile wants them gets every file of it."""

import random
import re
from typing import Any

import httpx
import pytest

from hikcore.sim.dialect import Dialect
from hikcore.sim.recorder import Recorder
from tests.sim.asking import DAY, GUID, PASSWORD, tiny, uris

CHOICES: dict[str, list[Any]] = {
    "container": ["trackIDList", "trackList", "trackID"],
    "position": ["searchResultPostion", "searchResultPosition", "both"],
    "wrong_position": ["ignored", "refused"],
    "declaration": ["any", "required", "refused"],
    "xmlns": ["any", "required", "refused"],
    "root_version": ["any", "required"],
    "metadata": ["any", "required", "refused"],
    "search_id": ["guid", "braces", "any"],
    "page_cap": [1, 2, 3, 40],
    "page_repeats": [0, 1],
    "hollow_page": [False, True],
    "namespace": [None, "http://www.isapi.org/ver20/XMLSchema"],
    "child_xmlns": ["none", "repeated", "empty"],
    "matches": ["page", "total"],
    "full_page": ["MORE", "OK"],
    "empty": ["absent", "blank"],
    "track_ids": ["n01", "n"],
    "download": [["GET body"], ["POST body"], ["PUT body"], ["GET query"], ["POST query"]],
    "uri_slash": [True, False],
    "uri_time": ["compact", "spaced", "dashed"],
    "uri_size": [True, False],
    "uri_port": [None, 90],
    "names": ["nvr", "ipc"],
    "row_extras": [True, False],
    "content_length": [True, False],
    "ranges": ["ignored", "honoured", "lying"],
    "errors_as_200": [False, True],
}


def root(dialect: Dialect, name: str, inner: str) -> str:
    """A request in the form that this dialect takes."""
    attributes = ' version="1.0"' if dialect.root_version == "required" else ""
    attributes += ' xmlns="http://www.isapi.org/x"' if dialect.xmlns == "required" else ""
    declaration = '<?xml version="1.0"?>' if dialect.declaration == "required" else ""
    return f"{declaration}<{name}{attributes}>{inner}</{name}>"


def search(dialect: Dialect, channel: int, position: int) -> str:
    guid = "{%s}" if dialect.search_id == "braces" else "%s"
    track = f"<trackID>{channel if dialect.track_ids == 'n' else channel * 100 + 1}</trackID>"
    if dialect.container != "trackID":
        track = f"<{dialect.container}>{track}</{dialect.container}>"
    where = dialect.position if dialect.position != "both" else "searchResultPosition"
    listed = "<metadataList><metadataDescriptor>//recordType.meta.std-cgi.com</metadataDescriptor>"
    inner = (
        f"<searchID>{guid % GUID.format(channel)}</searchID>{track}<timeSpanList><timeSpan>"
        f"<startTime>{DAY[0]}</startTime><endTime>{DAY[1]}</endTime></timeSpan></timeSpanList>"
        f"<maxResults>40</maxResults><{where}>{position}</{where}>"
        + (f"{listed}</metadataList>" if dialect.metadata == "required" else "")
    )
    return root(dialect, "CMSearchDescription", inner)


async def download(http: httpx.AsyncClient, dialect: Dialect, uri: str) -> bytes:
    method, way = dialect.download[0].split()
    path = "/ISAPI/ContentMgmt/download"
    if way == "query":
        return (await http.request(method, path, params={"playbackURI": uri})).content
    inner = f"<playbackURI>{uri.replace('&', '&amp;')}</playbackURI>"
    body = root(dialect, "downloadRequest", inner)
    return (await http.request(method, path, content=body)).content


@pytest.mark.parametrize("seed", range(24))
async def test_any_dialect_gives_all_its_files(seed: int) -> None:
    draw = random.Random(seed)
    chosen = {name: draw.choice(values) for name, values in CHOICES.items() if draw.random() < 0.6}
    profile = tiny(dialect={"page_cap": 40, **chosen})
    auth = httpx.DigestAuth("admin", PASSWORD)
    async with (
        Recorder(profile) as recorder,
        httpx.AsyncClient(base_url=recorder.url, auth=auth, timeout=30) as http,
    ):
        for channel in (1, 3):
            files, found, asked = recorder.files(channel), dict[str, None](), 0
            while len(found) < len(files):
                body = search(profile.dialect, channel, len(found))
                answer = await http.post("/ISAPI/ContentMgmt/search", content=body)
                assert answer.status_code == 200
                assert "CMSearchResult" in answer.text, answer.text
                found.update(dict.fromkeys(uris(answer.text)))
                asked += 1
                # A page of one item that repeats the one before brings nothing new, ever.
                if profile.dialect.page_repeats and profile.dialect.page_cap == 1:
                    assert len(uris(answer.text)) <= 1
                    break
                assert asked <= 2 * len(files) + 2
            else:
                begins = [re.findall(r"starttime=(.*?Z)&", uri)[0] for uri in found]
                assert begins == sorted(begins)
            for uri, file in zip(list(found)[:2], files, strict=False):
                body = await download(http, profile.dialect, uri)
                assert body == b"".join(recorder.vaults[channel].body(file))
