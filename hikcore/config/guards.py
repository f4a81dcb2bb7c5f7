"""Who shares what is known of a device's logins: this machine, and all that fill the archive."""

from __future__ import annotations

from pydantic import SecretStr

from hikcore.archive.store import Store
from hikcore.extract.loginguard import ArchiveGuard, Guards
from hikcore.folders import state_folder
from hikcore.sources.base import LoginGuard
from hikcore.sources.fileguard import FileGuard


def login_guard(
    site: str,
    device: str,
    host: str,
    port: int,
    username: str,
    password: SecretStr,
    store: Store | None,
) -> LoginGuard:
    """The guard of a configured device; `store`: of the archive, where it is to be shared there."""
    machine = FileGuard(state_folder() / "logins", host, port, username, password)
    if store is None:
        return machine
    return Guards([machine, ArchiveGuard(store, site, device, username, password)])
