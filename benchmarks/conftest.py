"""Options, inputs and the table at the end."""

from __future__ import annotations

import compileall
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import report
from benchmarks.contest import Contest
from benchmarks.inputs import Inputs, open_inputs
from benchmarks.measure import scratch_folder
from benchmarks.peers import programs

_RESULTS = Path(__file__).parent / "results"
_CONTEST = Contest()


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--size full` is the size that the goals are set for."""
    parser.addoption("--size", choices=("small", "full"), default="small")
    parser.addoption("--results", type=Path, default=_RESULTS, help="folder of JSON and picture")


@pytest.fixture(scope="session", autouse=True)
def _compiled() -> None:
    """As pip leaves what it installs: where the environment says PYTHONDONTWRITEBYTECODE, every
    process that is measured would compile our modules anew, and none of the peers'."""
    for name in ("hikcore", "flows", "benchmarks"):
        compileall.compile_dir(_RESULTS.parent.parent / name, quiet=2)


@pytest.fixture(scope="session")
def size(request: pytest.FixtureRequest) -> str:
    return str(request.config.getoption("--size"))


@pytest.fixture(scope="session")
def inputs(size: str) -> Inputs:
    return open_inputs(size)


@pytest.fixture(scope="session")
def contest() -> Contest:
    return _CONTEST


@pytest.fixture(scope="session")
def tools() -> dict[str, str]:
    return programs()


@pytest.fixture
def scratch() -> Iterator[Path]:
    """A folder for outputs, in memory."""
    folder = Path(tempfile.mkdtemp(prefix="hikcore-bench-", dir=scratch_folder()))
    yield folder
    shutil.rmtree(folder)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    if not _CONTEST.rows:
        return
    size = str(config.getoption("--size"))
    report.show(_CONTEST.rows, size)
    path = report.save(_CONTEST.rows, size, config.getoption("--results"))
    terminalreporter.write_line(f"saved: {path} and {path.with_suffix('.svg').name}")
