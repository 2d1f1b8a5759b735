"""Inboxes: receivers of StatusCallbacks that store the requests and check their signatures."""

import asyncio
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import Field
from starlette.requests import ClientDisconnect

from ringback.control_api.dependencies import PathAccount, Services, account_not_found
from ringback.control_api.errors import body_too_large, check_content_length
from ringback.control_api.large_responses import lists_response, serialize_newest
from ringback.control_api.schemas import DateTimeOut, ResponseModel, SignatureResponse
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
    signature_candidates,
)

MAX_BODY_BYTES = 1024 * 1024
DEFAULT_LIMIT = 100
INBOX_PATH = "/accounts/{account_sid}/inbox/{name}"
TOO_LARGE_RESPONSE: dict[int | str, dict[str, Any]] = {HTTPStatus.REQUEST_ENTITY_TOO_LARGE: {}}
OTHER_METHODS = ["HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"]

receiver_router = APIRouter(tags=["Inboxes"])
"""Routes that receive messages. They require no token, because senders of StatusCallbacks do not have one."""
router = APIRouter(tags=["Inboxes"])

Name = Annotated[
    str, Path(min_length=1, max_length=100, description="Any name: an inbox exists as soon as it is used.")
]


class InboxMessageResponse(ResponseModel):
    """A request that an inbox received."""

    id: int = Field(description="Later messages have higher ids.")
    at: DateTimeOut
    method: str
    url: str
    headers: dict[str, str] = Field(description="Names are in lowercase. Credentials are masked.")
    parameters: list[tuple[str, str]] = Field(description="From the query for GET, otherwise from the form, in order.")
    body: str = Field(description="The first 64 KiB, as text.")
    signature: SignatureResponse


class InboxMessageListResponse(ResponseModel):
    """Messages, oldest first."""

    messages: list[InboxMessageResponse]


class InboxResponse(ResponseModel):
    """An inbox that has messages."""

    name: str = Field(description="A slash in the name is shown as %2F, as it was sent.")
    messages: int = Field(description="Number of messages.")
    newest_at: DateTimeOut = Field(description="When the newest message arrived, by the account's clock.")


class InboxListResponse(ResponseModel):
    """Inboxes that have messages. The inbox with the newest message is first."""

    inboxes: list[InboxResponse]


def message_response(stored: StoredMessage) -> InboxMessageResponse:
    """Convert a message to a response."""
    message, headers = stored.message, dict[str, str]()
    for name, value in message.headers:
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return InboxMessageResponse(
        id=stored.id,
        at=rfc_3339(message.at),
        method=message.method,
        url=message.url,
        headers=headers,
        parameters=list(message.parameters),
        body=message.body,
        signature=SignatureResponse.model_validate(message.signature, from_attributes=True),
    )


@receiver_router.post(
    INBOX_PATH,
    status_code=HTTPStatus.NO_CONTENT,
    responses=TOO_LARGE_RESPONSE,
    summary="Send a message to an inbox",
)
async def receive_post(request: Request, services: Services, account: PathAccount, name: Name) -> None:
    """Store a request with any method, as a receiver of StatusCallbacks receives it. No token is required."""
    time = account.clock.at(services.system_now())
    try:
        received = await _read_request(request)
    except ClientDisconnect:
        return
    call_sid = dict(received_parameters(received)).get("CallSid")
    candidates = await services.database.run(signature_candidates, account, call_sid)
    message = await asyncio.to_thread(inbox_message, received, time.account_now, account.auth_token, candidates)
    if not await services.database.run(receive_message, account.sid, name, message):
        raise account_not_found(account.sid)


@receiver_router.get(
    INBOX_PATH,
    status_code=HTTPStatus.NO_CONTENT,
    responses=TOO_LARGE_RESPONSE,
    summary="Send a message to an inbox with GET",
)
async def receive_get(request: Request, services: Services, account: PathAccount, name: Name) -> None:
    """Store a request; see POST."""
    await receive_post(request, services, account, name)


receiver_router.add_api_route(
    INBOX_PATH,
    receive_post,
    methods=OTHER_METHODS,
    status_code=HTTPStatus.NO_CONTENT,
    include_in_schema=False,
    name="receive_other",
)


@router.get("/accounts/{account_sid}/inboxes", summary="List the inboxes")
async def list_account_inboxes(services: Services, account: PathAccount) -> InboxListResponse:
    """Return the account's inboxes that have messages. The inbox with the newest message is first."""
    inboxes = await services.database.run(list_inboxes, account.sid)
    return InboxListResponse(
        inboxes=[
            InboxResponse(name=inbox.name, messages=inbox.messages, newest_at=rfc_3339(inbox.newest_at))
            for inbox in inboxes
        ]
    )


@router.get(f"{INBOX_PATH}/messages", response_model=InboxMessageListResponse, summary="Read an inbox")
async def list_messages(
    services: Services,
    account: PathAccount,
    name: Name,
    limit: Annotated[
        int, Query(ge=1, le=KEPT_MESSAGES, description="Return only the newest messages, up to this number.")
    ] = DEFAULT_LIMIT,
) -> Response:
    """Return messages, oldest first. An account keeps its newest 1,000 messages. An unused inbox is empty."""

    async def fetch_page(before_id: int, rows: int) -> list[StoredMessage]:
        return await services.database.run(newest_messages, account.sid, name, limit=rows, before_id=before_id)

    newest_first = await serialize_newest(fetch_page, message_response, limit)
    return await lists_response(messages=newest_first[::-1])


@router.delete(f"{INBOX_PATH}/messages", status_code=HTTPStatus.NO_CONTENT, summary="Delete the messages of an inbox")
async def delete_messages(services: Services, account: PathAccount, name: Name) -> None:
    """Delete all messages of an inbox."""
    await services.database.run(empty_inbox, account.sid, name)


async def _read_request(request: Request) -> ReceivedRequest:
    """Read a request as it was sent. Raises ControlError (413) for a body of more than 1 MiB."""
    check_content_length(request.headers.get("content-length", ""), MAX_BODY_BYTES)
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MAX_BODY_BYTES:
            raise body_too_large(MAX_BODY_BYTES)
    scope = request.scope
    query = scope["query_string"]
    target: bytes = scope.get(TARGET_KEY) or scope["raw_path"] + (b"?" + query if query else b"")
    headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"])
    return ReceivedRequest(request.method, scope["scheme"], target, headers, bytes(body))
