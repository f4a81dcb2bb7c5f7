"""What a device tells of itself: disks, and when it is to record."""

from __future__ import annotations

from xml.etree.ElementTree import Element

import pytest

from hikcore.errors import DeviceRefused
from hikcore.sim.camera import CameraProfile
from hikcore.sim.profile import Profile
from hikcore.sim.recorder import Recorder
from hikcore.sim.weekly import Block as SimBlock
from hikcore.sources.about import Block, DescribesItself, TellsSchedules
from hikcore.sources.isapi import IsapiSource, xml
from hikcore.sources.isapi.facts import device_facts, parse_disks
from hikcore.sources.isapi.tracks import parse_tracks

STORAGE = b"""<?xml version="1.0" encoding="UTF-8"?>
<storage version="1.0" xmlns="http://www.hikvision.com/ver20/XMLSchema"><hddList version="1.0">
<hdd><id>1</id><hddName>hdda</hddName><hddPath></hddPath><hddType>SATA</hddType><status>ok</status>
<capacity>3815447</capacity><freeSpace>0</freeSpace><property>RW</property></hdd>
<hdd><id>2</id><hddName>hddb</hddName><status>error</status><capacity>3815447</capacity>
<freeSpace>512</freeSpace></hdd>
<hdd><id>3</id><hddName>hddc</hddName><status>notexist</status><capacity>0</capacity></hdd>
</hddList></storage>"""


def test_disks_by_what_they_call_megabytes() -> None:
    good, bad = parse_disks(xml.parse(STORAGE))
    assert (good.name, good.good, good.size, good.free) == ("hdda", True, 3_815_447 << 20, 0)
    assert (bad.name, bad.good, bad.free) == ("hddb", False, 512 << 20)


async def test_a_device_that_tells_nothing() -> None:
    async def refuse(path: str) -> Element:
        raise DeviceRefused("notSupport", where=path)

    facts = await device_facts(refuse, "plain")
    assert (facts.model, facts.disks, facts.dialect) == ("", None, "plain")


async def test_the_simulated_recorder() -> None:
    blocks = (
        SimBlock(day="Monday", begin="08:00", end="12:30"),
        SimBlock(day="Sunday", begin="00:00", end="24:00", mode="MOTION"),
    )
    cameras = (
        CameraProfile(channel=1),
        CameraProfile(channel=3, schedule=blocks),
    )
    profile = Profile(cameras=cameras)
    async with Recorder(profile) as recorder:
        source = IsapiSource(
            recorder.host,
            profile.auth.username,
            profile.auth.password,
            port=recorder.port,
        )
        assert isinstance(source, DescribesItself)
        assert isinstance(source, TellsSchedules)
        facts = await source.facts()
        always, planned = await source.schedules()
        await source.aclose()
    assert facts.model == profile.identity.model
    assert facts.firmware == profile.identity.firmware
    assert always.blocks == tuple(Block(day, 0, 86_400, "continuous") for day in range(7))
    assert planned.channel == 3
    assert planned.blocks == (
        Block(0, 8 * 3600, 12 * 3600 + 1800, "continuous"),
        Block(6, 0, 86_400, "motion"),
    )


def track(*actions: tuple[str, str, str, str], switch: str = "true", mode: str = "CMR") -> bytes:
    rows = "".join(
        f"<ScheduleAction><ScheduleActionStartTime><DayOfWeek>{d}</DayOfWeek><TimeOfDay>{b}"
        f"</TimeOfDay></ScheduleActionStartTime><ScheduleActionEndTime><DayOfWeek>{e}</DayOfWeek>"
        f"<TimeOfDay>{t}</TimeOfDay></ScheduleActionEndTime><Actions><Record>true</Record>"
        f"</Actions></ScheduleAction>"
        for d, b, e, t in actions
    )
    return (
        '<TrackList xmlns="http://www.isapi.org/ver20/XMLSchema"><Track><id>101</id><Enable>false'
        f"</Enable><DefaultRecordingMode>{mode}</DefaultRecordingMode><TrackSchedule>"
        f"<ScheduleBlockList><ScheduleBlock>{rows}</ScheduleBlock></ScheduleBlockList>"
        "</TrackSchedule><CustomExtensionList><CustomExtension><enableSchedule>"
        f"{switch}</enableSchedule></CustomExtension></CustomExtensionList></Track>"
        "<Track><id>103</id></Track></TrackList>"
    ).encode()


@pytest.mark.parametrize(
    ("body", "blocks"),
    [
        (
            track(("Monday", "22:00:00", "Tuesday", "06:00:00")),
            (Block(0, 79_200, 86_400, "continuous"), Block(1, 0, 21_600, "continuous")),
        ),
        (
            track(("Sunday", "12:00:00", "Monday", "00:00:00")),
            (Block(6, 43_200, 86_400, "continuous"),),
        ),
        (
            track(("Friday", "00:00:00", "Friday", "23:59:59"), mode="EDR"),
            (Block(4, 0, 86_400, "motion"),),
        ),
        (track(("Friday", "00:00:00", "Friday", "24:00:00"), switch="false"), ()),
        (track(("Someday", "00:00:00", "Friday", "24:00:00")), ()),
        (track(), ()),
    ],
)
def test_schedules_as_devices_write_them(body: bytes, blocks: tuple[Block, ...]) -> None:
    (planned,) = parse_tracks(xml.parse(body))
    assert planned.blocks == blocks
