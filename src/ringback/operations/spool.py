"""Buffers for large documents, in memory blocks outside the heap.

The heap returns memory to the system all at once, which takes ten milliseconds after a document of 150 MB. A block is
returned to the system as soon as it has been read.
"""

from collections import deque
from collections.abc import Iterator
from mmap import mmap

from ringback.storage.stepwise import Steps

BLOCK_BYTES = 1024 * 1024
PART_BYTES = 64 * 1024
"""Size of each part that `parts` yields."""
ANONYMOUS = -1


class Spool:
    """A text that is written and read in parts; `len` returns its size in bytes."""

    def __init__(self, text: bytes = b"") -> None:
        self._blocks: deque[mmap] = deque()
        self._head = b""
        self._bytes = 0
        self.write(text)

    def __len__(self) -> int:
        return len(self._head) + self._bytes

    def write(self, text: bytes) -> range:
        """Append a text, and return its position."""
        start, remaining = self._bytes, memoryview(text)
        while remaining:
            used = self._bytes % BLOCK_BYTES
            if not used:
                self._blocks.append(mmap(ANONYMOUS, BLOCK_BYTES))
            part = remaining[: BLOCK_BYTES - used]
            self._blocks[-1][used : used + len(part)] = part
            self._bytes += len(part)
            remaining = remaining[len(part) :]
        return range(start, self._bytes)

    def write_head(self, head: bytes) -> None:
        """Set a short text that precedes the appended texts."""
        self._head = head

    def read(self, position: range) -> bytes:
        """Return the text at a position."""
        parts, start = list[bytes](), position.start
        while start < position.stop:
            block, offset = divmod(start, BLOCK_BYTES)
            parts.append(self._blocks[block][offset : offset + position.stop - start])
            start += len(parts[-1])
        return b"".join(parts)

    def parts(self) -> Iterator[bytes]:
        """Yield the whole text in parts, and release each block after use."""
        if self._head:
            yield self._head
        remaining = self._bytes
        while self._blocks:
            with self._blocks.popleft() as block:
                for start in range(0, min(remaining, BLOCK_BYTES), PART_BYTES):
                    yield block[start : min(start + PART_BYTES, remaining, BLOCK_BYTES)]
            remaining -= BLOCK_BYTES

    def release(self) -> Steps[None]:
        """Release all memory, in steps."""
        while self._blocks:
            self._blocks.popleft().close()
            yield
