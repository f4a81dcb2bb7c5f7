"""`TomlNotes`: what was found out about a device, in a file that people can read and edit."""

from __future__ import annotations

import logging
import os
import re
import secrets
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import tomli_w

from hikcore.errors import ConfigurationError

_LOG = logging.getLogger("hikcore.notes")
_HEAD: Final = """\
# How this device speaks, found out by hikcore: see docs/devices.md. It may be edited; remove it to
# have it found out anew. Found out anew when the firmware changes, unless firmware = "*".

"""


class TomlNotes:
    """`DeviceNotes` as one file.

    Args:
        path: its folder is made when something is kept.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> Mapping[str, Any] | None:
        """What is kept; None where nothing is.

        Raises:
            ConfigurationError: it is no TOML.
        """
        try:
            return tomllib.loads(self._path.read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            _LOG.warning("%s cannot be read: %s", self._path, error.strerror)
            return None
        except ValueError as error:
            raise ConfigurationError(
                f"no valid TOML: {error}",
                where=str(self._path),
                hint="correct it, or remove it: it is found out anew",
            ) from None

    def save(self, notes: Mapping[str, Any]) -> None:
        """Replace it, at once. Where that is not allowed (a mounted configuration that is only to
        be read) it is found out again by the next process, which is told in the log."""
        temporary = self._path.with_name(f".{self._path.name}.{secrets.token_hex(4)}")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_text(_HEAD + tomli_w.dumps(notes), encoding="utf-8")
            os.replace(temporary, self._path)
        except OSError as error:
            _LOG.warning("%s cannot be written: %s", self._path, error.strerror)
            with suppress(OSError):
                temporary.unlink()


def file_name(*parts: object) -> str:
    """A file's name of ids, hosts and ports."""
    return ".".join(re.sub(r"[^A-Za-z0-9_-]", "_", str(part)) for part in parts) + ".toml"
