"""docs/schemas says what the documents are, and real documents are what it says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pydantic import ValidationError

from hikcore.archive.answers import record
from hikcore.archive.document import Document
from hikcore.archive.documents import ClockProfile, Hold, Manifest, Site, Tombstone
from hikcore.archive.local import LocalStore
from hikcore.archive.said import Answers
from hikcore.archive.schemas import KINDS, schemas
from hikcore.archive.sites import publish_site
from tests.archive import build
from tests.archive.build import CAMERA, SITE, STREAM, at, question, row

FOLDER = Path(__file__).parents[2] / "docs" / "schemas"


def schema(name: str) -> dict[str, Any]:
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def test_the_files_are_up_to_date() -> None:
    found = {path.name: schema(path.name) for path in FOLDER.glob("*.json")}
    assert found == schemas(), "run: python -m hikcore.archive.schemas docs/schemas"


def test_every_document_has_one() -> None:
    whole = {kind for kind in _all(Document) if "schema_" in kind.model_fields}
    assert whole == set(KINDS)


def _all(kind: type[Document]) -> list[type[Document]]:
    return [k for child in kind.__subclasses__() for k in (child, *_all(child))]


EXAMPLES: list[Document] = [
    build.held(0, 600, segments=2, notes=("short: listed 9, received 8",)),
    build.damaged(row(0, 600)),
    Answers(questions=(question(0, 60),), rows=(row(0, 60, size=None, growing=True), row(1, 2))),
    ClockProfile(site=SITE, device="nvr1", listing="local", offset=18_000, source="measured"),
    Tombstone(
        site=SITE, camera=CAMERA, stream=STREAM, begin=at(0), end=at(1), rule="r", objects=("v1/x",)
    ),
    Hold(site=SITE, camera=CAMERA, stream=STREAM, begin=at(0), end=at(1), reason="case 12"),
    Site(site=SITE),
]


@pytest.mark.parametrize("document", EXAMPLES, ids=lambda d: type(d).__name__)
def test_documents_keep_to_their_schema(document: Document) -> None:
    value = json.loads(document.to_bytes())
    name = value["schema"].removeprefix("hikcore/").replace("/", "-") + ".json"
    checker = jsonschema.Draft202012Validator(schema(name))
    checker.validate(value)
    assert type(document).model_validate_json(document.to_bytes()) == document
    for field in schema(name)["required"]:
        with pytest.raises(jsonschema.ValidationError):
            checker.validate({k: v for k, v in value.items() if k != field})
    with pytest.raises(jsonschema.ValidationError):
        checker.validate({**value, "schema": "hikcore/other/1"})


def test_what_lies_in_a_store_keeps_to_its_schema(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    build.put(store, build.held(0, 600))
    record(store, SITE, CAMERA, STREAM, [question(0, 3600)], [row(0, 600)])
    publish_site(store, Site(site=SITE, zone="UTC"))
    found = []
    for path in sorted(tmp_path.rglob("*.json")):
        value = json.loads(path.read_bytes())
        name = value["schema"].removeprefix("hikcore/").replace("/", "-") + ".json"
        jsonschema.Draft202012Validator(schema(name)).validate(value)
        found.append(value["schema"])
    assert sorted(found) == ["hikcore/answers/1", "hikcore/manifest/1", "hikcore/site/1"]


def test_canonical_bytes_do_not_depend_on_the_order_of_fields() -> None:
    document = build.held(0, 600)
    value = json.loads(document.to_bytes())
    backwards = json.dumps(dict(reversed(list(value.items()))))
    assert Manifest.model_validate_json(backwards).to_bytes() == document.to_bytes()


@pytest.mark.parametrize("value", [None, {}, [], True, 1.5, "yesterday"])
def test_an_instant_that_is_none_is_a_fault_of_the_document(value: object) -> None:
    with pytest.raises(ValidationError):
        Answers.model_validate(
            {"questions": [{"begin": value, "end": 5, "asked": 7, "complete": True}]}
        )
