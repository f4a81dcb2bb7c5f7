"""RTP payloads put together again by a reader written from RFC 6184 and RFC 7798."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from hikcore.sim.rtp import Sender, interleaved, payloads

H264 = st.tuples(st.sampled_from([1, 5, 6, 7, 8, 9]), st.integers(0, 3), st.binary(max_size=400))
H265 = st.tuples(st.sampled_from([0, 1, 19, 32, 33, 34, 39]), st.binary(min_size=1, max_size=400))


def join(codec: str, found: list[bytes]) -> list[bytes]:
    """NAL units of payloads in order."""
    out: list[bytes] = []
    size = 1 if codec == "h264" else 2
    for data in found:
        kind = data[0] & 31 if codec == "h264" else data[0] >> 1 & 63
        if kind == (24 if codec == "h264" else 48):
            at = size
            while at < len(data):
                (length,) = struct.unpack_from(">H", data, at)
                out.append(data[at + 2 : at + 2 + length])
                at += 2 + length
        elif kind == (28 if codec == "h264" else 49):
            mark, rest = data[size], data[size + 1 :]
            if mark & 0x80:
                if codec == "h264":
                    head = bytes((data[0] & 0xE0 | mark & 31,))
                else:
                    head = bytes((data[0] & 0x81 | (mark & 63) << 1, data[1]))
                out.append(head)
            out[-1] += rest
            assert bool(mark & 0x80) + bool(mark & 0x40) < 2  # never whole in one fragment
        else:
            out.append(data)
    return out


@given(st.lists(H264, min_size=1, max_size=6), st.integers(100, 300), st.booleans())
def test_h264(units: list[tuple[int, int, bytes]], most: int, together: bool) -> None:
    nals = [bytes((ref << 5 | kind,)) + body for kind, ref, body in units]
    found = payloads("h264", nals, most, together=together)
    assert all(len(data) <= most for data in found)
    sets = [nal for nal in nals if nal[0] & 31 in (7, 8)]
    if len(found) and found[0][0] & 31 == 24 and together:
        nals = sets + [nal for nal in nals if nal not in sets]
    assert join("h264", found) == nals


@given(st.lists(H265, min_size=1, max_size=6), st.integers(100, 300))
def test_h265(units: list[tuple[int, bytes]], most: int) -> None:
    nals = [bytes((kind << 1, 1)) + body for kind, body in units]
    found = payloads("h265", nals, most)
    assert all(len(data) <= most for data in found)
    assert join("h265", found) == nals


@given(st.integers(0, 1 << 43), st.integers(0, (1 << 32) - 1), st.integers(0, 65_535))
def test_numbers_and_times_wrap(ms: int, offset: int, sequence: int) -> None:
    sender = Sender(96, 90_000, 7, sequence, offset)
    first, second = (sender.packet(b"x", ms + 40 * step, marker=False) for step in (0, 1))
    numbers = [struct.unpack_from(">HI", packet, 2) for packet in (first, second)]
    assert (numbers[1][0] - numbers[0][0]) % 65_536 == 1
    assert (numbers[1][1] - numbers[0][1]) % (1 << 32) == 3_600
    assert interleaved(2, first)[:4] == b"$\x02" + len(first).to_bytes(2, "big")
