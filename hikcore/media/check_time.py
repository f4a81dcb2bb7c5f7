"""Times: of samples, of edits, against the document, and cut again (rules 6 to 13)."""

from __future__ import annotations

import io
from fractions import Fraction
from typing import Any

import numpy as np

from hikcore.instants import NS, parse_instant
from hikcore.media.check_file import Checked
from hikcore.media.clip import ClipPart, write_clip
from hikcore.media.mp4.boxes import children, find
from hikcore.media.mp4.edits import present
from hikcore.media.mp4.movie import Track
from hikcore.media.mp4.read import read_edits, read_head
from hikcore.media.mp4.sound import last_unit
from hikcore.media.mp4.write import TIMESCALE
from hikcore.media.table import SampleTable


def check_time(checked: Checked) -> None:
    """7, 8 and 11."""
    for name, track in checked.tracks:
        _check_samples(checked, name, track)
        _check_edits(checked, name, track)
    if checked.movie.audio is not None and len(checked.movie.audio.samples):
        _check_sound(checked, checked.movie.audio)
    else:
        checked.report.untold[11] = "no sound"


def _check_samples(checked: Checked, name: str, track: Track) -> None:
    samples, report = track.samples, checked.report

    def fail(at: int, reason: str) -> None:
        report.fail(7, reason, track=name, sample=at, offset=checked.offset(track, at))

    order = np.argsort(samples.pts, kind="stable")
    if name == "video":
        for at in np.flatnonzero(np.diff(samples.pts[order]) == 0)[:20].tolist():
            fail(int(order[at + 1]), "it is shown at the time of another")
    for at in np.flatnonzero(np.diff(samples.dts) < 0)[:20].tolist():
        fail(at + 1, "its decoding time goes back")
    if _unsigned(checked, name):
        for at in np.flatnonzero(samples.pts < samples.dts)[:20].tolist():
            fail(at, "ctts of version 0 has a negative offset")


def _unsigned(checked: Checked, name: str) -> bool:
    """Whether a track has a ctts of version 0."""
    wanted = b"vide" if name == "video" else b"soun"
    for kind, payload, stop in children(checked.head, *checked.moov):
        if kind != b"trak":
            continue
        handler = find(checked.head, payload, stop, b"mdia", b"hdlr")
        if handler is None or checked.head[handler[0] + 8 : handler[0] + 12] != wanted:
            continue
        ctts = find(checked.head, payload, stop, b"mdia", b"minf", b"stbl", b"ctts")
        return ctts is not None and checked.head[ctts[0]] == 0
    return False


def _check_edits(checked: Checked, name: str, track: Track) -> None:
    samples, report, movie = track.samples, checked.report, checked.movie.timescale
    if name == "video" and not track.edits and int(samples.pts.min()):
        at = int(samples.pts.argmin())
        report.fail(8, "no edit list, and the first picture is not at 0", track=name, sample=at,
                    offset=checked.offset(track, at))  # fmt: skip
    end = Fraction(int(samples.pts.max()) + samples.last_duration, samples.timescale)
    for number, edit in enumerate(track.edits):
        if edit.media_time < 0:
            if name == "video" and number:
                report.fail(8, "an empty edit in the middle", track=name)
            continue
        if name == "video" and edit.media_time not in samples.pts:
            report.fail(
                8, f"edit {number + 1} begins at {edit.media_time}, where no picture does",
                track=name,
            )  # fmt: skip
        stop = Fraction(edit.media_time, samples.timescale) + Fraction(edit.duration, movie)
        # A track of another timescale than the movie's cannot end on the tick.
        if stop > end + (Fraction(1, samples.timescale) if movie % samples.timescale else 0):
            report.fail(
                8, f"edit {number + 1} lasts {float(stop - end):.6f} s longer than the media",
                track=name,
            )  # fmt: skip
    if name == "video" and track.edits and samples.timescale and movie % samples.timescale:
        report.fail(8, f"durations in 1/{movie} s cannot say times in 1/{samples.timescale} s")


def _check_sound(checked: Checked, track: Track) -> None:
    """11: little of the sound is hidden before it begins, and it does not outlast the pictures."""
    samples, report = track.samples, checked.report
    unit = Fraction(last_unit(samples), samples.timescale)
    first = next((edit for edit in track.edits if edit.media_time >= 0), None)
    if first is not None:
        hidden = Fraction(first.media_time, samples.timescale)
        steps = np.diff(samples.pts[:3], append=samples.pts[-1] + samples.last_duration)
        most = Fraction(int(steps[:2].sum()), samples.timescale)
        if hidden > max(most, 2 * unit):
            report.fail(11, f"{float(hidden):.3f} s of sound are hidden before it begins",
                        track="audio", sample=0, offset=checked.offset(track, 0))  # fmt: skip
    video = checked.movie.video
    if video is None or not video.edits or not track.edits:
        return
    movie = checked.movie.timescale
    pictures = sum(edit.duration for edit in video.edits)
    sound = sum(edit.duration for edit in track.edits)
    late = Fraction(sound - pictures, movie)
    if len(checked.visible) < len(video.samples) and late > unit:
        report.fail(11, f"the sound goes on {float(late):.3f} s after the last picture",
                    track="audio")  # fmt: skip


def check_again(checked: Checked) -> None:
    """13: what is shown, cut out of this file, shows the same.

    Raises:
        MediaDamaged, ValueError: it cannot be cut again.
    """
    track = checked.movie.video
    if track is None or track.timescale != TIMESCALE or not len(track.samples):
        checked.report.untold[13] = "no video, or in another timescale"
        return
    if not track.samples.sync[0] or not len(checked.visible):
        checked.report.untold[13] = "nothing that a cut could begin at"
        return
    samples = track.samples
    edits = [edit for edit in track.edits if edit.media_time >= 0]
    begin = edits[0].media_time if edits else int(samples.pts.min())
    end = int(samples.pts.max()) + samples.last_duration
    if edits and edits[-1].duration:
        last = edits[-1]
        end = last.media_time + last.duration * TIMESCALE // checked.movie.timescale
    table = SampleTable("mp4", samples)
    part = ClipPart(checked.source, table, 0, len(samples), -begin)
    out = _Head()
    write_clip(out, [part], show_from=0, show_to=end - begin, audio="none")
    head = out.getvalue()
    again = read_head(head)
    assert again.video is not None
    shown = present(again.video, read_edits(head).video, TIMESCALE)
    wanted = samples.pts[checked.visible]
    found = again.video.pts[np.concatenate([one.samples for one in shown])]
    wanted, found = wanted - begin, found - found[0] + wanted[0] - begin
    both = min(len(wanted), len(found))
    other = np.flatnonzero(wanted[:both] != found[:both])
    if len(wanted) != len(found) or len(other):
        at = int(checked.visible[other[0] if len(other) else min(both, len(wanted) - 1)])
        checked.report.fail(
            13, f"cut again it shows {len(found)} pictures, not {len(wanted)}, and differs here",
            track="video", sample=at, offset=checked.offset(track, at),
        )  # fmt: skip


class _Head(io.BytesIO):
    """Keeps what is written first (ftyp and moov), and lets the samples go."""

    def write(self, data: Any, /) -> int:
        return super().write(data) if self.tell() == 0 else len(data)


def check_sidecar_time(checked: Checked, document: dict[str, Any]) -> None:
    """9, 10 and 12: the document against the media."""
    report, track = checked.report, checked.movie.video
    if len(document["files"]) > 1:
        for number in (9, 10, 12):
            report.untold[number] = "the clip is several files"
        return
    if track is None or not len(checked.visible):
        return
    samples = track.samples
    times = np.sort(samples.pts[checked.visible])
    begin, end, first, last = (_ns(document[key]) for key in ("begin", "end", "first", "last"))
    last_at = times[-1] + samples.last_duration
    behind = samples.pts[samples.pts > times[-1]]  # hidden: others refer to it
    frames = np.diff(times, append=behind.min() if len(behind) else last_at)
    longest = Fraction(int(frames[0]), samples.timescale) * NS
    missing = [(_ns(one["begin"]), _ns(one["end"])) for one in document["missing"]]
    known = Fraction(document["uncertainty_ms"]) * 1_000_000
    if document["frames"] != len(times):
        reason = f"{len(times)} pictures are shown where the JSON says {document['frames']}"
        report.fail(9, reason, field="frames")
    if not (begin < end and first <= last < end):
        report.fail(
            9, "the last picture does not lie between the first and the asked end", field="last"
        )
    if document["start"] == "exact" and first + longest <= begin - 1:
        report.fail(9, "the first picture ends before the asked begin", field="first")
    if first > begin and not any(low <= begin < high for low, high in missing):
        reason = "the first picture comes after the asked begin, and nothing is missing"
        report.fail(9, reason, field="first")
    media = Fraction(int(times[-1] - times[0]), samples.timescale) * NS
    absent = sum(high - low for low, high in missing)
    step = abs(media - (last - first))
    if step > 2 * known + absent + 2 * Fraction(NS, TIMESCALE) + 1:
        report.fail(
            12, f"first to last take {float(media) / NS:.6f} s in the media and "
            f"{(last - first) / NS:.6f} s by the clock", field="last",
        )  # fmt: skip
    if known < 0:
        report.fail(12, "an uncertainty below 0", field="uncertainty_ms")
    if not missing and document["start"] == "exact":
        shown = _shown(checked, track)
        # It may begin with the rest of a picture, and instants are worth no more than they say.
        more = shown - Fraction(end - begin, NS)
        room = Fraction(2 * known, NS) + Fraction(2, TIMESCALE)
        if not -room <= more <= longest / NS + room:
            reason = f"it shows {float(shown):.3f} s of {(end - begin) / NS:.3f} s"
            report.fail(9, reason, field="end")
    lead_in = Fraction(int(times[0] - samples.pts.min()), samples.timescale) * 1000
    if abs(lead_in - Fraction(document["lead_in_ms"])) > Fraction(1, 1000):
        report.fail(
            10, f"{float(lead_in):.3f} ms are hidden where the JSON says {document['lead_in_ms']}",
            field="lead_in_ms",
        )  # fmt: skip


def _shown(checked: Checked, track: Track) -> Fraction:
    """Seconds that the pictures are shown."""
    if track.edits:
        return Fraction(sum(edit.duration for edit in track.edits), checked.movie.timescale)
    samples = track.samples
    return Fraction(int(samples.pts.max() - samples.pts.min()) + samples.last_duration,
                    samples.timescale)  # fmt: skip


def _ns(text: str) -> int:
    return parse_instant(text)


__all__ = ["check_again", "check_sidecar_time", "check_time"]
