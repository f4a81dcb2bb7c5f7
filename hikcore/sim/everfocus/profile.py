"""A simulated EverFocus recorder's whole behaviour as data.

What the SDK guide leaves open is a field here, its default what seems most likely; none of it was
compared with a real recorder.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, SecretStr, model_validator

from hikcore.errors import ConfigurationError
from hikcore.sim.camera import CameraProfile
from hikcore.sim.everfocus.behaviour import (
    Answering,
    Backup,
    Clips,
    Logs,
    Maps,
    Playback,
    Snapshots,
    Socketing,
)
from hikcore.sim.everfocus.happened import EventRow, LogRow, MetaRow
from hikcore.sim.faults import Fault
from hikcore.sim.profile import Recorded, ZonedClock, distinct_channels
from hikcore.sim.when import Data


class NvrIdentity(Data):
    """What getSystemInfo, getPort and the discovery say.

    Attributes:
        name, device_id, model, firmware, serial, mac: as they stand there; the guide's own example
            of the discovery has the model `undefined`.
        ip_channels, analog_channels: how many it has, used or not.
        https_port: that getPort tells; nothing listens there.
        server: of every answer.
        overwrite_days: of getOverwrite; 0: not by days.
    """

    name: str = "AiO NVR"
    device_id: str = "1"
    model: str = "undefined"
    firmware: str = "1.0.25-201911271625"
    serial: str = "SIM0000001"
    mac: str = "00:04:4b:e6:32:f7"
    ip_channels: int = 8
    analog_channels: int = 0
    https_port: int = 443
    server: str = "xnvr"
    overwrite_days: int = 0


class Login(Data):
    """Who may log in, and how (10.1 to 10.3; the guide names the fields, no arithmetic).

    Attributes:
        username, password: of the only user.
        algorithm, method, uri: of the response: RFC 2617 with A2 = method:uri.
        prehash: what stands for the password in A1.
        change_pwd: what 10.1 prints; None leaves it out.
        temporary: the reply to a login has `needToChangePasswd`.
        place: where a session lives: in a cookie, with the client's address, or in a header that
            repeats the `userID` that the login was answered with.
        header: its name.
        rotates: a login gives another cookie.
        session_seconds: of a session since its login; 0: for ever.
        refused: how requests without a session are answered: HTTP 401 or 403 or 200 with an Error,
            or the page of the login.
        lock_after, lock_seconds: wrong logins until an address is locked (0: never), and how long.
        rtsp: how RTSP wants a login.
    """

    username: str = "admin"
    password: SecretStr = SecretStr("hikcore-12345")
    algorithm: Literal["md5", "sha256"] = "md5"
    method: str = "POST"
    uri: str = "/admin/login"
    prehash: Literal["none", "md5"] = "none"
    change_pwd: str | None = "first"  # noqa: S105  a word of the guide's
    temporary: bool = False
    place: Literal["cookie", "address", "header"] = "cookie"
    header: str = "userID"
    rotates: bool = False
    session_seconds: int = Field(default=0, ge=0)
    refused: Literal["401", "403", "error", "page"] = "401"
    lock_after: int = Field(default=5, ge=0)
    lock_seconds: int = 1800
    rtsp: Literal["digest", "basic", "none"] = "digest"


class NvrClock(ZonedClock):
    """The recorder's clock (9.19).

    Attributes:
        zone_has_dst: `time_zone` is the offset in force, summer time included.
        dst_unit: of `dst_offset`.
        dst_mode: whether the changes are told as weekdays or as dates.
        dst_end_hour: by the wall clock in force until then, or by standard time.
    """

    zone: str = "CST-8:00:00"
    zone_has_dst: bool = False
    dst_unit: Literal["minutes", "hours", "seconds", "milliseconds"] = "minutes"
    dst_mode: Literal["week", "date"] = "week"
    dst_end_hour: Literal["daylight", "standard"] = "daylight"


class NvrCamera(Data):
    """A channel, as cameraList and cameraStatus tell it, and what it films.

    Attributes:
        main: the main stream; its channel is the channel's id.
        sub: the second stream, recorded too; None: there is none.
        enabled, online, recording, event, manual: its state.
        address, manufacturer, model, firmware, mac: of the camera.
    """

    main: CameraProfile
    sub: CameraProfile | None = None
    enabled: bool = True
    online: bool = True
    recording: bool = True
    event: bool = False
    manual: bool = False
    address: str = "192.168.33.11"
    manufacturer: str = "EverFocus"
    model: str = "EBN1240-A"
    firmware: str = "1.2.3"
    mac: str = "00:11:14:00:00:01"

    @model_validator(mode="after")
    def _same(self) -> NvrCamera:
        if self.sub is not None and self.sub.channel != self.main.channel:
            raise ValueError(f"the sub stream of {self.main.channel} is of another channel")
        return self


class Limit(Data):
    """What it serves at once.

    Attributes:
        backups: AVI downloads.
        playbacks, lives: WebSockets.
        rate: bytes a second of each download; 0: as fast as it goes.
    """

    backups: int = Field(default=2, ge=1)
    playbacks: int = Field(default=4, ge=1)
    lives: int = Field(default=128, ge=1)
    rate: int = Field(default=0, ge=0)


class NvrProfile(Data):
    """A simulated EverFocus recorder, whole.

    Attributes:
        name, description: of it.
        seed: of the scenery.
        strict_types: a number where the guide wants a text (and the reverse) is an Error.
        curly: OK and Error stand in the guide's own typographic quotes, so that no parser of JSON
            reads them.
        booleans: how they are written: as such, as texts, or as numbers.
        recorded: what is on the disks: its begin, holes, settings of the clock.
        cameras: its channels; ids may have gaps.
        events, metas, logs, logging: what happened.
        login, clock, answering, maps, clips, backup, playback, sockets, snapshots, limits: how it
            does what it does.
        identity: what it says of itself.
        faults: what goes wrong; matched against `METHOD /path?query`, WebSockets too (as GET).
    """

    name: str = "unnamed"
    description: str = ""
    seed: int = 1
    identity: NvrIdentity = NvrIdentity()
    login: Login = Login()
    clock: NvrClock = NvrClock()
    strict_types: bool = True
    curly: bool = False
    booleans: Literal["bool", "text", "number"] = "bool"
    recorded: Recorded = Recorded()
    answering: Answering = Answering()
    maps: Maps = Maps()
    clips: Clips = Clips()
    backup: Backup = Backup()
    playback: Playback = Playback()
    sockets: Socketing = Socketing()
    snapshots: Snapshots = Snapshots()
    limits: Limit = Limit()
    cameras: tuple[NvrCamera, ...] = Field(min_length=1)
    events: tuple[EventRow, ...] = ()
    metas: tuple[MetaRow, ...] = ()
    logs: tuple[LogRow, ...] = ()
    logging: Logs = Logs()
    faults: tuple[Fault, ...] = ()

    @model_validator(mode="after")
    def _distinct(self) -> NvrProfile:
        distinct_channels(camera.main.channel for camera in self.cameras)
        return self


def built_in_nvrs() -> dict[str, str]:
    """Names and what they are."""
    from hikcore.sim.everfocus.profiles import BUILT_IN  # noqa: PLC0415  it validates by this one

    return {name: data["description"] for name, data in BUILT_IN.items()}


def nvr_profile(name: str, **changes: Any) -> NvrProfile:
    """A built-in profile.

    Args:
        changes: of its tables; a table is changed key by key.

    Raises:
        ConfigurationError: there is none of that name.
    """
    from hikcore.sim.everfocus.profiles import BUILT_IN, changed  # noqa: PLC0415

    if name not in BUILT_IN:
        raise ConfigurationError(
            f"no simulated EverFocus recorder is called {name!r}",
            hint=f"one of {', '.join(BUILT_IN)}",
        )
    return NvrProfile.model_validate(changed(BUILT_IN[name], **changes))
