"""What a short cut of an object loads: numpy and pydantic take longer than the cut."""

from __future__ import annotations

import subprocess
import sys


def test_a_ranged_cut_loads_neither_numpy_nor_pydantic() -> None:
    code = (
        "import sys, hikcore.archive.window, hikcore.media.ranged\n"
        "print(sorted({'numpy', 'pydantic', 'minio'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert ran.stdout.strip() == "[]"
