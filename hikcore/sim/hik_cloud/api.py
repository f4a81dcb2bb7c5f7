"""The API of a simulated cloud: tokens, lists, and download addresses."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qs

from hikcore.instants import NS
from hikcore.sim.hik_cloud.profile import BodyKind, CloudProfile, Oddity
from hikcore.sim.hik_cloud.store import Piece, Shelf
from hikcore.sim.http import Request, Response
from hikcore.sim.when import resolve

_JSON: Final = "application/json;charset=UTF-8"
DOWNLOAD: Final = "/v1/carrier/cstorage/open/play/download"
_STATES: Final = {
    "offline": (20007, "device offline"),
    "foreign": (20018, "the account does not own this device"),
    "encrypted": (60019, "encrypted stream"),
}


@dataclass
class Ticket:
    """What a signed address opens."""

    shelf: Shelf
    piece: Piece
    kind: BodyKind
    until: int
    used: int = 0


@dataclass
class Api:
    """Answers requests to the API.

    Attributes:
        profile: of the cloud. shelves: by serial and channel. now: its clock, ns. started: when it
            began. media_url: of the media host, without a path.
        tickets: addresses that were given out, by their name.
        token_requests: how often credentials were posted.
    """

    profile: CloudProfile
    shelves: dict[tuple[str, int], Shelf]
    now: Callable[[], int]
    started: int
    media_url: str = ""
    tickets: dict[str, Ticket] = field(default_factory=dict)
    token_requests: int = 0
    _tokens: dict[str, int] = field(default_factory=dict)
    _asked: list[int] = field(default_factory=list)
    _seen: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        account = self.profile.account
        self._tokens[account.token.get_secret_value()] = self.started + account.lifetime * NS

    @property
    def tokens(self) -> list[str]:
        """All that were ever given: a test looks for them where they must not be."""
        return list(self._tokens)

    def revoke(self) -> None:
        """No token is good any more."""
        self._tokens = dict.fromkeys(self._tokens, 0)

    def answer(self, request: Request) -> Response:
        """The answer to one request."""
        if request.path == "/oauth/token":
            return self._token(request)
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or self._tokens.get(token, 0) <= self.now():
            return _json(401, {"error": "invalid_token", "error_description": "Invalid token"})
        if request.path == DOWNLOAD and request.method == "POST":
            return self._address(request)
        if request.method == "GET" and request.path in ("/v1/devices/list", "/v1/channels/list"):
            return self._list(request)
        return _json(404, {"code": 404, "message": "no such path"})

    def _token(self, request: Request) -> Response:
        """Bare JSON; the same token within its lifetime."""
        account, now = self.profile.account, self.now()
        self.token_requests += 1
        self._asked = [at for at in self._asked if at > now - 60 * NS] + [now]
        if account.per_minute and len(self._asked) > account.per_minute:
            return _json(429, {"code": 429, "message": "too many requests"})
        form = {key: values[0] for key, values in parse_qs(request.body.decode()).items()}
        proper = request.headers.get("content-type", "").startswith(
            "application/x-www-form-urlencoded"
        )
        if request.method != "POST" or not proper or form.get("grant_type") != "client_credentials":
            return _json(400, {"error": "unsupported_grant_type"})
        given = (form.get("client_id"), form.get("client_secret"))
        if given != (account.client_id, account.client_secret.get_secret_value()):
            return _json(401, {"error": "invalid_client"})
        good = [
            name for name, until in self._tokens.items() if until > now and not name.endswith("-0")
        ]
        token = good[-1] if good else self._new_token(now)
        left = (self._tokens[token] - now) // NS
        return _json(
            200,
            {"access_token": token, "token_type": "bearer", "expires_in": left, "scope": "app"},
        )

    def _new_token(self, now: int) -> str:
        name = f"token/{len(self._tokens)}"
        token = hashlib.sha256(name.encode()).hexdigest()[:32]
        self._tokens[token] = now + self.profile.account.lifetime * NS
        return token

    def _address(self, request: Request) -> Response:
        try:
            asked = json.loads(request.body)
            serial, channel = asked["deviceSerial"], asked["channelNo"]
            begin, end = asked["timeBegin"], asked["timeEnd"]
        except (ValueError, KeyError, TypeError):
            return self._failed(10001, "parameter error")
        # Numbers, as in the document; a number as a text is another type.
        if not isinstance(serial, str) or any(type(v) is not int for v in (channel, begin, end)):
            return self._failed(10001, "parameter error")
        if end - begin > 3600:
            return self._failed(80430002, "the interval is longer than one hour")
        if end <= begin:
            return self._failed(80430001, "the begin is not before the end")
        odd = self._oddity(begin, end)
        if odd.code is not None:
            return self._failed(odd.code, odd.said)
        if all(serial != known for known, _ in self.shelves):
            return self._failed(20002, "device does not exist")
        shelf = self.shelves.get((serial, channel))
        if shelf is None:
            return self._failed(20001, "channel does not exist")
        if shelf.camera.state in _STATES:
            return self._failed(*_STATES[shelf.camera.state])
        piece = shelf.piece(self.profile.serving, begin, end, self.now())
        if piece is None:
            return self._failed(80438027, "no record file")
        return self._given(shelf, piece, odd)

    def _given(self, shelf: Shelf, piece: Piece, odd: Oddity) -> Response:
        number = len(self.tickets)
        name = hashlib.sha256(f"{self.profile.seed}/{number}".encode()).hexdigest()[:24]
        kind = odd.body or shelf.kind(self.profile.serving, piece)
        until = self.now() + self.profile.serving.ttl * NS
        self.tickets[name] = Ticket(shelf, piece, kind, until)
        data: dict[str, Any] = {"url": f"{self.media_url}/media/{name}?sign=sig{name[::-1]}"}
        form = self.profile.envelope.times
        if form != "none":
            for key, at, more in zip(
                ("actualBeginTime", "actualEndTime"), piece.told, odd.actual, strict=True
            ):
                data[key] = str(at + more) if form == "texts" else at + more
        return self._wrapped(data)

    def _oddity(self, begin: int, end: int) -> Oddity:
        for index, odd in enumerate(self.profile.oddities):
            first = resolve(odd.begin, self.started) // NS if odd.begin else begin
            last = resolve(odd.end, self.started) // NS if odd.end else end
            if end <= first or begin >= last:
                continue
            self._seen[index] = self._seen.get(index, 0) + 1
            if odd.nth is None or self._seen[index] in odd.nth:
                return odd
        return Oddity()

    def _list(self, request: Request) -> Response:
        query = {key: values[0] for key, values in parse_qs(request.query).items()}
        serials = sorted({each.serial for each in self.profile.cameras if each.state != "foreign"})
        if request.path.endswith("/devices/list"):
            rows: list[dict[str, Any]] = [
                {"deviceId": f"id-{serial}", "deviceSerial": serial, "deviceName": serial}
                for serial in serials
            ]
        else:
            rows = [
                {
                    "channelId": f"id-{each.serial}-{each.camera.channel}",
                    "channelNo": each.camera.channel,
                    "channelName": each.camera.title,
                    "channelType": "10300",
                    "channelStatus": 1 if each.camera.online else -1,
                }
                for each in self.profile.cameras
                if f"id-{each.serial}" == query.get("deviceId")
            ]
        size = min(int(query.get("pageSize", "10")), self.profile.page)
        page = int(query.get("pageNo", "1"))
        data = {
            "pageNo": page, "pageSize": size, "total": len(rows),
            "totalPage": -(-len(rows) // size), "hasNextPage": page * size < len(rows),
            "rows": rows[(page - 1) * size : page * size],
        }  # fmt: skip
        return _json(200, {"code": 200, "message": "操作成功", "data": data})

    def _wrapped(self, data: object) -> Response:
        envelope = self.profile.envelope
        document: dict[str, Any] = {"code": envelope.code, "data": data}
        if envelope.success:
            document["success"] = True
        return _json(200, document)

    def _failed(self, code: int, said: str) -> Response:
        envelope = self.profile.envelope
        told: Any = str(code) if isinstance(envelope.code, str) else code
        document: dict[str, Any] = {"code": told, envelope.message: said, "data": None}
        if envelope.success:
            document["success"] = False
        return _json(200, document)


def _json(status: int, document: object) -> Response:
    return Response(status, _JSON, json.dumps(document, ensure_ascii=False).encode())
