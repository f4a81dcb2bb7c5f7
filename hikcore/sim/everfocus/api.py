"""What a simulated EverFocus recorder answers over HTTP to those who are logged in."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

from hikcore.sim.everfocus import clips, maps
from hikcore.sim.everfocus.backup import Backups
from hikcore.sim.everfocus.cameras import detail, encoders, row, status
from hikcore.sim.everfocus.clocking import time_reply
from hikcore.sim.everfocus.inventory import TOLD
from hikcore.sim.everfocus.profile import NvrProfile
from hikcore.sim.everfocus.replies import Wrong, done, error, parsed, reply
from hikcore.sim.everfocus.scheduled import CONFIG, Settings
from hikcore.sim.everfocus.searches import Searches
from hikcore.sim.everfocus.snapshots import Album
from hikcore.sim.everfocus.store import Store
from hikcore.sim.everfocus.streams import Streams
from hikcore.sim.http import Request, Response

Answer = Callable[[Request], Awaitable[Response]]


class Api:
    """Answers requests.

    Attributes:
        album: snapshots.
        backups: AVI downloads.
        ports: that getPort tells, by `http_port`, `rtsp_port`, `https_port`.
    """

    def __init__(
        self, profile: NvrProfile, store: Store, streams: Streams, now: Callable[[], int]
    ) -> None:
        self.album = Album(profile, store, now)
        self.backups = Backups(profile, store, now)
        self._settings = Settings(profile)
        searches = Searches(profile, now())
        self._profile = profile
        self._store = store
        self._streams = streams
        self._now = now
        self.ports = {"http_port": 0, "rtsp_port": 554, "https_port": profile.identity.https_port}
        self._plain: dict[tuple[str, str], Callable[[Request], Any]] = {
            ("GET", "/device/cameraList"): self._list,
            ("GET", "/device/cameraStatus"): lambda _: status(profile, manual=True),
            ("GET", "/device/cameraDetail"): self._detail,
            ("POST", "/device/GetVideoEncoderConfigurations"): lambda request: encoders(
                parsed(request.body), profile
            ),
            ("GET", "/system/getTime"): lambda _: time_reply(profile.clock, self._now()),
            ("GET", "/network/getPort"): lambda _: self.ports,
            ("GET", "/system/getSystemInfo"): self._system,
            ("GET", "/storage/getOverwrite"): lambda _: {
                "overwriteDays": profile.identity.overwrite_days
            },
            ("GET", "/device/getSnapshot"): self.album.take,
            ("POST", "/record/eventSearch"): lambda request: searches.events(parsed(request.body)),
            ("POST", "/record/metaSearch"): lambda request: searches.metas(parsed(request.body)),
            ("POST", "/system/searchLogs"): lambda request: searches.logs(
                parsed(request.body), self._now()
            ),
        }
        self._further: dict[tuple[str, str], Answer] = {
            ("POST", "/record/getMapByDay"): self._map("Day"),
            ("POST", "/record/getMapByMinute"): self._map("Minute"),
            ("POST", "/record/getMapBySecond"): self._map("Second"),
            ("POST", "/device/playbackControl"): self._control,
            ("POST", "/record/requestVideoClips"): self._clips,
            ("GET", "/record/backupVideoClip"): self.backups.answer,
            ("POST", "/device/searchSnapshotPath"): self._snapshots,
            ("GET", "/device/download/"): self.album.download,
        }

    async def answer(self, request: Request) -> Response:
        """The answer to a request: 404 as the recorder's web server where there is no such path."""
        key = request.method, request.path
        try:
            if plain := self._plain.get(key):
                return reply(plain(request))
            if further := self._further.get(key):
                return await further(request)
            if key == ("GET", "/system/backupConfig"):
                return Response(200, "text/plain", CONFIG.encode())
            if key in TOLD:
                return reply(TOLD[key])
            if request.method == "GET":
                told = self._settings.answer(request.path, request.query)
                if told is not None:
                    return reply(told)
        except Wrong as wrong:
            return error(str(wrong))
        text = f"Cannot {request.method} {request.path}\n"
        return Response(404, "text/html; charset=utf-8", text.encode())

    def _list(self, _: Request) -> list[dict[str, Any]]:
        return [row(camera, self._profile) for camera in self._profile.cameras]

    def _detail(self, request: Request) -> dict[str, Any]:
        channel = parse_qs(request.query).get("ChannelID", [""])[0]
        for camera in self._profile.cameras:
            if str(camera.main.channel) == channel:
                return detail(camera, self._profile)
        raise Wrong("no such channel")

    def _system(self, _: Request) -> dict[str, Any]:
        identity = self._profile.identity
        return {
            "analog_channels": identity.analog_channels,
            "ipcam_channels": identity.ip_channels,
            "device_name": identity.name,
            "device_id": identity.device_id,
            "software_version": identity.firmware,
            "model": identity.model,
            "serial": identity.serial,
        }

    def _map(self, kind: maps.Kind) -> Answer:
        async def answer(request: Request) -> Response:
            asked = parsed(request.body)
            return reply(
                await asyncio.to_thread(
                    maps.answer, kind, asked, self._profile, self._store, self._now()
                )
            )

        return answer

    async def _clips(self, request: Request) -> Response:
        text = parse_qs(request.query).get("ChannelID", [""])[0]
        if not text.isdecimal():
            raise Wrong("ChannelID")
        asked = parsed(request.body)
        return reply(
            await asyncio.to_thread(
                clips.answer, int(text), asked, self._profile, self._store, self._now()
            )
        )

    async def _snapshots(self, request: Request) -> Response:
        return reply(await asyncio.to_thread(self.album.search, parsed(request.body)))

    async def _control(self, request: Request) -> Response:
        name = parse_qs(request.query).get("session", [""])[0]
        wrong = self._streams.control(name, request.body)
        return error(wrong) if wrong else done()
