"""Objects behind plain HTTP ranges, on one connection: what an S3 store is, without signatures."""

from __future__ import annotations

from http.client import HTTPConnection
from typing import cast
from urllib.parse import urlsplit

from hikcore.archive.store import Store
from hikcore.archive.window import ObjectWindow

#: As the product reads ahead: a smaller first read would cost another request.
_FIRST = 512 << 10


class HttpStore:
    """One object. `size` is known after the first answer."""

    far = True

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._connection = HTTPConnection(parts.netloc)
        self._path = parts.path
        self.size = 0

    def get_range(self, key: str, offset: int, size: int, if_match: str | None = None) -> bytes:
        """As `Store.get_range`; there is one key."""
        self._connection.request(
            "GET", self._path, headers={"Range": f"bytes={offset}-{offset + size - 1}"}
        )
        answer = self._connection.getresponse()
        data = answer.read()
        if answer.status != 206:
            raise RuntimeError(f"HTTP {answer.status}")
        self.size = int(answer.headers["Content-Range"].rpartition("/")[2])
        return data


class Opened:
    """An object of unknown size as a ByteSource: its first bytes are read to learn it."""

    def __init__(self, store: HttpStore) -> None:
        self._store = store
        self._first = store.get_range("", 0, _FIRST)
        self.size = store.size

    def read_at(self, offset: int, size: int) -> bytes:
        """Exactly these bytes."""
        if offset + size <= len(self._first):
            return self._first[offset : offset + size]
        if offset < len(self._first):
            kept = self._first[offset:]
            return kept + self._store.get_range("", offset + len(kept), size - len(kept))
        return self._store.get_range("", offset, size)


class Known:
    """An object whose head is known to be so long: it is read at once, and nothing else."""

    def __init__(self, store: HttpStore, head: int) -> None:
        self._head = store.get_range("", 0, head)

    def read_at(self, offset: int, size: int) -> bytes:
        """Bytes of the head: fewer than asked for where it ends."""
        return self._head[offset : offset + size]


def window(store: HttpStore, begin: int, end: int) -> ObjectWindow:
    """The product's own reader of a part of an object."""
    return ObjectWindow(cast(Store, store), "", "", begin, end)
