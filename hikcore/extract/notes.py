"""`ArchiveNotes`: what was found out about a device, in the archive that it fills.

Under `run/`: it saves work and holds no truth, and may be deleted at any time.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from hikcore.archive.keys import check_id
from hikcore.archive.store import Store
from hikcore.errors import ArchiveConflict

CLOCKS: Final = "run/clocks/"
_JSON: Final = "application/json"


class ArchiveNotes:
    """`DeviceNotes` as one object.

    Args:
        store: of the archive.
        site, device: ids.
    """

    def __init__(self, store: Store, site: str, device: str) -> None:
        self._store = store
        self._key = f"{CLOCKS}{check_id(site, 'site')}/{check_id(device, 'device')}.json"

    def load(self) -> Mapping[str, Any] | None:
        """What is kept; None where nothing is, or nothing that can be read."""
        found = self._store.get(self._key)
        try:
            value = json.loads(found[0]) if found is not None else None
        except ValueError:
            return None
        return value if isinstance(value, dict) else None

    def save(self, notes: Mapping[str, Any]) -> None:
        """Keep it. Who is overtaken by another process leaves that one's, which is as good."""
        data = json.dumps(notes, indent=1, sort_keys=True).encode() + b"\n"
        found = self._store.get(self._key)
        try:
            if found is None:
                self._store.create(self._key, data, content_type=_JSON)
            elif found[0] != data:
                self._store.swap(self._key, data, found[1], content_type=_JSON)
        except ArchiveConflict:
            return
