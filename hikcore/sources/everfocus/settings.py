"""How one EverFocus recorder is spoken to: what its guide leaves open, each with its default.

The guide (EverFocus NVR SDK, 2019) is the only thing known of these recorders. Where it is silent,
one reading stands here as a setting; another one is never tried by itself, least of all at a login,
as recorders lock accounts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from hikcore.sources.patience import Busy, Retries
from hikcore.sources.timetable import Timetable

MIB: Final = 1 << 20
#: Unix time in whole seconds, in milliseconds, or `2019-09-16T04:54:33Z`.
TimeUnit = Literal["s", "ms", "iso"]


@dataclass(frozen=True, slots=True)
class EverFocusSettings:
    """How one recorder is spoken to. Sections in brackets are those of the guide.

    Attributes:
        login_algorithm: hash of the digest (10.2 names none; its fields are those of RFC 2617).
        login_method, login_uri: what A2 of the digest is made of.
        password_prehash: hash of the password before it goes into the digest.
        login_realm, login_qop: used where the reply to 10.1 leaves them out.
        session_place: where a login lives: `cookie`, kept from 10.1 on and for everything after;
            `header`: the user id that 10.2 answers, sent as `session_header`.
        session_header: name of that header.
        logout: end a login when it is not needed any more (10.3).
        expired_status: HTTP codes that say that a login has run out.
        expired_words: so does `"Result": "Error"` with one of them in its description (lower case).
            An HTML page in place of an answer does, always.
        busy_words: one of them in the description of an Error says that it is busy: it is waited
            for, as after HTTP 503.
        inventory: allow the readings that no extraction needs (addresses, accounts, hardware); the
            passwords in their replies are masked.
        snapshots: allow `getSnapshot` (3.6): it makes a file on the recorder.
        scans: allow 2.1 and 7.2: they make the recorder search its network.
        discovery_port: of the broadcast (1).
        discovery_order: of the bytes of magic and command: `printed` as in the guide, `reversed`.
        discovery_listen: listen for replies at that port too, besides the port of the question.
        clips_unit: of the times in 9.11, which are strings of "UTC time".
        snapshots_unit: of the times in 3.7, question and answer.
        playback_unit: of `time` in 3.3 ("Unix Time format").
        ends_inclusive: whether `EndTime` of 4.5 and 5.x is the last second that is meant, as 4.5's
            example ends at 23:59:59.
        backup_end_inclusive: the same of `endTime` in 9.12.
        map_day: whose midnight the days of 5.1 begin at: the recorder's `local` one (as the times
            of 4.5's example do, in a zone of UTC+8), or `utc`.
        map_channels: most channels of one question for a map (5.x).
        dst_offset_unit: of `dst_offset` (9.19).
        time_zone_has_dst: whether `time_zone` (9.19) already counts daylight saving time.
        dst_end_clock: whether `dst_end_hour` is told by the clock of `daylight` time, as people do,
            or of `standard` time.
        size_counts_header: whether `datalen` counts the header's 32 bytes; None: the first frame
            shows it.
        connect_timeout, idle_timeout: seconds for TCP and TLS; and without a byte.
        slowest: bytes a second; a body that comes more slowly over `idle_timeout` has stalled,
            though it trickles.
        retries: of requests that failed in a way that passes.
        busy: waits where it is busy.
        searches: requests with small answers at once, by this process.
        downloads: bodies at once.
        streams: playbacks at once (nothing is said of how many it serves; live ones do not count).
        requests: a second, all kinds together.
        hours: when it is left alone, and what it may give.
        answer_limit: bytes of a small answer (4000 rows of a log have about 1 MB).
        message_limit: bytes of one WebSocket message.
    """

    login_algorithm: Literal["md5", "sha256"] = "md5"
    login_method: str = "POST"
    login_uri: str = "/admin/login"
    password_prehash: Literal["none", "md5"] = "none"  # noqa: S105  the name of a hash
    login_realm: str = "xnvr"
    login_qop: str = "auth"
    session_place: Literal["cookie", "header"] = "cookie"
    session_header: str = "userID"
    logout: bool = True
    expired_status: frozenset[int] = frozenset({401, 403})
    busy_words: tuple[str, ...] = (
        "busy", "too many sessions", "too many connections", "too many clients",
    )  # fmt: skip
    expired_words: tuple[str, ...] = ("login", "log in", "logged in", "unauthor", "session expired")
    inventory: bool = False
    snapshots: bool = False
    scans: bool = False
    discovery_port: int = 31501
    discovery_order: Literal["printed", "reversed"] = "printed"
    discovery_listen: bool = False
    clips_unit: TimeUnit = "s"
    snapshots_unit: Literal["s", "ms"] = "s"
    playback_unit: Literal["s", "ms"] = "s"
    ends_inclusive: bool = True
    backup_end_inclusive: bool = False
    map_day: Literal["local", "utc"] = "local"
    map_channels: int = 4
    dst_offset_unit: Literal["minutes", "seconds", "hours"] = "minutes"
    time_zone_has_dst: bool = False
    dst_end_clock: Literal["daylight", "standard"] = "daylight"
    size_counts_header: bool | None = None
    connect_timeout: float = 10.0
    idle_timeout: float = 60.0
    slowest: float = 1024.0
    retries: Retries = field(default_factory=Retries)
    busy: Busy = field(default_factory=Busy)
    searches: int = 2
    downloads: int = 1
    streams: int = 1
    requests: float = 10.0
    hours: Timetable = field(default_factory=Timetable)
    answer_limit: int = 16 * MIB
    message_limit: int = 17 * MIB
