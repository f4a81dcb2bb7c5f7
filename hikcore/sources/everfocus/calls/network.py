"""A recorder's network (guide, 7, 8, 10.22, 10.29, 10.32). All but the ports need `inventory`."""

from __future__ import annotations

from typing import Any

from pydantic import AliasChoices, Field

from hikcore.sources.everfocus.calls.base import Calls
from hikcore.sources.everfocus.values import Flag, Number, Reply, Secret, Text, rows


class Ports(Reply):
    """Where the recorder listens (7.9)."""

    http: Number = Field(alias="http_port")
    rtsp: Number | None = Field(None, alias="rtsp_port")
    https: Number | None = Field(None, alias="https_port")


class Pppoe(Reply):
    """Dialling in."""

    active: Flag = False
    username: Text = ""
    password: Secret = Field(default="", validate_default=True)
    interface: Text = ""


class Interface(Reply):
    """A network interface; what its kind does not have is None."""

    name: Text = Field("", validation_alias=AliasChoices("device", "interface"))
    type: Text = ""
    dhcp: Flag | None = None
    address: Text = ""
    netmask: Text = ""
    gateway: Text = ""
    mac: Text = ""
    enabled: Flag | None = Field(None, alias="Enable")
    ssid: Text | None = Field(None, alias="wifiSSID")
    wifi_password: Secret | None = Field(None, alias="wifiPwd")
    apn: Text | None = Field(None, alias="APN")
    number: Text | None = Field(None, alias="Number")
    user: Text | None = Field(None, alias="User")
    password: Secret | None = Field(None, alias="Pwd")
    dns1: Text = ""
    dns2: Text = ""


class NetworkDefaults(Reply):
    """What holds for all interfaces."""

    dns1: Text = Field("", alias="dnsserver1")
    dns2: Text = Field("", alias="dnsserver2")
    interface: Text = Field("", alias="default_interface")


class Network(Reply):
    """The recorder's network settings (7.1)."""

    pppoe: Pppoe | None = None
    interfaces: tuple[Interface, ...] = ()
    general: NetworkDefaults | None = None


class Wifi(Reply):
    """A wireless network that the recorder sees (7.2)."""

    ssid: Text
    signal: Number | None = None
    security: Text = ""


class MobileBitrate(Reply):
    """Average rates over 3G or 4G, in the recorder's words (7.4)."""

    upload: Text = ""
    download: Text = ""


class PoeState(Reply):
    """Whether a PoE interface has a connection (7.5)."""

    interface: Text
    on: Flag


class Ddns(Reply):
    """Dynamic DNS (7.7)."""

    active: Flag = False
    mac: Text = ""
    server: Text = ""
    domain: Text = ""
    port: Number | None = None
    status: Text = ""


class Email(Reply):
    """How the recorder sends mail (7.11), by the guide's own spelling of its keys."""

    active: Flag = False
    encryption: Text = ""
    port: Number | None = Field(None, validation_alias=AliasChoices("smpt_port", "smtp_port"))
    server: Text = Field("", validation_alias=AliasChoices("smpt_server", "smtp_server"))
    username: Text = ""
    password: Secret = Field(default="", validate_default=True)
    sender: Text = ""
    receiver1: Text = ""
    receiver2: Text = ""
    receiver3: Text = ""
    interval: Number | None = None


class Name(Reply):
    """A distinguished name of a certificate."""

    country: Text = Field("", alias="countryName")
    state: Text = Field("", alias="stateOrProvinceName")
    locality: Text = Field("", alias="localityName")
    organization: Text = Field("", alias="organizationName")
    unit: Text = Field("", alias="organizationalUnitName")
    common_name: Text = Field("", alias="commonName")
    email: Text = Field("", alias="emailAddress")


class Certificate(Reply):
    """The recorder's certificate (8.1); its times as it writes them."""

    subject: Name
    issuer: Name
    not_before: Text = Field("", alias="notBefore")
    not_after: Text = Field("", alias="notAfter")
    serial: Text = ""


class XFleet(Reply):
    """Where the recorder of a vehicle reports to (10.22)."""

    enabled: Flag = Field(False, alias="enable")
    device_id: Text = Field("", alias="DeviceID")
    server: Text = Field("", alias="ServerIP")
    port: Number | None = Field(None, alias="ServerPort")


class Ftp(Reply):
    """Where the recorder uploads to (10.29)."""

    active: Flag = False
    host: Text = ""
    port: Number | None = None
    username: Text = ""
    password: Secret = Field(default="", validate_default=True)
    path: Text = ""


class IpFilter(Reply):
    """Who may reach the recorder (10.32). `mode` 0: all but the blacklist; 1: the whitelist."""

    active: Flag = False
    mode: Number = 0
    blacklist: tuple[Text, ...] = ()
    whitelist: tuple[Text, ...] = ()


class Networking(Calls):
    """Calls about the network."""

    async def ports(self) -> Ports:
        """HTTP, RTSP and HTTPS (7.9)."""
        return await self._one(Ports, "/network/getPort")

    async def network(self) -> Network:
        """Interfaces and their addresses (7.1)."""
        return await self._one(Network, "/network/getNetwork")

    async def scan_wifi(self) -> tuple[Wifi, ...]:
        """Wireless networks around it (7.2): it searches for them; needs `scans`."""
        path = "/network/scanWifiDevices"
        said: Any = await self.session.get(path)
        listed = said.get("wifi-list", said) if isinstance(said, dict) else said
        return rows(Wifi, listed, self._where(path))

    async def mobile_bitrate(self) -> MobileBitrate:
        """Rates over 3G or 4G (7.4)."""
        return await self._one(MobileBitrate, "/network/gsmBitrate")

    async def poe_states(self) -> tuple[PoeState, ...]:
        """PoE interfaces (7.5)."""
        return await self._rows(PoeState, "/network/getPOEStates")

    async def ddns(self) -> Ddns:
        """Dynamic DNS (7.7)."""
        return await self._one(Ddns, "/network/getDDNS")

    async def email(self) -> Email:
        """Mail (7.11)."""
        return await self._one(Email, "/network/getEMail")

    async def certificate(self) -> Certificate:
        """Its certificate (8.1)."""
        return await self._one(Certificate, "/https/getCertificateInfo")

    async def xfleet(self) -> XFleet:
        """Reports of a vehicle (10.22)."""
        return await self._one(XFleet, "/ttxnet/getConfig")

    async def ftp(self) -> Ftp:
        """Uploads (10.29)."""
        return await self._one(Ftp, "/network/getFTP")

    async def ip_filter(self) -> IpFilter:
        """Who may reach it (10.32)."""
        return await self._one(IpFilter, "/network/getIPFilter")
