"""``/livez`` and ``/readyz``: whether the process is up, and whether it can do its work."""

from collections.abc import Awaitable, Callable

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

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
