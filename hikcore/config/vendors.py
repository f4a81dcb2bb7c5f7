"""From a device's kind to the source that speaks to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from hikcore.archive.store import Store
from hikcore.config.cloud_device import hik_cloud_source
from hikcore.config.devices import isapi_source
from hikcore.config.everfocus_device import everfocus_source
from hikcore.config.places import Site
from hikcore.sources.base import Source

#: Builds a source; nothing is sent yet. Of the site and the device's id there, the folder of device
#: files (None: the user's cache), the store of the archive that is filled.
Build = Callable[[Site, str, Path | None, Store | None], Source]

SOURCES: Final[Mapping[str, Build]] = {
    "isapi": isapi_source,
    "hik_cloud": hik_cloud_source,
    "everfocus": everfocus_source,
}
