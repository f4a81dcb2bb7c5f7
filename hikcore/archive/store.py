"""The contract of a store: what hikcore needs of S3, and what a local folder gives in its place.

Stores are synchronous (the S3 SDK is); coroutines call them in threads. All are safe to use from
several threads. Keys are ASCII `[A-Za-z0-9._/-]`, no part empty or beginning with a dot.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

#: Inside the classes `list` is a method.
Names = list[str]


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """An object as listed: key, bytes, and an ETag that changes whenever its content does."""

    key: str
    size: int
    etag: str


class Store(Protocol):
    """One bucket or folder (with a prefix inside it, where the URL names one).

    Attributes:
        far: every read is a request over a network, so few large ones are better than many.
    """

    far: bool

    @property
    def url(self) -> str:
        """The URL that opens it, without secrets."""
        ...

    def get(self, key: str) -> tuple[bytes, str] | None:
        """Content and ETag of a small object, None if it is not there."""
        ...

    def get_range(self, key: str, offset: int, size: int, if_match: str | None = None) -> bytes:
        """At most `size` bytes from `offset` (fewer only where the object ends).

        Raises:
            ArchiveNotFound: no such object.
            ArchiveConflict: it is not the one that `if_match` names.
        """
        ...

    def head(self, key: str) -> ObjectInfo | None:
        """What it is, None if it is not there."""
        ...

    def put_file(
        self, key: str, path: Path, *, content_type: str, metadata: Mapping[str, str],
        given: bool = False,
    ) -> None:  # fmt: skip
        """Put a file under a key that names its content: idempotent, whoever repeats or races.

        Visible only when whole. Metadata values are ASCII; stores without metadata drop them.
        `given`: nobody will write to the file as long as it has another name too: a store on the
        same disk may take it by a link, and need not copy it.
        """
        ...

    def put(self, key: str, data: bytes, *, content_type: str) -> None:
        """The same for bytes in memory."""
        ...

    def create(self, key: str, data: bytes, *, content_type: str) -> str:
        """Create an object once and return its ETag.

        Raises:
            ArchiveConflict: it is there already.
        """
        ...

    def swap(self, key: str, data: bytes, etag: str, *, content_type: str) -> str:
        """Replace an object that still has this ETag and return the new one.

        Raises:
            ArchiveConflict: it has another one by now, or is gone.
        """
        ...

    def list(self, prefix: str, after: str = "") -> Iterator[ObjectInfo]:
        """Objects whose key begins with `prefix`, in key order (bytewise), those after `after`."""
        ...

    def folders(self, prefix: str) -> Names:
        """The distinct next parts below `prefix` (which ends in `/`), sorted, without slashes."""
        ...

    def delete(self, key: str) -> None:
        """Remove an object; nothing happens if it is not there."""
        ...
