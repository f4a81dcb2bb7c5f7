"""The numbers that a person may want to change for one device, each with its reason."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from hikcore.instants import NS
from hikcore.sources.patience import Busy, Retries
from hikcore.sources.timetable import Timetable

#: `auto`: Digest; Basic only where TLS has verified who listens. `basic`: Basic, also in the clear.
AuthMode = Literal["auto", "basic"]
#: How recordings are got: `download`: as files; `rtsp`: played; `auto`: as files, and played where
#: the device refused downloads in every form.
PlaybackMode = Literal["auto", "download", "rtsp"]

MIB: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Settings:
    """How one device is spoken to.

    Attributes:
        connect_timeout: seconds for TCP and TLS.
        idle_timeout: seconds without a byte, in an answer or a body. Old footage takes a recorder
            15 s to find (device fact), so not much less than 30.
        slowest: bytes a second; a body that comes more slowly over `idle_timeout` has stalled,
            though it trickles. So a transfer ends within its size over this. The slowest that was
            reported of a real device is 2.4 KB/s.
        retries: of requests that failed in a way that passes.
        busy: waits where it is busy.
        auth: see `AuthMode`.
        nonce_idle: seconds after which a digest nonce is not used again. Recorders keep one for
            about a minute; a nonce that a reboot made unknown must not look like a bad password.
        searches, downloads: at once per device in this process (devices state
            maxConcurrentSearches=1; of downloads no figure is known, 2 is what clients live with).
        streams: RTSP playbacks at once (devices refuse more than one to a few with 453).
        requests: a second, all kinds together.
        hours: when it is left alone, and what it may give.
        window: ns of one search. Day windows always work, year windows fail with HTTP 500 on
            some units (device fact).
        page: rows asked for at once; devices cap it lower (40, 50, 64 seen).
        growing_margin: ns; a file that ends later than this before the device's now is open.
        growing_settle: ns; the newest file is closed at the latest when its end is so long ago.
        answer_limit: bytes of an XML answer that are read (the largest seen has 145 KB).
        playback: see `PlaybackMode`.
        rtsp_port: where it plays.
        quiet: seconds without a picture after which a playback is over: recorders end none. Longer
            than one searches for the next file.
        slack: a playback takes at most so many times as long as its footage, and five minutes.
    """

    connect_timeout: float = 10.0
    idle_timeout: float = 60.0
    slowest: float = 1024.0
    retries: Retries = field(default_factory=Retries)
    busy: Busy = field(default_factory=Busy)
    auth: AuthMode = "auto"
    nonce_idle: float = 30.0
    searches: int = 1
    downloads: int = 2
    streams: int = 1
    requests: float = 20.0
    hours: Timetable = field(default_factory=Timetable)
    window: int = 86_400 * NS
    page: int = 100
    growing_margin: int = 60 * NS
    growing_settle: int = 900 * NS
    answer_limit: int = 16 * MIB
    playback: PlaybackMode = "auto"
    rtsp_port: int = 554
    quiet: float = 15.0
    slack: float = 2.0
