"""docs/simulator.md says what there is, and nothing else."""

import re
from pathlib import Path
from typing import get_args

from hikcore.sim import faults, strikes
from hikcore.sim.devices import DEVICES
from hikcore.sim.everfocus.profile import built_in_nvrs
from hikcore.sim.fields import EVERFOCUS, TABLES, markdown
from hikcore.sim.profile import Profile, Recorded, load_profile
from hikcore.sim.recorder import Recorder

TEXT = (Path(__file__).parents[2] / "docs" / "simulator.md").read_text(encoding="utf-8")


def test_the_tables_are_those_of_the_code() -> None:
    begin = TEXT.index("### (top)")
    assert TEXT[begin:].strip() == markdown().strip(), "python -m hikcore.sim.fields makes them"


def test_every_field_has_a_meaning_or_is_a_table() -> None:
    rows = [line for line in markdown().splitlines() if line.startswith("| `")]
    assert len(rows) > 150
    assert [row for row in rows if row.endswith("|  |") and "| table |" not in row] == []


def test_every_table_of_a_profile_is_there() -> None:
    named = {name.partition(".")[0] for name, _ in TABLES} - {"(top)"}
    plain = {"name", "description", "seed"}
    assert named == set(Profile.model_fields) - plain


def test_every_device_and_every_fault_is_named() -> None:
    for data in DEVICES:
        assert f"| `{data['name']}` |" in TEXT
    for kind in (*get_args(faults.Kind), *get_args(strikes.Kind)):
        assert f"`{kind}`" in TEXT


def test_the_example_is_a_profile_and_the_fields_of_the_capture_exist(tmp_path: Path) -> None:
    example = re.findall(r"```toml\n(name = .*?)```", TEXT, re.DOTALL)[0]
    fault = re.findall(r"```toml\n(\[\[faults\]\].*?)```", TEXT, re.DOTALL)[0]
    path = tmp_path / "mine.toml"
    path.write_text(example + fault)
    assert load_profile(path).dialect.page_cap == 40
    models = dict(TABLES)
    table = TEXT[TEXT.index("| in the capture") : TEXT.index("```toml\nname")].strip()
    for line in table.splitlines()[2:]:
        part = ""
        for name in re.findall(r"`([\w.]+)`", line.split("|")[2]):
            first, _, field = name.rpartition(".")
            part = first or part
            assert name in models or field in models[part].model_fields, name


def test_every_behaviour_names_fields_and_tests_that_exist() -> None:
    folder = Path(__file__).parent
    tests = "".join(path.read_text(encoding="utf-8") for path in folder.glob("test_*.py"))
    models = dict(TABLES)
    begin = TEXT.index("| behaviour | fields")
    rows = TEXT[begin : TEXT.index("\n\n", begin)].splitlines()[2:]
    assert len(rows) >= 25 + 10
    for row in rows:
        _, fields, shown = row.strip("| ").split(" | ")
        for name in re.findall(r"`(\w+(?:\.\w+)*)`", fields):
            first, _, field = name.rpartition(".")
            known = (*get_args(faults.Kind), *get_args(strikes.Kind), *models)
            if first == "recorder":
                assert hasattr(Recorder, field), name
            else:
                assert name in known or field in models[first].model_fields, name
        names = re.findall(r"`(test_\w+)`", shown)
        assert names
        for name in names:
            assert f"def {name}(" in tests, name


EVERFOCUS_TEXT = (Path(__file__).parents[2] / "docs" / "everfocus-simulator.md").read_text(
    encoding="utf-8"
)


def test_the_tables_of_everfocus_recorders_are_those_of_the_code() -> None:
    begin = EVERFOCUS_TEXT.index("### (top)")
    made = markdown(EVERFOCUS).strip()
    assert EVERFOCUS_TEXT[begin:].strip() == made, "python -m hikcore.sim.fields everfocus"
    rows = [line for line in made.splitlines() if line.startswith("| `")]
    assert [row for row in rows if row.endswith("|  |")] == []
    for name in built_in_nvrs():
        assert f"| `{name}` |" in EVERFOCUS_TEXT


def test_what_everfocus_recorders_do_names_fields_and_tests_that_exist() -> None:
    files = Path(__file__).parent.glob("test_everfocus*.py")
    tests = "".join(path.read_text(encoding="utf-8") for path in files)
    begin = EVERFOCUS_TEXT.index("| behaviour | fields")
    rows = EVERFOCUS_TEXT[begin : EVERFOCUS_TEXT.index("\n\n", begin)].splitlines()[2:]
    models = dict(EVERFOCUS) | {"recorded": Recorded}
    for row in rows:
        _, fields, shown = row.strip("| ").split(" | ")
        for name in re.findall(r"`(\w+\.\w+)`", fields):
            part, _, field = name.partition(".")
            assert field in models[part].model_fields, name
        for name in re.findall(r"`(test_\w+)`", shown):
            assert f"def {name}(" in tests, name
