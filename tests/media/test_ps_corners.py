"""Program streams that end, lie or mix where nothing marks it."""

from __future__ import annotations

import pytest

from hikcore.errors import MediaEncrypted
from hikcore.media.container import accept
from hikcore.sim.psmux import MuxProfile
from tests.media import ps_reference
from tests.media.ps_bodies import (
    FRAME,
    GOP,
    PLAIN,
    index,
    muxed,
    pack,
    picture,
    read,
    video,
)
from tests.media.test_ps import compare, same

# A body that ends between two packets of a picture


def packets(data: bytes) -> list[int]:
    """Where packets of video begin, and the end."""
    out, at = [], data.index(b"\0\0\1\xe0")
    while at < len(data) and data[at : at + 4] == b"\0\0\1\xe0":
        out.append(at)
        at += 6 + int.from_bytes(data[at + 4 : at + 6], "big")
    return [*out, at]


@pytest.mark.parametrize("flags", [True, False])
def test_a_body_that_ends_between_two_packets_of_a_picture_does_not_look_whole(
    flags: bool,
) -> None:
    mux = MuxProfile(private=False, pes_size=200, frame_flags=flags)
    made = muxed(mux, audio=None, seconds=0.9)
    large = max(range(3, len(made.pictures)), key=lambda n: len(made.pictures[n].data))
    before = made.muxer.head() + b"".join(picture(made, n) for n in range(large))
    last = picture(made, large)
    edges = packets(last)
    assert len(edges) > 3
    for edge in edges[2:-1]:
        body = before + last[:edge]
        table = index(body)
        compare(body, table, ps_reference.parse(body))
        same(index(body, [3, 50]), table)
        assert table.video is not None
        if flags:
            # Every picture before ends with the flag: this one is not whole, and left out.
            assert len(table.video) == large
            assert table.cut_off
        elif edge == edges[2] or edge < edges[-2]:
            assert len(table.video) == large + 1 or table.cut_off
            assert table.cut_off or any("may not be whole" in note for note in table.notes)
    table = index(before + last)
    assert table.video is not None
    assert len(table.video) == large + 1
    assert not table.cut_off
    assert table.notes == ()


def test_a_flag_that_was_wrong_before_leaves_nothing_out() -> None:
    made = muxed(MuxProfile(private=False, pes_size=200), audio=None, seconds=0.9)
    # One picture in the middle without the flag at its end: it is no rule in this body.
    middle = picture(made, 4)
    body = made.muxer.head() + b"".join(
        middle.replace(b"\xff\xf8\0\0\0\1", b"\xff\xfc\0\0\0\1").replace(b"\xff\xfa", b"\xff\xfe")
        if n == 4
        else picture(made, n)
        for n in range(len(made.pictures) - 1)
    )
    end = picture(made, len(made.pictures) - 1)
    for cut in packets(end)[1:]:
        table = index(body + end[:cut])
        compare(body + end[:cut], table, ps_reference.parse(body + end[:cut]))


def test_an_end_code_says_that_the_last_picture_is_whole() -> None:
    made = muxed(MuxProfile(private=False, pes_size=200), audio=None, seconds=0.9)
    large = max(range(3, len(made.pictures)), key=lambda n: len(made.pictures[n].data))
    last = picture(made, large)
    body = made.muxer.head() + b"".join(picture(made, n) for n in range(large))
    body += last[: packets(last)[-2]]
    assert index(body).cut_off
    table = index(body + b"\0\0\1\xb9")
    assert not table.cut_off
    assert table.video is not None
    assert len(table.video) == large + 1


# Maps that say "encrypted"


def flagged(number: int, *, garbled: bool) -> bytes:
    """Three groups, the map of one says encrypted; its bytes are so or not."""
    clear = muxed(PLAIN, audio=None, seconds=2.9 * GOP * FRAME / 1000)
    other = muxed(
        MuxProfile(private=False, header=False, encrypt=1), audio=None,
        seconds=2.9 * GOP * FRAME / 1000,
    )  # fmt: skip
    body = b""
    for at in range(len(clear.pictures)):
        inside = at // GOP == number
        one = picture(other if inside else clear, at)
        if inside and garbled:
            for nal in clear.pictures[at].units():
                if nal[0] & 31 in (1, 5):
                    # As if encrypted behind the NAL header.
                    fake = bytes(b ^ 0x5A | 2 for b in nal[1:])
                    one = one.replace(nal[1:40], fake[:39])
        body += one
    return body


@pytest.mark.parametrize("number", [0, 1, 2])
def test_one_map_that_says_encrypted_does_not_refuse_readable_pictures(number: int) -> None:
    body = flagged(number, garbled=False)
    table = index(body)
    assert not accept(table).encrypted
    assert any("maps that say encrypted" in note for note in table.notes)
    same(index(body, [100]), table)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_one_map_that_says_encrypted_before_unreadable_pictures_is_believed(number: int) -> None:
    with pytest.raises(MediaEncrypted):
        accept(index(flagged(number, garbled=True)))


# Parameter sets of both codecs before one picture


@pytest.mark.parametrize("picture_codec", ["h264", "h265"])
@pytest.mark.parametrize("sets_first", ["h264", "h265"])
def test_sets_of_both_codecs_before_one_picture_lose_no_picture(
    picture_codec: str, sets_first: str
) -> None:
    made = muxed(PLAIN, codec=picture_codec, audio=None)
    other = muxed(PLAIN, codec="h265" if picture_codec == "h264" else "h264", audio=None)
    foreign = [nal for nal in other.pictures[0].units() if len(nal) < 200][:-1] or (
        other.pictures[0].units()[:2]
    )
    expected, body = [], b""
    for number, unit in enumerate(made.pictures):
        nals = unit.units()
        if unit.key:
            sets = 2 if picture_codec == "h264" else 3
            own, rest = nals[:sets], nals[sets:]
            nals = [*own, *foreign, *rest] if sets_first == picture_codec else [*foreign, *nals]
        data = b"".join(b"\0\0\0\1" + nal for nal in nals)
        body += pack(number * 7200, number) + video(data, number * 7200)
        expected.append(nals)
    table, found = read(body)
    truth = ps_reference.parse(body)
    assert [unit.nals for unit in truth.units] == found
    assert len(found) == len(made.pictures)
    assert found == expected
    assert table.video is not None
    assert table.video.sync.tolist() == [unit.key for unit in made.pictures]
    assert any("two codecs" in one.reason for one in table.damage)
