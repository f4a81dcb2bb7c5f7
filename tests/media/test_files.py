"""Files as sources of bytes, where the kernel gives less than it was asked for."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from hikcore.errors import MediaDamaged
from hikcore.media.files import FileSource
from hikcore.media.samples import BLOCK, SampleReader, read_samples
from hikcore.media.table import Samples

DATA = bytes(range(256)) * 40


@pytest.fixture
def source(tmp_path: Path) -> Iterator[FileSource]:
    (tmp_path / "a").write_bytes(DATA)
    with FileSource(tmp_path / "a") as opened:
        yield opened


def short(true: Callable[..., object], most: int) -> Callable[..., object]:
    """`os.pread` or `os.preadv` that give so many bytes at most, as a signal lets them."""

    def read(descriptor: int, what: object, offset: int) -> object:
        if isinstance(what, int):
            return true(descriptor, min(what, most), offset)
        assert isinstance(what, list)
        return true(descriptor, [memoryview(what[0])[:most]], offset)

    return read


@pytest.mark.parametrize("most", [1, 1000, 1 << 20])
def test_reads_go_on_where_one_ends_early(
    source: FileSource, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(os, "pread", short(os.pread, most))
    monkeypatch.setattr(os, "preadv", short(os.preadv, most))
    assert source.read_at(100, 5000) == DATA[100:5100]
    into = bytearray(5000)
    source.read_into(100, memoryview(into))
    assert bytes(into) == DATA[100:5100]


def test_the_end_of_the_file_is_told(source: FileSource) -> None:
    with pytest.raises(MediaDamaged, match="60 bytes early"):
        source.read_at(len(DATA) - 40, 100)
    with pytest.raises(MediaDamaged, match="60 bytes early"):
        source.read_into(len(DATA) - 40, memoryview(bytearray(100)))
    assert source.size == len(DATA)


@pytest.mark.parametrize("refused", [0, errno.EINVAL, errno.ENOSYS])
@pytest.mark.parametrize("after", [0, 1, 3])
def test_sending_goes_on_by_hand_where_the_kernel_stops(
    source: FileSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: int, after: int
) -> None:
    """It may send some of it, say that there is nothing more, or that it cannot."""
    calls = 0

    def send(out: int, descriptor: int, offset: int, size: int) -> int:
        nonlocal calls
        calls += 1
        if calls <= after:
            return os.write(out, os.pread(descriptor, min(size, 700), offset))
        if refused:
            raise OSError(refused, os.strerror(refused))
        return 0

    monkeypatch.setattr(os, "sendfile", send)
    with (tmp_path / "out").open("wb") as out:
        source.send(9, 6000, out.fileno())
    assert (tmp_path / "out").read_bytes() == DATA[9:6009]
    with pytest.raises(MediaDamaged), (tmp_path / "more").open("wb") as out:
        source.send(9, len(DATA), out.fileno())


def test_other_errors_of_sending_are_errors(
    source: FileSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: int) -> int:
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr(os, "sendfile", full)
    with pytest.raises(OSError, match="no space"), (tmp_path / "out").open("wb") as out:
        source.send(0, 100, out.fileno())


@pytest.mark.parametrize("framing", ["raw", "length"])
def test_a_sample_in_pieces_far_apart_is_read_piece_by_piece(tmp_path: Path, framing: str) -> None:
    """Nobody reads two megabytes for thirty bytes."""
    data = bytearray(4 * BLOCK)
    places = [(3 * BLOCK, 10), (7, 10), (BLOCK, 10)]
    nal = b"\0\0\0\x1a" + bytes(range(26))
    for number, (at, size) in enumerate(places):
        data[at : at + size] = nal[number * 10 : number * 10 + 10]
    (tmp_path / "a").write_bytes(data)
    samples = Samples(
        timescale=90_000,
        dts=np.zeros(1, np.int64),
        pts=np.zeros(1, np.int64),
        size=np.array([30], np.uint32),
        sync=np.ones(1, np.bool_),
        config=np.zeros(1, np.uint16),
        first=np.array([0, 3], np.int64),
        extent_offset=np.array([at for at, _ in places], np.uint64),
        extent_size=np.array([size for _, size in places], np.uint32),
        framing="raw" if framing == "raw" else "length",
        configs=(),
        last_duration=1,
    )
    with FileSource(tmp_path / "a") as source:
        assert read_samples(source, samples, 0, 1) == nal
        reader = SampleReader(source)
        assert bytes(reader.read(samples, 0, 1)) == nal
        assert len(reader.read(samples, 0, 0)) == 0
        assert len(reader._block) < BLOCK
