"""What comes before an answer of the recorder: the login, what goes wrong, which part answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from hikcore.sim.everfocus.api import Api
from hikcore.sim.everfocus.door import COOKIE, NvrDoor
from hikcore.sim.everfocus.hooks import Hooks
from hikcore.sim.everfocus.profile import NvrProfile
from hikcore.sim.everfocus.replies import Wrong, done, error, parsed, reply
from hikcore.sim.everfocus.streams import Streams
from hikcore.sim.faults import Fault, FaultPlan
from hikcore.sim.http import Request, Response
from hikcore.sim.struck import chosen, struck
from hikcore.sim.websocket import wanted


class Front:
    """Answers requests, HTTP and openings of WebSockets alike.

    Args:
        profile: of the recorder. door, streams, hooks, api, faults: its parts.
        now: its clock, ns. sleep: how it waits.
    """

    def __init__(
        self,
        profile: NvrProfile,
        door: NvrDoor,
        streams: Streams,
        hooks: Hooks,
        api: Api,
        faults: FaultPlan,
        *,
        now: Callable[[], int],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._profile = profile
        self._door = door
        self._streams = streams
        self._hooks = hooks
        self._api = api
        self._faults = faults
        self._now = now
        self._sleep = sleep

    async def answer(self, request: Request) -> Response:
        """The answer to a request that changes nothing."""
        response = await self._respond(request)
        if self._profile.curly and isinstance(response.body, bytes):
            for word in (b"OK", b"Error"):
                plain, curly = b'"%s"' % word, b"\xe2\x80\x9c%s\xe2\x80\x9d" % word
                response.body = response.body.replace(plain, curly)
        return response

    async def _respond(self, request: Request) -> Response:
        entering = request.path == "/admin/login"
        if not entering:
            cookies, user = request.headers.get("cookie", ""), self._user(request)
            if not self._door.inside(request.address, cookies, self._now(), user):
                request.login = "challenge"
                return self._refused()
            request.login = "in"
        fault = chosen(self._faults, request)
        response = await struck(request, fault, _told, self._sleep)
        if response is None and entering:
            response = self._login(request)
        elif response is None:
            response = await self._answered(request, fault)
        if response.instead is None:
            response.fault = fault
        return response

    async def _answered(self, request: Request, fault: Fault | None) -> Response:
        if request.path == "/admin/logout":
            cookies = request.headers.get("cookie", "")
            self._door.leave(request.address, cookies, self._user(request))
            return done()
        if wanted(request):
            found = self._streams.answer(request, fault) or self._hooks.answer(request, fault)
            return found or Response(404, "text/plain", b"no such stream")
        return await self._api.answer(request)

    def _login(self, request: Request) -> Response:
        cookies = request.headers.get("cookie", "")
        if request.method == "POST":
            try:
                given = parsed(request.body)
            except Wrong as wrong:
                return error(str(wrong))
            value, cookie = self._door.enter(request.address, cookies, given, self._now())
            request.login = "in" if value["Result"] == "OK" else "wrong"
        else:
            value, cookie = self._door.parameters(request.address, cookies)
        response = reply(value)
        if cookie:
            response.headers.append(("Set-Cookie", f"{COOKIE}={cookie}; Path=/; HttpOnly"))
        return response

    def _user(self, request: Request) -> str:
        return request.headers.get(self._profile.login.header.lower(), "")

    def _refused(self) -> Response:
        how = self._profile.login.refused
        if how == "page":
            return Response(200, "text/html", b"<html><title>Login</title><body></body></html>")
        return error("Please login first", 200 if how == "error" else int(how))


def _told(fault: Fault) -> Response:
    if fault.kind == "busy":
        return error("busy", 503)
    if fault.kind == "error200":
        return error("error")
    if fault.kind == "status":
        return Response(fault.status, "text/html", b"<html><body>error</body></html>")
    return Response(200, "application/json", b"")
