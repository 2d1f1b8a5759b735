"""The errors of the Twilio API: code, status, message and headers."""

import pytest

from ringback.domain import errors
from ringback.domain.errors import TwilioError

EMULATED_ONLY = "ringback emulates only caller IDs, their calls, accounts, owned numbers and tokens"
ERROR_TABLE = [
    (errors.no_credentials(), 401, 20003, "Authentication Error - No credentials provided"),
    (errors.invalid_username(), 401, 20003, "Authentication Error - invalid username"),
    (errors.wrong_credentials(), 401, 20003, "Authenticate"),
    (
        errors.missing_permission("twilio/voice/calls/read"),
        401,
        70051,
        "Authorization Error: required permission twilio/voice/calls/read is missing",
    ),
    (errors.invalid_account_sid("SK1"), 400, 90002, "AccountSid SK1 is invalid"),
    (errors.not_found("/x.json"), 404, 20404, "The requested resource /x.json was not found"),
    (
        errors.resource_not_emulated("POST", "/x.json"),
        404,
        20404,
        f"The requested resource /x.json was not found: {EMULATED_ONLY}, and refused this POST",
    ),
    (
        errors.host_not_emulated("x.twilio.com", "GET", "/"),
        404,
        20404,
        f"x.twilio.com is not emulated: {EMULATED_ONLY}, and refused GET /",
    ),
    (errors.method_not_allowed("GET, POST"), 405, 20004, "Method not allowed"),
    (errors.malformed_request("why"), 400, 20400, "Bad Request: why"),
    (errors.body_too_large(5, hang_up=False), 413, 20413, "Request Entity Too Large: the body is larger than 5 bytes"),
    (errors.internal_server_error(), 500, 20500, "Internal Server Error"),
    (errors.too_many_requests(), 429, 20429, "Too Many Requests"),
    (errors.service_unavailable(), 503, 20503, "Service Unavailable"),
    (errors.invalid_friendly_name("why"), 400, 20002, "Invalid FriendlyName: why"),
    (errors.phone_number_missing(), 400, 21201, "PhoneNumber is required: no number to call was given"),
    (errors.invalid_phone_number("12"), 400, 21211, "The phone number 12 is not a valid phone number"),
    (errors.phone_number_already_verified(), 400, 21450, "Phone number is already verified."),
    (
        errors.trial_account_cannot_call(),
        400,
        10002,
        "Sorry! Placing verification calls is not supported on trial accounts. Please upgrade to a full account first",
    ),
    (
        errors.too_many_calls_to_number(3),
        429,
        22100,
        "Reached maximum verification attempts: calls to this number within seven days are limited to 3",
    ),
    (errors.invalid_parameter(21403, "Name", "x", "GET or POST"), 400, 21403, "Invalid Name x: GET or POST"),
    (errors.invalid_page_token("x"), 400, 21481, "Invalid PageToken x"),
]


@pytest.mark.parametrize(("error", "status", "code", "message"), ERROR_TABLE, ids=str)
def test_error_has_its_status_code_and_message(error: TwilioError, status: int, code: int, message: str) -> None:
    assert (error.status, error.code, error.message) == (status, code, message)
    assert str(error) == message
    assert error.more_info == f"https://www.twilio.com/docs/errors/{code}"


@pytest.mark.parametrize("error", [errors.no_credentials(), errors.invalid_username(), errors.wrong_credentials()])
def test_authentication_error_requests_basic_credentials(error: TwilioError) -> None:
    assert error.headers == {"WWW-Authenticate": 'Basic realm="Twilio API"'}


def test_method_not_allowed_lists_the_allowed_methods() -> None:
    assert errors.method_not_allowed("GET, POST").headers == {"Allow": "GET, POST"}


@pytest.mark.parametrize("error", [errors.too_many_requests(), errors.service_unavailable()])
def test_temporary_error_has_a_retry_after_header(error: TwilioError) -> None:
    assert error.headers == {"Retry-After": "1"}


def test_error_for_an_unread_body_closes_the_connection() -> None:
    assert errors.body_too_large(5, hang_up=True).headers == {"Connection": "close"}
    assert errors.body_too_large(5, hang_up=False).headers == {}


def test_message_repeats_only_the_start_of_an_invalid_value() -> None:
    assert errors.invalid_page_token("x" * 65).message == f"Invalid PageToken {'x' * 64}..."
    assert errors.invalid_page_token("x" * 64).message == f"Invalid PageToken {'x' * 64}"


def test_message_has_only_characters_valid_in_xml() -> None:
    assert errors.invalid_page_token("a\x00\ufffe\ud800\n\u202eb\u00e9").message == "Invalid PageToken a?????b\u00e9"
