"""Movie fragments to rows (compiled; native/mp4.pyx)."""

from typing_extensions import Buffer

class FragmentCore:
    """Rows of samples from movie fragments. Not safe for two threads at once."""

    def __init__(self, file_size: int, max_samples: int) -> None: ...
    def register(
        self,
        identifier: int,
        entry: int,
        duration: int,
        size: int,
        flags: int,
        following: int,
        latest: int = ...,
    ) -> bool:
        """A track with the defaults of its trex, none of whose fragments begins past `latest`
        (2^62 at most); False: too many tracks."""

    def restart(self) -> None:
        """The next fragment does not follow the last."""

    @property
    def faults(self) -> tuple[tuple[int, int], ...]:
        """(offset in the file, code)."""

    def rows(self, identifier: int) -> bytes:
        """Packed rows of a track; the dtype is in hikcore.media.mp4.fragments."""

    def feed(self, moof: Buffer, at: int) -> bool:
        """A whole moof box that lies at `at`; False: broken, or the cap is reached."""
