"""What all calls share: the session, and documents as models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from hikcore.sources.everfocus.session import Session
from hikcore.sources.everfocus.values import Reply, one, rows

M = TypeVar("M", bound=Reply)


class Calls:
    """Calls at one recorder.

    Args:
        session: of the recorder; it is not closed here.
    """

    def __init__(self, session: Session) -> None:
        self.session = session

    def _where(self, path: str) -> str:
        return f"{self.session.where} {path}"

    async def _one(self, model: type[M], path: str, params: Mapping[str, Any] | None = None) -> M:
        return one(model, await self.session.get(path, params), self._where(path))

    async def _rows(
        self, model: type[M], path: str, params: Mapping[str, Any] | None = None
    ) -> tuple[M, ...]:
        return rows(model, await self.session.get(path, params), self._where(path))

    async def _posted(
        self, model: type[M], path: str, body: Any, params: Mapping[str, Any] | None = None
    ) -> tuple[M, ...]:
        return rows(model, await self.session.post(path, body, params), self._where(path))
