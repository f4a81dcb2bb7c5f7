"""One bucket, one request a call, through the `minio` SDK; the only module that imports it.

Plain S3 alone, no call that only MinIO has. The SDK's public methods cannot do two things that we
need (7.2.20; the next major version changes all of them): `put_object` turns `If-None-Match` into
user metadata, so the private `_put_object` is given the header, which is signed with the rest; and
an upload in parts cannot be gone on with after a part failed, so the parts are put one by one. Its
own retries are off: they would repeat a conditional put that had succeeded, and read the 412 as a
defeat. Every error leaves as one of ours: the texts of others are not ours to vouch for.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from typing import Final

import certifi
import urllib3
from minio import Minio
from minio.datatypes import Part
from minio.error import InvalidResponseError, MinioException, S3Error, ServerError
from pydantic import SecretStr

from hikcore.archive.store import ObjectInfo
from hikcore.errors import (
    ArchiveConflict,
    ArchiveDenied,
    ArchiveError,
    ArchiveNotFound,
    ArchiveUnavailable,
)

#: Keys that one listing answers at most.
PAGE: Final = 1000
_CONNECT_TIMEOUT: Final = 10.0
_READ_TIMEOUT: Final = 60.0
_CONNECTIONS: Final = 16

_DENIED: Final = {
    "AccessDenied",
    "AccountProblem",
    "AllAccessDisabled",
    "AuthorizationHeaderMalformed",
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidToken",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
}
_ABSENT: Final = {"NoSuchKey", "NoSuchUpload", "ResourceNotFound"}
#: AWS answers 409 to one of two conditional puts at the same moment: neither won nor lost.
_AGAIN: Final = {"ConditionalRequestConflict", "OperationAborted", "RequestTimeout", "SlowDown"}


@dataclass(frozen=True, slots=True)
class S3Place:
    """Where a bucket is.

    Attributes:
        host: with its port, where that is not the default one.
        tls: https.
        bucket, prefix: the prefix is empty or ends in `/`; all keys below are without it.
        region: always set; else the SDK asks for it first, which a read-only key may not.
        url: what people wrote, without secrets.
    """

    host: str
    tls: bool
    bucket: str
    prefix: str
    region: str
    url: str


@dataclass(frozen=True, slots=True)
class S3Keys:
    """Access key, secret key and session token; all None for a bucket that anybody may read."""

    access: SecretStr | None = None
    secret: SecretStr | None = None
    token: SecretStr | None = None


class ObjectAbsent(ArchiveNotFound):
    """The object (or upload) is not there. After a HEAD the bucket may be missing as well."""


class Bucket:
    """One bucket. Safe between threads and after a fork."""

    def __init__(self, place: S3Place, keys: S3Keys) -> None:
        self.place = place
        self._keys = keys
        self._clients: dict[int, Minio] = {}
        self._guard = threading.Lock()

    def exists(self) -> bool:
        """Whether the bucket is there."""
        with self._errors(""):
            return self._client.bucket_exists(self.place.bucket)

    def make(self) -> None:
        """Make it; nothing happens if it is ours already."""
        with self._errors(""):
            try:
                self._client.make_bucket(self.place.bucket, self.place.region)
            except S3Error as error:
                if error.code != "BucketAlreadyOwnedByYou":
                    raise

    def get(self, key: str, headers: Mapping[str, str]) -> tuple[bytes, Mapping[str, str], int]:
        """Body, headers and status of a GET, the body as long as promised."""
        with self._errors(key):
            response = self._client.get_object(
                self.place.bucket, self.place.prefix + key, request_headers=dict(headers)
            )
            try:
                body = response.read()
                promised = response.headers.get("content-length")
                if promised is not None and int(promised) != len(body):
                    raise ArchiveUnavailable(
                        f"the body ended after {len(body)} of {promised} bytes",
                        where=self._where(key),
                    )
                return body, response.headers, response.status
            finally:
                response.close()
                response.release_conn()

    def head(self, key: str) -> ObjectInfo:
        """What the object is."""
        with self._errors(key):
            found = self._client.stat_object(self.place.bucket, self.place.prefix + key)
            return ObjectInfo(key, found.size or 0, plain_etag(found.etag))

    def put(self, key: str, data: bytes, headers: Mapping[str, str]) -> str:
        """Put bytes with these headers, all of them signed; returns the ETag."""
        with self._errors(key):
            # The SDK adds its own headers to the mapping that it is given.
            result = self._client._put_object(
                self.place.bucket, self.place.prefix + key, data, dict(headers)
            )
            return plain_etag(result.etag)

    def page(self, prefix: str, after: str) -> list[ObjectInfo]:
        """The first keys that begin so and come after `after`: `PAGE` of them, fewer at the end."""
        own = self.place.prefix
        with self._errors(prefix):
            found = self._client.list_objects(
                self.place.bucket,
                prefix=own + prefix,
                recursive=True,
                start_after=own + after if after else None,
            )
            return [
                ObjectInfo((o.object_name or "")[len(own) :], o.size or 0, plain_etag(o.etag))
                for o in islice(found, PAGE)
            ]

    def folders(self, prefix: str) -> list[str]:
        """The next parts below the prefix."""
        with self._errors(prefix):
            found = self._client.list_objects(
                self.place.bucket, prefix=self.place.prefix + prefix, recursive=False
            )
            names = [(o.object_name or "").removesuffix("/") for o in found if o.is_dir]
            return sorted(name.rpartition("/")[2] for name in names)

    def delete(self, key: str) -> None:
        """Remove it."""
        with self._errors(key):
            self._client.remove_object(self.place.bucket, self.place.prefix + key)

    def begin_upload(self, key: str, headers: Mapping[str, str]) -> str:
        """Begin an upload in parts; returns its id. Nothing is visible before `complete_upload`."""
        with self._errors(key):
            return self._client._create_multipart_upload(
                self.place.bucket, self.place.prefix + key, dict(headers)
            )

    def put_part(self, key: str, upload: str, number: int, data: bytes) -> str:
        """Put a part, numbered from 1; returns its ETag."""
        with self._errors(key):
            return self._client._upload_part(
                self.place.bucket, self.place.prefix + key, data, None, upload, number
            )

    def complete_upload(self, key: str, upload: str, etags: Sequence[str]) -> None:
        """Make the object of its parts."""
        parts = [Part(number, etag) for number, etag in enumerate(etags, 1)]
        with self._errors(key):
            self._client._complete_multipart_upload(
                self.place.bucket, self.place.prefix + key, upload, parts
            )

    def abort_upload(self, key: str, upload: str) -> None:
        """Throw the parts away; nothing happens if they are gone."""
        with suppress(ObjectAbsent), self._errors(key):
            self._client._abort_multipart_upload(self.place.bucket, self.place.prefix + key, upload)

    def absent(self) -> ArchiveNotFound:
        """The error to raise where the bucket is not there."""
        return ArchiveNotFound(
            f"there is no bucket {self.place.bucket}",
            where=self.place.url,
            hint="make it, or correct the archive's URL",
        )

    @property
    def _client(self) -> Minio:
        """One a process: connections do not survive a fork."""
        with self._guard:
            client = self._clients.get(os.getpid())
            if client is None:
                client = self._clients[os.getpid()] = _connect(self.place, self._keys)
            return client

    def _where(self, key: str) -> str:
        return f"{self.place.url}/{key}" if key else self.place.url

    @contextmanager
    def _errors(self, key: str) -> Iterator[None]:
        try:
            yield
        except (MinioException, urllib3.exceptions.HTTPError, SyntaxError, UnicodeError) as error:
            if isinstance(error, S3Error) and error.code == "NoSuchBucket":
                raise self.absent() from None
            raise _translate(error, self._where(key)) from None


def plain_etag(etag: str | None) -> str:
    """An ETag without its quotes."""
    return (etag or "").strip('"')


def _connect(place: S3Place, keys: S3Keys) -> Minio:
    access, secret, token = (
        key.get_secret_value() if key else None for key in (keys.access, keys.secret, keys.token)
    )
    return Minio(
        place.host,
        access_key=access,
        secret_key=secret,
        session_token=token,
        secure=place.tls,
        region=place.region,
        http_client=urllib3.PoolManager(
            maxsize=_CONNECTIONS,
            timeout=urllib3.Timeout(connect=_CONNECT_TIMEOUT, read=_READ_TIMEOUT),
            retries=False,
            cert_reqs="CERT_REQUIRED",
            ca_certs=os.environ.get("SSL_CERT_FILE") or certifi.where(),
        ),
    )


def _translate(error: Exception, where: str) -> ArchiveError:
    code, status = _code(error)
    if status is None:
        return ArchiveUnavailable(
            f"no answer ({type(error).__name__})", where=where, hint=_reason(error)
        )
    text = f"{status} {code}".rstrip()
    if code in _ABSENT or (status == 404 and not code):
        return ObjectAbsent("no such object", where=where)
    if status == 412:
        return ArchiveConflict("somebody else was there first", where=where)
    if code in _DENIED or status in (401, 403):
        return ArchiveDenied(
            f"the store refuses ({text})",
            where=where,
            hint="check the access key, the secret key and what they may do",
        )
    if status == 416:
        return PastTheEnd("the range begins past the end", where=where)
    again = code in _AGAIN or status >= 500 or status in (408, 429)
    kind = ArchiveUnavailable if again else ArchiveError
    return kind(f"the store answers {text}", where=where)


class PastTheEnd(ArchiveError):
    """A range that begins at or past the end of the object."""


def _code(error: Exception) -> tuple[str, int | None]:
    """S3's code and the HTTP status; None where no whole answer came."""
    if isinstance(error, S3Error):
        return error.code or "", error.response.status
    if isinstance(error, ServerError):
        return "", error.status_code
    if isinstance(error, InvalidResponseError):
        return "", error._code
    return "", None


def _reason(error: Exception) -> str:
    if isinstance(error, urllib3.exceptions.SSLError):
        return "TLS failed: for a certificate of your own name its CA in SSL_CERT_FILE"
    if isinstance(error, urllib3.exceptions.NewConnectionError):
        return "is the server running, and the address right?"
    return ""
