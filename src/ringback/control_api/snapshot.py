"""Snapshots: save the whole state of the server as one JSON document, and restore it."""

from http import HTTPStatus

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import ClientDisconnect

from ringback.control_api.dependencies import Services
from ringback.control_api.errors import CONFLICT_RESPONSE, conflict, invalid_json, unprocessable
from ringback.control_api.large_responses import SpooledJsonResponse
from ringback.operations.snapshot import TooLargeSnapshot, read_snapshot, restore_snapshot, take_snapshot
from ringback.operations.spool import Spool
from ringback.storage.errors import InvalidSnapshot, UnrestorableRow
from ringback.storage.stepwise import run_steps

router = APIRouter(tags=["Snapshot"])


class SnapshotDocument(BaseModel):
    """All accounts and their data. Restore it unchanged; an edited snapshot is rejected.

    The model is for the OpenAPI description only: validating that many rows would block other requests.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: str = Field(
        description="Version of the database schema. Snapshots of this version and of ringback 0.1.0 are accepted."
    )
    digest: str = Field(description="Checksum of the tables.")
    tables: dict[str, list[dict[str, str | int | float | None]]]


REQUEST_BODY = {
    "required": True,
    "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{SnapshotDocument.__name__}"}}},
}


@router.get("/snapshot", response_model=SnapshotDocument, responses=CONFLICT_RESPONSE, summary="Take a snapshot")
async def fetch_snapshot(services: Services) -> Response:
    """Return the whole state of the server, including secrets.

    A snapshot that could not be restored is refused: it is too large, or a row of the database is damaged.
    """
    try:
        return SpooledJsonResponse(
            await services.database.run_in_steps(take_snapshot.steps, limit=services.snapshot_limit_bytes)
        )
    except TooLargeSnapshot as error:
        hint = "reset accounts that are no longer needed, or raise the setting snapshot_limit_mib"
        raise conflict(f"the snapshot would be larger than {services.snapshot_limit_bytes} bytes", hint) from error
    except UnrestorableRow as error:
        raise conflict(str(error), "correct or delete this row in the database") from error


@router.put(
    "/snapshot",
    status_code=HTTPStatus.NO_CONTENT,
    openapi_extra={"requestBody": REQUEST_BODY},
    summary="Restore a snapshot",
)
async def put_snapshot(services: Services, request: Request) -> Response:
    """Replace the whole state of the server with a snapshot. The snapshot's pending calls and callbacks continue."""
    try:
        document = Spool()
        async for part in request.stream():
            document.write(part)
        snapshot = await run_steps(read_snapshot.steps(document))
        await services.database.run_in_steps(restore_snapshot.steps, snapshot, system_now=services.system_now())
        await run_steps(snapshot.rows.release())
    except ClientDisconnect:
        return Response(status_code=HTTPStatus.BAD_REQUEST)
    except InvalidSnapshot as error:
        raise unprocessable(
            f"the snapshot cannot be restored: {error}", "PUT the document that GET returned, unchanged"
        ) from error
    except ValueError as error:
        raise invalid_json() from error
    services.wake()
    return Response(status_code=HTTPStatus.NO_CONTENT)
