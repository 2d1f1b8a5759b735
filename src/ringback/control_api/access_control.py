"""Middleware that rejects callbacks, cross-origin pages, unknown hosts, missing tokens and large bodies."""

from collections.abc import Sequence
from http import HTTPStatus
from ipaddress import ip_address
from urllib.parse import quote

import structlog
from starlette.datastructures import Headers
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ringback.control_api.errors import ControlError, body_too_large, check_content_length
from ringback.domain.secrets import is_same_secret
from ringback.domain.urls import TARGET_KEY, authority_of

MAX_BODY_BYTES = 1024 * 1024
PUBLIC_PATHS = frozenset({"/docs", "/openapi.json"})
CALLBACK_HEADERS = ("x-twilio-signature", "i-twilio-idempotency-token")
"""Headers that every StatusCallback has, even after redirects."""
ALLOWED_FETCH_SITES = frozenset({"same-origin", "none"})
"""Values of Sec-Fetch-Site for a page of this server, and for a URL that the user typed."""
LOGGED_CHARACTERS = 1_000
"""Maximum length of a path in a log line."""
LOCAL_DOMAINS = (".localhost", ".internal", ".local", ".test")
"""Reserved top-level domains: nobody can register a name in them and point it to this server."""

_PRINTED = "".join(map(chr, range(0x21, 0x7F)))

log = structlog.get_logger()


class AccessControlMiddleware:
    """Middleware that checks a request's sender, origin, host, token and body size before a route reads the body.

    StatusCallbacks are rejected because of server-side request forgery: anyone who can request a call chooses its
    callback URL, and `http://localhost:8010/_ringback/reset` would erase everything. Unknown Host names are rejected
    because of DNS rebinding: a hostile page could otherwise call the control API as same-origin. If a token is set,
    every request needs it. `public_routes` (inboxes) accept every request; `PUBLIC_PATHS` accept every request except
    callbacks.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        control_token: str | None,
        host: str,
        public_routes: Sequence[BaseRoute],
        snapshot_limit_bytes: int,
    ) -> None:
        self._app = app
        self._token = control_token
        self._own_name = _host_name(host)
        self._public_routes = public_routes
        self._snapshot_limit_bytes = snapshot_limit_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or self._is_public(scope):
            await self._app(scope, receive, send)
            return
        is_snapshot = (scope["method"], _path(scope)) == ("PUT", "/snapshot")
        limit = self._snapshot_limit_bytes if is_snapshot else MAX_BODY_BYTES
        try:
            _reject_callback(headers := Headers(scope=scope))
            if _path(scope) not in PUBLIC_PATHS:
                self._check(headers, authority_of(scope.get(TARGET_KEY, b"")), limit)
        except ControlError as error:
            _log_rejection(scope, error)
            await error.response(scope, receive, send)
            return
        await self._app(scope, _limit_body(limit, receive), send)

    def _is_public(self, scope: Scope) -> bool:
        return any(route.matches(scope)[0] is not Match.NONE for route in self._public_routes)

    def _check(self, headers: Headers, target_host: str | None, limit: int) -> None:
        """Check the origin, the Content-Length, and the token or, without a token, the hosts. Raises ControlError.

        `target_host` is the host of a request target that is an absolute URL.
        """
        if _is_cross_origin(headers):
            raise ControlError(
                HTTPStatus.FORBIDDEN,
                "a web page from another origin cannot use the control API",
                "send the request from a program, or from a page with this server's address and port",
            )
        if self._token is None:
            self._check_hosts([*headers.getlist("host"), *([] if target_host is None else [target_host])])
        else:
            _check_token(headers.get("authorization", ""), self._token)
        check_content_length(headers.get("content-length", ""), limit)

    def _check_hosts(self, hosts: Sequence[str]) -> None:
        for name in map(_host_name, hosts):
            if name != self._own_name and not _is_local(name):
                raise ControlError(
                    HTTPStatus.FORBIDDEN,
                    "without a control token, the control API rejects unknown host names",
                    "use an IP address or localhost, or set control_token and send it",
                )


def _log_rejection(scope: Scope, error: ControlError) -> None:
    path = quote(_path(scope), safe=_PRINTED)[:LOGGED_CHARACTERS]
    log.warning(
        "control request refused",
        method=scope["method"],
        path=path,
        status=error.status_code,
        reason=error.reason,
    )


def _path(scope: Scope) -> str:
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


def _reject_callback(headers: Headers) -> None:
    """Raise ControlError for a StatusCallback."""
    if any(name in headers for name in CALLBACK_HEADERS):
        raise ControlError(
            HTTPStatus.FORBIDDEN,
            "a StatusCallback cannot use the control API",
            "send StatusCallbacks to your application, or to an inbox: /_ringback/accounts/{AC…}/inbox/{name}",
        )


def _is_cross_origin(headers: Headers) -> bool:
    """Return whether a browser sent this request on behalf of a page from another origin (cross-site request forgery).

    The opaque origin `null` counts as another origin. Schemes are not compared, because a proxy may terminate TLS.
    """
    if any(site not in ALLOWED_FETCH_SITES for site in headers.getlist("sec-fetch-site")):
        return True
    own = headers.get("host", "").lower()
    return any("://" not in origin or origin.partition("://")[2].lower() != own for origin in headers.getlist("origin"))


def _host_name(host: str) -> str:
    """Return the name or address of a Host header, without its port."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].lower().removesuffix(".") if host.count(":") <= 1 else host


def _is_local(name: str) -> bool:
    """Return whether a host name is an address, a name without dots, or in a reserved domain."""
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
    scheme, _, sent_token = authorization.partition(" ")
    is_valid = is_same_secret(token, sent_token.strip().encode("latin-1").decode(errors="replace"))
    is_bearer = scheme.lower() == "bearer"
    if not is_bearer or not is_valid:
        raise ControlError(
            HTTPStatus.UNAUTHORIZED,
            "the control API of this server requires a token",
            "send the header Authorization: Bearer TOKEN with the value of the setting control_token",
            {"WWW-Authenticate": "Bearer"},
            "wrong control token" if is_bearer else "no control token",
        )


def _limit_body(limit: int, receive: Receive) -> Receive:
    """Return a `receive` that raises ControlError as soon as a body exceeds `limit` bytes."""
    received_bytes = 0

    async def limited_receive() -> Message:
        nonlocal received_bytes
        message = await receive()
        received_bytes += len(message.get("body", b""))
        if received_bytes > limit:
            raise body_too_large(limit)
        return message

    return limited_receive
