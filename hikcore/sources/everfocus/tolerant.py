"""JSON as these recorders may write it: strict first, then as the guide's own samples are written.

The samples have keys without quotes, single and curly quotes, trailing and missing commas,
comments, strings that end with their line, and `"interval = 300`. None of it is known of a real
recorder; a reply that needed it is told of (`Reply.strict`).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Final

#: Quotation marks, straight and curly; each kind is closed by any mark of its kind.
_DOUBLE: Final = '"\u201c\u201d\u201e'
_SINGLE: Final = "'\u2018\u2019"
_OPEN: Final = _DOUBLE + _SINGLE
_SPACE: Final = re.compile(r"(?:[\s\ufeff]|//[^\n]*|/\*.*?(?:\*/|\Z))*", re.DOTALL)
_BARE: Final = re.compile(rf"[^\s,:{{}}\[\]{_OPEN}]+")
_NUMBER: Final = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_WORDS: Final = {"true": True, "false": False, "null": None, "undefined": None, "None": None}
_DEEPEST: Final = 64
_HALF: Final = re.compile(r"\\u[dD][89a-fA-F]")
_END_OF_STRING_AT_FAULT: Final = re.compile(r"[,\s]*$")


@dataclass(frozen=True, slots=True)
class Reply:
    """A document, and whether it was proper JSON."""

    document: Any
    strict: bool


def read_json(data: bytes) -> Reply:
    """Read a reply.

    Raises:
        ValueError: it cannot be read; the message names the offset and repeats no content.
    """
    text = data.decode("utf-8", errors="replace").lstrip("\ufeff")
    try:
        return Reply(_whole(json.loads(text), text), True)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except ValueError:
        pass
    reader = _Reader(text)
    document = reader.value(0)
    reader.end()
    return Reply(_whole(document, text), False)


def _whole(value: Any, text: str) -> Any:
    """A document without halves of characters: `\\ud83d` alone is no text that can be written."""
    return _mended(value) if _HALF.search(text) else value


def _mended(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_mended(each) for each in value]
    if isinstance(value, dict):
        return {_mended(key): _mended(each) for key, each in value.items()}
    return value


class _Reader:
    """A recursive reader of one text; every step goes on by at least one character or raises."""

    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0

    def value(self, depth: int) -> Any:
        first = self._peek()
        if depth > _DEEPEST:
            raise self._fault("nested too deeply")
        if first == "{":
            return self._object(depth)
        if first == "[":
            return self._array(depth)
        if first and first in _OPEN:
            return self._string()
        return self._bare()

    def end(self) -> None:
        while self._peek() in (";", ","):
            self._at += 1
        if self._peek():
            raise self._fault("more than one document")

    def _peek(self) -> str:
        """The next character that matters; "" at the end."""
        found = _SPACE.match(self._text, self._at)
        assert found is not None
        self._at = found.end()
        return self._text[self._at : self._at + 1]

    def _object(self, depth: int) -> dict[str, Any]:
        self._at += 1
        out: dict[str, Any] = {}
        while (first := self._peek()) != "}":
            if not first or first == "]":
                raise self._fault("an object without an end")
            if first == ",":
                self._at += 1
                continue
            name, value = self._member(first, depth)
            out[name] = value
        self._at += 1
        return out

    def _member(self, first: str, depth: int) -> tuple[str, Any]:
        key = self._string() if first in _OPEN else self._word()
        if self._peek() == ":":
            self._at += 1
            if self._peek() in (",", "}", "]", ""):
                return key, None  # `"ODSPosition":` with nothing behind it
            return key, self.value(depth + 1)
        name, equals, value = key.partition("=")  # `"interval = 300`
        if not equals:
            raise self._fault("a name without a value")
        return name.strip(), _plain(value.strip())

    def _array(self, depth: int) -> list[Any]:
        self._at += 1
        out: list[Any] = []
        while (first := self._peek()) != "]":
            if not first or first == "}":
                raise self._fault("an array without an end")
            if first == ",":
                self._at += 1
                continue
            out.append(self.value(depth + 1))
        self._at += 1
        return out

    def _string(self) -> str:
        """A quoted text. Where no quote ends it, its line does, without a comma at the end."""
        closing = _DOUBLE if self._text[self._at] in _DOUBLE else _SINGLE
        self._at += 1
        parts: list[str] = []
        while True:
            at = self._at
            char = self._text[at : at + 1]
            if char in ("", "\n", "\r"):
                return _END_OF_STRING_AT_FAULT.sub("", "".join(parts))
            self._at += 1
            if char == "\\":
                parts.append(self._escape())
            elif char in closing:
                return "".join(parts)
            else:
                parts.append(char)

    def _escape(self) -> str:
        char = self._text[self._at : self._at + 1]
        self._at += len(char)
        if char != "u":
            return _ESCAPES.get(char, char)
        digits = self._text[self._at : self._at + 4]
        if not re.fullmatch(r"[0-9A-Fa-f]{4}", digits):
            raise self._fault("an escape that is none")
        self._at += 4
        return chr(int(digits, 16))

    def _word(self) -> str:
        found = _BARE.match(self._text, self._at)
        if found is None:
            raise self._fault("no value")
        self._at = found.end()
        return found.group()

    def _bare(self) -> Any:
        return _plain(self._word())

    def _fault(self, what: str) -> ValueError:
        return ValueError(f"{what}, at character {self._at}")


def _plain(word: str) -> Any:
    """What a word without quotes means; a text where it is nothing else (`change_pwd: first`)."""
    if word in _WORDS:
        return _WORDS[word]
    if _NUMBER.fullmatch(word):
        return float(word) if set(word) & set(".eE") else int(word)
    return word
