"""A span of a fragmented file whatever its index says: what the fragments hold is found."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest

from hikcore.errors import MediaDamaged
from hikcore.media.mp4.boxes import box, full_box
from hikcore.media.mp4.fragment import write_fragmented
from hikcore.media.mp4.locate import index_span
from hikcore.media.mp4.read import index_mp4
from hikcore.media.mp4.write import OutTrack
from hikcore.media.table import Samples
from tests.media.mp4_footage import columns, footage
from tests.media.mp4_foreign import Bytes, foreign, payload, rebuilt
from tests.media.test_fragmented import _long, fragmented


def span(data: bytes, begin: Fraction | int, end: Fraction | int) -> Samples:
    table = index_span(Bytes(data), len(data), Fraction(begin), Fraction(end))
    assert table.video is not None
    return table.video


def same(one: Samples, other: Samples) -> bool:
    return all(
        np.array_equal(getattr(one, name), getattr(other, name))
        for name in ("extent_offset", "extent_size", "pts", "dts", "sync")
    )


def whole_groups(data: bytes, begin: int, end: int) -> list[int]:
    """Offsets of the samples from the last key picture at or before a second to the fragment's end
    that holds another, by the reader of whole files."""
    video = index_mp4(Bytes(data), len(data)).video
    assert video is not None
    keys = np.flatnonzero(video.sync)
    first = keys[video.dts[keys] <= begin * video.timescale][-1]
    after = keys[video.dts[keys] >= end * video.timescale]
    last = after[0] if len(after) else len(video)
    return [int(offset) for offset in video.extent_offset[first:last]]


SIDX = fragmented(footage("h264", 100, 25, 0, audio=None), index=True)


def _sidx(change: Callable[[bytes], bytes]) -> bytes:
    """With the payload of its sidx made another of the same length."""
    begin, end = payload(SIDX, "sidx")
    new = change(SIDX[begin:end])
    assert len(new) == end - begin
    return SIDX[:begin] + new + SIDX[end:]


def field(at: int, value: int, form: str = ">I") -> Callable[[bytes], bytes]:
    def change(body: bytes) -> bytes:
        return body[:at] + struct.pack(form, value) + body[at + struct.calcsize(form) :]

    return change


def _shorter(_: bytes) -> bytes:
    """The sidx cut to a few bytes; what is left is a free box."""
    begin, end = payload(SIDX, "sidx")
    short = box(b"sidx", SIDX[begin : begin + 8])
    left = end - begin + 8 - len(short)
    return SIDX[: begin - 8] + short + box(b"free", bytes(left - 8)) + SIDX[end:]


#: The row of the first fragment in a sidx of version 1.
ROW = 32
INDEXES: dict[str, bytes] = {
    "no timescale": _sidx(field(8, 0)),
    "no rows": _sidx(field(30, 0, ">H")),
    "rows of indexes": _sidx(field(ROW, 0x80000000 | 500)),
    "past the end": _sidx(field(20, 1 << 40, ">Q")),
    "just before the end": _sidx(field(20, len(SIDX) - payload(SIDX, "sidx")[1] - 5, ">Q")),
    "into the media": _sidx(field(20, 300, ">Q")),
    "cut off": _shorter(b""),
}


@pytest.mark.parametrize("name", INDEXES)
@pytest.mark.parametrize("begin", [0, 1, 2])
def test_a_sidx_that_does_not_tell_changes_nothing(name: str, begin: int) -> None:
    data = INDEXES[name]
    assert data != SIDX
    assert len(data) == len(SIDX)
    assert same(span(data, begin, begin + 1), span(SIDX, begin, begin + 1))
    assert span(data, begin, begin + 1).extent_offset.tolist() == whole_groups(
        SIDX, begin, begin + 1
    )


def test_a_sidx_that_points_at_many_small_boxes_is_not_believed() -> None:
    begin, end = payload(SIDX, "sidx")
    stuffed = SIDX[:end] + box(b"free") * 9 + SIDX[end:]
    moved = span(stuffed, 2, 3)
    assert np.array_equal(moved.extent_offset, span(SIDX, 2, 3).extent_offset + 72)
    # A row that begins at the first of them.
    assert same(moved, span(stuffed[: begin + 20] + bytes(8) + stuffed[begin + 28 :], 2, 3))


FOREIGN = foreign(movflags="frag_keyframe+empty_moov", frames=250, sound=None, bframes=0)


def _fragments() -> list[tuple[int, int]]:
    """(decoding time, offset) of every moof of FOREIGN, from its tfdt."""
    out, at = [], 0
    while at < len(FOREIGN):
        size, kind = struct.unpack_from(">I4s", FOREIGN, at)
        if kind == b"moof":
            tfdt = FOREIGN.index(b"tfdt", at) + 4
            wide = FOREIGN[tfdt] == 1
            out.append((struct.unpack_from(">Q" if wide else ">I", FOREIGN, tfdt + 4)[0], at))
        at += size
    return out


def tfra(version: int = 0, lengths: int = 0, track: int = 1, moved: int = 0) -> bytes:
    """An index of FOREIGN's fragments (14496-12 8.8.10)."""
    rows = [
        struct.pack(">QQ" if version else ">II", time, offset + moved)
        + b"".join(b"\1".rjust((lengths >> shift & 3) + 1, b"\0") for shift in (4, 2, 0))
        for time, offset in _fragments()
    ]
    head = struct.pack(">III", track, lengths, len(rows))
    return full_box(b"tfra", version, 0, head, *rows)


def with_mfra(*boxes: bytes, length: int | None = None, kind: bytes = b"mfra") -> bytes:
    """FOREIGN with another index at its end."""
    body = FOREIGN[: FOREIGN.rindex(b"mfra") - 4]
    size = 8 + sum(map(len, boxes)) + 16
    said = size if length is None else length
    return body + box(kind, *boxes, full_box(b"mfro", 0, 0, struct.pack(">I", said)))


MFRA: dict[str, bytes] = {
    "version 0": with_mfra(tfra()),
    "version 1 and numbers of all lengths": with_mfra(tfra(1, 0b011011)),
    "of another track first": with_mfra(tfra(track=2), tfra()),
    "of another track alone": with_mfra(tfra(track=2)),
    "no rows": with_mfra(full_box(b"tfra", 0, 0, struct.pack(">III", 1, 0, 0))),
    "too short for a head": with_mfra(box(b"tfra", bytes(8)), box(b"free", bytes(40))),
    "offsets beside": with_mfra(tfra(moved=4)),
    "offsets past the end": with_mfra(tfra(moved=1 << 30)),
    "a length of nothing": with_mfra(tfra(), length=16),
    "a length past the begin": with_mfra(tfra(), length=1 << 31),
    "a length that is another's": with_mfra(tfra(), length=60),
    "another box": with_mfra(tfra(), kind=b"free"),
    "a box smaller than its header": with_mfra(struct.pack(">I4s", 3, b"tfra"), tfra()),
    "none": FOREIGN[: FOREIGN.rindex(b"mfra") - 4],
}


@pytest.mark.parametrize("name", MFRA)
@pytest.mark.parametrize("begin", [0, 3, 8])
def test_an_index_at_the_end_changes_nothing_but_the_requests(name: str, begin: int) -> None:
    found = span(MFRA[name], begin, begin + 1)
    assert same(found, span(FOREIGN, begin, begin + 1))
    assert found.extent_offset.tolist() == whole_groups(FOREIGN, begin, begin + 1)


def test_a_file_without_what_is_needed() -> None:
    init = SIDX[: SIDX.index(b"moof") - 4]
    for data in (box(b"ftyp", b"isom\0\0\0\0") + box(b"mdat", bytes(99)), init):
        with pytest.raises(MediaDamaged, match="no moov box with fragments"):
            span(data, 0, 1)
    other = rebuilt(
        SIDX,
        lambda path, body: body.replace(b"vide", b"meta") if path.endswith("hdlr") else None,
    )
    with pytest.raises(MediaDamaged, match="no picture and no sound"):
        span(other, 0, 1)


def test_media_in_a_box_of_another_name() -> None:
    """Fragments that no proof finds are walked from the first."""
    whole = fragmented(footage("h264", 100, 25, 0, audio=None))
    other = whole.replace(b"mdat", b"wide")
    for begin in (0, 2):
        assert same(span(other, begin, begin + 1), span(whole, begin, begin + 1))


def test_every_begin_of_a_fragment_is_met() -> None:
    data, _ = _long(index=False)
    for begin in range(1, 600, 23):
        found = span(data, begin, begin + 1)
        assert int(found.dts[0]) == begin * 90_000
        assert found.sync[0]


def test_groups_of_20_seconds_in_fragments_of_one() -> None:
    """What begins inside of a group is gone back for, to its key picture."""
    made = footage("h264", 20, 1, 0, audio=None).table.video
    assert made is not None
    count, size = 1500, 3000
    samples = columns(
        3600 * np.arange(count), [size] * count, [n % 25 == 0 for n in range(count)],
        made.configs, 0, 3600,
    )  # fmt: skip
    out = io.BytesIO()
    write_fragmented(out, [OutTrack(samples)], lambda _, a, b: bytes(size * (b - a)))
    seen = -1

    def unmark(path: str, body: bytes) -> bytes | None:
        nonlocal seen
        if not path.endswith("trun"):
            return None
        seen += 1
        if seen % 20 == 0:
            return None
        assert b"\x02\0\0\0" in body[8:28]
        return body.replace(b"\x02\0\0\0", b"\x01\x01\0\0", 1)

    data = rebuilt(out.getvalue(), unmark)
    whole = index_mp4(Bytes(data), len(data)).video
    assert whole is not None
    assert np.flatnonzero(whole.sync).tolist() == [0, 500, 1000]
    for begin in (19, 20, 33, 39, 55):
        source = Bytes(data)
        found = index_span(source, len(data), Fraction(begin), Fraction(begin + 1)).video
        assert found is not None
        keys = found.dts[found.sync]
        assert int(keys[keys <= begin * 90_000][-1]) == begin // 20 * 20 * 90_000
        assert int(found.dts[-1]) >= (begin + 1) * 90_000 - 3600
        assert source.requests < 80
