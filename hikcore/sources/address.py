"""Where a device listens, as the base of all its requests."""

from __future__ import annotations

import os
import socket

import httpx

from hikcore.errors import ConfigurationError


def base_url(scheme: str, host: str, port: int, name: str) -> httpx.URL:
    """Where requests go.

    Raises:
        ConfigurationError: no name and no address.
    """
    try:
        if host and not set(host) & set("/@?#[]\\ \t\r\n"):
            url = httpx.URL(scheme=scheme, host=host, port=port)
            # Asked for later, `a..b` and a label of 64 letters are a UnicodeError, not an OSError.
            url.raw_host.decode().encode("idna")
            return url
    except (httpx.InvalidURL, ValueError):
        pass
    raise ConfigurationError(
        f"host {host!r} is neither a name nor an address",
        where=name,
        hint="scheme and port are settings of their own, user name and password too",
    )


def reason(error: OSError | UnicodeError) -> str:
    """Why no connection came about, in the system's words."""
    if isinstance(error, UnicodeError):
        return "neither a name nor an address"
    # asyncio puts a text of its own in place of the system's, but for names that are not found.
    if error.errno is not None and error.errno > 0 and not isinstance(error, socket.gaierror):
        return os.strerror(error.errno)
    return error.strerror or str(error)
