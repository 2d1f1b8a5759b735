"""Additions to the OpenAPI description that FastAPI generates: the token, and the errors of each operation."""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from ringback.control_api.errors import ErrorResponse
from ringback.control_api.inbox import INBOX_PATH

ERROR_DESCRIPTIONS: Mapping[int, str] = {
    HTTPStatus.BAD_REQUEST: "The body is not valid JSON.",
    HTTPStatus.UNAUTHORIZED: "The control token is missing or wrong.",
    HTTPStatus.FORBIDDEN: "The request comes from a web page on another origin, or names an unknown host.",
    HTTPStatus.NOT_FOUND: "A resource named in the path does not exist.",
    HTTPStatus.CONFLICT: "The current state does not allow this.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is too large.",
    HTTPStatus.UNPROCESSABLE_ENTITY: "A value is invalid.",
}
_SIDS = {("path", "account_sid"), ("path", "call_sid")}
"""Parameters that accept every value: an unknown SID results in a 404, never a 422."""
_BEARER = "HTTPBearer"
_FASTAPI_SCHEMAS = ("HTTPValidationError", "ValidationError")


def add_token_security(document: dict[str, Any]) -> None:
    """Add the bearer token to every operation of a description, except those that receive callbacks in inboxes.

    The token is not a FastAPI dependency, because `AccessControlMiddleware` checks the token before any route.
    """
    document["components"]["securitySchemes"] = {
        _BEARER: {"type": "http", "scheme": "bearer", "description": "The value of the setting `control_token`."}
    }
    for path, operations in document["paths"].items():
        if path != INBOX_PATH:
            for operation in operations.values():
                operation["security"] = [{_BEARER: []}]


def add_error_responses(document: dict[str, Any]) -> None:
    """Add the possible error responses to each operation of a description."""
    schemas = document["components"]["schemas"]
    for name in _FASTAPI_SCHEMAS:
        schemas.pop(name, None)
    schemas[ErrorResponse.__name__] = ErrorResponse.model_json_schema()
    for path, operations in document["paths"].items():
        for operation in operations.values():
            responses = operation["responses"]
            declared = {int(status) for status in responses if int(status) in ERROR_DESCRIPTIONS}
            successes = {status: item for status, item in responses.items() if int(status) not in ERROR_DESCRIPTIONS}
            errors = (declared - {HTTPStatus.UNPROCESSABLE_ENTITY}) | set(_possible_errors(path, operation))
            operation["responses"] = successes | {
                str(int(status)): _error_response(status) for status in sorted(errors)
            }


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


def _error_response(status: int) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{ErrorResponse.__name__}"}
    return {"description": ERROR_DESCRIPTIONS[status], "content": {"application/json": {"schema": schema}}}
