"""The manifest: a JSON line for what became of each chunk; the last line of a chunk holds."""

from __future__ import annotations

import json
import logging
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Literal, NamedTuple

NAME: Final = "hik_cloud_download_manifest.jsonl"
_LOG = logging.getLogger("hikcore.hik_cloud")
Status = Literal["address_ok", "downloaded", "no_recording", "address_failed", "download_failed"]


class Chunk(NamedTuple):
    """What is asked for in one piece, Unix seconds, half-open."""

    device_serial: str
    channel_no: int
    begin: int
    end: int

    @property
    def stem(self) -> str:
        """Of the file's name: of nothing but these."""
        return f"{self.device_serial}_ch{self.channel_no}_{self.begin}_{self.end}"


@dataclass(frozen=True, slots=True)
class Row:
    """One line. Times are Unix seconds; `path` is that of a downloaded video, else null.

    Attributes:
        download_url_host: the host of the address alone: the rest of it opens the footage.
        retry_count: tries after the first.
    """

    device_serial: str
    channel_no: int
    requested_begin: int
    requested_end: int
    status: Status
    actual_begin: int | None = None
    actual_end: int | None = None
    download_url_host: str | None = None
    path: str | None = None
    retry_count: int = 0
    last_error: str | None = None
    source: str = "hik_cloud"

    def line(self) -> str:
        """As it is written, in the document's order of keys."""
        fields = asdict(self)
        return json.dumps({key: fields[key] for key in _KEYS}, ensure_ascii=False)


_KEYS: Final = (
    "source", "device_serial", "channel_no", "requested_begin", "requested_end", "actual_begin",
    "actual_end", "download_url_host", "path", "status", "retry_count", "last_error",
)  # fmt: skip


class Manifest:
    """The file. Appended to, a line at a time, each made durable. Blocking."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        self._torn = False

    def downloaded(self) -> dict[Chunk, str]:
        """The paths of the chunks whose last line says `downloaded`. A line that a kill tore is
        passed over."""
        found: dict[Chunk, str | None] = {}
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return {}
        self._torn = bool(data) and not data.endswith(b"\n")
        for number, line in enumerate(data.splitlines(), 1):
            try:
                row = json.loads(line)
                chunk = Chunk(
                    row["device_serial"],
                    row["channel_no"],
                    row["requested_begin"],
                    row["requested_end"],
                )
                found[chunk] = row["path"] if row["status"] == "downloaded" else None
            except (ValueError, KeyError, TypeError):
                if line.strip():
                    _LOG.warning("%s: line %d is torn, passed over", self.path, number)
        return {chunk: path for chunk, path in found.items() if path}

    def append(self, row: Row) -> None:
        """One more line, and on the disk."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab") as file:
            file.write((b"\n" if self._torn else b"") + row.line().encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        self._torn = False
