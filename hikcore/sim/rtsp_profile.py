"""How a recorder streams over RTSP, as data."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hikcore.sim.when import Data


class Rtsp(Data):
    """What it serves, and its ways of going wrong.

    Attributes:
        playbacks, lives: sessions at the same time; one more is answered 453.
        leaks: a session whose connection ended without TEARDOWN goes on being counted.
        after_end: what comes when a playback reaches its end: `silent`: nothing, the connection
            stays (what devices do); `runs_on`: footage goes on for `overrun_ms`, then silence;
            `closes`: the recorder hangs up.
        overrun_ms: how much footage `runs_on` adds.
        pace: of a playback, 1: as it was filmed, 0: as fast as the client reads.
        describe_s, old_describe_s: seconds that DESCRIBE takes; of footage older than a day.
        reports: what the wall clock in RTCP sender reports is: when the footage was filmed, when it
            is sent, or there are none.
        sets: whether the SDP has the parameter sets; they are in the stream anyhow.
        most: bytes of the longest RTP payload.
        together: parameter sets in one aggregation packet.
        no_footage: how a playback of a span without any is answered.
        basic: whether the 401 offers Basic too.
    """

    playbacks: int = Field(default=2, ge=1)
    lives: int = Field(default=6, ge=1)
    leaks: bool = False
    after_end: Literal["silent", "runs_on", "closes"] = "silent"
    overrun_ms: int = Field(default=10_000, ge=0)
    pace: float = Field(default=0.0, ge=0)
    describe_s: float = Field(default=0.0, ge=0)
    old_describe_s: float = Field(default=0.0, ge=0)
    reports: Literal["filmed", "sent", "none"] = "filmed"
    sets: bool = True
    most: int = Field(default=1400, ge=100, le=65_000)
    together: bool = False
    no_footage: Literal["404", "silent"] = "404"
    basic: bool = False
