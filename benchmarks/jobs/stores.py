"""The last step of archiving by hand. By itself, as it needs none of the imports of the rest."""

from __future__ import annotations

import shutil
from pathlib import Path

from hikcore.archive.local import LocalStore

KEY = "v1/clip.mp4"


def put(path: Path, folder: Path) -> None:
    """A file into an archive in a folder: what an upload is there."""
    shutil.rmtree(folder, ignore_errors=True)
    LocalStore(folder).put_file(KEY, path, content_type="video/mp4", metadata={})


def upload(path: Path, archive: str) -> None:
    """A file into a bucket, by the client that ours uses; its keys stand in the environment."""
    # Here, as it loads pydantic, which `put` needs not: that would be CPU of the peer.
    from hikcore.archive.open import open_store

    open_store(archive).put_file(KEY, path, content_type="video/mp4", metadata={})
