"""eventSearch, metaSearch and searchLogs (4.5, 4.6, 9.25)."""

from __future__ import annotations

from typing import Any, Final

from hikcore.sim.everfocus.profile import NvrProfile
from hikcore.sim.everfocus.replies import Wrong, whole
from hikcore.sim.when import resolve

_NS: Final = 1_000_000_000
_MS: Final = 1_000_000
_TYPES: Final = ("All", "System", "Configuration", "Account", "Alarm", "Record", "Storage")


class Searches:
    """Finds what happened.

    Args:
        profile: of the recorder. start: its clock when it started, ns.
    """

    def __init__(self, profile: NvrProfile, start: int) -> None:
        self._profile = profile
        self._start = start

    def events(self, asked: Any) -> list[dict[str, Any]]:
        """The reply of eventSearch.

        Raises:
            Wrong: it is answered with an Error.
        """
        begin, end = self._span(asked, "StartTime", "EndTime")
        channels, types = asked.get("ChannelID"), asked.get("Type")
        if not isinstance(channels, list) or not isinstance(types, list):
            raise Wrong("ChannelID and Type are arrays")
        stream = asked.get("Stream")
        if stream not in ("Main", "Sub"):
            raise Wrong("Stream")
        found = []
        for row in self._profile.events:
            first, last = (self._at(text) // _NS for text in (row.begin, row.end))
            if row.channel not in channels or row.type not in types:
                continue
            if first > end or last < begin:
                continue
            found.append({
                "ChannelID": row.channel,
                "ev_start": first,
                "ev_end": last,
                "pre_rec": first - row.pre_s,
                "post_rec": last + row.post_s,
                "video_size": row.size if stream == "Main" else row.size // 8,
                "Type": row.type,
                "comment": row.comment,
            })  # fmt: skip
        return found

    def metas(self, asked: Any) -> list[dict[str, Any]]:
        """The reply of metaSearch.

        Raises:
            Wrong: it is answered with an Error.
        """
        begin, end = self._span(asked, "StartTime", "EndTime")
        channel = whole(asked.get("ChannelID"), "ChannelID", strict=self._profile.strict_types)
        types = asked.get("Type")
        types = [types] if isinstance(types, str) else types
        if not isinstance(types, list):
            raise Wrong("Type")
        return [
            {"ChannelID": row.channel, "Type": row.type, "Data": row.data, "Timestamp": at}
            for row in self._profile.metas
            if row.channel == channel
            and row.type in types
            and begin * 1000 <= (at := self._at(row.at) // _MS) <= end * 1000 + 999
        ]

    def logs(self, asked: Any, now: int) -> list[dict[str, Any]]:
        """The reply of searchLogs, oldest first.

        Raises:
            Wrong: it is answered with an Error.
        """
        begin, end = self._span(asked, "startTime", "endTime", open_=True)
        kind = asked.get("type")
        if kind not in _TYPES:
            raise Wrong("type")
        end = end or now // _MS
        how = self._profile.logging
        rows = [
            row for row in self._log(now)
            if kind in ("All", row["type"]) and begin <= row["createTime"] <= end
        ]  # fmt: skip
        rows.sort(key=lambda row: int(row["createTime"]))
        return rows[: how.most] if how.kept == "oldest" else rows[-how.most :]

    def _log(self, now: int) -> list[dict[str, Any]]:
        out: list[dict[str, Any]] = []
        for row in self._profile.logs:
            told: dict[str, Any] = {"type": row.type, "description": row.description}
            if row.channel is not None:
                told["channel"] = row.channel
            told["createTime"] = self._at(row.at) // _MS
            if row.user is not None:
                told["user"] = row.user
            out.append(told | {"hasRecord": int(row.has_record)})
        many = self._profile.logging.many
        return out + [
            {"type": "System", "description": f"row {index}", "hasRecord": 0,
             "createTime": now // _MS - (many - index) * 1000}
            for index in range(many)
        ]  # fmt: skip

    def _span(self, asked: Any, first: str, last: str, *, open_: bool = False) -> tuple[int, int]:
        if not isinstance(asked, dict):
            raise Wrong("no JSON object")
        strict = self._profile.strict_types
        begin, end = (whole(asked.get(name), name, strict=strict) for name in (first, last))
        if end < begin and not (open_ and end == 0):
            raise Wrong(last)
        return begin, end

    def _at(self, text: str) -> int:
        return resolve(text, self._start)
