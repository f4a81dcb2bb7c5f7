"""The digest of a login (guide, 10.1 and 10.2): the fields of RFC 2617, carried in JSON."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import SecretStr

from hikcore.errors import DeviceProtocolError
from hikcore.sources.everfocus.settings import EverFocusSettings

#: The only value that the guide's field `nc` can have: each login asks for a nonce of its own.
NC: Final = "00000001"
#: `change_pwd` of 10.1, and `option` of 10.2, with what they are told as.
FIRST: Final = "first"
TEMPORARY: Final = "needToChangePasswd"
CHANGE_FIRST: Final = (
    "it says change_pwd: first with its login parameters; if it is fresh from the factory, give it "
    "a password of its own at its screen"
)
CHANGE_SOON: Final = (
    "the password is a temporary one (needToChangePasswd): change it soon, at its screen"
)


@dataclass(frozen=True, slots=True)
class Parameters:
    """The reply to 10.1. `change_pwd` is "" where it is not there."""

    realm: str
    qop: str
    nonce: str
    change_pwd: str

    @classmethod
    def read(cls, document: Any, settings: EverFocusSettings, where: str) -> Parameters:
        """Take it from a reply.

        Raises:
            DeviceProtocolError: there is no nonce in it.
        """
        fields = document if isinstance(document, dict) else {}
        nonce = fields.get("nonce")
        if not isinstance(nonce, str | int) or not str(nonce):
            raise DeviceProtocolError("no nonce in the parameters of the login", where=where)
        return cls(
            realm=_text(fields, "realm", settings.login_realm),
            qop=_text(fields, "qop", settings.login_qop),
            nonce=str(nonce),
            change_pwd=_text(fields, "change_pwd", ""),
        )


def _text(fields: Mapping[str, Any], name: str, default: str) -> str:
    value = fields.get(name)
    return default if value is None else str(value)


def digest(
    username: str,
    password: SecretStr,
    parameters: Parameters,
    cnonce: str,
    settings: EverFocusSettings,
) -> str:
    """`response` of RFC 2617, 3.2.2.1: with qop, or as RFC 2069 had it without one."""

    def hashed(text: str) -> str:
        return hashlib.new(settings.login_algorithm, text.encode()).hexdigest()

    secret = password.get_secret_value()
    if settings.password_prehash == "md5":  # noqa: S105  the name of a hash
        secret = hashlib.md5(secret.encode(), usedforsecurity=False).hexdigest()
    a1 = hashed(f"{username}:{parameters.realm}:{secret}")
    a2 = hashed(f"{settings.login_method}:{settings.login_uri}")
    if not parameters.qop:
        return hashed(f"{a1}:{parameters.nonce}:{a2}")
    return hashed(f"{a1}:{parameters.nonce}:{NC}:{cnonce}:{parameters.qop}:{a2}")


def answer(
    username: str, password: SecretStr, parameters: Parameters, settings: EverFocusSettings
) -> dict[str, str]:
    """The body of 10.2."""
    cnonce = secrets.token_hex(8)
    response = digest(username, password, parameters, cnonce, settings)
    return {"username": username, "nc": NC, "cnonce": cnonce, "response": response}
