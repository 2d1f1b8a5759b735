"""Requests as ASGI delivers them, for tests without a server."""

from starlette.requests import Request
from starlette.types import Message


def a_request(*parts: bytes, complete: bool = True, **headers: bytes) -> Request:
    """Return a request whose body arrives in `parts`; unless `complete`, the client then leaves."""
    messages: list[Message] = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    messages.append({"type": "http.request"} if complete else {"type": "http.disconnect"})
    names = [(name.replace("_", "-").encode(), value) for name, value in headers.items()]

    async def receive() -> Message:
        return messages.pop(0)

    return Request({"type": "http", "headers": names, "query_string": b""}, receive)
