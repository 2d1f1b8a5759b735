"""Health checks and metrics: ``/livez``, ``/readyz`` and ``/metrics``."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from ringback.domain.timestamps import Timestamp
from ringback.monitoring.metrics import Backlog
from ringback.operations.backlog import count_backlog
from ringback.storage.database import Database
from ringback.storage.errors import DatabaseUnavailable

LIVE_PATH = "/livez"
READY_PATH = "/readyz"
SERVICE_UNAVAILABLE = 503


def health_router(reason_not_ready: Callable[[], Awaitable[str | None]]) -> APIRouter:
    """Return the two routes; `reason_not_ready` says what is missing, or None when nothing is."""
    router = APIRouter(tags=["Health"])

    @router.head(LIVE_PATH, include_in_schema=False)
    @router.get(LIVE_PATH, summary="Is the process up?")
    async def live(_: Request) -> Response:
        return JSONResponse({"status": "live"})

    @router.head(READY_PATH, include_in_schema=False)
    @router.get(READY_PATH, summary="Can it do its work?")
    async def ready(_: Request) -> Response:
        reason = await reason_not_ready()
        if reason:
            return JSONResponse({"status": "not ready", "reason": reason}, SERVICE_UNAVAILABLE)
        return JSONResponse({"status": "ready"})

    return router


if TYPE_CHECKING:
    from ringback.monitoring.metrics import Metrics

METRICS_PATH = "/metrics"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Exposition = Callable[["Metrics", Backlog | None], bytes]


def metrics_router(database: Database, now: Callable[[], Timestamp]) -> APIRouter:
    """Return the route; `now` is the machine's time."""
    router = APIRouter(tags=["Health"])

    @router.head(METRICS_PATH, include_in_schema=False)
    @router.get(METRICS_PATH, summary="What has it counted?", response_class=PlainTextResponse)
    async def metrics(_: Request) -> Response:
        exposition = await asyncio.to_thread(_exposition)
        return Response(exposition(database.metrics, await _backlog(database, now())), media_type=CONTENT_TYPE)

    return router


def _exposition() -> Exposition:
    """Import what writes the format when it is first asked for: the start is not to wait for it."""
    from ringback.monitoring.metric_families import exposition

    return exposition


async def _backlog(database: Database, system_now: Timestamp) -> Backlog | None:
    """Return what is pending; None where the database cannot tell, which is when the rest is wanted most."""
    try:
        return await database.run(count_backlog, system_now=system_now)
    except DatabaseUnavailable:
        return None
