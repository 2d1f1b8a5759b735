"""The phone page and its server: files, control token, outages, resets and deleted accounts.

benchmarks/phone_page.py measures the time until an event is on the screen, and the smoothness of scrolling.
"""

import re
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from support.pages.chromium import new_context
from support.pages.phone_page import PhonePage, Visited
from support.servers.server import ACCOUNT_SID, ServerProcess, free_port

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.xdist_group("browser")]

MAX_BYTES, MAX_SENT_BYTES = 180_000, 75 * 1024
MANY = 500
TOKEN = "let-me-in"
STREAM = re.compile(r"/events/stream\?after=(\d+)")

LOADED = """() => ["navigation", "resource"].flatMap((type) => performance.getEntriesByType(type))
  .map(({ name, decodedBodySize, encodedBodySize }) => [name, decodedBodySize, encodedBodySize])"""

SCROLL = """() => {
  const list = document.querySelector(".verifications");
  list.scrollTop = list.scrollHeight;
  return list.scrollTop;
}"""


def test_phone_page_loads_only_files_of_the_server_and_is_small(browser: Browser, account: Visited) -> None:
    with closing(new_context(browser)) as nothing_cached:
        phone_page = PhonePage(nothing_cached.new_page(), account)
        phone_page.open()
        loaded: list[list[Any]] = phone_page.page.evaluate(LOADED)

    sizes = [size for name, size, _ in loaded if "/_ringback/" not in name]
    sent = [size for name, _, size in loaded if "/_ringback/" not in name]
    assert all(name.startswith(phone_page.account.server.base_url) for name, _, _ in loaded)
    assert len(sizes) > 20
    assert min(sizes) > 0
    assert sum(sizes) < MAX_BYTES
    assert sum(sent) < MAX_SENT_BYTES


def test_event_is_shown_without_polling(phone_page: PhonePage, account: Visited) -> None:
    account.control("PUT", "/phones/default", {"behavior": "manual"})
    phone_page.stop_polling()

    for last in range(3):
        account.validate(f"+1415555012{last}")
        expect(phone_page.phone(f"+1 415-555-012{last}")).to_be_visible()


def test_five_hundred_verifications_can_be_scrolled(phone_page: PhonePage, account: Visited) -> None:
    account.control("PUT", "/phones/default", {"behavior": "busy"})
    for number in range(MANY):
        account.validate(f"+1415{2_000_000 + number}")

    expect(phone_page.page.get_by_role("region", name="Verifications").get_by_role("listitem")).to_have_count(MANY)
    scrolled = phone_page.page.evaluate(SCROLL)

    assert scrolled > 10_000


def test_phone_page_requests_the_control_token_and_rejects_a_wrong_one(browser: Browser) -> None:
    with (
        ServerProcess(covered=False, control_token=TOKEN, prompt_timeout_seconds=60) as server,
        closing(Visited.new(server, token=TOKEN)) as account,
        closing(new_context(browser)) as context,
    ):
        page = context.new_page()
        page.goto(f"{server.base_url}/?account={account.sid}")
        token = page.get_by_label("Control token")
        expect(token).to_be_focused()
        token.fill("wrong")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert").filter(has_text="not the control token of the server")).to_be_visible()
        token.fill(TOKEN)
        page.keyboard.press("Enter")

        expect(page.get_by_text("Live", exact=True)).to_be_visible()
        account.validate()
        page.get_by_role("button", name="Answer").click()
        expect(page.get_by_role("group", name="Keypad")).to_be_focused()
        page.reload()
        expect(page.get_by_role("group", name="Keypad")).to_be_visible()


def test_phone_page_reports_an_unreachable_server_and_reconnects(browser: Browser, tmp_path: Path) -> None:
    streams: list[str] = []
    settings: dict[str, Any] = {"port": free_port(), "database_url": f"sqlite:///{tmp_path}/ringback.db"}
    with closing(new_context(browser)) as context:
        with ServerProcess(covered=False, **settings) as server, closing(Visited.new(server)) as account:
            phone_page = PhonePage(context.new_page(), account)
            page = phone_page.page
            page.on("request", lambda request: streams.extend(STREAM.findall(request.url)))
            phone_page.open()
            account.validate()
            expect(phone_page.button("Answer")).to_be_visible()
        expect(page.get_by_role("alert").filter(has_text="The server does not respond.")).to_be_visible()
        expect(page.get_by_text("Server unreachable", exact=True)).to_be_visible()

        with ServerProcess(covered=False, **settings) as server:
            path = f"/2010-04-01/Accounts/{account.sid}/OutgoingCallerIds.json"
            with server.client(account.sid, account.auth_token) as client:
                client.post(path, data={"PhoneNumber": "+15005550014"})

            expect(page.get_by_text("Live", exact=True)).to_be_visible()
            expect(phone_page.row("500-555-0014")).to_contain_text("Busy")
            phone_page.answer()
    assert int(streams[-1]) > int(streams[0]), "the page continues where it was"


def test_phone_page_switches_to_another_account_when_its_account_is_deleted(
    phone_page: PhonePage, account: Visited
) -> None:
    account.control("DELETE", "")

    expect(phone_page.page).not_to_have_url(re.compile(account.sid))
    expect(phone_page.page.get_by_text("Live", exact=True)).to_be_visible()


def test_account_is_created_if_the_server_has_none(browser: Browser) -> None:
    with ServerProcess(covered=False) as server, closing(new_context(browser)) as context:
        with server.client() as http:
            http.delete(f"/_ringback/accounts/{ACCOUNT_SID}")
        page = context.new_page()
        page.goto(server.base_url)
        page.get_by_role("link", name="Create one").click()
        page.get_by_label("New account name").fill("The first one")
        page.keyboard.press("Enter")

        expect(page.get_by_role("combobox", name="Account")).to_contain_text("The first one")
        expect(page.get_by_role("alert").filter(has_text="The first one")).to_be_visible()


def test_reset_by_another_client_is_detected(phone_page: PhonePage, account: Visited) -> None:
    account.validate()
    expect(phone_page.button("Answer")).to_be_visible()

    account.control("POST", "/reset")

    expect(phone_page.button("Ring a phone you answer yourself")).to_be_visible()
    expect(phone_page.button("Answer")).to_have_count(0)


def test_phone_page_loads_without_the_numbering_plan(browser: Browser, account: Visited) -> None:
    with closing(new_context(browser)) as context:
        page = context.new_page()
        page.route("**/numbering-plan.json", lambda route: route.abort())
        opened = PhonePage(page, account)
        opened.open()
        account.validate()

        expect(opened.phone("+15005550018")).to_be_visible()


def test_phone_page_shows_why_the_control_api_refuses_it(browser: Browser, page_server: ServerProcess) -> None:
    refusal = {"error": "not by this name", "hint": "ask by an IP address"}
    with closing(new_context(browser)) as context:
        page = context.new_page()
        page.route("**/_ringback/accounts", lambda route: route.fulfill(status=403, json=refusal))
        page.goto(page_server.base_url)

        expect(page.get_by_role("alert").filter(has_text="Not by this name (ask by an IP address)")).to_be_visible()
        expect(page.get_by_text("Access refused", exact=True)).to_be_visible()
        expect(page.get_by_text("The server does not respond.")).to_have_count(0)


def test_phone_page_without_javascript_shows_a_message(browser: Browser, page_server: ServerProcess) -> None:
    with closing(browser.new_context(java_script_enabled=False)) as context:
        page = context.new_page()
        page.goto(page_server.base_url)

        expect(page.locator("noscript").get_by_role("heading")).to_be_visible()
