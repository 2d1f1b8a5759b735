"""``/metrics``: what the server has counted, for Prometheus. It needs no token and tells no secret."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from ringback.domain.timestamps import Instant
from ringback.operations.backlog import Backlog, count_backlog
from ringback.storage.database import Database, DatabaseUnavailable

if TYPE_CHECKING:
    from ringback.monitoring.metrics import Meters

METRICS_PATH = "/metrics"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Exposition = Callable[["Meters", Backlog | None], bytes]


def metrics_router(database: Database, now: Callable[[], Instant]) -> APIRouter:
    """Return the route; `now` is the machine's time."""
    router = APIRouter(tags=["Health"])

    @router.head(METRICS_PATH, include_in_schema=False)
    @router.get(METRICS_PATH, summary="What has it counted?", response_class=PlainTextResponse)
    async def metrics(_: Request) -> Response:
        exposition = await asyncio.to_thread(_exposition)
        return Response(exposition(database.meters, await _backlog(database, now())), media_type=CONTENT_TYPE)

    return router


def _exposition() -> Exposition:
    """Import what writes the format when it is first asked for: the start is not to wait for it."""
    from ringback.monitoring.metric_families import exposition

    return exposition


async def _backlog(database: Database, real: Instant) -> Backlog | None:
    """Return what is pending; None where the database cannot tell, which is when the rest is wanted most."""
    try:
        return await database.run(count_backlog, real=real)
    except DatabaseUnavailable:
        return None
