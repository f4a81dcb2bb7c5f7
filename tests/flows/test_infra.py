"""What infra/ says is what the programs take: settings that exist, one version of MinIO, files that
are named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from prefect.settings import Settings

INFRA = Path(__file__).parents[2] / "infra"


def names(model: type, known: set[str]) -> set[str]:
    """The environment variables of all of Prefect's settings."""
    for name, field in model.model_fields.items():  # type: ignore[attr-defined]
        inner = field.annotation
        alias = getattr(field.validation_alias, "choices", None) or []
        known |= {str(each).upper() for each in alias if isinstance(each, str)}
        if isinstance(inner, type) and hasattr(inner, "model_fields"):
            names(inner, known)
            prefix = getattr(inner, "model_config", {}).get("env_prefix", "")
            known |= {f"{prefix}{each}".upper() for each in inner.model_fields}
        del name
    return known


def test_every_setting_of_the_server_is_one_that_prefect_knows() -> None:
    known = names(Settings, set())
    text = (INFRA / "prefect/server.env").read_text()
    given = re.findall(r"^(?:# )?(PREFECT_[A-Z_]+)=", text, re.MULTILINE)
    assert len(given) >= 7
    assert [each for each in given if each not in known] == []


@pytest.mark.parametrize("path", ["prefect/prefect.yaml", "compose.yaml"])
def test_the_files_can_be_read(path: str) -> None:
    assert yaml.safe_load((INFRA / path).read_text())


def test_images_and_files_that_are_named_are_there() -> None:
    compose = yaml.safe_load((INFRA / "compose.yaml").read_text())
    for name, service in compose["services"].items():
        if "build" in service:
            folder = INFRA / service["build"]["context"]
            assert (folder / service["build"]["dockerfile"]).is_file(), name
    for file in INFRA.rglob("*.md"):
        for link in re.findall(r"\]\(([^)#]+)\)", file.read_text()):
            assert (file.parent / link).exists(), f"{file}: {link}"


def test_one_version_of_minio() -> None:
    found = set()
    for path in ("minio/minio.sh", "images/minio.Dockerfile"):
        found |= set(re.findall(r"v0\.0\.0-\d{14}-[0-9a-f]{12}", (INFRA / path).read_text()))
    assert len(found) == 1
