"""The login: what is signed, what is sent again, and above all what is not."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from hikcore.errors import DeviceAuthError, DeviceError, DeviceProtocolError
from hikcore.sources.isapi import Settings
from tests.isapi.conftest import QUICK, MakeSource, recorded
from tests.isapi.device import Device, Login, Reply

TIME = "/ISAPI/System/time"
#: Where requests are counted: on a machine that is busy one may take longer than QUICK waits.
PATIENT = replace(QUICK, idle_timeout=30.0)


@pytest.fixture(autouse=True)
def tells_time(device: Device) -> None:
    device.handlers["GET", TIME] = Reply(
        body=recorded("hikvision_ds-7616nxi-k2_v4.84.101_time.xml")
    )


@pytest.mark.parametrize("style", ["nvr", "ipc"])
@pytest.mark.parametrize(
    ("algorithm", "qop"),
    [
        ("MD5", "auth"),
        (None, "auth"),
        ("MD5-sess", "auth"),
        ("SHA-256", "auth"),
        ("SHA-256-sess", "auth"),
        ("MD5", None),
        ("MD5", "auth,auth-int"),
    ],
)
async def test_every_digest_in_the_field_is_answered(
    device: Device, source: MakeSource, style: str, algorithm: str | None, qop: str | None
) -> None:
    device.login = Login(style=style, algorithm=algorithm, qop=qop)
    await source().deviation()
    assert [asked.login for asked in device.asked] == ["none", "good"]


async def test_a_nonce_is_used_again_with_a_new_count(device: Device, source: MakeSource) -> None:
    one = source()
    for _ in range(5):
        await one.deviation()
    assert [asked.login for asked in device.asked] == ["none"] + ["good"] * 5
    counts = [asked.headers["authorization"].partition("nc=")[2][:8] for asked in device.asked[1:]]
    assert counts == [f"{n:08x}" for n in range(1, 6)]


async def test_a_stale_nonce_is_no_bad_password(device: Device, source: MakeSource) -> None:
    device.login.uses = 2
    one = source()
    for _ in range(6):
        await one.deviation()
    assert device.count("good") == 6
    assert device.count("stale") == 2
    assert device.count("bad") == 0


async def test_a_wrong_password_is_sent_once(device: Device, source: MakeSource) -> None:
    one = source("falsch-2")
    for _ in range(3):
        with pytest.raises(DeviceAuthError, match="4 more") as caught:
            await one.deviation()
        assert "falsch-2" not in repr(caught.value) + str(caught.value)
    assert [asked.login for asked in device.asked] == ["none", "bad"]


async def test_twenty_tasks_and_two_sources_send_a_wrong_password_once(
    device: Device, source: MakeSource
) -> None:
    device.delay = 0.01
    sources = [source("falsch-2", settings=PATIENT), source("falsch-2", settings=PATIENT)]
    outcomes = await asyncio.gather(
        *(sources[n % 2].deviation() for n in range(20)), return_exceptions=True
    )
    assert all(isinstance(outcome, DeviceAuthError) for outcome in outcomes)
    assert [asked.login for asked in device.asked] == ["none", "bad"]
    await source().deviation()  # other credentials: nothing holds them back
    assert device.asked[-1].login == "good"


async def test_the_first_login_of_many_tasks_is_one(device: Device, source: MakeSource) -> None:
    device.delay = 0.01
    one = source(settings=PATIENT)
    await asyncio.gather(*(one.deviation() for _ in range(20)))
    assert device.count("none") == 1
    assert device.count("good") == 20


async def test_a_password_changed_on_the_way_stops_everything(
    device: Device, source: MakeSource
) -> None:
    one = source()
    await one.deviation()
    device.login.password = "neu-3"
    outcomes = await asyncio.gather(*(one.deviation() for _ in range(3)), return_exceptions=True)
    assert all(isinstance(outcome, DeviceAuthError) for outcome in outcomes)
    before = len(device.asked)
    with pytest.raises(DeviceAuthError):
        await one.cameras()
    assert len(device.asked) == before


async def test_a_lock_is_told(device: Device, source: MakeSource) -> None:
    device.login.locked = True
    with pytest.raises(DeviceAuthError, match="locked on the device for another 1800 s"):
        await source().deviation()


async def test_a_nonce_lost_in_a_restart_is_no_bad_password(
    device: Device, source: MakeSource
) -> None:
    one = source()
    await one.deviation()
    device.handlers["GET", "/ISAPI/System/Video/inputs/channels"] = Reply(body=[], length=10)
    with pytest.raises(DeviceError):
        await one.cameras()
    device._nonces.clear()  # a device that has restarted knows none, and does not say `stale`
    await one.deviation()
    assert device.count("bad") == 0


async def test_an_idle_nonce_is_asked_for_anew(device: Device, source: MakeSource) -> None:
    one = source(settings=Settings(nonce_idle=0.0))
    await one.deviation()
    await one.deviation()
    assert [asked.login for asked in device.asked] == ["none", "good", "none", "good"]


async def test_basic_goes_in_the_clear_only_where_allowed(
    device: Device, source: MakeSource
) -> None:
    device.login = Login(scheme="basic")
    with pytest.raises(DeviceAuthError, match="Basic only"):
        await source().deviation()
    assert all("authorization" not in asked.headers for asked in device.asked)
    await source(settings=Settings(auth="basic")).deviation()
    assert device.asked[-1].login == "basic"


async def test_basic_is_answered_over_a_pinned_connection(
    tls_device: Device, source: MakeSource, certificate: tuple[object, object]
) -> None:
    tls_device.login = Login(scheme="basic")
    tls_device.handlers["GET", TIME] = Reply(
        body=recorded("hikvision_ds-7616nxi-k2_v4.84.101_time.xml")
    )
    where = {"port": tls_device.port, "scheme": "https"}
    await source(tls=f"ca:{certificate[0]}", **where).deviation()
    assert tls_device.asked[-1].login == "basic"
    with pytest.raises(DeviceAuthError, match="Basic only"):
        await source("anders", tls="off", **where).deviation()


@pytest.mark.parametrize(
    "header",
    [
        'Digest realm="x"',
        "Digest nonsense",
        'Digest realm="x", nonce="y", algorithm=ROT13',
        'Digest realm="x", nonce="y", qop="auth-int"',
    ],
)
async def test_a_challenge_that_cannot_be_read_is_named(
    device: Device, source: MakeSource, header: str
) -> None:
    device.login.scheme = "open"
    device.handlers["GET", TIME] = Reply(401, headers=[("WWW-Authenticate", header)])
    with pytest.raises(DeviceProtocolError, match="challenge"):
        await source().deviation()


@pytest.mark.parametrize("also", [["SHA-256"], ["SHA-256", "Basic"], ["MD5-sess"]])
@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256-sess"])
async def test_of_several_offers_one_is_taken(algorithm: str, also: list[str]) -> None:
    from hikcore.sim.profile import Profile
    from hikcore.sim.profiles import get_profile
    from hikcore.sim.recorder import Recorder
    from hikcore.sources.isapi import IsapiSource

    base = get_profile("small").model_dump(exclude={"auth": {"password"}})
    base["auth"] |= {"algorithm": algorithm, "also": also}
    async with Recorder(Profile.model_validate(base)) as recorder:
        one = IsapiSource(
            recorder.host, "admin", recorder.profile.auth.password, port=recorder.port
        )
        await one.deviation()
        assert [request.login for request in recorder.requests][-1] == "in"
        assert "Basic" not in recorder.requests[-1].headers["authorization"]
        if "SHA-256" in also or "SHA-256" in algorithm:
            assert "SHA-256" in recorder.requests[-1].headers["authorization"]
        await one.aclose()


async def test_an_offer_that_nobody_knows_is_passed_over(
    device: Device, source: MakeSource
) -> None:
    plain = device._challenge

    def challenge(stale: str) -> Reply:
        reply = plain(stale)
        unknown = 'Digest realm="x", nonce="y", algorithm=SHA3-256, qop="auth"'
        reply.headers.insert(0, ("WWW-Authenticate", unknown))
        return reply

    device._challenge = challenge  # type: ignore[method-assign]
    await source().deviation()
    assert [asked.login for asked in device.asked] == ["none", "good"]
