"""What is to be kept whatever any rule says: holds, which whoever removes footage has to heed.

A hold is a document that is only added. One that is lifted is named by a further one.
"""

from __future__ import annotations

import hashlib

from hikcore.archive.documents import Hold
from hikcore.archive.keys import HOLDS, camera_prefix, hold_key
from hikcore.archive.store import Store
from hikcore.archive.update import JSON, parse
from hikcore.instants import Span


def put_hold(store: Store, hold: Hold) -> str:
    """Put a hold (or the lifting of one) and return its key.

    Raises:
        ConfigurationError: ids that cannot stand in a key.
    """
    data = hold.to_bytes()
    name = hashlib.sha256(data).hexdigest()
    key = hold_key(hold.site, hold.camera, hold.stream, hold.begin, hold.end, name)
    store.put(key, data, content_type=JSON)
    return key


def load_holds(store: Store, site: str, camera: str, stream: str, span: Span) -> list[Hold]:
    """The holds of a stream that are in force and meet a span, by begin.

    Raises:
        ArchiveCorrupt: one is not a hold.
    """
    found: dict[str, Hold] = {}
    for info in store.list(camera_prefix(HOLDS, site, camera, stream)):
        document = store.get(info.key)
        if document is not None:
            name = hashlib.sha256(document[0]).hexdigest()
            found[name] = parse(Hold, document[0], f"{store.url}/{info.key}")
    lifted = {hold.lifts for hold in found.values() if hold.lifts}
    standing = (hold for name, hold in found.items() if name not in lifted and not hold.lifts)
    return sorted(
        (hold for hold in standing if hold.begin < span.end and span.begin < hold.end),
        key=lambda hold: (hold.begin, hold.end, hold.reason),
    )
