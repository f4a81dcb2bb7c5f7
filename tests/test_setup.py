"""From nothing to an installed hikcore: what is lacking is named, and nothing is left out."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.test_source import ROOT, ours


def set_up(folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """infra/venv.sh in a tree of its own, which has nothing to install from."""
    (folder / "infra").mkdir()
    shutil.copy(ROOT / "infra/venv.sh", folder / "infra")
    return subprocess.run(
        ["/bin/sh", "infra/venv.sh"],
        cwd=folder,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
    )


def tools(folder: Path, *names: str) -> str:
    """A PATH on which only these are found."""
    folder.mkdir()
    for name in names:
        (folder / name).symlink_to(shutil.which(name) or "/nowhere")
    return str(folder)


def test_no_python_is_named(tmp_path: Path) -> None:
    done = set_up(tmp_path, PATH=tools(tmp_path / "bin", "dirname"), PYTHON="")
    assert done.returncode == 2
    for text in (
        "Python 3.11 or newer",
        "apt-get install python3",
        "dnf install python3",
        "PYTHON=",
    ):
        assert text in done.stderr


def test_an_old_python_is_passed_over(tmp_path: Path) -> None:
    bin_ = Path(tools(tmp_path / "bin", "dirname"))
    old = bin_ / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")  # what the version check says of an old one
    old.chmod(0o755)
    done = set_up(tmp_path, PATH=str(bin_), PYTHON="")
    assert done.returncode == 2
    assert "Python 3.11 or newer" in done.stderr


def test_no_compiler_is_named_with_its_package(tmp_path: Path) -> None:
    done = set_up(tmp_path, CC="no-such-compiler", PYTHON=sys.executable)
    assert done.returncode == 2
    assert "lacks a C compiler (no-such-compiler)" in done.stderr
    assert "apt-get install build-essential" in done.stderr
    assert "dnf install gcc" in done.stderr
    assert not (tmp_path / ".venv").exists()


def test_every_target_has_help() -> None:
    # Without the variables of the make that may be running this test.
    environ = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    done = subprocess.run(
        ["make", "help"], cwd=ROOT, env=environ, capture_output=True, text=True, check=True
    )
    for target in ("demo", "test", "check", "bench", "compare", "test-wheel"):
        assert f"  make {target} " in done.stdout
    phony = (ROOT / "Makefile").read_text().split(".PHONY:")[1].splitlines()[0].split()
    assert len(done.stdout.splitlines()) == len(phony)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with an sdist and the wheel made of it: HIKCORE_DIST, or built here."""
    if given := os.environ.get("HIKCORE_DIST"):
        return (ROOT / given).resolve()
    tree = tmp_path_factory.mktemp("tree")
    for path in ours():
        (tree / path.relative_to(ROOT)).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, tree / path.relative_to(ROOT))
    command = [sys.executable, "-m", "build", "--no-isolation"]
    done = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    return tree / "dist"


@pytest.mark.slow
def test_the_sdist_holds_every_source_and_nothing_built(built: Path) -> None:
    with tarfile.open(next(built.glob("hikcore-*.tar.gz"))) as packed:
        names = {name.partition("/")[2] for name in packed.getnames()}
    sources = {str(path.relative_to(ROOT)) for path in ours()}
    outside = {name for name in sources if name.split("/")[0] in {".gitignore", ".github"}}
    assert not sources - outside - names
    assert not {name for name in names if name.endswith((".so", ".pyc", ".mp4"))}
    assert {name for name in names if name.endswith(".c")} <= {"benchmarks/floor.c"}


@pytest.mark.slow
def test_the_wheel_holds_the_library_and_nothing_else(built: Path) -> None:
    with zipfile.ZipFile(next(built.glob("hikcore-*.whl"))) as packed:
        names = {name for name in packed.namelist() if ".dist-info/" not in name}
    modules = {name for name in names if name.endswith(".so")}
    expected = {"hikcore/py.typed"}
    for pattern in ("*.pyi", "*.pxd"):
        expected |= {f"hikcore/native/{p.name}" for p in (ROOT / "hikcore/native").glob(pattern)}
    expected |= {str(p.relative_to(ROOT)) for p in (ROOT / "hikcore").rglob("*.py")}
    expected |= {f"hikcore/{p.relative_to(ROOT)}" for p in (ROOT / "flows").rglob("*.py")}
    assert names - modules == expected
    built_names = sorted(name.partition(".")[0] for name in modules)
    assert built_names == sorted(
        f"hikcore/native/{p.stem}" for p in (ROOT / "native").glob("*.pyx")
    )


@pytest.mark.slow
def test_the_wheel_works_elsewhere(built: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(next(built.glob("hikcore-*.whl"))) as packed:
        packed.extractall(tmp_path / "installed")
    code = "import hikcore.flows, hikcore.native.ps, hikcore.cli.app; print(hikcore.__file__)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "installed")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip().startswith(str(tmp_path / "installed")), done.stderr


def test_the_version_is_one() -> None:
    from hikcore import __version__

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == __version__
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text()
