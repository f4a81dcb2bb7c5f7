"""ContentMgmt/record/tracks: what is to be recorded when, and on which days there is footage."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Mapping
from datetime import UTC, datetime

from hikcore.instants import NS, Span, from_datetime
from hikcore.sim.camera import CameraProfile
from hikcore.sim.http import Request, Response
from hikcore.sim.profile import Profile
from hikcore.sim.queries import Refused, from_id, parse, text, to_id
from hikcore.sim.vault import Vault
from hikcore.sim.weekly import Block
from hikcore.sim.xml import BAD_CONTENT, BAD_METHOD, Writer, page, tags

_PATH = "/ISAPI/ContentMgmt/record/tracks"
_DAILY = re.compile(_PATH + r"/(\d+)/dailyDistribution")
_MS = 1_000_000


class Tracks:
    """Serves the list of tracks, one of them, and a month's calendar of one.

    Args:
        profile: of the recorder.
        vaults: by channel.
        xml: writes the answers.
    """

    def __init__(self, profile: Profile, vaults: Mapping[int, Vault], xml: Writer) -> None:
        self._profile = profile
        self._vaults = vaults
        self._xml = xml

    def serve(self, request: Request, now: int) -> Response:
        """The document at a path; the web server's own 404 where there is none."""
        daily = _DAILY.fullmatch(request.path)
        method = "POST" if daily else "GET"
        if request.method != method:
            return self._xml.refusal(405, request.target, BAD_METHOD)
        if daily:
            track = from_id(int(daily.group(1)), self._profile.dialect)
            return self._days(request, track, now)
        if request.path == _PATH:
            # Main tracks alone: sub-streams are there to be watched live, not recorded.
            rows = [_track(camera, self._id(camera)) for camera in self._profile.cameras]
            return self._xml.document("TrackList", "\n".join(rows))
        for camera in self._profile.cameras:
            if request.path == f"{_PATH}/{self._id(camera)}":
                inner = (
                    _track(camera, self._id(camera))
                    .removeprefix("<Track>")
                    .removesuffix("</Track>")
                )
                return self._xml.document("Track", inner)
        more = f"Can't locate document: {request.path}"
        return page(404, "Not Found", more.replace("<", "&lt;"))

    def _id(self, camera: CameraProfile) -> int:
        return to_id(camera.track, self._profile.dialect)

    def _days(self, request: Request, track: int, now: int) -> Response:
        """Which days of a month have footage: by the recorder's own calendar, whatever Z means."""
        vault = self._vaults.get(track // 100)
        try:
            root = parse(request.body)
            year, month = int(text(root, "year")), int(text(root, "monthOfYear"))
            count = monthrange(year, month)[1]
            if vault is None or track % 100 != 1:
                raise ValueError("Invalid track id.")
            rows = [_day(vault, year, month, day, now) for day in range(1, count + 1)]
        except (Refused, ValueError, OverflowError) as error:
            return self._xml.refusal(400, request.target, BAD_CONTENT, str(error))
        return self._xml.document(
            "trackDailyDistribution", "<dayList>\n" + "\n".join(rows) + "\n</dayList>"
        )


def _day(vault: Vault, year: int, month: int, day: int, now: int) -> str:
    zone = vault.zone
    local = from_datetime(datetime(year, month, day, tzinfo=UTC))
    begin, end = (
        (zone.local_to_utc(at) or (at - zone.offset * NS,))[0]
        for at in (local, local + 86_400 * NS)
    )
    # As it is on the disks, not as a growing file is listed: tomorrow has no footage yet.
    there = [
        file for file in vault.files(Span(begin, end), now)
        if file.begin_ms * _MS < end and begin < file.written_ms * _MS
    ]  # fmt: skip
    kind = ""
    if there:
        modes = {block.mode for block in vault.camera.blocks}
        kind = tags(recordType="event" if modes == {"MOTION"} else "time")
    return "<day>" + tags(id=day, dayOfMonth=day, record=bool(there)) + kind + "</day>"


def _track(camera: CameraProfile, number: int) -> str:
    codec = "H.264" if camera.codec == "h264" else "H.265"
    about = (
        f"trackType=standard,sourceTag=,contentType=video,codecType={codec},"
        f"resolution={camera.width}x{camera.height},framerate={1000 / camera.frame_ms:g} fps"
    )
    blocks = "".join(_action(index, block) for index, block in enumerate(camera.blocks, 1))
    # Enable is false on tracks that record (seen on four recorders): enableSchedule is what counts.
    return (
        "<Track>"
        + tags(id=number, Channel=number, Enable=False, Description=about)
        + tags(Duration="P30DT0H", DefaultRecordingMode=camera.blocks[0].mode, LoopEnable=True)
        + "<TrackSchedule><ScheduleBlockList><ScheduleBlock>"
        + tags(ScheduleBlockGUID="{00000000-0000-0000-0000-000000000000}")
        + f"{blocks}</ScheduleBlock></ScheduleBlockList></TrackSchedule>"
        + "<CustomExtensionList><CustomExtension>"
        + tags(enableSchedule=True, SaveAudio=camera.audio is not None)
        + tags(PreRecordTimeSeconds=5, PostRecordTimeSeconds=5)
        + "</CustomExtension></CustomExtensionList></Track>"
    )


def _action(index: int, block: Block) -> str:
    begin, end = (
        f"<ScheduleAction{name}Time>{tags(DayOfWeek=block.day, TimeOfDay=f'{at}:00')}"
        f"</ScheduleAction{name}Time>"
        for name, at in (("Start", block.begin), ("End", block.end))
    )
    return (
        f"<ScheduleAction>{tags(id=index)}{begin}{end}"
        + tags(ScheduleDSTEnable=False, Description="nothing")
        + f"<Actions>{tags(Record=True, Log=False, SaveImg=False, ActionRecordingMode=block.mode)}"
        + "</Actions></ScheduleAction>"
    )
