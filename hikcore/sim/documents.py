"""What the recorder says about itself: identity, time, channels, tracks."""

from __future__ import annotations

from collections.abc import Callable

from hikcore.instants import format_local
from hikcore.sim.camera import CameraProfile
from hikcore.sim.http import Request, Response
from hikcore.sim.profile import Profile
from hikcore.sim.xml import BAD_METHOD, Writer, page, tags


class Documents:
    """Answers of one recorder that change only with its clock.

    Args:
        profile: what it is.
        xml: writes in its dialect.

    Attributes:
        ports: by protocol, as adminAccesses tells them.
    """

    def __init__(self, profile: Profile, xml: Writer) -> None:
        self._profile = profile
        self._xml = xml
        self.ports = {"HTTP": 80, "RTSP": 554}
        self._paths: dict[str, Callable[[int], Response]] = {
            "/ISAPI/System/deviceInfo": self._device,
            "/ISAPI/System/time": self._time,
            "/ISAPI/ContentMgmt/InputProxy/channels": self._inputs,
            "/ISAPI/ContentMgmt/InputProxy/channels/status": self._inputs_status,
            "/ISAPI/Streaming/channels": self._streams,
            "/ISAPI/ContentMgmt/search/profile": self._search_profile,
            "/ISAPI/ContentMgmt/download/capabilities": self._abilities,
            "/ISAPI/ContentMgmt/capabilities": self._racm,
            "/ISAPI/ContentMgmt/Storage": self._storage,
            "/ISAPI/Security/adminAccesses": self._ports,
            "/ISAPI/System/Video/inputs/channels": self._analogue,
        }

    def serve(self, request: Request, now: int) -> Response:
        """The document at a path; the web server's own 404 where there is none."""
        found = self._paths.get(request.path)
        if found is None:
            more = f"Can't locate document: {request.path}"
            return page(404, "Not Found", more.replace("<", "&lt;"))
        if request.method != "GET":
            return self._xml.refusal(405, request.target, BAD_METHOD)
        return found(now)

    def user_check(self, seconds: int, left: int, status: int = 200) -> Response:
        """Security/userCheck, also the body of a locked address's 401.

        Args:
            seconds: until the lock ends, 0 where there is none.
            left: wrong logins that are still allowed.
        """
        value, name = (401, "Unauthorized") if status == 401 or seconds else (200, "OK")
        inner = tags(
            statusValue=value,
            statusString=name,
            isActivated=True,
            lockStatus="lock" if seconds else "unlock",
            unlockTime=seconds,
            retryLoginTime=left,
        )
        return self._xml.document("userCheck", inner, status)

    def _device(self, now: int) -> Response:
        identity = self._profile.identity
        inner = tags(
            deviceName=identity.name,
            deviceID=identity.device_id,
            model=identity.model,
            serialNumber=identity.serial,
            macAddress=identity.mac,
            firmwareVersion=identity.firmware,
            firmwareReleasedDate="build 210915",
            encoderVersion="V5.0",
            deviceType=identity.device_type,
            telecontrolID=255,
        )
        return self._xml.document("DeviceInfo", inner)

    def wall(self, now: int) -> tuple[int, str]:
        """(the wall clock's reading, local ns; the offset that is written behind it)."""
        clock = self._profile.clock
        local = clock.rule.utc_to_local(now)
        if clock.suffix == "none":
            return local, ""
        offset = clock.rule.offset
        if clock.suffix == "offset":
            offset = (local - now) // 1_000_000_000
        sign, offset = ("-" if offset < 0 else "+"), abs(offset)
        return local, f"{sign}{offset // 3600:02d}:{offset // 60 % 60:02d}"

    def _time(self, now: int) -> Response:
        local, suffix = self.wall(now)
        zone = self._profile.clock.zone
        inner = tags(timeMode="NTP", localTime=format_local(local, 0) + suffix, timeZone=zone)
        return self._xml.document("Time", inner)

    def _inputs(self, now: int) -> Response:
        rows = [
            "<InputProxyChannel>"
            + tags(id=camera.channel, name=camera.title)
            + "<sourceInputPortDescriptor>"
            + tags(
                proxyProtocol="HIKVISION",
                addressingFormatType="ipaddress",
                ipAddress=f"192.0.2.{camera.channel}",
                managePortNo=8000,
                srcInputPort=1,
                userName="admin",
                streamType="auto",
                model="DS-2CD2043G2-I",
                serialNumber=camera.serial or f"DS-2CD2043G2-I20260101AAWR{camera.channel:09d}",
            )
            + "</sourceInputPortDescriptor></InputProxyChannel>"
            for camera in self._profile.cameras
        ]
        # Wrong on every recorder that was looked at: 19 for 13 channels, 0 for 8.
        size = f' size="{len(rows) + self._profile.dialect.input_size}"'
        return self._xml.document("InputProxyChannelList", "\n".join(rows), more=size)

    def _inputs_status(self, now: int) -> Response:
        rows = [
            "<InputProxyChannelStatus>"
            + tags(id=camera.channel, online=camera.online)
            + "</InputProxyChannelStatus>"
            for camera in self._profile.cameras
        ]
        return self._xml.document("InputProxyChannelStatusList", "\n".join(rows))

    def _streams(self, now: int) -> Response:
        rows = [
            _stream(camera, stream)
            for camera in self._profile.cameras
            for stream in ((1, 2) if camera.sub else (1,))
        ]
        return self._xml.document("StreamingChannelList", "\n".join(rows))

    def _search_profile(self, now: int) -> Response:
        inner = tags(
            searchProfile="full",
            textSearch=False,
            maxSearchTimespans=1,
            maxSearchTracks=16,
            maxSearchMatchResults=self._profile.dialect.page_cap,
            maxSearchTimeout=5000,
            maxConcurrentSearches=self._profile.limits.searches,
        )
        return self._xml.document("CMSearchProfile", inner)

    def _abilities(self, now: int) -> Response:
        inner = tags(isSupportDownloadbyFileName=True, isSupportDownloadbyTime=False)
        return self._xml.document("DownloadAbility", inner)

    def _racm(self, now: int) -> Response:
        inner = tags(isSupportMainAndSubRecord=False, inputProxyNums=len(self._profile.cameras))
        kinds = "//recordType.meta.std-cgi.com,//recordType.meta.std-cgi.com/CMR"
        inner += (
            f'\n<recordSearchType opt="{kinds}">//recordType.meta.std-cgi.com</recordSearchType>'
        )
        return self._xml.document("RacmCap", inner)

    def _storage(self, now: int) -> Response:
        rows = [
            "<hdd>"
            + tags(
                id=index, hddName=disk.name, hddPath="", hddType="SATA", status=disk.status,
                capacity=disk.capacity_mb, freeSpace=disk.free_mb, property="RW",
            )
            + "</hdd>"
            for index, disk in enumerate(self._profile.disks, 1)
        ]  # fmt: skip
        inner = f"<hddList>{''.join(rows)}</hddList>" + tags(workMode="quota")
        return self._xml.document("storage", inner)

    def _ports(self, now: int) -> Response:
        rows = [
            f"<AdminAccessProtocol>{tags(id=index, enabled=True, protocol=name, portNo=port)}"
            "</AdminAccessProtocol>"
            for index, (name, port) in enumerate(self.ports.items(), 1)
        ]
        return self._xml.document("AdminAccessProtocolList", "\n".join(rows))

    def _analogue(self, now: int) -> Response:
        rows = [
            "<VideoInputChannel>"
            + tags(id=camera.channel, inputPort=camera.channel, name=camera.title)
            + tags(resDesc="1080P" if camera.online else "NO VIDEO")
            + "</VideoInputChannel>"
            for camera in self._profile.cameras
        ]
        return self._xml.document("VideoInputChannelList", "\n".join(rows))


def _stream(camera: CameraProfile, stream: int) -> str:
    codec = "H.264" if camera.codec == "h264" else "H.265"
    video = tags(
        enabled=True,
        videoInputChannelID=camera.channel,
        videoCodecType=codec,
        videoResolutionWidth=camera.width,
        videoResolutionHeight=camera.height,
        maxFrameRate=100_000 // camera.frame_ms,
        GovLength=camera.gop,
    )
    law = {None: "", "alaw": "G.711alaw", "ulaw": "G.711ulaw"}[camera.audio]
    sound = tags(enabled=bool(law), audioCompressionType=law or "G.711ulaw")
    return (
        "<StreamingChannel>"
        + tags(id=camera.channel * 100 + stream, channelName=camera.title, enabled=True)
        + f"<Video>{video}</Video><Audio>{sound}</Audio></StreamingChannel>"
    )
