"""Columns in documents: base64 of little-endian integers."""

from __future__ import annotations

import base64
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray


def pack(values: NDArray[Any], dtype: Literal["<u4", "<u8", "<i8"]) -> str:
    """A column as base64 of little-endian integers."""
    return base64.b64encode(np.ascontiguousarray(values).astype(dtype).tobytes()).decode()


def unpack(text: str, dtype: Literal["<u4", "<u8", "<i8"]) -> NDArray[Any]:
    """The column back."""
    return np.frombuffer(base64.b64decode(text), dtype)
