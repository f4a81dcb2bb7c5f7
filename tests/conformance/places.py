"""Where the archive of a cell lies: a folder, or a real MinIO behind a fault proxy."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from hikcore.archive.local import LocalStore
from hikcore.archive.store import Store
from hikcore.sim.proxy import FaultProxy
from hikcore.sim.strikes import S3_PHASES
from tests.conformance.bench import SECOND
from tests.kill.objects import raw_objects
from tests.minio_server import MinioServer


class Place:
    """An empty archive.

    Args:
        folder: of a local one.
        minio: the server of one in a bucket.

    Attributes:
        store: as the extraction uses it.
        plain: the same, past the proxy.
        proxy: before MinIO; None before a folder.
        happen: called when a strike that the device takes part in is met at the store.
    """

    store: Store
    plain: Store

    def __init__(self, folder: Path, minio: MinioServer | None) -> None:
        self._folder, self._minio = folder, minio
        self.proxy: FaultProxy | None = None
        self.happen: Callable[[], None] = lambda: None

    async def __aenter__(self) -> Self:
        if self._minio is None:
            self.store = self.plain = LocalStore(self._folder / "archive")
            return self

        async def doze(seconds: float) -> None:
            await asyncio.sleep(seconds * SECOND)

        hooks = {"clock_step": lambda strike: self.happen()}
        self.proxy = FaultProxy(self._minio.endpoint, phases=S3_PHASES, hooks=hooks, sleep=doze)
        await self.proxy.__aenter__()
        url = await asyncio.to_thread(self._minio.new_bucket)
        self.plain = self._minio.open(url)
        through = MinioServer(self.proxy.endpoint, self._minio.access_key, self._minio.secret_key)
        self.store = through.open(url.replace(self._minio.endpoint, self.proxy.endpoint))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.proxy is not None:
            await self.proxy.__aexit__(None, None, None)

    def objects(self) -> dict[str, bytes]:
        """Everything in it, by key, past the proxy. Blocking."""
        return raw_objects(self.plain.url, self._minio.environ if self._minio else {})
