"""A minimal ASGI application, the baseline of all measurements."""

from collections.abc import Awaitable, Callable
from typing import Any

Send = Callable[[dict[str, Any]], Awaitable[None]]

HEAD = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-length", b"5"), (b"content-type", b"text/plain")],
}
BODY = {"type": "http.response.body", "body": b"hello"}


async def app(_scope: dict[str, Any], _receive: object, send: Send) -> None:
    """Answer every request with ``hello``."""
    await send(HEAD.copy())
    await send(BODY.copy())
