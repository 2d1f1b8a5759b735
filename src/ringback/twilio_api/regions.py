"""Caller IDs in Twilio's regions: the hosts of IE1 and AU1 have none.

Source: docs/fidelity.md, paths and methods [documented; the empty list assumed].
"""

from collections.abc import Mapping

import structlog
from starlette.responses import Response

from ringback.domain.errors import method_not_allowed
from ringback.domain.operations import Operation
from ringback.domain.twilio_hosts import has_caller_ids
from ringback.operations.refused_requests import printable_host
from ringback.twilio_api.caller_ids import list_no_caller_ids
from ringback.twilio_api.hosts import effective_hosts
from ringback.twilio_api.request_context import Handler, RequestContext
from ringback.twilio_api.router import Route

US1_ONLY = "verified caller IDs exist in US1 only"
READ_ONLY_METHODS = "GET, HEAD, OPTIONS"

log = structlog.get_logger()


def regional_handler(context: RequestContext, route: Route) -> Handler:
    """Return the handler of a route for the region of the request's host.

    Requests for caller IDs to hosts of IE1 and AU1 are logged.
    """
    handler = _WITHOUT_CALLER_IDS.get(route.operation)
    if handler is None:
        return route.handler
    for host in effective_hosts(context.scope):
        if not has_caller_ids(host):
            log.warning(
                US1_ONLY,
                host=printable_host(host),
                method=context.method,
                path=context.path,
                request_id=context.request_sid,
            )
            return handler
    return route.handler


async def _refuse_validation_request(_: RequestContext) -> Response:
    raise method_not_allowed(READ_ONLY_METHODS)


async def _answer_not_found(context: RequestContext) -> Response:
    raise context.not_found()


_WITHOUT_CALLER_IDS: Mapping[Operation, Handler] = {
    Operation.LIST_OUTGOING_CALLER_IDS: list_no_caller_ids,
    Operation.CREATE_VALIDATION_REQUEST: _refuse_validation_request,
    Operation.FETCH_OUTGOING_CALLER_ID: _answer_not_found,
    Operation.UPDATE_OUTGOING_CALLER_ID: _answer_not_found,
    Operation.DELETE_OUTGOING_CALLER_ID: _answer_not_found,
}
