"""One file for one segment after the other, but for those that a store took."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hikcore.archive.local import LocalStore
from hikcore.extract.camera import extract_camera
from hikcore.extract.parts import Scratch
from hikcore.extract.spool import Spool
from hikcore.instants import NS, Span
from tests.extract.conftest import BEGIN, HASTY, JOB, Device, film
from tests.kill.objects import raw_objects

PREFIX = "home.door.main.x.segment"


class Copying(LocalStore):
    """A store that takes no file for its own, as every one that is not on this disk."""

    inodes: set[int]

    def put_file(
        self, key: str, path: Path, *, content_type: str, metadata: Mapping[str, str],
        given: bool = False,
    ) -> None:  # fmt: skip
        self.inodes.add(path.stat().st_ino)
        super().put_file(key, path, content_type=content_type, metadata=metadata)


async def test_the_archive_is_the_same_whether_a_store_takes_files_or_copies_them(
    tmp_path: Path, device: Device
) -> None:
    """Segments of 600, 600 and 90 s: the last one is shorter than what its file held before."""
    device.add(0, 1290, film(0, 1290))
    taking, copying = LocalStore(tmp_path / "taking"), Copying(tmp_path / "copying")
    copying.inodes = set()
    for store in (taking, copying):
        report = await extract_camera(
            JOB, Span(BEGIN, BEGIN + 1300 * NS), source=device, store=store,
            spool=Spool(tmp_path / "spool", 200_000_000), patience=HASTY,
        )  # fmt: skip
        assert not report.errors
        assert list((tmp_path / "spool").iterdir()) == []
    taken, copied = raw_objects(taking.url, {}), raw_objects(copying.url, {})
    assert [key.rsplit(".", 1)[1] for key in taken].count("mp4") == 3
    assert taken == copied
    assert len(copying.inodes) == 1


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(files=st.lists(st.tuples(st.binary(max_size=70_000), st.booleans()), max_size=6))
def test_each_file_is_what_was_written_last_and_what_was_taken_stays(
    tmp_path_factory: pytest.TempPathFactory, files: list[tuple[bytes, bool]]
) -> None:
    path = tmp_path_factory.mktemp("scratch")
    taken: dict[Path, bytes] = {}
    spool = Spool(path / "spool", 1 << 30)
    with Scratch(lambda: spool.part(PREFIX)) as scratch:
        for number, (content, take) in enumerate(files):
            part = scratch.next()
            part.write(content)
            part.cut()
            assert part.path.read_bytes() == content
            assert part.size == len(content)
            if take:
                os.link(part.path, path / str(number))
                taken[path / str(number)] = content
            assert len(list((path / "spool").iterdir())) == 1
    for other, content in taken.items():
        assert other.read_bytes() == content
    assert not files or list((path / "spool").iterdir()) == []
