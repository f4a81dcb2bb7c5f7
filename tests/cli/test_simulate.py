"""`hikcore simulate`, as a process: what it tells, and that it is there."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import httpx
import pytest


@pytest.mark.parametrize("profile", ["small", "hik-cloud", "everfocus-small"])
def test_each_vendor_is_served_until_interrupted(profile: str) -> None:
    command = [sys.executable, "-m", "hikcore", "simulate", "--profile", profile]
    ports = ["--port", "0", "--discovery-port", "0", "--rtsp-port", "0", "--json"]
    with subprocess.Popen([*command, *ports], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True) as process:  # fmt: skip
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        assert (told["type"], told["profile"]) == ("simulate", profile)
        assert told["channels"]
        if profile == "everfocus-small":
            assert httpx.get(f"{told['url']}/admin/login").json()["realm"] == "xnvr"
            assert httpx.get(f"{told['url']}/system/shutdown").json()["Result"] == "Error"
            assert told["rtsp_port"]
            assert told["discovery_port"]
        else:
            assert httpx.get(told["url"]).status_code in (401, 404)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    if profile == "everfocus-small":
        assert "asked to change something, and did not: GET /system/shutdown" in errors
