"""Documents that are replaced: read and checked, changed by compare-and-swap."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Final, TypeVar

from pydantic import ValidationError

from hikcore.archive.document import Document
from hikcore.archive.store import Store
from hikcore.errors import ArchiveConflict, ArchiveCorrupt

JSON: Final = "application/json"
#: Every conflict is somebody else's success, so patience ends only where conditions do not work.
_TURNS: Final = 500

D = TypeVar("D", bound=Document)


def parse(kind: type[D], data: bytes, where: str) -> D:
    """A document from its bytes.

    Raises:
        ArchiveCorrupt: they are not such a document.
    """
    try:
        return kind.model_validate_json(data)
    except ValidationError as error:
        raise corrupt(f"not a {kind.__name__.lower()} document", error, where) from None


def corrupt(what: str, error: ValidationError, where: str) -> ArchiveCorrupt:
    """The error of a document that is none: what it is not, and the first field that tells."""
    first = error.errors(include_url=False, include_input=False)[0]
    at = ".".join(str(part) for part in first["loc"])
    return ArchiveCorrupt(
        f"{what}: {at} {first['msg']}".replace("  ", " "),
        where=where,
        hint="it was changed by something else, or written by a newer version",
    )


def update(store: Store, key: str, kind: type[D], change: Callable[[D | None], D]) -> D:
    """Replace a document by a function of it, however many others do so at the same time.

    Args:
        change: from the document as it is (None: not there) to what it should be; called again
            after every lost race, so it must be pure.

    Returns:
        What is there now. Nothing is written where nothing changed.

    Raises:
        ArchiveConflict: lost 500 times.
        ArchiveCorrupt: what lies there is no such document.
    """
    for turn in range(_TURNS):
        found = store.get(key)
        before = None if found is None else parse(kind, found[0], f"{store.url}/{key}")
        after = change(before)
        data = after.to_bytes()
        try:
            if found is None:
                store.create(key, data, content_type=JSON)
            elif data != found[0]:
                store.swap(key, data, found[1], content_type=JSON)
            return after
        except ArchiveConflict:
            # Whoever lost steps aside for a moment, else many keep each other from winning.
            time.sleep(random.uniform(0, 0.01) * min(turn + 1, 20))  # noqa: S311 - no secret
    raise ArchiveConflict(
        f"others were first {_TURNS} times",
        where=f"{store.url}/{key}",
        hint="a store that takes no conditional puts cannot hold an archive",
    )
