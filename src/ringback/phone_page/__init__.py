"""Routes of the phone page at ``/``, a client of the control API in the browser.

The page consists of the files in ``static``; docs/decisions/0012 describes its design.
"""

import gzip
import hashlib
from functools import cache
from pathlib import Path
from typing import NamedTuple

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

PATH = "/"
ASSETS_PATH = "/phone"
"""Prefix of the paths of the page's files. No Twilio path starts with it."""

_FOLDER = Path(__file__).parent / "static"
_PAGE = "index.html"
_MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}
_ASSETS = frozenset(file.name for file in _FOLDER.iterdir() if file.suffix in _MEDIA_TYPES) - {_PAGE}
PATHS = frozenset({PATH} | {f"{ASSETS_PATH}/{name}" for name in _ASSETS})
"""All paths of the page. Other paths below `ASSETS_PATH` return 404."""

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}

router = APIRouter(include_in_schema=False)


@router.get(PATH)
async def page(request: Request) -> Response:
    """Return the page."""
    return _file_response(request, _PAGE)


@router.get(f"{ASSETS_PATH}/{{name}}")
async def asset(request: Request) -> Response:
    """Return one of the page's files. TwilioApp passes on only requests for existing files."""
    return _file_response(request, request.path_params["name"])


class _File(NamedTuple):
    content: bytes
    compressed: bytes
    tag: str


def _file_response(request: Request, name: str) -> Response:
    file = _file(name)
    headers = {**_HEADERS, "ETag": file.tag, "Vary": "Accept-Encoding"}
    if request.headers.get("if-none-match") == file.tag:
        return Response(status_code=304, headers=headers)
    content = file.content
    if "gzip" in request.headers.get("accept-encoding", ""):
        content, headers["Content-Encoding"] = file.compressed, "gzip"
    return Response(content, headers=headers, media_type=_MEDIA_TYPES[Path(name).suffix])


@cache
def _file(name: str) -> _File:
    """Read a file when it is first requested, so that it does not delay the start of the server."""
    content = (_FOLDER / name).read_bytes()
    tag = f'W/"{hashlib.sha256(content).hexdigest()[:32]}"'
    return _File(content, gzip.compress(content, mtime=0), tag)
