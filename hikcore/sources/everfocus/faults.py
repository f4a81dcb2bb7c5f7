"""What befalls a connection, as errors that name the recorder and repeat no library's text."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from websockets.exceptions import InvalidHandshake, InvalidStatus, InvalidURI

from hikcore.errors import (
    DeviceError,
    DeviceProtocolError,
    DeviceUnreachable,
    TransferInterrupted,
)
from hikcore.sources.everfocus.replies import check_status
from hikcore.sources.everfocus.settings import EverFocusSettings
from hikcore.sources.tls import (
    WrongCertificate,
    certificate_error,
    certificate_refused,
    peer_fingerprint,
)


class Faults:
    """Of one recorder.

    Args:
        where: it, for errors. host, port: its address, for its certificate.
    """

    def __init__(self, where: str, host: str, port: int, settings: EverFocusSettings) -> None:
        self._where, self._host, self._port = where, host, port
        self._settings = settings

    @asynccontextmanager
    async def requesting(self, path: str) -> AsyncIterator[None]:
        """Around a request and the reading of its body.

        Raises:
            DeviceError: in place of httpx's.
        """
        try:
            yield
        except httpx.HTTPError as error:
            failure = await self._of_http(error, path)
        else:
            return
        raise failure  # outside, so that the library's error, which knows the request, is not in it

    @asynccontextmanager
    async def opening(self, path: str) -> AsyncIterator[None]:
        """Around the opening of a WebSocket.

        Raises:
            DeviceError: in place of that of `websockets`, and of the system.
        """
        where = f"{self._where} {path}"
        failure: DeviceError
        try:
            yield
        except InvalidStatus as error:
            status = error.response.status_code
            check_status(status, self._settings, where)
            failure = DeviceProtocolError(f"no WebSocket here (HTTP {status})", where=where)
        except TimeoutError:
            failure = DeviceUnreachable(
                f"no WebSocket within {self._settings.connect_timeout:g} s", where=where
            )
        except (InvalidHandshake, InvalidURI, EOFError) as error:
            failure = TransferInterrupted(
                f"no WebSocket could be opened ({type(error).__name__})", where=where
            )
        except OSError as error:
            failure = await self._unreachable(error, _system(error) or type(error).__name__)
        else:
            return
        raise failure

    async def _of_http(self, error: httpx.HTTPError, path: str) -> DeviceError:
        where, kind = f"{self._where} {path}", type(error).__name__
        if isinstance(error, httpx.ConnectTimeout):
            reason = f"no connection within {self._settings.connect_timeout:g} s"
            return await self._unreachable(error, reason)
        if isinstance(error, httpx.ConnectError):
            return await self._unreachable(error, _system(error) or kind)
        if isinstance(error, httpx.TimeoutException):
            return TransferInterrupted(
                f"no byte for {self._settings.idle_timeout:g} s", where=where
            )
        if isinstance(error, httpx.NetworkError | httpx.RemoteProtocolError):
            return TransferInterrupted(f"the connection broke ({kind})", where=where)
        return DeviceProtocolError(f"not proper HTTP ({kind})", where=where)

    async def _unreachable(self, error: BaseException, reason: str) -> DeviceError:
        refused = certificate_error(error)
        if refused is None:
            return DeviceUnreachable(
                f"cannot be reached: {reason}",
                where=self._where,
                hint="check host, port and scheme, and that the recorder is on",
            )
        found = await asyncio.to_thread(
            peer_fingerprint, self._host, self._port, self._settings.connect_timeout
        )
        pinned = isinstance(refused, WrongCertificate)
        why = "it is not the pinned one" if pinned else str(refused.verify_message)
        return certificate_refused(why, found, self._where)


def _system(error: BaseException | None) -> str:
    """What the system said of a connection that was not made."""
    said = ""
    while error is not None:
        if isinstance(error, OSError) and error.errno is not None and error.errno > 0:
            said = os.strerror(error.errno)  # asyncio writes the address in place of the reason
        error = error.__cause__ or error.__context__
    return said
