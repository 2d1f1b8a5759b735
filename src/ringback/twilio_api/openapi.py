"""What /docs says of the routes: they read and answer requests by themselves, so FastAPI cannot know.

What is described is the path without a suffix. With one it is answered in that form alone.
"""

import re
from collections.abc import Collection, Sequence
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel

from ringback.twilio_api.multipart import MULTIPART_CONTENT_TYPE
from ringback.twilio_api.parameters import FORM_CONTENT_TYPE
from ringback.twilio_api.representations import BY_SUFFIX, ERRORS_IN, JSON, Representation

ERRORS = {
    HTTPStatus.BAD_REQUEST: "A parameter cannot be used, or the parameters cannot be read.",
    HTTPStatus.UNAUTHORIZED: "The credentials are missing or wrong, or not good for this account.",
    HTTPStatus.NOT_FOUND: "What the path names is not there.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is too large.",
    HTTPStatus.TOO_MANY_REQUESTS: "The account's policy allows no more calls to this number for now.",
}
SUCCESS = "In the form that the path's suffix asks for: XML where there is none."
PATH_PARAMETER = re.compile(r"\{([A-Za-z]+)\}")
SIDS = {"AccountSid": "The account: AC and 32 hexadecimal digits.", "Sid": "The resource, by its SID."}
TEXT = {"type": "string"}
TEXT_OR_NULL = {"type": ["string", "null"]}
NUMBER = {"type": "integer"}
PAGE: dict[str, dict[str, Any]] = {
    **dict.fromkeys(("page", "page_size", "start", "end"), NUMBER),
    **dict.fromkeys(("uri", "first_page_uri"), TEXT),
    **dict.fromkeys(("previous_page_uri", "next_page_uri"), TEXT_OR_NULL),
}


def form_body(form: type[BaseModel]) -> dict[str, Any]:
    """Describe a route that takes this form as its body, urlencoded or multipart."""
    schema = form.model_json_schema(by_alias=True)
    content_types = (FORM_CONTENT_TYPE, MULTIPART_CONTENT_TYPE)
    return {"requestBody": {"content": {name.decode(): {"schema": schema} for name in content_types}}}


def query_parameters(**descriptions: str) -> dict[str, Any]:
    """Describe a route that takes these parameters in its query."""
    return {
        "parameters": [
            {"name": name, "in": "query", "description": description, "schema": {"type": "string"}}
            for name, description in descriptions.items()
        ]
    }


def with_path_parameters(path: str, operation: dict[str, Any] | None) -> dict[str, Any]:
    """Add the parameters in a route's path to what is said of it besides."""
    said = operation or {}
    named = [
        {"name": name, "in": "path", "required": True, "description": SIDS[name], "schema": TEXT}
        for name in PATH_PARAMETER.findall(path)
    ]
    return {**said, "parameters": [*named, *said.get("parameters", ())]}


def fields(columns: Sequence[str], nullable: Collection[str] = (), **others: dict[str, Any]) -> dict[str, Any]:
    """Describe a JSON object of just these fields: texts, but for the `others`, some of which may be null."""
    properties = {name: TEXT_OR_NULL if name in nullable else TEXT for name in columns} | others
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def page_of(key: str, record: dict[str, Any]) -> dict[str, Any]:
    """Describe a page of records in JSON."""
    others: dict[str, dict[str, Any]] = {**PAGE, key: {"type": "array", "items": record}}
    return fields((), (), **others)


def answers(
    success: dict[str, Any] | None, *, has_form: bool = False, has_limit: bool = False
) -> dict[int | str, dict[str, Any]]:
    """Describe what a route answers: success, a JSON object of this kind or nothing at all, and its errors."""
    kinds = list(BY_SUFFIX.values())
    forms_of_errors = dict.fromkeys(ERRORS_IN.get(kind, kind) for kind in kinds)
    error = fields(("message", "more_info"), code=NUMBER, status=NUMBER)
    conditions = {HTTPStatus.REQUEST_ENTITY_TOO_LARGE: has_form, HTTPStatus.TOO_MANY_REQUESTS: has_limit}
    told: dict[int | str, dict[str, Any]] = {
        int(status): {"description": words, "content": _content(forms_of_errors, error)}
        for status, words in ERRORS.items()
        if conditions.get(status, True)
    }
    if success is not None:
        told[int(HTTPStatus.OK)] = {"description": SUCCESS, "content": _content(kinds, success)}
    return told


def _content(kinds: Collection[Representation], json: dict[str, Any]) -> dict[str, Any]:
    return {kind.content_type.decode(): {"schema": json if kind == JSON else TEXT} for kind in kinds}
