"""What the disks of a simulated EverFocus recorder hold."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hikcore.instants import Span, union
from hikcore.sim.camera import CameraProfile
from hikcore.sim.everfocus.profile import NvrProfile
from hikcore.sim.playing import Piece, recorded
from hikcore.sim.profile import Auth, Clock, Profile, Rtsp
from hikcore.sim.vault import Vault

_MS = 1_000_000


def recorder_profile(profile: NvrProfile) -> Profile:
    """The same recorder as the parts shared with the other simulated devices see it."""
    login = profile.login
    return Profile(
        name=profile.name,
        seed=profile.seed,
        auth=Auth(username=login.username, password=login.password, realm="xnvr", lock_after=0,
                  scheme="basic" if login.rtsp == "basic" else "digest"),
        clock=Clock(zone=profile.clock.zone, listing="utc"),
        rtsp=Rtsp(pace=profile.playback.pace or 0.0, reports=profile.playback.reports),
        recorded=profile.recorded,
        cameras=tuple(camera.main for camera in profile.cameras),
    )  # fmt: skip


class Store:
    """Footage of all channels.

    Args:
        profile: of the recorder.
        start: its clock when it started, ns.
        cache: folder of coded footage.

    Attributes:
        vaults: by channel and stream (0 main, 1 sub).
    """

    def __init__(self, profile: NvrProfile, start: int, cache: Path | None) -> None:
        shared = recorder_profile(profile)
        self.vaults: dict[tuple[int, int], Vault] = {}
        for camera in profile.cameras:
            if not camera.enabled:
                continue
            for stream, film in enumerate((camera.main, camera.sub)):
                if film is not None:
                    # One stretch is stored without seams; clips are cut when they are listed.
                    even = film.model_copy(update={"overlap_ms": (0, 0), "jitter_gops": 0})
                    self.vaults[film.channel, stream] = Vault(shared, even, start, cache)

    def vault(self, channel: int, stream: int = 0) -> Vault | None:
        """Of one stream; None: there is none."""
        return self.vaults.get((channel, stream))

    def camera(self, channel: int, stream: int = 0) -> CameraProfile | None:
        """What a stream films."""
        vault = self.vault(channel, stream)
        return vault.camera if vault else None

    def stretches(
        self, channel: int, stream: int, begin_ms: int, end_ms: int, now: int
    ) -> list[Span]:
        """Where there is footage in `[begin_ms, end_ms)`, ms since 1970, cut to it."""
        vault = self.vault(channel, stream)
        if vault is None or begin_ms >= end_ms:
            return []
        asked = Span(begin_ms, end_ms)
        found = []
        for file in vault.files(Span(begin_ms * _MS, end_ms * _MS), now):
            part = asked.intersection(Span(file.begin_ms, file.written_ms))
            if part is not None:
                found.append(part)
        return union(found)

    def pieces(self, channel: int, stream: int, begin_ms: int, now: int) -> Iterator[Piece]:
        """Pictures and sound from the key picture at or before an instant, holes jumped over."""
        vault = self.vault(channel, stream)
        return iter(()) if vault is None else recorded(vault, begin_ms, now // _MS, now)

    def recorded(self, channel: int, span: Span, now: int, stream: int = 0) -> list[int]:
        """The instants (ns) of all pictures of a span that are on the disks, each once."""
        vault = self.vault(channel, stream)
        return [] if vault is None else vault.recorded(span, now)
