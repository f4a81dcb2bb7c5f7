"""Sites of `sites.d` that cannot be used, and are set aside so that the others can.

One slip of the pen in one file of two hundred would else stop every run of every site.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from hikcore.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Aside:
    """What was set aside.

    Attributes:
        file: of `sites.d`.
        sites: those that it has, or by its name should have: `hikcore init` names a file like its
            site, and of a file that is no TOML nothing else is known.
        error: what is wrong with it: names the file and, where it can be told, the line.
    """

    file: Path
    sites: tuple[str, ...]
    error: ConfigurationError


def claimed(file: Path, document: Mapping[str, object]) -> tuple[str, ...]:
    """The sites of a file: those that it tells, else the one that it is named like."""
    sites = document.get("sites")
    return tuple(sites) if isinstance(sites, dict) and sites else (file.stem,)


def faulty_sites(
    error: ValidationError, origins: Mapping[str, str], main: Path | None
) -> dict[str, Path]:
    """The file of each faulty site; nothing where not all faults lie in sites of `sites.d`.

    What the environment or the command line says of a site was meant for this very run: a fault
    there is nobody else's.
    """
    found: dict[str, Path] = {}
    for item in error.errors(include_url=False, include_input=False, include_context=False):
        if item["loc"][:1] != ("sites",) or len(item["loc"]) < 2:
            return {}
        site = str(item["loc"][1])
        said = {
            origin
            for key, origin in origins.items()
            if key == f"sites.{site}" or key.startswith(f"sites.{site}.")
        }
        files = {Path(each.removeprefix("file ")) for each in said if each.startswith("file ")}
        if len(said) != 1 or len(files) != 1 or main in files:
            return {}
        found[site] = files.pop()
    return found
