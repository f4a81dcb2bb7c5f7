"""The same span played (RTSP) and downloaded, in one archive: the files are shown, once.

That is what two workers leave of which one could not download, or a recorder that was updated: its
recordings are of one id, and the archive has a take of each kind.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from hikcore.archive.local import LocalStore
from hikcore.archive.reader import Archive
from hikcore.archive.resolver import resolve
from hikcore.instants import NS, Span
from hikcore.sim.faults import Fault
from tests.rtsp.test_playback import HOUR, extract, profile, recorded, shown

#: Between two pictures.
STEP = 200 * 10**6
BOTH = {"download": ["GET body"]}


def folder(store: LocalStore) -> Path:
    """Where its objects lie."""
    return Path(urlsplit(store.url).path)


def join(into: LocalStore, other: LocalStore) -> None:
    """All that two archives hold, in one: nothing of `v1/` is ever changed, so it is a union. What
    `log/` keeps of the first one stays."""
    for path in sorted(folder(other).glob("v1/**/*")):
        target = folder(into) / path.relative_to(folder(other))
        if path.is_file() and not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)


def kinds_shown(archive: Archive, span: Span) -> list[str]:
    """Of the pieces that are shown, in order, each kind once in a row."""
    footage = archive.footage("home", "door", span)
    found: list[str] = []
    for piece in resolve(footage.manifests).take(1):
        if piece.begin >= span.end - NS:
            continue  # what was played of the recording after it
        kind = footage.manifests[piece.manifest].chunk.kind
        if found[-1:] != [kind]:
            found.append(kind)
    return found


@pytest.mark.parametrize(
    ("camera", "rtsp"),
    [
        ({}, {}),
        ({"codec": "h265", "b_frames": 2, "audio": "ulaw"}, {"reports": "sent"}),
        ({}, {"reports": "none"}),
        # Every group of pictures is the same bytes: times alone tell them apart.
        ({"scene": "static"}, {}),
        ({"audio": None}, {"after_end": "runs_on", "overrun_ms": 60_000}),
    ],
)
@pytest.mark.parametrize("first", ["played", "downloaded"])
async def test_files_are_shown_where_both_are_held(
    tmp_path: Path, camera: dict[str, Any], rtsp: dict[str, Any], first: str
) -> None:
    async with recorded(profile(camera=camera, rtsp=rtsp, dialect=BOTH)) as recorder:
        a, downloaded = await extract(recorder, tmp_path / "downloaded", playback="download")
        b, played = await extract(recorder, tmp_path / "played", playback="rtsp")
        assert not a.errors + b.errors
        assert {each.chunk.id for each in a.outcomes} == {each.chunk.id for each in b.outcomes}
        one, other = (played, downloaded) if first == "played" else (downloaded, played)
        closed = recorder.files(1)[: -a.growing]
        begin, end = closed[0].begin_ms * 10**6, closed[-1].end_ms * 10**6
        span = Span(begin - NS, end)
        alone = len(shown(downloaded, span, tmp_path))
        join(one, other)
        again, _ = await extract(recorder, folder(one).parent)
        assert not again.planned, "either take leaves nothing to fetch"
        wanted = recorder.recorded(1, Span(begin, end))
    archive = Archive(one)
    assert {m.chunk.kind for m in archive.manifests("home", "door", HOUR)} == {"file", "window"}
    assert kinds_shown(archive, span) == ["file"]
    assert [s.state for s in archive.coverage("home", "door", Span(begin, end - NS))] == ["held"]
    found = shown(one, span, tmp_path)
    if camera.get("scene") != "static":
        assert found == [at for at in wanted if at <= found[-1]]
    # Behind the last file there may be what its playback ran on with.
    assert 0 <= len(found) - alone <= 3
    assert len(found) > len(wanted) - 10


@pytest.mark.parametrize("camera", [{}, {"codec": "h265", "b_frames": 2}])
async def test_a_clip_over_the_seam_of_played_and_downloaded(
    tmp_path: Path, camera: dict[str, Any]
) -> None:
    """Every second recording is there as a file, all of them as they were played."""
    # Off the whole second, as the clock inside the files is told to the millisecond only then.
    camera = {"phase_ms": 480, **camera}
    async with recorded(profile(camera=camera, dialect=BOTH)) as recorder:
        report, played = await extract(recorder, tmp_path / "played", playback="rtsp")
        _, downloaded = await extract(recorder, tmp_path / "downloaded")
        assert not report.errors
        closed = recorder.files(1)[: -report.growing]
        every = Archive(downloaded).manifests("home", "door", HOUR)
        for manifest in sorted(every, key=lambda each: each.begin)[1::2]:
            (path,) = folder(downloaded).glob(f"v1/manifests/**/*_{manifest.chunk.id}_*")
            path.unlink()
        join(played, downloaded)
        begin, end = closed[0].begin_ms * 10**6, closed[-1].end_ms * 10**6
        wanted = recorder.recorded(1, Span(begin, end))
    archive, span = Archive(played), Span(begin - NS, end)
    assert kinds_shown(archive, span)[:3] == ["file", "window", "file"]
    assert [s.state for s in archive.coverage("home", "door", Span(begin, end - NS))] == ["held"]
    found = shown(played, span, tmp_path)
    assert found == [at for at in wanted if at <= found[-1]]
    # By pixels, in a recording of each kind and over the seam between; edges between two pictures.
    for number in (len(found) // 6, len(found) // 3, len(found) // 2, 2 * len(found) // 3):
        asked = Span(found[number] + STEP // 2, found[number + 30] + STEP // 2)
        assert shown(played, asked, tmp_path) == found[number : number + 31]


async def test_what_was_played_fills_what_a_file_lacks(tmp_path: Path) -> None:
    """The file came cut off, twice alike: what it lacks is shown as it was played."""
    async with recorded(profile(dialect=BOTH)) as recorder:
        _, played = await extract(recorder, tmp_path / "played", playback="rtsp")
        second = recorder.files(1)[1]
        half = recorder.vaults[1].size(second) // 2
        recorder.faults.add(
            Fault(kind="short", match="download", body=f"name={second.name}", at=half)
        )
        report, downloaded = await extract(recorder, tmp_path / "downloaded")
        assert [bool(each.reason) for each in report.outcomes[:3]] == [False, True, False]
        join(downloaded, played)
        closed = recorder.files(1)[: -report.growing]
        begin, end = closed[0].begin_ms * 10**6, closed[-1].end_ms * 10**6
        wanted = recorder.recorded(1, Span(begin, end))
    archive = Archive(downloaded)
    assert kinds_shown(archive, Span(begin - NS, end))[:3] == ["file", "window", "file"]
    assert [s.state for s in archive.coverage("home", "door", Span(begin, end - NS))] == ["held"]
    found = shown(downloaded, Span(begin - NS, end), tmp_path)
    assert found == [at for at in wanted if at <= found[-1]]
