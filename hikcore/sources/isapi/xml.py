"""XML as devices send it: by local name, whatever the namespace, with a safe parser.

One device mixes four namespaces and none, puts them on children and writes `xmlns=""` (facts 1.2),
so names are compared without them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

_BLANK: Final = b" \t\r\n\0"
#: Charsets that recorders name and the parser may not know.
_DECLARED: Final = re.compile(
    rb"""<\?xml[^>]*?encoding\s*=\s*["']((?:gb|big5|euc-|shift_|iso-|windows-|koi8)[\w-]{0,12})["']""",
    re.IGNORECASE,
)
#: An ampersand that begins no entity: URIs and channel names stand in answers as they are.
_BARE: Final = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#\d{1,7}|#[xX][0-9a-fA-F]{1,6});)")
#: What XML 1.0 forbids: a name that was cut in the middle of a character, or never was text.
_FORBIDDEN: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_PREFIX: Final = re.compile(r"(?<=<)(/?)[A-Za-z_][\w.-]*:(?=[A-Za-z_])")


def parse(body: bytes) -> Element:
    """The root element.

    What is not well-formed is read as far as that is safe: another charset than declared, one that
    the parser does not know (GB2312), ampersands that are not escaped, prefixes of no namespace.

    Raises:
        ValueError: not XML, or XML with a document type (entities are never expanded).
    """
    text = body.strip(_BLANK).removeprefix(b"\xef\xbb\xbf").lstrip(_BLANK)
    try:
        return _root(text)
    except ValueError:
        cleaned = _decoded(text)
        if cleaned.startswith("<?xml"):
            cleaned = cleaned.partition("?>")[2]
        cleaned = _FORBIDDEN.sub("\ufffd", _BARE.sub("&amp;", cleaned))
        try:
            return _root(cleaned.encode())
        except ValueError:
            if "xmlns:" in cleaned:
                raise
            return _root(_PREFIX.sub(r"\1", cleaned).encode())


def _decoded(text: bytes) -> str:
    declared = _DECLARED.match(text)
    for charset in ("utf-8", declared.group(1).decode() if declared else "utf-8"):
        try:
            return text.decode(charset)
        except (LookupError, UnicodeError):
            continue
    return text.decode("utf-8", "replace")


def _root(text: bytes) -> Element:
    try:
        root: Element = fromstring(text, forbid_dtd=True)
    except (ParseError, DefusedXmlException, LookupError) as error:
        raise ValueError(str(error)) from None
    return root


def local(element: Element) -> str:
    """The element's name without its namespace."""
    return str(element.tag).rpartition("}")[2]


def descendants(element: Element, name: str) -> Iterator[Element]:
    """Every element of that local name below, in document order."""
    return (found for found in element.iter() if local(found) == name and found is not element)


def child(element: Element, name: str) -> Element | None:
    """The first direct child of that local name."""
    return next((found for found in element if local(found) == name), None)


def text(element: Element, *path: str) -> str:
    """The stripped text at a path of direct children, empty where there is none."""
    at: Element | None = element
    for name in path:
        at = child(at, name) if at is not None else None
    return "".join(at.itertext()).strip() if at is not None else ""
