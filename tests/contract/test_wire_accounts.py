"""The account resource. Rules: docs/fidelity.md, Account."""

import csv
import io

import pytest
from lxml import etree

from support.wire.api import XML_DECLARATION, Api, error_of
from support.wire.calls import account_path
from support.wire.openapi import field_names
from support.wire.rows import SeededAccounts
from support.wire.sockets import RawConnection

SUFFIXES = {"": "application/xml", ".xml": "application/xml", ".json": "application/json", ".csv": "text/csv"}
ELEMENTS = [
    *("AuthToken", "DateCreated", "DateUpdated", "FriendlyName", "OwnerAccountSid"),
    *("Sid", "Status", "SubresourceUris", "Type", "Uri"),
]
MAIN_KEY = ("SKc0000000000000000000000000000003", "contract-main-secret")


def test_account_in_json_has_the_fields_of_the_openapi_description_in_order(seeded: SeededAccounts) -> None:
    path = account_path(seeded.parent)

    account = seeded.parent.request("GET", f"{path}.json").json()

    assert list(account) == field_names("api.v2010.account")
    assert account == {
        "auth_token": seeded.parent.auth_token,
        "date_created": account["date_created"],
        "date_updated": account["date_updated"],
        "friendly_name": "contract parent",
        "owner_account_sid": seeded.parent.account_sid,
        "sid": seeded.parent.account_sid,
        "status": "active",
        "subresource_uris": {
            "calls": f"{path}/Calls.json",
            "incoming_phone_numbers": f"{path}/IncomingPhoneNumbers.json",
            "outgoing_caller_ids": f"{path}/OutgoingCallerIds.json",
        },
        "type": "Full",
        "uri": f"{path}.json",
    }


def test_subaccount_has_its_parent_as_owner(seeded: SeededAccounts) -> None:
    account = seeded.sub.request("GET", f"{account_path(seeded.sub)}.json").json()

    assert (account["sid"], account["owner_account_sid"]) == (seeded.sub.account_sid, seeded.parent.account_sid)


@pytest.mark.parametrize("suffix", ["", ".xml"])
def test_account_in_xml_has_its_subresources_as_elements(api: Api, suffix: str) -> None:
    path = account_path(api)

    answer = api.request("GET", path + suffix)

    [account] = etree.fromstring(answer.content)
    uris = account.find("SubresourceUris")
    assert answer.content.startswith(XML_DECLARATION + b"<TwilioResponse><Account><AuthToken>")
    assert [element.tag for element in account] == ELEMENTS
    assert uris is not None
    assert [(element.tag, element.text) for element in uris] == [
        ("Calls", f"{path}/Calls"),
        ("IncomingPhoneNumbers", f"{path}/IncomingPhoneNumbers"),
        ("OutgoingCallerIds", f"{path}/OutgoingCallerIds"),
    ]
    assert account.findtext("Uri") == path


def test_account_in_csv_is_one_row_without_its_subresources(seeded: SeededAccounts) -> None:
    answer = seeded.parent.request("GET", f"{account_path(seeded.parent)}.csv")

    header, row = csv.reader(io.StringIO(answer.text))
    assert header == [name for name in ELEMENTS if name != "SubresourceUris"]
    assert dict(zip(header, row, strict=True))["FriendlyName"] == "contract parent"


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_suffix_selects_the_representation_of_an_account(api: Api, suffix: str) -> None:
    answer = api.request("GET", account_path(api) + suffix)

    assert (answer.status_code, answer.headers["content-type"]) == (200, SUFFIXES[suffix])


@pytest.mark.parametrize("suffix", ["", ".json"])
def test_uris_in_an_account_refer_to_existing_resources(api: Api, suffix: str) -> None:
    answer = api.request("GET", account_path(api) + suffix)

    if suffix:
        uris = [answer.json()["uri"], *answer.json()["subresource_uris"].values()]
    else:
        uris = [
            element.text
            for element in etree.fromstring(answer.content).iter(
                "Uri", "Calls", "IncomingPhoneNumbers", "OutgoingCallerIds"
            )
        ]
    assert len(uris) == 4
    assert [api.request("GET", uri).status_code for uri in uris] == [200] * 4


@pytest.mark.parametrize("suffix", [".JSON", ".yaml", ".json.xml", ".", "/", "//"])
def test_account_with_an_unknown_suffix_is_not_found(api: Api, suffix: str) -> None:
    answer = api.request("GET", account_path(api) + suffix)

    assert (answer.status_code, error_of(answer).code) == (404, 20404)


@pytest.mark.parametrize("suffix", ["", ".json", ".csv"])
@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_account_allows_only_get_and_post(api: Api, method: str, suffix: str) -> None:
    answer = api.request(method, account_path(api) + suffix, data={"FriendlyName": "another"})

    error = error_of(answer)
    assert (error.status, error.code, error.message) == (405, 20004, "Method not allowed")
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS, POST"


@pytest.mark.parametrize("suffix", ["", ".json", ".csv"])
def test_head_request_for_an_account_gets_the_headers_of_get_without_a_body(api: Api, suffix: str) -> None:
    with RawConnection(api) as connection:
        head, get = (connection.ask(method, account_path(api) + suffix) for method in ("HEAD", "GET"))

    assert (head.status, head.body) == (200, b"")
    assert [head.header(name) for name in ("content-type", "content-length")] == [
        get.header(name) for name in ("content-type", "content-length")
    ]
    assert get.header("content-length") == str(len(get.body))


@pytest.mark.parametrize(
    ("opens", "path_of", "status"),
    [("parent", "sub", 200), ("sub", "parent", 401), ("stranger", "sub", 401), ("parent", "suspended_sub", 200)],
)
def test_account_can_be_fetched_with_its_own_and_its_parents_credentials(
    seeded: SeededAccounts, opens: str, path_of: str, status: int
) -> None:
    who, whose = getattr(seeded, opens), getattr(seeded, path_of)

    answer = who.request("GET", f"{account_path(whose)}.json")

    assert answer.status_code == status
    assert status != 200 or answer.json()["sid"] == whose.account_sid


def test_account_can_be_read_with_a_main_key(contract_url: str, seeded: SeededAccounts) -> None:
    username, password = MAIN_KEY
    with Api(contract_url, seeded.parent.account_sid, password, username=username) as client:
        answer = client.request("GET", f"{account_path(client)}.json")

    assert (answer.status_code, answer.json()["auth_token"]) == (200, seeded.parent.auth_token)


@pytest.mark.parametrize("suffix", ["", ".json", ".csv", ".yaml", "/"])
def test_account_requires_credentials(anonymous_api: Api, suffix: str) -> None:
    answer = anonymous_api.request("GET", account_path(anonymous_api) + suffix)

    assert (answer.status_code, error_of(answer).code) == (401, 20003)


@pytest.mark.parametrize("other", ["AC" + "f" * 32, "AC1", "nonsense", "%2e", ".json"])
def test_unknown_account_gets_the_same_response_as_an_unrelated_account(api: Api, other: str) -> None:
    answer = api.request("GET", f"/2010-04-01/Accounts/{other}.json")

    assert (answer.status_code, error_of(answer).message) == (401, "Authenticate")
