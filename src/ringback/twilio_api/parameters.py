"""Request parameters: parsing of queries and form bodies, and validation of each form's parameters."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, NamedTuple
from urllib.parse import parse_qsl, quote

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo
from starlette.requests import ClientDisconnect

from ringback.domain import errors
from ringback.domain.caller_ids import FRIENDLY_NAME_MAX_CHARACTERS, friendly_name_error
from ringback.domain.calls import CallEvent, ValidationRequest
from ringback.domain.phone_numbers import NumberValidation, to_e164
from ringback.domain.policies import LongFriendlyName
from ringback.domain.urls import parse_url
from ringback.twilio_api.multipart import MULTIPART_CONTENT_TYPE, parse_multipart
from ringback.twilio_api.request_context import RequestContext

FORM_CONTENT_TYPE = b"application/x-www-form-urlencoded"
ONLY_FORMS = "Twilio reads parameters only from form bodies"
SHOWN_TYPE_BYTES = 64
MAX_BODY_BYTES = 1024 * 1024
MAX_PARAMETERS = 1000
PARSED_AT_ONCE_BYTES = 16 * 1024
"""Larger urlencoded bodies are parsed in a thread: a body of 1 MiB can take 300 ms."""
MULTIPART_PARSED_AT_ONCE_BYTES = 2 * 1024
"""Larger multipart bodies are parsed in a thread: a body of 16 KiB can take 10 ms."""
MAX_CALL_DELAY_SECONDS = 60
MAX_EXTENSION_CHARACTERS = 50
MAX_URL_CHARACTERS = 1000
CALL_DELAY_DIGITS = 2
EXTENSION_CHARACTERS = frozenset("0123456789#*wW")
METHODS = ("GET", "POST")
CALL_ENDS = {"canceled": CallEvent.CANCEL, "completed": CallEvent.COMPLETE}
"""The values of a call's Status, and the events that they cause. Source: docs/fidelity.md, Call [oai]."""
UNSUPPORTED_CALL_PARAMETERS = (
    *("Url", "Method", "FallbackUrl", "FallbackMethod", "Twiml"),
    *("StatusCallback", "StatusCallbackMethod", "TimeLimit"),
)
"""The other parameters of Twilio's call update. Source: docs/fidelity.md, Call [oai]."""
PAGING = {
    "PageSize": "The page size: 50 by default, at most 1000.",
    "Page": "The number of the page, from 0.",
    "PageToken": "The start of the page: a token from the links of another page.",
}
"""The parameters of every list, and their descriptions."""

Parameters = dict[str, str]
Parse = Callable[[bytes], Parameters]


def parse_parameters(encoded: bytes) -> Parameters:
    """Decode ``a=b&c=d``; the last value of a repeated name wins.

    Raises TwilioError 20400 for bytes that are not UTF-8, and for more than 1,000 parameters.
    """
    if not encoded:
        return {}
    try:
        text = encoded.decode()
        return dict(parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_PARAMETERS))
    except UnicodeDecodeError as error:
        raise errors.malformed_request("the parameters are not UTF-8") from error
    except ValueError as error:
        raise errors.malformed_request(f"more than {MAX_PARAMETERS} parameters") from error


def read_query(context: RequestContext) -> Parameters:
    """Return the parameters of the query, and keep them for the journal. Raises the errors of `parse_parameters`."""
    parameters = context.query = parse_parameters(context.scope["query_string"])
    return parameters


async def read_form(context: RequestContext) -> Parameters:
    """Return the parameters of a form body, urlencoded or multipart, and keep them for the journal.

    A body of another type has no parameters. Raises TwilioError 20413 for more than 1 MiB, and 20400 for a body that is
    malformed or not UTF-8.
    """
    headers = dict(context.scope["headers"])
    _reject_large_content_length(headers)
    body = await _read_body(context)
    content_type = headers.get(b"content-type", b"")
    parse = _parser_of(content_type)
    if parse is not parse_parameters or context.scope["query_string"] or body[:1] == b"{":
        context.hint = _unread_hint(context, content_type, body, parse)
    at_once_bytes = PARSED_AT_ONCE_BYTES if parse is parse_parameters else MULTIPART_PARSED_AT_ONCE_BYTES
    parameters = parse(body) if len(body) <= at_once_bytes else await asyncio.to_thread(parse, body)
    context.form = parameters
    return parameters


def _parser_of(content_type: bytes) -> Parse:
    """Return the function that parses a body of this type."""
    if content_type == FORM_CONTENT_TYPE:  # the exact value that most libraries send
        return parse_parameters
    media_type = content_type.partition(b";")[0].strip().lower()
    if media_type == FORM_CONTENT_TYPE:
        return parse_parameters
    if media_type == MULTIPART_CONTENT_TYPE:
        return partial(parse_multipart, content_type=content_type, max_parts=MAX_PARAMETERS)
    return _no_parameters


def _no_parameters(_: bytes) -> Parameters:
    return {}


def _unread_hint(context: RequestContext, content_type: bytes, body: bytes, parse: Parse) -> str:
    """Return a hint for the log about parts of a request that are not read as parameters, or an empty string."""
    parts = []
    if body and parse is _no_parameters:
        media_type = quote(content_type.partition(b";")[0].strip()[:SHOWN_TYPE_BYTES], safe="/+")
        parts.append(f"the body is {media_type}" if media_type else "the body has no Content-Type")
    elif body[:1] == b"{":
        parts.append("the body looks like JSON")
    if context.scope["query_string"]:
        parts.append(f"the query of a {context.method} is not read")
    return "; ".join([*parts, ONLY_FORMS]) if parts else ""


def _reject_large_content_length(headers: dict[bytes, bytes]) -> None:
    """Raise TwilioError 20413 if Content-Length is too large, before a client that expects a 100 sends its body."""
    digits = headers.get(b"content-length", b"").lstrip(b"0")  # int() limits the number of digits, including zeros
    if int(digits or b"0") > MAX_BODY_BYTES:
        raise errors.body_too_large(MAX_BODY_BYTES, hang_up=b"expect" in headers)


async def _read_body(context: RequestContext) -> bytes:
    body, more = bytearray(), True
    while more:
        message = await context.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > MAX_BODY_BYTES:
            raise errors.body_too_large(MAX_BODY_BYTES, hang_up=False)
    return bytes(body)


class FormRules(NamedTuple):
    """Validation rules that depend on the settings and the policy. They are the context of pydantic's validation."""

    long_friendly_name: LongFriendlyName
    number_validation: NumberValidation = "valid"


def _phone_number(value: str, info: ValidationInfo[FormRules]) -> str:
    if not value.strip():
        raise errors.phone_number_missing()
    e164 = to_e164(value, info.context.number_validation)
    if e164 is None:
        possible = to_e164(value, "possible")
        reason = f"the setting number_validation=possible would accept {possible}" if possible else ""
        raise errors.invalid_phone_number(value, reason)
    return e164


def _friendly_name(value: str, info: ValidationInfo[FormRules]) -> str:
    if info.context.long_friendly_name == LongFriendlyName.TRUNCATE:
        value = value[:FRIENDLY_NAME_MAX_CHARACTERS]
    error = friendly_name_error(value)
    if error:
        raise errors.invalid_friendly_name(error)
    return value


def _call_delay(value: str) -> int:
    plain = value.isascii() and value.isdigit() and len(value) <= CALL_DELAY_DIGITS
    if not plain or int(value) > MAX_CALL_DELAY_SECONDS:
        raise errors.invalid_parameter(21454, "CallDelay", value, "must be a whole number of seconds from 0 to 60")
    return int(value)


def _extension(value: str) -> str:
    if len(value) > MAX_EXTENSION_CHARACTERS or not EXTENSION_CHARACTERS.issuperset(value):
        rule = "must consist of at most 50 of the characters 0-9 # * w W"
        raise errors.invalid_parameter(22117, "Extension", value, rule)
    return value


def _status_callback(value: str) -> str:
    rule = "must be an absolute http or https URL of at most 1000 characters"
    if len(value) > MAX_URL_CHARACTERS:
        raise errors.invalid_parameter(21456, "StatusCallback", value, rule)
    try:
        parse_url(value)
    except ValueError as error:
        raise errors.invalid_parameter(21456, "StatusCallback", value, rule) from error
    return value


def _status_callback_method(value: str) -> str:
    if value.upper() not in METHODS:
        raise errors.invalid_parameter(21403, "StatusCallbackMethod", value, "must be GET or POST")
    return value.upper()


def _call_status(value: str) -> str:
    if value not in CALL_ENDS:
        raise errors.invalid_parameter(20001, "Status", value, "must be canceled or completed")
    return value


def checked_by(check: Callable[..., Any]) -> BeforeValidator:
    """Return a validator that calls `check` with a parameter's value. pydantic does not catch its TwilioError."""
    return BeforeValidator(check)


FriendlyName = Annotated[str, checked_by(_friendly_name), Field(min_length=1, max_length=FRIENDLY_NAME_MAX_CHARACTERS)]


class Form(BaseModel):
    """The parameters of a form body. Unknown parameters are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class ValidationRequestForm(Form):
    """The parameters of a validation request, checked in this order: the fields of ValidationRequest."""

    phone_number: Annotated[str, checked_by(_phone_number)] = Field(
        "",
        alias="PhoneNumber",
        validate_default=True,
        description="The number to verify: E.164, or a US number in national format.",
    )
    friendly_name: FriendlyName | None = Field(
        None, alias="FriendlyName", description="The name of the caller ID. Default: the formatted number."
    )
    call_delay_seconds: Annotated[int, checked_by(_call_delay), Field(ge=0, le=MAX_CALL_DELAY_SECONDS)] = Field(
        0, alias="CallDelay", description="Seconds to wait before calling: 0 to 60."
    )
    extension: Annotated[str, checked_by(_extension), Field(max_length=MAX_EXTENSION_CHARACTERS)] | None = Field(
        None, alias="Extension", description="Digits to dial after the call is answered; w is a pause of half a second."
    )
    status_callback: Annotated[str, checked_by(_status_callback), Field(max_length=MAX_URL_CHARACTERS)] | None = Field(
        None, alias="StatusCallback", description="The URL to request when the call has ended."
    )
    status_callback_method: Annotated[str, checked_by(_status_callback_method)] = Field(
        "POST", alias="StatusCallbackMethod", description="GET or POST."
    )


class CallerIdForm(Form):
    """The parameters of an update of a caller ID."""

    friendly_name: FriendlyName | None = Field(None, alias="FriendlyName", description="The caller ID's new name.")


class CallForm(Form):
    """The parameter of an update of a call."""

    status: Annotated[str, checked_by(_call_status)] = Field(
        "",
        alias="Status",
        validate_default=True,
        description="canceled ends a queued or ringing call; completed ends any call.",
    )


def parse_validation_request(
    parameters: Parameters,
    number_validation: NumberValidation,
    long_friendly_name: LongFriendlyName = LongFriendlyName.REJECT,
) -> ValidationRequest:
    """Return the validation request in these parameters. Raises TwilioError for the first invalid parameter."""
    form = ValidationRequestForm.model_validate(parameters, context=FormRules(long_friendly_name, number_validation))
    return ValidationRequest(**{**form.model_dump(), "extension": form.extension or None})


def parse_caller_id_update(
    parameters: Parameters, long_friendly_name: LongFriendlyName = LongFriendlyName.REJECT
) -> str | None:
    """Return the new FriendlyName of a caller ID, or None if it is omitted. Raises TwilioError 20002."""
    return CallerIdForm.model_validate(parameters, context=FormRules(long_friendly_name)).friendly_name


def parse_call_update(parameters: Parameters) -> CallEvent:
    """Return the event that ends a call. Raises TwilioError 20001 for any other Status or parameter."""
    for name in UNSUPPORTED_CALL_PARAMETERS:
        if name in parameters:
            raise errors.parameter_not_emulated(name)
    return CALL_ENDS[CallForm.model_validate(parameters).status]
