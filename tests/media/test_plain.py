"""What is plain: files that the short way takes, and those that it leaves to the general reader."""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np
import pytest

from hikcore.errors import MediaDamaged, MediaError
from hikcore.media.mp4.boxes import box
from hikcore.media.mp4.plain import Plain, find_moov, open_plain
from hikcore.media.mp4.read import index_mp4
from hikcore.media.table import SampleTable
from tests.media.mp4_foreign import Bytes, foreign, rebuilt
from tests.media.test_cut import silent

#: moov behind mdat: what changes in it moves no media.
FILE = silent("libx264", 0, "", "90000")
Change = Callable[[str, bytes], bytes | None]


def opened(data: bytes) -> Plain | None:
    return open_plain(find_moov(Bytes(data), len(data)), len(data))


def general(data: bytes) -> SampleTable:
    return index_mp4(Bytes(data), len(data))


def without(kind: str) -> Change:
    """A box of another kind in its place."""

    def change(path: str, body: bytes) -> bytes | None:
        if path.rsplit("/", 1)[-1] != "trak" and f"/{kind}" in _inside(path, body):
            at = body.index(kind.encode())
            return body[:at] + b"free" + body[at + 4 :]
        return None

    return change


def _inside(path: str, body: bytes) -> str:
    """The paths of the boxes right inside of one."""
    if path.rsplit("/", 1)[-1] not in ("moov", "mdia", "minf"):
        return ""
    out, at = "", 0
    while at + 8 <= len(body):
        size, kind = struct.unpack_from(">I4s", body, at)
        out += f"/{kind.decode('latin-1')}"
        at += max(size, 8)
    return out


def within(name: str, new: Callable[[bytes], bytes]) -> Change:
    return lambda path, body: new(body) if path.endswith(name) else None


def _no_sets(body: bytes) -> bytes:
    """An avcC that counts no SPS and no PPS, as of sets in the samples alone (avc3)."""
    at = body.index(b"avcC") + 4
    return body[: at + 5] + b"\xe0\0" + body[at + 7 :]


def _narrow(body: bytes) -> bytes:
    at = body.index(b"avcC") + 4 + 4
    return body[:at] + b"\xfd" + body[at + 1 :]


#: A change, and whether the general reader makes a table of it.
LEFT: dict[str, tuple[Change, bool]] = {
    "no mvhd": (without("mvhd"), True),
    "no hdlr": (without("hdlr"), False),
    "no mdhd": (without("mdhd"), False),
    "no stbl": (without("stbl"), False),
    "half an mdhd": (within("mdhd", lambda b: b[:14]), False),
    "sound": (within("hdlr", lambda b: b.replace(b"vide", b"soun")), False),
    "half an elst": (within("elst", lambda b: b[:12]), True),
    "two edits": (within("elst", lambda b: b[:4] + struct.pack(">I", 2) + b[8:] * 2), True),
    "an edit of half speed": (within("elst", lambda b: b[:-4] + struct.pack(">I", 0x8000)), True),
    "an edit that begins beyond any time": (
        within("elst", lambda _: struct.pack(">IIQqI", 1 << 24, 1, 90_000, 1 << 59, 0x10000)),
        True,
    ),
    "two sample entries": (
        within("stsd", lambda b: b[:4] + struct.pack(">I", 2) + b[8:] * 2), True,
    ),
    "lengths of two bytes": (within("stsd", _narrow), True),
    "no sets in the entry, nor in samples": (within("stsd", _no_sets), False),
    "another codec": (within("stsd", lambda b: b.replace(b"avc1", b"vp09")), False),
    "an entry cut off": (within("stsd", lambda b: b[:60]), False),
    "media in another file": (
        within("dref", lambda b: b[:8] + box(b"url ", bytes(4), b"file:///b.mp4\0")), False,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LEFT)
def test_what_is_odd_is_left_to_the_general_reader(name: str) -> None:
    change, readable = LEFT[name]
    data = rebuilt(FILE, change)
    assert data != FILE
    assert opened(FILE) is not None
    assert opened(data) is None
    try:
        table = general(data)
    except MediaError:
        assert not readable
    else:
        assert readable == (table.video is not None)


def test_media_without_a_dref_is_its_own() -> None:
    data = rebuilt(FILE, without("dinf"))
    assert data != FILE
    plain, whole = opened(data), opened(FILE)
    assert plain is not None
    assert whole is not None
    assert plain.config == whole.config
    assert plain.zero == whole.zero
    one, other = general(data).video, general(FILE).video
    assert one is not None
    assert other is not None
    assert np.array_equal(one.extent_offset, other.extent_offset)


@pytest.mark.parametrize("media_time", [0, 1, 3600, 90_001])
@pytest.mark.parametrize("wide", [False, True])
def test_where_an_edit_begins_is_told_to_the_tick(media_time: int, wide: bool) -> None:
    form = ">IIQqI" if wide else ">IIIiI"
    elst = struct.pack(form, wide << 24, 1, 1000, media_time, 0x10000)
    plain = opened(rebuilt(FILE, within("elst", lambda _: elst)))
    assert plain is not None
    assert plain.zero == media_time


def test_a_moov_is_found_by_the_headers_before_it() -> None:
    at = FILE.index(b"moov") - 4
    assert find_moov(Bytes(FILE), len(FILE)) == FILE[at:]
    some, many = (FILE[:at] + box(b"free") * n + FILE[at:] for n in (100, 1001))
    assert find_moov(Bytes(some), len(some)) == FILE[at:]
    # Of very many boxes only the general reader walks all.
    assert find_moov(Bytes(many), len(many)) == b""
    video, same = general(many).video, general(FILE).video
    assert video is not None
    assert same is not None
    assert np.array_equal(video.extent_offset, same.extent_offset)


@pytest.mark.parametrize(
    "data",
    [b"", FILE[:30], struct.pack(">I4s", 3, b"ftyp") + bytes(40)],
    ids=["nothing", "cut off in the first boxes", "a box of three bytes"],
)
def test_where_no_whole_moov_is_nothing_is_found(data: bytes) -> None:
    assert find_moov(Bytes(data), len(data)) == b""
    with pytest.raises(MediaDamaged):
        general(data)


def test_a_moov_cut_off_in_what_nobody_needs() -> None:
    cut = FILE[:-9]
    assert find_moov(Bytes(cut), len(cut)) == b""
    table, whole = general(cut).video, general(FILE).video
    assert table is not None
    assert whole is not None
    assert np.array_equal(table.pts, whole.pts)


def test_fragments_are_not_plain() -> None:
    assert opened(foreign(sound=None, movflags="frag_keyframe+empty_moov")) is None
    at = FILE.index(b"moov") - 4
    assert open_plain(FILE[at:] + b"more", len(FILE)) is None
    assert open_plain(FILE[at:-1], len(FILE)) is None
