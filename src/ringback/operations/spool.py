"""Large documents while they are written: kept in blocks of their own, outside the heap.

The heap gives memory back to the system in one go: after a document of 150 MB that takes ten milliseconds. A block is
given back when it was read.
"""

from collections import deque
from collections.abc import Iterator
from mmap import mmap

from ringback.storage.stepwise import Steps

BLOCK_BYTES = 1024 * 1024
PART_BYTES = 64 * 1024
"""How much is read in one piece."""
ANONYMOUS = -1


class Spool:
    """A text that grows at its end, and is read part by part; `len` tells how many bytes it has."""

    def __init__(self, text: bytes = b"") -> None:
        self._blocks: deque[mmap] = deque()
        self._head = b""
        self._bytes = 0
        self.write(text)

    def __len__(self) -> int:
        return len(self._head) + self._bytes

    def write(self, text: bytes) -> range:
        """Add to the end, and return where it stands."""
        start, left = self._bytes, memoryview(text)
        while left:
            used = self._bytes % BLOCK_BYTES
            if not used:
                self._blocks.append(mmap(ANONYMOUS, BLOCK_BYTES))
            taken = left[: BLOCK_BYTES - used]
            self._blocks[-1][used : used + len(taken)] = taken
            self._bytes += len(taken)
            left = left[len(taken) :]
        return range(start, self._bytes)

    def write_head(self, head: bytes) -> None:
        """Add a short text before all others."""
        self._head = head

    def read(self, place: range) -> bytes:
        """Return the text that stands there."""
        found, start = list[bytes](), place.start
        while start < place.stop:
            block, offset = divmod(start, BLOCK_BYTES)
            found.append(self._blocks[block][offset : offset + place.stop - start])
            start += len(found[-1])
        return b"".join(found)

    def parts(self) -> Iterator[bytes]:
        """Read all of the text; what was read is gone."""
        if self._head:
            yield self._head
        left = self._bytes
        while self._blocks:
            with self._blocks.popleft() as block:
                for start in range(0, min(left, BLOCK_BYTES), PART_BYTES):
                    yield block[start : min(start + PART_BYTES, left, BLOCK_BYTES)]
            left -= BLOCK_BYTES

    def let_go(self) -> Steps[None]:
        """Give all memory back, in steps."""
        while self._blocks:
            self._blocks.popleft().close()
            yield
