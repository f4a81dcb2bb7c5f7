"""The native modules with sanitizers in them, in a folder of their own."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path("build/sanitize")
#: Python itself keeps memory until it ends; numpy's allocations may fail, and then say so.
_ASAN = "detect_leaks=0:allocator_may_return_null=1:quarantine_size_mb=64:handle_abort=1"


@dataclass(frozen=True)
class Sanitized:
    """How to run Python against the sanitized modules.

    Attributes:
        guided: whether libFuzzer and the counters it goes by are there.
        says: which of the two, and why.
    """

    python: tuple[str, ...]
    environment: dict[str, str]
    guided: bool
    says: str


def build(*, guided: bool = True) -> Sanitized:
    """Build what changed. Clang and atheris give coverage guidance; gcc alone gives the sanitizers.

    Raises:
        subprocess.CalledProcessError: no compiler, or it failed.
    """
    atheris, clang = importlib.util.find_spec("atheris"), shutil.which("clang")
    lacks = [name for name, found in (("atheris", atheris), ("clang", clang)) if not found]
    guided = guided and not lacks
    environment = dict(os.environ, HIKCORE_BUILD="sanitize")
    if guided:
        environment |= {"CC": "clang", "LDSHARED": "clang -shared"}
    # The two builds do not mix: other counters, another runtime.
    folder = FOLDER / ("clang" if guided else "cc")
    subprocess.run(
        [sys.executable, "setup.py", "-q", "build", f"--build-base={folder}",
         f"--build-lib={folder / 'lib'}"],
        env=environment, check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    environment = dict(os.environ)
    environment["PYTHONPATH"] = os.pathsep.join((str(folder / "lib"), "."))
    environment["LD_PRELOAD"] = _runtime(guided)
    environment["ASAN_OPTIONS"] = _ASAN
    environment["UBSAN_OPTIONS"] = "print_stacktrace=1"
    says = "guided by coverage (clang, atheris)" if guided else (
        f"not guided by coverage: no {' and no '.join(lacks)}" if lacks else "unguided, as asked"
    )  # fmt: skip
    return Sanitized((sys.executable,), environment, guided, says)


def _runtime(guided: bool) -> str:
    """The library that must be there before the modules are loaded."""
    if guided:
        package = importlib.util.find_spec("atheris")
        assert package is not None
        assert package.origin is not None
        return str(Path(package.origin).parents[1] / "asan_with_fuzzer.so")
    compiler = os.environ.get("CC", "cc").split()[0]
    found = [
        subprocess.run(
            [compiler, f"-print-file-name={name}"], capture_output=True, text=True, check=True
        ).stdout.strip()
        for name in ("libasan.so", "libubsan.so")
    ]
    return " ".join(found)
