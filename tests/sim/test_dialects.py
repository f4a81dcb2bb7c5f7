"""Each difference between firmwares, shown on the wire."""

import re
from collections import Counter
from typing import Any

import httpx
import pytest

from hikcore.instants import NS
from hikcore.sim.recorder import Recorder
from tests.sim.asking import GUID, ask, client, fetch, question, tiny, uris, wish

SEARCH = "/ISAPI/ContentMgmt/search"
DOWNLOAD = "/ISAPI/ContentMgmt/download"
PLAIN = question().partition("?>")[2]
NAMED = PLAIN.replace(
    "<CMSearchDescription>", '<CMSearchDescription version="1.0" xmlns="http://www.isapi.org/x">'
)


@pytest.mark.parametrize(
    ("dialect", "body", "status"),
    [
        ({"declaration": "refused"}, '<?xml version="1.0"?>' + PLAIN, 400),
        ({"declaration": "refused"}, PLAIN, 200),
        ({"declaration": "required"}, PLAIN, 400),
        ({"xmlns": "refused"}, NAMED, 400),
        ({"xmlns": "refused"}, PLAIN, 200),
        ({"xmlns": "required"}, PLAIN, 400),
        ({"xmlns": "required"}, NAMED, 200),
        ({"root_version": "required"}, PLAIN, 400),
        ({"root_version": "required"}, NAMED, 200),
        ({"metadata": "required"}, PLAIN, 400),
        ({"search_id": "braces"}, PLAIN, 400),
        ({"search_id": "braces"}, question(guid="{" + GUID.format(1) + "}"), 200),
    ],
)
async def test_forms_that_a_firmware_takes(dialect: dict[str, Any], body: str, status: int) -> None:
    async with Recorder(tiny(dialect=dialect)) as recorder, client(recorder) as http:
        answer = await http.post(SEARCH, content=body)
        assert answer.status_code == status
        if status == 400:
            assert "<subStatusCode>badXmlContent</subStatusCode>" in answer.text
            assert "Tag 13 is invalid" in answer.text


async def test_lists_of_record_types_may_be_refused_and_cdata_too() -> None:
    listed = PLAIN.replace(
        "</CMSearchDescription>",
        "<metadataList><metadataDescriptor>//recordType.meta.std-cgi.com</metadataDescriptor>"
        "</metadataList></CMSearchDescription>",
    )
    dialect = {"metadata": "refused", "cdata": "refused"}
    async with Recorder(tiny(dialect=dialect)) as recorder, client(recorder) as http:
        assert (await http.post(SEARCH, content=listed)).status_code == 400
        uri = uris(await ask(http))[0]
        wrapped = f"<downloadRequest><playbackURI><![CDATA[{uri}]]></playbackURI></downloadRequest>"
        answer = await http.post(DOWNLOAD, content=wrapped)
        assert (answer.status_code, "Tag 4 is invalid" in answer.text) == (400, True)


async def test_downloads_have_to_be_written_as_strictly_as_searches() -> None:
    profile = tiny(dialect={"root_version": "required", "xmlns": "refused"})
    async with Recorder(profile) as recorder, client(recorder) as http:
        answer = await http.post(SEARCH, content=NAMED.partition(" xmlns")[0] + ">"
                                 + NAMED.partition('x">')[2])  # fmt: skip
        uri = uris(answer.text)[0].replace("&", "&amp;")
        for root, status in (("", 400), (' version="1.0"', 200), (' version="1.0" xmlns="a"', 400)):
            body = f"<downloadRequest{root}><playbackURI>{uri}</playbackURI></downloadRequest>"
            assert (await http.post(DOWNLOAD, content=body)).status_code == status


async def test_a_track_id_may_stand_alone() -> None:
    profile = tiny(dialect={"container": "trackID"})
    async with Recorder(profile) as recorder, client(recorder) as http:
        bare = question().replace(
            "<trackIDList><trackID>101</trackID></trackIDList>", "<trackID>301</trackID>"
        )
        answer = await http.post(SEARCH, content=bare)
        assert "<trackID>301</trackID>" in answer.text
        assert "<trackID>101</trackID>" in await ask(http, track=301, guid=GUID.format(2))


@pytest.mark.parametrize(
    ("position", "moves"),
    [
        ("searchResultPostion", {"searchResultPostion"}),
        ("searchResultPosition", {"searchResultPosition"}),
        ("both", {"searchResultPostion", "searchResultPosition"}),
        ("ignored", set()),
    ],
)
async def test_only_the_right_name_turns_the_page(position: str, moves: set[str]) -> None:
    profile = tiny(dialect={"position": position})
    async with Recorder(profile) as recorder, client(recorder) as http:
        first = uris(await ask(http))
        for name in ("searchResultPostion", "searchResultPosition"):
            second = uris(await ask(http, position=3, where=name))
            assert (second != first) == (name in moves)


@pytest.mark.parametrize(
    ("dialect", "track", "status", "found"),
    [
        ({"bad_track": "refused"}, 901, 400, None),
        ({"bad_track": "empty"}, 901, 200, None),
        ({"bad_track": "ignored"}, 901, 200, "101"),
        ({"unrecorded": "refused"}, 102, 400, None),
        ({"unrecorded": "empty"}, 102, 200, None),
    ],
)
async def test_tracks_that_are_not_there(
    dialect: dict[str, Any], track: int, status: int, found: str | None
) -> None:
    async with Recorder(tiny(dialect=dialect)) as recorder, client(recorder) as http:
        answer = await http.post(SEARCH, content=question(track))
        assert answer.status_code == status
        assert ("Invalid track id." in answer.text) == (status == 400)
        tracks = set(re.findall(r"<trackID>(\d+)</trackID>", answer.text))
        assert tracks == ({found} if found else set())


YEAR = question(span=("2026-01-01T00:00:00Z", "2026-12-31T00:00:00Z"))


async def test_wide_spans_fail_now_and_then_the_same_way_each_time() -> None:
    async def statuses() -> list[int]:
        profile = tiny(dialect={"widest_days": 31, "wide_fails": 0.5})
        async with Recorder(profile) as recorder, client(recorder) as http:
            return [(await http.post(SEARCH, content=YEAR)).status_code for _ in range(40)]

    first = await statuses()
    assert first == await statuses()
    assert set(Counter(first)) == {200, 500}
    assert 10 < Counter(first)[500] < 30


async def test_spans_that_begin_too_early_fail() -> None:
    profile = tiny(dialect={"earliest": "2023-01-01T00:00:00Z"})
    async with Recorder(profile) as recorder, client(recorder) as http:
        old = question(span=("2000-01-01T00:00:00Z", "2000-01-02T00:00:00Z"))
        answer = await http.post(SEARCH, content=old)
        assert (answer.status_code, "deviceError" in answer.text) == (500, True)
        assert "Tag 13 is invalid" in answer.text


async def test_a_search_ends_silently_at_its_cap() -> None:
    profile = tiny(dialect={"query_cap": 4})
    async with Recorder(profile) as recorder, client(recorder) as http:
        assert len(uris(await ask(http))) == 3
        text = await ask(http, position=3)
        assert len(uris(text)) == 1
        assert "<responseStatusStrg>OK<" in text


@pytest.mark.parametrize("refused", [400, 403, 405])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
async def test_one_verb_is_served_and_the_others_are_refused(method: str, refused: int) -> None:
    dialect = {"download": [f"{method} body"], "download_refused": refused}
    async with Recorder(tiny(dialect=dialect)) as recorder, client(recorder) as http:
        uri = uris(await ask(http))[0]
        for other in ("GET", "POST", "PUT"):
            status = 200 if other == method else refused
            assert (await fetch(http, uri, other)).status_code == status


RANGE = {"Range": "bytes=1000-1999"}


async def _ranged(http: httpx.AsyncClient, header: dict[str, str]) -> httpx.Response:
    uri = uris(await ask(http))[0]
    return await http.request("GET", DOWNLOAD, content=wish(uri), headers=header)


async def test_ranges_are_ignored_though_they_are_announced() -> None:
    async with Recorder(tiny()) as recorder, client(recorder) as http:
        answer = await _ranged(http, RANGE)
        assert (answer.status_code, answer.headers["accept-ranges"]) == (200, "bytes")
        assert answer.content == b"".join(recorder.vaults[1].body(recorder.files(1)[0]))


async def test_ranges_are_honoured_where_a_profile_says_so() -> None:
    async with Recorder(tiny(dialect={"ranges": "honoured"})) as recorder, client(recorder) as http:
        truth = b"".join(recorder.vaults[1].body(recorder.files(1)[0]))
        for header, begin, end in (
            ("bytes=1000-1999", 1000, 2000),
            ("bytes=5000-", 5000, len(truth)),
            ("bytes=-700", len(truth) - 700, len(truth)),
            (f"bytes=1000-{len(truth) * 2}", 1000, len(truth)),
        ):
            answer = await _ranged(http, {"Range": header})
            assert answer.status_code == 206
            assert answer.content == truth[begin:end]
            assert answer.headers["content-range"] == f"bytes {begin}-{end - 1}/{len(truth)}"
        answer = await _ranged(http, {"Range": f"bytes={len(truth)}-"})
        assert answer.status_code == 416
        for _ in range(5):  # no place of the few downloads is lost
            assert (await _ranged(http, {})).status_code == 200


async def test_a_lying_range_names_one_part_and_brings_another() -> None:
    async with Recorder(tiny(dialect={"ranges": "lying"})) as recorder, client(recorder) as http:
        truth = b"".join(recorder.vaults[1].body(recorder.files(1)[0]))
        answer = await _ranged(http, RANGE)
        assert answer.status_code == 206
        assert answer.headers["content-range"] == f"bytes 1000-1999/{len(truth)}"
        assert answer.content == truth[:1000]


async def test_lengths_that_say_nothing() -> None:
    for said, header in ((False, None), ("zero", "0")):
        async with Recorder(tiny(dialect={"content_length": said})) as recorder:
            async with client(recorder) as http:
                uri = uris(await ask(http))[0]
                answer = await fetch(http, uri)
            assert answer.headers.get("content-length") == header
            assert answer.headers["connection"] == "close"


async def test_a_recycled_file_may_be_an_empty_answer() -> None:
    profile = tiny(recorded={"retention": 120}, dialect={"gone": "empty"})
    async with Recorder(profile) as recorder, client(recorder) as http:
        uri = uris(await ask(http))[0]
        recorder.advance(60)
        answer = await fetch(http, uri)
        assert (answer.status_code, answer.content) == (200, b"")


async def _days(http: httpx.AsyncClient, year: int, month: int, track: int = 101) -> list[str]:
    answer = await http.post(
        f"/ISAPI/ContentMgmt/record/tracks/{track}/dailyDistribution",
        content=f"<trackDailyParam><year>{year}</year><monthOfYear>{month:02}</monthOfYear>"
        "</trackDailyParam>",
    )
    assert answer.status_code == 200, answer.text
    rows = re.findall(r"<day>(.*?)</day>", answer.text, re.DOTALL)
    assert [re.findall("<dayOfMonth>(.*?)<", row) for row in rows] == [
        [str(day)] for day in range(1, len(rows) + 1)
    ]
    assert all(("recordType" in row) == ("<record>true" in row) for row in rows)
    return [re.findall("<record>(.*?)<", row)[0] for row in rows]


async def test_the_calendar_is_the_recorders_own() -> None:
    """Footage from 19:00 UTC on the 18th is the 19th at UTC+5; noon of the 20th is the same day."""
    profile = tiny(recorded={"since": "2026-11-18T19:00:00Z"})
    profile = profile.model_copy(
        update={"cameras": (profile.cameras[1].model_copy(update={"file_ms": 3_600_000}),)}
    )
    async with Recorder(profile) as recorder, client(recorder) as http:
        days = await _days(http, 2026, 11, 301)
        assert len(days) == 30
        assert [day for day, there in enumerate(days, 1) if there == "true"] == [19, 20]
        assert "true" not in await _days(http, 2000, 2, 301)
        recorder.advance(7.5 * 3600)
        assert (await _days(http, 2026, 11, 301))[20] == "true"
        wrong = await http.post(
            "/ISAPI/ContentMgmt/record/tracks/101/dailyDistribution", content="<trackDailyParam/>"
        )
        assert wrong.status_code == 400
        assert (await http.get("/ISAPI/ContentMgmt/record/tracks/9901")).status_code == 404


async def test_schedules_are_told_and_kept() -> None:
    """Continuous on Friday from 16:55 to 16:58 local, on motion afterwards; noon is 17:00 there."""
    blocks = [
        {"day": "Friday", "begin": "16:55", "end": "16:58"},
        {"day": "Friday", "begin": "16:58", "end": "24:00", "mode": "MOTION"},
    ]
    camera = {"channel": 1, "gop": 10, "file_ms": 30_000, "schedule": blocks,
              "motion_ms": [4_000, 9_000]}  # fmt: skip
    profile = tiny(recorded={"since": "now-10m"}).model_dump() | {"cameras": [camera]}
    async with Recorder(tiny().model_validate(profile)) as recorder, client(recorder) as http:
        text = (await http.get("/ISAPI/ContentMgmt/record/tracks/101")).text
        assert re.findall("<ActionRecordingMode>(.*?)<", text) == ["CMR", "MOTION"]
        assert re.findall("<DayOfWeek>(.*?)<", text) == ["Friday"] * 4
        assert re.findall("<TimeOfDay>(.*?)<", text) == [
            "16:55:00", "16:58:00", "16:58:00", "24:00:00",
        ]  # fmt: skip
        assert "<Enable>false</Enable>" in text
        assert "<enableSchedule>true</enableSchedule>" in text
        files = recorder.files(1)
        minute = recorder.now() // (60 * NS) * 60_000
        assert files[0].begin_ms >= minute - 300_000  # nothing before 16:55
        steady = [file for file in files if file.begin_ms < minute - 120_000]
        clips = [file for file in files if file.begin_ms >= minute - 120_000]
        assert steady[-1].end_ms == minute - 120_000
        assert len(clips) >= 3
        assert all(file.end_ms - file.begin_ms <= 9_001 for file in clips)
        assert uris(await ask(http))


@pytest.mark.parametrize(
    ("dialect", "words"),
    [
        ({}, ["MORE", "MORE", "OK"]),
        ({"full_page": "OK"}, ["OK", "OK", "OK"]),
        ({"status": "responseStatusStrip"}, ["MORE", "MORE", "OK"]),
        ({"status": "responseStatusStrp", "total": True}, ["MORE", "MORE", "OK"]),
        ({"hollow_page": True}, ["MORE", "MORE", "MORE", "OK"]),
    ],
)
async def test_what_is_said_of_pages(dialect: dict[str, Any], words: list[str]) -> None:
    profile = tiny(dialect={"page_cap": 2, **dialect})
    async with Recorder(profile) as recorder, client(recorder) as http:
        said, sizes, found = [], [], []
        while len(found) < len(recorder.files(1)):
            text = await ask(http, position=len(found))
            found += uris(text)
            sizes.append(len(uris(text)))
            name = dialect.get("status", "responseStatusStrg")
            said += re.findall(f"<{name}>(.*?)</{name}>", text)
            assert f"<numOfMatches>{sizes[-1]}<" in text
            assert ("totalMatches" in text) == ("total" in dialect)
        assert said == words
        assert sizes[1] == (0 if "hollow_page" in dialect else 2)
        assert len(set(found)) == len(found) == len(recorder.files(1))


async def test_several_tracks_are_mixed_by_time() -> None:
    profile = tiny(dialect={"page_cap": 40, "most_tracks": 2})
    async with Recorder(profile) as recorder, client(recorder) as http:
        two = "<trackIDList><trackID>301</trackID><trackID>101</trackID></trackIDList>"
        body = question().replace("<trackIDList><trackID>101</trackID></trackIDList>", two)
        text = (await http.post(SEARCH, content=body)).text
        rows = re.findall(r"<trackID>(\d+)</trackID>\s*<timeSpan><startTime>(.*?)<", text)
        assert {track for track, _ in rows} == {"101", "301"}
        assert [begin for _, begin in rows] == sorted(begin for _, begin in rows)
        assert len(rows) == len(recorder.files(1)) + len(recorder.files(3))
        three = two.replace("<trackIDList>", "<trackIDList><trackID>201</trackID>")
        answer = await http.post(SEARCH, content=body.replace(two, three))
        assert answer.status_code == 400


async def test_some_cameras_call_their_track_1() -> None:
    async with Recorder(tiny(dialect={"track_ids": "n"})) as recorder, client(recorder) as http:
        tracks = (await http.get("/ISAPI/ContentMgmt/record/tracks")).text
        assert re.findall("<Track><id>(.*?)<", tracks) == ["1", "3"]
        assert "<id>3</id>" in (await http.get("/ISAPI/ContentMgmt/record/tracks/3")).text
        text = await ask(http, track=3)
        assert set(re.findall("<trackID>(.*?)<", text)) == {"3"}
        uri = uris(text)[0]
        assert "/Streaming/tracks/3/?" in uri
        answer = await fetch(http, uri)
        assert len(answer.content) == recorder.vaults[3].size(recorder.files(3)[0])
        assert "true" in await _days(http, 2026, 11, 3)


async def test_a_token_is_good_for_one_download() -> None:
    dialect = {"download": ["GET body"], "download_token": True}
    async with Recorder(tiny(dialect=dialect)) as recorder, client(recorder) as http:
        uri = uris(await ask(http))[0]
        assert (await fetch(http, uri, "GET")).status_code == 403
        token = (await http.get("/ISAPI/Security/token?format=json")).json()["Token"]["value"]
        for status in (200, 403):
            answer = await http.request(
                "GET", f"{DOWNLOAD}?token={token}", content=wish(uri)
            )  # fmt: skip
            assert answer.status_code == status


async def test_connections_end_after_some_requests() -> None:
    async with Recorder(tiny(limits={"per_connection": 2})) as recorder, client(recorder) as http:
        said = [
            (await http.get("/ISAPI/Security/userCheck")).headers["connection"] for _ in range(4)
        ]
        assert said == ["Keep-Alive", "close", "Keep-Alive", "close"]
    assert recorder.requests[-1].status == 200
