"""What a recorder tells of its network, storage and users: the SDK guide's own examples.

Where the guide gives an example it stands here word for word (its missing quotes and commas put
right, as no program could read them); where it gives only types, values of those types.
"""

from __future__ import annotations

from typing import Any, Final

from hikcore.sim.everfocus.cameras import CAMERA_SECRET

#: Stands wherever the guide has a reply carry a password.
SECRET: Final = CAMERA_SECRET

_CERTIFIED: Final = {
    "countryName": "TW",
    "stateOrProvinceName": "New Taipei City",
    "localityName": "Sheng Keng",
    "organizationName": "Everfocus Electronic Corp.",
    "organizationalUnitName": "R&D Division",
    "commonName": "www.everfocus.com.tw",
    "emailAddress": "receiver@email.address",
}
_NETWORK: Final[dict[str, Any]] = {
    "pppoe": {"active": False, "username": "", "password": SECRET, "interface": "enp2s0"},
    "interfaces": [
        {
            "device": "enp2s0", "type": "ethernet", "dhcp": True, "address": "192.168.33.165",
            "netmask": "255.255.255.0", "gateway": "192.168.33.254", "mac": "40:8d:5c:2b:16:23",
        },
        {
            "interface": "wlx000e8e9728a2", "type": "wifi", "dhcp": True, "address": "",
            "netmask": "", "gateway": "", "mac": "00:0E:8E:97:28:A2", "Enable": True,
            "wifiSSID": "", "wifiPwd": SECRET, "dns1": "", "dns2": "",
        },
        {
            "interface": "cdc-wdm0", "type": "gsm", "dhcp": True, "address": "10.38.36.128",
            "netmask": "255.255.255.0", "gateway": "10.38.36.129", "mac": "", "Enable": True,
            "APN": "internet", "Number": "", "User": "", "Pwd": SECRET, "dns1": "168.95.1.1",
            "dns2": "168.95.192.1",
        },
    ],
    "general": {"dnsserver1": "", "dnsserver2": "", "default_interface": "enp2s0"},
}  # fmt: skip
_WIFI: Final = [
    ("N200RE", 100, "WPA1"), ("odin-ssid", 100, "WPA2"), ("N200RE", 100, "WPA2"),
    ("N200RE", 100, "WPA1"), ("Ever-meeting-2F_5G", 82, "WPA2"), ("ISS-Lab", 79, "WPA1"),
    ("Ever-OBM_5G", 79, "WPA2"), ("Ever-MCC_5G", 77, "WPA2"), ("TOTOLINK_A3002RU", 70, "WPA1"),
    ("Ever-ODM_5G", 70, "WPA2"),
]  # fmt: skip
_INTERFACES: Final[dict[str, Any]] = {
    "Result": {
        "NetworkInterfaces": {
            "$": {"token": "eth0"},
            "Enabled": "true",
            "Info": {"Name": "eth0", "HwAddress": "00:11:14:00:00:01", "MTU": "1500"},
            "Link": {
                "AdminSettings": {"AutoNegotiation": "true", "Speed": "100", "Duplex": "Full"},
                "OperSettings": {"AutoNegotiation": "true", "Speed": "100", "Duplex": "Full"},
                "InterfaceType": "6",
            },
            "IPv4": {
                "Enabled": "true",
                "Config": {
                    "Manual": {"Address": "192.168.33.249", "PrefixLength": "24"},
                    "DHCP": "false",
                },
            },
        },
        "NTPInformation": {
            "FromDHCP": "false",
            "NTPManual": {
                "Type": "DNS", "IPv4Address": "time.windows.com", "DNSname": "time.windows.com",
            },
        },
        "HostnameInformation": {"FromDHCP": "false", "Name": "EBN1240-A"},
        "NetworkGateway": {"IPv4Address": "192.168.33.254"},
        "DNSInformation": {
            "FromDHCP": "false",
            "DNSManual": [
                {"Type": "IPv4", "IPv4Address": "168.95.1.1"},
                {"Type": "IPv4", "IPv4Address": "0.0.0.0"},  # noqa: S104  the guide's
            ],
        },
        "NetworkProtocols": [
            {"Name": "HTTP", "Enabled": "false", "Port": "80"},
            {"Name": "HTTPS", "Enabled": "false", "Port": "0"},
            {"Name": "RTSP", "Enabled": "true", "Port": "554"},
        ],
    }
}  # fmt: skip
_PRESETS: Final = {
    "presets": [
        {"name": "door", "preset_token": "1"}, {"name": "till", "preset_token": "2"},
    ]
}  # fmt: skip

#: By method and path.
TOLD: Final[dict[tuple[str, str], Any]] = {
    ("GET", "/device/probe"): [
        {
            "DeviceName": "EBN1240-A", "IPAddress": "192.168.33.249", "Port": 80,
            "Manufacturer": "EverFocus", "Model": "EBN1240-A", "MacAddress": "00:11:14:00:00:09",
        }
    ],
    ("POST", "/device/getNetworkInterfaces"): _INTERFACES,
    ("POST", "/device/ptzControl"): _PRESETS,
    ("GET", "/network/getNetwork"): _NETWORK,
    ("GET", "/network/scanWifiDevices"): {
        "wifi-list": [
            {"ssid": name, "signal": signal, "security": security}
            for name, signal, security in _WIFI
        ]
    },
    ("GET", "/network/gsmBitrate"): {"upload": "0.22 Kb/s", "download": "0.34 Kb/s"},
    ("GET", "/network/getPOEStates"): [
        {"interface": "enp5s0", "on": False},
        {"interface": "enp6s0", "on": False},
        {"interface": "enp7s0", "on": False},
        {"interface": "enp10s0", "on": True},
    ],
    ("GET", "/network/getDDNS"): {
        "active": True, "mac": "40:8d:5c:2b:16:23", "server": "EverfocusDDNS", "domain": "xnvr",
        "port": 1680, "status": "DDNS_UPDATE_OK",
    },
    ("GET", "/network/getEMail"): {
        "active": True, "encryption": "Disbale", "smpt_port": 25, "smpt_server": "email.server",
        "username": "username", "password": SECRET, "sender": "sender@email.address",
        "receiver1": "receiver1@email.address", "receiver2": "receiver2@email.address",
        "receiver3": "receiver3@email.address", "interval": 300,
    },
    ("GET", "/network/getFTP"): {
        "active": False, "host": "192.168.33.20", "port": "21", "username": "ftp",
        "password": SECRET, "path": "/nvr",
    },
    ("GET", "/network/getIPFilter"): {
        "active": True, "mode": 0,
        "blacklist": ["192.168.1.1", "192.168.2.0/24", "192.168.3.1-192.168.3.10"],
        "whitelist": [],
    },
    ("GET", "/https/getCertificateInfo"): {
        "subject": _CERTIFIED, "issuer": _CERTIFIED, "notBefore": "2019-12-10T03:37:24.000Z",
        "notAfter": "2029-12-07T03:37:24.000Z",
        "serial": "14ABDBF9DB160D66B709928BC8F8A837CA92AB85",
    },
    ("GET", "/storage/getUSBStorages"): [
        {"model": "XXX", "size": "32.5G", "mountpoint": "/mnt/sdb", "fstype": "vfat",
         "label": "MYDISK"}
    ],
    ("GET", "/storage/getDiskGroups"): [
        {"name": "DiskGroup1", "storages": ["HDD-1", "HDD-2"], "rec_channels": [1, 2, 3, 4]},
        {"name": "DiskGroup2", "storages": ["HDD-3"], "rec_channels": [5, 6]},
        {"name": "DiskGroup3", "storages": ["HDD-4"], "rec_channels": [7, 8]},
    ],
    ("GET", "/storage/getStorages"): [
        {
            "active": True, "device": "/dev/sdb", "model": "WDC WD10EURX-63C",
            "serial": "WD-WMC4J0231397", "size": "931.5G", "mountpoint": "/mnt/sdb",
            "fstype": "ext4", "slot": "HDD-1", "group": 1,
        }
    ],
    # The guide says nothing of this reply.
    ("GET", "/storage/smart"): {"device": "/dev/sdb", "health": "PASSED"},
    ("GET", "/dio/GetGPIOInfo"): [
        {"ch": 0, "alarmIn": [1, 2, 3, 4], "alarmOut": [5, 6, 7, 8]},
        {"ch": 1, "alarmIn": [1], "alarmOut": [1]},
        {"ch": 2, "alarmIn": [1], "alarmOut": [1, 2]},
    ],
    ("GET", "/dio/GetPinStatus"): {
        "pin_value": [{"pinNum": number, "pinVal": 0} for number in range(1, 9)]
    },
    ("GET", "/ttxnet/getConfig"): {
        "enable": True, "DeviceID": "30005", "ServerIP": "172.20.4.169", "ServerPort": "6608",
    },
}  # fmt: skip
