"""The archive: reachable, the two conditions, ranged reads, its clock."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import urlsplit

import httpx

from hikcore.archive.local import LocalStore
from hikcore.archive.store import Store
from hikcore.doctor.finding import Finding, Report, blocking, failure, within
from hikcore.errors import ArchiveConflict, ArchiveNotFound, HikcoreError
from hikcore.instants import NS, from_datetime

STEP: Final = 20.0
#: S3 refuses requests that are signed more than 15 minutes off.
_REFUSED: Final = 900
_NOTICED: Final = 60
_DATA: Final = b"hikcore doctor: may be deleted\n"


@dataclass(frozen=True, slots=True)
class _Step:
    check: str
    look: Callable[[], Finding]


async def examine_archive(
    store: Store, *, now: Callable[[], int], step: float = STEP, writable: bool = True
) -> Report:
    """Look at an archive.

    Args:
        now: our clock, ns UTC. step: seconds that one look may take.
        writable: whether we are to write into it: then conditional puts are tried.
    """
    key = f"run/doctor/{secrets.token_hex(8)}"
    steps = [_Step("reachable", lambda: _reachable(store))]
    if writable:
        steps += [
            _Step("conditional put", lambda: _conditions(store, key)),
            _Step("ranged read", lambda: _ranges(store, key)),
        ]
    steps.append(_Step("clock", lambda: _clock(store, key, now)))
    findings: list[Finding] = []
    for each in steps:
        try:
            findings.append(await within(step, blocking(each.look)))
        except TimeoutError:
            findings.append(
                Finding(each.check, "fail", f"no answer within {step:g} s", "is it up?", 5)
            )
        except ArchiveNotFound as error:
            findings.append(
                Finding("reachable", "warn", error.message, "the first extraction makes it")
            )
        except HikcoreError as error:
            findings.append(failure(each.check, error))
        except OSError as error:
            text = f"{error.strerror or error}: {error.filename or store.url}"
            findings.append(Finding(each.check, "fail", text, "", 1))
        if findings[-1].verdict != "ok" and each.check == "reachable":
            break
    if writable and len(findings) > 1:
        await _tidy(store, key, step)
    return Report("archive", store.url, tuple(findings))


def _reachable(store: Store) -> Finding:
    if isinstance(store, LocalStore) and not store.exists():
        raise ArchiveNotFound("there is no such folder yet", where=store.url)
    sites = store.folders("v1/manifests/")
    return Finding(
        "reachable", "ok", f"{len(sites)} site{'s' * (len(sites) != 1)} in it" if sites else "empty"
    )


def _conditions(store: Store, key: str) -> Finding:
    etag = store.create(key, _DATA, content_type="text/plain")
    faults = []
    try:
        store.create(key, _DATA, content_type="text/plain")
        faults.append("If-None-Match: * is ignored")
    except ArchiveConflict:
        pass
    swapped = store.swap(key, _DATA * 2, etag, content_type="text/plain")
    try:
        store.swap(key, _DATA, "0" * 32, content_type="text/plain")
        faults.append("If-Match is ignored")
    except ArchiveConflict:
        pass
    if faults or not swapped:
        hint = "answers of devices would be lost: use a store that keeps conditions, as MinIO does"
        return Finding("conditional put", "fail", " and ".join(faults), hint, 1)
    return Finding("conditional put", "ok", "create-once and compare-and-swap hold")


def _ranges(store: Store, key: str) -> Finding:
    info = store.head(key)
    if info is None:
        return Finding("ranged read", "fail", "what was put is not there", "", 9)
    part = store.get_range(key, 8, 6, if_match=info.etag)
    if part != _DATA[8:14]:
        return Finding("ranged read", "fail", f"{len(part)} wrong bytes came", "", 9)
    try:
        store.get_range(key, 0, 4, if_match="0" * 32)
    except ArchiveConflict:
        return Finding("ranged read", "ok", "right bytes, and If-Match holds")
    return Finding("ranged read", "warn", "right bytes, but If-Match is ignored")


def _clock(store: Store, key: str, now: Callable[[], int]) -> Finding:
    theirs, ours = _its_clock(store, key), now()
    if theirs is None:
        return Finding("clock", "warn", "it does not tell its time")
    off = (theirs - ours) // NS
    text = "as ours, to the second or two" if abs(off) <= 2 else f"{off:+d} s against ours"
    if abs(off) > _REFUSED:
        hint = "set NTP on both machines: S3 refuses requests that are 15 minutes off"
        return Finding("clock", "fail", text, hint, 1)
    return Finding("clock", "warn" if abs(off) > _NOTICED else "ok", text)


def _its_clock(store: Store, key: str) -> int | None:
    """Of a server: its Date header. Of a folder: the time that its disk's machine gave a file."""
    if isinstance(store, LocalStore):
        try:
            return (store.root / key).stat().st_mtime_ns
        except FileNotFoundError:
            return None
    parts = urlsplit(store.url)
    host = "https://s3.amazonaws.com" if parts.scheme == "s3" else ""
    address = host or f"{parts.scheme.removeprefix('s3+')}://{parts.netloc}"
    try:
        # Unsigned, so refused or not: every answer has a date.
        date = httpx.head(address, timeout=10, follow_redirects=False).headers.get("Date", "")
        return from_datetime(parsedate_to_datetime(date))
    except (httpx.HTTPError, ValueError):
        return None


async def _tidy(store: Store, key: str, step: float) -> None:
    try:
        await within(step, blocking(lambda: store.delete(key)))
    except (HikcoreError, OSError, TimeoutError):
        return  # what lies under run/ may lie there
