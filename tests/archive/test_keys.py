"""Keys: public, parseable, and never made of anything unchecked."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hikcore.archive import keys
from hikcore.errors import ConfigurationError
from hikcore.instants import DAY, NS, Span, parse_instant

SHA = hashlib.sha256(b"x").hexdigest()
CHUNK = keys.chunk_id("door", "main", "2026-11-20T10:00:00Z", 1234)
BEGIN = parse_instant("2026-11-20T23:59:59.250Z")


def test_the_forms_that_docs_promise() -> None:
    end = BEGIN + 600 * NS
    assert keys.segment_key("home", "door", "main", BEGIN, BEGIN + 60 * NS, end, CHUNK, SHA) == (
        "v1/segments/home/door/main/2026/11/20/"
        f"20261121T000059.250Z_20261121T000959.250Z_{CHUNK}_{SHA[:16]}.mp4"
    )
    assert keys.manifest_key("home", "door", "main", BEGIN, end, CHUNK, SHA) == (
        "v1/manifests/home/door/main/2026/11/20/"
        f"20261120T235959.250Z_20261121T000959.250Z_{CHUNK}_{SHA[:16]}.json"
    )
    assert keys.raw_key("home", "door", "main", BEGIN, end, CHUNK, SHA).startswith("v1/raw/home/")
    assert keys.clock_key("home", "nvr1", SHA) == f"v1/clocks/home/nvr1/{SHA[:16]}.json"
    assert keys.answers_key("home", "door", "sub", BEGIN) == (
        "log/answers/home/door/sub/2026/11/20.json"
    )
    assert keys.site_key("home") == "log/sites/home.json"
    assert keys.tombstone_key("home", "door", "main", BEGIN, end, SHA).endswith(
        f"2026/11/20/20261120T235959.250Z_20261121T000959.250Z_{SHA[:16]}.json"
    )


def test_chunk_id_by_hand() -> None:
    text = b"door\nmain\n2026-11-20T10:00:00Z\n1234\n"
    assert hashlib.sha256(text).hexdigest()[:16] == CHUNK


NAMES = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,62}", fullmatch=True)


@given(NAMES, NAMES, st.integers(0, 2**32), st.integers(1, DAY), st.integers(0, DAY))
def test_what_is_written_is_read_back(
    site: str, camera: str, seconds: int, length: int, inside: int
) -> None:
    begin = seconds * NS + inside
    key = keys.segment_key(
        site, camera, "main", begin, begin + inside, begin + inside + length, CHUNK, SHA
    )
    assert keys.check_key(key) == key
    told = keys.parse_key(key)
    assert told is not None
    assert (told.area, told.site, told.camera, told.stream) == (
        keys.SEGMENTS,
        site,
        camera,
        "main",
    )
    assert (told.chunk, told.hash) == (CHUNK, SHA[:16])
    assert told.span.begin <= begin + inside < begin + inside + length <= told.span.end


@pytest.mark.parametrize(
    "name", ["", "A", "a b", "../x", "a/b", "-a", "_a", "ä", "x" * 64, "a.b", "a\n"]
)
def test_ids_that_are_refused(name: str) -> None:
    with pytest.raises(ConfigurationError):
        keys.segment_key(name, "door", "main", 0, 0, 1, CHUNK, SHA)
    with pytest.raises(ConfigurationError):
        keys.answers_key("home", name, "main", 0)
    with pytest.raises(ConfigurationError):
        keys.clock_key("home", name, SHA)
    with pytest.raises(ConfigurationError):
        keys.site_key(name)


def test_no_key_of_nonsense() -> None:
    with pytest.raises(ValueError, match="nothing lies"):
        keys.manifest_key("home", "door", "main", 5, 5, CHUNK, SHA)
    with pytest.raises(ValueError, match="SHA-256"):
        keys.manifest_key("home", "door", "main", 5, 6, CHUNK, "abc")
    with pytest.raises(ValueError, match="chunk"):
        keys.manifest_key("home", "door", "main", 5, 6, "../../x", SHA)


@pytest.mark.parametrize(
    "key",
    ["", "v1/segments/a/b/main/2026/11/20/x.mp4", "run/x", "v1/other/a/b/main/2026/11/20/x"],
)
def test_other_keys_are_no_chunks(key: str) -> None:
    assert keys.parse_key(key) is None


def test_days_asked_for() -> None:
    day = BEGIN // DAY * DAY
    assert keys.days(Span(day, day + DAY)) == [day - DAY, day]
    assert keys.days(Span(day, day + DAY + 1), 1, 1) == [
        day - DAY,
        day,
        day + DAY,
        day + 2 * DAY,
    ]
