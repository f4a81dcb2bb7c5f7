"""Replies as they may be written: JSON that is nearly JSON, flags, numbers, streams, times."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hikcore.errors import DeviceProtocolError
from hikcore.instants import NS
from hikcore.sources.base import Stream
from hikcore.sources.everfocus.allowed import COMMANDS
from hikcore.sources.everfocus.calls.streaming import Command
from hikcore.sources.everfocus.streams import WIRE, from_wire, to_wire
from hikcore.sources.everfocus.tolerant import read_json
from hikcore.sources.everfocus.values import as_bool, as_int, instant, wire_time

DOCUMENTS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
#: Double and single, opening and closing, and the low one.
CURLY = "\u201c\u201d\u2018\u2019\u201e"
#: Texts that both spellings can hold: no quotation marks, no line ends.
WORDS = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp"),
                  exclude_characters="\"'\\" + CURLY),
    max_size=12,
)  # fmt: skip
NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)
SIMPLE = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**15), 10**15) | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


@given(DOCUMENTS)
def test_json_is_read_as_json(document: Any) -> None:
    found = read_json(json.dumps(document).encode())
    assert (found.document, found.strict) == (document, True)


@given(SIMPLE, st.randoms(use_true_random=False))
def test_the_guides_way_of_writing_is_read_alike(document: Any, chance: Any) -> None:
    """Any mixture of its habits, against the document that was written so."""

    def write(value: Any) -> str:
        space = chance.choice(["", " ", "\n    ", " // words\n", " /* words */ "])
        if isinstance(value, dict):
            members = [
                f"{space}{quoted(name, bare=True)}{chance.choice([':', ' : '])}{write(each)}"
                for name, each in value.items()
            ]
            return "{" + joined(members) + space + "}"
        if isinstance(value, list):
            return "[" + joined([space + write(each) for each in value]) + space + "]"
        if isinstance(value, str):
            return quoted(value)
        return json.dumps(value)

    def quoted(text: str, *, bare: bool = False) -> str:
        if bare and chance.random() < 0.3:
            return text
        first, last = chance.choice(['""', "''", CURLY[:2], CURLY[2:4], '"' + CURLY[1]])
        return f"{first}{text}{last}"

    def joined(parts: list[str]) -> str:
        comma = chance.choice([",", ", ", ",\n"])
        return comma.join(parts) + (comma if parts and chance.random() < 0.5 else "")

    assert read_json(write(document).encode()).document == document


@given(st.binary(max_size=120) | st.text("{}[]\"'“”,:= \n/*\\uabc019-.", max_size=80))
def test_no_bytes_break_the_reader(data: bytes | str) -> None:
    raw = data.encode() if isinstance(data, str) else data
    try:
        read_json(raw)
    except ValueError as error:
        assert type(error) is ValueError  # noqa: PT017  no error of a decoder, which quotes content


@pytest.mark.parametrize("text", ["[" * 100_000, "{a:" * 100_000, "'" * 10, "{", "]", "", "{a b}"])
def test_what_cannot_be_read_is_said(text: str) -> None:
    with pytest.raises(ValueError, match=r"character|deeply|document") as caught:
        read_json(text.encode())
    assert len(str(caught.value)) < 80


@pytest.mark.parametrize(
    ("text", "document"),
    [
        ('{"Result": "OK", “Description”: “x”}', {"Result": "OK", "Description": "x"}),
        ("{ realm: 'xnvr', opaque: '', change_pwd: first }",
         {"realm": "xnvr", "opaque": "", "change_pwd": "first"}),
        ('{"slot": "HDD-1"\n "group": 1}', {"slot": "HDD-1", "group": 1}),
        ('{"sender": "a@b.c,\n "interval = 300\n}', {"sender": "a@b.c", "interval": 300}),
        ('{"ODSPosition":  \n}', {"ODSPosition": None}),
        ("[{ch: 1},]", [{"ch": 1}]),
        ('\ufeff{"a": 1};', {"a": 1}),
        ('{"a": undefined}', {"a": None}),
        ("{a: -1.5e2, b: 007x}", {"a": -150.0, "b": "007x"}),
        ('{"a": "x\\u00e9\\n",}', {"a": "xé\n"}),
    ],
)  # fmt: skip
def test_samples_of_the_guide(text: str, document: Any) -> None:
    found = read_json(text.encode())
    assert (found.document, found.strict) == (document, False)


@pytest.mark.parametrize(
    ("value", "flag"),
    [
        (True, True), (1, True), ("1", True), ("true", True), ("TRUE", True), ("on", True),
        (False, False), (0, False), ("0", False), ("false", False), ("", False), (" off ", False),
    ],
)  # fmt: skip
def test_flags(value: object, flag: bool) -> None:
    assert as_bool(value) is flag


@pytest.mark.parametrize("value", [None, 2, -1, "2", "maybe", 1.5, [], {}])
def test_what_is_no_flag(value: object) -> None:
    with pytest.raises(ValueError, match="neither"):
        as_bool(value)


@given(st.integers())
def test_numbers(number: int) -> None:
    assert as_int(number) == as_int(str(number)) == as_int(f" {number} ") == number


@pytest.mark.parametrize("value", [None, True, "", "x", "1.5", 1.5, "nan", "inf", 1e999, [], {}])
def test_what_is_no_number(value: object) -> None:
    with pytest.raises(ValueError, match="number"):
        as_int(value)


#: As the guide has it: spelling, main, sub.
TABLE = [
    ("path", 0, 1),  # 3.1, 3.3
    ("encoder", 0, 1),  # 2.21
    ("imaging", 0, 1),  # 9.8, 9.9, 10.15
    ("event", "Main", "Sub"),  # 4.5
    ("map", 1, 2),  # 5.1 to 5.3
    ("clip", 0, 1),  # 9.12
    ("snapshot", 0, 1),  # 9.13
    ("record", "0", "1"),  # 9.15
]


@pytest.mark.parametrize(("spelling", "main", "sub"), TABLE)
def test_streams(spelling: Any, main: object, sub: object) -> None:
    wire = [to_wire(spelling, stream) for stream in get_args(Stream)]
    assert [(type(value), value) for value in wire] == [(type(main), main), (type(sub), sub)]
    for said in (main, str(main)):
        assert from_wire(spelling, said) == ("main",)
    for said in (sub, str(sub)):
        assert from_wire(spelling, said) == ("sub",)


def test_the_table_of_streams_is_whole() -> None:
    assert {spelling for spelling, *_ in TABLE} == set(WIRE)
    assert from_wire("record", "2") == from_wire("record", 2) == ("main", "sub")
    with pytest.raises(DeviceProtocolError):
        from_wire("map", 0)


def test_commands_are_those_of_the_list() -> None:
    assert set(get_args(Command)) == COMMANDS


@given(st.integers(0, 4_000_000_000 * NS))
def test_times_hold_what_is_asked_for(at: int) -> None:
    for unit, size in (("s", NS), ("ms", 1_000_000)):
        down, up = wire_time(at, unit), wire_time(at, unit, up=True)
        assert isinstance(down, int)
        assert isinstance(up, int)
        assert down * size <= at <= up * size < at + size
    assert instant(str(at // NS)) == at // NS * NS


def test_times_in_letters_and_milliseconds() -> None:
    at = 1_584_892_800_900_000_000
    assert wire_time(at, "iso") == "2020-03-22T16:00:00Z"
    assert wire_time(at, "iso", up=True) == "2020-03-22T16:00:01Z"
    assert instant(1_584_892_800_900) == instant("1584892800900", "ms") == at
