"""The last gate before the wire: only requests that change nothing on a device pass.

It stands at the transport, so that nothing above, be it a redirect, can go around it.
"""

from __future__ import annotations

import re
from typing import Final

import httpx

from hikcore.errors import DeviceRefused
from hikcore.sources.sockets import DeviceTransport

#: Searching and downloading are POST on many devices (downloading PUT on a few, facts 1.5), and
#: change nothing.
ALLOWED: Final = frozenset(
    {
        ("GET", "/ISAPI/System/deviceInfo"),
        ("GET", "/ISAPI/System/time"),
        ("GET", "/ISAPI/System/deviceInfo"),
        ("GET", "/ISAPI/Security/userCheck"),
        ("GET", "/ISAPI/Security/adminAccesses"),
        ("GET", "/ISAPI/ContentMgmt/Storage"),
        ("GET", "/ISAPI/ContentMgmt/record/tracks"),
        ("GET", "/ISAPI/Security/token"),
        ("GET", "/ISAPI/System/Video/inputs/channels"),
        ("GET", "/ISAPI/Streaming/channels"),
        ("GET", "/ISAPI/ContentMgmt/InputProxy/channels"),
        ("GET", "/ISAPI/ContentMgmt/InputProxy/channels/status"),
        ("POST", "/ISAPI/ContentMgmt/search"),
        ("GET", "/ISAPI/ContentMgmt/download"),
        ("POST", "/ISAPI/ContentMgmt/download"),
        ("PUT", "/ISAPI/ContentMgmt/download"),
        ("GET", "/ISAPI/ContentMgmt/record/tracks"),
    }
)
#: A month's calendar of one track: a POST that carries the month.
_CALENDAR: Final = re.compile(r"/ISAPI/ContentMgmt/record/tracks/\d{1,8}/dailyDistribution")


def changes_nothing(method: str, path: str) -> bool:
    """Whether a request is on the list."""
    if (method, path) in ALLOWED:
        return True
    return method == "POST" and _CALENDAR.fullmatch(path) is not None


class ReadOnlyTransport(DeviceTransport):
    """A transport that sends what is on the list, and nothing else."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send it.

        Raises:
            DeviceRefused: it is not on the list; nothing was sent.
        """
        if not changes_nothing(request.method, request.url.path):
            raise DeviceRefused(
                f"{request.method} {request.url.path} is not on the list of requests that change "
                "nothing, so it was not sent",
                where=str(request.url.host),
            )
        return await super().handle_async_request(request)
