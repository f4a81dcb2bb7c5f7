"""Transfers that go wrong, and what is believed of them."""

from __future__ import annotations

import errno
import hashlib
import os
from dataclasses import replace
from pathlib import Path

import pytest

from hikcore.errors import (
    DeviceAuthError,
    DeviceBusy,
    MediaUnsupported,
    SpoolFull,
    TransferInterrupted,
)
from hikcore.extract.fetch import Fetching
from hikcore.extract.intake import Body, reuse
from hikcore.extract.plan import PlannedChunk, identity
from hikcore.extract.spool import Spool
from hikcore.sources.base import Recording
from tests.extract.conftest import HASTY, JOB, Device, film


async def bring(device: Device, spool: Spool, row: Recording) -> tuple[Body, Fetching]:
    """Fetch a row; the body's part is closed, its finished file stays."""
    chunk = PlannedChunk(identity(JOB.camera, row), row)
    async with spool.room(row.size) as room:
        fetching = Fetching(
            device,
            chunk,
            spool,
            room,
            JOB.owner,
            lambda recording: b"row",
            HASTY,
            lambda: None,
            lambda size: None,
        )
        body = await fetching.run()
        body.part.close()
        return body, fetching


def finished(spool: Spool) -> list[Path]:
    return sorted(spool.folder.glob("*.body"))


async def test_a_whole_body_is_hashed_indexed_and_kept(device: Device, spool: Spool) -> None:
    content = film(0, 60)
    row = device.add(0, 60, content)
    body, fetching = await bring(device, spool, row)
    assert body.sha256 == hashlib.sha256(content).hexdigest()
    assert body.table is not None
    assert body.table.video is not None
    assert len(body.table.video) == 60
    assert (body.settled, body.short, fetching.received) == (True, False, len(content))
    assert [path.read_bytes() for path in finished(spool)] == [content]
    assert list(spool.folder.glob("*.part")) == []


async def test_a_cut_off_transfer_is_tried_again(device: Device, spool: Spool) -> None:
    content = film(0, 60)
    row = device.add(0, 60, content)
    device.plans = [1000, 70_000]
    body, fetching = await bring(device, spool, row)
    assert body.size == len(content)
    assert not body.short
    assert len(device.fetched) == 3
    assert fetching.received == len(content) + 71_000


async def test_cut_off_twice_at_the_same_byte_is_short(device: Device, spool: Spool) -> None:
    row = device.add(0, 60, film(0, 60))
    device.plans = [70_000, 70_000]
    body, _ = await bring(device, spool, row)
    assert (body.size, body.short, body.settled) == (70_000, True, True)
    assert [each.short for each in spool.finished(JOB.owner)] == [True]


async def test_a_transport_that_promises_more_than_is_listed_makes_nothing_short(
    device: Device, spool: Spool
) -> None:
    """All that was listed came, twice: it is the announced length that is wrong."""
    content = film(0, 100)
    row = device.add(0, 100, content + bytes(500), size=len(content))
    device.plans = [len(content)] * 2
    body, _ = await bring(device, spool, row)
    assert (body.size, body.short, body.settled) == (len(content), False, True)
    assert [each.short for each in spool.finished(JOB.owner)] == [False]


async def test_shorter_than_listed_is_believed_when_it_came_twice_alike(
    device: Device, spool: Spool
) -> None:
    content = film(0, 60)
    row = device.add(0, 60, content, size=len(content) + 500)
    body, _ = await bring(device, spool, row)
    assert (body.size, body.short, len(device.fetched)) == (len(content), True, 2)


async def test_a_file_without_a_size_is_measured_by_its_footage(
    device: Device, spool: Spool
) -> None:
    """Old DVRs list none, and a body that ends with its connection may have lost any part."""
    content = film(0, 60)
    row = replace(device.add(0, 60, content), size=None)
    device.plans = [-len(content) // 2]
    body, _ = await bring(device, spool, row)
    assert (body.size, body.short, len(device.fetched)) == (len(content), False, 2)


async def test_half_a_file_without_a_size_is_short_when_it_came_twice_alike(
    device: Device, spool: Spool
) -> None:
    content = film(0, 60)
    row = replace(device.add(0, 60, content), size=None)
    device.plans = [-len(content) // 2] * 2
    body, _ = await bring(device, spool, row)
    assert (body.short, body.settled, len(device.fetched)) == (True, True, 2)


async def test_a_listing_that_reaches_a_little_further_than_its_footage_is_believed(
    device: Device, spool: Spool
) -> None:
    row = replace(device.add(0, 65, film(0, 60)), size=None)
    body, _ = await bring(device, spool, row)
    assert (body.short, body.settled, len(device.fetched)) == (False, True, 1)


async def test_shorter_than_listed_each_time_another_way_is_not_settled(
    device: Device, spool: Spool
) -> None:
    row = device.add(0, 60, film(0, 60))
    device.plans = [-1, -2, -3, -4]
    body, _ = await bring(device, spool, row)
    assert (body.settled, body.short) == (False, False)
    assert finished(spool) == []  # a later run may get more


async def test_one_short_transfer_and_a_whole_one_are_whole(device: Device, spool: Spool) -> None:
    content = film(0, 60)
    row = device.add(0, 60, content)
    device.plans = [-100]
    body, _ = await bring(device, spool, row)
    assert (body.size, body.short, body.settled) == (len(content), False, True)


async def test_cut_off_another_way_each_time_is_an_error(device: Device, spool: Spool) -> None:
    row = device.add(0, 60, film(0, 60))
    device.plans = [1000, 2000, 3000, 4000, 5000]
    with pytest.raises(TransferInterrupted, match="ended after 4000 bytes"):
        await bring(device, spool, row)
    assert list(spool.folder.iterdir()) == []


async def test_nothing_at_all_is_no_body(device: Device, spool: Spool) -> None:
    row = device.add(0, 60, b"", size=5000)
    with pytest.raises(TransferInterrupted, match="sent nothing"):
        await bring(device, spool, row)
    assert list(spool.folder.iterdir()) == []


@pytest.mark.parametrize("error", [DeviceAuthError("refused"), DeviceBusy("no room")])
async def test_what_fails_before_footage_came_is_the_sources_to_try_again(
    device: Device, spool: Spool, error: DeviceAuthError
) -> None:
    row = device.add(0, 60, b"x" * 100)
    device.plans = [error]
    with pytest.raises(type(error)):
        await bring(device, spool, row)
    assert len(device.fetched) == 1


async def test_what_cannot_be_read_is_fetched_whole_with_the_reason(
    device: Device, spool: Spool
) -> None:
    content = bytes(range(256)) * 500
    body, _ = await bring(device, spool, device.add(0, 60, content))
    assert body.table is None
    assert isinstance(body.fault, MediaUnsupported)
    assert finished(spool)[0].read_bytes() == content


async def test_a_body_of_few_bytes_is_sniffed_too(device: Device, spool: Spool) -> None:
    body, _ = await bring(device, spool, device.add(0, 60, b"tiny"))
    assert body.fault is not None
    assert body.size == 4


async def test_a_full_spool_leaves_nothing_behind(device: Device, tmp_path: Path) -> None:
    spool = Spool(tmp_path / "small", 6 << 20)
    content = bytes(3 << 20)
    row = device.add(0, 60, content, size=100)
    with pytest.raises(SpoolFull, match="longer than listed"):
        await bring(device, spool, row)
    assert list(spool.folder.iterdir()) == []


async def test_a_disk_that_is_full_at_the_end_leaves_nothing_behind(
    device: Device, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file system may find room for what was written only as it is to be made durable."""

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    row = device.add(0, 60, film(0, 60))
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SpoolFull, match="the disk is full"):
        await bring(device, spool, row)
    assert list(spool.folder.iterdir()) == []


async def test_a_finished_body_is_indexed_again_and_a_rotten_one_refused(
    device: Device, spool: Spool
) -> None:
    first, _ = await bring(device, spool, device.add(0, 60, film(0, 60)))
    (found,) = spool.finished(JOB.owner)
    with spool.adopt(found) as part:
        again = await reuse(part, found)
    assert again is not None
    assert again.sha256 == first.sha256
    assert again.table is not None
    assert again.table.video is not None
    rotten = bytearray(found.path.read_bytes())
    rotten[len(rotten) // 2] ^= 1
    found.path.write_bytes(rotten)
    with spool.adopt(found) as part:
        assert await reuse(part, found) is None
