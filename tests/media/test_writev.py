"""Media written from where it was read, to what takes it in parts, or does not take it."""

from __future__ import annotations

import errno
import fcntl
import functools
import os
import resource
import signal
import struct
import termios
import threading
from pathlib import Path

import pytest

from hikcore.native.onepass import WrittenPs
from tests.fuzz.targets.remux import check
from tests.media.ps_bodies import PLAIN, muxed, pack, picture, video

#: A NAL unit that is no part of a picture (filler), and too long to be copied before it is written.
FILLER = b"\0\0\1\x0c" + b"\xff" * 60_000
#: A delimiter: the access unit that it begins has no picture where the body ends with it.
NO_PICTURE = b"\0\0\1\x09\x10"


@functools.cache
def long_units() -> bytes:
    """Pictures with long NAL units between them: few pieces of memory, more than a pipe holds."""
    made = muxed(PLAIN, audio=None, seconds=1.5)
    parts = [pack()]
    for number in range(len(made.pictures)):
        parts += [picture(made, number), video(FILLER)]
    return b"".join(parts)


def written(body: bytes, out: int, block: int = 1 << 24) -> WrittenPs:
    """A parser that has read a body in blocks of this size and written it to a descriptor."""
    core = WrittenPs(out=out, base=0)
    for at in range(0, len(body), block):
        core.feed(body[at : at + block])
    core.finish()
    return core


def media(body: bytes, folder: Path) -> bytes:
    """What a file takes without trouble."""
    with (folder / "whole").open("wb") as out:
        core = written(body, out.fileno())
    assert core.error == 0
    assert not core.odd
    data = (folder / "whole").read_bytes()
    # What was taken back (an access unit without a picture) is cut off with the tables.
    return data[: core.media]


def small_units(filler: list[bytes]) -> tuple[bytes, list[bytes]]:
    """A body with the NAL units of these packets behind its first picture, and the units."""
    made = muxed(PLAIN, audio=None, seconds=0.4)
    rest = (picture(made, number) for number in range(1, len(made.pictures)))
    body = [pack(), picture(made, 0), *map(video, filler), *rest]
    joined = b"".join(filler).removeprefix(b"\0\0\1")
    return b"".join(body), joined.split(b"\0\0\1")


#: Packets of NAL units behind each picture. Of what is copied, and of pieces, there is room for
#: fewer than come at once.
PACKETS = {
    "copied": [b"\0\0\1\x0c" + bytes([n % 250 + 1]) * (n % 500 + 9) for n in range(300)],
    "copied, of 3 bytes": [b"\0\0\1\x0c\xff\x80" * 6_000] * 2,
    "not copied": [b"\0\0\1\x0c" + bytes([n % 250 + 1]) * 600 for n in range(200)],
    "in two packets": [
        part
        for n in range(200)
        for part in (b"\0\0\1\x0c" + bytes([n + 1]) * 600, bytes([n + 1]) * 700)
    ],
    "zeros at the end of a packet": [
        part for n in range(90) for part in (b"\0\0\1\x0c\xff" + bytes(2), b"\3" + b"\xee" * n)
    ],
    "many zeros": [b"\0\0\1\x0c\xff" + bytes(1500), b"\xee" * 20],
}


@pytest.mark.parametrize("name", PACKETS)
def test_more_pieces_than_one_call_takes(name: str, tmp_path: Path) -> None:
    """Whatever is flushed between two of them, the media are the same, and as read twice."""
    body, units = small_units(PACKETS[name])
    whole = media(body, tmp_path)
    at = whole.index(b"".join(len(u).to_bytes(4, "big") + u for u in units))
    assert 0 < at < len(whole)
    for block in (1 << 24, 65_536, 700):
        with (tmp_path / "again").open("wb") as out:
            core = written(body, out.fileno(), block)
        assert (core.error, core.odd) == (0, False)
        assert (tmp_path / "again").read_bytes()[: core.media] == whole
    assert check(body, 1 << 24)


def waiting(descriptor: int) -> int:
    """Bytes in a pipe."""
    held = fcntl.ioctl(descriptor, termios.FIONREAD, bytes(4))
    return int(struct.unpack("i", held)[0])


def test_a_write_that_signals_interrupt_is_taken_up_again(tmp_path: Path) -> None:
    """A pipe that is full takes a part, then nothing: neither loses a byte or comes twice."""
    with (tmp_path / "a").open("wb") as file:
        # Not to the end: the length of the last NAL unit would be filled in then.
        WrittenPs(out=file.fileno(), base=0).feed(long_units())
    expected = (tmp_path / "a").read_bytes()
    source, out = os.pipe()
    room = fcntl.fcntl(out, fcntl.F_GETPIPE_SZ)
    assert len(expected) > 2 * room
    got = bytearray()
    main = threading.main_thread().ident
    assert main is not None
    pause = threading.Event()

    def read() -> None:
        while waiting(source) < room:
            pause.wait(0.002)
        for _ in range(20):
            signal.pthread_kill(main, signal.SIGUSR1)
            pause.wait(0.005)
        while data := os.read(source, 10_000):
            got.extend(data)

    before = signal.signal(signal.SIGUSR1, lambda *_: None)
    reader = threading.Thread(target=read)
    reader.start()
    try:
        core = WrittenPs(out=out, base=0)
        core.feed(long_units())
    finally:
        os.close(out)
        reader.join()
        os.close(source)
        signal.signal(signal.SIGUSR1, before)
    assert core.error == 0
    assert bytes(got) == expected


def test_a_pipe_that_is_full_is_an_error_and_nothing_comes_behind_it(tmp_path: Path) -> None:
    expected = media(long_units(), tmp_path)
    source, out = os.pipe()
    os.set_blocking(out, False)
    try:
        core = WrittenPs(out=out, base=0)
        core.feed(long_units())
        assert core.error == errno.EAGAIN
        held = os.read(source, len(expected))
        assert 0 < len(held) < len(expected)
        assert held == expected[: len(held)]
        # There is room again; what would come now would be at a wrong place.
        core.feed(long_units())
        core.finish()
        assert core.error == errno.EAGAIN
        assert waiting(source) == 0
    finally:
        os.close(source)
        os.close(out)


@pytest.mark.parametrize("block", [1 << 24, 70_000, 1000])
@pytest.mark.parametrize("most", [0, 3, 5, 61_000, 100_001, 500_000])
def test_a_file_that_may_not_grow_holds_what_came_before(
    most: int, block: int, tmp_path: Path
) -> None:
    """The kernel takes a part of the pieces, up to the limit, and refuses the rest."""
    expected = media(long_units(), tmp_path)
    path = tmp_path / "limited"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with path.open("wb") as out:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
        try:
            core = written(long_units(), out.fileno(), block)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert core.error == errno.EFBIG
    data = path.read_bytes()
    assert len(data) == most
    # The length of a NAL unit that is not whole may not be known.
    same = next((n for n in range(most) if data[n] != expected[n]), most)
    assert most - same <= len(FILLER)
    if same < most:
        at = 0
        while at + 4 + int.from_bytes(expected[at : at + 4], "big") <= most:
            at += 4 + int.from_bytes(expected[at : at + 4], "big")
        assert at <= same < at + 4
        assert data[at + 4 :] == expected[at + 4 : most]


@pytest.mark.parametrize("block", [100_000, 1000])
def test_a_length_that_cannot_be_filled_in_later_is_an_error(block: int, tmp_path: Path) -> None:
    """A pipe: the NAL unit was longer than what was read at once."""
    expected = media(long_units(), tmp_path)
    source, out = os.pipe()
    fcntl.fcntl(out, fcntl.F_SETPIPE_SZ, 1 << 20)
    try:
        core = WrittenPs(out=out, base=0)
        core.feed(long_units()[:block])
        assert core.error == 0 or block == 1000
        core.feed(long_units()[block : 3 * block + 70_000])
        assert core.error == errno.ESPIPE
        held = os.read(source, 1 << 20)
        assert len(held) < len(expected)
        core.feed(long_units()[3 * block + 70_000 :])
        assert waiting(source) == 0
    finally:
        os.close(source)
        os.close(out)


def test_what_cannot_be_taken_back_is_an_error(tmp_path: Path) -> None:
    """The access unit that a body ends in had no picture: a file is gone back in, a pipe is not."""
    body = muxed(PLAIN, audio=None, seconds=0.4).body
    ended = body + video(NO_PICTURE)
    expected = media(body, tmp_path)
    assert media(ended, tmp_path) == expected
    source, out = os.pipe()
    try:
        core = WrittenPs(out=out, base=0)
        core.feed(ended)
        assert core.error == 0
        core.finish()
        assert core.error == errno.ESPIPE
        # All before it was written, its lengths too.
        assert os.read(source, 1 << 20)[: len(expected)] == expected
    finally:
        os.close(source)
        os.close(out)


def test_a_descriptor_that_is_closed_or_only_read_is_an_error(tmp_path: Path) -> None:
    body = muxed(PLAIN, audio=None, seconds=1.5).body
    (tmp_path / "a").write_bytes(b"kept")
    with (tmp_path / "a").open("rb") as file:
        core = written(body, file.fileno())
        assert core.error == errno.EBADF
    assert (tmp_path / "a").read_bytes() == b"kept"
