"""XML as recorders write it: by hand, with the namespace the dialect says."""

from __future__ import annotations

import json
import re
from xml.sax.saxutils import escape

from hikcore.sim.dialect import Dialect
from hikcore.sim.http import Response

#: (statusCode, statusString) of a ResponseStatus.
BUSY = (2, "Device Busy", "deviceBusy")
DEVICE_ERROR = (3, "Device Error", "deviceError")
NOT_SUPPORTED = (4, "Invalid Operation", "notSupport")
BAD_METHOD = (4, "Invalid Operation", "methodNotAllowed")
BAD_FORMAT = (5, "Invalid XML Format", "badXmlFormat")
BAD_CONTENT = (6, "Invalid XML Content", "badXmlContent")
Status = tuple[int, str, str]

_FIRST_TAG = re.compile(r"<(\w+)(>)")
CONTENT_TYPE = 'application/xml; charset="UTF-8"'
_PAGE = (
    "<!DOCTYPE html>\n<html><head><title>Document Error: {reason}</title></head>\n"
    "<body><h2>Access Error: {status} -- {reason}</h2>\n<p>{more}</p></body></html>\n"
)


class Writer:
    """Writes documents of one dialect."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect

    def document(self, root: str, inner: str, status: int = 200, more: str = "") -> Response:
        """An answer whose root holds `inner` (XML, escaped already), with `more` attributes."""
        dialect = self._dialect
        namespace = dialect.namespaces.get(root, dialect.namespace)
        xmlns = f' xmlns="{namespace}"' if namespace else ""
        if dialect.child_xmlns != "none":
            own = xmlns if dialect.child_xmlns == "repeated" else ' xmlns=""'
            inner = _FIRST_TAG.sub(rf"<\1{own}\2", inner, count=1)
        text = (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f'<{root} version="{dialect.version}"{xmlns}{more}>\n{inner}\n</{root}>\n'
        )
        return Response(status, CONTENT_TYPE, text.encode())

    def refusal(self, http: int, target: str, status: Status, more: str = "") -> Response:
        """A ResponseStatus.

        Args:
            more: an errorMsg.
        """
        code, name, sub = status
        http = 200 if self._dialect.errors_as_200 else http
        fields = {"requestURL": target, "statusCode": code, "statusString": name}
        if self._dialect.errors == "json":
            told: dict[str, object] = {**fields, "subStatusCode": sub}
            if status == NOT_SUPPORTED:  # the one code that a public document tells
                told["errorCode"] = 1_073_741_825
            told |= {"errorMsg": more} if more else {}
            return Response(http, "application/json", json.dumps(told).encode())
        inner = tags(**fields, subStatusCode=sub)
        inner += "\n" + tags(errorMsg=more) if more else ""
        return self.document("ResponseStatus", inner, http)


def tags(**values: object) -> str:
    """`<name>value</name>` for each, escaped once; booleans in lower case."""
    return "\n".join(
        f"<{name}>{escape(str(value).lower() if isinstance(value, bool) else str(value))}</{name}>"
        for name, value in values.items()
    )


def page(status: int, reason: str, more: str) -> Response:
    """The web server's own page of HTML."""
    text = _PAGE.format(status=status, reason=reason, more=more)
    return Response(status, "text/html", text.encode())
