"""Access tokens of OAuth apps: the format that helper libraries expect, and the reasons why tokens are invalid."""

import base64
import json
from dataclasses import replace

import jwt
import pytest

from ringback.domain.oauth import OAuthApp, client_id_of, explain_invalid_token, issue_access_token
from ringback.domain.permissions import restricted_access
from ringback.domain.sids import OAuthAppSid
from ringback.domain.timestamps import MICROSECONDS, Timestamp, after
from support.domain_values import ACCOUNT_SID, T0

SECRET = "client-secret-of-32-characters-or-more"
ACCESS = restricted_access(frozenset({"twilio/voice/calls/list"}))
APP = OAuthApp(OAuthAppSid("OQ" + "a" * 32), SECRET, ACCOUNT_SID, ACCESS, 60, T0)
WITHIN_A_SECOND = Timestamp(T0 + 999_999)


def forged(**claims: object) -> str:
    known = {"sub": APP.client_id, "exp": T0 // MICROSECONDS + 60}
    return jwt.encode(known | claims, SECRET, algorithm="HS256")


def test_access_token_is_a_json_web_token_of_its_app_and_account() -> None:
    token = issue_access_token(APP, WITHIN_A_SECOND)

    claims = jwt.decode(token, SECRET, algorithms=["HS256"], options={"verify_exp": False})

    assert claims == {
        "iss": "https://oauth.twilio.com",
        "sub": APP.client_id,
        "act": {"sub": f"trn:us1:iam:account:{ACCOUNT_SID}"},
        "iat": T0 // MICROSECONDS,
        "exp": T0 // MICROSECONDS + 60,
    }


@pytest.mark.parametrize(("seconds", "is_valid"), [(-3600, True), (0, True), (59.999, True), (60, False), (1e9, False)])
def test_access_token_is_valid_for_its_lifetime(seconds: float, *, is_valid: bool) -> None:
    token = issue_access_token(APP, T0)

    reason = explain_invalid_token(token, APP, after(T0, seconds))

    assert reason == ("" if is_valid else f"the access token of {APP.client_id} has expired by the account's clock")


def test_access_token_signed_with_another_secret_is_invalid() -> None:
    token = issue_access_token(replace(APP, client_secret="other"), T0)

    reason = explain_invalid_token(token, APP, T0)

    assert reason == f"the access token was not signed with the client secret of {APP.client_id}"


@pytest.mark.parametrize("position", [0, 40, -1])
def test_changed_access_token_is_invalid(position: int) -> None:
    token = list(issue_access_token(APP, T0))
    token[position] = "A" if token[position] != "A" else "B"

    assert explain_invalid_token("".join(token), APP, T0)


def test_unsigned_access_token_is_invalid() -> None:
    token = jwt.encode({"sub": APP.client_id, "exp": T0 // MICROSECONDS + 60}, "", algorithm="none")

    assert explain_invalid_token(token, APP, T0)


@pytest.mark.parametrize("expires_at", [None, "never", 1e30, True, [1]])
def test_access_token_without_an_expiration_time_is_invalid(expires_at: object) -> None:
    assert explain_invalid_token(forged(exp=expires_at) if expires_at is not None else forged(exp=0), APP, T0)


def test_client_id_is_read_from_an_access_token() -> None:
    assert client_id_of(issue_access_token(APP, T0)) == APP.client_id


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a.b",
        "a.b.c",
        "a.b.c.d",
        "\u00fc.\u00fc.\u00fc",
        "a." + base64.urlsafe_b64encode(b"[1]").decode().rstrip("=") + ".c",
        "a." + base64.urlsafe_b64encode(json.dumps({"sub": 5}).encode()).decode().rstrip("=") + ".c",
        "a." + base64.urlsafe_b64encode(json.dumps({"sub": "OQ1"}).encode()).decode().rstrip("=") + ".c",
        "a." + base64.urlsafe_b64encode(b"[" * 100_000).decode().rstrip("=") + ".c",
        "a." + base64.urlsafe_b64encode(b"\xff\xfe").decode().rstrip("=") + ".c",
    ],
)
def test_text_that_is_not_an_access_token_has_no_client_id(token: str) -> None:
    assert client_id_of(token) is None
    assert explain_invalid_token(token, APP, T0)
