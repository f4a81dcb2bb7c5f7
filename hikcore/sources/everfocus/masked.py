"""Messages without their secrets: what a recorder pushes may hold cameras' and networks' passwords.

A message `cameraDetail` is the reply of that name (10.14, 2.4): user and password of a camera. A
message `network` holds those of PPPoE, Wi-Fi and mobile networks (7.1).
"""

from __future__ import annotations

import re
from typing import Any, Final

MASK: Final = "***"
_SECRET = re.compile(r"pass|pwd|secret|token|psk|pre.?shared|wep|credential", re.IGNORECASE)
#: The same inside a text: `"password": "x"`, `pwd=x`, `rtsp://user:x@host`.
_IN_TEXT = re.compile(
    r"""(?P<name>[\w-]*(?:pass|pwd|secret|token|psk)[\w-]*["'“”]?\s*[:=]\s*)"""
    r"""(?P<value>"(?:[^"\\]|\\.)*"?|'[^']*'?|“[^”]*”?|[^\s,;&}\]]+)""",
    re.IGNORECASE,
)
_IN_URL = re.compile(r"(\w+://[^/\s:@]*):[^/\s@]*@")
#: Deeper than any message: what lies below is left out rather than looked at for ever.
_DEEPEST = 20


def masked(value: Any, depth: int = 0) -> Any:
    """A JSON value with `***` in place of every secret: values of keys that name one, whatever they
    are, and what texts hold of them."""
    if depth > _DEEPEST:
        return MASK
    if isinstance(value, dict):
        return {
            str(key): MASK if _SECRET.search(str(key)) and each not in (None, "", True, False)
            else masked(each, depth + 1)
            for key, each in value.items()
        }  # fmt: skip
    if isinstance(value, list):
        return [masked(each, depth + 1) for each in value]
    if isinstance(value, str):
        return masked_text(value)
    return value


def masked_text(text: str) -> str:
    """A text without the secrets that it names."""
    hidden = _IN_TEXT.sub(lambda found: found["name"] + MASK, text)
    return _IN_URL.sub(rf"\1:{MASK}@", hidden)
