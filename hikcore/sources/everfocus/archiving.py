"""How an EverFocus recorder is drawn on for an archive: windows, and what the guide leaves open of
maps and playback. Logins, transport and units are in `settings`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from hikcore.errors import ConfigurationError
from hikcore.instants import NS
from hikcore.sources.base import Windows

#: What `fast_forward` may be asked for (3.4).
SPEEDS: Final = (1, 2, 4, 8, 16)
_DAY: Final = 86_400


@dataclass(frozen=True, slots=True)
class ArchiveSettings:
    """Of one recorder. None of the defaults has met a real one.

    Attributes:
        window_seconds: of one chunk of the archive; divides a day.
        margin_seconds: asked for before and after a window.
        settle_seconds: after a window's end, before which it is still being written.
        map_hour: whose hours the questions of 5.2 begin at, where a zone is off by half an hour:
            the recorder's `local` ones, or those of `utc`.
        map_absent: what it means that a map leaves a channel out: it has nothing (`empty`), or
            nobody knows (`unknown`).
        frame_times: what `sec` of a frame counts: `utc`, as the guide says ("Unix time"), or the
            recorder's wall clock (`local`), as some devices of this kind do.
        playback_idle: seconds without a frame after which a playback has no more.
        playback_speed: 1, or what doctor has found to bring the same frames.
        way: how footage comes: by playback; as AVI (`backup`), whose times are estimated between
            its ends; or as AVI only where playback does not keep up (`auto`).
        transport: how footage comes: by `websocket`, with the time of every frame; or by `rtsp`,
            where only that is let through.
        live: how live video comes, likewise.
        rtsp_port: of RTSP; None: the recorder is asked.
        lookback_windows: windows that are asked for besides, where one has no key picture in it.
    """

    window_seconds: int = 600
    margin_seconds: int = 5
    settle_seconds: int = 120
    map_hour: Literal["local", "utc"] = "local"
    map_absent: Literal["empty", "unknown"] = "empty"
    frame_times: Literal["utc", "local"] = "utc"
    playback_idle: float = 15.0
    playback_speed: int = 1
    lookback_windows: int = 7
    way: Literal["playback", "backup", "auto"] = "playback"
    transport: Literal["websocket", "rtsp"] = "websocket"
    live: Literal["websocket", "rtsp"] = "websocket"
    rtsp_port: int | None = None

    def windows(self, where: str = "") -> Windows:
        """How the archive asks.

        Raises:
            ConfigurationError: numbers that do not fit.
        """
        faults = (
            (not 10 <= self.window_seconds <= 3600, "window_seconds is not between 10 and 3600"),
            (_DAY % max(self.window_seconds, 1) != 0, "window_seconds does not divide a day"),
            (not 0 <= self.margin_seconds <= 60, "margin_seconds is not between 0 and 60"),
            (self.settle_seconds < 0, "settle_seconds is below 0"),
            (self.playback_speed not in SPEEDS, "playback_speed is none of 1, 2, 4, 8, 16"),
        )
        for wrong, message in faults:
            if wrong:
                raise ConfigurationError(message, where=where)
        window, margin = self.window_seconds * NS, self.margin_seconds * NS
        return Windows(window, margin, window + 2 * margin, self.settle_seconds * NS)
