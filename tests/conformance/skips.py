"""What does not exist for a source: the fixed list. Nothing else is ever skipped.

A skip needs a number here, and its reason; `make conformance` prints how many cells it leaves out.
"""

from __future__ import annotations

#: Number to reason.
REASONS: dict[int, str] = {
    1: "S3 signs every request by itself: there is no nonce that could be stale",
    2: "its times are Unix seconds: there is no Z that could mean local time",
    3: "footage comes over a WebSocket, which announces no length of what is to come",
}

#: (source or "*" for all, condition) to the number of the reason.
ABSENT: dict[tuple[str, str], int] = {
    ("*", "stale nonce / commit"): 1,
    ("hik_cloud", "local time stamped Z"): 2,
    ("everfocus", "local time stamped Z"): 2,
    ("everfocus", "long body / fetch"): 3,
    ("everfocus", "wrong Content-Length / fetch"): 3,
    ("everfocus", "no Content-Length / fetch"): 3,
}


def skipped(source: str, condition: str) -> str:
    """Why a cell does not exist, with its number; empty where it does."""
    number = ABSENT.get((source, condition), ABSENT.get(("*", condition)))
    return f"skip {number}: {REASONS[number]}" if number is not None else ""
