"""The OpenAPI description of the routes, derived from their table.

FastAPI generates the description, but cannot inspect handlers that take a RequestContext, so their details are declared
here. Only paths without a suffix are described. A suffix limits the response to one representation.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from http import HTTPStatus
from inspect import cleandoc
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from ringback.twilio_api.multipart import MULTIPART_CONTENT_TYPE
from ringback.twilio_api.parameters import FORM_CONTENT_TYPE
from ringback.twilio_api.representations import BY_SUFFIX, ERRORS_IN, JSON, JSON_ONLY, Representation
from ringback.twilio_api.request_context import NO_CONTENT
from ringback.twilio_api.router import Route, Schema

ERRORS = {
    HTTPStatus.BAD_REQUEST: "A parameter is invalid, or the parameters cannot be parsed.",
    HTTPStatus.UNAUTHORIZED: "The credentials are missing, wrong or not valid for this account.",
    HTTPStatus.NOT_FOUND: "The resource does not exist.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is too large.",
    HTTPStatus.TOO_MANY_REQUESTS: "The account's policy currently allows no more calls to this number.",
}
EVERY_OPERATION_ERRORS = (HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND)
SUCCESS = "The path's suffix selects the representation: XML without a suffix."
SIDS = {
    "AccountSid": "The account's SID: AC followed by 32 hexadecimal digits.",
    "CallSid": "The call's SID: CA followed by 32 hexadecimal digits.",
    "Sid": "The resource's SID.",
}

TEXT = {"type": "string"}
TEXT_OR_NULL = {"type": ["string", "null"]}
NUMBER = {"type": "integer"}
BOOLEAN = {"type": "boolean"}
OBJECT = {"type": "object"}
PAGE: dict[str, Schema] = {
    **dict.fromkeys(("page", "page_size", "start", "end"), NUMBER),
    **dict.fromkeys(("uri", "first_page_uri"), TEXT),
    **dict.fromkeys(("previous_page_uri", "next_page_uri"), TEXT_OR_NULL),
}

_PATH_PARAMETER = re.compile(r"\{([A-Za-z]+)\}")


def fields(columns: Sequence[str], nullable: Collection[str] = (), **others: Schema) -> Schema:
    """Return the schema of a JSON object with exactly these fields: strings, except for `others`."""
    properties = {name: TEXT_OR_NULL if name in nullable else TEXT for name in columns} | others
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def page_of(key: str, record: Schema) -> Schema:
    """Return the schema of a page of records in JSON."""
    others: dict[str, Schema] = {**PAGE, key: {"type": "array", "items": record}}
    return fields((), (), **others)


def describe(routes: Iterable[Route]) -> APIRouter:
    """Return FastAPI routes that add `routes` to the OpenAPI description. TwilioApp answers their requests itself."""
    router = APIRouter()
    for route in routes:
        for method in route.methods:  # a route with two methods would have only one operation ID
            router.add_api_route(
                route.path,
                _answered_by_twilio_app,
                methods=[method],
                name=route.operation.value,
                tags=[_tag(route.path)],
                summary=route.summary,
                description=cleandoc(route.handler.__doc__ or ""),
                status_code=int(route.status) if route.schema else NO_CONTENT,
                responses=_responses(route),
                openapi_extra=_parameters(route),
            )
    return router


async def _answered_by_twilio_app() -> None:
    """Stand in for the handlers of FastAPI's routes, which no request reaches."""


def _tag(path: str) -> str:
    """Return the last segment of a path that is not a parameter, such as OutgoingCallerIds."""
    return [segment for segment in path.split("/") if segment and not _PATH_PARAMETER.fullmatch(segment)][-1]


def _parameters(route: Route) -> dict[str, Any]:
    path = [
        {"name": name, "in": "path", "required": True, "description": SIDS[name], "schema": TEXT}
        for name in _PATH_PARAMETER.findall(route.path)
    ]
    query = [
        {"name": name, "in": "query", "description": description, "schema": TEXT}
        for name, description in route.query.items()
    ]
    body = _form_body(route.form) if route.form else {}
    return {**body, "parameters": [*path, *query]}


def _form_body(form: type[BaseModel]) -> dict[str, Any]:
    """Describe a body that has the parameters of `form`, urlencoded or multipart."""
    schema = form.model_json_schema(by_alias=True)
    content_types = (FORM_CONTENT_TYPE, MULTIPART_CONTENT_TYPE)
    return {"requestBody": {"content": {name.decode(): {"schema": schema} for name in content_types}}}


def _responses(route: Route) -> dict[int | str, dict[str, Any]]:
    """Describe the responses of a route: its errors, and its success unless that is 204."""
    representations = [JSON] if route.path.startswith(JSON_ONLY) else list(BY_SUFFIX.values())
    of_errors = dict.fromkeys(ERRORS_IN.get(each, each) for each in representations)
    error = fields(("message", "more_info"), code=NUMBER, status=NUMBER)
    statuses = {*EVERY_OPERATION_ERRORS, *route.errors}
    if route.form:
        statuses.add(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    responses: dict[int | str, dict[str, Any]] = {
        int(status): {"description": ERRORS[status], "content": _content(of_errors, error)}
        for status in sorted(statuses)
    }
    if route.schema is not None:
        description = SUCCESS if len(representations) > 1 else "In JSON."
        responses[int(route.status)] = {
            "description": description,
            "content": _content(representations, route.schema),
        }
    return responses


def _content(representations: Collection[Representation], json: Schema) -> Mapping[str, Any]:
    return {each.content_type.decode(): {"schema": json if each == JSON else TEXT} for each in representations}
