"""The last step of archiving by hand. By itself, as it needs none of the imports of the rest."""

from __future__ import annotations

import shutil
from pathlib import Path

from hikcore.archive.local import LocalStore


def put(path: Path, folder: Path) -> None:
    """A file into an archive in a folder: what an upload is there."""
    shutil.rmtree(folder, ignore_errors=True)
    LocalStore(folder).put_file("v1/clip.mp4", path, content_type="video/mp4", metadata={})
