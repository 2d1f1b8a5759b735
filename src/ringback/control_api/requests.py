"""The journal of an account's requests to the Twilio surface."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import Field

from ringback.control_api.dependencies import AccountOfPath, Services
from ringback.control_api.large_responses import lists_of, newest
from ringback.control_api.schemas import Time, View
from ringback.domain.request_journal import JournaledRequest
from ringback.domain.timestamps import rfc_3339
from ringback.operations.requests import newest_requests, write_requests_of
from ringback.storage.request_journal import KEPT_REQUESTS
from ringback.storage.stepwise import yield_to_requests

DEFAULT_LIMIT = 100

router = APIRouter(tags=["Requests"])


class RequestView(View):
    """One request to the Twilio surface, and how it was answered."""

    id: int = Field(description="Later requests have higher ids.")
    at: Time
    request_id: str = Field(description="As the header Twilio-Request-Id told it.")
    method: str
    path: str = Field(description="With its suffix, without its query.")
    operation: str | None = Field(description="Null where no operation was reached.")
    username: str | None = Field(description="The SID given for authentication; `***` for anything that is no SID.")
    parameters: dict[str, str] = Field(description="Of query and form: at most 50, cut at 1,000 characters.")
    status: int | None = Field(description="Null where the connection ended before an answer was sent.")
    error_code: int | None = Field(description="Twilio's error code.")
    elapsed_ms: float
    fault: str | None = Field(description="What a fault of the test's did to it, like `status 429`.")


class RequestList(View):
    """Requests, newest first."""

    requests: list[RequestView]


def request_view(journaled: JournaledRequest) -> RequestView:
    """Show a request."""
    request = journaled.answered
    return RequestView(
        id=journaled.id,
        at=rfc_3339(request.at),
        request_id=request.request_sid,
        method=request.method,
        path=request.path,
        operation=request.operation,
        username=request.username,
        parameters=dict(request.parameters),
        status=request.status or None,
        error_code=request.error_code,
        elapsed_ms=request.elapsed_ms,
        fault=request.fault,
    )


@router.get(
    "/accounts/{account_sid}/requests", response_model=RequestList, summary="List the requests to the Twilio surface"
)
async def list_requests(
    services: Services,
    account: AccountOfPath,
    limit: Annotated[int, Query(ge=1, le=KEPT_REQUESTS)] = DEFAULT_LIMIT,
) -> Response:
    """Show the newest requests to this account's paths, newest first; an account keeps 1,000, secrets masked."""

    async def page(before_id: int, rows: int) -> list[JournaledRequest]:
        return await services.database.run(newest_requests, account.sid, limit=rows, before_id=before_id)

    while await services.database.run(write_requests_of, account.sid):
        await yield_to_requests()
    return await lists_of(requests=await newest(page, request_view, limit))
