"""What the OpenAPI description tells beside the routes: the token, and of each operation the errors it can answer."""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from ringback.control_api.errors import ErrorBody
from ringback.control_api.inbox import INBOX_PATH

ERRORS: Mapping[int, str] = {
    HTTPStatus.BAD_REQUEST: "The body is no JSON.",
    HTTPStatus.UNAUTHORIZED: "The control token is missing or wrong.",
    HTTPStatus.FORBIDDEN: "A web page of another site asks, or the server is asked by a name that may be anybody's.",
    HTTPStatus.NOT_FOUND: "What the path names is not there.",
    HTTPStatus.CONFLICT: "It cannot be done as things stand.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is too large.",
    HTTPStatus.UNPROCESSABLE_ENTITY: "A value cannot be used.",
}
_SIDS = {("path", "account_sid"), ("path", "call_sid")}
"""Whatever they are, they are there or not: no value of theirs is unfit."""
_BEARER = "HTTPBearer"
_OF_FASTAPI = ("HTTPValidationError", "ValidationError")


def tell_the_token(document: dict[str, Any]) -> None:
    """Put into a description that the control token is asked for, but by inboxes, to which callbacks come.

    The guards look at it before any route: to the routes it would be a dependency that does nothing.
    """
    document["components"]["securitySchemes"] = {
        _BEARER: {"type": "http", "scheme": "bearer", "description": "The setting `control_token`."}
    }
    for path, operations in document["paths"].items():
        if path != INBOX_PATH:
            for operation in operations.values():
                operation["security"] = [{_BEARER: []}]


def tell_errors(document: dict[str, Any]) -> None:
    """Put into each operation of a description the errors that it can answer; those that it names itself stay."""
    schemas = document["components"]["schemas"]
    for name in _OF_FASTAPI:
        schemas.pop(name, None)
    schemas[ErrorBody.__name__] = ErrorBody.model_json_schema()
    for path, operations in document["paths"].items():
        for operation in operations.values():
            answers = operation["responses"]
            named = {int(status) for status in answers if int(status) in ERRORS} - {HTTPStatus.UNPROCESSABLE_ENTITY}
            successes = {status: answer for status, answer in answers.items() if int(status) not in ERRORS}
            told = sorted(named | set(_possible_errors(path, operation)))
            operation["responses"] = successes | {str(int(status)): _answer(status) for status in told}


def _possible_errors(path: str, operation: Mapping[str, Any]) -> Iterator[int]:
    if "security" in operation:
        yield HTTPStatus.UNAUTHORIZED
    if path != INBOX_PATH:
        yield HTTPStatus.FORBIDDEN
    if "{" in path:
        yield HTTPStatus.NOT_FOUND
    if "requestBody" in operation:
        yield HTTPStatus.BAD_REQUEST
        yield HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    parameters = {(parameter["in"], parameter["name"]) for parameter in operation.get("parameters", ())}
    if "requestBody" in operation or parameters - _SIDS:
        yield HTTPStatus.UNPROCESSABLE_ENTITY


def _answer(status: int) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{ErrorBody.__name__}"}
    return {"description": ERRORS[status], "content": {"application/json": {"schema": schema}}}
