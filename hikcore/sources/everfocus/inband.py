"""Texts on the WebSocket of a playback (NVR SDK guide, 3.4): commands, and what is said back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from websockets.exceptions import ConnectionClosed

from hikcore.errors import DeviceBusy, DeviceProtocolError, DeviceRefused

#: Seconds for which a stopped playback may still send.
_LINGER: Final = 1.0


async def tell(connection: Any, command: Mapping[str, Any]) -> None:
    """A command in band; a connection that is gone needs none."""
    with suppress(ConnectionClosed):
        await connection.send(json.dumps(command))


async def drain(connection: Any) -> None:
    """Take what is still on its way: behind it lies the recorder's own goodbye."""
    with suppress(ConnectionClosed, TimeoutError):
        async with asyncio.timeout(_LINGER):
            while True:
                async with asyncio.timeout(_LINGER / 5):
                    await connection.recv(decode=False)


def check_reply(message: bytes, where: str, busy_words: Sequence[str] = ()) -> None:
    """Text where frames were to come: an answer to a command, or a refusal.

    Raises:
        DeviceRefused: it says so. DeviceBusy: with a word that says that this passes.
        DeviceProtocolError: neither text nor frames.
    """
    try:
        reply = json.loads(message)
    except ValueError:
        raise DeviceProtocolError(
            "the recorder sent text in place of frames", where=where
        ) from None
    if isinstance(reply, dict) and str(reply.get("Result", "OK")).lower() == "error":
        told = str(reply.get("Description", ""))[:200]
        if any(word in told.lower() for word in busy_words):
            raise DeviceBusy(f"the recorder is busy: {told}", where=where)
        raise DeviceRefused(f"the recorder refuses playback: {told or 'no reason'}", where=where)
