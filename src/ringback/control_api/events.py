"""Waiting instead of sleeping: an account's events by long poll, or as they come."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

import orjson
from fastapi import APIRouter, Header, Query, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import Field

from ringback.control_api.dependencies import AccountOfPath, Services, no_such_account
from ringback.control_api.large_responses import list_answer
from ringback.control_api.schemas import Time, View
from ringback.domain.events import Event, EventType
from ringback.domain.sids import AccountSid
from ringback.domain.timestamps import rfc_3339
from ringback.operations.events import EventBatch, fetch_events
from ringback.storage.stepwise import yield_to_requests

DEFAULT_WAIT_SECONDS, MAX_WAIT_SECONDS = 30.0, 300.0
MAX_EVENTS = 1_000
EVENTS_PER_READ = 200
"""Reading a thousand events at once would hold up other requests for 8 ms."""
EVENTS_AT_ONCE = 20
"""How many events of a stream are written between two pauses, about."""
LARGEST_ID = 2**53

router = APIRouter(tags=["Events"])


class EventHopView(View):
    """One request of the attempt that settled a StatusCallback, where it was redirected."""

    method: str
    url: str
    parameters: dict[str, str] = Field(description="The parameters in this request.")
    status_code: int | None = Field(description="Null when no answer came.")
    location: str | None = Field(description="The Location header of a 3xx answer.")
    error: str | None = Field(description="Why no answer came.")


class EventView(View):
    """One thing that happened in the account."""

    id: int = Field(description="Later events have higher ids: `after` this one come those that follow.")
    at: Time
    type: EventType
    call_sid: str | None
    data: dict[str, str | int | list[EventHopView] | None]


class EventList(View):
    """Events in the order in which they happened; none when the time to wait ran out."""

    events: list[EventView]


After = Annotated[int, Query(ge=0, le=LARGEST_ID, description="Only events after the one with this id; 0 is all.")]
Kind = Annotated[EventType | None, Query(alias="type", description="Only events of this type.")]
OfCall = Annotated[str | None, Query(max_length=34, description="Only events of this call.")]


def event_view(event: Event) -> EventView:
    """Show an event."""
    fields = {"id": event.id, "at": rfc_3339(event.at), "type": event.type, "call_sid": event.call_sid}
    return EventView.model_validate({**fields, "data": event.data})


@router.get("/accounts/{account_sid}/events", response_model=EventList, summary="Wait for something to happen")
async def wait_for_events(
    services: Services,
    account: AccountOfPath,
    after: After = 0,
    kind: Kind = None,
    call_sid: OfCall = None,
    wait_seconds: Annotated[float, Query(ge=0, le=MAX_WAIT_SECONDS)] = DEFAULT_WAIT_SECONDS,
) -> Response:
    """Answer the events that have happened, or as soon as one happens; an empty list when none does in time.

    Where the account is deleted meanwhile, that is told at once, by 404.
    """
    deadline = asyncio.get_running_loop().time() + wait_seconds
    found = await _next_events(services, account.sid, after, kind, call_sid, deadline)
    if found is None:
        raise no_such_account(account.sid)
    while found and len(found) < MAX_EVENTS and len(found) % EVENTS_PER_READ == 0:
        await yield_to_requests()
        batch = await _read_events(services, account.sid, found[-1].id, kind, call_sid)
        if batch is None or not batch.events:
            break
        found += batch.events
    return await list_answer("events", found, event_view)


@router.get("/accounts/{account_sid}/events/stream", response_class=EventSourceResponse, summary="Follow what happens")
async def stream_events(
    services: Services,
    account: AccountOfPath,
    after: After = 0,
    kind: Kind = None,
    call_sid: OfCall = None,
    last_event_id: Annotated[int | None, Header(ge=0, le=LARGEST_ID)] = None,
) -> AsyncIterator[ServerSentEvent]:
    """Send the events as Server-Sent Events, those that have happened first; a client that reconnects misses none.

    The stream ends with the account.
    """
    position = after if last_event_id is None else last_event_id
    while not services.change_notifier.is_closed:
        found = await _next_events(services, account.sid, position, kind, call_sid, None)
        if found is None:
            return
        for event in found:
            position = event.id
            data = orjson.dumps(event_view(event).model_dump()).decode()
            yield ServerSentEvent(id=str(event.id), event=event.type, raw_data=data)
            if position % EVENTS_AT_ONCE == 0:
                await yield_to_requests()


async def _next_events(
    services: Services,
    account_sid: AccountSid,
    after: int,
    kind: EventType | None,
    call_sid: str | None,
    deadline: float | None,
) -> list[Event] | None:
    """Return the events after an id, waiting for the first until the loop's clock shows `deadline`.

    None when the account is gone.
    """
    notifier = services.change_notifier
    with notifier.subscribe(account_sid) as told:
        looked_to, invalidations = after, notifier.invalidations(account_sid)
        while True:
            told.clear()
            if invalidations != notifier.invalidations(account_sid):  # a snapshot may have brought old events back
                looked_to, invalidations = after, notifier.invalidations(account_sid)
            look = await _read_events(services, account_sid, looked_to, kind, call_sid)
            if look is None or look.events or notifier.is_closed:
                return look and look.events
            looked_to = look.up_to
            try:
                async with asyncio.timeout_at(deadline):
                    await told.wait()
            except TimeoutError:
                return []


async def _read_events(
    services: Services, account_sid: AccountSid, after: int, kind: EventType | None, call_sid: str | None
) -> EventBatch | None:
    """Read the next EVENTS_PER_READ events after an id; None when the account is gone."""
    return await services.database.run(
        fetch_events, account_sid, after_id=after, limit=EVENTS_PER_READ, kind=kind, call_sid=call_sid
    )
