"""Footage as a pure function of (seed, camera, instant), made when asked for and kept on disk.

Time is cut into closed groups of pictures on a fixed grid since 1970; a group's bytes depend on
nothing but the camera, the seed and the group's number. Groups are kept in packs of about a minute.
"""

from __future__ import annotations

import hashlib
import os
import struct
import tempfile
from collections import OrderedDict
from collections.abc import Iterator
from itertools import islice, pairwise
from pathlib import Path
from random import Random
from threading import Lock

from hikcore.deviceclock import ZoneRule
from hikcore.sim.camera import CameraProfile
from hikcore.sim.encoder import AccessUnit, encode_group, filler
from hikcore.sim.picture import Painter
from hikcore.sim.provenance import of_pictures
from hikcore.sim.sound import sound

_PACK_MS = 60_000
_KEPT = 8
_HEAD = struct.Struct("<4sI")
_ROW = struct.Struct("<qI?")
_MAGIC = b"HKF1"
_MS = 1_000_000


def default_cache() -> Path:
    """`$HIKCORE_SIM_CACHE`, else `hikcore/footage` under the XDG cache folder."""
    chosen = os.environ.get("HIKCORE_SIM_CACHE")
    if chosen:
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "hikcore" / "footage"


class Footage:
    """What one camera saw, at every instant.

    Args:
        camera: what it is.
        seed: of the scenery.
        zone: of the clock that writes the text into the picture.
        cache: folder of coded groups; `default_cache()` if not given.
    """

    def __init__(
        self,
        camera: CameraProfile,
        seed: int = 1,
        zone: ZoneRule | None = None,
        cache: Path | None = None,
    ) -> None:
        self.camera = camera
        self.seed = seed
        self.zone = zone or ZoneRule()
        self._filler = filler(camera)
        self._painter = Painter(
            camera.width, camera.height, camera.title, seed * 1000 + camera.channel
        )
        self.identity = self._identity()
        self.cache = cache or default_cache()
        self._folder = self.cache / self.identity
        self._pack_groups = max(1, _PACK_MS // camera.gop_ms)
        self._memory: OrderedDict[int, list[list[AccessUnit]]] = OrderedDict()
        self._lock = Lock()

    def instants(self, begin_ms: int, end_ms: int) -> range:
        """When the pictures of `[begin_ms, end_ms)` were taken."""
        step, phase = self.camera.frame_ms, self.camera.phase_ms
        first = -(-(begin_ms - phase) // step) * step + phase
        return range(first, max(end_ms, first), step)

    def group_start(self, ms: int) -> int:
        """When the group that holds an instant began."""
        length, phase = self.camera.gop_ms, self.camera.phase_ms
        return (ms - phase) // length * length + phase

    def first_key(self, ms: int) -> int:
        """When the first group at or after an instant begins."""
        length, phase = self.camera.gop_ms, self.camera.phase_ms
        return -(-(ms - phase) // length) * length + phase

    def pictures(
        self, begin_ms: int, end_ms: int, *, headless: bool = False
    ) -> Iterator[AccessUnit]:
        """Coded pictures of `[begin_ms, end_ms)` in decoding order.

        Args:
            headless: begin where it says, not at the first key picture at or after it.
        """
        length, phase = self.camera.gop_ms, self.camera.phase_ms
        first = self.group_start(begin_ms) if headless else self.first_key(begin_ms)
        for number in range((first - phase) // length, (end_ms - phase) // length + 1):
            for unit in self._group(number):
                # In decoding order: what follows a picture that is not there may refer to it.
                if unit.ms >= end_ms:
                    return
                if unit.ms >= begin_ms:
                    yield unit._replace(data=unit.data + self._filler) if self._filler else unit

    def audio(self, begin_ms: int, end_ms: int) -> Iterator[tuple[int, bytes]]:
        """Units (instant in ms, G.711 bytes) that begin in `[begin_ms, end_ms)`; none if mute."""
        law, step = self.camera.audio, self.camera.audio_ms
        if law is None:
            return
        at = -(-begin_ms // step) * step
        size = step * 8
        while at < end_ms:
            until = min(at + 250 * step, -(-end_ms // step) * step)
            block = sound(law, at, until, self.camera.channel)
            for offset in range(0, len(block), size):
                yield at + offset // 8, block[offset : offset + size]
            at = until

    def _group(self, number: int) -> list[AccessUnit]:
        camera = self.camera
        start = number * camera.gop_ms + camera.phase_ms
        if camera.scene == "static":
            stored, base = self._stored(0), 0
        elif camera.bank:
            stored, base = self._stored(number % camera.bank), number % camera.bank * camera.gop_ms
        else:
            return self._stored(number)
        return [unit._replace(ms=unit.ms - base + start) for unit in stored]

    def _stored(self, number: int) -> list[AccessUnit]:
        pack = number // self._pack_groups
        with self._lock:
            groups = self._memory.get(pack)
        if groups is None:
            # Outside the lock: several files are made at once, and two makers make the same bytes.
            groups = self._read(pack) or self._make(pack)
            with self._lock:
                self._memory[pack] = groups
                while len(self._memory) > _KEPT:
                    self._memory.popitem(last=False)
        return groups[number % self._pack_groups]

    def _make(self, pack: int) -> list[list[AccessUnit]]:
        first = pack * self._pack_groups
        groups = [self._encode(first + index) for index in range(self._pack_groups)]
        rows = [unit for group in groups for unit in group]
        body = b"".join(
            [_HEAD.pack(_MAGIC, len(rows))]
            + [_ROW.pack(unit.ms, len(unit.data), unit.key) for unit in rows]
            + [unit.data for unit in rows]
        )
        self._folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self._folder)
        with os.fdopen(handle, "wb") as out:
            out.write(body)
        Path(name).replace(self._folder / f"{pack}.hkf")
        return groups

    def _encode(self, number: int) -> list[AccessUnit]:
        camera = self.camera
        repeated = camera.scene == "static" or camera.bank
        begin = number * camera.gop_ms + (0 if repeated else camera.phase_ms)
        pictures = (
            (ms, self._painter.draw(ms, None if repeated else self.zone.utc_to_local(ms * _MS)))
            for ms in range(begin, begin + camera.gop_ms, camera.frame_ms)
        )
        return [
            unit for size in self._lengths(number)
            for unit in encode_group(camera, islice(pictures, size))
        ]  # fmt: skip

    def _lengths(self, number: int) -> list[int]:
        """Pictures from one key picture of a group to the next."""
        camera = self.camera
        if camera.keys == 1:
            return [camera.gop]
        draw = Random(f"{self.seed}/{camera.channel}/{number}")  # noqa: S311  repeatable
        places = [0, *sorted(draw.sample(range(1, camera.gop), camera.keys - 1)), camera.gop]
        return [end - begin for begin, end in pairwise(places)]

    def _read(self, pack: int) -> list[list[AccessUnit]] | None:
        try:
            body = (self._folder / f"{pack}.hkf").read_bytes()
        except FileNotFoundError:
            return None
        magic, count = _HEAD.unpack_from(body)
        if magic != _MAGIC:
            return None
        at = _HEAD.size + count * _ROW.size
        groups: list[list[AccessUnit]] = []
        for index in range(count):
            ms, size, key = _ROW.unpack_from(body, _HEAD.size + index * _ROW.size)
            if index % self.camera.gop == 0:
                groups.append([])
            groups[-1].append(AccessUnit(ms, key, body[at : at + size]))
            at += size
        return groups

    def _identity(self) -> str:
        """A name of everything that the coded bytes depend on."""
        camera = self.camera
        parts = (
            of_pictures(), self.seed, self.zone, camera.channel, camera.title, camera.codec,
            camera.width, camera.height, camera.crf, camera.frame_ms, camera.gop, camera.b_frames,
            camera.scene, camera.bank, camera.phase_ms, camera.keys,
        )  # fmt: skip
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:24]
