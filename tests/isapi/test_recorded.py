"""Answers of real devices, each read by the parser that meets it (see recorded/README.md)."""

from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import Element

import pytest

from hikcore.deviceclock import ZoneRule
from hikcore.instants import NS, parse_instant
from hikcore.sources.base import DeviceCamera
from hikcore.sources.isapi import search, xml
from hikcore.sources.isapi.cameras import list_cameras
from hikcore.sources.isapi.clock import parse_time
from hikcore.sources.isapi.dialects import identify
from hikcore.sources.isapi.facts import parse_disks
from hikcore.sources.isapi.literal import digits
from hikcore.sources.isapi.status import Rejected, error_of, parse_status
from tests.isapi.conftest import RECORDED, recorded

FILES = sorted(RECORDED.glob("*.xml"))


def of(step: str) -> list[str]:
    return [file.name for file in FILES if file.stem.split("_")[3].startswith(step)]


def test_every_file_has_its_place() -> None:
    told = (RECORDED / "README.md").read_text()
    for file in FILES:
        vendor, model, firmware, *step = file.stem.split("_")
        assert step, file.name
        named = f"`{file.name}`" in told or f"`{vendor}_{model}_{firmware}_*`" in told
        assert named or model in {"ds-7616nxi-k2", "ds-7616nxi", "ipc", "nvr"}, file.name
    assert len(FILES) >= 50


@pytest.mark.parametrize("name", of("deviceinfo"))
async def test_device_info(name: str) -> None:
    async def get(path: str) -> Element:
        return xml.parse(recorded(name))

    found = await identify(get)
    _, model, firmware, _ = Path(name).stem.split("_")
    assert found.model.lower().startswith(model)
    assert found.firmware.lower().startswith(f"{firmware} build ")
    assert found.serial


@pytest.mark.parametrize(
    ("name", "offset", "shift"),
    [
        ("hikvision_ds-2df8c832mx_v5.10.0_time.xml", 8, 0),
        ("hikvision_ds-fcn8027_v5.6.1_time.xml", 8, 0),
        ("hikvision_ds-7708n-i4_v4.1.18_time.xml", 8, 0),
        ("hikvision_ds-8632n-i8_v4.61.030_time.xml", 8, 0),
        ("hikvision_ds-7804n-r2_v4.84.031_time.xml", 8, 0),
        ("hikvision_nvr_unknown_time-platform.xml", 1, 1),
        ("hikvision_ds-7608ni-k2_unknown_time-type.xml", 3, 0),
        ("hikvision_ds-7716ni-i4_v4.61.030_time-standard-in-summer.xml", -5, 1),
        ("hikvision_dvr_unknown_time-posix.xml", -6, 1),
        ("hikvision_terminal_unknown_time-argentina.xml", -3, 0),
    ],
)
def test_time(name: str, offset: int, shift: int) -> None:
    told = parse_time(recorded(name), name)
    assert (told.zone.offset, told.zone.shift) == (offset * 3600, shift * 3600)


def test_a_summer_told_with_the_standard_offset() -> None:
    told = parse_time(recorded("hikvision_ds-7716ni-i4_v4.61.030_time-standard-in-summer.xml"), "")
    assert told.utc(0) == parse_instant("2026-09-09T11:24:29Z")  # -04:00, whatever it says


def test_a_summer_told_with_its_own_offset() -> None:
    told = parse_time(recorded("hikvision_dvr_unknown_time-posix.xml"), "")
    assert told.utc(0) == parse_instant("2026-07-24T18:20:29Z")


def test_ireland_changes_at_midnight() -> None:
    rule = ZoneRule.parse("CST+0:00:00DST01:00:00,M3.5.0/00:00:00,M10.5.0/00:00:00")
    change = parse_instant("2026-03-29T00:00:00Z")
    assert rule.utc_to_local(change - NS) == change - NS
    assert rule.utc_to_local(change) == change + 3600 * NS


@pytest.mark.parametrize(
    ("name", "more", "rows"),
    [
        ("hikvision_ds-7804n-r2_v4.84.031_search-two-tracks.xml", False, 4),
        ("hikvision_ds-7804n-r2_v4.84.031_search-clock-step.xml", True, 4),
        ("hikvision_ds-8632n-i8_v4.61.030_search.xml", False, 2),
        ("hikvision_ds-7708n-i4_v4.1.18_search-empty.xml", False, 0),
        ("hikvision_ds-2cd2185fwd-i_v5.6.3_search-empty.xml", False, 0),
        ("hikvision_nvr-doc_v4.30_search.xml", True, 2),
    ],
)
def test_search(name: str, more: bool, rows: int) -> None:
    page = search.parse(recorded(name), name)
    assert (page.more, len(page.rows)) == (more, rows)
    for row in page.rows:
        assert digits(row.begin) < digits(row.end)
        assert row.size
        assert row.size > 2 * 10**8
        assert row.name.isdecimal()
        assert row.track in (101, 201)
        assert row.uri.count("&") == 3
        assert "amp;" not in row.uri


def test_after_a_clock_step_one_file_lists_two_parts() -> None:
    page = search.parse(recorded("hikvision_ds-7804n-r2_v4.84.031_search-clock-step.xml"), "")
    assert [row.name[-4:] for row in page.rows] == ["0000", "0000", "0100", "0000"]
    whole, part = page.rows[1:3]
    assert digits(whole.begin) < digits(part.begin) < digits(part.end) < digits(whole.end)


@pytest.mark.parametrize(
    ("name", "sizes", "free"),
    [
        ("hikvision_ds-7708n-i4_v4.1.18_storage-hdd.xml", ["1.0 TB"], [0]),
        ("hikvision_ds-8632n-i8_v4.61.030_storage.xml", ["10.0 TB"] * 4, [0] * 4),
        ("hikvision_ds-2df8c832mx_v5.10.0_storage-card.xml", ["125 GB"], [0]),
        ("hikvision_ds-2de2q140mz_v5.8.35_storage-hdd.xml", ["125 GB"], [5888 << 20]),
        ("hikvision_ds-fb2127_v5.2.2_storage-none.xml", [], []),
        ("hikvision_ds-2cd2245xm_v5.8.35_storage-none.xml", [], []),
        ("hikvision_nvr_unknown_storage-2tb.xml", ["2.0 TB"], [0]),
        ("hikvision_nvr_unknown_storage-ghost.xml", ["8.0 TB"], [0]),
        ("oem_acr4-40_unknown_storage.xml", ["4.0 TB"], [0]),
        (
            "hikvision_ipc_unknown_storage-nas.xml",
            ["32 GB", "128 GB"],
            [27392 << 20, 119552 << 20],
        ),
    ],
)
def test_disks_are_as_large_as_they_are_sold(name: str, sizes: list[str], free: list[int]) -> None:
    """A disk sold as 8 TB holds 8.0016e12 bytes and is told as 7630885: in MiB, not in 10^6."""
    disks = parse_disks(xml.parse(recorded(name)))
    told = [
        f"{disk.size / 1e12:.1f} TB" if disk.size > 5e11 else f"{disk.size / 1e9:.0f} GB"
        for disk in disks
    ]
    assert told == sizes
    assert [disk.free for disk in disks] == free
    assert all(disk.good and disk.name for disk in disks)


async def cameras_of(**answers: str) -> list[DeviceCamera]:
    """As list_cameras finds them where a device answers these calls, and refuses the others."""

    async def get(path: str) -> Element:
        for part, name in answers.items():
            if path.endswith(part.replace("_", "/")):
                return xml.parse(recorded(name))
        error = error_of(403, recorded("hikvision_nvr_v4.1.18_notsupport.xml"), path)
        assert error is not None
        raise error

    return await list_cameras(get)


@pytest.mark.parametrize(
    ("call", "name", "channels"),
    [
        ("InputProxy_channels", "hikvision_ds-7708n-i4_v4.1.18_inputproxy.xml", [1, 2, 3]),
        ("InputProxy_channels", "hikvision_ds-8632n-i8_v4.61.030_inputproxy.xml", [6, 7, 8]),
        ("InputProxy_channels", "hikvision_ds-7804n-r2_v4.84.031_inputproxy.xml", [1, 2]),
        ("InputProxy_channels", "hikvision_eri-k104-p4_v4.31_inputproxy.xml", [1, 4, 13]),
        ("Streaming_channels", "hikvision_nvr_unknown_streaming.xml", [1, 2, 6, 7, 8]),
        ("Streaming_channels", "hikvision_ds-2df8c832mx_v5.10.0_streaming.xml", [1]),
        # It numbers its three streams 1, 2 and 3: one camera, not none.
        ("Streaming_channels", "hikvision_ds-fb2127_v5.2.2_streaming.xml", [1]),
        ("Streaming_channels", "hikvision_ipc_v5.5_streaming.xml", [1]),
    ],
)
async def test_channels(call: str, name: str, channels: list[int]) -> None:
    assert [camera.channel for camera in await cameras_of(**{call: name})] == channels


async def test_names_in_chinese_are_kept() -> None:
    first, *_ = await cameras_of(InputProxy_channels="hikvision_ds-7708n-i4_v4.1.18_inputproxy.xml")
    assert (first.name, first.online) == ("摄像机12", None)


@pytest.mark.parametrize(
    ("name", "http", "code", "sub"),
    [
        ("hikvision_ds-7616nxi-k2_v4.82.000_invalidoperation.xml", 403, 4, "invalidOperation"),
        ("hikvision_nvr_unknown_deviceerror.xml", 500, 3, "deviceError"),
        ("hikvision_nvr_unknown_picture-badxml.xml", 400, 6, "badXmlContent"),
        ("hikvision_nvr_unknown_picture-badxml.xml", 200, 6, "badXmlContent"),
    ],
)
def test_refusals(name: str, http: int, code: int, sub: str) -> None:
    error = error_of(http, recorded(name), "nvr")
    assert isinstance(error, Rejected)
    assert (error.http, error.code, error.sub) == (http, code, sub)


def test_a_bare_user_check() -> None:
    status = parse_status(recorded("hikvision_eri-k104-p4_v4.31_usercheck-plain.xml"))
    assert status is not None
    assert status.user_check
    assert (status.code, status.locked, status.tries_left) == (401, False, None)
