"""`[… .everfocus]`: what the guide of EverFocus recorders leaves open, each a setting; and how the
archive draws on them."""

from __future__ import annotations

from dataclasses import fields
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from hikcore.sources.everfocus.archiving import ArchiveSettings
from hikcore.sources.everfocus.settings import EverFocusSettings

_Unit = Literal["s", "ms"]
#: Compared in lower case with what a recorder says.
_Words = tuple[Annotated[str, StringConstraints(min_length=2, to_lower=True)], ...]


class EverFocusSection(BaseModel):
    """A table; what it leaves out is taken from the table of the same name above."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    login_algorithm: Literal["md5", "sha256"] = Field("md5", description="hash of the login")
    login_method: str = Field("POST", description="in A2 of the login's digest")
    login_uri: str = Field("/admin/login", description="likewise")
    password_prehash: Literal["none", "md5"] = Field(
        "none", description="hash of the password before the digest"
    )
    login_realm: str = Field("xnvr", min_length=1, description="where the recorder names none")
    login_qop: str = Field("auth", min_length=1, description="likewise")
    session_place: Literal["cookie", "header"] = Field("cookie", description="where a login lives")
    session_header: str = Field("userID", description="with session_place = header: its name")
    expired_status: frozenset[Annotated[int, Field(ge=300, le=599)]] = Field(
        frozenset({401, 403}), description="HTTP codes of a login that has run out"
    )
    expired_words: _Words = Field(
        EverFocusSettings().expired_words, description="one of them in an Error says the same"
    )
    busy_words: _Words = Field(
        EverFocusSettings().busy_words,
        description="one of them in an Error: it is busy",
    )
    logout: bool = Field(True, description="end a login when it is not needed any more")
    inventory: bool = Field(False, description="allow readings that no extraction needs")
    snapshots: bool = Field(False, description="allow getSnapshot, which makes a file there")
    playback_unit: _Unit = Field("s", description="of the time that playback begins at")
    clips_unit: Literal["s", "ms", "iso"] = Field("s", description="of times of requestVideoClips")
    ends_inclusive: bool = Field(True, description="EndTime is the last second that is meant")
    backup_end_inclusive: bool = Field(False, description="the same of AVI (way = backup)")
    meta_as_list: bool = Field(False, description="listen asks for metadata by a list of types")
    map_day: Literal["local", "utc"] = Field("local", description="whose midnight maps begin at")
    map_hour: Literal["local", "utc"] = Field("local", description="whose hours, likewise")
    map_channels: int = Field(4, ge=1, le=4, description="of one question for a map")
    map_absent: Literal["empty", "unknown"] = Field(
        "empty", description="what a channel has that a map leaves out"
    )
    dst_offset_unit: Literal["minutes", "seconds", "hours"] = Field(
        "minutes", description="of dst_offset"
    )
    time_zone_has_dst: bool = Field(False, description="time_zone counts summer time")
    dst_end_clock: Literal["daylight", "standard"] = Field(
        "daylight", description="whose hour dst_end_hour is"
    )
    frame_times: Literal["utc", "local"] = Field("utc", description="what sec of a frame counts")
    size_counts_header: bool | None = Field(
        None, description="datalen counts the header too; unset: the first frame shows it"
    )
    window_seconds: int = Field(600, ge=10, le=3600, description="of one chunk of the archive")
    margin_seconds: int = Field(5, ge=0, le=60, description="asked for before and after a window")
    settle_seconds: Annotated[int, Field(ge=0)] = Field(
        120, description="younger footage is not asked for"
    )
    way: Literal["playback", "backup", "auto"] = Field(
        "playback", description="footage by playback, as AVI, or as AVI where that is too slow"
    )
    playback_idle: float = Field(
        15.0, gt=0, le=600, description="seconds without a frame that end a playback"
    )
    playback_speed: Literal[1, 2, 4, 8, 16] = Field(
        1, description="above 1 only where doctor finds the same frames"
    )
    transport: Literal["websocket", "rtsp"] = Field(
        "websocket", description="how footage comes; rtsp where only that is let through"
    )
    live: Literal["websocket", "rtsp"] = Field(
        "websocket", description="how live video comes, likewise"
    )
    rtsp_port: int | None = Field(
        None, ge=1, le=65535, description="of RTSP; unset: the recorder is asked"
    )

    def archiving(self) -> ArchiveSettings:
        """How the archive draws on it."""
        return ArchiveSettings(**self._of(ArchiveSettings))

    def settings(self, **more: Any) -> EverFocusSettings:
        """How it is spoken to."""
        return EverFocusSettings(**self._of(EverFocusSettings), **more)

    def _of(self, kind: type[Any]) -> dict[str, Any]:
        mine = type(self).model_fields
        return {each.name: getattr(self, each.name) for each in fields(kind) if each.name in mine}
