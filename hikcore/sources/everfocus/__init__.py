"""EverFocus recorders (NVR SDK guide): sessions, a client of all that reads, and what uses them.

    from hikcore.sources.everfocus import EverFocusClient, EverFocusSettings, Session

These are loaded when first used: the maps and frames beside them need no network.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hikcore.sources.everfocus.client import EverFocusClient
    from hikcore.sources.everfocus.replies import DeviceSaidError
    from hikcore.sources.everfocus.session import Session
    from hikcore.sources.everfocus.settings import EverFocusSettings

_HOMES = {
    "DeviceSaidError": "replies",
    "EverFocusClient": "client",
    "EverFocusSettings": "settings",
    "Session": "session",
}

__all__ = ["DeviceSaidError", "EverFocusClient", "EverFocusSettings", "Session"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
