"""A receiver of callbacks in a separate process: a minimal one, or one that never responds."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import uvloop

from benchmarks.servers import HOST, STOP_SECONDS

ANSWER = b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
BACKLOG = 1_024
HANGING = "hanging"


class Quick(asyncio.Protocol):
    """A receiver that responds when the request is complete, and closes the connection."""

    def __init__(self) -> None:
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)  # uvloop's transport is not a subclass

    def data_received(self, data: bytes) -> None:
        self._read += data
        head, separator, body = self._read.partition(b"\r\n\r\n")
        if separator and len(body) >= _content_length(head):
            self._transport.write(ANSWER)
            self._transport.close()


def _content_length(head: bytes) -> int:
    _, _, after = head.lower().partition(b"content-length:")
    return int(after.partition(b"\r\n")[0] or 0)


@contextmanager
def receiver(*, is_hanging: bool = False) -> Iterator[str]:
    """Run a receiver, and yield its URL."""
    command = [sys.executable, "-m", "benchmarks.receiver", *([HANGING] if is_hanging else [])]
    process = subprocess.Popen(command, cwd=Path(__file__).parents[1], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None  # noqa: S101 - for mypy: stdout is a pipe
        yield f"http://{HOST}:{int(process.stdout.readline())}/"
    finally:
        process.terminate()
        process.wait(STOP_SECONDS)
        process.stdout.close()  # type: ignore[union-attr]


async def _serve(protocol: type[asyncio.Protocol]) -> None:
    server = await asyncio.get_running_loop().create_server(protocol, HOST, 0, backlog=BACKLOG)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(asyncio.Protocol if HANGING in sys.argv else Quick))
