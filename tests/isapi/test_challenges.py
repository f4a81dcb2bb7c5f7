"""Challenges as the grammar allows them (RFC 7235, RFC 7616), whatever answers for a device."""

from __future__ import annotations

import re
from collections.abc import Callable

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hikcore.errors import DeviceAuthError, DeviceProtocolError
from hikcore.sources.isapi.challenges import challenges_of
from tests.isapi.conftest import MakeSource, recorded
from tests.isapi.device import Device, Login, Reply

TIME = "/ISAPI/System/time"
BASIC = 'Basic realm="DS-7608, \\"2\\""'
SHA_512 = 'Digest realm="x", nonce="y", algorithm=SHA-512-256, qop="auth"'
Reword = Callable[[str], list[str]]


@pytest.fixture(autouse=True)
def tells_time(device: Device) -> None:
    device.handlers["GET", TIME] = Reply(
        body=recorded("hikvision_ds-7616nxi-k2_v4.84.101_time.xml")
    )


def _names_in_capitals(challenge: str) -> list[str]:
    return [re.sub(r"(\w+)=", lambda found: found[1].capitalize() + "=", challenge)]


def _blanks(challenge: str) -> list[str]:
    return [re.sub(r"(\w+)=\"", r'\1 = "', challenge)]


@pytest.mark.parametrize(
    "reword",
    [
        pytest.param(lambda one: [BASIC, one], id="Basic first"),
        pytest.param(lambda one: [f"{BASIC}, {one}"], id="Basic first, in one header"),
        pytest.param(lambda one: [f"{one}, {BASIC}"], id="Basic last, in one header"),
        pytest.param(lambda one: [f"{SHA_512}, {one}"], id="an unknown algorithm before it"),
        pytest.param(_names_in_capitals, id="names in capitals"),
        pytest.param(_blanks, id="blanks around ="),
        pytest.param(lambda one: [one.replace("Digest ", "DIGEST  ")], id="scheme in capitals"),
        pytest.param(lambda one: [one.replace(", ", ",")], id="no blanks"),
        pytest.param(lambda one: [one.replace("fe12f37b", "摄像机, A=1")], id="a realm in UTF-8"),
        pytest.param(
            lambda one: [one.replace('opaque=""', 'opaque="a\\"b, c=\\\\d"')], id="quotes in quotes"
        ),
        pytest.param(lambda one: [one.replace('"auth"', '"auth-int , AUTH"')], id="a list of qop"),
    ],
)
async def test_a_challenge_is_answered_however_it_is_written(
    device: Device, source: MakeSource, reword: Reword
) -> None:
    device.login = Login(reword=reword)
    one = source()
    await one.deviation()
    await one.deviation()
    assert [asked.login for asked in device.asked] == ["none", "good", "good"]
    opaque = re.search(r'opaque="((?:[^"\\]|\\.)*)"', reword('opaque=""')[0])
    sent = device.asked[-1].headers["authorization"]
    assert opaque is None or not opaque[1] or f'opaque="{opaque[1]}"' in sent


async def test_an_empty_qop_is_none(device: Device, source: MakeSource) -> None:
    device.login = Login(qop=None, reword=lambda one: [one + ', qop=""'])
    await source().deviation()
    assert [asked.login for asked in device.asked] == ["none", "good"]


async def test_basic_in_the_clear_is_not_answered_beside_another_scheme(
    device: Device, source: MakeSource
) -> None:
    device.login = Login(reword=lambda _: [f'{BASIC}, Negotiate, Bearer realm="x"'])
    with pytest.raises(DeviceAuthError, match="offers Basic only"):
        await source().deviation()
    assert [asked.login for asked in device.asked] == ["none"]


def _response(*headers: bytes) -> httpx.Response:
    return httpx.Response(401, headers=[(b"WWW-Authenticate", each) for each in headers])


def test_a_challenge_in_no_utf_8_is_left_out() -> None:
    gbk = 'Digest realm="摄像机", nonce="x"'.encode("gbk")
    found = challenges_of(_response(gbk, b'Digest realm="a", nonce="y"'))
    assert [each.given["realm"] for each in found] == ["a"]


async def test_what_cannot_be_read_is_said(device: Device, source: MakeSource) -> None:
    device.login = Login(reword=lambda _: ['Digest realm="x"'])
    with pytest.raises(DeviceProtocolError, match="cannot be read"):
        await source().deviation()
    assert [asked.login for asked in device.asked] == ["none"]


@given(st.binary(max_size=80))
def test_no_header_is_too_odd(junk: bytes) -> None:
    line = junk.replace(b"\r", b"").replace(b"\n", b"")
    found = challenges_of(_response(b'Digest realm="a", nonce="b"', line))
    assert found[0].given == {"realm": "a", "nonce": "b"}
    for each in found:
        assert each.scheme == each.scheme.lower()
        assert each.alone()


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_categories=("C",)), max_size=12)))
def test_values_are_kept_as_they_stand(values: list[str]) -> None:
    pairs = {
        f"p{n}": value.replace("\\", "\\\\").replace('"', '\\"') for n, value in enumerate(values)
    }
    line = ", ".join(f'{name}="{value}"' for name, value in pairs.items())
    found = challenges_of(_response(f"Digest {line}, Basic".encode()))
    assert [each.scheme for each in found] == ["digest", "basic"]
    assert found[0].given == pairs
