"""Brings about the faults that a test asked for on the Twilio surface."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ringback.domain.errors import TwilioError, service_unavailable
from ringback.domain.faults import AnswerError, Delay, DropConnection, Effect, FaultTarget
from ringback.operations.faults import strike
from ringback.twilio_api.responses import Exchange, no_content

DROP_EXTENSION = "ringback.drop_connection"
"""Where a server lays, in a scope's extensions, what cuts the connection when it is called."""

_TARGETS = frozenset(FaultTarget)


class ConnectionDropped(Exception):
    """The client gets no answer; raised where the server cannot cut a connection, as in a test without a socket."""


async def pick_fault(exchange: Exchange, operation: str) -> Effect | None:
    """Return what goes wrong with an authenticated request for an operation, if anything does."""
    if operation not in _TARGETS:
        return None
    services = exchange.services
    target = FaultTarget(operation)
    return await services.database.run(strike, exchange.account.sid, target, draw=services.identifiers.draw)


class FaultInjectingApp:
    """An application whose next request goes wrong; `path` is the one to name in an error."""

    def __init__(self, app: ASGIApp, effect: Effect, path: str) -> None:
        self._app = app
        self._effect = effect
        self._path = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer. Raises TwilioError where that is the fault, ConnectionCut where the connection cannot be cut."""
        match self._effect:
            case AnswerError():
                raise self._effect.error(self._path)
            case Delay():
                await _pause(self._effect.seconds)
                await self._app(scope, receive, send)
            case DropConnection("before"):
                _cut(scope)
                await no_content()(scope, receive, send)
            case DropConnection():
                await self._drop_response(scope, receive, send)

    async def _drop_response(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the handler do its work. What it answers satisfies the server, and reaches nobody."""

        async def lost(message: Message) -> None:
            _cut(scope)
            await send(message)

        try:
            await self._app(scope, receive, lost)
        except TwilioError:
            _cut(scope)
            raise


async def _pause(seconds: float) -> None:
    """Let time pass. A server that stops cancels what is under way, and then nothing has been done yet."""
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        raise service_unavailable() from None


def _cut(scope: Scope) -> None:
    cut = scope.get("extensions", {}).get(DROP_EXTENSION)
    if cut is None:
        raise ConnectionDropped
    cut()
