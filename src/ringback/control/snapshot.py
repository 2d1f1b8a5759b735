"""The whole state as one JSON document, and back."""

from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from ringback.control.errors import unfit
from ringback.control.paths import Services
from ringback.operations.snapshot import Snapshot, restore_snapshot, take_snapshot
from ringback.storage.snapshots import UnfitState

router = APIRouter(tags=["Snapshot"])


class SnapshotView(BaseModel):
    """All accounts and all that is theirs: to be kept and given back, not to be edited."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: str = Field(description="The database schema it is written in; another version's is refused.")
    digest: str = Field(description="Tells whether the tables are whole.")
    tables: dict[str, list[dict[str, str | int | float | None]]]


@router.get("/snapshot", summary="Take a snapshot")
async def fetch_snapshot(services: Services) -> SnapshotView:
    """Show the whole state, secrets included."""
    snapshot = await services.database.run(take_snapshot)
    tables: Any = snapshot.tables
    return SnapshotView.model_construct(version=snapshot.version, digest=snapshot.digest, tables=tables)


@router.put("/snapshot", status_code=HTTPStatus.NO_CONTENT, summary="Restore a snapshot")
async def put_snapshot(services: Services, snapshot: SnapshotView) -> Response:
    """Put a snapshot in the place of everything that is there; what was pending in it goes on."""
    given = Snapshot(snapshot.version, snapshot.digest, snapshot.tables)
    try:
        await services.database.run(restore_snapshot, given, real=services.now())
    except UnfitState as error:
        raise unfit(f"this is no snapshot to be restored: {error}", "PUT what GET answered, unchanged") from error
    services.wake()
    return Response(status_code=HTTPStatus.NO_CONTENT)
