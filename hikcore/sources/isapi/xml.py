"""XML as devices send it: by local name, whatever the namespace, with a safe parser.

One device mixes four namespaces and none, puts them on children and writes `xmlns=""` (facts 1.2),
so names are compared without them.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring


def parse(body: bytes) -> Element:
    """The root element.

    Raises:
        ValueError: not XML, or XML with a document type (entities are never expanded).
    """
    text = body.strip(b" \t\r\n\0")
    try:
        return _root(text)
    except ValueError:
        # Channel names in another charset than declared: what can be read is read.
        cleaned = text.decode("utf-8", "replace")
        if cleaned.startswith("<?xml"):
            cleaned = cleaned.partition("?>")[2]
        return _root(cleaned.encode())


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
