"""A ready-made receiver of StatusCallbacks: it keeps what comes, and says whether the signature was right."""

import asyncio
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import Field
from starlette.requests import ClientDisconnect

from ringback.control_api.dependencies import AccountOfPath, Services, no_such_account
from ringback.control_api.errors import refuse_excess, too_large
from ringback.control_api.large_responses import lists_of, newest
from ringback.control_api.schemas import SignatureView, Time, View
from ringback.domain.inbox import StoredMessage, inbox_message, received_parameters
from ringback.domain.signature_check import ReceivedRequest
from ringback.domain.timestamps import rfc_3339
from ringback.domain.urls import TARGET_KEY
from ringback.operations.inbox import (
    KEPT_MESSAGES,
    empty_inbox,
    list_inboxes,
    newest_messages,
    receive_message,
    suspects,
)

MAX_BODY_BYTES = 1024 * 1024
DEFAULT_LIMIT = 100
INBOX_PATH = "/accounts/{account_sid}/inbox/{name}"
TOO_LARGE: dict[int | str, dict[str, Any]] = {HTTPStatus.REQUEST_ENTITY_TOO_LARGE: {}}
OTHER_METHODS = ["HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"]

receiver = APIRouter(tags=["Inboxes"])
"""What asks for no token, for those who send StatusCallbacks have none."""
router = APIRouter(tags=["Inboxes"])

Name = Annotated[
    str, Path(min_length=1, max_length=100, description="Any name: an inbox is there as soon as it is used.")
]


class MessageView(View):
    """One request that came in."""

    id: int = Field(description="Later messages have higher ids.")
    at: Time
    method: str
    url: str
    headers: dict[str, str] = Field(description="Names in lower case; credentials masked.")
    parameters: list[tuple[str, str]] = Field(description="Of the query by GET, of the form otherwise, in their order.")
    body: str = Field(description="As text, its first 64 KiB.")
    signature: SignatureView


class MessageList(View):
    """Messages in the order in which they came."""

    messages: list[MessageView]


class InboxView(View):
    """An inbox that has messages."""

    name: str = Field(description="A slash in it is shown as %2F, as it was sent.")
    messages: int = Field(description="How many messages it has.")
    newest_at: Time = Field(description="When the newest message came, by the account's clock.")


class InboxList(View):
    """The inboxes that have messages, the one with the newest message first."""

    inboxes: list[InboxView]


def message_view(stored: StoredMessage) -> MessageView:
    """Show a message."""
    message, headers = stored.message, dict[str, str]()
    for name, value in message.headers:
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return MessageView(
        id=stored.id,
        at=rfc_3339(message.at),
        method=message.method,
        url=message.url,
        headers=headers,
        parameters=list(message.parameters),
        body=message.body,
        signature=SignatureView.model_validate(message.signature, from_attributes=True),
    )


@receiver.post(INBOX_PATH, status_code=HTTPStatus.NO_CONTENT, responses=TOO_LARGE, summary="Send something to an inbox")
async def receive_post(request: Request, services: Services, account: AccountOfPath, name: Name) -> None:
    """Keep a request of any method, as a receiver of StatusCallbacks would get it; no token is asked for."""
    time = account.clock.at(services.now())
    try:
        received = await _received(request)
    except ClientDisconnect:
        return
    call_sid = dict(received_parameters(received)).get("CallSid")
    suspected = await services.database.run(suspects, account, call_sid)
    message = await asyncio.to_thread(inbox_message, received, time.now, account.auth_token, suspected)
    if not await services.database.run(receive_message, account.sid, name, message):
        raise no_such_account(account.sid)


@receiver.get(
    INBOX_PATH, status_code=HTTPStatus.NO_CONTENT, responses=TOO_LARGE, summary="Send something to an inbox by GET"
)
async def receive_get(request: Request, services: Services, account: AccountOfPath, name: Name) -> None:
    """Keep a request; see POST."""
    await receive_post(request, services, account, name)


receiver.add_api_route(
    INBOX_PATH,
    receive_post,
    methods=OTHER_METHODS,
    status_code=HTTPStatus.NO_CONTENT,
    include_in_schema=False,
    name="receive_other",
)


@router.get("/accounts/{account_sid}/inboxes", summary="List the inboxes")
async def list_all(services: Services, account: AccountOfPath) -> InboxList:
    """Show the account's inboxes that have messages, the one with the newest message first."""
    found = await services.database.run(list_inboxes, account.sid)
    inboxes = [
        InboxView(name=inbox.name, messages=inbox.messages, newest_at=rfc_3339(inbox.newest_at)) for inbox in found
    ]
    return InboxList(inboxes=inboxes)


@router.get(f"{INBOX_PATH}/messages", response_model=MessageList, summary="Read an inbox")
async def list_messages(
    services: Services,
    account: AccountOfPath,
    name: Name,
    limit: Annotated[int, Query(ge=1, le=KEPT_MESSAGES, description="The newest so many.")] = DEFAULT_LIMIT,
) -> Response:
    """Show what came in, the oldest first; an account keeps 1,000 messages. An unused inbox is empty."""

    async def page(before_id: int, rows: int) -> list[StoredMessage]:
        return await services.database.run(newest_messages, account.sid, name, limit=rows, before_id=before_id)

    return await lists_of(messages=(await newest(page, message_view, limit))[::-1])


@router.delete(f"{INBOX_PATH}/messages", status_code=HTTPStatus.NO_CONTENT, summary="Empty an inbox")
async def empty(services: Services, account: AccountOfPath, name: Name) -> None:
    """Forget what came in."""
    await services.database.run(empty_inbox, account.sid, name)


async def _received(request: Request) -> ReceivedRequest:
    """Read the request as it came. Raises ControlError 413 for a body of more than 1 MiB."""
    refuse_excess(request.headers.get("content-length", ""), MAX_BODY_BYTES)
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MAX_BODY_BYTES:
            raise too_large(MAX_BODY_BYTES)
    scope = request.scope
    query = scope["query_string"]
    target: bytes = scope.get(TARGET_KEY) or scope["raw_path"] + (b"?" + query if query else b"")
    headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"])
    return ReceivedRequest(request.method, scope["scheme"], target, headers, bytes(body))
