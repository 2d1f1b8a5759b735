"""The whole state as one JSON document, and back."""

import asyncio
from http import HTTPStatus

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import ClientDisconnect

from ringback.control.errors import no_json, unfit
from ringback.control.paths import Services
from ringback.operations.snapshot import restore_state, snapshot_of, state_of, take_state
from ringback.storage.snapshots import UnfitState

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


@router.get("/snapshot", response_model=SnapshotView, summary="Take a snapshot")
async def fetch_snapshot(services: Services) -> Response:
    """Show the whole state, secrets included."""
    rows = await services.database.run(take_state)
    return Response(await asyncio.to_thread(snapshot_of, rows), media_type="application/json")


@router.put(
    "/snapshot", status_code=HTTPStatus.NO_CONTENT, openapi_extra={"requestBody": BODY}, summary="Restore a snapshot"
)
async def put_snapshot(services: Services, request: Request) -> Response:
    """Put a snapshot in the place of everything that is there; what was pending in it goes on."""
    try:
        state = await asyncio.to_thread(state_of, await request.body())
        await services.database.run(restore_state, state, real=services.now())
    except ClientDisconnect:
        return Response(status_code=HTTPStatus.BAD_REQUEST)
    except UnfitState as error:
        raise unfit(f"this is no snapshot to be restored: {error}", "PUT what GET answered, unchanged") from error
    except ValueError as error:
        raise no_json() from error
    services.wake()
    return Response(status_code=HTTPStatus.NO_CONTENT)
