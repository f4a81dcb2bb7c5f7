from __future__ import annotations

from tests.everfocus.client.case import Case, at
from tests.everfocus.client.guide import reply

PORTS = {"http_port": 80, "rtsp_port": 554, "https_port": 443}
RIGHTS = {
    name: True for name in (
        "live_on", "live", "playback_on", "playback", "ptz_on", "ptz_control", "copy_on", "copy",
        "log_search", "parameter", "system_maintenance", "manual_record", "manage_disk",
        "remote_login", "sequence_control", "manual_snapshot",
    )
}  # fmt: skip
ACTION = {
    "buzzer": 5, "ON": 1, "IP": [1, 2], "Pin": [5], "Time": 3, "preRecord": 10, "postRecord": 30,
    "showMessage": 1, "sendEmail": 0, "fullScreen": 0,
}  # fmt: skip
FAULT = {"ON": 1, "buzzer": 5, "Pin": [5], "Time": 3, "showMessage": 1, "sendEmail": 0}
DRIVE = {"switch": True, "buzzer": 5, "sendEmail": 0, "sendToXfleet": 1, "Pin": [5], "Time": 3}

CASES = [
    Case(
        "7.1", lambda c: c.network(), "GET", "/network/getNetwork", reply("7.1"),
        lambda said: [(i.name, i.type, i.enabled, i.apn) for i in said.interfaces] == [
            ("enp2s0", "ethernet", None, None), ("wlx000e8e9728a2", "wifi", True, None),
            ("cdc-wdm0", "gsm", True, "internet"),
        ] and said.general.interface == "enp2s0" and said.pppoe.interface == "enp2s0",
    ),
    Case(
        "7.2", lambda c: c.scan_wifi(), "GET", "/network/scanWifiDevices", reply("7.2"),
        lambda found: len(found) == 10 and (found[5].ssid, found[5].signal) == ("ISS-Lab", 79),
    ),
    Case(
        "7.4", lambda c: c.mobile_bitrate(), "GET", "/network/gsmBitrate", reply("7.4"),
        lambda said: (said.upload, said.download) == ("0.22 Kb/s", "0.34 Kb/s"),
    ),
    Case(
        "7.5", lambda c: c.poe_states(), "GET", "/network/getPOEStates", reply("7.5"),
        lambda found: [s.on for s in found] == [False, False, False, True],
    ),
    Case(
        "7.7", lambda c: c.ddns(), "GET", "/network/getDDNS", reply("7.7"),
        lambda said: (said.domain, said.port, said.status) == ("xnvr", 1680, "DDNS_UPDATE_OK"),
    ),
    Case(
        "7.9", lambda c: c.ports(), "GET", "/network/getPort", reply("7.9", **PORTS),
        lambda said: (said.http, said.rtsp, said.https) == (80, 554, 443),
    ),
    Case(  # `"sender": "sender@email.address,` and `"interval = 300`, as printed
        "7.11", lambda c: c.email(), "GET", "/network/getEMail", reply("7.11"),
        lambda said: (said.port, said.server, said.sender, said.interval)
        == (25, "email.server", "sender@email.address", 300)
        and said.password.get_secret_value() == "password" and "'password'" not in repr(said),
    ),
    Case(
        "8.1", lambda c: c.certificate(), "GET", "/https/getCertificateInfo", reply("8.1"),
        lambda said: said.subject.unit == "R&D Division"
        and said.not_after == "2029-12-07T03:37:24.000Z",
    ),
    Case(
        "9.1", lambda c: c.usb_storages(), "GET", "/storage/getUSBStorages", reply("9.1"),
        lambda found: [(s.size, s.label) for s in found] == [("32.5G", "MYDISK")],
    ),
    Case(
        "9.3", lambda c: c.disk_groups(), "GET", "/storage/getDiskGroups", reply("9.3"),
        lambda found: [g.channels for g in found] == [(1, 2, 3, 4), (5, 6), (7, 8)],
    ),
    Case(
        "9.4", lambda c: c.storages(), "GET", "/storage/getStorages", reply("9.4"),
        lambda found: [(s.device, s.size, s.slot, s.group) for s in found]
        == [("/dev/sdb", "931.5G", "HDD-1", 1)],
    ),
    Case(  # the guide shows no reply
        "9.6", lambda c: c.smart("/dev/sdb"), "GET", "/storage/smart?device=%2Fdev%2Fsdb",
        b"ID# ATTRIBUTE_NAME\n  5 Reallocated_Sector_Ct 0",
        lambda said: said.startswith("ID# ATTRIBUTE_NAME"),
    ),
    Case(
        "9.18", lambda c: c.alarm_settings("Motion"), "GET",
        "/device/getAlarmSettings?alarmType=Motion",
        reply("9.18", channel=1, switch=True, ftpPicture=False, **ACTION),
        lambda found: [
            (s.channel, s.action.pre_record, s.action.post_record, s.action.switch,
             s.action.record_channels, [(c.channel, c.pin) for c in s.action.alarm_out.cameras])
            for s in found
        ] == [(1, 10, 30, True, (1, 2), [(2, 1), (2, 2)])],
    ),
    Case(
        "9.18", lambda c: c.alarm_settings("GPIO"), "GET",
        "/device/getAlarmSettings?alarmType=GPIO",
        reply("9.18-2", alarmIn=2, alarmType=1, **ACTION),
        lambda found: [(s.channel, s.alarm_in, s.action.contact) for s in found] == [(None, 2, 1)],
    ),
    Case(
        "9.19", lambda c: c.time(), "GET", "/system/getTime", reply("9.19"),
        lambda said: (said.time, said.local, said.zone, said.dst)
        == (at("2019-09-16T04:54:33.430Z"), "2019-09-16 12:54:33.430", 480, False)
        and (said.dst_start.month, said.dst_start.week, said.dst_end.month) == (2, -1, 9),
    ),
    Case(
        "9.22", lambda c: c.overwrite(), "GET", "/storage/getOverwrite",
        reply("9.22", overwriteDays=30), lambda said: said.days == 30,
    ),
    Case(
        "9.24", lambda c: c.exception_alarm(), "GET", "/system/getExceptionAlarm",
        reply("9.24", **FAULT),
        lambda said: said.disk_full.enabled and said.video_loss.alarm_out.pins == (5,),
    ),
    Case(
        "9.25", lambda c: c.logs(at("2020-03-22T16:00:00Z"), None, "Record"), "POST",
        "/system/searchLogs",
        reply("9.25", type="Record", description="Playback", channel=1, user="admin",
              createTime=1584949182125, hasRecord=1),
        lambda found: [(e.type, e.channel, e.time, e.user, e.has_record) for e in found]
        == [("Record", 1, at("2020-03-23T07:39:42.125Z"), "admin", True)],
        {"type": "Record", "startTime": 1584892800000, "endTime": 0},
    ),
    Case(
        "10.5", lambda c: c.accounts(), "GET", "/account/userList",
        reply("10.5", userID=7, active=True, username="admin", password=True),
        lambda found: [(a.user_id, a.username, a.has_password) for a in found]
        == [("7", "admin", True)],
    ),
    Case(
        "10.6", lambda c: c.account("7"), "GET", "/account/getUser?userID=7",
        reply("10.6", userID=7, active=True, username="admin", password="konto-geheim", **RIGHTS),
        lambda said: said.permissions["playback"] is True and len(said.permissions) == 16
        and "konto-geheim" not in f"{said!r} {said.model_dump_json()}",
    ),
    Case(  # text whose form the guide does not show
        "10.11", lambda c: c.configuration(), "GET", "/system/backupConfig",
        b"admin_password=konto-geheim\n",
        lambda said: "konto-geheim" not in repr(said)
        and said.get_secret_value() == "admin_password=konto-geheim\n",
    ),
    Case(
        "10.15", lambda c: c.motion_settings(1), "GET",
        "/device/getAnalyticsMotionSettings?ChannelID=1&mainsub=0",
        reply("10.15", channel=1, switch=True, columns=22, rows=18, x=-1, y=-1, sensitivity=60,
              cellSettings="ff00"),
        lambda found: (found[0].columns, found[0].rows, found[0].cells) == (22, 18, "ff00")
        and found[0].layout["transformation"]["scale"] == {"x": -1, "y": -1},
    ),
    Case(
        "10.17", lambda c: c.system_info(), "GET", "/system/getSystemInfo",
        reply("10.17", analog_channels=0, ipcam_channels=8, device_name="AiO NVR", device_id="1",
              software_version="1.0.25-201911271625", model="AiO", serial="S1"),
        lambda said: (said.ip_channels, said.name, said.firmware, said.serial)
        == (8, "AiO NVR", "1.0.25-201911271625", "S1"),
    ),
    Case(
        "10.19", lambda c: c.gpio(), "GET", "/dio/GetGPIOInfo", reply("10.19"),
        lambda found: [(g.channel, g.outputs) for g in found]
        == [(0, (5, 6, 7, 8)), (1, (1,)), (2, (1, 2))],
    ),
    Case(
        "10.20", lambda c: c.pins(), "GET", "/dio/GetPinStatus", reply("10.20"),
        lambda found: [p.number for p in found] == list(range(1, 9)),
    ),
    Case(
        "10.22", lambda c: c.xfleet(), "GET", "/ttxnet/getConfig", reply("10.22"),
        lambda said: (said.device_id, said.server, said.port) == ("30005", "172.20.4.169", 6608),
    ),
    Case(
        "10.25", lambda c: c.gps_events(), "GET", "/device/getGPSEventSettings",
        reply("10.25", limit=100, unit="kmph", overTime=10, **DRIVE),
        lambda said: (said.over_speed.limit, said.over_speed.unit, said.long_parking.seconds)
        == (100.0, "kmph", 10.0) and said.low_speed.send_to_xfleet,
    ),
    Case(
        "10.27", lambda c: c.gsensor_events(), "GET", "/device/getGSensorEventSettings",
        reply("10.27", x=1.5, y=2, z=3, **DRIVE),
        lambda said: said.acceleration.limit.x == 1.5 and said.sharp.alarm_out.pins == (5,),
    ),
    Case(
        "10.29", lambda c: c.ftp(), "GET", "/network/getFTP",
        reply("10.29", active=True, host="192.0.2.9", port="21", username="u",
              password="ftp-geheim", path="/"),
        lambda said: said.port == 21 and "ftp-geheim" not in f"{said!r} {said.model_dump_json()}",
    ),
    Case(
        "10.32", lambda c: c.ip_filter(), "GET", "/network/getIPFilter", reply("10.32"),
        lambda said: said.blacklist == (
            "192.168.1.1", "192.168.2.0/24", "192.168.3.1-192.168.3.10"
        ) and said.whitelist == (),
    ),
]  # fmt: skip
