"""The secondary auth token at accounts.twilio.com. Rules: docs/fidelity.md, auth tokens."""

from collections.abc import Iterator

import httpx
import pytest

from support.wire.api import Api, error_of
from support.wire.openapi import field_names

pytestmark = pytest.mark.usefixtures("seeded")

SECONDARY, PROMOTE = "/v1/AuthTokens/Secondary", "/v1/AuthTokens/Promote"
ACCOUNT_SID, PRIMARY_TOKEN = "ACc0000000000000000000000000000020", "contract-rotating-token"
HOST = {"Host": "accounts.twilio.com"}


@pytest.fixture
def rotating(contract_url: str) -> Iterator[Api]:
    """Yield a client for an account that has no secondary auth token."""
    with Api(contract_url, ACCOUNT_SID, PRIMARY_TOKEN) as client:
        client.request("DELETE", SECONDARY)
        yield client


def list_with(api: Api, token: str) -> httpx.Response:
    return api.client.get(f"{api.path}.json", auth=(api.account_sid, token))


def test_created_secondary_auth_token_matches_the_openapi_description(rotating: Api) -> None:
    answer = rotating.request("POST", SECONDARY, headers=HOST)

    token = answer.json()
    assert answer.status_code == 201
    assert sorted(token) == sorted(field_names("accounts.v1.secondary_auth_token"))
    assert (token["account_sid"], token["url"]) == (ACCOUNT_SID, f"https://accounts.twilio.com{SECONDARY}")
    assert token["date_created"] == token["date_updated"]
    assert len(token["secondary_auth_token"]) == 32


def test_secondary_auth_token_authenticates_until_it_is_deleted(rotating: Api) -> None:
    secondary = rotating.request("POST", SECONDARY).json()["secondary_auth_token"]
    before = [list_with(rotating, token).status_code for token in (PRIMARY_TOKEN, secondary)]

    deleted = rotating.request("DELETE", SECONDARY, headers=HOST)

    assert (before, deleted.status_code) == ([200, 200], 204)
    assert [list_with(rotating, token).status_code for token in (PRIMARY_TOKEN, secondary)] == [200, 401]


def test_new_secondary_auth_token_replaces_the_previous_one(rotating: Api) -> None:
    first = rotating.request("POST", SECONDARY).json()["secondary_auth_token"]
    second = rotating.client.post(SECONDARY, auth=(ACCOUNT_SID, first)).json()["secondary_auth_token"]

    assert [list_with(rotating, token).status_code for token in (first, second)] == [401, 200]


@pytest.mark.parametrize(("method", "path"), [("DELETE", SECONDARY), ("POST", PROMOTE)])
def test_missing_secondary_auth_token_is_not_found(rotating: Api, method: str, path: str) -> None:
    error = error_of(rotating.request(method, path))

    assert (error.status, error.code, error.message) == (404, 20404, f"The requested resource {path} was not found")


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_secondary_auth_token_allows_only_post_delete_and_options(rotating: Api, method: str) -> None:
    answer = rotating.request(method, SECONDARY)

    assert error_of(answer).code == 20004
    assert answer.headers["allow"] == "DELETE, OPTIONS, POST"


@pytest.mark.parametrize(("sid", "token"), [(ACCOUNT_SID, "wrong"), ("ACd" + "0" * 31, "wrong"), ("", "")])
def test_auth_tokens_require_valid_credentials(rotating: Api, sid: str, token: str) -> None:
    error = error_of(rotating.client.post(SECONDARY, auth=(sid, token)))

    assert (error.status, error.code) == (401, 20003)


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("accounts.twilio.com", 201),
        ("accounts.dublin.ie1.twilio.com", 201),
        ("ACCOUNTS.twilio.com:443", 201),
        ("localhost:8010", 201),
        ("api.twilio.com", 404),
        ("oauth.twilio.com", 404),
    ],
)
def test_auth_tokens_are_served_only_on_their_host(rotating: Api, host: str, status: int) -> None:
    answer = rotating.request("POST", SECONDARY, headers={"Host": host})

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/json"
