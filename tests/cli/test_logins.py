"""Refused logins: listed, and cleared."""

from __future__ import annotations

from pathlib import Path

from hikcore.sim.recorder import Recorder
from tests.cli.conftest import BEGIN, END, Command, documented, write_config

SPAN = ("--from", BEGIN, "--to", END)


def test_refused_logins_are_listed_and_cleared(
    hikcore: Command, recorder: Recorder, tmp_path: Path
) -> None:
    assert "no login is known" in hikcore("logins").err  # without a configuration
    write_config(tmp_path, recorder.port)
    wrong = ["--set", "sites.home.devices.nvr.password=env:HOME"]
    for _ in range(2):
        ran = hikcore("extract", "home", *SPAN, *wrong)
        assert ran.code == 7
        assert "hikcore logins --clear" in ran.err
    assert [request.login for request in recorder.requests].count("wrong") == 1
    told = hikcore("logins", "--json")
    assert [line.get("device") for line in told.lines] == [
        f"127.0.0.1:{recorder.port}",
        "home/nvr",
        None,
    ]
    assert all(set(line) <= documented("logins") for line in told.lines)
    assert "no login" in hikcore("logins", "192.0.2.1", "--clear").err
    assert "2 cleared" in hikcore("logins", "home/nvr", "--clear").err
    assert "no login is known" in hikcore("logins").err
    assert hikcore("extract", "home", *SPAN, *wrong).code == 7
    assert [request.login for request in recorder.requests].count("wrong") == 2
    assert hikcore("extract", "home", *SPAN).code == 0
