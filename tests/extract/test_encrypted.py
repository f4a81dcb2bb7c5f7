"""Footage that the recorder encrypted: named, and kept as it came."""

from __future__ import annotations

import pytest

from hikcore.archive.local import LocalStore
from hikcore.extract.camera import extract_camera
from hikcore.extract.spool import Spool
from hikcore.instants import NS, Span
from hikcore.sim import ps_body
from hikcore.sim.psmux import MuxProfile
from tests.extract.conftest import BEGIN, CAMERA, HASTY, JOB, Device


@pytest.mark.parametrize("encrypt", [1, 2])
async def test_encrypted_footage_is_kept_as_damaged_with_the_reason(
    encrypt: int, store: LocalStore, spool: Spool
) -> None:
    begin = BEGIN // 1_000_000
    mux = MuxProfile(encrypt=encrypt, scrambled=True)
    body = b"".join(ps_body(begin, begin + 60_000, camera=CAMERA, mux=mux))
    device = Device()
    device.add(0, 60, body)
    span = Span(BEGIN, BEGIN + 100 * NS)
    for _ in range(2):
        report = await extract_camera(
            JOB, span, source=device, store=store, spool=spool, patience=HASTY
        )
    assert report.outcomes == []  # settled: not fetched again
    assert len(device.fetched) == 1
    (raw,) = store.list("v1/raw/")
    assert store.get_range(raw.key, 0, raw.size) == body
    (manifest,) = store.list("v1/manifests/")
    found = store.get(manifest.key)
    assert found is not None
    assert b'"state":"damaged"' in found[0]
    assert b"encrypt" in found[0]
