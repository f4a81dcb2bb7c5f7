"""What was found out about how a device speaks, kept beside the configuration.

Probed once, kept with the firmware that it was found with, and probed again when that changes. The
file is for people too: they may edit it, or set `firmware = "*"` to keep what they wrote over
changes of firmware.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, TypeVar
from xml.etree.ElementTree import Element

from pydantic import TypeAdapter, ValidationError

from hikcore.errors import ConfigurationError, DeviceProtocolError, DeviceRefused
from hikcore.instants import DAY, format_instant, parse_instant
from hikcore.sources.base import DeviceNotes
from hikcore.sources.isapi import xml
from hikcore.sources.isapi.dialect import SEARCH_LADDER, DownloadDialect, SearchDialect

INFO: Final = "/ISAPI/System/deviceInfo"
_LOG = logging.getLogger("hikcore.isapi")
_ANY: Final = "*"
#: After so long every form of a search is tried again.
_AGAIN: Final = DAY
_T = TypeVar("_T")

Ranges = Literal["unknown", "honoured", "ignored"]


@dataclass(frozen=True, slots=True)
class Identity:
    """What deviceInfo says; empty where it is refused."""

    model: str = ""
    firmware: str = ""
    serial: str = ""


async def identify(get: Callable[[str], Awaitable[Element]]) -> Identity:
    """Ask a device who it is.

    Raises:
        DeviceError: it does not answer, or spoils every answer.
    """
    try:
        root = await get(INFO)
    except (DeviceRefused, DeviceProtocolError) as error:
        if error.retryable:
            raise
        return Identity()
    version = (xml.text(root, name) for name in ("firmwareVersion", "firmwareReleasedDate"))
    return Identity(
        xml.text(root, "model"), " ".join(filter(None, version)), xml.text(root, "serialNumber")
    )


class Dialects:
    """How one device speaks, as far as it is known.

    Args:
        notes: where that is kept; None: for the life of this object.
        identity: of the device.
        where: the device, for errors.
        now: our clock, ns UTC.

    Attributes:
        search, download: what worked; None: not found out yet.
        ranges: whether a download was ever resumed.
    """

    def __init__(
        self,
        notes: DeviceNotes | None = None,
        identity: Callable[[], Awaitable[Identity]] | None = None,
        where: str = "",
        now: Callable[[], int] = time.time_ns,
    ) -> None:
        self._now = now
        self._walked: int | None = None
        self._notes = notes
        self._identity = identity
        self._where = where
        self._known = Identity()
        self._loading = asyncio.Lock()
        self._loaded = notes is None
        self._pinned = False
        self.search: SearchDialect | None = None
        self.download: DownloadDialect | None = None
        self.ranges: Ranges = "unknown"

    async def device(self) -> Identity:
        """Who it is, asked once; nothing where nothing is kept of it.

        Raises:
            DeviceError, ConfigurationError: see `load`.
        """
        await self.load()
        return self._known

    @property
    def words(self) -> str:
        """What is known, for people."""
        search = (self.search or SEARCH_LADDER[0]).words
        if self.download is None:
            return search
        return f"{search}; download by {self.download.method}, {self.download.form}"

    async def load(self) -> None:
        """Read the notes, once, unless they are of another firmware.

        Raises:
            ConfigurationError: somebody wrote into them what cannot be.
            DeviceError: the device does not answer.
        """
        if self._loaded:
            return
        async with self._loading:
            if self._loaded or self._notes is None:
                return
            if self._identity is not None:
                self._known = await self._identity()
            kept = await asyncio.to_thread(self._notes.load)
            if kept is not None:
                self._take(kept)
            self._loaded = True

    async def learnt(
        self,
        *,
        search: SearchDialect | None = None,
        download: DownloadDialect | None = None,
        ranges: Ranges | None = None,
    ) -> None:
        """Keep what has just worked."""
        before = (self.search, self.download, self.ranges)
        self.search = search or self.search
        self.download = download or self.download
        self.ranges = ranges or self.ranges
        if self._notes is not None and before != (self.search, self.download, self.ranges):
            await asyncio.to_thread(self._notes.save, self._document())

    @property
    def walked(self) -> bool:
        """Whether every form of a search was refused a short while ago: hundreds of requests, which
        are not sent in each run to a recorder that has no disk."""
        return self._walked is not None and 0 <= self._now() - self._walked < _AGAIN

    async def walked_in_vain(self) -> None:
        """Keep that every form was refused just now."""
        self._walked = self._now()
        if self._notes is not None:
            await asyncio.to_thread(self._notes.save, self._document())

    def _take(self, kept: Mapping[str, Any]) -> None:
        device = kept.get("device", {})
        firmware = device.get("firmware", "") if isinstance(device, dict) else ""
        self._pinned = firmware == _ANY
        if not self._pinned and firmware != self._known.firmware:
            _LOG.info(
                "%s: firmware %r, noted was %r: how it speaks is found out anew",
                self._where,
                self._known.firmware,
                firmware,
            )
            return
        self.search = self._read(SearchDialect, kept, "search")
        self.download = self._read(DownloadDialect, kept, "download")
        with suppress(ValueError):
            self._walked = parse_instant(str(kept.get("walked", "")))
        if kept.get("ranges", "unknown") in ("unknown", "honoured", "ignored"):
            self.ranges = kept.get("ranges", "unknown")

    def _read(self, kind: type[_T], kept: Mapping[str, Any], table: str) -> _T | None:
        if table not in kept:
            return None
        try:
            return TypeAdapter(kind).validate_python(kept[table], strict=False)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            at = ".".join(str(part) for part in (table, *first["loc"]))
            raise ConfigurationError(
                f"its device file cannot be used: {at}: {first['msg']}",
                where=self._where,
                hint="correct it, or remove it: it is found out anew",
            ) from None

    def _document(self) -> dict[str, Any]:
        firmware = _ANY if self._pinned else self._known.firmware
        document: dict[str, Any] = {
            "ranges": self.ranges,
            "device": {**asdict(self._known), "firmware": firmware},
        }
        if self._walked is not None and self.search is None:
            document["walked"] = format_instant(self._walked, 0)
        if self.search is not None:
            document["search"] = asdict(self.search)
        if self.download is not None:
            document["download"] = asdict(self.download)
        return document
