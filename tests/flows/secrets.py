"""Looks for a text in every place where Prefect could have kept it."""

from __future__ import annotations

import base64
import sqlite3
from collections.abc import Iterator
from pathlib import Path


def spellings(secret: str) -> list[bytes]:
    """The text as it is, and in base64 at each of its three alignments (pickled results)."""
    raw = secret.encode()
    found = [raw]
    for shift in range(3):
        coded = base64.b64encode(b"\0" * shift + raw)
        found.append(coded[4 if shift else 0 : -4])
    return found


def in_database(path: Path, secret: str) -> Iterator[str]:
    """`table.column` of every value of an SQLite database that holds the text."""
    wanted = spellings(secret)
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
        tables = [name for (name,) in database.execute("select name from sqlite_master")]
        for table in tables:
            try:
                cursor = database.execute(f'select * from "{table}"')
            except sqlite3.OperationalError:
                continue  # an index
            names = [column[0] for column in cursor.description]
            for row in cursor:
                for name, value in zip(names, row, strict=True):
                    data = value if isinstance(value, bytes) else str(value).encode()
                    if any(text in data for text in wanted):
                        yield f"{table}.{name}"


def in_files(folder: Path, secret: str) -> list[Path]:
    """Files anywhere under a folder that hold the text."""
    wanted = spellings(secret)
    return [
        path
        for path in folder.rglob("*")
        if path.is_file() and any(text in path.read_bytes() for text in wanted)
    ]
