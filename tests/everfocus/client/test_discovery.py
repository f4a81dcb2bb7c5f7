"""The search for recorders: the datagram of the guide, field by field, and what answers it."""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hikcore.cli.app import run
from hikcore.errors import DeviceUnreachable
from hikcore.sources.everfocus.discovery import (
    FoundRecorder,
    Network,
    discover,
    inquiry,
    networks,
    read_answer,
)
from hikcore.sources.everfocus.settings import EverFocusSettings
from tests.everfocus.client.guide import text

SETTINGS = EverFocusSettings()
XML = text("1").encode()
AIO = FoundRecorder(
    address="192.168.33.167", source="192.0.2.1", http_port=80, name="AiO NVR", model="",
    firmware="1.0.25-201911271625", category="NVR", mac="00:04:4b:e6:32:f7",
    netmask="255.255.255.0", ip_channels=8, analog_channels=0,
)  # fmt: skip


def test_the_datagram_is_the_guides() -> None:
    data = inquiry(SETTINGS, bytes.fromhex("0a1b2c3d4e5f"))
    assert len(data) == 22
    assert data[0:4] == bytes([0x26, 0x98, 0x23, 0x34])  # NetMagic
    assert data[4:6] == bytes([0x04, 0x01])  # Cmd
    assert data[6:12] == bytes([0x0A, 0x1B, 0x2C, 0x3D, 0x4E, 0x5F])  # SenderMAC
    assert data[12:18] == b"\xff" * 6  # RecverMAC
    assert data[18] == 1  # IntentDocFormat: DeviceInfo XML
    assert data[19] == 0  # Reserved
    assert data[20:22] == b"\0\0"  # PadloadLen
    assert data.hex() == "2698233404010a1b2c3d4e5fffffffffffff01000000"


def test_its_codes_the_other_way_round() -> None:
    data = inquiry(replace(SETTINGS, discovery_order="reversed"))
    assert data.hex() == "342398260104000000000000ffffffffffff01000000"


def test_the_guides_answer_is_read_bare_and_headed() -> None:
    header = struct.pack("4s2s6s6sBBH", b"\x26\x98\x23\x34", b"\4\2", b"a" * 6, b"b" * 6, 1, 0, 9)
    for data in (XML, header + XML, header + XML + b"\0\0", b"\xef\xbb\xbf" + XML):
        assert read_answer(data, "192.0.2.1") == AIO


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<DeviceInfo/>",
        b"<DeviceInfo><a></DeviceInfo>",
        b'<!DOCTYPE x [<!ENTITY e "x">]><DeviceInfo>&e;</DeviceInfo>',
        inquiry(SETTINGS),
    ],
)
def test_what_is_no_answer(data: bytes) -> None:
    assert read_answer(data, "192.0.2.1") is None


@given(st.binary(max_size=200), st.integers(0, len(XML)))
def test_no_datagram_breaks_the_search(noise: bytes, cut: int) -> None:
    for data in (noise, XML[:cut] + noise, noise + XML[cut:]):
        found = read_answer(data, "192.0.2.1")
        assert found is None or isinstance(found, FoundRecorder)


class Recorder(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.heard: list[bytes] = []

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.heard.append(data)
        self.transport.sendto(b"noise", addr)
        self.transport.sendto(XML, addr)


@pytest.fixture
async def recorder() -> AsyncIterator[tuple[Recorder, int]]:
    loop = asyncio.get_running_loop()
    transport, one = await loop.create_datagram_endpoint(Recorder, local_addr=("127.0.0.1", 0))
    yield one, transport.get_extra_info("sockname")[1]
    transport.close()


async def test_a_recorder_is_asked_alone(recorder: tuple[Recorder, int]) -> None:
    one, port = recorder
    settings = replace(SETTINGS, discovery_port=port)
    found = await discover(["localhost"], settings=settings, timeout=0.2)
    assert found == [replace(AIO, source="127.0.0.1")]
    assert set(one.heard) == {inquiry(settings)}


async def test_everybody_is_asked_on_each_interface(recorder: tuple[Recorder, int]) -> None:
    """Loopback does not broadcast: its one address stands for all of them."""
    one, port = recorder
    settings = replace(SETTINGS, discovery_port=port)
    over = [
        Network("127.0.0.1", "127.0.0.1", b"\1" * 6),
        Network("127.0.0.2", "127.0.0.1", b"\2" * 6),
    ]
    found = await discover(settings=settings, timeout=0.2, over=over)
    assert len(found) == 1
    assert set(one.heard) == {inquiry(settings, b"\1" * 6), inquiry(settings, b"\2" * 6)}


async def test_an_answer_to_the_port_of_the_question(unused_udp_port: int) -> None:
    """Some may answer to 31501 itself; `discovery_listen` hears that."""
    settings = replace(SETTINGS, discovery_port=unused_udp_port, discovery_listen=True)
    asking = asyncio.create_task(discover(["127.0.0.1"], settings=settings, timeout=0.3))
    await asyncio.sleep(0.1)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        asyncio.DatagramProtocol, remote_addr=("127.0.0.1", unused_udp_port)
    )
    transport.sendto(XML)
    assert [one.name for one in await asking] == ["AiO NVR"]
    transport.close()


async def test_nobody_to_ask() -> None:
    with pytest.raises(DeviceUnreachable, match="no interface"):
        await discover(over=[])
    with pytest.raises(DeviceUnreachable, match="no address"):
        await discover(["recorder.invalid"], timeout=0.1)


def test_the_interfaces_of_this_machine() -> None:
    for one in networks():
        assert len(one.mac) == 6
        assert one.broadcast.count(".") == 3


def test_the_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from hikcore.sources.everfocus import discovery

    async def found(hosts: object, *, timeout: float) -> list[FoundRecorder]:
        return [AIO] if timeout == 2 else []

    monkeypatch.setattr(discovery, "discover", found)
    assert run(["everfocus", "discover", "--timeout", "2"]) == 0
    shown = capsys.readouterr().out
    assert "192.168.33.167" in shown
    assert "AiO NVR" in shown
    assert run(["everfocus", "discover", "--timeout", "2", "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["type"] for line in lines] == ["recorder", "summary"]
    assert lines[0]["firmware"] == "1.0.25-201911271625"
    assert run(["everfocus", "discover", "192.0.2.1"]) == 0
    streams = capsys.readouterr()
    assert (streams.out, "no recorder answers" in streams.err) == ("", True)
