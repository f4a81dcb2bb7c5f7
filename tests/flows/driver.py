"""Runs the flow in a process of its own and prints its final state as JSON: a worker's place."""

from __future__ import annotations

import json
import sys
from datetime import datetime

from tests.flows.home import extract


def main() -> None:
    """Arguments: site, begin, end."""
    site, begin, end = sys.argv[1:]
    state = extract.extract_site(
        site, datetime.fromisoformat(begin), datetime.fromisoformat(end), return_state=True
    )
    while hasattr(state, "send"):  # an async flow gives a coroutine
        import asyncio

        state = asyncio.run(state)  # type: ignore[arg-type]
    print(json.dumps({"type": state.type.value, "name": state.name, "message": state.message}))


main()
