"""Logins in every form, made by hand and by httpx."""

import hashlib
import re
from typing import Any

import httpx
import pytest

from hikcore.sim.recorder import Recorder
from tests.sim.asking import PASSWORD, client, tiny

TIME = "/ISAPI/System/time"


def answer_to(
    challenge: str, method: str, uri: str, *, password: str = PASSWORD, nc: int = 1
) -> str:
    """An Authorization header, written from RFC 7616 3.4 and RFC 2069 2.1.2."""
    given = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
    given |= dict(re.findall(r"(algorithm)=([\w-]+)", challenge))
    algorithm = given.get("algorithm", "MD5")
    name = "sha256" if algorithm.startswith("SHA") else "md5"

    def h(*parts: str) -> str:
        return hashlib.new(name, ":".join(parts).encode()).hexdigest()

    first = h("admin", given["realm"], password)
    if algorithm.endswith("sess"):
        first = h(first, given["nonce"], "0a4f113b")
    second = h(method, uri)
    head = (
        f'Digest username="admin", realm="{given["realm"]}", nonce="{given["nonce"]}", uri="{uri}"'
    )
    head += f", algorithm={algorithm}" if "algorithm" in given else ""
    if "qop" not in given:
        return f'{head}, response="{h(first, given["nonce"], second)}"'
    response = h(first, given["nonce"], f"{nc:08x}", "0a4f113b", "auth", second)
    return f'{head}, qop=auth, nc={nc:08x}, cnonce="0a4f113b", response="{response}"'


@pytest.mark.parametrize(
    ("algorithm", "more"),
    [
        *((name, {}) for name in ("MD5", "MD5-sess", "SHA-256", "SHA-256-sess")),
        *((name, {"style": "ipc"}) for name in ("MD5", "MD5-sess", "SHA-256")),
        # A session's hash needs a cnonce, which RFC 2069 has not.
        *((name, {"qop": False}) for name in ("MD5", "SHA-256")),
    ],
)
async def test_every_algorithm(algorithm: str, more: dict[str, Any]) -> None:
    profile = tiny(auth={"algorithm": algorithm, "lock_after": 0, **more})
    async with Recorder(profile) as recorder:
        async with httpx.AsyncClient(base_url=recorder.url) as http:
            challenge = (await http.get(TIME)).headers["www-authenticate"]
            unnamed = algorithm == "MD5" and more.get("style") == "ipc"
            assert re.findall(r'algorithm="?([\w-]+)', challenge) == [algorithm][unnamed:]
            assert ("qop" in challenge) == more.get("qop", True)
            for nc in (1, 2):
                login = {"Authorization": answer_to(challenge, "GET", TIME, nc=nc)}
                assert (await http.get(TIME, headers=login)).status_code == 200
            for wrong in (
                answer_to(challenge, "GET", TIME, password="wrong"),
                answer_to(challenge, "POST", TIME),
                answer_to(challenge, "GET", TIME + "?a=1"),
                answer_to(challenge, "GET", TIME) + ", algorithm=MD2",
            ):
                answer = await http.get(TIME, headers={"Authorization": wrong})
                assert answer.status_code == 401
        if algorithm != "SHA-256-sess":  # which httpx does not know
            async with client(recorder) as http:
                assert (await http.get(TIME)).status_code == 200


async def test_a_cameras_challenge_and_its_page() -> None:
    profile = tiny(auth={"style": "ipc", "refusal": "html", "realm": "IP Camera(83813)"})
    async with Recorder(profile) as recorder, httpx.AsyncClient(base_url=recorder.url) as http:
        answer = await http.get(TIME)
    header = answer.headers["www-authenticate"]
    assert re.fullmatch(
        r'Digest qop="auth", realm="IP Camera\(83813\)", nonce="[^"]+", stale="FALSE"', header
    )
    assert "Access Error: 401 -- Unauthorized" in answer.text


async def test_several_offers_and_basic_taken_as_well() -> None:
    profile = tiny(auth={"algorithm": "SHA-256", "also": ["MD5", "Basic"], "lock_after": 0})
    async with Recorder(profile) as recorder, httpx.AsyncClient(base_url=recorder.url) as http:
        offers = (await http.get(TIME)).headers.get_list("www-authenticate")
        assert [re.split(r"\W", offer)[0] for offer in offers] == ["Digest", "Digest", "Basic"]
        assert ['"SHA-256"' in offers[0], '"MD5"' in offers[1]] == [True, True]
        for offer in offers[:2]:
            login = {"Authorization": answer_to(offer, "GET", TIME)}
            assert (await http.get(TIME, headers=login)).status_code == 200
        assert (await http.get(TIME, auth=("admin", PASSWORD))).status_code == 200
        assert (await http.get(TIME, auth=("admin", "wrong"))).status_code == 401
    async with Recorder(tiny()) as recorder, httpx.AsyncClient(base_url=recorder.url) as http:
        assert (await http.get(TIME, auth=("admin", PASSWORD))).status_code == 401


async def test_nonces_grow_old() -> None:
    profile = tiny(auth={"nonce_seconds": 60})
    async with Recorder(profile) as recorder, httpx.AsyncClient(base_url=recorder.url) as http:
        challenge = (await http.get(TIME)).headers["www-authenticate"]
        login = {"Authorization": answer_to(challenge, "GET", TIME)}
        assert (await http.get(TIME, headers=login)).status_code == 200
        recorder.advance(60)
        stale = await http.get(TIME, headers=login)
        assert (stale.status_code, 'stale="TRUE"' in stale.headers["www-authenticate"]) == (
            401,
            True,
        )
        # A stale nonce with the right password is no wrong login.
        check = await http.get("/ISAPI/Security/userCheck")
        assert "<retryLoginTime>5</retryLoginTime>" in check.text
