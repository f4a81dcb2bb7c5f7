"""The raw objects of an archive, listed and hashed without any of the product's code."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from minio import Minio

Objects = Mapping[str, bytes]


def raw_objects(url: str, environ: Mapping[str, str]) -> dict[str, bytes]:
    """Every object of a folder or bucket by its key; a store's own files (`.hikcore`) aside."""
    parts = urlsplit(url)
    if parts.scheme in ("", "file"):
        root = Path(parts.path)
        return {
            path.relative_to(root).as_posix(): path.read_bytes()
            for path in sorted(root.rglob("*"))
            if path.is_file() and not path.relative_to(root).parts[0].startswith(".")
        }
    bucket = parts.path.strip("/")
    client = Minio(
        parts.netloc,
        environ["AWS_ACCESS_KEY_ID"],
        environ["AWS_SECRET_ACCESS_KEY"],
        secure=parts.scheme == "s3+https",
    )
    out = {}
    for entry in client.list_objects(bucket, recursive=True):
        response = client.get_object(bucket, str(entry.object_name))
        out[str(entry.object_name)] = response.read()
        response.close()
        response.release_conn()
    return out


def committed(objects: Objects) -> dict[str, str]:
    """Key to SHA-256 of everything under `v1/`, orphans aside: objects that no manifest names."""
    named = {key for key in objects if key.startswith("v1/manifests/")}
    for key in sorted(named):
        named |= _keys_in(json.loads(objects[key]))
    return {
        key: hashlib.sha256(content).hexdigest()
        for key, content in sorted(objects.items())
        if key.startswith("v1/") and (key in named or key.startswith("v1/clocks/"))
    }


def orphans(objects: Objects) -> list[str]:
    """Keys under `v1/` that no manifest names."""
    kept = committed(objects)
    return [key for key in objects if key.startswith("v1/") and key not in kept]


def _keys_in(value: Any) -> set[str]:
    """Every string anywhere in a document that is a key."""
    if isinstance(value, str):
        return {value} if value.startswith("v1/") else set()
    if isinstance(value, dict):
        return set().union(*(_keys_in(each) for each in value.values()))
    if isinstance(value, list):
        return set().union(*(_keys_in(each) for each in value))
    return set()
