"""Checks JSON responses against Twilio's OpenAPI description of accounts, calls and OutgoingCallerIds."""

import json
import re
from email.utils import parsedate_to_datetime
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

DESCRIPTION_FILE = Path(__file__).parents[2] / "contract" / "twilio-oai-subset.json"
DESCRIPTION: dict[str, Any] = json.loads(DESCRIPTION_FILE.read_text(encoding="utf-8"))

UNDESCRIBED_METHODS = {"put": "post"}
"""Methods that are checked as another method: the OpenAPI description lacks PUT, which Twilio's page documents."""

_RFC_2822 = re.compile(r"[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} \+0000")
_ISO_8601 = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_CURRENCY = re.compile(r"[A-Z]{3}")
_E164 = re.compile(r"\+[1-9][0-9]{1,14}")
_RELATIVE_URI = re.compile(
    r"(?:/2010-04-01|https://accounts\.twilio\.com/v1)/(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?]|%[0-9A-F]{2})*"
)
_ERROR_PAGE = re.compile(r"(?:https://www\.twilio\.com/docs/errors/[0-9]+)?")

FORMATS = FormatChecker(formats=())


@FORMATS.checks("date-time-rfc-2822", raises=ValueError)
def _is_rfc_2822(value: object) -> bool:
    if not isinstance(value, str):
        return True
    moment = parsedate_to_datetime(value)
    return bool(_RFC_2822.fullmatch(value)) and f"{moment:%a}" == value[:3]


@FORMATS.checks("date-time")
def _is_iso_8601(value: object) -> bool:
    return not isinstance(value, str) or bool(_ISO_8601.fullmatch(value))


@FORMATS.checks("phone-number")
def _is_e164(value: object) -> bool:
    return not isinstance(value, str) or bool(_E164.fullmatch(value))


@FORMATS.checks("uri")
def _is_relative_uri(value: object) -> bool:
    """Return whether a value is a relative URI or empty, as in Twilio's examples, or a URL of accounts.twilio.com.

    A notification also has the URL of a page of the error dictionary.
    """
    is_known = isinstance(value, str) and (_RELATIVE_URI.fullmatch(value) or _ERROR_PAGE.fullmatch(value))
    return not isinstance(value, str) or not value or bool(is_known)


@FORMATS.checks("uri-map")
def _is_map_of_relative_uris(value: object) -> bool:
    return not isinstance(value, dict) or all(
        isinstance(uri, str) and _RELATIVE_URI.fullmatch(uri) for uri in value.values()
    )


@FORMATS.checks("currency")
def _is_currency(value: object) -> bool:
    return not isinstance(value, str) or bool(_CURRENCY.fullmatch(value))


def in_json_schema(node: Any) -> Any:
    """Convert OpenAPI 3.0's ``nullable`` to JSON Schema's list of types."""
    if isinstance(node, list):
        return [in_json_schema(item) for item in node]
    if not isinstance(node, dict):
        return node
    translated = {key: in_json_schema(value) for key, value in node.items() if key != "nullable"}
    if node.get("nullable") is True and isinstance(node.get("type"), str):
        translated["type"] = [node["type"], "null"]
        if "enum" in node:
            translated["enum"] = [*node["enum"], None]
    return translated


COMPONENTS = in_json_schema(DESCRIPTION["components"])


def _operation_of(method: str, path: str) -> tuple[str, str]:
    """Return the method and path template of a request in the description."""
    for template in DESCRIPTION["paths"]:
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template.replace(".", r"\.")), path):
            name = method.lower()
            return UNDESCRIBED_METHODS.get(name, name), template
    raise AssertionError(f"{method} {path}: the path is not in the description: add it to {DESCRIPTION_FILE.name}")


def field_names(schema: str) -> list[str]:
    """Return the fields of a resource in the order of the description."""
    return list(DESCRIPTION["components"]["schemas"][schema]["properties"])


def check_json(method: str, path: str, status: int, body: Any) -> None:
    """Validate the JSON body of a successful response. `path` has no query.

    Raises ValidationError, or AssertionError if the description has no such response.
    """
    _validator(*_operation_of(method, path), status).validate(body)


@cache
def _validator(method: str, template: str, status: int) -> Draft202012Validator:
    responses = DESCRIPTION["paths"][template][method]["responses"]
    assert str(status) in responses, f"{method} {template}: {status} is not in the description"
    schema = in_json_schema(responses[str(status)]["content"]["application/json"]["schema"])
    return Draft202012Validator({"allOf": [schema], "components": COMPONENTS}, format_checker=FORMATS)
