"""Who may use the control API, and how much they may send: looked at before anything of a body is read."""

from collections.abc import Sequence
from http import HTTPStatus
from ipaddress import ip_address

from starlette.datastructures import Headers
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ringback.control.errors import ControlError, refuse_excess, too_large
from ringback.domain.secrecy import is_same_secret

MAX_BODY_BYTES = 1024 * 1024
OPEN_PATHS = frozenset({"/docs", "/openapi.json"})
LOCAL_DOMAINS = (".localhost", ".internal", ".local", ".test")
"""Below these nobody can register a name, and so nobody can let one lead here."""


class Guards:
    """Refuses web pages of other sites, names that may be anybody's, requests without the token, and large bodies.

    A name leads where its owner lets it lead: a page whose name leads here all of a sudden is of this server's own
    site, as browsers see it. So without a token the server answers only to what cannot be such a name. `open_routes`,
    description and docs are for everybody.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        control_token: str | None,
        host: str,
        open_routes: Sequence[BaseRoute],
        snapshot_limit_bytes: int,
    ) -> None:
        self._app = app
        self._token = control_token
        self._own_name = _name(host)
        self._open_routes = open_routes
        self._snapshot_limit_bytes = snapshot_limit_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or self._is_open(scope):
            await self._app(scope, receive, send)
            return
        is_snapshot = (scope["method"], _path(scope)) == ("PUT", "/snapshot")
        limit = self._snapshot_limit_bytes if is_snapshot else MAX_BODY_BYTES
        try:
            self._check(Headers(scope=scope), limit)
        except ControlError as refusal:
            await refusal.response(scope, receive, send)
            return
        await self._app(scope, _at_most(limit, receive), send)

    def _is_open(self, scope: Scope) -> bool:
        if _path(scope) in OPEN_PATHS:
            return True
        return any(route.matches(scope)[0] is not Match.NONE for route in self._open_routes)

    def _check(self, headers: Headers, limit: int) -> None:
        """Raise ControlError for a request that is refused whatever it asks for."""
        if _is_of_another_site(headers):
            raise ControlError(
                HTTPStatus.FORBIDDEN,
                "a web page of another site may not use the control API",
                "ask from a program, or from a page of this server's own address",
            )
        if self._token is None:
            self._check_names(headers.getlist("host"))
        else:
            _check_token(headers.get("authorization", ""), self._token)
        refuse_excess(headers.get("content-length", ""), limit)

    def _check_names(self, hosts: Sequence[str]) -> None:
        for name in map(_name, hosts):
            if name != self._own_name and not _is_local(name):
                raise ControlError(
                    HTTPStatus.FORBIDDEN,
                    "without a token the control API is not to be asked by a name that may be anybody's",
                    "ask by an IP address or localhost, or set control_token and send it",
                )


def _path(scope: Scope) -> str:
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


def _is_of_another_site(headers: Headers) -> bool:
    """Tell what a browser asks for a page of another site, of which its user does not know."""
    if headers.get("sec-fetch-site") == "cross-site":
        return True
    origin = headers.get("origin")
    return origin is not None and origin.partition("://")[2].lower() != headers.get("host", "").lower()


def _name(host: str) -> str:
    """Return the name or address of a Host field, without its port."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].lower().removesuffix(".") if host.count(":") <= 1 else host


def _is_local(name: str) -> bool:
    if "." not in name and ":" not in name:
        return True
    if name.endswith(LOCAL_DOMAINS):
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _check_token(authorization: str, token: str) -> None:
    scheme, _, given = authorization.partition(" ")
    is_right = is_same_secret(token, given.strip().encode("latin-1").decode(errors="replace"))
    if scheme.lower() != "bearer" or not is_right:
        raise ControlError(
            HTTPStatus.UNAUTHORIZED,
            "this server's control API asks for its token",
            "send Authorization: Bearer with the setting control_token",
            {"WWW-Authenticate": "Bearer"},
        )


def _at_most(limit: int, receive: Receive) -> Receive:
    """Return a `receive` that raises ControlError where a body turns out to be larger than was announced."""
    received = 0

    async def limited() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > limit:
            raise too_large(limit)
        return message

    return limited
