"""What recorders do besides their dialect: clocks that are set, reboots, moved disks, refusals."""

import asyncio
import contextlib
import json
import re
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest

from hikcore.instants import NS, Span
from hikcore.sim.faults import Fault
from hikcore.sim.profile import Profile
from hikcore.sim.recorder import Recorder
from tests.sim.asking import DAY, GUID, NOON, TINY, ask, client, fetch, question, tiny, uris, wish

SEARCH = "/ISAPI/ContentMgmt/search"
MS = 1_000_000
_guids = iter(range(100, 10_000))


def times(text: str) -> list[tuple[str, str]]:
    """Begin and end of each row, time of day alone."""
    return re.findall(r"<startTime>.{11}(.{8})Z</startTime><endTime>.{11}(.{8})Z", text)


async def listing(http: httpx.AsyncClient, **what: Any) -> str:
    return await ask(http, guid=GUID.format(next(_guids) % 256), **what)


async def test_files_come_whole_though_a_part_was_asked() -> None:
    async with Recorder(tiny()) as recorder, client(recorder) as http:
        text = await listing(http, span=("2026-11-20T16:58:10Z", "2026-11-20T16:58:20Z"))
        ((begin, end),) = times(text)
        assert begin < "16:58:10" < "16:58:20" < end


async def test_neighbours_overlap_by_one_to_three_seconds() -> None:
    async with Recorder(tiny(dialect={"page_cap": 40})) as recorder, client(recorder) as http:
        rows = times(await listing(http))
    overlaps = [int(end[-2:]) - int(begin[-2:]) for (_, end), (begin, _) in pairwise(rows)]
    assert len(overlaps) > 4
    assert all(overlap % 60 in (1, 2, 3) for overlap in overlaps)


async def test_a_growing_file_is_listed_to_end_in_the_future_and_comes_short() -> None:
    recorded = {"planned_ms": 20 * 60_000, "unflushed": 5_000}
    async with Recorder(tiny(recorded=recorded)) as recorder, client(recorder) as http:
        late = ("2026-11-20T16:59:55Z", "2026-11-20T17:00:00Z")
        text = await listing(http, span=late)
        uri = uris(text)[-1]
        assert times(text)[-1][1] > "17:20:00"
        listed = int(re.findall(r"size=(\d+)", uri)[0])
        assert len((await fetch(http, uri)).content) == listed - 5_000
        recorder.advance(3)
        grown = int(re.findall(r"size=(\d+)", uris(await listing(http, span=late))[-1])[0])
        assert grown > listed
        recorder.advance(60)
        closed = uris(await listing(http, span=late))[-1]
        assert len((await fetch(http, closed)).content) == int(closed.partition("size=")[2])


@pytest.mark.parametrize("by", [-40, 3600])
async def test_the_clock_is_set_while_it_records(by: int) -> None:
    async with Recorder(tiny(dialect={"page_cap": 40})) as recorder, client(recorder) as http:
        before = recorder.files(1)
        recorder.step_clock(by)
        assert recorder.now() == NOON + by * NS
        recorder.advance(35)
        text = await listing(http, span=("2026-11-20T00:00:00Z", "2026-11-20T23:59:59Z"))
        after = recorder.files(1)
        assert len(times(text)) == len(after)
        new = [file for file in after if file.era == 1]
        old = [file for file in after if file.era == 0]
        assert [file.name for file in old] == [file.name for file in before]
        assert not any(file.growing for file in old)
        assert max(file.end_ms for file in old) == NOON // MS
        assert min(file.begin_ms for file in new) >= NOON // MS + by * 1000
        assert len({file.name for file in after}) == len(after)
        bodies = {}
        for uri in uris(text):
            answer = await fetch(http, uri)
            assert answer.status_code == 200
            bodies[re.findall(r"name=(\d+)", uri)[0]] = answer.content
        if by < 0:  # two takes of the same readings, of which no picture is the same
            one = next(file for file in new if not file.growing)
            double = [file for file in old if file.begin_ms < one.end_ms
                      and one.begin_ms < file.end_ms]  # fmt: skip
            assert double
            assert all(bodies[file.name][2000:4000] not in bodies[one.name] for file in double)
            begins = [begin for begin, _ in times(text)]
            assert begins == sorted(begins)


async def test_steps_of_the_past_are_part_of_a_profile() -> None:
    steps = [{"at": "now-90s", "by_ms": -40_000}]
    # The recorder's clock now is after the step: 90 s ago it read 40 s more.
    async with Recorder(tiny(recorded={"steps": steps})) as recorder:
        eras = {file.era for file in recorder.files(1)}
        assert eras == {0, 1}
        first = min(file.begin_ms for file in recorder.files(1) if file.era == 1)
        assert NOON // MS - 130_000 <= first <= NOON // MS - 128_000


async def test_a_reboot_leaves_a_hole_and_ends_everything() -> None:
    async with Recorder(tiny(), rtsp_port=0) as recorder, client(recorder) as http:
        uri = uris(await listing(http))[0]
        recorder.reboot(50)
        with pytest.raises(httpx.TransportError):
            await http.get("/ISAPI/System/time")
        recorder.advance(50)
        answer = await http.get("/ISAPI/System/time")
        assert [request.login for request in recorder.requests][-2:] == ["stale", "in"]
        assert answer.status_code == 200
        recorder.advance(60)
        span = Span(NOON, NOON + 50 * NS)
        assert recorder.recorded(1, span) == []
        assert recorder.recorded(1, Span(NOON + 55 * NS, NOON + 60 * NS))
        assert (await fetch(http, uri)).status_code == 200


async def test_reindexed_disks_have_other_names_and_the_same_footage() -> None:
    async with Recorder(tiny()) as recorder, client(recorder) as http:
        uri = uris(await listing(http))[0]
        body = (await fetch(http, uri)).content
        recorder.reboot(0, reindex=1000)
        with contextlib.suppress(httpx.TransportError):  # the connection of before is gone
            await fetch(http, uri)
        assert (await fetch(http, uri)).status_code == 404
        other = uris(await listing(http))[0]
        assert re.sub(r"name=\d+", "", other) == re.sub(r"name=\d+", "", uri)
        assert other != uri
        assert (await fetch(http, other)).content == body


async def test_disks_moved_to_another_recorder_and_a_camera_behind_two() -> None:
    data = json.loads(tiny().model_dump_json()) | {"auth": {}}
    data["cameras"][0]["serial"] = "DS-2CD2185FWD-I20190101AAWR000000007"
    other = {**data, "identity": {"serial": "DS-7616NXI-K2/16P0000002"}, "recorded": {
        **data["recorded"], "reindex": 77}}  # fmt: skip
    found = []
    for profile in (data, other):
        async with Recorder(Profile.model_validate(profile)) as recorder, client(recorder) as http:
            info = (await http.get("/ISAPI/System/deviceInfo")).text
            inputs = (await http.get("/ISAPI/ContentMgmt/InputProxy/channels")).text
            uri = uris(await listing(http))[0]
            found.append((re.findall("<serialNumber>(.*?)<", info)[0],
                          re.findall("<serialNumber>(.*?)<", inputs)[0],
                          re.findall(r"name=(\d+)", uri)[0],
                          (await fetch(http, uri)).content))  # fmt: skip
    one, two = found
    assert "/" in one[0]
    assert one[0] != two[0]
    assert one[1] == two[1] == "DS-2CD2185FWD-I20190101AAWR000000007"
    assert int(two[2][:11]) - int(one[2][:11]) == 77
    assert one[3] == two[3]


async def test_the_oldest_file_is_written_over_between_search_and_download() -> None:
    async with Recorder(tiny()) as recorder, client(recorder) as http:
        first, second, *_ = uris(await listing(http))
        recorder.recycle(1, 145)
        gone = await fetch(http, first)
        assert (gone.status_code, "Invalid Operation" in gone.text) == (404, True)
        assert (await fetch(http, second)).status_code == 200
        assert first not in uris(await listing(http))


async def test_a_uri_is_compared_whole() -> None:
    async with Recorder(tiny()) as recorder, client(recorder) as http:
        uri = uris(await listing(http))[0]
        size = int(uri.partition("size=")[2])
        for bad in (
            uri.replace(f"size={size}", f"size={size + 1}"),
            uri.replace("starttime=20261120T1657", "starttime=20261120T1656"),
            uri.replace("127.0.0.1", "192.0.2.1"),
            uri + "&x=1",
        ):
            assert bad != uri
            answer = await fetch(http, bad)
            assert (answer.status_code, "badXmlContent" in answer.text) == (400, True)
        twice = wish(uri).replace("&amp;", "&amp;amp;")
        assert (await http.post("/ISAPI/ContentMgmt/download", content=twice)).status_code == 400
    async with Recorder(tiny(dialect={"uri_match": "name"})) as recorder, client(recorder) as http:
        assert (await fetch(http, uri.replace("127.0.0.1", "192.0.2.1"))).status_code == 200


@pytest.mark.parametrize(
    ("dialect", "pattern"),
    [
        ({"uri_port": 90}, r"rtsp://127.0.0.1:90/Streaming/tracks/101/\?"),
        ({"uri_host": "192.168.1.64", "uri_slash": False}, r"rtsp://192.168.1.64/\S*/101\?"),
        ({"uri_time": "spaced"}, r"starttime=2026-11-20 \d\d:\d\d:\d\dZ&endtime=2026-11-20 \d"),
        ({"uri_time": "dashed"}, r"starttime=2026-11-20T\d\d:\d\d:\d\dZ&"),
        ({"uri_size": False}, r"\?starttime=\w+&endtime=\w+$"),
        ({"names": "ipc"}, r"&name=ch01_\d{17}&size="),
    ],
)
async def test_uris_are_written_in_many_ways_and_taken_back(
    dialect: dict[str, Any], pattern: str
) -> None:
    async with Recorder(tiny(dialect=dialect)) as recorder, client(recorder) as http:
        for uri, file in zip(uris(await listing(http)), recorder.files(1), strict=False):
            assert re.search(pattern, uri)
            answer = await fetch(http, uri)
            assert len(answer.content) == recorder.vaults[1].size(file)


async def test_namespaces_by_document_on_children_and_none() -> None:
    names = {"Time": "http://www.hikvision.com/ver10/XMLSchema", "DeviceInfo": None}
    dialect = {"namespaces": names, "child_xmlns": "empty", "row_extras": True, "version": "1.0"}
    async with Recorder(tiny(dialect=dialect)) as recorder, client(recorder) as http:
        time = ElementTree.fromstring((await http.get("/ISAPI/System/time")).text)
        assert time.tag == "{http://www.hikvision.com/ver10/XMLSchema}Time"
        assert (time[0].tag, time.get("version")) == ("timeMode", "1.0")
        info = ElementTree.fromstring((await http.get("/ISAPI/System/deviceInfo")).text)
        assert info.tag == "DeviceInfo"
        text = await listing(http)
        assert text.count("<lockStatus>unlock</lockStatus>") == len(uris(text))
    profile = tiny(dialect={"child_xmlns": "repeated"})
    async with Recorder(profile) as recorder, client(recorder) as http:
        text = (await http.get("/ISAPI/System/time")).text
        assert text.count('xmlns="http://www.hikvision.com/ver20/XMLSchema"') == 2


async def test_errors_under_200_and_in_json() -> None:
    for dialect, kind in (({}, "application/xml"), ({"errors": "json"}, "application/json")):
        profile = tiny(dialect={"errors_as_200": True, **dialect})
        async with Recorder(profile) as recorder, client(recorder) as http:
            answer = await fetch(http, "rtsp://nothing/")
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith(kind)
            assert "badXmlContent" in answer.text
            if dialect:
                absent = (await http.get("/ISAPI/System/Video/inputs/channels")).json()
                assert absent["errorCode"] == 1073741825
                assert absent["subStatusCode"] == "notSupport"


async def test_busy_in_other_words() -> None:
    limits = {"downloads": 1, "rate": 2_000_000, "busy_status": 403}
    async with Recorder(tiny(limits=limits)) as recorder, client(recorder) as http:
        uri = uris(await listing(http))[0]
        answers = await asyncio.gather(*(fetch(http, uri) for _ in range(2)))
        busy = next(answer for answer in answers if answer.status_code == 403)
        assert "<statusCode>2</statusCode>" in busy.text


async def test_pages_that_repeat_rows() -> None:
    async with Recorder(tiny(dialect={"page_repeats": 1})) as recorder, client(recorder) as http:
        guid = GUID.format(7)
        first = uris(await ask(http, guid=guid))
        second = uris(await ask(http, guid=guid, position=3))
        assert second[0] == first[-1]
        assert len(second) == 3


async def test_old_footage_and_every_answer_take_their_time() -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    camera = {**TINY["cameras"][1], "file_ms": 3_600_000}
    data = {**TINY, "cameras": [camera], "recorded": {"since": "now-26h"},
            "limits": {"old_wait_s": 9, "answer_s": 0.5}}  # fmt: skip
    profile = Profile.model_validate(data)
    async with Recorder(profile, sleep=sleep) as recorder, client(recorder) as http:
        days = ("2026-11-19T00:00:00Z", "2026-11-20T23:59:59Z")
        found = uris(await listing(http, track=301, span=days))
        assert (await fetch(http, found[0])).status_code == 200
        assert waited == [0.5, 0.5, 0.5, 9]
        last = recorder.files(3)[-1].name
        rows = uris(await listing(http, track=301, span=DAY, position=0))
        assert last not in rows[0]


async def test_a_dead_clock() -> None:
    """The battery is empty: it is 2004, and what is recorded is, too."""
    back = -int((NOON - 1_083_758_400 * NS) // MS)
    async with Recorder(tiny(clock={"offset_ms": back})) as recorder, client(recorder) as http:
        assert "<localTime>2004-05-05T" in (await http.get("/ISAPI/System/time")).text
        empty = await http.post(SEARCH, content=question())
        assert "NO MATCHES" in empty.text
        found = await listing(http, span=("2004-05-05T00:00:00Z", "2004-05-06T00:00:00Z"))
        assert uris(found)
        assert "2004" in (await http.get("/ISAPI/System/time")).headers["date"]


@pytest.mark.parametrize(
    ("suffix", "text"), [("offset", "+03:00"), ("standard", "+02:00"), ("none", "")]
)
async def test_the_offset_behind_local_time_may_be_wrong_in_summer(suffix: str, text: str) -> None:
    clock = {"zone": "CST-2:00:00DST01:00:00,M3.5.0/03:00:00,M10.5.0/04:00:00", "suffix": suffix,
             "frozen": "2026-07-01T12:00:00Z"}  # fmt: skip
    async with Recorder(tiny(clock=clock)) as recorder, client(recorder) as http:
        answer = await http.get("/ISAPI/System/time")
        assert f"<localTime>2026-07-01T15:00:00{text}</localTime>" in answer.text
        assert answer.headers["date"] == "Wed, 01 Jul 2026 15:00:00 GMT"


async def test_a_body_that_is_cut_elsewhere_each_time() -> None:
    faults = [{"match": "download", "kind": "close", "at": at, "nth": [n]}
              for n, at in enumerate((9_000, 4_000, 7_000), 1)]  # fmt: skip
    async with Recorder(tiny()) as recorder, client(recorder) as http:
        uri = uris(await listing(http))[0]
        for fault in faults:
            recorder.faults.add(Fault.model_validate(fault))
        got = []
        for _ in range(4):
            with contextlib.suppress(httpx.RemoteProtocolError):
                await fetch(http, uri)
            got.append(recorder.requests[-1].sent)
        assert got[:3] == [9_000, 4_000, 7_000]
        assert got[3] == recorder.vaults[1].size(recorder.files(1)[0])


async def test_what_a_recorder_says_of_itself() -> None:
    disks = [{"name": "hda"}, {"name": "hdb", "status": "error", "free_mb": 7}]
    cameras = [{**TINY["cameras"][0], "sub": True}, TINY["cameras"][1] | {"online": False}]
    data = {**TINY, "disks": disks, "cameras": cameras, "dialect": {"absent": []}}
    profile = Profile.model_validate(data)
    async with Recorder(profile, rtsp_port=0) as recorder, client(recorder) as http:

        async def text(path: str) -> str:
            answer = await http.get(f"/ISAPI/{path}")
            assert answer.status_code == 200
            return answer.text

        storage = await text("ContentMgmt/Storage")
        assert re.findall("<status>(.*?)<", storage) == ["ok", "error"]
        assert re.findall("<freeSpace>(.*?)<", storage) == ["0", "7"]
        assert "<workMode>quota<" in storage
        ports = await text("Security/adminAccesses")
        assert re.findall(r"<protocol>(\w+)</protocol>\s*<portNo>(\d+)<", ports) == [
            ("HTTP", str(recorder.port)), ("RTSP", str(recorder.rtsp_port)),
        ]  # fmt: skip
        assert "<maxSearchMatchResults>" in await text("ContentMgmt/search/profile")
        assert "isSupportDownloadbyTime>false" in await text("ContentMgmt/download/capabilities")
        assert "isSupportMainAndSubRecord>false" in await text("ContentMgmt/capabilities")
        assert re.findall("<online>(.*?)<", await text(
            "ContentMgmt/InputProxy/channels/status")) == ["true", "false"]  # fmt: skip
        assert re.findall("<id>(.*?)<", await text("Streaming/channels")) == [
            "101", "102", "301",
        ]  # fmt: skip
        assert re.findall("<resDesc>(.*?)<", await text("System/Video/inputs/channels")) == [
            "1080P", "NO VIDEO",
        ]  # fmt: skip


async def test_absent_documents_are_refused_with_403() -> None:
    dialect = {"absent": ["/ISAPI/Streaming/channels", "/ISAPI/ContentMgmt/InputProxy/.*"]}
    async with Recorder(tiny(dialect=dialect)) as recorder, client(recorder) as http:
        for path in ("Streaming/channels", "ContentMgmt/InputProxy/channels/status"):
            answer = await http.get(f"/ISAPI/{path}")
            assert (answer.status_code, "notSupport" in answer.text) == (403, True)
