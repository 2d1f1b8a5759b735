"""Reading the text of a snapshot piece by piece."""

from collections.abc import Iterator

import pytest

from ringback.operations.snapshot_text import NotInForm, SnapshotText
from ringback.storage.stepwise import run_steps

CHUNKS, CHUNK_BYTES = 100, 64 * 1024


@pytest.mark.anyio
async def test_unterminated_string_is_refused_before_it_is_read_completely() -> None:
    read: list[int] = []

    def parts() -> Iterator[bytes]:
        for number in range(CHUNKS):
            read.append(number)
            yield b'"' + b"a" * CHUNK_BYTES if number == 0 else b"a" * CHUNK_BYTES

    async def read_token() -> None:
        await run_steps(SnapshotText(parts()).token())

    with pytest.raises(NotInForm):
        await read_token()

    assert len(read) < CHUNKS / 2
