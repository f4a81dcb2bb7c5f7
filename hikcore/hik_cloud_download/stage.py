"""The work: chunk by chunk an address, a download, a line in the manifest."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx

from hikcore.errors import DeviceAuthError, DeviceError, HikcoreError
from hikcore.hik_cloud_download.config import Stage
from hikcore.hik_cloud_download.manifest import Chunk, Manifest, Row, Status
from hikcore.instants import NS
from hikcore.sources.hik_cloud.body import NotFootage, UnsupportedContainer, kind_of
from hikcore.sources.hik_cloud.body import check as check_footage
from hikcore.sources.hik_cloud.client import CloudClient, token_provider
from hikcore.sources.hik_cloud.media import MediaClient
from hikcore.sources.hik_cloud.verdict import Address, NothingRecorded, clean

#: Seconds before the second try; doubled each time, to a minute at most.
FIRST_WAIT: Final = 2.0
_LONGEST_WAIT: Final = 60.0


@dataclass(slots=True)
class Summary:
    """What was done.

    Attributes:
        counts: rows by status.
        skipped: chunks that were there already.
        account: why nothing more of the account can succeed, "" while it can.
        insecure: whether footage came without TLS.
        stopped: whether it was asked to end early.
    """

    counts: Counter[str] = field(default_factory=Counter)
    skipped: int = 0
    account: str = ""
    insecure: bool = False
    stopped: bool = False

    @property
    def failed(self) -> int:
        """Rows that failed."""
        return self.counts["address_failed"] + self.counts["download_failed"]


def chunks_of(stage: Stage, now: int) -> Iterator[Chunk]:
    """Every device over every range, in pieces no longer than a chunk, in the file's order.

    Args:
        now: Unix seconds; nothing younger than `settle` is asked for, where that is not 0.
    """
    for device in stage.devices:
        for begin, end in stage.ranges:
            last = min(end, now - stage.settle) if stage.settle else end
            for at in range(begin, last, stage.chunk):
                until = min(at + stage.chunk, last)
                yield Chunk(device.device_serial, device.channel_no, at, until)


class Downloads:
    """Runs a stage.

    Args:
        stage: what to do.
        told: called with every row that is written.
        now: our clock, ns UTC.
        pause: waits between tries.
    """

    def __init__(
        self,
        stage: Stage,
        *,
        told: Callable[[Row], None],
        now: Callable[[], int],
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._stage, self._told, self._now, self._pause = stage, told, now, pause
        self._manifest = Manifest(stage.output)
        tokens = token_provider(
            stage.settings,
            access_token=stage.access_token,
            client_id=stage.client_id,
            client_secret=stage.client_secret,
            name="hik_cloud",
        )
        self._client = CloudClient(tokens, stage.settings, name="hik_cloud", now=now)
        self._media = MediaClient(stage.settings)
        self._summary = Summary()

    async def run(self, *, dry_run: bool, stop: asyncio.Event | None = None) -> Summary:
        """All chunks; an error of one does not stop the others.

        Args:
            dry_run: ask for addresses and write the manifest, and nothing else.
            stop: once set, the chunk at hand is finished and no other begun.
        """
        known = await asyncio.to_thread(self._manifest.downloaded)
        try:
            for chunk in chunks_of(self._stage, self._now() // NS):
                if stop is not None and stop.is_set():
                    self._summary.stopped = True
                    break
                path = known.get(chunk)
                if path is not None and await asyncio.to_thread(_is_there, path):
                    # Also in a dry run: its line would stand above the one that says downloaded.
                    self._summary.skipped += 1
                    continue
                row = await self._chunk(chunk, dry_run)
                await asyncio.to_thread(self._manifest.append, row)
                self._summary.counts[row.status] += 1
                self._told(row)
        finally:
            await self._client.aclose()
            await self._media.aclose()
        return self._summary

    async def _chunk(self, chunk: Chunk, dry_run: bool) -> Row:
        """One chunk in as many tries as help."""
        work = _Work(chunk)
        if self._summary.account:
            # With the token refused, every request would be refused like the first.
            return work.row("address_failed", self._summary.account)
        wait = FIRST_WAIT
        while True:
            try:
                return await self._once(work, dry_run)
            except NothingRecorded as error:
                return work.row("no_recording", error.message)
            except DeviceAuthError as error:
                self._summary.account = _said(error, where=error.where)
                return work.row("address_failed", self._summary.account)
            except (HikcoreError, OSError) as error:
                again = isinstance(error, DeviceError) and error.retryable
                if not again or work.retries + 1 >= self._stage.attempts:
                    return work.row(work.failed, _said(error))
            work.retries += 1
            await self._pause(wait)
            wait = min(wait * 2, _LONGEST_WAIT)

    async def _once(self, work: _Work, dry_run: bool) -> Row:
        work.address = None
        address = await self._client.address(*work.chunk)
        work.address = address
        host = httpx.URL(address.url)
        if dry_run:
            return work.row("address_ok")
        self._summary.insecure |= host.scheme == "http"
        return await self._download(work, address)

    async def _download(self, work: _Work, address: Address) -> Row:
        chunk = work.chunk
        where = f"{chunk.device_serial} channel {chunk.channel_no}, {chunk.begin} to {chunk.end}"
        name = f"ch{chunk.channel_no}"
        folder = self._stage.output / "downloads" / "hik_cloud" / chunk.device_serial / name
        await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
        target, part = folder / f"{chunk.stem}.mp4", folder / f"{chunk.stem}.mp4.part"
        note = ""

        def look(first: bytes, place: str) -> None:
            nonlocal note
            note = _look(first, place)

        try:
            with await asyncio.to_thread(part.open, "wb") as file:

                async def write(block: bytes) -> None:
                    await asyncio.to_thread(file.write, block)

                await self._media.fetch(address.url, write, where, look=look)
                await asyncio.to_thread(_durable, file.fileno(), file.flush)
            await asyncio.to_thread(part.replace, target)
        except BaseException:
            with suppress(OSError):
                part.unlink()
            raise
        return work.row("downloaded", note, str(target))


@dataclass(slots=True)
class _Work:
    """One chunk on its way to a row."""

    chunk: Chunk
    address: Address | None = None
    retries: int = 0

    @property
    def failed(self) -> Status:
        return "address_failed" if self.address is None else "download_failed"

    def row(self, status: Status, error: str = "", path: str | None = None) -> Row:
        """What to write of it."""
        chunk, address = self.chunk, self.address
        return Row(
            device_serial=chunk.device_serial,
            channel_no=chunk.channel_no,
            requested_begin=chunk.begin,
            requested_end=chunk.end,
            status=status,
            actual_begin=address.begin if address else None,
            actual_end=address.end if address else None,
            download_url_host=httpx.URL(address.url).host if address else None,
            path=path,
            retry_count=self.retries,
            last_error=error or None,
        )


def _look(first: bytes, where: str) -> str:
    """What is wrong with a body that is kept all the same; "" where nothing is.

    Raises:
        NotFootage: an error document, or nothing. UnsupportedContainer: a playlist.
    """
    try:
        check_footage(first, where)
    except (NotFootage, UnsupportedContainer) as error:
        if kind_of(first) not in ("ts", "unknown"):
            raise
        return f"kept as it came: {error.message}"
    return ""


def _said(error: Exception, *, where: str = "") -> str:
    if isinstance(error, HikcoreError):
        # Hints are ours: what looks like a token in them ("check access_token, or ...") is none.
        text = clean(f"{where}: {error.message}" if where else error.message)
        return f"{text} ({error.hint})" if error.hint else text
    return type(error).__name__ + (f": {error.strerror}" if isinstance(error, OSError) else "")


def _is_there(path: str) -> bool:
    return Path(path).is_file()


def _durable(number: int, flush: Callable[[], None]) -> None:
    flush()
    os.fsync(number)
