"""What is read is held against the hashes of the manifest, and a broken manifest hides no other."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from hikcore.archive import window
from hikcore.archive.local import LocalStore
from hikcore.archive.reader import Archive
from hikcore.errors import ArchiveCorrupt
from hikcore.instants import NS, Span
from hikcore.media.container import index_file
from hikcore.sim.profiles import get_profile
from tests.archive import build
from tests.archive.build import CAMERA, SITE, at
from tests.journey import Journey, journey


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Journey:
    async def travel() -> Journey:
        folder = tmp_path_factory.mktemp("proof")
        async with journey(get_profile("small"), folder, channels=[1, 2]) as found:
            return found

    return asyncio.run(travel())


def spoil(path: Path, offset: int) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 0x10]))


@pytest.mark.parametrize("camera", ["cam1", "cam2"])
@pytest.mark.parametrize("block", [32 << 20, 40_000])
def test_a_flipped_bit_in_a_picture_is_found(
    made: Journey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, camera: str, block: int
) -> None:
    """In every group that is read whole, and in the key picture of the last one: whatever the size
    of the blocks in which they come."""
    monkeypatch.setattr(window, "BLOCK", block)
    assert isinstance(made.store, LocalStore)
    store = LocalStore(tmp_path / "copy")
    shutil.copytree(made.store.root, store.root)
    begin = made.recorder.now() - 540 * NS
    span = Span(begin, begin + 45 * NS)
    clean = Archive(store).clip("site", camera, span, tmp_path / "clean.mp4")
    found = 0
    for number, key in enumerate(clean.document.segments):
        path = store.root / key
        table = index_file(path)
        assert table.video is not None
        whole = path.read_bytes()
        shown = Archive(store).segments("site", camera, span)
        segment = next(each for each in shown if each.key == key)
        for sample in range(0, len(table.video), 7):
            wall = segment.begin + (int(table.video.pts[sample]) * NS) // 90_000
            if not span.begin <= wall < span.end - 20 * NS:
                continue
            at_ = int(table.video.extent_offset[table.video.first[sample]])
            size = int(table.video.size[sample])
            spoil(path, at_ + size - 2)  # in the last NAL unit: the picture
            with pytest.raises(ArchiveCorrupt, match="not those that its manifest says") as error:
                Archive(store).clip("site", camera, span, tmp_path / f"bad{number}.mp4")
            assert error.value.exit_code == 9
            path.write_bytes(whole)
            found += 1
    assert found >= 3
    assert not list(tmp_path.glob("bad*"))


def test_a_broken_manifest_is_named_and_hides_no_other(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "archive")
    keys = [build.put(store, build.held(n * 600, n * 600 + 600)) for n in range(3)]
    path = store.root / keys[1]
    path.write_bytes(path.read_bytes().replace(b"home", b"hole"))
    archive = Archive(store)
    found = archive.coverage(SITE, CAMERA, Span(at(0), at(1800)))
    assert [(s.state, round(s.span.length / NS)) for s in found] == [
        ("held", 600), ("damaged", 600), ("held", 600),
    ]  # fmt: skip
    assert found[1].reason.startswith("corrupt: the manifest")
    with pytest.raises(ArchiveCorrupt, match=keys[1].replace(".", r"\.")):
        archive.clip(SITE, CAMERA, Span(at(500), at(700)), tmp_path / "a.mp4")
