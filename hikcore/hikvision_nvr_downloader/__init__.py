"""One clip straight from a recorder, in one call: `HikvisionNVRClient.download_by_time`.

The names are those of a library that many scripts use already, so that they need a new prefix and
nothing else:

    from hikcore.hikvision_nvr_downloader import HikvisionNVRClient
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hikcore.hikvision_nvr_downloader.hikvision_nvr_downloader import HikvisionNVRClient

__all__ = ["HikvisionNVRClient"]


def __getattr__(name: str) -> Any:
    # Loaded when used, as `python -m` of the module warns when its package has loaded it before.
    if name == "HikvisionNVRClient":
        from hikcore.hikvision_nvr_downloader import hikvision_nvr_downloader  # noqa: PLC0415

        return hikvision_nvr_downloader.HikvisionNVRClient
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
