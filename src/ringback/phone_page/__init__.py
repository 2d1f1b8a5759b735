"""The page at ``/``: what is running here, and where to go from it."""

from pathlib import Path

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

PATH = "/"
_PAGE = (Path(__file__).parent / "index.html").read_text(encoding="utf-8")
_HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}

router = APIRouter(include_in_schema=False)


@router.get(PATH)
async def page(_: Request) -> Response:
    """Answer the page."""
    return HTMLResponse(_PAGE, headers=_HEADERS)
