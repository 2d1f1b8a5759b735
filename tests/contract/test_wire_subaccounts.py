"""The list of accounts, and the creation, renaming, suspension and closing of subaccounts.

Rules: docs/fidelity.md, Account.
"""

import csv
import io
import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from lxml import etree

from support.wire.api import Api, draw_name, draw_number, error_of
from support.wire.calls import account_path
from support.wire.openapi import field_names
from support.wire.rows import SeededAccounts

ACCOUNTS = "/2010-04-01/Accounts"
SUFFIXES = {"": "application/xml", ".xml": "application/xml", ".json": "application/json", ".csv": "text/csv"}

Update = Callable[..., httpx.Response]


def page_of(api: Api, **query: str) -> dict[str, Any]:
    answer = api.request("GET", f"{ACCOUNTS}.json", params=query)
    assert answer.status_code == httpx.codes.OK
    page: dict[str, Any] = answer.json()
    return page


def sids(api: Api, **query: str) -> list[str]:
    return [account["sid"] for account in page_of(api, **query)["accounts"]]


def create(api: Api, **form: str) -> Api:
    """Create a subaccount, and return a client with its credentials."""
    answer = api.request("POST", f"{ACCOUNTS}.json", data=form)
    assert answer.status_code == httpx.codes.CREATED
    account = answer.json()
    return Api(api.base_url, account["sid"], account["auth_token"])


def update(api: Api, account: Api, **form: str) -> httpx.Response:
    return api.request("POST", f"{account_path(account)}.json", data=form)


def test_list_of_accounts_contains_the_account_and_its_subaccounts(seeded: SeededAccounts) -> None:
    rows = page_of(seeded.parent)["accounts"]

    assert {row["sid"] for row in rows} == {
        api.account_sid for api in (seeded.parent, seeded.sub, seeded.suspended_sub)
    }
    assert [list(row) for row in rows] == [field_names("api.v2010.account")] * 3
    assert [seeded.parent.request("GET", row["uri"]).json() for row in rows] == rows


def test_subaccount_of_a_trial_account_is_a_trial_account(seeded: SeededAccounts) -> None:
    with create(seeded.trial) as subaccount:
        answer = subaccount.request("POST", f"{subaccount.path}.json", data={"PhoneNumber": draw_number()})

        assert error_of(answer).code == 10002
        assert subaccount.request("GET", f"{account_path(subaccount)}.json").json()["type"] == "Trial"


def test_list_of_accounts_with_a_subaccounts_credentials_contains_only_the_subaccount(seeded: SeededAccounts) -> None:
    assert sids(seeded.sub) == [seeded.sub.account_sid]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"Status": "suspended"}, ["suspended_sub"]),
        ({"Status": "active"}, ["sub", "parent"]),
        ({"Status": "closed"}, []),
        ({"Status": "Active"}, []),
        ({"FriendlyName": "contract subaccount"}, ["sub"]),
        ({"FriendlyName": "contract"}, []),
        ({"FriendlyName": "contract subaccount", "Status": "suspended"}, []),
    ],
)
def test_accounts_are_filtered(seeded: SeededAccounts, query: dict[str, str], names: list[str]) -> None:
    assert sids(seeded.parent, **query) == [getattr(seeded, name).account_sid for name in names]


def test_accounts_are_listed_newest_first_across_pages(seeded: SeededAccounts) -> None:
    name = draw_name()
    created = [create(seeded.stranger, FriendlyName=name).account_sid for _ in range(3)]
    first = seeded.stranger.request("GET", f"{ACCOUNTS}.json", params={"FriendlyName": name, "PageSize": "2"})

    pages = [page.json() for page in seeded.stranger.pages(first)]

    assert [[row["sid"] for row in page["accounts"]] for page in pages] == [created[:0:-1], created[:1]]
    filters = f"FriendlyName={name.replace(' ', '%20')}"
    assert pages[0]["first_page_uri"] == f"{ACCOUNTS}.json?{filters}&Page=0&PageSize=2"
    assert pages[1]["previous_page_uri"].startswith(f"{ACCOUNTS}.json?{filters}&PageSize=2&Page=0&PageToken=PBAC")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_suffix_selects_the_representation_of_the_accounts(seeded: SeededAccounts, suffix: str) -> None:
    answer = seeded.sub.request("GET", ACCOUNTS + suffix)

    assert (answer.status_code, answer.headers["content-type"]) == (200, SUFFIXES[suffix])


def test_accounts_have_one_element_each_in_xml_and_one_row_each_in_csv(seeded: SeededAccounts) -> None:
    sid = seeded.sub.account_sid

    [page] = etree.fromstring(seeded.sub.request("GET", ACCOUNTS).content)
    header, row = csv.reader(io.StringIO(seeded.sub.request("GET", f"{ACCOUNTS}.csv").text))

    assert (page.tag, page.get("firstpageuri")) == ("Accounts", f"{ACCOUNTS}?Page=0&PageSize=50")
    assert [(account.tag, account.findtext("Sid")) for account in page] == [("Account", sid)]
    assert row[header.index("Sid")] == sid


def test_created_subaccount_has_separate_credentials(seeded: SeededAccounts) -> None:
    name = draw_name()
    answer = seeded.stranger.request("POST", f"{ACCOUNTS}.json", data={"FriendlyName": name})

    account = answer.json()
    assert answer.status_code == 201
    assert (account["friendly_name"], account["status"], account["type"]) == (name, "active", "Full")
    assert account["owner_account_sid"] == seeded.stranger.account_sid
    assert re.fullmatch("[0-9a-f]{32}", account["auth_token"])
    with Api(seeded.parent.base_url, account["sid"], account["auth_token"]) as client:
        assert client.request("GET", account["uri"]).json() == account
        assert client.list().json()["outgoing_caller_ids"] == []
        assert client.validate(draw_number(), CallDelay=60).status_code == httpx.codes.OK


def test_subaccount_without_a_name_is_named_after_its_creation_time(seeded: SeededAccounts) -> None:
    with create(seeded.stranger) as sub:
        account = sub.request("GET", f"{account_path(sub)}.json").json()

    assert re.fullmatch(r"SubAccount Created at \d{4}-\d\d-\d\d \d\d:\d\d [AP]M", account["friendly_name"])


def test_subaccount_is_created_in_xml(seeded: SeededAccounts) -> None:
    answer = seeded.stranger.request("POST", ACCOUNTS, data={"FriendlyName": "in XML"})

    assert answer.status_code == 201
    assert etree.fromstring(answer.content).findtext("Account/FriendlyName") == "in XML"


def test_subaccount_cannot_have_subaccounts(seeded: SeededAccounts) -> None:
    error = error_of(seeded.sub.request("POST", f"{ACCOUNTS}.json", data={"FriendlyName": "nested"}))

    assert (error.status, error.code, error.message) == (400, 21101, "Subaccounts cannot contain subaccounts")


@pytest.mark.parametrize("name", ["", "x" * 65, "\x01"])
def test_invalid_account_name_gets_20002(seeded: SeededAccounts, name: str) -> None:
    created = seeded.stranger.request("POST", f"{ACCOUNTS}.json", data={"FriendlyName": name})
    renamed = update(seeded.stranger, seeded.stranger, FriendlyName=name)

    assert [(error_of(answer).status, error_of(answer).code) for answer in (created, renamed)] == [(400, 20002)] * 2


def test_account_can_be_renamed_with_its_own_and_its_parents_credentials(seeded: SeededAccounts) -> None:
    names = [draw_name(), draw_name(), draw_name()]
    with create(seeded.stranger) as sub:
        answers = [
            update(seeded.stranger, sub, FriendlyName=names[0]),
            update(sub, sub, FriendlyName=names[1]),
            update(sub, sub),
        ]

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert [answer.json()["friendly_name"] for answer in answers] == [names[0], names[1], names[1]]
    own = update(seeded.stranger, seeded.stranger, FriendlyName=names[2]).json()
    assert (own["sid"], own["friendly_name"]) == (seeded.stranger.account_sid, names[2])


def test_suspended_subaccount_can_be_read_only_by_its_parent_until_it_is_active_again(seeded: SeededAccounts) -> None:
    parent = seeded.stranger
    with create(parent) as sub:
        suspended = update(parent, sub, Status="suspended")
        refused = [sub.list().status_code, parent.request("GET", f"{sub.path}.json").status_code]
        shown = parent.request("GET", f"{account_path(sub)}.json").json()
        activated = update(parent, sub, Status="active")

        assert [answer.json()["status"] for answer in (suspended, activated)] == ["suspended", "active"]
        assert (refused, shown["status"]) == ([401, 401], "suspended")
        assert sub.list().status_code == httpx.codes.OK


def test_closed_subaccount_is_listed_and_cannot_be_reopened(seeded: SeededAccounts) -> None:
    parent, name = seeded.stranger, draw_name()
    with create(parent, FriendlyName=name) as sub:
        closed = update(parent, sub, Status="closed", FriendlyName=f"{name} closed")
        errors = [error_of(update(parent, sub, Status=status)) for status in ("active", "suspended", "closed")]

        assert (closed.status_code, closed.json()["status"]) == (200, "closed")
        assert sids(parent, FriendlyName=f"{name} closed", Status="closed") == [sub.account_sid]
        assert {(error.status, error.code) for error in errors} == {(400, 21479)}
        assert errors[0].message == (
            "Unable to update Status for subaccount, subaccount is closed and can not be re-opened."
        )
        assert update(parent, sub, FriendlyName=name).json()["friendly_name"] == name


@pytest.mark.parametrize("status", ["active", "suspended", "closed"])
def test_status_of_a_main_account_cannot_be_updated(seeded: SeededAccounts, status: str) -> None:
    error = error_of(update(seeded.parent, seeded.parent, Status=status))

    assert (error.status, error.code) == (400, 21477)
    assert error.message == (
        "Unable to update Status for parent accounts, status updates restricted to subaccounts only"
    )


@pytest.mark.parametrize("status", ["", "Active", "deleted", "2"])
def test_unknown_status_gets_21475(seeded: SeededAccounts, status: str) -> None:
    error = error_of(update(seeded.parent, seeded.sub, Status=status))

    assert (error.status, error.code, error.message) == (400, 21475, "Unable to update Status, invalid Status.")


def test_status_1_means_active(seeded: SeededAccounts) -> None:
    assert update(seeded.parent, seeded.sub, Status="1").json()["status"] == "active"


def test_subaccount_cannot_update_its_status(seeded: SeededAccounts) -> None:
    error = error_of(update(seeded.sub, seeded.sub, Status="suspended"))

    assert (error.status, error.code) == (401, 20003)
    assert seeded.sub.list().status_code == httpx.codes.OK


def test_accounts_require_credentials(anonymous_api: Api, seeded: SeededAccounts) -> None:
    answers = [anonymous_api.request(method, f"{ACCOUNTS}.json") for method in ("GET", "POST", "DELETE")]
    answers.append(seeded.suspended.request("GET", f"{ACCOUNTS}.json"))
    answers.append(update(seeded.stranger, seeded.sub, FriendlyName="mine"))

    assert [(error_of(answer).status, error_of(answer).code) for answer in answers] == [(401, 20003)] * 5


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_list_of_accounts_allows_only_get_head_options_and_post(seeded: SeededAccounts, method: str) -> None:
    answer = seeded.parent.request(method, f"{ACCOUNTS}.json")

    assert (answer.status_code, error_of(answer).code) == (405, 20004)
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS, POST"


@pytest.mark.parametrize("path", [".yaml", "/", ".json/"])
def test_list_of_accounts_with_an_unknown_suffix_is_not_found(seeded: SeededAccounts, path: str) -> None:
    answer = seeded.parent.request("GET", ACCOUNTS + path)

    assert answer.status_code in {401, 404}
    assert error_of(answer).code in {20003, 20404}
