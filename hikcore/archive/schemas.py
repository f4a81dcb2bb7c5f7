"""JSON Schemas of all documents, made from the models: `python -m hikcore.archive.schemas FOLDER`.

docs/schemas holds the result; a test says when it is out of date.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from hikcore.archive.clip_document import ClipDocument
from hikcore.archive.document import Document
from hikcore.archive.documents import ClockProfile, Hold, Manifest, Site, Tombstone
from hikcore.archive.events import Event
from hikcore.archive.said import Answers

#: The documents that stand alone; the others are parts of them.
KINDS: tuple[type[Document], ...] = (
    Manifest,
    Answers,
    ClockProfile,
    Tombstone,
    Hold,
    Site,
    ClipDocument,
    Event,
)


def schemas() -> dict[str, dict[str, Any]]:
    """JSON Schema (2020-12) by file name: `manifest-1.json` is that of `hikcore/manifest/1`."""
    return dict(_schema(kind) for kind in KINDS)


def write(folder: Path) -> None:
    """Write them all."""
    for name, schema in schemas().items():
        text = json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
        (folder / name).write_text(text, encoding="utf-8")


def _schema(kind: type[Document]) -> tuple[str, dict[str, Any]]:
    schema = kind.model_json_schema(by_alias=True, mode="validation")
    identity = schema["properties"]["schema"]["const"]
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    # It has a default, so that code need not say it; a document always does.
    schema["required"] = ["schema", *schema.get("required", [])]
    return identity.removeprefix("hikcore/").replace("/", "-") + ".json", schema


if __name__ == "__main__":
    write(Path(sys.argv[1]))
