"""Requests: the journal of an account's requests to the Twilio API, and intercepted requests that were refused."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import Field

from ringback.control_api.dependencies import PathAccount, Services
from ringback.control_api.large_responses import list_response, lists_response, serialize_newest
from ringback.control_api.schemas import DateTimeOut, ResponseModel
from ringback.domain.request_journal import JournaledRequest
from ringback.domain.timestamps import rfc_3339
from ringback.operations.refused_requests import KEPT_REFUSALS, RefusedRequest
from ringback.operations.requests import newest_requests, write_requests_of
from ringback.storage.request_journal import KEPT_REQUESTS
from ringback.storage.stepwise import yield_to_requests

DEFAULT_LIMIT = 100
LARGEST_ID = 2**53

router = APIRouter(tags=["Requests"])


class JournaledRequestResponse(ResponseModel):
    """A request to the Twilio API, and its response."""

    id: int = Field(description="Later requests have higher ids.")
    at: DateTimeOut
    request_id: str = Field(description="The value of the header Twilio-Request-Id.")
    method: str
    path: str = Field(description="With the suffix, without the query.")
    operation: str | None = Field(description="Null if the request did not reach an operation.")
    username: str | None = Field(description="The SID of the credentials; `***` for a user name that is not a SID.")
    parameters: dict[str, str] = Field(
        description="The parameters of query and form: at most 50, with names and values truncated to 1,000 characters."
    )
    status: int | None = Field(description="Null if the connection closed before the response.")
    error_code: int | None = Field(description="Twilio's error code.")
    elapsed_ms: float
    fault: str | None = Field(description="The injected fault, such as `status 429`.")


class JournaledRequestListResponse(ResponseModel):
    """Requests to the Twilio API, newest first."""

    requests: list[JournaledRequestResponse]


class RefusedRequestResponse(ResponseModel):
    """A request to Twilio that ringback refused because it does not emulate the resource."""

    id: int = Field(description="Later requests have higher ids.")
    at: DateTimeOut
    host: str = Field(description="The host that the client named.")
    method: str = Field(description="CONNECT if the client closed the connection before it sent a request.")
    path: str = Field(description="Without the query, truncated to 1,000 characters.")
    message: str = Field(description="The error message of the response.")


class RefusedRequestListResponse(ResponseModel):
    """Refused requests, newest first."""

    refused: list[RefusedRequestResponse]


def journaled_request_response(journaled: JournaledRequest) -> JournaledRequestResponse:
    """Convert a request of the journal to a response."""
    request = journaled.answered
    return JournaledRequestResponse(
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


def refused_request_response(request: RefusedRequest) -> RefusedRequestResponse:
    """Convert a refused request to a response."""
    return RefusedRequestResponse(
        id=request.id,
        at=rfc_3339(request.at),
        host=request.host,
        method=request.method,
        path=request.path,
        message=request.message,
    )


@router.get(
    "/accounts/{account_sid}/requests",
    response_model=JournaledRequestListResponse,
    summary="List the requests to the Twilio API",
)
async def list_requests(
    services: Services,
    account: PathAccount,
    limit: Annotated[int, Query(ge=1, le=KEPT_REQUESTS)] = DEFAULT_LIMIT,
) -> Response:
    """Return the newest requests to the account's paths, newest first. The journal keeps 1,000 and masks secrets."""

    async def fetch_page(before_id: int, rows: int) -> list[JournaledRequest]:
        return await services.database.run(newest_requests, account.sid, limit=rows, before_id=before_id)

    while await services.database.run(write_requests_of, account.sid):
        await yield_to_requests()
    return await lists_response(requests=await serialize_newest(fetch_page, journaled_request_response, limit))


@router.get(
    "/refused", response_model=RefusedRequestListResponse, summary="List the requests to Twilio that were refused"
)
async def list_refused_requests(
    services: Services,
    limit: Annotated[int, Query(ge=1, le=KEPT_REFUSALS)] = DEFAULT_LIMIT,
    after: Annotated[int, Query(ge=0, le=LARGEST_ID, description="Only requests with higher ids.")] = 0,
) -> Response:
    """Return the newest intercepted requests that ringback refused, newest first; at most 1,000 are kept.

    They do not belong to an account, and are kept in memory: resetting or restarting the server deletes them.
    """
    return await list_response("refused", services.refused_requests.newest(limit, after), refused_request_response)
