"""Which channels a device has: three lists, of which every device refuses at least one.

Recorders list network cameras under InputProxy (its `size` is wrong, its ids have gaps), DVRs and
cameras their own inputs under System/Video/inputs, cameras also Streaming/channels (facts 1.8).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final
from xml.etree.ElementTree import Element

from hikcore.errors import DeviceAuthError, DeviceError, DeviceRefused
from hikcore.sources.base import DeviceCamera
from hikcore.sources.isapi import xml

_PROXY: Final = "/ISAPI/ContentMgmt/InputProxy/channels"
_PROXY_STATUS: Final = "/ISAPI/ContentMgmt/InputProxy/channels/status"
_INPUTS: Final = "/ISAPI/System/Video/inputs/channels"
_STREAMING: Final = "/ISAPI/Streaming/channels"

Get = Callable[[str], Awaitable[Element]]


async def list_cameras(get: Get) -> list[DeviceCamera]:
    """Every channel, by number.

    Args:
        get: the document that a GET answers.

    Raises:
        DeviceRefused: all three lists are refused.
        DeviceError: the device does not answer.
    """
    found: dict[int, DeviceCamera] = {}
    refusals: list[DeviceRefused] = []
    for path, item in ((_INPUTS, "VideoInputChannel"), (_PROXY, "InputProxyChannel")):
        for channel in await _items(get, path, item, refusals):
            number = _number(xml.text(channel, "id"))
            if number:
                found[number] = DeviceCamera(number, xml.text(channel, "name"), _signal(channel))
    if found:
        states = await _online(get) if len(refusals) < 2 else {}
        return [
            DeviceCamera(number, camera.name, states.get(number, camera.online))
            for number, camera in sorted(found.items())
        ]
    for channel in await _items(get, _STREAMING, "StreamingChannel", refusals):
        number = _of_stream(channel)
        if number:
            found.setdefault(number, DeviceCamera(number, xml.text(channel, "channelName")))
    if not found and len(refusals) == 3:
        raise refusals[0]
    return [found[number] for number in sorted(found)]


async def _items(get: Get, path: str, name: str, refusals: list[DeviceRefused]) -> list[Element]:
    try:
        return list(xml.descendants(await get(path), name))
    except DeviceRefused as error:
        refusals.append(error)
        return []


async def _online(get: Get) -> dict[int, bool]:
    """Of the channels whose state it tells: one that it keeps to itself is not offline."""
    told: dict[int, bool] = {}
    try:
        states = await _items(get, _PROXY_STATUS, "InputProxyChannelStatus", [])
    except DeviceAuthError:
        raise
    except DeviceError:
        return told  # which cameras there are is known: nothing waits for their state
    for state in states:
        online = next(xml.descendants(state, "online"), None)
        said = (online.text or "").strip().lower() if online is not None else ""
        if said:
            told[_number(xml.text(state, "id"))] = said == "true"
    return told


def _of_stream(channel: Element) -> int:
    """The camera of a stream: 2 of 201 and 202. A camera of before 2016 numbers its streams 1, 2
    and 3, and only says beside that they are all of its input 1."""
    number = _number(xml.text(channel, "id"))
    if number >= 100:
        return number // 100
    told = (xml.text(channel, "Video", f"{name}InputChannelID") for name in ("video", "dynVideo"))
    return next(filter(None, map(_number, told)), min(number, 1))


def _signal(channel: Element) -> bool | None:
    return False if xml.text(channel, "resDesc").upper() == "NO VIDEO" else None


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 9 else 0
