"""Access with standard, main and restricted API keys. Rules: docs/fidelity.md, authentication."""

from collections.abc import Iterator

import httpx
import pytest

from support.wire.api import UNKNOWN_SID, Api, error_of, records
from support.wire.calls import UNKNOWN_CALL_SID, account_path
from support.wire.rows import SeededAccounts

STANDARD_KEY = ("SKc0000000000000000000000000000001", "contract-parent-secret")
MAIN_KEY = ("SKc0000000000000000000000000000003", "contract-main-secret")
LISTING_KEY = ("SKc0000000000000000000000000000004", "contract-list-secret")
"""A restricted key that may list caller IDs and has all permissions for calls."""
CALLER_IDS = "twilio/voice/outgoing-caller-ids"


def client_of(contract_url: str, account: Api, key: tuple[str, str]) -> Api:
    username, secret = key
    return Api(contract_url, account.account_sid, secret, username=username)


@pytest.fixture
def standard(contract_url: str, seeded: SeededAccounts) -> Iterator[Api]:
    with client_of(contract_url, seeded.parent, STANDARD_KEY) as client:
        yield client


@pytest.fixture
def restricted(contract_url: str, seeded: SeededAccounts) -> Iterator[Api]:
    with client_of(contract_url, seeded.parent, LISTING_KEY) as client:
        yield client


def refusal(answer: httpx.Response) -> tuple[int, int, str]:
    error = error_of(answer)
    return error.status, error.code, error.message


def missing(permission: str) -> tuple[int, int, str]:
    return 401, 70051, f"Authorization Error: required permission {permission} is missing"


@pytest.mark.parametrize("suffix", ["", ".json", ".csv"])
def test_account_cannot_be_read_with_a_standard_key(standard: Api, suffix: str) -> None:
    answer = standard.request("GET", account_path(standard) + suffix)

    assert refusal(answer) == (401, 20003, "Authenticate")
    assert answer.headers["www-authenticate"] == 'Basic realm="Twilio API"'


def test_subaccount_cannot_be_read_with_a_standard_key(contract_url: str, seeded: SeededAccounts) -> None:
    with client_of(contract_url, seeded.sub, STANDARD_KEY) as client:
        answer = client.request("GET", f"{account_path(client)}.json")
        listed = client.list()

    assert refusal(answer) == (401, 20003, "Authenticate")
    assert listed.status_code == 200


def test_standard_key_cannot_list_create_or_update_accounts(standard: Api) -> None:
    answers = [
        standard.request("GET", "/2010-04-01/Accounts.json"),
        standard.request("POST", "/2010-04-01/Accounts.json", data={"FriendlyName": "sub"}),
        standard.request("POST", f"{account_path(standard)}.json", data={"FriendlyName": "another"}),
    ]

    assert [refusal(answer) for answer in answers] == [(401, 20003, "Authenticate")] * 3
    assert standard.request("GET", f"{account_path(standard)}/IncomingPhoneNumbers.json").status_code == 200


def test_main_key_can_list_the_account_and_its_subaccounts(contract_url: str, seeded: SeededAccounts) -> None:
    with client_of(contract_url, seeded.parent, MAIN_KEY) as client:
        answer = client.request("GET", "/2010-04-01/Accounts.json")

    assert seeded.sub.account_sid in [account["sid"] for account in answer.json()["accounts"]]


def test_restricted_key_needs_permissions_for_accounts_and_owned_numbers(restricted: Api) -> None:
    accounts = restricted.request("GET", "/2010-04-01/Accounts.json")
    numbers = restricted.request("GET", f"{account_path(restricted)}/IncomingPhoneNumbers.json")

    assert refusal(accounts) == missing("twilio/iam/accounts/list")
    assert refusal(numbers) == missing("twilio/phone-numbers/incoming-phone-numbers/list")


def test_standard_key_gives_access_to_caller_ids_and_calls(standard: Api) -> None:
    row = records(standard.list())[0]

    answers = [
        standard.fetch(row),
        standard.update(UNKNOWN_SID, FriendlyName="another"),
        standard.delete(UNKNOWN_SID),
        standard.validate("not-a-number"),
        standard.request("GET", f"{account_path(standard)}/Calls.json"),
        standard.request("GET", f"{account_path(standard)}/Calls/{UNKNOWN_CALL_SID}.json"),
    ]

    assert [answer.status_code for answer in answers] == [200, 404, 404, 400, 200, 404]


def test_restricted_key_gives_access_according_to_its_permissions(restricted: Api) -> None:
    answers = [
        restricted.list(),
        restricted.list(""),
        restricted.request("HEAD", f"{restricted.path}.json"),
        restricted.request("GET", f"{account_path(restricted)}/Calls.json"),
        restricted.request("GET", f"{account_path(restricted)}/Calls/{UNKNOWN_CALL_SID}.json"),
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 404]


def test_error_names_the_permission_that_a_restricted_key_lacks(restricted: Api) -> None:
    row = records(restricted.list())[0]

    refusals = [
        refusal(answer)
        for answer in (
            restricted.validate("+14158675309"),
            restricted.fetch(row),
            restricted.update(row, FriendlyName="another"),
            restricted.delete(row),
            restricted.request("GET", f"{account_path(restricted)}.json"),
        )
    ]

    assert refusals == [
        missing(f"{CALLER_IDS}/create"),
        missing(f"{CALLER_IDS}/read"),
        missing(f"{CALLER_IDS}/update"),
        missing(f"{CALLER_IDS}/delete"),
        missing("twilio/iam/accounts/read"),
    ]
    assert records(restricted.list())[0] == row


@pytest.mark.parametrize("suffix", ["", ".json", ".csv"])
def test_missing_permission_error_has_the_requested_representation(restricted: Api, suffix: str) -> None:
    answer = restricted.fetch(UNKNOWN_SID, suffix)

    assert refusal(answer) == missing(f"{CALLER_IDS}/read")


def test_restricted_key_gets_405_and_404_before_its_permissions_are_checked(restricted: Api) -> None:
    path = account_path(restricted)

    assert refusal(restricted.request("PATCH", f"{restricted.path}.json"))[:2] == (405, 20004)
    assert refusal(restricted.request("GET", f"{path}/Nowhere.json"))[:2] == (404, 20404)


@pytest.mark.parametrize("key", [STANDARD_KEY, MAIN_KEY, LISTING_KEY])
@pytest.mark.parametrize("suffix", ["", ".json"])
def test_key_sid_in_place_of_an_account_sid_in_the_path_gets_90002(
    contract_url: str, seeded: SeededAccounts, key: tuple[str, str], suffix: str
) -> None:
    with client_of(contract_url, seeded.parent, key) as client:
        answers = [
            client.request("GET", f"/2010-04-01/Accounts/{key[0]}{path}{suffix}") for path in ("", "/OutgoingCallerIds")
        ]

    assert {refusal(answer) for answer in answers} == {(400, 90002, f"AccountSid {key[0]} is invalid")}


def test_key_sid_in_place_of_an_account_sid_with_a_wrong_secret_gets_an_authenticate_error(
    contract_url: str, seeded: SeededAccounts
) -> None:
    with client_of(contract_url, seeded.parent, (STANDARD_KEY[0], "wrong")) as client:
        answer = client.request("GET", f"/2010-04-01/Accounts/{STANDARD_KEY[0]}/OutgoingCallerIds.json")

    assert refusal(answer) == (401, 20003, "Authenticate")
