"""What a source may tell of its device besides footage. Each protocol is optional for a source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from hikcore.deviceclock import ZoneRule
from hikcore.sources.base import Recording

Mode = Literal["continuous", "motion"]


@dataclass(frozen=True, slots=True)
class Disk:
    """A disk of a device: its state in the device's words, bytes in all and free (0 for ever where
    the oldest footage is overwritten)."""

    name: str
    status: str
    size: int
    free: int

    @property
    def good(self) -> bool:
        """Whether it can record."""
        return self.status.lower() in ("ok", "idle", "sleeping")


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """What a device says of itself; empty where it does not say.

    Attributes:
        dialect: how it wants to be spoken to, in words.
        disks: None where it does not tell.
        zone: of its wall clock, where that is no part of its clock profile.
    """

    model: str = ""
    firmware: str = ""
    serial: str = ""
    dialect: str = ""
    disks: tuple[Disk, ...] | None = None
    zone: ZoneRule | None = None


@runtime_checkable
class DescribesItself(Protocol):
    """A source whose device tells what it is."""

    async def facts(self) -> DeviceFacts:
        """Model, firmware, disks.

        Raises:
            DeviceError: it does not answer.
        """
        ...


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of a weekday in which a device is to record, by its wall clock.

    Attributes:
        weekday: 0 is Monday. begin, end: seconds since its midnight, at most 86400.
    """

    weekday: int
    begin: int
    end: int
    mode: Mode


@dataclass(frozen=True, slots=True)
class Planned:
    """When a device is to record a channel: nothing where its schedule is off or empty."""

    channel: int
    blocks: tuple[Block, ...]


@runtime_checkable
class TellsSchedules(Protocol):
    """A source whose device tells when it is to record."""

    async def schedules(self) -> list[Planned]:
        """Of every channel whose main stream has a schedule.

        Raises:
            DeviceError: it does not answer, or tells none (`DeviceRefused`).
        """
        ...


@runtime_checkable
class TellsItsWay(Protocol):
    """A source that gets recordings in one of several ways."""

    @property
    def way(self) -> Literal["download", "rtsp"]:
        """As files, or played; as far as is known."""
        ...


@runtime_checkable
class Warns(Protocol):
    """A source whose device says what people should know: a password that is to be changed."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What came up so far, each once."""
        ...


@runtime_checkable
class PlaysFaster(Protocol):
    """A source that may play faster than footage was filmed, once that was seen to lose nothing."""

    @property
    def wanted_speed(self) -> int:
        """As set; 1: it is not to."""
        ...

    async def prove_speed(self, recording: Recording) -> str:
        """Play some seconds of a recording as filmed and at `wanted_speed`, and remember whether
        both gave the same; "" where they did, else the difference in words.

        Raises:
            DeviceError: it does not play.
        """
        ...
