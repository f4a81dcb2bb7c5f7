"""The source itself: style, types, the arrows between the parts, and what it says in public."""

from __future__ import annotations

import re
import subprocess
import sys
import types
from pathlib import Path

import pytest

import hikcore

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent

#: What a user may import from `hikcore`. A name leaves this list only with a new major version.
PUBLIC = {
    "Archive",
    "ArchiveConflict",
    "ArchiveCorrupt",
    "ArchiveDenied",
    "ArchiveError",
    "ArchiveNotFound",
    "ArchiveUnavailable",
    "ClockUndecided",
    "ConfigurationError",
    "DeviceAuthError",
    "DeviceBusy",
    "DeviceError",
    "DeviceProtocolError",
    "DeviceRefused",
    "DeviceUnreachable",
    "HikcoreError",
    "HikvisionNVRClient",
    "MediaDamaged",
    "MediaEncrypted",
    "MediaError",
    "MediaUnsupported",
    "NoRecording",
    "Span",
    "SpoolFull",
    "TransferInterrupted",
    "__version__",
    "format_instant",
    "open_archive",
    "parse_instant",
}


def run(*command: str) -> None:
    """Run a tool of the environment; what it finds is the failure's text."""
    done = subprocess.run(
        [str(BIN / command[0]), *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.fail(f"{' '.join(command)}\n{done.stdout}{done.stderr}", pytrace=False)


def ours() -> list[Path]:
    """Every file that git has or would take, as it is now."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        names = [str(p.relative_to(ROOT)) for p in ROOT.rglob("*.py") if ".venv" not in p.parts]
    else:
        names = listed.stdout.splitlines()
    return [ROOT / name for name in names if (ROOT / name).is_file()]


def test_style() -> None:
    run("ruff", "check", ".")


def test_format() -> None:
    run("ruff", "format", "--check", ".")


def test_types() -> None:
    run("mypy")


def test_arrows_of_the_house() -> None:
    run("lint-imports")


def test_exported_members() -> None:
    assert set(hikcore.__all__) == PUBLIC
    for name in PUBLIC:
        assert getattr(hikcore, name) is not None
    added = {
        name
        for name, value in vars(hikcore).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    assert added - PUBLIC <= {"import_module", "TYPE_CHECKING", "Any", "annotations"}


def test_every_error_is_public() -> None:
    from hikcore import errors

    tree = {name for name in vars(errors) if isinstance(getattr(errors, name), type)}
    assert tree <= PUBLIC


@pytest.mark.parametrize(
    "statement", ["import hikcore", "import hikcore.cli", "import hikcore.cli.app"]
)
def test_importing_is_light(statement: str) -> None:
    heavy = ("numpy", "av", "prefect", "httpx", "minio", "rich.table", "pydantic", "hikcore.native")
    if statement.endswith("app"):
        # Typer renders help with rich; that is all a command line may cost before it runs.
        heavy = tuple(name for name in heavy if not name.startswith("rich"))
    code = f"{statement}; import sys; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_files_are_short() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in ours()
        if path.suffix in {".py", ".pyx", ".pxd", ".pyi"}
        and (lines := len(path.read_text(encoding="utf-8").splitlines())) > 500
    }
    assert not long


def test_no_marks_of_unfinished_work() -> None:
    # Built of parts, so that this file is not found by itself.
    words = (
        "TO" + "DO",
        "FIX" + "ME",
        "XX" + "X ",
        "raise NotImpl" + "emented",
        "@pytest.mark." + "skip(",
    )
    found = [
        f"{path.relative_to(ROOT)}: {word}"
        for path in ours()
        if path.suffix in {".py", ".pyx", ".pxd", ".pyi", ".md", ".toml", ".sh"}
        for word in words
        if word in path.read_text(encoding="utf-8")
    ]
    assert not found


def test_nothing_private_is_said() -> None:
    """No path of a developer's machine, no address of a package index, no key, no real address."""
    private = re.compile(
        r"(?<![\w>/])/(?:ho" + r"me|Us" + r"ers)/[a-z]+/|/wo" + r"rk/(?:main|shared)"
        r"|BEGIN [A-Z ]*PRIVATE" + r" KEY|AKIA[0-9A-Z]{16}"
        r"|pypi\.org/simple|files\.pythonhosted|--(?:extra-)?index-url|find-links=?/"
    )
    found = []
    for path in ours():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += [f"{path.relative_to(ROOT)}: {m.group()}" for m in private.finditer(text)]
    assert not found


def test_the_lock_is_only_names_and_versions() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert pins
    assert [
        line for line in pins if not re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][\w.+!]*", line)
    ] == []


def test_the_lock_holds_what_the_project_needs() -> None:
    import tomllib

    from packaging.requirements import Requirement

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    asked = project["project"]["dependencies"] + project["build-system"]["requires"]
    for extra in project["project"]["optional-dependencies"].values():
        asked += extra
    pins = {}
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        name, equals, version = line.partition("==")
        if equals:
            pins[name.lower().replace("_", "-")] = version
    for text in asked:
        need = Requirement(text)
        name = need.name.lower().replace("_", "-")
        assert name in pins, f"{name} is not in constraints.txt"
        assert need.specifier.contains(pins[name]), f"{need} does not admit {pins[name]}"


def test_every_package_is_in_the_wheel() -> None:
    """A package that pyproject.toml does not list would be missing from an installed hikcore."""
    import tomllib

    listed = set(
        tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    )
    there = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for path in ours()
        if path.name == "__init__.py" and path.relative_to(ROOT).parts[0] == "hikcore"
    }
    assert there | {"hikcore.flows"} == listed


def test_documents_that_are_named_are_there() -> None:
    """In links, docstrings, comments and messages alike."""
    missing = []
    for path in ours():
        if path.suffix not in {".py", ".pyx", ".pxd", ".md", ".toml", ".sh"}:
            continue
        text = path.read_text(encoding="utf-8")
        named = set(re.findall(r"\bdocs/[\w./-]+\.(?:md|svg|json)\b", text))
        if path.suffix == ".md":
            links = re.findall(r"\]\((?!https?:)([^)#]+)", text)
            named |= {str((path.parent / link).resolve().relative_to(ROOT)) for link in links}
        missing += [
            f"{path.relative_to(ROOT)}: {name}" for name in named if not (ROOT / name).exists()
        ]
    assert not missing
