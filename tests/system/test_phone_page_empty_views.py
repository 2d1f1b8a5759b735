"""The phone page: empty views link to inboxes, accounts and pages that have something to show."""

import re
from contextlib import closing

import pytest
from playwright.sync_api import expect

from support.pages.phone_page import MANUAL, PhonePage, Visited

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.xdist_group("browser")]

NUMBER, WRITTEN = "+442079460958", "+44 20 7946 0958"


def send(account: Visited, inbox: str, times: int = 1, **options: object) -> None:
    for _ in range(times):
        account.http.post(account.inbox(inbox), **options).raise_for_status()  # type: ignore[arg-type]


def delete_other_accounts(account: Visited) -> None:
    """Delete the accounts of earlier tests, whose phones may still ring."""
    for other in account.http.get("/_ringback/accounts").json()["accounts"]:
        if other["sid"] != account.sid:
            account.http.delete(f"/_ringback/accounts/{other['sid']}").raise_for_status()


def test_inbox_with_messages_is_listed_and_shown(phone_page: PhonePage, account: Visited) -> None:
    send(account, "older")
    send(account, "verified%2Fby%20phone", 3)

    phone_page.show("Inbox")

    inboxes = phone_page.page.get_by_role("region", name="Inboxes")
    expect(inboxes.get_by_role("link", name="older")).to_contain_text("1 message")
    expect(inboxes.get_by_role("link", name="verified%2Fby phone")).to_contain_text("3 messages")
    expect(phone_page.page.get_by_role("region", name="Messages").locator(".attempt")).to_have_count(3)
    expect(phone_page.page.get_by_role("main")).not_to_contain_text(re.compile("nothing|none yet", re.IGNORECASE))


def test_selected_inbox_is_in_the_url(phone_page: PhonePage, account: Visited) -> None:
    send(account, "first", 2)
    send(account, "two%20%26%20more")
    phone_page.show("Inbox")
    messages = phone_page.page.get_by_role("region", name="Messages")
    expect(messages.get_by_role("heading", name="two & more")).to_be_visible()
    expect(phone_page.page).to_have_url(re.compile("#/inbox/two%20%26%20more$"))

    phone_page.page.get_by_role("region", name="Inboxes").get_by_role("link", name="first").click()
    expect(phone_page.page).to_have_url(re.compile("#/inbox/first$"))
    expect(messages.locator(".attempt")).to_have_count(2)
    phone_page.page.reload()

    expect(messages.get_by_role("heading", name="first")).to_be_visible()
    phone_page.page.go_back()
    expect(messages.get_by_role("heading", name="two & more")).to_be_visible()


def test_empty_inbox_shows_that_other_inboxes_have_messages(phone_page: PhonePage, account: Visited) -> None:
    send(account, "verified", 46)

    phone_page.open("inbox/phone-page")

    messages = phone_page.page.get_by_role("region", name="Messages")
    expect(messages).to_contain_text("This inbox has no messages. Choose another inbox from the list.")
    expect(phone_page.page.get_by_role("link", name="verified")).to_contain_text("46 messages")


def test_inbox_of_a_call_is_listed_before_its_first_message(phone_page: PhonePage, account: Visited) -> None:
    account.validate(MANUAL, StatusCallback=account.inbox("later"))

    phone_page.show("Inbox")

    expect(phone_page.page.get_by_role("link", name="later")).to_contain_text("0 messages")


def test_message_without_parameters_shows_its_body(phone_page: PhonePage, account: Visited) -> None:
    send(account, "json", json={"hello": "body"})
    phone_page.open("inbox/json")

    phone_page.page.locator(".attempt summary").click()

    expect(phone_page.page.locator(".attempt pre")).to_have_text('{"hello":"body"}')


def test_hidden_messages_are_counted(phone_page: PhonePage, account: Visited) -> None:
    send(account, "many", 201)

    phone_page.open("inbox/many")

    expect(phone_page.page.get_by_role("region", name="Messages")).to_contain_text("The newest 200 of 201 messages")


def test_script_of_a_number_without_a_rule_is_listed(phone_page: PhonePage, account: Visited) -> None:
    account.control("POST", f"/phones/{NUMBER}/script", ["busy", "manual"])

    phone_page.show("Phones")

    row = phone_page.page.get_by_role("region", name="Phones with a rule or a script").locator("tr", has_text=WRITTEN)
    expect(row).to_contain_text("busy, manual")


def test_phone_that_rings_in_another_account_is_announced(phone_page: PhonePage, account: Visited) -> None:
    delete_other_accounts(account)
    expect(phone_page.page.get_by_role("banner").get_by_role("button")).to_have_count(0)
    with closing(Visited.new(account.server, "Acme")) as other:
        expect(phone_page.page.get_by_role("heading", name="The phone on your desk, for tests")).to_be_visible()
        other.validate(MANUAL)

        notice = phone_page.page.get_by_role("banner").get_by_role("button", name="Ringing in Acme")
        expect(notice).to_be_visible()
        expect(phone_page.page.get_by_role("status")).to_contain_text("A phone is ringing in the account Acme.")
        account.validate("+15005550014")
        expect(phone_page.page.get_by_role("heading", name="No phone is ringing in this account")).to_be_visible()
        notice.click()

        expect(phone_page.button("Answer")).to_be_visible()
        expect(phone_page.page).to_have_url(re.compile(other.sid))
        expect(notice).to_be_hidden()


def test_phone_is_announced_if_its_call_is_older_than_the_listed_ones(phone_page: PhonePage, account: Visited) -> None:
    account.validate(MANUAL)
    account.control("PUT", "/phones/default", {"behavior": "unreachable"})
    ended = [account.validate(NUMBER)["call_sid"] for _ in range(500)]
    account.wait_for("call.ended", ended[-1])

    phone_page.page.reload()

    expect(phone_page.page.get_by_role("heading", name="A phone is ringing for an older call")).to_be_visible()
    phone_page.page.get_by_role("region", name="A phone is ringing for an older call").get_by_role("button").click()
    expect(phone_page.button("Answer")).to_be_visible()


def test_older_call_can_be_shown(phone_page: PhonePage, account: Visited) -> None:
    account.control("PUT", "/clock", {"mode": "frozen"})
    oldest = account.validate(NUMBER, CallDelay="60")["call_sid"]
    for number in range(500):
        account.validate(f"+1415555{number:04}", CallDelay="60")

    phone_page.open(f"calls/{oldest}")

    expect(phone_page.trace).to_contain_text("This call is not among the newest 500 calls, which this page shows.")
    phone_page.trace.get_by_role("button", name="Show older calls").click()
    expect(phone_page.trace.get_by_role("heading", name=WRITTEN)).to_be_visible()
