"""The recorder's answer to the search for devices (1): a datagram of 22 bytes, an XML back.

Codes are taken as the guide prints them: `26 98 23 34`, `04 01`.
"""

from __future__ import annotations

import asyncio
import struct
from typing import Final
from xml.sax.saxutils import escape

from hikcore.sim.everfocus.behaviour import Answering
from hikcore.sim.everfocus.profile import NvrProfile

MAGIC: Final = bytes.fromhex("26982334")
INQUIRE: Final = bytes.fromhex("0401")
#: NetMagic, Cmd, SenderMAC, RecverMAC, IntentDocFormat, Reserved, PadloadLen.
DATAGRAM: Final = struct.Struct("4s2s6s6sBB2s")
#: Where recorders listen.
PORT: Final = 31501


class Responder(asyncio.DatagramProtocol):
    """Answers on one UDP port.

    Attributes:
        heard: what came, in order. answered: how much of it was answered.
    """

    def __init__(self, profile: NvrProfile, how: Answering, host: str, http_port: int) -> None:
        self._profile = profile
        self._how = how
        self._host = host
        self._http_port = http_port
        self._transport: asyncio.DatagramTransport | None = None
        self.heard: list[bytes] = []
        self.answered = 0

    async def start(self, port: int) -> int:
        """Listen; the port that was taken."""
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(
            lambda: self, local_addr=(self._host, port)
        )
        self._transport = transport
        return int(transport.get_extra_info("sockname")[1])

    def stop(self) -> None:
        """Listen no more."""
        if self._transport is not None:
            self._transport.close()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer what is an inquiry, to where it came from; pass over all else."""
        self.heard.append(data)
        if self._transport is None or not self._inquiry(data):
            return
        self.answered += 1
        text = self.document().encode()
        if self._how.form == "headed":
            magic, command, sender, _, intent, _, _ = DATAGRAM.unpack(data)
            mac = bytes.fromhex(self._profile.identity.mac.replace(":", ""))
            size = len(text).to_bytes(2, "big" if self._how.order == "printed" else "little")
            text = DATAGRAM.pack(magic, command, mac, sender, intent, 0, size) + text
        self._transport.sendto(text, addr)

    def document(self) -> str:
        """DeviceInfo as the guide shows it: no prolog, single quotes."""
        identity = self._profile.identity
        return (
            "<DeviceInfo version='1.0'>\n"
            f"    <HttpPort>{self._http_port}</HttpPort>\n"
            f"    <DeviceName>{escape(identity.name)}</DeviceName>\n"
            f"    <ModelName>{escape(identity.model)}</ModelName>\n"
            f"    <FwVer>{escape(identity.firmware)}</FwVer>\n"
            "    <Category>NVR</Category>\n"
            "    <Ipv4>\n"
            f"        <Addr>{self._host}</Addr>\n"
            "        <Mask>255.255.255.0</Mask>\n"
            "    </Ipv4>\n"
            f"    <MacAddr>{identity.mac}</MacAddr>\n"
            f"    <IPChannels>{identity.ip_channels}</IPChannels>\n"
            f"    <AnalogChannels>{identity.analog_channels}</AnalogChannels>\n"
            "</DeviceInfo>\n"
        )

    def _inquiry(self, data: bytes) -> bool:
        if len(data) != DATAGRAM.size:
            return False
        magic, command, _, _, intent, _, size = DATAGRAM.unpack(data)
        step = 1 if self._how.order == "printed" else -1
        wanted = MAGIC[::step], INQUIRE[::step]
        return (magic, command) == wanted and intent == 1 and size == b"\0\0"
