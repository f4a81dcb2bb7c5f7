"""Decoding by PyAV, which shares no code with the reader (rule 15)."""

from __future__ import annotations

import hashlib
from pathlib import Path

from hikcore.media.check_file import Checked
from hikcore.media.sniff import SNIFF_BYTES, sniff


def check_decode(checked: Checked, path: Path, source: Path | None) -> None:
    """15: as many pictures as the edit list shows, without an error; with an MP4 as the source, the
    first of them is the one that decoding the whole source gives at its place."""
    import av  # noqa: PLC0415  (slow to import, and only needed here)

    report = checked.report
    wanted = len(checked.visible)
    hashes: list[str] = []
    try:
        with av.open(str(path)) as container:
            video = [s for s in container.streams if s.type == "video"]
            if not video:
                report.untold[15] = "no video"
                return
            video[0].codec_context.options = {"err_detect": "explode"}
            for frame in container.decode(container.streams.video[0]):
                hashes.append(_hash(frame))
                if frame.is_corrupt:
                    _fail(checked, "a picture decodes with errors", len(hashes) - 1)
    except av.FFmpegError as error:
        _fail(checked, f"decoding stops after {len(hashes)} pictures: {error}", len(hashes))
        return
    if len(hashes) != wanted:
        reason = f"{len(hashes)} pictures are decoded where {wanted} are to be shown"
        _fail(checked, reason, min(len(hashes), wanted - 1))
    # Of other containers libav is no judge: of a program stream it loses pictures.
    if source is not None and hashes and _is_mp4(source):
        _check_first(checked, hashes, source)


def _fail(checked: Checked, reason: str, shown: int) -> None:
    """15, at a picture by its place among those shown; before the first, where decoding begins."""
    track = checked.movie.video
    if track is None or not 0 < shown < len(checked.visible):
        sample = 0
    else:
        sample = int(checked.visible[shown])
    offset = checked.offset(track, sample) if track is not None and len(track.samples) else None
    checked.report.fail(15, reason, track="video", sample=sample, offset=offset)


def _is_mp4(path: Path) -> bool:
    with path.open("rb") as file:
        return sniff(file.read(SNIFF_BYTES)) == "mp4"


def _check_first(checked: Checked, hashes: list[str], source: Path) -> None:
    import av  # noqa: PLC0415

    try:
        # What the source's own edit list hides is footage, and may be what was asked for.
        with av.open(str(source), options={"ignore_editlist": "1"}) as container:
            theirs = [_hash(frame) for frame in container.decode(video=0)]
    except (av.FFmpegError, IndexError) as error:
        checked.report.untold[15] = f"PyAV does not decode the source: {error}"
        return
    if hashes[0] not in theirs:
        first = int(checked.visible[0]) if len(checked.visible) else 0
        reason = "its first picture is none of those of the decoded source"
        checked.report.fail(15, reason, track="video", sample=first)


def _hash(frame: object) -> str:
    planes = frame.planes  # type: ignore[attr-defined]
    digest = hashlib.blake2b(digest_size=16)
    for plane in planes:
        digest.update(bytes(plane))
    return digest.hexdigest()
