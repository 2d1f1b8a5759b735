"""Who may use the control API, and how much they may send: looked at before anything of a body is read."""

from collections.abc import Sequence
from http import HTTPStatus
from ipaddress import ip_address
from urllib.parse import quote

import structlog
from starlette.datastructures import Headers
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ringback.control_api.errors import ControlError, refuse_excess, too_large
from ringback.domain.secrecy import is_same_secret

MAX_BODY_BYTES = 1024 * 1024
OPEN_PATHS = frozenset({"/docs", "/openapi.json"})
CALLBACK_HEADERS = ("x-twilio-signature", "i-twilio-idempotency-token")
"""Each StatusCallback has both of them, after redirects too."""
OWN_SITES = frozenset({"same-origin", "none"})
"""Values of Sec-Fetch-Site for a page of this server, and for a URL that the user typed."""
LOGGED_CHARACTERS = 1_000
"""How much of a path is logged."""
LOCAL_DOMAINS = (".localhost", ".internal", ".local", ".test")
"""Below these nobody can register a name, and so nobody can let one lead here."""

_PRINTED = "".join(map(chr, range(0x21, 0x7F)))

log = structlog.get_logger()


class Guards:
    """Middleware that refuses StatusCallbacks, pages of other origins, unknown Host names, and large bodies.

    StatusCallbacks, because anyone who can make a call names their URL (server-side request forgery): with
    `http://localhost:8010/_ringback/reset` a foreign page that knows the default credentials could erase everything.
    Unknown Host names, because with DNS rebinding a hostile page would be of this server's own origin. If there is a
    token, every request must have it. `open_routes` (inboxes) take anything; the docs are open to all but callbacks.
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
        if scope["type"] != "http" or self._is_inbox(scope):
            await self._app(scope, receive, send)
            return
        is_snapshot = (scope["method"], _path(scope)) == ("PUT", "/snapshot")
        limit = self._snapshot_limit_bytes if is_snapshot else MAX_BODY_BYTES
        try:
            _check_sender(headers := Headers(scope=scope))
            if _path(scope) not in OPEN_PATHS:
                self._check(headers, limit)
        except ControlError as refusal:
            _log(scope, refusal)
            await refusal.response(scope, receive, send)
            return
        await self._app(scope, _at_most(limit, receive), send)

    def _is_inbox(self, scope: Scope) -> bool:
        return any(route.matches(scope)[0] is not Match.NONE for route in self._open_routes)

    def _check(self, headers: Headers, limit: int) -> None:
        """Raise ControlError for a request that is refused whatever it asks for."""
        if _is_of_another_origin(headers):
            raise ControlError(
                HTTPStatus.FORBIDDEN,
                "a web page of another origin may not use the control API",
                "ask from a program, or from a page of this server's own address and port",
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


def _log(scope: Scope, refusal: ControlError) -> None:
    path = quote(_path(scope), safe=_PRINTED)[:LOGGED_CHARACTERS]
    log.warning(
        "control request refused",
        method=scope["method"],
        path=path,
        status=refusal.status_code,
        reason=refusal.reason,
    )


def _path(scope: Scope) -> str:
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


def _check_sender(headers: Headers) -> None:
    """Raise ControlError for a StatusCallback."""
    if any(name in headers for name in CALLBACK_HEADERS):
        raise ControlError(
            HTTPStatus.FORBIDDEN,
            "a StatusCallback may not use the control API",
            "send StatusCallbacks to your application, or to an inbox: /_ringback/accounts/{AC…}/inbox/{name}",
        )


def _is_of_another_origin(headers: Headers) -> bool:
    """Tell whether a browser sends this for a page of another origin (cross-site request forgery).

    An opaque origin, `null`, is another one. The scheme is not compared: a proxy may end TLS before this server.
    """
    if any(site not in OWN_SITES for site in headers.getlist("sec-fetch-site")):
        return True
    own = headers.get("host", "").lower()
    return any("://" not in origin or origin.partition("://")[2].lower() != own for origin in headers.getlist("origin"))


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
    is_valid = is_same_secret(token, given.strip().encode("latin-1").decode(errors="replace"))
    is_bearer = scheme.lower() == "bearer"
    if not is_bearer or not is_valid:
        raise ControlError(
            HTTPStatus.UNAUTHORIZED,
            "this server's control API asks for its token",
            "send Authorization: Bearer with the setting control_token",
            {"WWW-Authenticate": "Bearer"},
            "wrong control token" if is_bearer else "no control token",
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
