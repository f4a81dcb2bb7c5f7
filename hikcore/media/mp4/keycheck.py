"""Whether a sample that a file marks as sync is one, by the first bytes of the sample."""

from __future__ import annotations

from hikcore.media import h264, h265
from hikcore.media.codec import parameter_sets
from hikcore.media.formats import ByteSource, CodecConfig

#: What is read of a sync sample: parameter sets and the head of the first slice.
_PEEK = 1024


class KeyCheck:
    """Whether samples that are marked as sync are: an IDR or BLA picture behind parameter sets that
    the sample entry holds. (A CRA, after which it depends, is left to the general reader.)"""

    def __init__(self, config: CodecConfig) -> None:
        self._module = h265 if config.codec == "h265" else h264
        self._wanted = range(16, 21) if config.codec == "h265" else range(5, 6)
        self._sets = frozenset(parameter_sets(config))
        self._known = b""

    def holds(self, source: ByteSource, offset: int, size: int) -> bool:
        """Whether the sample there is one."""
        head = bytes(source.read_at(offset, min(size, _PEEK)))
        if head.startswith((b"\0\0\0\1", b"\0\0\1")):
            return False  # a start code, or a length that looks like one: the general reader knows
        # A camera repeats the same sets with every key picture: what was looked at is passed over.
        at = len(self._known) if head.startswith(self._known) else 0
        while (nal := self._nal(head, at)) and not self._is_slice(nal):
            whole = int.from_bytes(head[at : at + 4], "big") == len(nal)
            if not whole or (self._is_set(nal) and nal.rstrip(b"\0") not in self._sets):
                return False
            at += 4 + len(nal)
            if self._is_set(nal):
                self._known = head[:at]
        nal = self._nal(head, at)
        return self._module.nal_type(nal) in self._wanted

    def _nal(self, head: bytes, at: int) -> bytes:
        """The NAL unit at `at`, as far as it is there."""
        return head[at + 4 : at + 4 + int.from_bytes(head[at : at + 4], "big")]

    def _is_slice(self, nal: bytes) -> bool:
        kind = self._module.nal_type(nal)
        return bool(kind < 32 if self._module is h265 else 1 <= kind <= 5)

    def _is_set(self, nal: bytes) -> bool:
        kind = self._module.nal_type(nal)
        return kind in ((32, 33, 34) if self._module is h265 else (7, 8))
