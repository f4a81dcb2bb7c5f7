"""What the recorder tells those who listen (2.8, 4.2, 4.4, 10.13, 10.14). Nothing is kept for those
who come later."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, Final, Literal

from hikcore.sim.everfocus.cameras import status
from hikcore.sim.everfocus.mailing import Mailer
from hikcore.sim.everfocus.profile import NvrProfile
from hikcore.sim.faults import Fault
from hikcore.sim.http import Request, Response
from hikcore.sim.websocket import Socket, until_gone, upgraded

Kind = Literal["event", "meta", "exception", "message"]
PATHS: Final[dict[str, Kind]] = {
    "/meta/eventHook": "event",
    "/meta/metaHook": "meta",
    "/system/exceptionListen": "exception",
    "/system/messageListen": "message",
}
STATUS: Final = "/device/cameraStatus"


class Hooks:
    """Tells."""

    def __init__(self, profile: NvrProfile, sleep: Callable[[float], Awaitable[None]]) -> None:
        self._profile = profile
        self._sleep = sleep
        self._listening: dict[Kind, set[asyncio.Queue[str]]] = {
            kind: set() for kind in PATHS.values()
        }

    def listeners(self, kind: Kind) -> int:
        """How many listen."""
        return len(self._listening[kind])

    def push(self, kind: Kind, value: Any) -> int:
        """Tell all who listen; a text is sent as it is. How many were told."""
        how = self._profile.sockets
        if kind == "event" and not how.inactive and _state(value) == "inactive":
            return 0
        if kind == "exception" and how.exceptions == "array" and not isinstance(value, str):
            value = [value]
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for queue in self._listening[kind]:
            for _ in range(how.repeats if kind == "event" else 1):
                queue.put_nowait(text)
        return len(self._listening[kind])

    def answer(self, request: Request, fault: Fault | None) -> Response | None:
        """Of a WebSocket's opening; None: there is no such path."""
        if request.path == STATUS:
            return upgraded(request, lambda socket: until_gone(socket, self._status(socket)))
        kind = PATHS.get(request.path)
        if kind is None:
            return None
        queue: asyncio.Queue[str] = asyncio.Queue()

        async def serve(socket: Socket) -> None:
            mailer = Mailer(socket, self._profile.sockets, fault, self._sleep)
            await until_gone(socket, self._tell(queue, socket, mailer))

        # Listening from here on: what happens while the answer is on its way is told.
        self._listening[kind].add(queue)
        response = upgraded(request, serve)
        response.done = lambda: self._listening[kind].discard(queue)
        return response

    async def _tell(self, queue: asyncio.Queue[str], socket: Socket, mailer: Mailer) -> None:
        while True:
            text = await queue.get()
            await mailer.before(text.encode())
            await socket.tell(text)

    async def _status(self, socket: Socket) -> None:
        while True:
            await socket.tell(json.dumps(status(self._profile, manual=False)))
            await self._sleep(self._profile.sockets.status_s)


def _state(value: Any) -> str:
    return str(value.get("State", "")) if isinstance(value, dict) else ""
