"""Snapshots (3.6, 3.7, 3.9): a path first, then the picture behind it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs

from hikcore.instants import compact_instant
from hikcore.sim.everfocus.profile import NvrProfile
from hikcore.sim.everfocus.replies import Wrong, error, whole
from hikcore.sim.everfocus.store import Store
from hikcore.sim.http import Request, Response
from hikcore.sim.stills import jpeg

_MS: Final = 1_000_000
_TYPES: Final = ("Manual", "Normal", "Motion", "InputAlarm")


@dataclass(frozen=True)
class Snapshot:
    """A picture on the disks; `ms` since 1970."""

    channel: int
    ms: int
    type: str
    path: str


class Album:
    """Serves them.

    Attributes:
        taken: those of getSnapshot, each a file that a client made the recorder write.
    """

    def __init__(self, profile: NvrProfile, store: Store, now: Callable[[], int]) -> None:
        self._profile = profile
        self._store = store
        self._now = now
        self.taken: list[Snapshot] = []

    def take(self, request: Request) -> dict[str, Any]:
        """The reply of getSnapshot.

        Raises:
            Wrong: it is answered with an Error.
        """
        text = parse_qs(request.query).get("ChannelID", [""])[0]
        if not text.isdecimal() or self._store.vault(int(text)) is None:
            raise Wrong("no such channel")
        camera = next(
            each for each in self._profile.cameras if each.main.channel == int(text)
        )  # fmt: skip
        if not camera.online:
            raise Wrong("the camera is offline")
        made = self._snapshot(int(text), self._now() // _MS, "Manual")
        self.taken.append(made)
        return {"snapshotPath": made.path}

    def search(self, asked: Any) -> list[dict[str, Any]]:
        """The reply of searchSnapshotPath.

        Raises:
            Wrong: it is answered with an Error.
        """
        if not isinstance(asked, dict):
            raise Wrong("no JSON object")
        channels, types = asked.get("channels"), asked.get("types")
        if not isinstance(channels, list) or not isinstance(types, list):
            raise Wrong("channels and types are arrays")
        if not set(types) <= set(_TYPES):
            raise Wrong("types")
        unit = 1000 if self._profile.snapshots.times == "seconds" else 1
        strict = self._profile.strict_types
        begin, end = (
            whole(asked.get(name), name, strict=strict) * unit for name in ("startTime", "endTime")
        )
        found = [
            each for channel in channels for each in self._all(channel, begin, end + unit - 1)
            if each.type in types
        ]  # fmt: skip
        return [
            {"channel": each.channel, "timeStamp": each.ms // unit, "type": each.type,
             "snapshotPath": each.path}
            for each in found
        ]  # fmt: skip

    async def download(self, request: Request) -> Response:
        """The picture of a path, or an Error."""
        path = parse_qs(request.query).get("snapshot", [""])[0]
        found = await asyncio.to_thread(self._find, path)
        if found is None:
            return error("no such file")
        vault = self._store.vaults[found.channel, 0]
        body = await asyncio.to_thread(jpeg, vault, found.ms)
        if self._profile.snapshots.kind == "cut":
            body = body[: len(body) * 2 // 3]
        return Response(200, "image/jpeg", body)

    def _find(self, path: str) -> Snapshot | None:
        known = {each.path: each for each in self.taken}
        if path in known:
            return known[path]
        name = path.rpartition("/")[2].removesuffix(".jpg").split("_")
        if len(name) != 3 or not name[0].isdecimal() or not name[1].isdecimal():
            return None
        ms = int(name[1])
        found = self._all(int(name[0]), ms, ms)
        return next((each for each in found if each.path == path), None)

    def _all(self, channel: Any, begin_ms: int, end_ms: int) -> list[Snapshot]:
        if not isinstance(channel, int) or self._store.vault(channel) is None:
            return []
        taken = [
            each for each in self.taken
            if each.channel == channel and begin_ms <= each.ms <= end_ms
        ]  # fmt: skip
        every, now = self._profile.snapshots.every_s * 1000, self._now()
        spans = self._store.stretches(channel, 0, begin_ms, end_ms + 1, now) if every else []
        normal = [
            self._snapshot(channel, ms, "Normal")
            for span in spans
            for ms in range(-(-span.begin // every) * every, span.end, every)
        ]
        return sorted([*taken, *normal], key=lambda each: each.ms)

    def _snapshot(self, channel: int, ms: int, kind: str) -> Snapshot:
        day = compact_instant(ms * _MS)[:8]
        folder = self._profile.snapshots.folder
        return Snapshot(channel, ms, kind, f"{folder}/{day}/{channel}_{ms}_{kind}.jpg")
