"""What the flow takes and how it ends, without a server."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from prefect.exceptions import ParameterTypeError

from hikcore.errors import HikcoreError
from hikcore.instants import NS
from tests.flows.home import extract

_span, _verdict, extract_site = extract._span, extract._verdict, extract.extract_site


def test_parameters_name_a_site_and_a_span_and_nothing_else() -> None:
    assert set(extract_site.parameters.properties) == {"site", "begin", "end"}


def test_times_without_a_zone_are_refused() -> None:
    whole = {"site": "home", "begin": "2026-11-20T10:00:00Z", "end": "2026-11-20T15:00:00+05:00"}
    with pytest.raises(HikcoreError, match="is not before end"):
        _span(*(extract_site.validate_parameters(whole)[name] for name in ("begin", "end")))
    with pytest.raises(ParameterTypeError, match="timezone"):
        extract_site.validate_parameters({"site": "home", "begin": "2026-11-20T10:00:00"})


def test_without_a_begin_it_is_the_last_48_hours() -> None:
    end = datetime(2026, 11, 20, tzinfo=UTC)
    span = _span(None, end)
    assert (span.length, span.end) == (48 * 3600 * NS, int(end.timestamp()) * NS)


@pytest.mark.parametrize(
    ("count", "failures", "kind", "name"),
    [
        (4, [], "COMPLETED", "Completed"),
        (4, ["door 2026-11-20: gone"], "COMPLETED", "PartiallyComplete"),
        (1, ["door 2026-11-20: gone"], "FAILED", "Failed"),
        (0, ["nvr: cannot be asked"], "FAILED", "Failed"),
    ],
)
def test_the_state_says_what_failed(count: int, failures: list[str], kind: str, name: str) -> None:
    state = _verdict(extract.Done(count, failures))
    assert (state.type.value, state.name) == (kind, name)
    assert all(failure in str(state.message) for failure in failures)


def test_what_was_left_to_another_run_is_said_and_no_failure() -> None:
    state = _verdict(extract.Done(4, [], 2))
    assert (state.type.value, state.name) == ("COMPLETED", "Completed")
    assert "2 of them left to another run" in str(state.message)
