"""Dialects: found out once, verified by the answers, kept where people can read and edit them."""

from __future__ import annotations

import logging
import random
import tomllib
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from hikcore.errors import ConfigurationError, DeviceRefused
from hikcore.instants import NS, Span
from hikcore.sim.profile import Profile
from hikcore.sim.profiles import get_profile
from hikcore.sim.recorder import Recorder
from hikcore.sources.isapi import IsapiSource
from hikcore.sources.isapi.dialect import SEARCH_LADDER, every_search_dialect
from hikcore.sources.notes import TomlNotes, file_name
from tests.isapi.conftest import MakeSource, recorded
from tests.isapi.device import Asked, Device, Reply
from tests.isapi.pager import File, Pager
from tests.isapi.test_recorder import MANY, PATIENT
from tests.isapi.test_source import NOW, day, equip

SEARCH = "/ISAPI/ContentMgmt/search"
INFO = "/ISAPI/System/deviceInfo"
SPAN = Span(NOW - 9 * 3600 * NS, NOW)


def says(firmware: str, serial: str = "S/1") -> Reply:
    return Reply(
        body=f"<DeviceInfo><model>DS-1</model><serialNumber>{serial}</serialNumber>"
        f"<firmwareVersion>{firmware}</firmwareVersion></DeviceInfo>".encode()
    )


def strict(pager: Pager, device: Device, *wanted: bytes) -> None:
    """Searches are refused unless they hold all of these."""

    def answer(asked: Asked) -> Reply:
        if all(part in asked.body for part in wanted):
            return Reply(body=pager.answer(asked.body))
        return Reply(400, recorded("hikvision_ds-7616nxi_v4.84_badxml.xml"))

    device.handlers["POST", SEARCH] = answer


async def test_what_worked_is_kept_and_used_by_the_next_process(
    device: Device, source: MakeSource, tmp_path: Path
) -> None:
    path = tmp_path / "devices" / file_name("home", "nvr")
    pager = Pager(day(), container="trackList")
    equip(device, pager)
    strict(pager, device, b"<trackList>", b"<searchID>{")
    device.handlers["GET", INFO] = says("V4.84")
    first = source(device_time="utc", notes=TomlNotes(path))
    assert len((await first.recordings(1, "main", SPAN)).recordings) == 10
    kept = tomllib.loads(path.read_text())
    assert kept["device"] == {"model": "DS-1", "firmware": "V4.84", "serial": "S/1"}
    assert kept["search"]["container"] == "trackList"
    assert kept["search"]["braces"] is True
    assert path.read_text().startswith("# How this device speaks")

    def refused() -> int:
        return sum(b"<trackList>" not in asked.body for asked in device.asked if asked.body)

    before = refused()
    assert before
    again = source(device_time="utc", notes=TomlNotes(path))
    assert len((await again.recordings(1, "main", SPAN)).recordings) == 10
    assert refused() == before


async def test_another_firmware_is_asked_anew_and_a_star_is_not(
    device: Device, source: MakeSource, tmp_path: Path
) -> None:
    path = tmp_path / "nvr.toml"
    pager = Pager(day())
    equip(device, pager)
    device.handlers["GET", INFO] = says("V4.84")
    notes = TomlNotes(path)
    notes.save({"device": {"firmware": "V4.61"}, "search": {"container": "trackID"}})
    one = source(device_time="utc", notes=notes)
    await one.recordings(1, "main", SPAN)
    assert "<trackIDList>" in pager.asked[0]
    assert tomllib.loads(path.read_text())["device"]["firmware"] == "V4.84"

    notes.save({"device": {"firmware": "*"}, "search": {"metadata": False}})
    pager.asked.clear()
    await source(device_time="utc", notes=notes).recordings(1, "main", SPAN)
    assert all("metadataList" not in text for text in pager.asked)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("search = [", "no valid TOML"),
        ('[device]\nfirmware = "*"\n[search]\ncontainer = "list"', "search.container"),
        ('[device]\nfirmware = "*"\n[download]\nmethod = "DELETE"', "download.method"),
    ],
)
async def test_a_file_that_cannot_be_is_named(
    device: Device, source: MakeSource, tmp_path: Path, text: str, told: str
) -> None:
    path = tmp_path / "nvr.toml"
    path.write_text(text)
    equip(device, Pager(day()))
    with pytest.raises(ConfigurationError, match=told):
        await source(device_time="utc", notes=TomlNotes(path)).recordings(1, "main", SPAN)


async def test_a_folder_that_cannot_be_written_costs_nothing_but_a_line(
    device: Device, source: MakeSource, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    equip(device, Pager(day()))
    one = source(device_time="utc", notes=TomlNotes(tmp_path / "file" / "nvr.toml"))
    assert (await one.recordings(1, "main", SPAN)).recordings
    assert "cannot be written" in caplog.text


async def test_notes_that_a_device_no_longer_follows_are_found_out(
    device: Device, source: MakeSource, tmp_path: Path
) -> None:
    pager = Pager(day())
    equip(device, pager)
    strict(pager, device, b"<trackIDList>", b"<metadataList>")
    notes = TomlNotes(tmp_path / "nvr.toml")
    notes.save({"device": {"firmware": ""}, "search": {"metadata": False}})
    one = source(device_time="utc", notes=notes)
    assert (await one.recordings(1, "main", SPAN)).recordings


def test_every_combination_is_tried_once() -> None:
    every = list(every_search_dialect())
    assert len(every) == len(set(every))
    assert not set(every) & set(SEARCH_LADDER)
    assert len(every) + len(SEARCH_LADDER) < 600


@pytest.mark.parametrize("seed", range(12))
async def test_any_combination_of_demands_is_met(
    device: Device, source: MakeSource, seed: int
) -> None:
    """A firmware that takes one form only, whichever: refusals do not say what they are of."""
    pick = random.Random(seed)
    container = pick.choice(["trackIDList", "trackList", "trackID"])
    namespace = pick.choice(["", "isapi.org/ver20", "hikvision.com/ver20", "std-cgi.com"])
    declaration, braces, metadata = (pick.random() < 0.5 for _ in range(3))
    if "std-cgi" in namespace:
        declaration = True
    pager = Pager(day(), container=container)

    def answer(asked: Asked) -> Reply:
        body = asked.body.decode()
        right = (
            (namespace in body if namespace else "xmlns" not in body)
            and body.startswith("<?xml") == declaration
            and ("<searchID>{" in body) == braces
            and ("<metadataList>" in body) == metadata
            and (f"<{container}><trackID>" in body or container == "trackID")
        )
        if right and container == "trackID":
            right = "List><trackID>" not in body
            body = body.replace(
                "<trackID>101</trackID>", "<trackID><trackID>101</trackID></trackID>"
            )
        if not right:
            return Reply(400, recorded("hikvision_ds-7616nxi_v4.84_badxml.xml"))
        return Reply(body=pager.answer(body.encode()))

    equip(device, pager)
    device.handlers["POST", SEARCH] = answer
    one = source(device_time="utc")
    found = await one.recordings(1, "main", SPAN)
    assert len(found.recordings) == 10
    before = len(device.asked)
    await one.recordings(1, "main", SPAN)
    assert len(device.asked) - before <= 4  # the time, a page, and the empty one after it


async def test_a_device_that_refuses_all_is_not_asked_for_ever(
    device: Device, source: MakeSource, tmp_path: Path
) -> None:
    equip(device, Pager([]))
    device.handlers["POST", SEARCH] = Reply(400, recorded("hikvision_ds-7616nxi_v4.84_badxml.xml"))
    notes = TomlNotes(tmp_path / "nvr.toml")
    one = source(device_time="utc", notes=notes, now=lambda: NOW)
    with pytest.raises(DeviceRefused, match=r"in all \d+ known forms"):
        await one.recordings(1, "main", SPAN)
    assert len(device.asked) < 600
    for channel in (2, 3):
        before = len(device.asked)
        with pytest.raises(DeviceRefused):
            await one.recordings(channel, "main", SPAN)
        assert len(device.asked) - before < 20
    # The next process knows that; the day after all is tried again.
    for later, least, most in ((3600, 1, 20), (90_000, 500, 600)):
        before, at = len(device.asked), NOW + later * NS
        again = source(device_time="utc", notes=notes, now=partial(int, at))
        with pytest.raises(DeviceRefused):
            await again.recordings(1, "main", SPAN)
        assert least < len(device.asked) - before < most


async def test_a_channel_that_is_not_set_to_record_is_told_from_a_dialect(
    device: Device, source: MakeSource
) -> None:
    pager = Pager(day())
    equip(device, pager)

    def answer(asked: Asked) -> Reply:
        if b"<trackID>201<" in asked.body:
            return Reply(400, recorded("hikvision_ds-7616nxi_v4.84_badxml.xml"))
        return Reply(body=pager.answer(asked.body))

    device.handlers["POST", SEARCH] = answer
    one = source(device_time="utc")
    assert (await one.recordings(1, "main", SPAN)).recordings
    before = len(device.asked)
    with pytest.raises(DeviceRefused, match="not set to record"):
        await one.recordings(2, "main", SPAN)
    assert len(device.asked) - before == 2  # the time, and one search


async def test_a_camera_that_numbers_its_tracks_plainly(device: Device, source: MakeSource) -> None:
    pager = Pager([File(1, f.begin, f.end) for f in day()])
    equip(device, pager)
    device.handlers["GET", "/ISAPI/ContentMgmt/record/tracks"] = Reply(
        body=b"<TrackList><Track><id>1</id></Track><Track><id>2</id></Track></TrackList>"
    )
    found = await source(device_time="utc").recordings(1, "main", SPAN)
    assert len(found.recordings) == 10


async def test_the_other_spelling_of_the_position_is_found_by_page_0_again(
    device: Device, source: MakeSource, tmp_path: Path
) -> None:
    path = tmp_path / "nvr.toml"
    pager = Pager(day(), cap=4, position="searchResultPosition")
    equip(device, pager)
    one = source(device_time="utc", notes=TomlNotes(path))
    found = await one.recordings(1, "main", SPAN)
    assert len(found.recordings) == 10
    assert found.complete
    assert len(pager.asked) < 8  # no window was halved
    assert tomllib.loads(path.read_text())["search"]["position"] == "searchResultPosition"


@pytest.mark.parametrize(
    "dialect",
    [
        {"declaration": "refused", "xmlns": "refused", "root_version": "required",
         "container": "trackList", "search_id": "braces", "download": ["POST body"]},
        {"declaration": "required", "xmlns": "required", "download": ["POST body"],
         "download_refused": 405},
        {"metadata": "refused", "container": "trackID", "download": ["GET query"]},
        {"xmlns": "required", "container": "trackList", "metadata": "refused",
         "position": "searchResultPosition", "page_cap": 4, "download": ["PUT body"],
         "download_refused": 403},
        {"position": "ignored", "page_cap": 9, "download": ["POST query"]},
        {"ranges": "honoured", "cdata": "refused", "position": "both", "page_cap": 3},
        {"bad_track": "ignored", "unrecorded": "refused"},
    ],
    ids=str,
)  # fmt: skip
async def test_strict_firmware_of_the_simulator(dialect: dict[str, Any]) -> None:
    base = get_profile("small").model_dump(
        exclude={"cameras": True, "recorded": True, "auth": {"password"}}
    )
    base["dialect"].update(dialect)
    async with Recorder(Profile.model_validate({**base, **MANY})) as recorder:
        one = IsapiSource(
            recorder.host, "admin", recorder.profile.auth.password, port=recorder.port,
            settings=PATIENT, now=recorder.now,
        )  # fmt: skip
        span = Span(recorder.now() - 300 * NS, recorder.now())
        answer = await one.recordings(3, "main", span)
        assert answer.complete
        assert {f.name for f in recorder.files(3, span)} <= {r.name for r in answer.recordings}
        size = 0

        async def write(block: bytes) -> None:
            nonlocal size
            size += len(block)

        row = answer.recordings[2]
        assert (await one.fetch(row, write)).size == size == row.size
        await one.aclose()


async def test_a_token_is_in_no_log(
    device: Device, source: MakeSource, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    body = b"IMKH" + bytes(5000)

    def answer(asked: Asked) -> Reply:
        if "token=planted" not in asked.target:
            return Reply(400, recorded("hikvision_ds-7616nxi_v4.84_badxml.xml"))
        return Reply(body=body, kind="Opaque/data")

    for verb in ("GET", "POST", "PUT"):
        device.handlers[verb, "/ISAPI/ContentMgmt/download"] = answer
    device.handlers["GET", "/ISAPI/Security/token"] = Reply(body=b'{"Token":{"value":"planted"}}')
    equip(device, Pager(day()))
    one = source(device_time="utc")
    row = (await one.recordings(1, "main", SPAN)).recordings[0]

    async def write(block: bytes) -> None:
        pass

    await one.fetch(row, write)
    assert "token=…" in caplog.text
    assert "planted" not in caplog.text
