"""Fault injection: applies the faults that a test has created to requests to the Twilio API."""

import asyncio

from starlette.responses import Response

from ringback.domain.errors import TwilioError, service_unavailable
from ringback.domain.fault_effects import (
    BODILESS_STATUSES,
    AlterSignature,
    AnswerBody,
    AnswerError,
    Delay,
    DropConnection,
    Duplicate,
    Effect,
    Suppress,
    describe_effect,
)
from ringback.domain.faults import FaultTarget
from ringback.domain.operations import Operation
from ringback.operations.faults import apply_faults
from ringback.twilio_api.request_context import DROP_EXTENSION, Handler, RequestContext, TwilioResponse, no_content


class CannotDropConnection(Exception):
    """The server offers no way to close the connection, as in a test without a socket."""


async def pick_fault(context: RequestContext, operation: Operation) -> Effect | None:
    """Return the effect of the account's first fault that applies to this request, or None."""
    services, target = context.services, FaultTarget(operation)
    return await services.database.run(
        apply_faults, context.account.sid, target, random_fraction=services.id_generator.random_fraction
    )


async def respond_with_fault(context: RequestContext, handler: Handler, fault: Effect) -> Response:
    """Return the response to a request that a fault applies to.

    Raises TwilioError if the fault is an error, CannotDropConnection, and ValueError for an effect that applies only to
    StatusCallbacks.
    """
    match fault:
        case AnswerError():
            raise fault.error(context.path)
        case AnswerBody():
            content_type = None if fault.status in BODILESS_STATUSES else fault.content_type.encode()
            return TwilioResponse(fault.status, fault.body.encode(), content_type)
        case Delay(seconds, "before"):
            await _sleep(seconds)
            return await handler(context)
        case Delay():
            return await _answer_late(context, handler, fault.seconds)
        case DropConnection("before"):
            _drop_connection(context)
            return no_content()  # never sent: the connection is closed
        case DropConnection():
            return await _drop_response(context, handler)
        case Duplicate() | AlterSignature() | Suppress():
            raise ValueError(f"{describe_effect(fault)} applies only to StatusCallbacks")


async def _drop_response(context: RequestContext, handler: Handler) -> Response:
    """Let the handler commit its change, then close the connection; the server discards the response."""
    try:
        response = await handler(context)
    except TwilioError:
        _drop_connection(context)
        raise
    _drop_connection(context)
    return response


async def _answer_late(context: RequestContext, handler: Handler, seconds: float) -> Response:
    """Let the handler commit its change, and respond after `seconds`, or with a 503 if the server stops earlier."""
    try:
        response = await handler(context)
    except TwilioError:
        await asyncio.sleep(seconds)
        raise
    await asyncio.sleep(seconds)
    return response


async def _sleep(seconds: float) -> None:
    """Sleep before the handler runs. A server that shuts down cancels the request, and the response is a 503."""
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        raise service_unavailable() from None


def _drop_connection(context: RequestContext) -> None:
    drop = context.scope.get("extensions", {}).get(DROP_EXTENSION)
    if drop is None:
        raise CannotDropConnection
    drop()
