"""Bytes of one object by ranged reads, for the media layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hikcore.archive.store import Store
from hikcore.errors import ArchiveCorrupt

if TYPE_CHECKING:  # it loads numpy and pydantic, which a cut without proof does not need
    from hikcore.archive.proof import Proof

#: Read at once and kept; what is asked for within it costs no further request.
BLOCK = 32 << 20
#: The same of a file at hand: what is read stays in the processor's cache until it is written.
NEAR = 1 << 20


class ObjectWindow:
    """A `ByteSource` over an object. Reads one block ahead, so memory is bounded by it.

    Args:
        store, key: the object. etag: what it must still be (`If-Match`), so that two versions are
            never mixed.
        begin, end: bytes that will be needed; nothing outside is read ahead.
        proof: holds every block against the manifest, where it can.
    """

    def __init__(
        self, store: Store, key: str, etag: str, begin: int, end: int, proof: Proof | None = None
    ) -> None:
        self._proof = proof
        self._store = store
        self._key = key
        self._etag = etag
        self._end = end
        self._begin = begin
        self._most = BLOCK if store.far else min(BLOCK, NEAR)
        self._block = memoryview(b"")
        self.requests = 0

    def read_at(self, offset: int, size: int) -> memoryview:
        """Exactly `size` bytes.

        Raises:
            ArchiveCorrupt: the object ends before, or is not what its manifest says.
            ArchiveConflict: it is another one by now.
        """
        at = offset - self._begin
        if at < 0 or at + size > len(self._block):
            want = max(min(self._most, self._end - offset), size)
            if self._proof is not None and offset + want < self._end:
                want = self._proof.stop(offset + size, offset + want) - offset
            self._block = memoryview(
                self._store.get_range(self._key, offset, want, if_match=self._etag)
            )
            self._begin, at = offset, 0
            self.requests += 1
            if self._proof is not None:
                self._proof.check(offset, self._block)
        if at + size > len(self._block):
            raise ArchiveCorrupt(
                f"the object ends at byte {self._begin + len(self._block)}, "
                f"but its table names bytes up to {offset + size}",
                where=self._key,
                hint="fetch the recording again; the manifest says which",
            )
        return self._block[at : at + size]
