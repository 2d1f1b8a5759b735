"""ErrorLoggingMiddleware: failures are logged and raised, disconnections are not."""

from collections.abc import Sequence
from typing import Any, cast

import pytest
from fastapi import FastAPI
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope, Send
from structlog.testing import capture_logs

from ringback.control_api.application import ErrorLoggingMiddleware

pytestmark = pytest.mark.anyio
DISCONNECT: Message = {"type": "http.disconnect"}
REQUEST: Message = {"type": "http.request", "body": b"", "more_body": False}
START: Message = {"type": "http.response.start", "status": 200, "headers": []}
END: Message = {"type": "http.response.body", "body": b""}


class BrokenResourceError(Exception):
    """An error with the same name as anyio's."""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def run(failure: Exception, received: Message, sent: Sequence[Message] = (START,)) -> list[tuple[str, str]]:
    """Run an application that receives, sends and fails; return the log."""

    async def failing(_: Scope, receive: Receive, send: Send) -> None:
        await receive()
        for message in sent:
            await send(message)
        raise failure

    async def receive() -> Message:
        return received

    async def send(_: Message) -> None:
        pass

    with capture_logs() as lines:
        await ErrorLoggingMiddleware(cast("FastAPI", failing))({"path": "/events"}, receive, send)
    return [(str(line["log_level"]), str(line["event"])) for line in lines]


@pytest.mark.parametrize(
    "failure",
    [
        BrokenResourceError(),
        ClientDisconnect(),
        ConnectionResetError(),
        ExceptionGroup("tasks", [BrokenResourceError(), ExceptionGroup("more", [ClientDisconnect()])]),
    ],
    ids=lambda failure: type(failure).__name__,
)
async def test_disconnection_of_a_client_is_logged_at_debug_level(failure: Exception) -> None:
    lines = await run(failure, DISCONNECT)

    assert lines == [("debug", "client disconnected during a response")]


@pytest.mark.parametrize(
    ("failure", "received"),
    [
        (ZeroDivisionError(), DISCONNECT),
        (ExceptionGroup("tasks", [BrokenResourceError(), ZeroDivisionError()]), DISCONNECT),
        (BrokenResourceError(), REQUEST),
    ],
    ids=["another error", "another error too", "no disconnect"],
)
async def test_other_failures_are_logged_and_raised(failure: Exception, received: Message) -> None:
    lines: Any = None

    with pytest.raises(type(failure)):
        lines = await run(failure, received)

    assert lines is None


async def test_failure_after_the_complete_response_is_only_logged() -> None:
    assert await run(ZeroDivisionError(), REQUEST, [START, END]) == [("error", "a control request failed")]
