"""What was meant for Twilio, and refused because it is not emulated."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import Field

from ringback.control_api.dependencies import Services
from ringback.control_api.large_responses import list_answer
from ringback.control_api.schemas import Time, View
from ringback.domain.timestamps import rfc_3339
from ringback.operations.refused_requests import KEPT_REFUSALS, RefusedRequest

DEFAULT_LIMIT = 100
HIGHEST_ID = 2**53

router = APIRouter(tags=["Requests"])


class RefusedView(View):
    """One refused request."""

    id: int = Field(description="Later requests have higher ids.")
    at: Time
    host: str = Field(description="The host it was meant for.")
    method: str = Field(description="CONNECT where the client broke the connection off before it asked for anything.")
    path: str = Field(description="Without its query; cut at 1,000 characters.")
    message: str = Field(description="What it was answered.")


class RefusedList(View):
    """Refused requests, newest first."""

    refused: list[RefusedView]


def refused_view(refused: RefusedRequest) -> RefusedView:
    """Show a refused request."""
    return RefusedView(
        id=refused.id,
        at=rfc_3339(refused.at),
        host=refused.host,
        method=refused.method,
        path=refused.path,
        message=refused.message,
    )


@router.get("/refused", response_model=RefusedList, summary="List the requests that were meant for Twilio and refused")
async def list_refused(
    services: Services,
    limit: Annotated[int, Query(ge=1, le=KEPT_REFUSALS)] = DEFAULT_LIMIT,
    after: Annotated[int, Query(ge=0, le=HIGHEST_ID, description="Only those with higher ids.")] = 0,
) -> Response:
    """Show what the proxy, and the server where it speaks TLS, have refused: the newest 1,000, newest first.

    It is no account's, and in the memory of the process: a reset of everything, and a new start, forget it.
    """
    return await list_answer("refused", services.refused_requests.newest(limit, after), refused_view)
