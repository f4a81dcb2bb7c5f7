"""How a recorder answers a request: the door, what goes wrong, and then the right desk."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from hikcore.sim.alerts import PATHS as ALERT_PATHS
from hikcore.sim.alerts import AlertStream
from hikcore.sim.content import Content
from hikcore.sim.digest import Door, Verdict
from hikcore.sim.documents import Documents
from hikcore.sim.faults import Fault, FaultPlan
from hikcore.sim.http import Request, Response
from hikcore.sim.profile import Profile
from hikcore.sim.stills import jpeg
from hikcore.sim.struck import chosen, struck
from hikcore.sim.tracks import Tracks
from hikcore.sim.vault import Vault
from hikcore.sim.xml import BAD_CONTENT, BUSY, DEVICE_ERROR, NOT_SUPPORTED, Writer, page

_MS = 1_000_000
_OPEN = ("/ISAPI/Security/userCheck",)
_SNAPSHOT = re.compile(r"/ISAPI/(?:Streaming|(ContentMgmt/StreamingProxy))/channels/(\d+)/picture")


class Answers:
    """Answers the requests of one recorder.

    Args:
        profile: of it.
        vaults: by channel.
        door: who lets in.
        faults: what goes wrong.
        host: of playbackURIs.
        now: its clock, ns UTC.
        sleep: how it waits.
    """

    def __init__(
        self,
        profile: Profile,
        vaults: Mapping[int, Vault],
        door: Door,
        faults: FaultPlan,
        host: str,
        now: Callable[[], int],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._profile = profile
        self._vaults = vaults
        self._door = door
        self._faults = faults
        self._now = now
        self._sleep = sleep
        self._xml = Writer(profile.dialect)
        self.documents = Documents(profile, self._xml)
        self.content = Content(profile, vaults, host, self._xml, sleep)
        self._tracks = Tracks(profile, vaults, self._xml)
        self.alerts = AlertStream(
            profile.alerts, lambda: self.documents.wall(now()), now, self._still, sleep
        )

    async def answer(self, request: Request) -> Response:
        """The answer, with the fault that is to spoil it.

        Raises:
            Cut: none comes.
        """
        if self._profile.limits.answer_s:
            await self._sleep(self._profile.limits.answer_s)
        if request.path in _OPEN and "authorization" not in request.headers:
            return self.documents.user_check(*self._door.lock(request.address, self._now()))
        verdict = self._door.check(
            request.address,
            request.method,
            request.target,
            request.headers.get("authorization"),
            self._now(),
        )
        request.login = verdict
        if verdict != "in":
            return self._turned_away(request, verdict)
        fault = chosen(self._faults, request)
        response = await struck(request, fault, partial(self._told, request), self._sleep)
        if response is None:
            response = await self._serve(request)
        response.fault = fault
        return response

    def _turned_away(self, request: Request, verdict: Verdict) -> Response:
        seconds, left = self._door.lock(request.address, self._now())
        if self._profile.auth.refusal == "html":
            response = page(401, "Unauthorized", "Access to this document requires a User ID")
        elif verdict == "locked":
            response = self.documents.user_check(seconds, left, 401)
        else:
            response = Response(
                401,
                "application/xml",
                b"<userCheck>\n<statusValue>401</statusValue>\n"
                b"<statusString>Unauthorized</statusString>\n</userCheck>\n",
            )
        for challenge in self._door.challenges(self._now(), stale=verdict == "stale"):
            response.headers.append(("WWW-Authenticate", challenge))
        return response

    def _told(self, request: Request, fault: Fault) -> Response:
        if fault.kind == "busy":
            return self._xml.refusal(503, request.target, BUSY)
        if fault.kind == "error200":
            return self._xml.refusal(200, request.target, DEVICE_ERROR)
        if fault.kind == "status":
            status = NOT_SUPPORTED if fault.status in (403, 404, 405) else DEVICE_ERROR
            return self._xml.refusal(fault.status, request.target, status)
        return Response(200, self._profile.dialect.content_type, b"")

    async def _serve(self, request: Request) -> Response:
        path = request.path
        if any(re.fullmatch(pattern, path) for pattern in self._profile.dialect.absent):
            return self._xml.refusal(403, request.target, NOT_SUPPORTED)
        if path == "/ISAPI/ContentMgmt/search":
            return await self.content.search(request, self._now())
        if path == "/ISAPI/ContentMgmt/download":
            return await self.content.download(request, self._now())
        if path.startswith("/ISAPI/ContentMgmt/record/tracks"):
            return self._tracks.serve(request, self._now())
        if path == "/ISAPI/Security/token" and self._profile.dialect.download_token:
            return self.content.token()
        if path in ALERT_PATHS:
            return self._listen(request)
        if (snapshot := _SNAPSHOT.fullmatch(path)) is not None:
            return await self._snapshot(request, snapshot)
        if path == "/ISAPI/Security/userCheck":
            return self.documents.user_check(0, self._profile.auth.lock_after)
        return self.documents.serve(request, self._now())

    def _listen(self, request: Request) -> Response:
        if request.path != self.alerts.path:
            return page(404, "Not Found", "Can't locate document")
        response = self.alerts.listen()
        return response or self._xml.refusal(403, request.target, NOT_SUPPORTED)

    async def _snapshot(self, request: Request, asked: re.Match[str]) -> Response:
        """A picture of now: a `playbackTime` is passed over in silence (a device fact)."""
        channel, stream = divmod(int(asked.group(2)), 100)
        proxy = self._profile.dialect.snapshot == "proxy"
        if bool(asked.group(1)) != proxy or channel not in self._vaults or stream not in (1, 2):
            return self._xml.refusal(400, request.target, BAD_CONTENT)
        return Response(200, "image/jpeg", await asyncio.to_thread(self._still, channel))

    def _still(self, channel: int) -> bytes:
        return jpeg(self._vaults[channel], self._now() // _MS)
