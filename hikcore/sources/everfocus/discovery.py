"""The search for recorders in a network (guide, 1): a datagram of 22 bytes, answered by XML.

Broadcasts do not leave a network, nor a container's bridge; a recorder that is known by name is
asked alone. Nothing that is found is believed to be more than a hint where to look.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

import psutil

from hikcore.errors import DeviceUnreachable
from hikcore.sources.everfocus.settings import EverFocusSettings
from hikcore.sources.everfocus.values import as_int
from hikcore.sources.isapi.xml import parse, text

#: NetMagic, Cmd, SenderMAC, RecverMAC, IntentDocFormat, Reserved, PadloadLen: arrays of bytes.
HEADER: Final = struct.Struct("4s2s6s6sBB2s")
MAGIC: Final = bytes.fromhex("26982334")
INQUIRE: Final = bytes.fromhex("0401")
EVERYBODY: Final = b"\xff" * 6
#: `IntentDocFormat`: DeviceInfo as XML.
_XML: Final = 1
_BEGIN: Final = b"<DeviceInfo"
_END: Final = b"</DeviceInfo>"
#: Datagrams get lost: so often each is sent, spread over the first half of the wait.
_SENT: Final = 3


@dataclass(frozen=True, slots=True)
class FoundRecorder:
    """What a recorder says of itself; empty or 0 where it does not.

    Attributes:
        address: as it tells it. source: whence its answer came; another one where there is a
            router between.
    """

    address: str
    source: str
    http_port: int
    name: str
    model: str
    firmware: str
    category: str
    mac: str
    netmask: str
    ip_channels: int
    analog_channels: int


@dataclass(frozen=True, slots=True)
class Network:
    """An interface that broadcasts: its own address, that of all, its MAC (6 bytes)."""

    address: str
    broadcast: str
    mac: bytes


def inquiry(settings: EverFocusSettings, sender: bytes = bytes(6)) -> bytes:
    """The question, 22 bytes, from a MAC of 6 bytes."""
    step = 1 if settings.discovery_order == "printed" else -1
    return HEADER.pack(MAGIC[::step], INQUIRE[::step], sender, EVERYBODY, _XML, 0, b"\0\0")


def read_answer(data: bytes, source: str) -> FoundRecorder | None:
    """What a datagram tells: XML, bare or behind a header; None where it is neither."""
    begin = data.find(_BEGIN)
    end = data.find(_END, begin)
    if begin < 0 or end < 0 or b"<!" in data[:end]:
        return None
    try:
        root = parse(data[begin : end + len(_END)])
    except ValueError:
        return None
    model = text(root, "ModelName")
    return FoundRecorder(
        address=text(root, "Ipv4", "Addr") or source,
        source=source,
        http_port=_number(text(root, "HttpPort")),
        name=text(root, "DeviceName"),
        model="" if model == "undefined" else model,
        firmware=text(root, "FwVer"),
        category=text(root, "Category"),
        mac=text(root, "MacAddr"),
        netmask=text(root, "Ipv4", "Mask"),
        ip_channels=_number(text(root, "IPChannels")),
        analog_channels=_number(text(root, "AnalogChannels")),
    )


def _number(said: str) -> int:
    try:
        return as_int(said)
    except ValueError:
        return 0


def networks() -> list[Network]:
    """The interfaces of this machine that are up and broadcast over IPv4."""
    up = {name for name, state in psutil.net_if_stats().items() if state.isup}
    found = []
    for name, addresses in psutil.net_if_addrs().items():
        macs = [one.address for one in addresses if one.family == psutil.AF_LINK]
        mac = bytes.fromhex(macs[0].replace(":", "").replace("-", "")) if macs else b""
        found += [
            Network(one.address, one.broadcast, mac if len(mac) == 6 else bytes(6))
            for one in addresses
            if name in up and one.family == socket.AF_INET and one.broadcast
        ]
    return found


class _Ears(asyncio.DatagramProtocol):
    def __init__(self, found: dict[tuple[str, int, str], FoundRecorder]) -> None:
        self._found = found

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        recorder = read_answer(data, addr[0])
        if recorder is not None:
            key = (recorder.address, recorder.http_port, recorder.mac)
            self._found.setdefault(key, recorder)

    def error_received(self, exc: Exception) -> None:
        """A port where nobody listens answers so; others may still tell."""


async def discover(
    hosts: Iterable[str] = (),
    *,
    settings: EverFocusSettings | None = None,
    timeout: float = 3.0,  # noqa: ASYNC109  how long answers are waited for, not a limit on us
    over: Iterable[Network] | None = None,
) -> list[FoundRecorder]:
    """Recorders that answer, by address.

    Args:
        hosts: to ask alone; none: everybody, on each interface.
        timeout: seconds of listening.
        over: interfaces; None: those of this machine.

    Raises:
        DeviceUnreachable: a host has no address, or nothing could be sent at all.
    """
    settings = settings or EverFocusSettings()
    found: dict[tuple[str, int, str], FoundRecorder] = {}
    questions = await _questions(list(hosts), over, settings)
    loop = asyncio.get_running_loop()
    with ExitStack() as open_:
        ways = []
        for local, target, data in questions:
            sock = _socket(local, 0)
            transport, _ = await loop.create_datagram_endpoint(lambda: _Ears(found), sock=sock)
            open_.callback(transport.close)
            ways.append((transport, target, data))
        if settings.discovery_listen:
            ears = _socket("0.0.0.0", settings.discovery_port)  # noqa: S104  to hear broadcasts
            transport, _ = await loop.create_datagram_endpoint(lambda: _Ears(found), sock=ears)
            open_.callback(transport.close)
        for _ in range(_SENT):
            for transport, target, data in ways:
                transport.sendto(data, (target, settings.discovery_port))
            await asyncio.sleep(timeout / (2 * _SENT))
        await asyncio.sleep(timeout / 2)
    return sorted(found.values(), key=lambda one: (_order(one.address), one.http_port))


async def _questions(
    hosts: list[str], over: Iterable[Network] | None, settings: EverFocusSettings
) -> list[tuple[str, str, bytes]]:
    """From which address to which, and what."""
    if hosts:
        data = inquiry(settings)
        return [("", await _resolved(host), data) for host in hosts]
    ways = list(over) if over is not None else networks()
    if not ways:
        raise DeviceUnreachable(
            "no interface of this machine broadcasts", hint="name the recorder's address"
        )
    return [(one.address, one.broadcast, inquiry(settings, one.mac)) for one in ways]


async def _resolved(host: str) -> str:
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, None, family=socket.AF_INET, type=socket.SOCK_DGRAM)
    except OSError as error:
        raise DeviceUnreachable(f"no address: {error.strerror}", where=host) from None
    return str(found[0][4][0])


def _socket(local: str, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        if port:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setblocking(False)
        sock.bind((local, port))
    except OSError as error:
        sock.close()
        raise DeviceUnreachable(f"cannot ask from {local}: {error.strerror}") from None
    return sock


def _order(address: str) -> tuple[int, ...]:
    try:
        return tuple(socket.inet_aton(address))
    except OSError:
        return (256,)
