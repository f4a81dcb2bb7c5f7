"""Many sites: a file each, defaults that are inherited, channels chosen by name."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from hikcore.config import load
from hikcore.config.lines import line_of
from hikcore.errors import ConfigurationError
from hikcore.sources.base import DeviceCamera

MAIN = """[archive]
url = "./footage"

[defaults]
username = "backup"
password = "env:PW"
attempts = 3
exclude = ["*test*"]
"""


def site(name: str, *, more: str = "", device: str = "") -> str:
    return f"""# {name}
[sites.{name}]
zone = "Asia/Tashkent"
{more}
[sites.{name}.devices.nvr]
host = "192.0.2.7"
cameras = "all"
{device}
"""


def write(folder: Path, **files: str) -> Path:
    main = folder / "hikcore.toml"
    main.write_text(MAIN)
    (folder / "sites.d").mkdir()
    for name, text in files.items():
        (folder / "sites.d" / f"{name}.toml").write_text(text)
    return main


def test_a_file_a_site_and_what_it_inherits(tmp_path: Path) -> None:
    own = '[sites.b.defaults]\nattempts = 7\nusername = "b-user"\n'
    main = write(tmp_path, a=site("a"), b=site("b", more=own, device="username = 'nvr-user'"))
    config = load(main, environ={})
    assert [each.id for each in config.sites] == ["a", "b"]
    one, two = (config.site(each).device("nvr") for each in "ab")
    assert (one.username, one.attempts) == ("backup", 3)
    assert (two.username, two.attempts) == ("nvr-user", 7)
    assert config.origins["sites.a.zone"] == f"file {tmp_path}/sites.d/a.toml"
    assert config.origins["sites.b.defaults.attempts"].endswith("b.toml")


def test_a_fault_names_file_and_line(tmp_path: Path) -> None:
    main = write(tmp_path, a=site("a"), b=site("b", device='prot = 80\nscheme = "ftp"'))
    with pytest.raises(ConfigurationError) as found:
        load(main, environ={})
    text = str(found.value)
    assert "sites.b.devices.nvr.prot: unknown key (nearest known: sites.b.devices.nvr.port)" in text
    assert f"{tmp_path}/sites.d/b.toml, line 8" in text
    assert f"{tmp_path}/sites.d/b.toml, line 9" in text
    (tmp_path / "sites.d" / "b.toml").write_text("[sites.b]\nzone = \n")
    with pytest.raises(ConfigurationError, match=r"b\.toml.*line 2"):
        load(main, environ={})


def test_a_fault_of_site_defaults_is_told_once(tmp_path: Path) -> None:
    main = write(tmp_path, a=site("a", more="[sites.a.defaults]\nattempts = 99\n"))
    with pytest.raises(ConfigurationError) as found:
        load(main, environ={})
    assert "sites.a.defaults.attempts" in found.value.message
    assert " faults" not in found.value.message


def test_what_does_not_belong_there(tmp_path: Path) -> None:
    main = write(tmp_path, a="[archive]\nurl = 'x'\n")
    with pytest.raises(ConfigurationError, match="line 1: archive: only"):
        load(main, environ={})
    (tmp_path / "sites.d" / "a.toml").write_text(site("home"))
    (tmp_path / "sites.d" / "b.toml").write_text(site("home"))
    with pytest.raises(
        ConfigurationError, match=r"b\.toml, line 2: site home is also in .*a\.toml"
    ):
        load(main, environ={})


def test_channels_by_name_and_number(tmp_path: Path) -> None:
    main = write(
        tmp_path,
        a=site("a"),
        b=site("b", device='include = ["gate*", "7"]\nexclude = ["*old*"]'),
    )
    names = ["Gate", "Gate old", "Yard", "Test bench", "Kitchen", "Hall", "Roof"]
    channels = [DeviceCamera(number, name) for number, name in enumerate(names, 1)]
    config = load(main, environ={})
    one, two = config.site("a"), config.site("b")
    assert [c.channel for c in one.cameras_of("nvr", channels)] == [1, 2, 3, 5, 6, 7]
    assert one.unlisted("nvr", channels) == []  # the test bench is left out on purpose
    assert [c.channel for c in two.cameras_of("nvr", channels)] == [1, 7]
    assert [c.channel for c in two.unlisted("nvr", channels)] == [3, 4, 5, 6]


def test_two_hundred_sites_are_read_at_once(tmp_path: Path) -> None:
    """So that every command can begin with it; generous, as machines differ."""
    write(tmp_path, **{f"s{n:03d}": site(f"s{n:03d}") for n in range(200)})
    began = time.process_time()
    config = load(tmp_path / "hikcore.toml", environ={})
    took = time.process_time() - began
    assert len(config.sites) == 200
    assert took < 2


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ("archive.url", 2),
        ("sites.home.zone", 5),
        ("sites.home.devices.n.host", 8),
        ("sites.home.devices.n.port", 7),  # not there: the table
        ("sites.home.cameras.a.channel", 10),  # an inline table
        ("sites.other", 12),
        ("spool", None),
    ],
)
def test_lines(keys: str, line: int | None) -> None:
    text = """[archive]
url = "x" # [sites.home]

[sites.home]
zone = "UTC"

[sites.home.devices."n"]
host = "y"
[sites.home.cameras]
a = { device = "n", channel = 1 }

[sites.other.devices.n]
host = "z"
"""
    assert line_of(text, keys.split(".")) == line


@pytest.mark.parametrize(
    ("zone", "good"),
    [
        ("Europe/Berlin", True),
        ("CET-1CEST,M3.5.0,M10.5.0/3", True),
        ("CST-1:00:00DST01:00:00,M3.5.0/02:00:00,M10.5.0/03:00:00", True),
        ("Europe/Atlantis", False),
        ("+05:00", False),
    ],
)
def test_the_zone_of_a_wall_clock_is_checked_in_a_sites_own_file(
    tmp_path: Path, zone: str, good: bool
) -> None:
    main = write(tmp_path, a=site("a", device=f'device_time = "{zone}"'))
    if good:
        assert load(main).settings.sites["a"].devices["nvr"].device_time == zone
        return
    with pytest.raises(ConfigurationError) as caught:
        load(main)
    assert "device_time" in str(caught.value)
    assert f"{tmp_path}/sites.d/a.toml, line 8" in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "[sites.b]\nzone = \n",
        site("b", device="prot = 80"),
        site("b") + "[archive]\nurl = 'x'\n",
        site("b") + site("c", more="name = 'again'"),
        "sites = 3",
    ],
)
def test_a_file_that_is_wrong_stops_its_own_site_alone(tmp_path: Path, text: str) -> None:
    main = write(tmp_path, a=site("a"), b=text, ab=site("ab"), c=site("c"))
    with pytest.raises(ConfigurationError, match=r"sites\.d/[bc]\.toml"):
        load(main, environ={})
    config = load(main, environ={}, lenient=True)
    twice = "again" in text
    assert [each.id for each in config.sites] == ["a", "ab", "b" if twice else "c"]
    (aside,) = config.aside
    assert aside.file == tmp_path / "sites.d" / ("c.toml" if twice else "b.toml")
    with pytest.raises(ConfigurationError, match=r"line \d|not a table"):
        config.site(aside.sites[0])
    assert config.site("a").device("nvr").username == "backup"


def test_what_is_wrong_in_common_or_for_this_run_stops_all(tmp_path: Path) -> None:
    main = write(tmp_path, a=site("a"), b=site("b", device="prot = 80"))
    text = main.read_text()
    main.write_text(text + "[sites.home]\nzone = 'nowhere'\n")
    with pytest.raises(ConfigurationError, match="2 faults"):
        load(main, environ={}, lenient=True)
    main.write_text(text.replace("attempts = 3", "attempts = 99"))
    with pytest.raises(ConfigurationError, match=r"defaults\.attempts"):
        load(main, environ={}, lenient=True)
    main.write_text(text)
    with pytest.raises(ConfigurationError, match="command line"):
        load(main, environ={}, lenient=True, overrides={"sites.a.zone": "nowhere"})


def test_the_first_of_two_files_is_named_not_one_that_begins_alike(tmp_path: Path) -> None:
    main = write(tmp_path, a=site("s1-old"), b=site("s1"), c=site("s1"))
    with pytest.raises(ConfigurationError, match=r"site s1 is also in .*b\.toml"):
        load(main, environ={})


def test_of_many_sites_not_all_are_named(tmp_path: Path) -> None:
    main = write(tmp_path, **{f"s{n:03d}": site(f"s{n:03d}") for n in range(60)})
    with pytest.raises(ConfigurationError) as found:
        load(main, environ={}).site("elsewhere")
    assert "and 48 more" in found.value.hint


def test_a_fault_in_one_file_with_two_hundred_sites_is_told_at_once(tmp_path: Path) -> None:
    """Generous, as machines differ; to look for the lines of all keys takes several times that."""
    main = write(tmp_path)
    sites = [site(f"s{number:03d}", device="port = 80\nattempts = 2") for number in range(300)]
    text = MAIN + "".join(sites) + "prot = 80\n"
    main.write_text(text)
    began = time.process_time()
    with pytest.raises(ConfigurationError, match=rf"prot.*line {len(text.splitlines())} "):
        load(main, environ={})
    assert time.process_time() - began < 3
