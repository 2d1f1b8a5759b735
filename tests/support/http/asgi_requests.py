"""Requests as ASGI delivers them, for tests without a server."""

from typing import cast

from starlette.types import Message

from ringback.operations.services import Services
from ringback.twilio_api.request_context import RequestContext


def a_request(*parts: bytes, complete: bool = True, **headers: bytes) -> RequestContext:
    """Return the context of a request whose body arrives in `parts`. Unless `complete`, the client then disconnects.

    The context has no services, because reading a body needs none.
    """
    messages: list[Message] = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    messages.append({"type": "http.request"} if complete else {"type": "http.disconnect"})
    names = [(name.replace("_", "-").encode(), value) for name, value in headers.items()]

    async def receive() -> Message:
        return messages.pop(0)

    async def send(message: Message) -> None:
        raise AssertionError(f"nothing must be sent while a body is read: {message}")

    scope = {"type": "http", "method": "POST", "path": "/", "raw_path": b"/", "headers": names, "query_string": b""}
    return RequestContext(cast("Services", None), scope, receive, send)
