"""Where a user's machine keeps what is not footage: by the platform's own rules, or as set.

`HIKCORE_STATE_FOLDER` and `HIKCORE_CACHE_FOLDER` name others; containers that share a volume set
the first, so that they share what they know of refused logins.
"""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import PlatformDirs

_DIRS = PlatformDirs("hikcore", appauthor=False)


def state_folder() -> Path:
    """What must outlive a reboot and a cleaned cache: `~/.local/state/hikcore`."""
    return Path(os.environ.get("HIKCORE_STATE_FOLDER") or _DIRS.user_state_dir)


def cache_folder() -> Path:
    """What can be found out again: `~/.cache/hikcore`."""
    return Path(os.environ.get("HIKCORE_CACHE_FOLDER") or _DIRS.user_cache_dir)
