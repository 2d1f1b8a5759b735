"""The check of JSON responses against Twilio's OpenAPI description: it must reject responses that do not conform."""

import copy
from typing import Any

import pytest
from jsonschema import ValidationError

from support.wire.api import check_answer
from support.wire.openapi import DESCRIPTION, check_json

LIST = "/2010-04-01/Accounts/{AccountSid}/OutgoingCallerIds.json"
INSTANCE = "/2010-04-01/Accounts/{AccountSid}/OutgoingCallerIds/{Sid}.json"
ACCOUNT = "/2010-04-01/Accounts/{Sid}.json"
CALLS = "/2010-04-01/Accounts/{AccountSid}/Calls.json"
CALL = "/2010-04-01/Accounts/{AccountSid}/Calls/{Sid}.json"
ACCOUNTS = "/2010-04-01/Accounts.json"
NOTIFICATIONS = "/2010-04-01/Accounts/{AccountSid}/Calls/{CallSid}/Notifications.json"
NOTIFICATION = "/2010-04-01/Accounts/{AccountSid}/Calls/{CallSid}/Notifications/{Sid}.json"
FOLLOW_UPS = [
    *[("GET", ACCOUNTS), ("POST", ACCOUNT), ("GET", ACCOUNT)],
    *[("GET", CALLS), ("GET", CALL), ("POST", CALL)],
    *[("GET", NOTIFICATIONS), ("GET", NOTIFICATION)],
]
OPERATIONS = [("GET", LIST), ("POST", LIST), ("GET", INSTANCE), ("POST", INSTANCE), *FOLLOW_UPS]
FETCH_PATH = "/2010-04-01/Accounts/AC1/OutgoingCallerIds/PN1.json"


def examples(method: str, template: str) -> list[Any]:
    content = DESCRIPTION["paths"][template][method.lower()]["responses"]["200"]["content"]["application/json"]
    return [example["value"] for example in content["examples"].values()]


@pytest.mark.parametrize(("method", "template"), OPERATIONS)
def test_openapi_check_accepts_twilios_examples(method: str, template: str) -> None:
    path = template.replace("{AccountSid}", "AC1").replace("{CallSid}", "CA1").replace("{Sid}", "PN1")

    assert examples(method, template)
    for example in examples(method, template):
        check_json(method, path, 200, example)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sid", "PN1"),
        ("sid", 1),
        ("account_sid", "CA" + "a" * 32),
        ("date_created", "2009-08-21T00:11:24Z"),
        ("date_created", "Fri, 21 Aug 2009 00:11:24 GMT"),
        ("date_created", "Thu, 21 Aug 2009 00:11:24 +0000"),
        ("date_updated", "Fri, 32 Aug 2009 00:11:24 +0000"),
        ("phone_number", "4158675309"),
        ("friendly_name", 5),
        ("uri", 5),
    ],
)
def test_openapi_check_rejects_a_wrong_field(field: str, value: object) -> None:
    wrong = copy.deepcopy(examples("GET", INSTANCE)[0]) | {field: value}

    with pytest.raises(ValidationError):
        check_json("GET", FETCH_PATH, 200, wrong)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sid", "AC1"),
        ("owner_account_sid", "PN" + "a" * 32),
        ("status", "deleted"),
        ("status", None),
        ("type", "full"),
        ("date_created", "2015-07-30T20:00:00Z"),
        ("subresource_uris", []),
        ("subresource_uris", {"calls": "https://api.twilio.com/2010-04-01/Accounts/AC1/Calls.json"}),
        ("subresource_uris", {"calls": None}),
    ],
)
def test_openapi_check_rejects_a_wrong_field_of_an_account(field: str, value: object) -> None:
    wrong = copy.deepcopy(examples("GET", ACCOUNT)[0]) | {field: value}

    with pytest.raises(ValidationError):
        check_json("GET", "/2010-04-01/Accounts/AC1.json", 200, wrong)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sid", "PN" + "a" * 32),
        ("status", "dialing-extension"),
        ("start_time", "2019-10-18"),
        ("end_time", ""),
        ("duration", 4),
        ("price_unit", "$"),
        ("phone_number_sid", ""),
        ("group_sid", ""),
        ("queue_time", 1000),
    ],
)
def test_openapi_check_rejects_a_wrong_field_of_a_call(field: str, value: object) -> None:
    wrong = copy.deepcopy(examples("GET", CALL)[0]) | {field: value}

    with pytest.raises(ValidationError):
        check_json("GET", "/2010-04-01/Accounts/AC1/Calls/CA1.json", 200, wrong)
    with pytest.raises(ValidationError):
        check_json("GET", "/2010-04-01/Accounts/AC1/Calls.json", 200, {"calls": [wrong]})


def test_openapi_check_rejects_a_wrong_row_of_a_list() -> None:
    page = {"outgoing_caller_ids": [{"sid": "PN1"}]}

    with pytest.raises(ValidationError):
        check_json("GET", "/2010-04-01/Accounts/AC1/OutgoingCallerIds.json", 200, page)


def test_openapi_check_rejects_a_numeric_validation_code() -> None:
    with pytest.raises(ValidationError):
        check_json("POST", "/2010-04-01/Accounts/AC1/OutgoingCallerIds.json", 200, {"validation_code": 123456})


def test_openapi_check_rejects_a_uri_with_a_host() -> None:
    page = {"first_page_uri": "https://api.twilio.com/2010-04-01/Accounts"}

    with pytest.raises(ValidationError):
        check_json("GET", "/2010-04-01/Accounts/AC1/OutgoingCallerIds.json", 200, page)


def test_openapi_check_accepts_null_only_for_nullable_fields() -> None:
    path = "/2010-04-01/Accounts/AC1/OutgoingCallerIds.json"

    check_json("GET", path, 200, {"next_page_uri": None})
    with pytest.raises(ValidationError):
        check_json("GET", path, 200, {"first_page_uri": None})


def test_openapi_check_rejects_a_response_without_a_description() -> None:
    with pytest.raises(AssertionError, match="not in the description"):
        check_json("POST", "/2010-04-01/Accounts/AC1/OutgoingCallerIds.json", 201, {})
    with pytest.raises(AssertionError, match="not in the description"):
        check_json("POST", ACCOUNTS, 200, {})
    with pytest.raises(AssertionError, match="not in the description"):
        check_json("GET", "/2010-04-01/Accounts/AC1/Messages.json", 200, {})


@pytest.mark.parametrize(
    ("status", "content_type", "body"),
    [
        (404, "application/json", b'{"detail":"Not Found"}'),
        (404, "text/plain; charset=utf-8", b"Not Found"),
        (404, "application/json", b'{"code":20404,"message":"m","more_info":"x","status":404}'),
        (404, "application/json", b'{"code":"20404","message":"m","more_info":"x","status":404}'),
        (500, "text/html", b"<html/>"),
        (204, None, b"body"),
        (200, "text/plain", b""),
    ],
)
def test_openapi_check_rejects_a_framework_error(status: int, content_type: str | None, body: bytes) -> None:
    with pytest.raises(AssertionError):
        check_answer("GET", FETCH_PATH, status, content_type, body)
