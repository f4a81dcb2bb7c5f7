"""The one tree of errors.

    HikcoreError
    ├── ConfigurationError          the configuration or a command line is wrong
    ├── DeviceError                 something a device or cloud did (or did not do)
    │   ├── DeviceUnreachable       no connection, name not found, TLS refused
    │   ├── DeviceBusy              it says so (503, deviceBusy); retry later
    │   ├── DeviceAuthError         credentials refused or account locked; never retried
    │   ├── DeviceRefused           it understood and will not (403, notSupport)
    │   ├── DeviceProtocolError     an answer that cannot be right
    │   ├── TransferInterrupted     a body ended early, stalled or was reset
    │   └── ClockUndecided          readings cannot tell what the device's times mean
    ├── MediaError
    │   ├── MediaUnsupported        a container or codec we do not read
    │   ├── MediaDamaged            bytes that break the format's rules
    │   └── MediaEncrypted          footage encrypted by the device
    ├── ArchiveError
    │   ├── ArchiveConflict         somebody else wrote first (create-once, compare-and-swap)
    │   ├── ArchiveUnavailable      the store does not answer
    │   ├── ArchiveNotFound         no such archive, object or camera
    │   ├── ArchiveDenied           the store refuses the credentials
    │   └── ArchiveCorrupt          an object is not what its manifest says
    ├── NoRecording                 a span was asked in which nothing is recorded
    └── SpoolFull                   the spool limit or the disk is reached

Every error says what happened, where, why, and the next step (`hint`). `retryable` says whether the
same call may succeed later without anybody changing anything. `exit_code` is what the command exits
with (the interface standard in docs/cli.md).
"""

from __future__ import annotations


class HikcoreError(Exception):
    """Base of all errors raised on purpose.

    Args:
        message: what failed and why, in one sentence, without secrets.
        where: device, camera, span, object or byte offset.
        hint: the next step for the person who reads it.
    """

    retryable = False
    exit_code = 1

    def __init__(self, message: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        text = f"{self.where}: {self.message}" if self.where else self.message
        return f"{text} ({self.hint})" if self.hint else text


class ConfigurationError(HikcoreError):
    """A setting, file or argument that cannot be used as it is."""

    exit_code = 2


class DeviceError(HikcoreError):
    """A device or cloud did something wrong, or nothing at all.

    Args:
        answer: what was answered, where it may have broken off or been garbled on its way and the
            same question may be put again without harm (never that of a login).
    """

    def __init__(
        self, message: str, *, where: str = "", hint: str = "", answer: bytes | None = None
    ) -> None:
        super().__init__(message, where=where, hint=hint)
        self.answer = answer


class DeviceUnreachable(DeviceError):
    """No connection could be made, or TLS did not verify."""

    retryable = True
    exit_code = 6


class DeviceBusy(DeviceError):
    """The device says that it has no room for this request now."""

    retryable = True
    exit_code = 5


class DeviceAuthError(DeviceError):
    """Credentials refused or the account locked. Trying again would lock it for longer."""

    exit_code = 7


class DeviceRefused(DeviceError):
    """The device understood the request and will not serve it."""


class DeviceProtocolError(DeviceError):
    """An answer that cannot be what the protocol says."""


class TransferInterrupted(DeviceError):
    """A body that ended early, stalled, or whose connection was reset."""

    retryable = True
    exit_code = 5


class ClockUndecided(DeviceError):
    """What the device's times mean cannot be measured; the setting that decides is in the hint."""

    exit_code = 2


class MediaError(HikcoreError):
    """Footage that cannot be used as it should be.

    Args:
        offset: byte offset in the body at which the fault lies, where known.
    """

    def __init__(
        self, message: str, *, where: str = "", hint: str = "", offset: int | None = None
    ) -> None:
        at = f" at byte {offset}" if offset is not None else ""
        super().__init__(message + at, where=where, hint=hint)
        self.offset = offset


class MediaUnsupported(MediaError):
    """A container or codec that is named but not read."""


class MediaDamaged(MediaError):
    """Bytes that break the rules of their format."""


class MediaEncrypted(MediaError):
    """The device encrypted the footage; we keep it and cannot show it."""


class ArchiveError(HikcoreError):
    """Something about the archive or its store."""


class ArchiveConflict(ArchiveError):
    """A create-once or compare-and-swap lost against another writer."""

    retryable = True


class ArchiveUnavailable(ArchiveError):
    """The store does not answer, or answers with a server error."""

    retryable = True
    exit_code = 5


class ArchiveNotFound(ArchiveError):
    """No such archive, bucket, object or camera in it."""

    exit_code = 10


class ArchiveDenied(ArchiveError):
    """The store refuses the credentials."""

    exit_code = 12


class ArchiveCorrupt(ArchiveError):
    """An object is not what the manifest that names it says."""

    exit_code = 9


class NoRecording(HikcoreError):
    """Nothing is recorded in the span that was asked."""

    exit_code = 4


class SpoolFull(HikcoreError):
    """The spool limit or the disk under it is reached."""

    retryable = True
    exit_code = 8
