"""hikcore: recorded video out of NVRs into an archive, exactly once, and exact clips back.

    import hikcore

    archive = hikcore.open_archive("s3+https://storage.example/footage")
    for stretch in archive.coverage("home", "door", hikcore.Span(begin, end)):
        print(stretch.state, stretch.span, stretch.reason)

Importing this loads nothing heavy: the archive and the client are loaded when first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from hikcore.errors import (
    ArchiveConflict,
    ArchiveCorrupt,
    ArchiveDenied,
    ArchiveError,
    ArchiveNotFound,
    ArchiveUnavailable,
    ClockUndecided,
    ConfigurationError,
    DeviceAuthError,
    DeviceBusy,
    DeviceError,
    DeviceProtocolError,
    DeviceRefused,
    DeviceUnreachable,
    HikcoreError,
    MediaDamaged,
    MediaEncrypted,
    MediaError,
    MediaUnsupported,
    NoRecording,
    SpoolFull,
    TransferInterrupted,
)

if TYPE_CHECKING:
    from hikcore.archive.reader import Archive, open_archive
    from hikcore.hikvision_nvr_downloader import HikvisionNVRClient
    from hikcore.instants import Span, format_instant, parse_instant

__version__ = "0.1.0"

#: What takes time to load: numpy, pydantic and the HTTP stack stand behind the first three, and the
#: standard library's dates behind the rest. A short cut of a file needs none of them.
_HOMES = {
    "Archive": "hikcore.archive.reader",
    "open_archive": "hikcore.archive.reader",
    "HikvisionNVRClient": "hikcore.hikvision_nvr_downloader",
    "Span": "hikcore.instants",
    "format_instant": "hikcore.instants",
    "parse_instant": "hikcore.instants",
}

__all__ = [
    "Archive",
    "ArchiveConflict",
    "ArchiveCorrupt",
    "ArchiveDenied",
    "ArchiveError",
    "ArchiveNotFound",
    "ArchiveUnavailable",
    "ClockUndecided",
    "ConfigurationError",
    "DeviceAuthError",
    "DeviceBusy",
    "DeviceError",
    "DeviceProtocolError",
    "DeviceRefused",
    "DeviceUnreachable",
    "HikcoreError",
    "HikvisionNVRClient",
    "MediaDamaged",
    "MediaEncrypted",
    "MediaError",
    "MediaUnsupported",
    "NoRecording",
    "Span",
    "SpoolFull",
    "TransferInterrupted",
    "__version__",
    "format_instant",
    "open_archive",
    "parse_instant",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(import_module(_HOMES[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'hikcore' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
