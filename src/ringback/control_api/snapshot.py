"""The whole state as one JSON document, and back."""

from http import HTTPStatus

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import ClientDisconnect

from ringback.control_api.dependencies import Services
from ringback.control_api.errors import CONFLICTS, conflict, no_json, unprocessable
from ringback.control_api.large_responses import LargeAnswer
from ringback.operations.snapshot import TooLargeSnapshot, read_snapshot, restore_snapshot, take_snapshot
from ringback.operations.spool import Spool
from ringback.storage.errors import InvalidSnapshot
from ringback.storage.stepwise import run_steps

router = APIRouter(tags=["Snapshot"])


class SnapshotView(BaseModel):
    """All accounts and all that is theirs: to be kept and given back, not to be edited.

    Told in the description alone: there may be too many rows for a model to look at while others wait.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: str = Field(description="The database schema it is written in; another version's is refused.")
    digest: str = Field(description="Tells whether the tables are whole.")
    tables: dict[str, list[dict[str, str | int | float | None]]]


BODY = {
    "required": True,
    "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{SnapshotView.__name__}"}}},
}


@router.get("/snapshot", response_model=SnapshotView, responses=CONFLICTS, summary="Take a snapshot")
async def fetch_snapshot(services: Services) -> Response:
    """Show the whole state, secrets included. What would be too large to be restored is refused."""
    try:
        return LargeAnswer(
            await services.database.run_in_steps(take_snapshot.steps, limit=services.snapshot_limit_bytes)
        )
    except TooLargeSnapshot as error:
        hint = "reset accounts that are no longer needed, or raise the setting snapshot_limit_mib"
        raise conflict(f"the snapshot would have more than {services.snapshot_limit_bytes} bytes", hint) from error


@router.put(
    "/snapshot", status_code=HTTPStatus.NO_CONTENT, openapi_extra={"requestBody": BODY}, summary="Restore a snapshot"
)
async def put_snapshot(services: Services, request: Request) -> Response:
    """Put a snapshot in the place of everything that is there; what was pending in it goes on."""
    try:
        document = Spool()
        async for part in request.stream():
            document.write(part)
        snapshot = await run_steps(read_snapshot.steps(document))
        await services.database.run_in_steps(restore_snapshot.steps, snapshot, system_now=services.now())
        await run_steps(snapshot.rows.let_go())
    except ClientDisconnect:
        return Response(status_code=HTTPStatus.BAD_REQUEST)
    except InvalidSnapshot as error:
        raise unprocessable(
            f"this is no snapshot to be restored: {error}", "PUT what GET answered, unchanged"
        ) from error
    except ValueError as error:
        raise no_json() from error
    services.wake()
    return Response(status_code=HTTPStatus.NO_CONTENT)
