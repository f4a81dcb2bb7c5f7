"""From nothing to an installed hikcore: what is lacking is named, and nothing is left out."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


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
    for target in ("demo", "test", "check", "bench"):
        assert f"  make {target} " in done.stdout
    phony = (ROOT / "Makefile").read_text().split(".PHONY:")[1].splitlines()[0].split()
    assert len(done.stdout.splitlines()) == len(phony)


@pytest.mark.slow
def test_a_wheel_is_whole_and_works_elsewhere(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    for name in ("hikcore", "native", "flows"):
        shutil.copytree(
            ROOT / name, tree / name, ignore=shutil.ignore_patterns("*.so", "*.c", "__pycache__")
        )
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree)
    command = "-m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir out ."
    subprocess.run([sys.executable, *command.split()], cwd=tree, check=True)
    (wheel,) = (tree / "out").glob("hikcore-*.whl")
    packed = zipfile.ZipFile(wheel)
    names = set(packed.namelist())
    sources = {path.stem for path in (ROOT / "native").glob("*.pyx")}
    assert sources
    for source in sources:
        assert any(n.startswith(f"hikcore/native/{source}.") and n.endswith(".so") for n in names)
    expected = {"hikcore/py.typed", "hikcore/flows/extract.py"}
    for pattern in ("*.pyi", "*.pxd"):
        expected |= {f"hikcore/native/{p.name}" for p in (ROOT / "hikcore/native").glob(pattern)}
    expected |= {str(p.relative_to(ROOT)) for p in (ROOT / "hikcore").rglob("*.py")}
    assert not {name for name in expected if name not in names}

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
