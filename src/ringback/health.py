"""Health checks and metrics: ``/livez``, ``/readyz`` and ``/metrics``."""

import asyncio

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from ringback.domain.timestamps import Timestamp
from ringback.monitoring.metrics import Backlog
from ringback.operations.backlog import count_backlog
from ringback.operations.services import Services
from ringback.storage.database import Database
from ringback.storage.errors import DatabaseUnavailable
from ringback.storage.schema import find_unready_reason
from ringback.supervision import Supervisor

LIVE_PATH, READY_PATH, METRICS_PATH = "/livez", "/readyz", "/metrics"
PATHS = frozenset({LIVE_PATH, READY_PATH, METRICS_PATH})
SERVICE_UNAVAILABLE = 503
READY_SECONDS = 2.0
"""Time limit of the readiness check. It must be shorter than the timeout of `ringback ready`."""
METRICS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def health_router(database: Database, supervisor: Supervisor) -> APIRouter:
    """Return the routes of the liveness check and the readiness check."""
    router = APIRouter(tags=["Health"])

    @router.head(LIVE_PATH, include_in_schema=False)
    @router.get(LIVE_PATH, summary="Liveness check")
    async def live(_: Request) -> Response:
        return JSONResponse({"status": "live"})

    @router.head(READY_PATH, include_in_schema=False)
    @router.get(READY_PATH, summary="Readiness check")
    async def ready(_: Request) -> Response:
        reason = await _database_trouble(database) or supervisor.trouble()
        if reason:
            return JSONResponse({"status": "not ready", "reason": reason}, SERVICE_UNAVAILABLE)
        return JSONResponse({"status": "ready"})

    return router


async def _database_trouble(database: Database) -> str | None:
    """Return the reason why the database cannot be used, such as a timeout, or None."""
    try:
        async with asyncio.timeout(READY_SECONDS):
            return await find_unready_reason(database)
    except TimeoutError:
        return f"the database has not answered for {READY_SECONDS:g} seconds"


def metrics_router(services: Services) -> APIRouter:
    """Return the route of the metrics."""
    router = APIRouter(tags=["Health"])

    @router.head(METRICS_PATH, include_in_schema=False)
    @router.get(METRICS_PATH, summary="Metrics in Prometheus's text format", response_class=PlainTextResponse)
    async def metrics(_: Request) -> Response:
        backlog = await _backlog(services.database, services.system_now())
        return Response(services.metrics.exposition(backlog), media_type=METRICS_CONTENT_TYPE)

    return router


async def _backlog(database: Database, system_now: Timestamp) -> Backlog | None:
    """Return the counts of pending work, or None while the database is unavailable: the other metrics are available."""
    try:
        return await database.run(count_backlog, system_now=system_now)
    except DatabaseUnavailable:
        return None
