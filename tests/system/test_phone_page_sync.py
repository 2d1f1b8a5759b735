"""The synchronization of the phone page with the server after lost, outdated and reset data."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest
from playwright.sync_api import Browser, Route, expect

from support.pages.chromium import WAIT_MS, new_context
from support.pages.phone_page import MANUAL, PhonePage, Visited
from support.servers.server import ACCOUNT_SID, AUTH_TOKEN, ServerProcess, free_port

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.xdist_group("browser")]

POLL_MS, MOMENT_MS = 20, 100
OTHER, OTHER_WRITTEN = "+14155550143", "415-555-0143"
ROWS = """() => [...document.querySelectorAll(".verifications time")].map((time) => time.dateTime)"""


def first_account(server: ServerProcess) -> Visited:
    """Return the default account."""
    made = Visited.new(server)
    return Visited(server, made.http, ACCOUNT_SID, AUTH_TOKEN)


def first(held: list[Route], phone_page: PhonePage) -> Route:
    """Wait for the first held request, and return it. The page polls every three seconds."""
    for _ in range(int(WAIT_MS / POLL_MS)):
        if held:
            return held[0]
        phone_page.page.wait_for_timeout(POLL_MS)  # Playwright runs route handlers during this wait
    raise AssertionError("the page sent no request")


def test_events_of_a_restarted_server_in_memory_are_followed_from_its_start(browser: Browser) -> None:
    settings: dict[str, Any] = {"covered": False, "port": free_port(), "prompt_timeout_seconds": 60}
    with closing(new_context(browser)) as context:
        with ServerProcess(**settings) as server, closing(first_account(server)) as account:
            phone_page = PhonePage(context.new_page(), account)
            phone_page.open()
            account.control("PUT", "/phones/default", {"behavior": "busy"})
            for number in range(12):
                account.validate(f"+1415555{number:04d}")
            expect(phone_page.page.get_by_role("listitem").filter(has_text="Busy")).to_have_count(12)
        expect(phone_page.page.get_by_text("Server unreachable", exact=True)).to_be_visible()

        with ServerProcess(**settings) as server, closing(first_account(server)) as account:
            expect(phone_page.page.get_by_text("Live", exact=True)).to_be_visible()
            expect(phone_page.page.get_by_role("listitem").filter(has_text="Busy")).to_have_count(0)
            phone_page.stop_polling()
            sid = account.validate()["call_sid"]
            expect(phone_page.button("Answer")).to_be_visible()
            account.control("POST", f"/calls/{sid}/reject")
            expect(phone_page.row()).to_contain_text("Busy")


def test_view_selected_while_another_view_is_loading_is_shown(phone_page: PhonePage, account: Visited) -> None:
    account.control("POST", "/phones/+14155550143/script", ["busy"])
    held: list[Route] = []
    phone_page.page.route("**/inboxes", lambda route: held.append(route), times=1)  # noqa: PLW0108
    phone_page.show("Inbox")
    inboxes = first(held, phone_page)
    phone_page.stop_polling()

    phone_page.show("Phones")
    inboxes.continue_()

    expect(phone_page.page.get_by_role("region", name="Phones with a rule")).to_contain_text(OTHER_WRITTEN)


def test_outdated_list_is_not_shown(phone_page: PhonePage, account: Visited) -> None:
    sid = account.validate()["call_sid"]
    expect(phone_page.button("Answer")).to_be_visible()
    held: list[Route] = []
    phone_page.page.route("**/calls?limit=500", lambda route: held.append(route), times=1)  # noqa: PLW0108 - Playwright cannot inspect a built-in method
    account.control("POST", "/reset")
    sid = account.validate()["call_sid"]
    listed = first(held, phone_page).fetch()
    phone_page.stop_polling()
    account.control("POST", f"/calls/{sid}/reject")

    held[0].fulfill(response=listed)

    expect(phone_page.row()).to_have_count(1)  # until the page has the list, it shows two calls to one number
    expect(phone_page.row()).to_contain_text("Busy")
    phone_page.page.wait_for_timeout(MOMENT_MS)
    expect(phone_page.row()).to_contain_text("Busy")


def test_call_that_changes_while_it_is_read_is_read_again(phone_page: PhonePage, account: Visited) -> None:
    held: list[Route] = []
    phone_page.page.route("**/calls/CA*", lambda route: held.append(route), times=1)  # noqa: PLW0108 - as above
    sid = account.validate()["call_sid"]
    account.wait_for("call.ringing", sid)
    ringing = first(held, phone_page).fetch()
    phone_page.stop_polling()
    account.control("POST", f"/calls/{sid}/reject")
    phone_page.page.wait_for_timeout(MOMENT_MS)

    held[0].fulfill(response=ringing)

    expect(phone_page.row()).to_contain_text("Busy")


def test_failed_read_of_a_call_is_repeated(phone_page: PhonePage, account: Visited) -> None:
    sid = account.validate()["call_sid"]
    expect(phone_page.button("Answer")).to_be_visible()
    failed: list[str] = []

    def fail(route: Route) -> None:
        failed.append(route.request.url)
        route.abort()

    phone_page.page.route(f"**/calls/{sid}", fail, times=1)
    account.control("POST", f"/calls/{sid}/reject")

    expect(phone_page.row()).to_contain_text("Busy")
    assert len(failed) == 1


def test_reset_followed_by_a_call_removes_the_old_calls(phone_page: PhonePage, account: Visited) -> None:
    account.validate()
    expect(phone_page.button("Answer")).to_be_visible()

    account.control("POST", "/reset")
    account.validate(OTHER)

    expect(phone_page.row(OTHER_WRITTEN)).to_be_visible()
    expect(phone_page.row()).to_have_count(0)


def test_restored_snapshot_replaces_the_shown_calls(phone_page: PhonePage, account: Visited) -> None:
    sid = account.validate()["call_sid"]
    expect(phone_page.button("Answer")).to_be_visible()
    snapshot = account.http.get("/_ringback/snapshot").content
    account.control("POST", f"/calls/{sid}/reject")
    expect(phone_page.row()).to_contain_text("Busy")

    account.http.put("/_ringback/snapshot", content=snapshot).raise_for_status()

    expect(phone_page.row()).to_contain_text("Ringing")


def test_calls_are_shown_in_the_order_of_the_server(phone_page: PhonePage, account: Visited) -> None:
    account.control("PUT", "/phones/default", {"behavior": "busy"})

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(account.validate, [f"+1415556{number:04d}" for number in range(24)]))

    expect(phone_page.page.get_by_role("listitem").filter(has_text="Busy")).to_have_count(24)
    shown = phone_page.page.evaluate(ROWS)
    assert shown == [call["date_created"] for call in account.control("GET", "/calls?limit=100")["calls"]]


def test_account_selected_during_an_outage_is_shown_after_it(browser: Browser, tmp_path: Any) -> None:
    settings: dict[str, Any] = {"port": free_port(), "database_url": f"sqlite:///{tmp_path}/ringback.db"}
    with closing(new_context(browser)) as context:
        with (
            ServerProcess(covered=False, **settings) as server,
            closing(Visited.new(server, "Another")) as account,
            closing(first_account(server)) as first,
        ):
            account.validate(MANUAL)
            phone_page = PhonePage(context.new_page(), first)
            phone_page.open()
        page = phone_page.page
        expect(page.get_by_text("Server unreachable", exact=True)).to_be_visible()
        page.get_by_role("combobox", name="Account").select_option(account.sid)

        with ServerProcess(covered=False, **settings):
            expect(page.get_by_text("Live", exact=True)).to_be_visible()
            expect(phone_page.row()).to_be_visible()
            expect(page.get_by_role("combobox", name="Account")).to_have_value(account.sid)


def test_account_created_by_another_client_can_be_selected(phone_page: PhonePage, account: Visited) -> None:
    with closing(Visited.new(account.server, "Made meanwhile")):
        expect(phone_page.page.get_by_role("combobox", name="Account")).to_contain_text("Made meanwhile")


def test_control_token_with_invalid_characters_is_reported_as_wrong(browser: Browser) -> None:
    with ServerProcess(covered=False, control_token="let-me-in") as server, closing(new_context(browser)) as context:
        page = context.new_page()
        page.goto(server.base_url)
        page.get_by_label("Control token").fill("naïve€")
        page.keyboard.press("Enter")

        expect(page.get_by_role("alert").filter(has_text="not the control token of the server")).to_be_visible()
        page.get_by_label("Control token").fill("let-me-in")
        page.keyboard.press("Enter")
        expect(page.get_by_text("Live", exact=True)).to_be_visible()


@pytest.mark.parametrize("address", ["#/toString", "#/__proto__", "#/calls/%", "#/calls/%E0%A4%A"])
def test_invalid_url_fragment_shows_the_calls(phone_page: PhonePage, address: str) -> None:
    phone_page.page.evaluate("address => { location.hash = address; }", address)

    expect(phone_page.page.get_by_role("heading", level=1, name="Calls")).to_be_attached()
