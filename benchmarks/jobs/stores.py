"""The last step of archiving by hand. By itself, as it needs none of the imports of the rest."""

from __future__ import annotations

import shutil
from pathlib import Path

from hikcore.archive.local import LocalStore
from hikcore.archive.open import open_store

KEY = "v1/clip.mp4"


def put(path: Path, folder: Path) -> None:
    """A file into an archive in a folder: what an upload is there."""
    shutil.rmtree(folder, ignore_errors=True)
    LocalStore(folder).put_file(KEY, path, content_type="video/mp4", metadata={})


def upload(path: Path, archive: str) -> None:
    """A file into a bucket, by the client that ours uses; its keys stand in the environment."""
    open_store(archive).put_file(KEY, path, content_type="video/mp4", metadata={})
