"""The coverage of many sites at once: a line for each, those with alarms last."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from hikcore.archive.answers import record
from hikcore.archive.documents import Site, SiteCamera
from hikcore.archive.keys import SITES
from hikcore.archive.local import LocalStore
from hikcore.archive.reader import Archive
from hikcore.archive.said import Expectation
from hikcore.archive.sites import publish_site
from hikcore.cli.coverage_sites import AT_ONCE_FAR
from tests.archive import build
from tests.archive.build import CAMERA, STREAM, at, question, row
from tests.cli.conftest import Command, documented, write_config

FROM, TO = "2026-11-20T10:00:00Z", "2026-11-20T11:00:00Z"


@pytest.fixture
def sites(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`home`, of which nothing was fetched yet; shop-1 to shop-12 with an hour each: shop-2 has two
    holes that nothing explains, of shop-3 half was lost, the document of shop-4 is broken; `zoo`,
    whose file is wrong."""
    monkeypatch.setenv("COLUMNS", "80")
    write_config(tmp_path, 9)
    (tmp_path / "sites.d").mkdir()
    store = LocalStore(tmp_path / "archive")
    for number in range(1, 13):
        site = f"shop-{number}"
        zone = "Asia/Tashkent" if number < 12 else "Europe/Berlin"
        (tmp_path / "sites.d" / f"{site}.toml").write_text(
            f'[sites.{site}]\nzone = "{zone}"\n[sites.{site}.devices.nvr]\nhost = "127.0.0.1"\n'
            'username = "admin"\npassword = "env:TEST_NVR_PASSWORD"\n'
        )
        monkeypatch.setattr(build, "SITE", site)
        expected = Expectation(kind="continuous", set=True)
        camera = SiteCamera(id=CAMERA, expectation=expected)
        publish_site(store, Site(site=site, zone=zone, cameras=(camera,)))
        rows = [row(0, 1800, size=1), row(1800, 3600, size=2)]
        if number == 2:
            rows = [row(600, 1800, size=1), row(1800, 3000, size=2)]
        if number == 3:  # asked again, the device has it no longer
            record(store, site, CAMERA, STREAM, [question(0, 3600, asked=9_000)], rows)
            rows = rows[:1]
            record(store, site, CAMERA, STREAM, [question(0, 3600, asked=20_000)], [])
        else:
            record(store, site, CAMERA, STREAM, [question(0, 3600)], rows)
        for each in rows:
            seconds = [(ns - at(0)) / 1e9 for ns in (each.begin, each.end)]
            build.put(store, build.held(seconds[0], seconds[1], listed=each))
    store.delete(f"{SITES}shop-4.json")
    store.put(f"{SITES}shop-4.json", b"{", content_type="application/json")
    (tmp_path / "sites.d" / "zoo.toml").write_text("[sites.zoo]\nzone = \n")
    return tmp_path


def test_a_line_for_each_site(hikcore: Command, sites: Path) -> None:
    ran = hikcore("coverage", FROM, TO)
    assert ran.code == 1  # 2: of zoo, 9: of shop-4, 10: of home
    lines = ran.out.splitlines()
    head = "site cameras held lost damaged pending unknown alarm"
    assert " ".join(lines[0].split()) == head
    well = ["shop-1", "shop-3", *(f"shop-{n}" for n in range(5, 13))]
    order = [*well, "home", "shop-4", "shop-2", "together"]
    assert [line.split()[0] for line in lines[1:-1]] == order
    assert lines[1].split() == ["shop-1", "1", "100", "%", "-", "-", "-", "-", "no"]
    assert lines[2].split()[1:7] == ["1", "50.0", "%", "30", "min", "-"]
    alarmed = " ".join(lines[-3].split())
    assert alarmed == "shop-2 1 66.7 % - - - - 2 holes, 20 min"
    assert "home      not read: nothing of it is in the archive" in lines
    assert lines[-1] == "13 sites: 1 with alarms, 2 not read"
    assert max(map(len, lines)) <= 80
    assert "span: 2026-11-20T10:00:00.000Z to 2026-11-20T11:00:00.000Z (UTC)" in ran.err
    assert "log/sites/shop-4.json" in ran.err
    assert "zoo.toml" in ran.err


def test_its_json_says_what_each_site_alone_says(hikcore: Command, sites: Path) -> None:
    told = hikcore("coverage", "shop-*", FROM, TO, "--json")
    assert told.code == 9  # of the one that cannot be read
    *lines, summary = told.lines
    assert {key for line in lines for key in line} <= documented("coverage")
    assert set(summary) <= documented("coverage")
    assert (summary["sites"], summary["sites_with_alarms"], summary["sites_failed"]) == (12, 1, 1)
    assert lines[-1]["site"] == "shop-2"
    assert lines[-1]["alarms"] == 2
    for line in lines:
        alone = hikcore("coverage", line["site"], FROM, TO, "--json")
        if line["error"] is not None:
            assert alone.code == line["error"]["code"] == 9
            continue
        (camera,) = alone.lines[-1]["cameras"]
        assert line["seconds"] == camera["seconds"]
        assert line["alarms"] == alone.lines[-1]["alarms"]
        assert (line["begin"], line["end"]) == (alone.lines[-1]["begin"], alone.lines[-1]["end"])


@pytest.mark.parametrize(
    ("wanted", "options", "code"),
    [
        ("shop-[123]", (), 0),
        ("shop-[123]", ("--fail-on-alarm",), 3),
        ("shop-[13]", ("--fail-on-alarm",), 0),
        ("shop-[24]", ("--fail-on-alarm",), 9),
        ("h*", (), 10),
        ("north-*", (), 2),
    ],
)
def test_exit_codes(
    hikcore: Command, sites: Path, wanted: str, options: tuple[str, ...], code: int
) -> None:
    assert hikcore("coverage", wanted, FROM, TO, *options).code == code


def test_each_site_by_its_own_clock(hikcore: Command, sites: Path) -> None:
    day = ("2026-11-20", "2026-11-20")
    told = hikcore("coverage", "shop-1[12]", *day, "--json")
    assert "2026-11-20 to 2026-11-20, by the clock of each site" in told.err
    begins = {line["site"]: line["begin"] for line in told.lines[:-1]}
    assert begins["shop-11"] == "2026-11-19T19:00:00.000Z"
    assert begins["shop-12"] == "2026-11-19T23:00:00.000Z"
    same = hikcore("coverage", "shop-1[12]", *day, "--json", "--tz", "UTC")
    assert {line["begin"] for line in same.lines[:-1]} == {"2026-11-20T00:00:00.000Z"}


def test_of_an_archive_without_a_configuration(hikcore: Command, sites: Path) -> None:
    (sites / "hikcore.toml").unlink()
    archive = ("--archive", str(sites / "archive"))
    told = hikcore("coverage", FROM, TO, *archive, "--json")
    assert (told.code, told.lines[-1]["sites"]) == (9, 12)
    one = hikcore("coverage", "shop-1?", "2026-11-20", "2026-11-20", *archive, "--json")
    assert [line["site"] for line in one.lines[:-1]] == ["shop-10", "shop-11", "shop-12"]
    none = hikcore("coverage", "north-*", FROM, TO, *archive)
    assert (none.code, "shop-12" in none.err) == (2, True)


def test_so_many_at_once_and_no_more(
    hikcore: Command, sites: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    together, guard = threading.Barrier(AT_ONCE_FAR), threading.Lock()
    under_way, most = 0, 0
    cameras = Archive.cameras

    def slow(archive: Archive, site: str) -> list[str]:
        nonlocal under_way, most
        with guard:
            under_way += 1
            most = max(most, under_way)
        if site != "shop-9":  # the ninth: the first eight wait for each other, not for it
            together.wait(60)
        with guard:
            under_way -= 1
        return cameras(archive, site)

    monkeypatch.setattr(LocalStore, "far", True)
    monkeypatch.setattr(Archive, "cameras", slow)
    assert hikcore("coverage", "shop-[1-9]", FROM, TO).code == 9
    assert most == AT_ONCE_FAR


def test_there_is_no_site(hikcore: Command, tmp_path: Path) -> None:
    (tmp_path / "archive").mkdir()
    ran = hikcore("coverage", FROM, TO, "--archive", str(tmp_path / "archive"), "--fail-on-alarm")
    assert (ran.code, "no site" in ran.err) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("shop-1", FROM), "behind shop-1"),
        (("shop-1", "shop-2", FROM, TO), "shop-1 shop-2"),
        (("2026-11-20", "tomorrow"), "'tomorrow' is not a time"),
        ((TO, FROM), "is not before end"),
    ],
)
def test_what_is_no_span_is_told_once(
    hikcore: Command, sites: Path, arguments: tuple[str, ...], said: str
) -> None:
    ran = hikcore("coverage", *arguments)
    assert ran.code == 2
    assert ran.err.count(said) == 1
    assert ran.out == ""
