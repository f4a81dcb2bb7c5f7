"""A simulated cloud's whole behaviour as data."""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import Field, SecretStr, model_validator

from hikcore.deviceclock import ZoneRule
from hikcore.errors import ConfigurationError
from hikcore.sim.camera import CameraProfile
from hikcore.sim.faults import Fault
from hikcore.sim.profile import Hole
from hikcore.sim.when import Data, When

#: What a download can turn out to be.
#: - mp4: real MP4; ps: a program stream with the wall clock in it
#: - irregular: real MP4 whose times jump ahead by three hours in the middle
#: - placeholder: five seconds of another picture, always the same
#: - m3u8, ts, json, html, empty, noise: what comes in place of footage
BodyKind = Literal[
    "mp4", "ps", "irregular", "placeholder", "m3u8", "ts", "json", "html", "empty", "noise"
]


class Account(Data):
    """Who may log in, and for how long.

    Attributes:
        client_id, client_secret: of the only account.
        token: that is good from the start, as copied from the portal.
        lifetime: seconds of a token; asking again inside it gives the same.
        per_minute: token requests answered; more are told to wait (HTTP 429). 0: any number.
    """

    client_id: str = "simulated-client"
    client_secret: SecretStr = SecretStr("simulated-secret")
    token: SecretStr = SecretStr("simulated-token-0")
    lifetime: int = 604_800
    per_minute: int = 0


class Envelope(Data):
    """How answers are wrapped.

    Attributes:
        code: of success: 0 as in the document, 200 or "200" as elsewhere on the host.
        success: whether the key `success` is there.
        message: the key of a message.
        times: actual times as texts (the document's sample) or numbers; or left out.
    """

    code: Literal[0, 200, "200"] = 0
    success: bool = True
    message: Literal["message", "msg"] = "message"
    times: Literal["texts", "numbers", "none"] = "texts"


class Serving(Data):
    """What is behind an address.

    Attributes:
        start: whether a body begins exactly where asked, or at the key picture before.
        container: of bodies.
        irregular_over: bodies of more seconds have irregular times (the seed's observation).
        index: where an MP4 has its index.
        fresh: seconds until footage is there.
        retention: seconds after which it is gone; 0: never.
        ttl: seconds that an address is good; one_time: for one download only.
        length: whether Content-Length is told.
        content_type: of every body, whatever it is.
        redirected: addresses lead to another one first.
    """

    start: Literal["exact", "key"] = "exact"
    container: Literal["mp4", "ps"] = "mp4"
    irregular_over: int | None = None
    index: Literal["end", "front"] = "end"
    fresh: int = 60
    retention: int = 0
    ttl: int = 600
    one_time: bool = True
    length: bool = True
    content_type: str = "application/octet-stream"
    redirected: bool = False


class Oddity(Data):
    """Something else than usual for some requests for an address.

    Attributes:
        nth: which of those that match, from 1; None: all.
        begin, end: requests that meet this span; None: all.
        code: what is answered in place of an address. said: its message.
        body: what the address leads to.
        actual: seconds added to the actual begin and end that are told.
    """

    nth: tuple[int, ...] | None = None
    begin: When | None = None
    end: When | None = None
    code: int | None = None
    said: str = ""
    body: BodyKind | None = None
    actual: tuple[int, int] = (0, 0)


class CloudCamera(Data):
    """A channel of a device, and what the cloud has of it.

    Attributes:
        serial: of the device.
        camera: the channel.
        since, until: of its footage.
        holes: in it.
        state: whether the cloud can give it: `foreign` belongs to another account.
    """

    serial: str = "SIM000001"
    camera: CameraProfile
    since: When = "now-1h"
    until: When = "now"
    holes: tuple[Hole, ...] = ()
    state: Literal["online", "offline", "encrypted", "foreign"] = "online"


class CloudProfile(Data):
    """A simulated cloud, whole.

    Attributes:
        name, description: of it.
        seed: of the scenery.
        frozen: its clock stands there; None: it runs with ours.
        zone: of the recorders' wall clock, which program streams carry, as recorders write it.
        cameras: of the account, and of others.
        oddities, faults: what goes wrong.
        page: rows of a page of lists.
    """

    name: str = "unnamed"
    description: str = ""
    seed: int = 1
    frozen: When | None = None
    zone: str = "UTC0"
    account: Account = Account()
    envelope: Envelope = Envelope()
    serving: Serving = Serving()
    cameras: tuple[CloudCamera, ...] = Field(min_length=1)
    oddities: tuple[Oddity, ...] = ()
    faults: tuple[Fault, ...] = ()
    page: int = Field(default=500, ge=1)

    @model_validator(mode="after")
    def _distinct(self) -> CloudProfile:
        places = [(each.serial, each.camera.channel) for each in self.cameras]
        if len(set(places)) != len(places):
            raise ValueError("two cameras are the same channel of one device")
        ZoneRule.parse(self.zone)
        return self


_NOON: Final = "2026-11-20T12:00:00Z"
_CAMERAS: Final[list[dict[str, Any]]] = [
    {"camera": {"channel": 1, "name": "Shop front", "frame_ms": 200, "gop": 20, "phase_ms": 480}},
    {
        "camera": {
            "channel": 2, "name": "Till", "codec": "h265", "frame_ms": 500, "gop": 16,
            "phase_ms": 3_260,
        },
        "holes": [{"begin": "now-34m10s", "end": "now-29m40s"}],
    },
]  # fmt: skip

_BUILT_IN: Final[dict[str, dict[str, Any]]] = {
    "hik-cloud": {
        "name": "hik-cloud",
        "description": "a Hik Cloud account: two channels of one device, an hour of MP4",
        "cameras": _CAMERAS,
    },
    "hik-cloud-ps": {
        "name": "hik-cloud-ps",
        "description": "the same in program streams that begin at the key picture before",
        "serving": {"container": "ps", "start": "key"},
        "cameras": _CAMERAS,
    },
    "hik-cloud-irregular": {
        "name": "hik-cloud-irregular",
        "description": "the same; MP4 of more than 200 s has irregular times, code 200, no success",
        "serving": {"irregular_over": 200},
        "envelope": {"code": 200, "success": False},
        "frozen": _NOON,
        "cameras": _CAMERAS,
    },
}


def built_in_clouds() -> dict[str, str]:
    """Names and what they are."""
    return {name: data["description"] for name, data in _BUILT_IN.items()}


def cloud_profile(name: str) -> CloudProfile:
    """A built-in profile.

    Raises:
        ConfigurationError: there is none of that name.
    """
    if name not in _BUILT_IN:
        raise ConfigurationError(
            f"no simulated cloud is called {name!r}", hint=f"one of {', '.join(_BUILT_IN)}"
        )
    return CloudProfile.model_validate(_BUILT_IN[name])
