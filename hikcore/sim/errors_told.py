"""How an error is told in the language of whoever was asked: a recorder, a store, or JSON."""

from __future__ import annotations

from typing import Literal

from hikcore.sim.messages import Head

What = Literal["busy", "error"]
_STATUS = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<ResponseStatus version="2.0" xmlns="http://www.hikvision.com/ver20/XMLSchema">\n'
    "<requestURL>{target}</requestURL>\n<statusCode>{code}</statusCode>\n"
    "<statusString>{name}</statusString>\n<subStatusCode>{sub}</subStatusCode>\n"
    "</ResponseStatus>\n"
)
_STORE = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code>'
    "<Message>{name}</Message><Resource>/</Resource><RequestId>0</RequestId></Error>"
)


def told(what: What, request: Head, *, store: bool = False) -> tuple[str, bytes]:
    """(Content-Type, body) of an error.

    Args:
        what: busy, or that it went wrong.
        store: speak S3 whatever was asked.
    """
    busy, target = what == "busy", request.first[1].partition("?")[0]
    signed = (request.get("authorization") or "").startswith("AWS4")
    if store or signed or request.get("x-amz-date") is not None:
        code, name = (
            ("SlowDown", "Please reduce your request rate.") if busy
            else ("InternalError", "We encountered an internal error. Please try again.")
        )  # fmt: skip
        return "application/xml", _STORE.format(code=code, name=name).encode()
    if target.startswith("/ISAPI/"):
        fields = (2, "Device Busy", "deviceBusy") if busy else (3, "Device Error", "deviceError")
        names = dict(zip(("code", "name", "sub"), fields, strict=True))
        body = _STATUS.format(target=target.replace("&", "&amp;").replace("<", "&lt;"), **names)
        return 'application/xml; charset="UTF-8"', body.encode()
    return "application/json", (b'{"code":49999,"message":"busy"}' if busy else b'{"code":50000}')
