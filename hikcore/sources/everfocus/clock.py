"""What an EverFocus recorder's clock says: getTime (NVR SDK guide, 9.19).

Its `time` is Unix time in milliseconds; `time_zone` and the `dst_*` fields tell its wall clock,
which matters for the days of record maps alone. Whether `time_zone` counts summer time, the unit of
`dst_offset` and the clock of `dst_end_hour` are not said: settings, and held against `localtime`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from hikcore.deviceclock import Change, ZoneRule
from hikcore.errors import DeviceProtocolError
from hikcore.instants import NS, from_datetime, parse_instant
from hikcore.sources.base import Deviation
from hikcore.sources.everfocus.session import Session

PATH: Final = "/system/getTime"
_MS: Final = 1_000_000
_MINUTE: Final = 60 * NS
_UNITS: Final = {"minutes": 60, "seconds": 1, "hours": 3600}
_LAST: Final = 5
#: Nanoseconds after which the recorder's clock is read again.
_KEPT: Final = 600 * NS


@dataclass(frozen=True, slots=True)
class DatedChange(Change):
    """A yearly change on a date (`dst_mode` 0): `week` holds the day of the month."""

    def local_ns(self, year: int) -> int:
        """The wall-clock reading at which it happens in that year; of 29 February in a year that
        has none, the day before."""
        for day in range(self.week, 0, -1):
            try:
                date = datetime(year, self.month, day, tzinfo=UTC)
            except ValueError:
                continue
            return from_datetime(date) + self.seconds * NS
        raise ValueError(f"no day {self.week} in month {self.month}")


@dataclass(frozen=True, slots=True)
class ClockTold:
    """What getTime told.

    Attributes:
        utc: the recorder's time, ns. zone: of its wall clock.
        warnings: what does not fit.
    """

    utc: int
    zone: ZoneRule
    warnings: tuple[str, ...] = ()


def read_time(
    reply: Any,
    *,
    dst_unit: str = "minutes",
    has_dst: bool = False,
    end_clock: str = "daylight",
    where: str = "",
) -> ClockTold:
    """Read getTime.

    The wall clock that `localtime` shows is believed: a rule that does not lead to it is not.

    Args:
        dst_unit, has_dst, end_clock: see `EverFocusSettings`.

    Raises:
        DeviceProtocolError: no time.
    """
    if not isinstance(reply, Mapping) or (ms := _number(reply.get("time"))) is None:
        raise DeviceProtocolError(
            "getTime told no time", where=where, hint="please report it with the model"
        )
    utc = ms * _MS
    as_set = _rule(reply, dst_unit, end_clock, utc, has_dst=has_dst)
    wall = _wall(reply.get("localtime"))
    if wall is None:
        return ClockTold(utc, as_set)
    east = round((wall - utc) / _MINUTE) * _MINUTE
    if as_set.utc_to_local(utc) - utc == east:
        return ClockTold(utc, as_set)
    other = _rule(reply, dst_unit, end_clock, utc, has_dst=not has_dst)
    shown = f"its wall clock is {_minutes(east)} of UTC"
    if other.utc_to_local(utc) - utc == east:
        counts = "leaves out" if has_dst else "counts"
        warning = f"{shown}: its time_zone {counts} summer time (time_zone_has_dst)"
        return ClockTold(utc, other, (warning,))
    told = _minutes(as_set.utc_to_local(utc) - utc)
    warning = f"{shown}, though its settings say {told}: days are taken by the wall clock"
    return ClockTold(utc, ZoneRule(east // NS), (warning,))


def _rule(
    reply: Mapping[str, Any], unit: str, end_clock: str, utc: int, *, has_dst: bool
) -> ZoneRule:
    offset = (_number(reply.get("time_zone")) or 0) * 60
    shift = (_number(reply.get("dst_offset")) or 0) * _UNITS[unit]
    enabled = str(reply.get("dst_enable")).strip().lower() in ("true", "1")
    start, end = _change(reply, "dst_start"), _change(reply, "dst_end")
    if not enabled or not shift or start is None or end is None:
        return ZoneRule(offset)
    if end_clock == "standard":
        end = replace(end, seconds=end.seconds + shift)
    if not has_dst:
        return ZoneRule(offset, shift, start, end)
    # The offset in force: in summer the standard one is less.
    summer = ZoneRule(offset - shift, shift, start, end)
    in_force = summer.utc_to_local(utc) - utc == offset * NS
    return summer if in_force else ZoneRule(offset, shift, start, end)


def _change(reply: Mapping[str, Any], name: str) -> Change | None:
    """Months count from 0, weeks from 0 (-1: the last one); Sunday is 0."""
    values = [_number(reply.get(f"{name}_{key}")) for key in _fields(reply)]
    hour, minute = _number(reply.get(f"{name}_hour")), _number(reply.get(f"{name}_minute"))
    if None in values or hour is None:
        return None
    seconds = hour * 3600 + (minute or 0) * 60
    month, number, weekday = (int(value or 0) for value in (*values, 0)[:3])
    if not 0 <= month <= 11:
        return None
    if _by_date(reply):
        return DatedChange(month + 1, number, 0, seconds) if 1 <= number <= 31 else None
    if not -1 <= number <= 4 or not 0 <= weekday <= 6:
        return None
    return Change(month + 1, _LAST if number < 0 else number + 1, weekday, seconds)


def _fields(reply: Mapping[str, Any]) -> Iterator[str]:
    yield from ("month", "date") if _by_date(reply) else ("month", "week", "day")


def _by_date(reply: Mapping[str, Any]) -> bool:
    return _number(reply.get("dst_mode")) == 0


def _number(value: Any) -> int | None:
    """A number, or its digits."""
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return None


def _wall(text: Any) -> int | None:
    """`2019-09-16 12:54:33.430` as local ns."""
    try:
        return parse_instant(str(text), UTC)
    except ValueError:
        return None


def _minutes(east: int) -> str:
    return f"{abs(east) // _MINUTE} minutes {'west' if east < 0 else 'east'}"


class RecorderClock:
    """The clock of one recorder, read anew now and then.

    Args:
        session: of the recorder.

    Attributes:
        told: what it told last; None: nothing yet.
        off: how far it is off ours, at the midpoint of a request.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._read_at = 0
        self.told: ClockTold | None = None
        self.off = Deviation(0, 0)

    async def read(self, *, fresh: bool = False) -> ClockTold:
        """What it tells; `fresh`: now."""
        now, settings = self._session.now, self._session.settings
        if self.told is None or fresh or now() - self._read_at > _KEPT:
            await self._session.login()  # or the first reading would last as long as that
            before = now()
            reply = await self._session.get(PATH)
            after = now()
            self.told = read_time(
                reply,
                dst_unit=settings.dst_offset_unit,
                has_dst=settings.time_zone_has_dst,
                end_clock=settings.dst_end_clock,
                where=self._session.where,
            )
            middle = (before + after) // 2
            self.off = Deviation(self.told.utc - middle, (after - before) // 2 + _MS)
            self._read_at = after
        return self.told

    def now(self) -> int:
        """Its time, ns UTC, as far as it was read."""
        return self._session.now() + self.off.offset
