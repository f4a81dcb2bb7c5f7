"""Checks a clip or segment against the 18 rules that every one must keep (docs: INVARIANTS below).

What a file alone can tell is always checked; more with the JSON beside it, with the source that it
was cut from, and with an independent decoder. What could not be told is said, never passed over.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from hikcore.errors import MediaDamaged, MediaError, MediaUnsupported
from hikcore.media.check_bytes import check_bytes, check_places, check_source
from hikcore.media.check_decode import check_decode
from hikcore.media.check_file import Checked, Failure, Report, open_checked
from hikcore.media.check_fragments import check_fragments
from hikcore.media.check_structure import check_reading, check_sidecar_file, check_structure
from hikcore.media.check_time import check_again, check_sidecar_time, check_time
from hikcore.media.samples import FileSource

#: What each number means.
INVARIANTS: Final = {
    1: "every sample is byte for byte one of the source, none invented, doubled or reordered",
    2: "the samples go from the last key frame before the first shown one to the last needed",
    3: "samples lie inside mdat, do not overlap, and fill it",
    4: "the first sample is sync, and sync samples are exactly those that decoding can begin at",
    5: "every picture's parameter sets are those of its sample entry; no entry is there twice",
    6: "durations add up to the media's; times differ exactly as in the source",
    7: "composition times are unique, decoding times do not go back, ctts of version 0 not below 0",
    8: "an edit begins exactly at a picture's time and ends inside the media",
    9: "shown are the frame that covers the asked begin and all before the asked end",
    10: "the hidden lead-in is what the document says",
    11: "sound and picture are in step",
    12: "the wall time of what is shown agrees with the media's",
    13: "cut again, it shows the same",
    14: "boxes nest and add up, moov before mdat, headers agree with the tracks",
    15: "an independent decoder shows as many pictures, without an error",
    16: "nothing of the time of writing is in it; size and hash are those stated",
    17: "the state of the result is stated, and is true",
    18: "read by ranges it is the same as read whole, and little is read",
}


def check_file(
    path: Path,
    *,
    sidecar: Path | None = None,
    source: Path | None = None,
    decode: bool = False,
) -> Report:
    """Check one MP4 of ours.

    Args:
        path: the file.
        sidecar: the JSON of the clip; without it the one beside the file, where there is one.
        source: what it was cut from, of any container that is read.
        decode: decode everything with PyAV, and compare with the source's pictures.

    Returns:
        The failures, with sample and byte offset where they have one, and what could not be told.

    Raises:
        OSError: a file cannot be opened.
        MediaUnsupported: of codecs that are not read.
    """
    report = Report(path)
    document = _document(path, sidecar, report)
    with FileSource(path) as bytes_:
        try:
            checked = open_checked(bytes_, bytes_.size, report)
        except MediaUnsupported:
            raise
        except MediaError as error:
            report.fail(14, error.message, offset=error.offset)
            report.untold.update((n, "the file cannot be read") for n in INVARIANTS if n != 14)
            return report
        check_structure(checked)
        check_fragments(checked)
        check_places(checked)
        _guarded(report, 5, lambda: check_bytes(checked))
        check_time(checked)
        _guarded(report, 13, lambda: check_again(checked))
        check_reading(checked)
        _documented(checked, document)
        if source is None:
            report.untold[1] = "needs the source"
        else:
            said = (document or {}).get("parameter_sets")
            stripped = None if said is None else said == "stripped"
            _guarded(report, 1, lambda: check_source(checked, source, stripped=stripped))
        if decode:
            check_decode(checked, path, source)
        else:
            report.untold[15] = "not asked for"
    return report


def _guarded(report: Report, number: int, check: Any) -> None:
    """Run a check that reads samples: bytes that cannot be read are its failure."""
    try:
        check()
    except (MediaDamaged, ValueError) as error:
        report.fail(number, str(error), offset=getattr(error, "offset", None))


def _documented(checked: Checked, document: dict[str, Any] | None) -> None:
    if document is None:
        for number in (9, 10, 12, 17):
            checked.report.untold.setdefault(number, "needs the JSON of the clip")
        return
    try:
        check_sidecar_file(checked, document)
        check_sidecar_time(checked, document)
    except (KeyError, TypeError, ValueError) as error:
        checked.report.fail(
            17, "the JSON of the clip lacks what it must say", field=_lacking(error)
        )


def _lacking(error: Exception) -> str:
    """The field that an error is about, or what it says."""
    return str(error.args[0]) if isinstance(error, KeyError) else str(error)


def _document(path: Path, sidecar: Path | None, report: Report) -> dict[str, Any] | None:
    beside = sidecar or path.with_suffix(".json")
    if not beside.exists():
        if sidecar is not None:
            report.fail(17, f"no JSON at {sidecar}")
        return None
    try:
        document = json.loads(beside.read_bytes())
    except ValueError as error:
        report.fail(17, f"{beside.name} is no JSON: {error}")
        return None
    if not isinstance(document, dict) or document.get("schema") != "hikcore/clip/1":
        return None
    files = [one.get("name") for one in document.get("files", ()) if isinstance(one, dict)]
    if sidecar is None and path.name not in files:
        return None  # the JSON of something else
    return document


__all__ = ["INVARIANTS", "Failure", "Report", "check_file"]
