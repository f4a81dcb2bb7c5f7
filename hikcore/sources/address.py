"""Where a device listens, as the base of all its requests."""

from __future__ import annotations

import httpx

from hikcore.errors import ConfigurationError


def base_url(scheme: str, host: str, port: int, name: str) -> httpx.URL:
    """Where requests go.

    Raises:
        ConfigurationError: no name and no address.
    """
    try:
        if host and not set(host) & set("/@?#[]\\ \t\r\n"):
            return httpx.URL(scheme=scheme, host=host, port=port)
    except (httpx.InvalidURL, ValueError):
        pass
    raise ConfigurationError(
        f"host {host!r} is neither a name nor an address",
        where=name,
        hint="scheme and port are settings of their own, user name and password too",
    )
