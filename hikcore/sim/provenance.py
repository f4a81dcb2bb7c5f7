"""What cached footage was made by, so that a cache never outlives the code that filled it."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files

import av
import numpy as np

_PICTURES = ("font", "picture", "encoder", "footage")
_BODIES = (*_PICTURES, "sound", "hikps", "psmux", "mp4file", "recordings", "vault")


@cache
def of_pictures() -> str:
    """Everything that the bytes of coded pictures depend on besides their parameters."""
    return _of(_PICTURES)


@cache
def of_bodies() -> str:
    """The same of whole files."""
    return _of(_BODIES)


def _of(modules: tuple[str, ...]) -> str:
    digest = hashlib.sha256()
    digest.update(f"{av.__version__}/{av.library_versions}/{np.__version__}".encode())
    for name in modules:
        digest.update((files("hikcore.sim") / f"{name}.py").read_bytes())
    return digest.hexdigest()
