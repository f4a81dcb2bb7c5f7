"""A store in an S3 bucket: what may be repeated is repeated, what may not is settled by looking."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Final, TypeVar

import stamina

from hikcore.archive.keys import check_key, check_prefix
from hikcore.archive.s3_sdk import (
    PAGE,
    Bucket,
    ObjectAbsent,
    PastTheEnd,
    S3Keys,
    S3Place,
    plain_etag,
)
from hikcore.archive.store import Names, ObjectInfo
from hikcore.errors import ArchiveConflict, ArchiveError, ArchiveUnavailable

#: S3 allows parts of 5 MiB to 5 GiB and 10 000 of them: 80 GB an object. One part is in memory.
PART: Final = 8 << 20
_ATTEMPTS: Final = 5
_PATIENCE: Final = 120.0

T = TypeVar("T")

#: Else Python writes each retry of a program without logging to standard error, by name alone.
logging.getLogger("stamina").addHandler(logging.NullHandler())


class S3Store:
    """A bucket, or what lies under a prefix in it. Safe between threads and after a fork."""

    far = True

    def __init__(self, place: S3Place, keys: S3Keys) -> None:
        self._bucket = Bucket(place, keys)
        #: Whether this server takes the ETag of a conditional put in quotes, as HTTP writes it.
        self._quotes = True

    @property
    def url(self) -> str:
        """As it was opened."""
        return self._bucket.place.url

    def make_bucket(self) -> None:
        """Make the bucket where it is not there."""
        if not self.exists():
            _retried(self._bucket.make)

    def exists(self) -> bool:
        """Whether the bucket is there."""
        return _retried(self._bucket.exists)

    def get(self, key: str) -> tuple[bytes, str] | None:
        """Content and ETag of a small object, None if it is not there."""
        check_key(key)
        try:
            body, headers, _ = _retried(lambda: self._bucket.get(key, {}))
        except ObjectAbsent:
            return None
        return body, plain_etag(headers.get("etag"))

    def get_range(self, key: str, offset: int, size: int, if_match: str | None = None) -> bytes:
        """At most `size` bytes from `offset`: see `Store.get_range`."""
        check_key(key)
        if size <= 0:
            return b""
        headers = {"Range": f"bytes={offset}-{offset + size - 1}"}
        if if_match is not None:
            headers["If-Match"] = f'"{if_match}"'
        try:
            body, given, status = _retried(lambda: self._bucket.get(key, headers))
        except PastTheEnd:
            return b""
        range_given = given.get("content-range", "")
        if status != 206 or not range_given.startswith(f"bytes {offset}-{offset + len(body) - 1}/"):
            raise ArchiveError(
                f"the store answered another range than was asked ({status}, {range_given!r})",
                where=f"{self.url}/{key}",
                hint="a proxy in front of it may drop Range headers",
            )
        return body

    def head(self, key: str) -> ObjectInfo | None:
        """What it is, None if it is not there."""
        check_key(key)
        try:
            return _retried(lambda: self._bucket.head(key))
        except ObjectAbsent:
            # An answer to HEAD has no body that would say whether the bucket is there at all.
            if not self.exists():
                raise self._bucket.absent() from None
            return None

    def put_file(
        self, key: str, path: Path, *, content_type: str, metadata: Mapping[str, str],
        given: bool = False,
    ) -> None:  # fmt: skip
        """Put a file under a key that names its content; nothing is sent if it is there already."""
        size = path.stat().st_size
        if self._has(key, size):
            return
        headers = {"Content-Type": content_type}
        headers |= {f"x-amz-meta-{name}": value for name, value in metadata.items()}
        with path.open("rb") as file:
            if size > PART:
                self._put_parts(key, file, size, headers)
                return
            data = file.read()
        _retried(lambda: self._bucket.put(key, data, headers))

    def put(self, key: str, data: bytes, *, content_type: str) -> None:
        """The same for bytes in memory."""
        if not self._has(key, len(data)):
            _retried(lambda: self._bucket.put(key, data, {"Content-Type": content_type}))

    def create(self, key: str, data: bytes, *, content_type: str) -> str:
        """Create an object once: see `Store.create`."""
        return self._conditional(key, data, content_type, {"If-None-Match": "*"})

    def swap(self, key: str, data: bytes, etag: str, *, content_type: str) -> str:
        """Replace an object that still has this ETag: see `Store.swap`.

        Where the answer to the put is lost, the object is read again: with our content it counts as
        ours. If somebody has replaced ours meanwhile, this raises although ours was there for a
        moment: what is swapped must be such that doing it again is harmless (a join is).
        """
        quotes = self._quotes
        try:
            return self._conditional(key, data, content_type, _if_match(etag, quotes))
        except ArchiveConflict:
            found = self.head(key)
            if found is None or found.etag != etag:
                raise
        # Refused although it is the same object: Ceph RGW (16.2) compares the header of a put with
        # its quotes. The condition is the server's to check in either spelling.
        done = self._conditional(key, data, content_type, _if_match(etag, not quotes))
        self._quotes = not quotes
        return done

    def list(self, prefix: str, after: str = "") -> Iterator[ObjectInfo]:
        """Objects whose key begins with `prefix`, in key order, those after `after`."""
        check_prefix(prefix)
        while True:
            start = after
            page = _retried(lambda: self._bucket.page(prefix, start))  # noqa: B023 - called at once
            yield from page
            if len(page) < PAGE:
                return
            after = page[-1].key

    def folders(self, prefix: str) -> Names:
        """The distinct next parts below `prefix`, sorted."""
        check_prefix(prefix)
        return _retried(lambda: self._bucket.folders(prefix))

    def delete(self, key: str) -> None:
        """Remove an object; nothing happens if it is not there."""
        check_key(key)
        with suppress(ObjectAbsent):
            _retried(lambda: self._bucket.delete(key))

    def _has(self, key: str, size: int) -> bool:
        found = self.head(key)
        return found is not None and found.size == size

    def _put_parts(self, key: str, file: IO[bytes], size: int, headers: Mapping[str, str]) -> None:
        bucket = self._bucket
        upload = _retried(lambda: bucket.begin_upload(key, headers))
        try:
            etags: list[str] = []
            for number in range(1, (size + PART - 1) // PART + 1):
                etags.append(self._put_part(key, upload, number, file.read(PART)))
            # An answer that was lost, or an error under a status of 200, is settled by looking:
            # the key names the content, so the size tells.
            with suppress(ObjectAbsent):
                _retried(lambda: bucket.complete_upload(key, upload, etags))
            if not self._has(key, size):
                raise ArchiveUnavailable("the upload was not completed", where=f"{self.url}/{key}")
        except BaseException:
            # The SDK forgets it on Ctrl-C. After a kill -9 the server's own rule removes it.
            with suppress(ArchiveError):
                bucket.abort_upload(key, upload)
            raise

    def _put_part(self, key: str, upload: str, number: int, data: bytes) -> str:
        return _retried(lambda: self._bucket.put_part(key, upload, number, data))

    def _conditional(
        self, key: str, data: bytes, content_type: str, condition: Mapping[str, str]
    ) -> str:
        """One conditional put, never repeated blindly: after a failure that leaves open whether it
        was done, the object itself is asked."""
        check_key(key)
        headers = {"Content-Type": content_type, **condition}
        for attempt in _attempts():
            with attempt:
                try:
                    return self._bucket.put(key, data, headers)
                except ObjectAbsent as error:
                    raise ArchiveConflict("the object is gone", where=error.where) from None
                except ArchiveConflict:
                    # From the second try on, a 412 may be the answer to our own first one.
                    if attempt.num == 1:
                        raise
                    return self._settled(key, data)
                except ArchiveUnavailable:
                    with suppress(ArchiveConflict):
                        return self._settled(key, data)
                    raise
        raise AssertionError("the last attempt raises")

    def _settled(self, key: str, data: bytes) -> str:
        """The ETag, if what lies there is what we put."""
        found = self.get(key)
        if found is not None and found[0] == data:
            return found[1]
        raise ArchiveConflict("somebody else was there first", where=f"{self.url}/{key}")


def _if_match(etag: str, quotes: bool) -> dict[str, str]:
    return {"If-Match": f'"{etag}"' if quotes else etag}


def _attempts() -> Iterator[stamina.Attempt]:
    """Up to five, with growing pauses and jitter, where trying again can help."""
    return iter(
        stamina.retry_context(
            on=lambda error: isinstance(error, ArchiveUnavailable),
            attempts=_ATTEMPTS,
            timeout=_PATIENCE,
        )
    )


def _retried(call: Callable[[], T]) -> T:
    for attempt in _attempts():
        with attempt:
            return call()
    raise AssertionError("the last attempt raises")
