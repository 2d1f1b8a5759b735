"""The accessibility of the phone page: checks by axe-core in all views, narrow windows, touch and focus."""

import re
from collections.abc import Iterator
from contextlib import closing
from typing import Any, get_args

import pytest
from playwright.sync_api import Browser, Page, expect

from support.pages.chromium import AXE, NARROW, WIDE, Scheme, needs_axe, new_context
from support.pages.phone_page import MANUAL, RING, PhonePage, Visited
from support.receivers.receiver import Answer, CallbackReceiver, Received

pytestmark = [pytest.mark.slow, pytest.mark.browser, needs_axe, pytest.mark.xdist_group("browser")]

VIEWS = ("try-it", "caller-ids", "phones", "requests", "refused", "inbox", "faults", "clock", "account")
RUN_AXE = "async () => (await axe.run(document, { resultTypes: ['violations'] })).violations"
SETTLED = """() => Promise.all(document.getAnimations()
  .filter((animation) => animation.effect.getTiming().iterations < 9)
  .map((animation) => animation.finished))"""
OVERFLOW = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="module", params=get_args(Scheme))
def themed_tab(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """Open a wide tab with axe-core, in light and in dark mode."""
    with closing(new_context(browser, WIDE, request.param)) as context:
        context.add_init_script(path=AXE)
        yield context.new_page()


@pytest.fixture(scope="module")
def narrow_tab(browser: Browser) -> Iterator[Page]:
    """Open a tab in a narrow window."""
    with closing(new_context(browser, NARROW)) as context:
        yield context.new_page()


@pytest.fixture
def narrow_page(narrow_tab: Page, account: Visited) -> Iterator[PhonePage]:
    """Open the test's account in a narrow window."""
    with closing(PhonePage(narrow_tab, account)) as opened:
        opened.open()
        yield opened


def violations(page: Page) -> list[str]:
    """Return the problems that axe finds after all animations have ended."""
    page.evaluate(SETTLED)
    found: list[dict[str, Any]] = page.evaluate(RUN_AXE)
    return [f"{entry['id']}: {node['html']} {node['failureSummary']}" for entry in found for node in entry["nodes"]]


def fill(account: Visited) -> dict[str, Any]:
    """Create data for every view, and return the validation request of a verified number."""
    verified = account.validate("+442079460958", FriendlyName="Front desk", StatusCallback=account.inbox("phone-page"))
    account.wait_for("callback.delivered", verified["call_sid"])
    failed = account.validate("+15005550011", StatusCallback="http://127.0.0.1:9/nowhere")
    account.wait_for("callback.failed", failed["call_sid"])
    account.send_message()
    account.control("PUT", "/phones/+14158675309", {"behavior": "mistype-once"})
    account.control("POST", "/phones/+14158675309/script", ["busy", "manual"])
    account.control("POST", "/faults", {"operation": "status-callback", "effect": {"duplicate": 2}})
    return verified


def test_axe_finds_no_problem_while_a_call_rings_is_answered_and_ends(themed_tab: Page, account: Visited) -> None:
    page = PhonePage(themed_tab, account)
    page.open()
    assert violations(page.page) == [], "the welcome"

    code = account.validate(MANUAL, FriendlyName="Front desk")["validation_code"]
    expect(page.button("Answer")).to_be_visible()
    assert violations(page.page) == [], "a phone that rings"
    page.answer()
    page.page.keyboard.type("******12")
    expect(page.phone()).to_contain_text("2 attempts remaining")
    assert violations(page.page) == [], "the prompt"
    page.page.keyboard.press("Backspace")
    page.page.keyboard.press("Backspace")
    page.page.keyboard.type(code)
    expect(page.phone().get_by_text("Verified")).to_be_visible()
    assert violations(page.page) == [], "a phone whose call has ended"
    account.validate("+15005550014")
    expect(page.row("500-555-0014")).to_be_visible()
    assert violations(page.page) == [], "a phone that was busy"


def test_axe_finds_no_problem_in_any_view(themed_tab: Page, account: Visited) -> None:
    verified = fill(account)
    page = PhonePage(themed_tab, account)
    page.open(f"calls/{verified['call_sid']}")
    page.trace.locator(".attempt summary").click()
    assert violations(page.page) == [], "a trace"

    for view in VIEWS:
        page.page.evaluate("view => { location.hash = `#/${view}`; }", view)
        expect(page.page.locator(f"nav a[href='#/{view}']")).to_have_attribute("aria-current", "page")
        assert violations(page.page) == [], view


def frozen_and_redirected(account: Visited, receiver: CallbackReceiver) -> str:
    """Create a redirected and an invalidly signed callback, two inboxes, and a ringing phone on a frozen clock."""
    account.control("POST", "/faults", {"operation": "status-callback", "effect": {"signature": "bad"}, "times": 1})
    paths = {"+442079460958": account.inbox("a-long-name-of-an-inbox" * 4), "+442079460959": f"{receiver.url}/cb"}
    for number, path in paths.items():
        sid: str = account.validate(number, StatusCallback=path)["call_sid"]
        account.wait_for("callback.delivered", sid)
    account.control("PUT", "/clock", {"mode": "frozen", "now": "2001-01-01T00:00:00Z"})
    account.validate("+14158675309", FriendlyName="W" * 64)
    return sid


def redirect(received: Received) -> Answer:
    return Answer(303, {"Location": f"/login?{'x' * 300}"}) if received.target == "/cb" else Answer(200)


def test_axe_finds_no_problem_with_a_frozen_clock_redirects_and_inboxes(themed_tab: Page, account: Visited) -> None:
    page = PhonePage(themed_tab, account)
    with CallbackReceiver(redirect) as receiver:
        sid = frozen_and_redirected(account, receiver)
    page.open(f"calls/{sid}")
    expect(page.page.get_by_role("region", name="Frozen time")).to_be_visible()
    page.trace.locator(".attempt > summary").click()
    page.trace.locator(".hops summary").first.click()
    assert violations(page.page) == [], "a redirected callback while time is frozen"
    page.open("inbox")
    page.page.get_by_role("region", name="Messages").locator(".attempt summary").first.click()
    assert violations(page.page) == [], "inboxes"
    page.open("clock")
    assert violations(page.page) == [], "a frozen clock"


def test_frozen_clock_redirects_and_inboxes_fit_into_a_narrow_window(narrow_page: PhonePage, account: Visited) -> None:
    with CallbackReceiver(redirect) as receiver:
        sid = frozen_and_redirected(account, receiver)
    narrow_page.open(f"calls/{sid}")
    expect(narrow_page.page.get_by_role("region", name="Frozen time")).to_be_visible()
    narrow_page.trace.locator(".attempt > summary").click()
    narrow_page.trace.locator(".hops summary").first.click()
    wide = {"trace": narrow_page.page.evaluate(OVERFLOW)}
    for view in ("calls", "inbox", "clock"):
        narrow_page.open(view)
        expect(narrow_page.page.get_by_role("main").locator("li, form, .panel").first).to_be_visible()
        wide[view] = narrow_page.page.evaluate(OVERFLOW)

    assert set(wide.values()) == {0}, wide


def test_views_fit_into_a_narrow_window(narrow_page: PhonePage, account: Visited) -> None:
    verified = fill(account)
    account.validate(MANUAL, FriendlyName="W" * 64)
    expect(narrow_page.button("Answer")).to_be_visible()
    wide = {"ringing": narrow_page.page.evaluate(OVERFLOW)}
    narrow_page.answer()
    wide["prompt"] = narrow_page.page.evaluate(OVERFLOW)
    narrow_page.open(f"calls/{verified['call_sid']}")
    narrow_page.trace.locator(".attempt summary").click()
    wide["trace"] = narrow_page.page.evaluate(OVERFLOW)
    for view in VIEWS:
        narrow_page.open(view)
        expect(narrow_page.page.get_by_role("main").locator("li, form, .panel").first).to_be_visible()
        wide[view] = narrow_page.page.evaluate(OVERFLOW)

    assert set(wide.values()) == {0}, wide


def test_trace_replaces_the_list_in_a_narrow_window(narrow_page: PhonePage, account: Visited) -> None:
    fill(account)
    narrow_page.row("+44 20 7946 0958").click()
    expect(narrow_page.trace.get_by_role("heading", name="+44 20 7946 0958")).to_be_visible()
    expect(narrow_page.page.get_by_role("region", name="Verifications")).to_be_hidden()
    narrow_page.page.get_by_role("link", name="All verifications").click()

    expect(narrow_page.page.get_by_role("region", name="Verifications")).to_be_visible()


def test_link_to_the_current_view_is_visible_in_a_narrow_window(narrow_page: PhonePage) -> None:
    narrow_page.show("Account")

    expect(narrow_page.page.get_by_role("link", name="Account", exact=True)).to_be_in_viewport(ratio=1)
    narrow_page.page.reload()
    expect(narrow_page.page.get_by_role("link", name="Account", exact=True)).to_be_in_viewport(ratio=1)


def test_ringing_phone_is_answered_without_scrolling_in_a_narrow_window(
    narrow_page: PhonePage, account: Visited
) -> None:
    account.send_message()
    account.validate()

    narrow_page.open()

    expect(narrow_page.page.get_by_role("link", name=re.compile(r"^\d+ refused$"))).to_be_visible()
    expect(narrow_page.button("Answer")).to_be_in_viewport(ratio=1)


def test_touch_targets_are_large_enough(narrow_page: PhonePage) -> None:
    narrow_page.button(RING).tap()
    narrow_page.button("Answer").tap()
    for key in narrow_page.shown_code():
        narrow_page.phone().get_by_role("button", name=key, exact=True).tap()

    expect(narrow_page.phone().get_by_text("Verified")).to_be_visible()


def test_focus_follows_the_selection(phone_page: PhonePage, account: Visited) -> None:
    account.validate("+15005550014")
    phone_page.row("500-555-0014").press("Enter")
    expect(phone_page.page.get_by_role("heading", name="+1 500-555-0014 Busy")).to_be_focused()
    phone_page.page.go_back()
    expect(phone_page.row("500-555-0014")).to_be_focused()

    phone_page.show("Faults")

    expect(phone_page.page.get_by_role("heading", level=1)).to_be_focused()


def test_first_tab_stop_skips_to_the_content(phone_page: PhonePage) -> None:
    phone_page.show("Faults")
    phone_page.page.reload()
    expect(phone_page.page.get_by_text("Live", exact=True)).to_be_visible()
    phone_page.page.keyboard.press("Tab")
    expect(phone_page.page.get_by_role("link", name="Skip to the content")).to_be_focused()

    phone_page.page.keyboard.press("Enter")

    expect(phone_page.page.get_by_role("main")).to_be_focused()
    expect(phone_page.page.get_by_role("heading", level=1, name="Faults")).to_be_visible()
