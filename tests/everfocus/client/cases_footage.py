from __future__ import annotations

from hikcore.instants import Span
from tests.everfocus.client.case import DAY, Case, at
from tests.everfocus.client.guide import reply, text

#: Half of the hour, then the other half: the example of 5.2 and 5.3.
ROWS = ["+" * 30 + "-" * 30, "-" * 30 + "+" * 30]
MAP = {"ChannelIDs": [1, 2], "StartTime": 1584892800, "EndTime": 1584979199}
HOURS = Span(DAY.begin, DAY.begin + 7200 * 10**9)
WEEK = ["-" * 48] * 5 + ["+" * 21 + "-" + "+" * 26] + ["+" * 48]
SNAPSHOT = "/mnt/sdb/snapshot/ch1/2020-03-23 10&00.jpg"


def _map(section: str, value: object) -> bytes:
    return reply(section, StartTime=1584892800, EndTime=1584979199, CH1=value)


CASES = [
    Case(
        "3.5", lambda c: c.control_playback("s-1", "seek", time=at("2020-03-22T16:00:00Z")),
        "POST", "/device/playbackControl?session=s-1", b'{"Result": "OK", "Description": ""}',
        lambda said: said is None, {"command": "seek", "time": 1584892800},
    ),
    Case(
        "3.6", lambda c: c.take_snapshot(1), "GET", "/device/getSnapshot?ChannelID=1",
        reply("3.6", snapshotPath=SNAPSHOT), lambda path: path == SNAPSHOT,
    ),
    Case(
        "3.7", lambda c: c.snapshots([1, 2], DAY, ["Motion"]), "POST",
        "/device/searchSnapshotPath",
        reply("3.7", channel=1, timeStamp=1584949182, type="Motion", snapshotPath=SNAPSHOT),
        lambda found: [(s.channel, s.time, s.type, s.path) for s in found]
        == [(1, at("2020-03-23T07:39:42Z"), "Motion", SNAPSHOT)],
        {"channels": [1, 2], "types": ["Motion"], "startTime": 1584892800, "endTime": 1584979200},
    ),
    Case(
        "3.9", lambda c: c.download_snapshot(SNAPSHOT), "GET",
        "/device/download/?snapshot=%2Fmnt%2Fsdb%2Fsnapshot%2Fch1%2F2020-03-23%2010%2600.jpg",
        b"\xff\xd8\xff\xe0picture\xff\xd9",
        lambda data: data == b"\xff\xd8\xff\xe0picture\xff\xd9",
    ),
    Case(
        "4.5", lambda c: c.events([1, 2, 3, 4], DAY), "POST", "/record/eventSearch", reply("4.5"),
        lambda found: [
            (e.channel, e.begin, e.end, e.footage_begin, e.footage_end, e.size, e.type, e.comment)
            for e in found
        ] == [(
            1, at("2020-03-23T07:39:42Z"), at("2020-03-23T07:39:43Z"), at("2020-03-23T07:39:32Z"),
            at("2020-03-23T07:40:13Z"), 14707618, "Motion", "Motion-1",
        )],
        {
            "ChannelID": [1, 2, 3, 4], "StartTime": 1584892800, "EndTime": 1584979199,
            "Type": ["Motion", "InputAlarm", "ManualRecord", "Tag"], "Stream": "Main",
        },
    ),
    Case(
        "4.6", lambda c: c.metadata(1, DAY, "manualStart"), "POST", "/record/metaSearch",
        reply("4.6", ChannelID=1, Type="manualStart", Data={"id": 1564741064},
              Timestamp=1584949182125),
        lambda found: [(m.channel, m.type, m.data, m.time) for m in found]
        == [(1, "manualStart", {"id": 1564741064}, at("2020-03-23T07:39:42.125Z"))],
        {
            "ChannelID": 1, "Type": "manualStart", "StartTime": 1584892800, "EndTime": 1584979199,
        },
    ),
    Case(
        "5.1", lambda c: c.record_map("day", [1, 2], DAY), "POST", "/record/getMapByDay",
        _map("5.1", "+++--+++"),
        lambda said: (said.span, said.rows) == (DAY, {1: ("+++--+++",)}),
        {**MAP, "mainsub": 1},
    ),
    Case(
        "5.2", lambda c: c.record_map("minute", [1, 2], DAY, "sub"), "POST",
        "/record/getMapByMinute", _map("5.2", ROWS),
        lambda said: said.rows == {1: tuple(ROWS)}, {**MAP, "mainsub": 2},
    ),
    Case(
        "5.3", lambda c: c.record_map("second", [1, 2], DAY), "POST", "/record/getMapBySecond",
        _map("5.3", ROWS), lambda said: said.rows == {1: tuple(ROWS)}, {**MAP, "mainsub": 1},
    ),
    Case(
        "6.3", lambda c: c.schedule(1), "GET",
        "/schedule/getSchedulesByGroup?ChannelID=1&GroupID=Record", reply("6.3"),
        lambda one: one.normal == one.intelligent == tuple(WEEK) and one.alarm == (),
    ),
    Case(
        "6.4", lambda c: c.schedules([1, 2, 3], "Alarm"), "GET",
        "/schedule/getSchedulesByGroupMultiChannels?ChannelID=1,2,3&GroupID=Alarm",
        # the guide closes the array with `}`
        b"]".join(reply("6.4", channel=1, group="Alarm").rsplit(b"}", 1)),
        lambda found: (found[0].channel, found[0].group) == (1, "Alarm")
        and found[0].schedule.ftp_upload == tuple(WEEK),
    ),
    Case(
        "9.11", lambda c: c.video_clips(1, HOURS), "POST", "/record/requestVideoClips?ChannelID=1",
        reply("9.11", startTime="1584892790", endTime=1584893000),
        lambda found: [(clip.begin, clip.end) for clip in found]
        == [(at("2020-03-22T15:59:50Z"), at("2020-03-22T16:03:20Z"))],
        {"startTime": "1584892800", "endTime": "1584900000"},
    ),
    Case(
        "9.14", lambda c: c.snapshot_settings(), "GET", "/device/getSnapshotSettings",
        reply("9.14", channel=1, Auto=1, streamType=1, period=10),
        lambda found: [(s.channel, s.auto, s.stream, s.period, s.alarm_period) for s in found]
        == [(1, True, "sub", 10.0, 10.0)],
    ),
    Case(
        "9.16", lambda c: c.record_settings(), "GET", "/device/getRecordSettings",
        reply("9.16", channel="1", enable="1", streamType="2", enablePreRecord="0"),
        lambda found: [(s.channel, s.enabled, s.streams, s.pre_record) for s in found]
        == [(1, True, ("main", "sub"), False)],
    ),
]  # fmt: skip

#: What the guide prints of a body that is an error: 3.9 and 9.12.
ERROR = reply("9.12", Description="no video")
assert "“Error”" in text("9.12")
assert "“Error”" in text("3.9")
