"""Turns what pydantic found wrong into an error that a person can act on.

It names the key, the nearest known key, and where it was looked for. No value is repeated, as it
may be a secret in the wrong place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from hikcore.config.model import DefaultsSection, Settings
from hikcore.errors import ConfigurationError

#: What every variable that overrides a key begins with, and what stands for a dot.
ENV_PREFIX = "HIKCORE__"


def variable_of(keys: Sequence[str]) -> str:
    """The environment variable that overrides a key."""
    return ENV_PREFIX + "__".join(key.replace("-", "_").upper() for key in keys)


def known_keys(keys: Sequence[str]) -> tuple[str, ...] | None:
    """The keys of the table at that path; None where any id may stand, or no table is."""
    kind: Any = Settings
    for key in keys:
        if get_origin(kind) is dict:
            kind = get_args(kind)[1]
        elif isinstance(kind, type) and issubclass(kind, BaseModel) and key in kind.model_fields:
            kind = kind.model_fields[key].annotation
        else:
            return None
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return tuple(kind.model_fields)
    return None


def unknown_key(keys: Sequence[str]) -> str:
    """`archive.ulr: unknown key (nearest known: archive.url)`."""
    *table, key = keys
    known = known_keys(table) or ()
    near = get_close_matches(key, known, n=1)
    if near:
        meant = ".".join((*table, near[0]))
        return f"{'.'.join(keys)}: unknown key (nearest known: {meant})"
    return f"{'.'.join(keys)}: unknown key (known here: {', '.join(known) or 'none'})"


def explain(
    error: ValidationError,
    document: Mapping[str, Any],
    origins: Mapping[str, str],
    looked: Sequence[str],
    site: str | None = None,
) -> ConfigurationError:
    """One error for all that is wrong.

    Args:
        error: pydantic's.
        document: what was validated, before defaults were laid under devices.
        origins: of each dotted key that was set.
        looked: where settings were looked for, in order.
        site: only what is wrong with that one.
    """
    faults = []
    for item in error.errors(include_url=False, include_input=False, include_context=False):
        keys = [str(part) for part in item["loc"] if part != "[key]"]
        if _is_inherited(keys, document) or (site is not None and keys[1:2] != [site]):
            continue
        faults.append(_fault(keys, item["type"], item["msg"], origins, looked))
    if len(faults) == 1:
        message = faults[0]
    else:
        message = f"{len(faults)} faults" + "".join(f"\n  {fault}" for fault in faults)
    return ConfigurationError(
        message, where="configuration", hint="`hikcore config show --origin` names every source"
    )


def _fault(
    keys: list[str], kind: str, text: str, origins: Mapping[str, str], looked: Sequence[str]
) -> str:
    path = ".".join(keys) or "the whole file"
    if kind == "extra_forbidden":
        return f"{unknown_key(keys)}, in {_origin(path, origins)}"
    if kind == "missing":
        places = ", ".join((*looked, f"environment {variable_of(keys)}"))
        return f"{path}: not set; looked in: {places}"
    return f"{path}: {text}, in {_origin(path, origins)}"


def _origin(path: str, origins: Mapping[str, str]) -> str:
    """Of a key, or of the first key below it."""
    if path in origins:
        return origins[path]
    below = next((key for key in origins if key.startswith(path + ".")), None)
    return "the settings together" if below is None else origins[below]


def _is_inherited(keys: list[str], document: Mapping[str, Any]) -> bool:
    """Whether it is a fault of `[defaults]` or `[sites.SITE.defaults]` seen again in a device that
    inherits it."""
    match keys:
        case ["sites", site, "devices", device, key, *_]:
            own = document["sites"][site]["devices"][device]
            above = [document.get("defaults"), document["sites"][site].get("defaults")]
            return (
                key in DefaultsSection.model_fields
                and any(isinstance(table, dict) and key in table for table in above)
                and not (isinstance(own, dict) and key in own)
            )
    return False
