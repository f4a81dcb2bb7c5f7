"""From a URL to a store: the one place that knows which kinds there are."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import SecretStr

from hikcore.archive.keys import check_key
from hikcore.archive.local import LocalStore
from hikcore.archive.store import Store
from hikcore.errors import ConfigurationError

_FORMS = "a folder, file:///folder, s3+http://host:port/bucket, s3+https://host/bucket, s3://bucket"
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


def open_store(
    url: str,
    *,
    access_key: str | SecretStr | None = None,
    secret_key: str | SecretStr | None = None,
    region: str | None = None,
    create: bool = False,
    environ: Mapping[str, str] | None = None,
) -> Store:
    """Open the store of an archive. No request is made, unless `create`.

    Args:
        url: `file:///folder` or a plain path; `s3+http://host[:port]/bucket[/prefix]`, the same
            with `s3+https`; `s3://bucket[/prefix]` (AWS).
        access_key: with `secret_key`; else from the environment: AWS_ACCESS_KEY_ID and
            AWS_SECRET_ACCESS_KEY (with AWS_SESSION_TOKEN, where set), else MINIO_ACCESS_KEY and
            MINIO_SECRET_KEY; else anonymous, for public buckets.
        secret_key: see `access_key`.
        region: else AWS_REGION, AWS_DEFAULT_REGION, `us-east-1`.
        create: make the folder or bucket, where it is not there.
        environ: in place of the process's environment.

    Raises:
        ConfigurationError: not such a URL, credentials in it, or half a pair of keys.
    """
    env = os.environ if environ is None else environ
    parts = _split(url)
    if parts.scheme in ("", "file"):
        local = LocalStore(_folder(url, parts))
        if create:
            local.root.mkdir(parents=True, exist_ok=True)
        return local
    # The SDK is slow to import, and a folder needs none.
    from hikcore.archive.s3 import S3Store  # noqa: PLC0415  loads the S3 SDK
    from hikcore.archive.s3_sdk import S3Keys, S3Place  # noqa: PLC0415  likewise

    bucket, prefix = _bucket(url, parts)
    keys = _keys(access_key, secret_key, env)
    place = S3Place(
        host="s3.amazonaws.com" if parts.scheme == "s3" else parts.netloc,
        tls=parts.scheme != "s3+http",
        bucket=bucket,
        prefix=prefix,
        region=region or env.get("AWS_REGION") or env.get("AWS_DEFAULT_REGION") or "us-east-1",
        url=url.rstrip("/"),
    )
    store = S3Store(place, S3Keys(*keys))
    if create:
        store.make_bucket()
    return store


def _split(url: str) -> SplitResult:
    """The URL in parts, its text in no message: somebody may have written a password into it."""
    try:
        parts = urlsplit(url)
        known = parts.scheme in ("", "file", "s3", "s3+http", "s3+https")
        _ = parts.port
    except ValueError:
        raise ConfigurationError("the archive's URL cannot be read", hint=f"use {_FORMS}") from None
    if "@" in parts.netloc:
        raise ConfigurationError(
            "the archive's URL holds credentials, which would end in logs",
            hint="take them out and set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        )
    if parts.scheme in ("http", "https"):
        raise ConfigurationError(
            f"an archive is not opened by {parts.scheme}://", hint=f"write s3+{parts.scheme}://"
        )
    if not known or (parts.scheme and (parts.query or parts.fragment)):
        raise ConfigurationError(f"{url!r} is not the URL of an archive", hint=f"use {_FORMS}")
    return parts


def _folder(url: str, parts: SplitResult) -> Path:
    if not url:
        raise ConfigurationError("the archive's URL is empty", hint=f"use {_FORMS}")
    if not parts.scheme:
        return Path(url).expanduser()
    if parts.netloc not in ("", "localhost") or not parts.path.startswith("/"):
        raise ConfigurationError(
            f"{url!r} names no folder of this machine", hint="write file:///absolute/folder"
        )
    return Path(unquote(parts.path))


def _bucket(url: str, parts: SplitResult) -> tuple[str, str]:
    path = parts.path.strip("/")
    if parts.scheme == "s3":
        bucket, prefix = parts.netloc, path
    else:
        bucket, _, prefix = path.partition("/")
    if not bucket or not parts.netloc:
        raise ConfigurationError(f"{url!r} names no bucket", hint=f"use {_FORMS}")
    if _BUCKET.fullmatch(bucket) is None:
        raise ConfigurationError(
            f"{bucket!r} cannot be the name of a bucket",
            hint="3 to 63 of a-z, 0-9, . and -, beginning and ending with a letter or digit",
        )
    return bucket, check_key(prefix) + "/" if prefix else ""


def _keys(
    access: str | SecretStr | None, secret: str | SecretStr | None, env: Mapping[str, str]
) -> tuple[SecretStr | None, SecretStr | None, SecretStr | None]:
    for pair, token in (
        ((access, secret), None),
        (
            (env.get("AWS_ACCESS_KEY_ID"), env.get("AWS_SECRET_ACCESS_KEY")),
            env.get("AWS_SESSION_TOKEN"),
        ),
        ((env.get("MINIO_ACCESS_KEY"), env.get("MINIO_SECRET_KEY")), None),
    ):
        if any(pair):
            if not all(pair):
                raise ConfigurationError(
                    "an access key and a secret key come together or not at all"
                )
            return _secret(pair[0]), _secret(pair[1]), _secret(token)
    return None, None, None


def _secret(value: str | SecretStr | None) -> SecretStr | None:
    return value if value is None or isinstance(value, SecretStr) else SecretStr(value)
