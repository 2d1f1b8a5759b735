"""Accepted and refused credentials, and the errors for refused ones. Rules: docs/fidelity.md, authentication."""

import base64

import pytest

from support.wire.api import SILENT_NUMBER, UNKNOWN_SID, Api, error_of, records
from support.wire.rows import SeededAccounts

NO_CREDENTIALS = "Authentication Error - No credentials provided"
INVALID_USERNAME = "Authentication Error - invalid username"
AUTHENTICATE = "Authenticate"
UNKNOWN_ACCOUNT = "AC" + "f" * 32
PARENT_KEY = ("SKc0000000000000000000000000000001", "contract-parent-secret")
SUB_KEY = ("SKc0000000000000000000000000000002", "contract-sub-secret")


def basic(text: str) -> str:
    return f"Basic {base64.b64encode(text.encode()).decode()}"


def refusal(anonymous_api: Api, path: str, authorization: str | None, method: str = "GET") -> str:
    """Send a request that is refused, check the parts common to all refusals, and return the error message."""
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = anonymous_api.request(method, path, headers=headers)
    error = error_of(answer)
    assert (error.status, error.code) == (401, 20003)
    assert answer.headers["www-authenticate"] == 'Basic realm="Twilio API"'
    return error.message


def statuses(base_url: str, account: Api, *credentials: tuple[str, str | None]) -> list[int]:
    """Request an account's list of caller IDs with each pair of user name and password, and return the statuses."""
    found = []
    for username, password in credentials:
        with Api(base_url, account.account_sid, password, username=username) as client:
            found.append(client.list().status_code)
    return found


@pytest.mark.parametrize("suffix", ["", ".json", ".csv"])
@pytest.mark.parametrize(
    "authorization",
    [
        *(None, "", "Basic", "Bearer", "Digest username=a", "Basic !!!", "Basic YWJj", "nonsense"),
        *("Basic /////w==", basic("no colon"), "Basic Zm9vOmJhcg", "Basic Zm9v OmJhcg=="),
    ],
)
def test_malformed_credentials_are_treated_as_missing(
    anonymous_api: Api, suffix: str, authorization: str | None
) -> None:
    assert refusal(anonymous_api, f"{anonymous_api.path}{suffix}", authorization) == NO_CREDENTIALS


@pytest.mark.parametrize("username", ["", UNKNOWN_ACCOUNT, "SK" + "f" * 32, "nobody", "ac" + "0" * 31 + "1", "é", "PN"])
def test_unknown_user_name_gets_an_invalid_username_error(anonymous_api: Api, api: Api, username: str) -> None:
    assert (
        refusal(anonymous_api, f"{anonymous_api.path}.json", basic(f"{username}:{api.auth_token}")) == INVALID_USERNAME
    )


@pytest.mark.parametrize("password", ["", "wrong", "FEEDFACE" * 4, "é", "feedface" * 4 + " "])
def test_wrong_password_gets_an_authenticate_error(anonymous_api: Api, password: str) -> None:
    assert (
        refusal(anonymous_api, f"{anonymous_api.path}.json", basic(f"{anonymous_api.account_sid}:{password}"))
        == AUTHENTICATE
    )


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("path", [".json", f"/{UNKNOWN_SID}.json", "/nonsense/nonsense.json", ".yaml", "/"])
def test_credentials_are_checked_first_for_every_method_and_path(anonymous_api: Api, method: str, path: str) -> None:
    assert refusal(anonymous_api, anonymous_api.path + path, None, method) == NO_CREDENTIALS


def test_account_sid_and_auth_token_authenticate_for_the_accounts_paths(api: Api) -> None:
    assert api.list().status_code == 200


def test_authentication_scheme_is_case_insensitive(api: Api, anonymous_api: Api) -> None:
    encoded = basic(f"{api.account_sid}:{api.auth_token}").removeprefix("Basic ")

    answers = [
        anonymous_api.request("GET", f"{api.path}.json", headers={"Authorization": f"{scheme} {encoded}"})
        for scheme in ("Basic", "basic", "BASIC")
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 200]


def test_unknown_account_is_refused_with_the_same_error_as_an_unrelated_account(
    anonymous_api: Api, api: Api, seeded: SeededAccounts
) -> None:
    mine = basic(f"{api.account_sid}:{api.auth_token}")
    paths = [f"/2010-04-01/Accounts/{UNKNOWN_ACCOUNT}/OutgoingCallerIds", seeded.stranger.path]

    answers = [anonymous_api.request("GET", f"{path}.json", headers={"Authorization": mine}) for path in paths]

    assert [error_of(answer).message for answer in answers] == [AUTHENTICATE, AUTHENTICATE]
    assert answers[0].content == answers[1].content


def test_request_for_an_unknown_account_never_gets_a_404(anonymous_api: Api, api: Api) -> None:
    mine = basic(f"{api.account_sid}:{api.auth_token}")

    for account in (UNKNOWN_ACCOUNT, "nonsense", api.account_sid.lower()):
        path = f"/2010-04-01/Accounts/{account}/OutgoingCallerIds/{UNKNOWN_SID}.json"
        assert refusal(anonymous_api, path, mine) == AUTHENTICATE


def test_api_key_and_secret_authenticate_like_the_token(contract_url: str, seeded: SeededAccounts) -> None:
    assert statuses(contract_url, seeded.parent, PARENT_KEY) == [200]


def test_api_key_with_a_wrong_secret_gets_an_authenticate_error(anonymous_api: Api, seeded: SeededAccounts) -> None:
    path = f"{seeded.parent.path}.json"

    for secret in ("", "wrong", SUB_KEY[1], "contract-parent-token"):
        assert refusal(anonymous_api, path, basic(f"{PARENT_KEY[0]}:{secret}")) == AUTHENTICATE


def test_credentials_of_a_parent_are_valid_for_its_subaccount(contract_url: str, seeded: SeededAccounts) -> None:
    parent = (seeded.parent.account_sid, seeded.parent.auth_token)

    assert statuses(contract_url, seeded.sub, parent, PARENT_KEY, SUB_KEY) == [200, 200, 200]


def test_parent_can_read_the_resources_of_its_subaccount(contract_url: str, seeded: SeededAccounts) -> None:
    parent = seeded.parent
    with Api(contract_url, seeded.sub.account_sid, parent.auth_token, username=parent.account_sid) as client:
        rows = records(client.list())
        request = client.validate(SILENT_NUMBER).json()

    assert {row["account_sid"] for row in rows} == {seeded.sub.account_sid}
    assert all(row["uri"].startswith(seeded.sub.path) for row in rows)
    assert request["account_sid"] == seeded.sub.account_sid


def test_credentials_of_a_subaccount_are_invalid_for_its_parent(anonymous_api: Api, seeded: SeededAccounts) -> None:
    path = f"{seeded.parent.path}.json"

    for username, password in ((seeded.sub.account_sid, seeded.sub.auth_token), SUB_KEY):
        assert refusal(anonymous_api, path, basic(f"{username}:{password}")) == AUTHENTICATE


def test_credentials_of_an_unrelated_account_get_an_authenticate_error(
    anonymous_api: Api, seeded: SeededAccounts
) -> None:
    stranger = basic(f"{seeded.stranger.account_sid}:{seeded.stranger.auth_token}")

    for account in (seeded.parent, seeded.sub, anonymous_api):
        assert refusal(anonymous_api, f"{account.path}.json", stranger) == AUTHENTICATE


def test_suspended_or_closed_account_gets_an_authenticate_error(anonymous_api: Api, seeded: SeededAccounts) -> None:
    for account in (seeded.suspended, seeded.closed, seeded.suspended_sub):
        own = basic(f"{account.account_sid}:{account.auth_token}")
        assert refusal(anonymous_api, f"{account.path}.json", own) == AUTHENTICATE


def test_suspended_subaccount_is_also_refused_with_its_parents_credentials(
    anonymous_api: Api, seeded: SeededAccounts
) -> None:
    parent = basic(f"{seeded.parent.account_sid}:{seeded.parent.auth_token}")

    assert refusal(anonymous_api, f"{seeded.suspended_sub.path}.json", parent) == AUTHENTICATE


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_caller_id_of_an_account_is_not_found_in_other_accounts(seeded: SeededAccounts, method: str) -> None:
    for owner, asking in ((seeded.sub, seeded.parent), (seeded.parent, seeded.sub), (seeded.parent, seeded.stranger)):
        theirs = records(owner.list())[0]
        answer = asking.request(method, asking.instance_path(theirs), data={"FriendlyName": "taken"})
        assert (answer.status_code, error_of(answer).code) == (404, 20404)
        assert owner.fetch(theirs).json() == theirs


def test_failed_authentication_does_not_lock_an_account(api: Api, anonymous_api: Api) -> None:
    wrong = basic(f"{api.account_sid}:wrong")

    answers = [anonymous_api.request("GET", f"{api.path}.json", headers={"Authorization": wrong}) for _ in range(100)]

    assert {answer.status_code for answer in answers} == {401}
    assert api.list(PageSize=1).status_code == 200


def test_requests_are_not_rate_limited(api: Api) -> None:
    assert {api.list(PageSize=1).status_code for _ in range(150)} == {200}
