"""Events of an account: wait for them with a long poll, or stream them as Server-Sent Events."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

import orjson
from fastapi import APIRouter, Header, Query, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import Field

from ringback.control_api.dependencies import PathAccount, Services, account_not_found
from ringback.control_api.large_responses import list_response
from ringback.control_api.schemas import DateTimeOut, ResponseModel
from ringback.domain.events import Event, EventType
from ringback.domain.sids import AccountSid
from ringback.domain.timestamps import rfc_3339
from ringback.operations.events import EventBatch, fetch_events
from ringback.storage.stepwise import yield_to_requests

DEFAULT_WAIT_SECONDS, MAX_WAIT_SECONDS = 30.0, 300.0
MAX_EVENTS = 1_000
EVENTS_PER_READ = 200
"""Batch size of a read: a batch of 1,000 events would delay other requests by 8 ms."""
EVENTS_AT_ONCE = 20
"""Approximate number of events that a stream writes before it yields to other requests."""
LARGEST_ID = 2**53

router = APIRouter(tags=["Events"])


class EventHopResponse(ResponseModel):
    """One request of the last attempt of a StatusCallback that was redirected."""

    method: str
    url: str
    parameters: dict[str, str] = Field(description="The parameters of this request.")
    status_code: int | None = Field(description="Null if there was no response.")
    location: str | None = Field(description="The Location header of a 3xx response.")
    error: str | None = Field(description="Why there was no response.")


class EventResponse(ResponseModel):
    """Something that happened in the account."""

    id: int = Field(description="Later events have higher ids. Pass an id as `after` to get only later events.")
    at: DateTimeOut
    type: EventType
    call_sid: str | None
    data: dict[str, str | int | list[EventHopResponse] | None]


class EventListResponse(ResponseModel):
    """Events, oldest first; empty if none happened within `wait_seconds`."""

    events: list[EventResponse]


After = Annotated[int, Query(ge=0, le=LARGEST_ID, description="Only events after the one with this id. 0: all events.")]
Type = Annotated[EventType | None, Query(alias="type", description="Only events of this type.")]
CallSid = Annotated[str | None, Query(max_length=34, description="Only events of this call.")]


def event_response(event: Event) -> EventResponse:
    """Convert an event to a response."""
    fields = {"id": event.id, "at": rfc_3339(event.at), "type": event.type, "call_sid": event.call_sid}
    return EventResponse.model_validate({**fields, "data": event.data})


@router.get("/accounts/{account_sid}/events", response_model=EventListResponse, summary="List events, or wait for one")
async def wait_for_events(
    services: Services,
    account: PathAccount,
    after: After = 0,
    event_type: Type = None,
    call_sid: CallSid = None,
    wait_seconds: Annotated[float, Query(ge=0, le=MAX_WAIT_SECONDS)] = DEFAULT_WAIT_SECONDS,
) -> Response:
    """Return the events so far. If there are none, wait up to `wait_seconds` for one.

    If the account is deleted while the request waits, the response is a 404.
    """
    deadline = asyncio.get_running_loop().time() + wait_seconds
    events = await _next_events(services, account.sid, after, event_type, call_sid, deadline)
    if events is None:
        raise account_not_found(account.sid)
    while events and len(events) < MAX_EVENTS and len(events) % EVENTS_PER_READ == 0:
        await yield_to_requests()
        batch = await _read_events(services, account.sid, events[-1].id, event_type, call_sid)
        if batch is None or not batch.events:
            break
        events += batch.events
    return await list_response("events", events, event_response)


@router.get("/accounts/{account_sid}/events/stream", response_class=EventSourceResponse, summary="Stream events")
async def stream_events(
    services: Services,
    account: PathAccount,
    after: After = 0,
    event_type: Type = None,
    call_sid: CallSid = None,
    last_event_id: Annotated[int | None, Header(ge=0, le=LARGEST_ID)] = None,
) -> AsyncIterator[ServerSentEvent]:
    """Send events as Server-Sent Events: past events first, then new ones. A client that reconnects misses no events.

    The stream ends when the account is deleted.
    """
    position = after if last_event_id is None else last_event_id
    while not services.change_notifier.is_closed:
        events = await _next_events(services, account.sid, position, event_type, call_sid, None)
        if events is None:
            return
        for event in events:
            position = event.id
            data = orjson.dumps(event_response(event).model_dump()).decode()
            yield ServerSentEvent(id=str(event.id), event=event.type, raw_data=data)
            if position % EVENTS_AT_ONCE == 0:
                await yield_to_requests()


async def _next_events(
    services: Services,
    account_sid: AccountSid,
    after: int,
    event_type: EventType | None,
    call_sid: str | None,
    deadline: float | None,
) -> list[Event] | None:
    """Return the events after an id; if there are none, wait for one until `deadline`, a time of the event loop.

    Return None if the account no longer exists.
    """
    notifier = services.change_notifier
    with notifier.subscribe(account_sid) as change:
        position, invalidations = after, notifier.invalidations(account_sid)
        while True:
            change.clear()
            if invalidations != notifier.invalidations(account_sid):  # a snapshot may have restored old events
                position, invalidations = after, notifier.invalidations(account_sid)
            batch = await _read_events(services, account_sid, position, event_type, call_sid)
            if batch is None or batch.events or notifier.is_closed:
                return batch and batch.events
            position = batch.up_to
            try:
                async with asyncio.timeout_at(deadline):
                    await change.wait()
            except TimeoutError:
                return []


async def _read_events(
    services: Services, account_sid: AccountSid, after: int, event_type: EventType | None, call_sid: str | None
) -> EventBatch | None:
    """Read the next EVENTS_PER_READ events after an id. Return None if the account no longer exists."""
    return await services.database.run(
        fetch_events, account_sid, after_id=after, limit=EVENTS_PER_READ, kind=event_type, call_sid=call_sid
    )
