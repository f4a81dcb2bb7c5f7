"""A simulated EverFocus NVR, written from the vendor's SDK guide: HTTP, WebSocket, RTSP and UDP.

It shares nothing with the client: what the guide says is on both sides of the wire twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hikcore.sim.everfocus.nvr import Nvr
    from hikcore.sim.everfocus.profile import NvrProfile, built_in_nvrs, nvr_profile

__all__ = ["Nvr", "NvrProfile", "built_in_nvrs", "nvr_profile"]


def __getattr__(name: str) -> Any:
    """Nothing heavy is loaded until it is used."""
    from importlib import import_module  # noqa: PLC0415

    if name not in __all__:
        raise AttributeError(name)
    module = "nvr" if name == "Nvr" else "profile"
    return getattr(import_module(f"hikcore.sim.everfocus.{module}"), name)
