"""XML as recorders write it: by hand, with the namespace the dialect says."""

from __future__ import annotations

from xml.sax.saxutils import escape

from hikcore.sim.http import Response

#: (statusCode, statusString) of a ResponseStatus.
BUSY = (2, "Device Busy", "deviceBusy")
DEVICE_ERROR = (3, "Device Error", "deviceError")
NOT_SUPPORTED = (4, "Invalid Operation", "notSupport")
BAD_METHOD = (4, "Invalid Operation", "methodNotAllowed")
BAD_FORMAT = (5, "Invalid XML Format", "badXmlFormat")
BAD_CONTENT = (6, "Invalid XML Content", "badXmlContent")
Status = tuple[int, str, str]

CONTENT_TYPE = 'application/xml; charset="UTF-8"'
_PAGE = (
    "<!DOCTYPE html>\n<html><head><title>Document Error: {reason}</title></head>\n"
    "<body><h2>Access Error: {status} -- {reason}</h2>\n<p>{more}</p></body></html>\n"
)


class Writer:
    """Writes documents of one dialect.

    Args:
        namespace: of the root, None for none.
        version: attribute of the root.
    """

    def __init__(self, namespace: str | None, version: str) -> None:
        self._namespace = namespace
        self._version = version

    def document(self, root: str, inner: str, status: int = 200, more: str = "") -> Response:
        """An answer whose root holds `inner` (XML, escaped already), with `more` attributes."""
        xmlns = f' xmlns="{self._namespace}"' if self._namespace else ""
        text = (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f'<{root} version="{self._version}"{xmlns}{more}>\n{inner}\n</{root}>\n'
        )
        return Response(status, CONTENT_TYPE, text.encode())

    def refusal(self, http: int, target: str, status: Status, more: str = "") -> Response:
        """A ResponseStatus."""
        code, name, sub = status
        fields = {"requestURL": target, "statusCode": code, "statusString": name}
        inner = tags(**fields, subStatusCode=sub)
        return self.document("ResponseStatus", inner + (f"\n{more}" if more else ""), http)


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
