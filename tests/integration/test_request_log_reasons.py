"""The log line of a request gives the reason why authentication failed or parameters could not be read."""

import base64
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from ringback.control_api.keys import ApiKeyResponse
from support.domain_values import NUMBER
from support.in_process.control import Controlled, ControlledAccount

pytestmark = pytest.mark.anyio

UNKNOWN_ACCOUNT = "AC" + "d" * 32
UNKNOWN_KEY = "SK" + "0" * 32
GUESS = "guessed-secret"
ONLY_FORMS = "Twilio reads parameters only from form bodies"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


async def make_key(account: ControlledAccount, **wanted: Any) -> ApiKeyResponse:
    return ApiKeyResponse.model_validate((await account.control("POST", "/keys", wanted)).json())


async def logged_refusal(http: httpx.AsyncClient, path_sid: str, **options: Any) -> dict[str, Any]:
    """Return the log line of a request that is answered with 401."""
    with capture_logs() as lines:
        answer = await http.get(f"/2010-04-01/Accounts/{path_sid}/OutgoingCallerIds.json", **options)
    [line] = lines
    assert (answer.status_code, line["status"], line["code"]) == (401, 401, 20003)
    assert line["reason"] not in answer.text
    assert GUESS not in repr(line)
    return dict(line)


async def test_wrong_secret_is_logged_with_its_user_name(account: ControlledAccount) -> None:
    key = await make_key(account)

    token = await logged_refusal(account.http, account.sid, auth=(account.sid, GUESS))
    secret = await logged_refusal(account.http, account.sid, auth=(key.sid, GUESS))

    assert token["reason"] == f"wrong auth token for {account.sid}"
    assert secret["reason"] == f"wrong secret for key {key.sid}"


async def test_replaced_auth_token_is_named_in_the_log(account: ControlledAccount) -> None:
    await account.control("POST", "/auth-tokens/secondary")
    await account.control("POST", "/auth-tokens/promote")

    line = await logged_refusal(account.http, account.sid, auth=(account.sid, account.auth_token))

    assert line["reason"] == (f"old auth token for {account.sid}: the secondary token was promoted and has replaced it")
    assert account.auth_token not in repr(line)


@pytest.mark.parametrize(
    ("username", "reason"),
    [
        (UNKNOWN_ACCOUNT, f"unknown account {UNKNOWN_ACCOUNT}"),
        (UNKNOWN_KEY, f"unknown API key {UNKNOWN_KEY}"),
        (GUESS, "the user name is not an account SID or API key SID"),
        (f"AC{GUESS}", "the user name is not an account SID or API key SID"),
        ("", "the user name is not an account SID or API key SID"),
        (f"{UNKNOWN_ACCOUNT}\n", "the user name is not an account SID or API key SID"),
    ],
)
async def test_unknown_user_name_is_logged_only_if_it_is_a_sid(
    account: ControlledAccount, username: str, reason: str
) -> None:
    line = await logged_refusal(account.http, account.sid, auth=(username, GUESS))

    assert line["reason"] == reason


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (None, "no Authorization header"),
        (b"", "the Authorization header is neither Basic nor Bearer"),
        (GUESS.encode(), "the Authorization header is neither Basic nor Bearer"),
        (b"Bearer " + GUESS.encode(), "malformed access token: not a JSON Web Token"),
        (b"Basic", "malformed Basic credentials: no colon"),
        (b"Basic " + GUESS.encode() + b"!", "malformed Basic credentials: not base64"),
        (b"Basic " + base64.b64encode(b"\xff:x"), "malformed Basic credentials: not UTF-8"),
        (b"Basic " + base64.b64encode(GUESS.encode()), "malformed Basic credentials: no colon"),
    ],
)
async def test_malformed_credentials_are_logged_with_the_reason(
    account: ControlledAccount, header: bytes | None, reason: str
) -> None:
    headers = {} if header is None else {b"Authorization": header}

    line = await logged_refusal(account.http, account.sid, headers=headers)

    assert line["reason"] == reason


async def test_request_for_another_account_is_logged_with_the_reason(
    controlled: Controlled, account: ControlledAccount
) -> None:
    stranger, key = await controlled.account(), await make_key(account)
    own, by_key = (account.sid, account.auth_token), (key.sid, key.secret)
    paths = [
        (stranger.sid, own),
        (stranger.sid, by_key),
        (UNKNOWN_ACCOUNT, own),
        ("x", own),
    ]

    reasons = [(await logged_refusal(account.http, sid, auth=auth))["reason"] for sid, auth in paths]

    assert reasons == [
        f"account {account.sid} is neither {stranger.sid} nor its parent account",
        f"key {key.sid} does not belong to account {stranger.sid}",
        f"the path names the unknown account {UNKNOWN_ACCOUNT}",
        "the path does not name an account SID",
    ]


async def test_refusals_of_valid_keys_are_logged_with_the_reason(account: ControlledAccount) -> None:
    standard = await make_key(account)
    restricted = await make_key(account, type="restricted", permissions=[])
    path = f"/2010-04-01/Accounts/{account.sid}"

    with capture_logs() as lines:
        await account.http.get(f"{path}.json", auth=(standard.sid, standard.secret))
        await account.http.get(f"{path}/Calls.json", auth=(restricted.sid, restricted.secret))
        await account.http.get(f"/2010-04-01/Accounts/{standard.sid}/Calls.json", auth=(standard.sid, standard.secret))

    assert [(line["code"], line["reason"]) for line in lines] == [
        (20003, f"{standard.sid} is a standard key, which has no access to accounts; use the auth token or a main key"),
        (70051, f"{restricted.sid} lacks the permission twilio/voice/calls/list"),
        (90002, "the path names an API key where an account SID belongs; pass the account SID to the client too"),
    ]


@pytest.mark.parametrize("status", ["suspended", "closed"])
async def test_request_for_an_inactive_account_is_logged_with_its_status(
    controlled: Controlled, account: ControlledAccount, status: str
) -> None:
    child = await controlled.account(parent_sid=account.sid)
    await child.control("PATCH", "", {"status": status})

    by_parent = await logged_refusal(account.http, child.sid, auth=(account.sid, account.auth_token))
    by_itself = await logged_refusal(account.http, child.sid, auth=(child.sid, child.auth_token))

    assert by_parent["reason"] == by_itself["reason"] == f"account {child.sid} is {status}"


async def logged_post(account: ControlledAccount, query: str = "", **options: Any) -> dict[str, Any]:
    with capture_logs() as lines:
        path = f"/2010-04-01/Accounts/{account.sid}/OutgoingCallerIds.json{query}"
        await account.http.post(path, auth=(account.sid, account.auth_token), **options)
    return dict(lines[0])


@pytest.mark.parametrize(
    ("headers", "content", "part"),
    [
        ({"Content-Type": "application/json"}, b"{}", "the body is application/json"),
        ({"Content-Type": "application/json; charset=utf-8"}, b"{}", "the body is application/json"),
        ({"Content-Type": "text/plain"}, b"PhoneNumber=1", "the body is text/plain"),
        ({}, b"PhoneNumber=1", "the body has no Content-Type"),
        ({b"Content-Type": b"a\xe9\x1b[31m" + b"x" * 99}, b"1", f"the body is a%E9%1B%5B31m{'x' * 57}"),
        (FORM, b'{"PhoneNumber": "+14158675309"}', "the body looks like JSON"),
    ],
)
async def test_body_without_parameters_is_logged_with_the_reason(
    account: ControlledAccount, headers: dict[Any, Any], content: bytes, part: str
) -> None:
    line = await logged_post(account, headers=headers, content=content)

    assert (line["status"], line["code"]) == (400, 21201)
    assert line["hint"] == f"{part}; {ONLY_FORMS}"


async def test_parameters_in_the_query_of_a_post_are_logged_as_not_read(account: ControlledAccount) -> None:
    alone = await logged_post(account, "?PhoneNumber=1")
    beside_json = await logged_post(account, "?PhoneNumber=1", json={})

    assert alone["hint"] == f"the query of a POST is not read; {ONLY_FORMS}"
    assert beside_json["hint"] == f"the body is application/json; the query of a POST is not read; {ONLY_FORMS}"


@pytest.mark.parametrize("form", [{"data": {"PhoneNumber": NUMBER}}, {"files": {"PhoneNumber": (None, NUMBER)}}, {}])
async def test_valid_form_logs_no_hint(account: ControlledAccount, form: dict[str, Any]) -> None:
    line = await logged_post(account, **form)

    assert "hint" not in line
    assert "reason" not in line


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("(123) 456-7890", "the setting number_validation=possible would accept +11234567890"),
        ("+1415", None),
    ],
)
async def test_log_names_the_setting_that_would_accept_a_possible_number(
    account: ControlledAccount, number: str, reason: str | None
) -> None:
    line = await logged_post(account, data={"PhoneNumber": number})

    assert (line["status"], line["code"], line.get("reason")) == (400, 21211, reason)


async def test_error_for_a_possible_number_does_not_name_the_setting(account: ControlledAccount) -> None:
    answer = await account.twilio("POST", "/OutgoingCallerIds.json", {"PhoneNumber": "+11234567890"})

    assert answer.json()["message"] == "The phone number +11234567890 is not a valid phone number"
