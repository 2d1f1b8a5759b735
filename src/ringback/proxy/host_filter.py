"""Middleware that filters intercepted requests by the host names that they contain."""

from functools import partial
from urllib.parse import quote

from starlette.types import ASGIApp, Receive, Scope, Send

from ringback.domain.errors import host_not_emulated
from ringback.domain.twilio_hosts import HostRole, host_role
from ringback.operations.id_generator import new_request_sid
from ringback.operations.refused_requests import PRINTABLE, RefusedRequests, printable_host
from ringback.twilio_api.hosts import hosts_in
from ringback.twilio_api.representations import JSON
from ringback.twilio_api.request_context import REPORT_REFUSAL_KEY, ReportRefusal, error_response, response_headers


class TwilioHostFilter:
    """Middleware that passes requests for emulated hosts to the application. It refuses those for Twilio's other hosts.

    Refused requests are recorded. `host` is the host to which the client opened the connection, if known. The Host
    field and an absolute URL of each request are checked as well. A request that does not name a Twilio host is passed
    on unmodified.
    """

    def __init__(self, app: ASGIApp, refused_requests: RefusedRequests, host: str = "") -> None:
        self._app = app
        self._refused_requests = refused_requests
        self._host = host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        hosts = {host_role(host): host for host in (self._host, *hosts_in(scope))}
        if refused_host := hosts.get(HostRole.REFUSED):
            await self._refuse(refused_host, scope, receive, send)
        elif emulated_host := hosts.get(HostRole.EMULATED):
            report_refusal: ReportRefusal = partial(self._record, emulated_host)
            await self._app({**scope, REPORT_REFUSAL_KEY: report_refusal}, receive, send)
        else:
            await self._app(scope, receive, send)

    def _record(self, host: str, method: str, path: str, message: str) -> None:
        self._refused_requests.add(host=host, method=method, path=path, message=message)

    async def _refuse(self, host: str, scope: Scope, receive: Receive, send: Send) -> None:
        method, path = scope["method"], quote(scope["raw_path"], safe=PRINTABLE)
        host = printable_host(host)
        error = host_not_emulated(host, method, path)
        self._record(host, method, path, error.message)
        response = error_response(error, JSON)
        response.raw_headers += response_headers(new_request_sid(), 0.0, 1, scheme=scope.get("scheme", "http"))
        await response(scope, receive, send)
