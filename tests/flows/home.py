"""Where the flows live: `flows` in a source tree, `hikcore.flows` in what a wheel installs."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

HOME = "hikcore.flows" if find_spec("hikcore.flows") else "flows"
extract = import_module(f"{HOME}.extract")
