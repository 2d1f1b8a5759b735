"""The phone page at ``/``: a client of the control API, made of the files in ``static``.

What the browser does with it is told in docs/decisions/0012.
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
"""No path of Twilio's begins so."""

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
"""All that is served here: other names are unknown paths like any others."""

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
    """Answer the page."""
    return _answer(request, _PAGE)


@router.get(f"{ASSETS_PATH}/{{name}}")
async def asset(request: Request) -> Response:
    """Answer one of the page's files; TwilioApp passes no other name on."""
    return _answer(request, request.path_params["name"])


class _File(NamedTuple):
    content: bytes
    compressed: bytes
    tag: str


def _answer(request: Request, name: str) -> Response:
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
    """Return a file; it is read when it is first asked for, which is not at every start."""
    content = (_FOLDER / name).read_bytes()
    tag = f'W/"{hashlib.sha256(content).hexdigest()[:32]}"'
    return _File(content, gzip.compress(content, mtime=0), tag)
