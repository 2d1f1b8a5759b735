"""The phone page: the state of a StatusCallback, and the requests of a redirected one."""

import threading
from collections.abc import Iterator
from urllib.parse import parse_qs

import pytest
from playwright.sync_api import expect

from support.pages.phone_page import MANUAL, PhonePage, Visited
from support.receivers.receiver import Answer, CallbackReceiver, Received
from support.waiting import PATIENCE_SECONDS

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.xdist_group("browser")]

NUMBER, WRITTEN = "+442079460958", "+44 20 7946 0958"
NOWHERE = "http://127.0.0.1:9/nowhere"


def fault(account: Visited, **effect: object) -> None:
    account.control("POST", "/faults", {"operation": "status-callback", "effect": effect})


def shown(page: PhonePage, text: str) -> None:
    """Expect the text in the list of verifications and above the trace."""
    row = page.row(WRITTEN)
    expect(row).to_contain_text("Verified")
    expect(row.locator(".callback")).to_have_text(text)
    row.click()
    expect(page.trace.locator("p.callback")).to_have_text(text)


def test_call_row_shows_that_the_callback_was_delivered(phone_page: PhonePage, account: Visited) -> None:
    account.validate(NUMBER, StatusCallback=account.inbox("app"))

    shown(phone_page, "StatusCallback delivered")


def test_call_row_shows_that_no_callback_was_requested(phone_page: PhonePage, account: Visited) -> None:
    account.validate(NUMBER)

    shown(phone_page, "No StatusCallback requested")


def test_call_row_counts_the_attempts_of_a_callback_that_failed(phone_page: PhonePage, account: Visited) -> None:
    account.validate(NUMBER, StatusCallback=f"{NOWHERE}#rc=5")

    shown(phone_page, "StatusCallback failed after 6 attempts")
    expect(phone_page.trace.locator(".step.failed .title")).to_contain_text("StatusCallback failed 6 attempts")
    expect(phone_page.page.get_by_role("status")).to_contain_text("StatusCallback failed after 6 attempts.")


def test_call_row_shows_that_a_fault_invalidated_the_signature(phone_page: PhonePage, account: Visited) -> None:
    fault(account, signature="bad")
    account.validate(NUMBER, StatusCallback=account.inbox("app"))

    shown(phone_page, "StatusCallback delivered, with an invalid signature from a fault")
    expect(phone_page.trace.locator(".step.failed .title")).to_contain_text("with an invalid signature from a fault")


def test_call_row_shows_that_a_fault_suppressed_the_callback(phone_page: PhonePage, account: Visited) -> None:
    fault(account, drop=True)
    account.validate(NUMBER, StatusCallback=account.inbox("app"))

    shown(phone_page, "StatusCallback suppressed by a fault")


def test_call_row_names_another_fault_of_the_callback(phone_page: PhonePage, account: Visited) -> None:
    fault(account, duplicate=2)
    account.validate(NUMBER, StatusCallback=account.inbox("app"))

    shown(phone_page, "StatusCallback delivered (fault: duplicate 2) after 2 attempts")


def test_call_row_shows_that_the_callback_is_pending_and_then_retried(phone_page: PhonePage, account: Visited) -> None:
    first, second = threading.Event(), threading.Event()
    gates = iter((first, second))

    def answer(_: Received) -> Answer:
        next(gates).wait(PATIENCE_SECONDS)
        return Answer(503)

    with CallbackReceiver(answer) as app:
        account.validate(NUMBER, StatusCallback=f"{app.url}/#rc=1&rp=5xx&rt=30000&tt=60000")
        row = phone_page.row(WRITTEN).locator(".callback")
        expect(row).to_have_text("StatusCallback pending")
        first.set()
        expect(row).to_have_text("StatusCallback retrying after 1 attempt")
        second.set()

        expect(row).to_have_text("StatusCallback failed after 2 attempts")


def test_live_call_shows_when_its_callback_is_sent(phone_page: PhonePage, account: Visited) -> None:
    account.validate(MANUAL, StatusCallback=account.inbox("app"))

    expect(phone_page.row().locator(".callback")).to_have_text("StatusCallback when the call ends")


def test_phone_whose_call_ended_shows_its_callback(phone_page: PhonePage, account: Visited) -> None:
    code = account.validate(MANUAL, StatusCallback=NOWHERE)["validation_code"]
    phone_page.answer()
    phone_page.page.keyboard.type(code)

    expect(phone_page.phone()).to_contain_text("Verified")
    expect(phone_page.phone()).to_contain_text("StatusCallback failed after 2 attempts")


def redirecting(received: Received) -> Answer:
    return Answer(302, {"Location": "/login?next=%2Fcb"}) if received.target == "/cb" else Answer(200)


@pytest.fixture
def redirected(phone_page: PhonePage, account: Visited) -> Iterator[PhonePage]:
    """Open the trace of a verification with a redirected StatusCallback, and expand the attempt."""
    with CallbackReceiver(redirecting) as app:
        sid = account.validate(NUMBER, StatusCallback=f"{app.url}/cb")["call_sid"]
        account.wait_for("callback.delivered", sid)
        shown(phone_page, "StatusCallback delivered, redirected once")
        phone_page.trace.locator(".attempt > summary").click()
        yield phone_page


def test_trace_shows_each_request_of_a_redirected_callback(redirected: PhonePage, account: Visited) -> None:
    attempt = redirected.trace.locator(".attempt")
    first, second = attempt.locator(".hops > li").all()
    [sent] = account.control("GET", f"/calls/{account.control('GET', '/calls')['calls'][0]['sid']}/callbacks")[
        "callbacks"
    ]

    expect(attempt.locator("> summary")).to_contain_text("302")
    expect(attempt.locator("> summary")).to_contain_text("and 1 redirect")
    expect(attempt.locator("> summary .warned")).to_have_text(sent["hint"])
    expect(first).to_contain_text(f"POST {sent['hops'][0]['url']}")
    expect(first).to_contain_text("redirects to /login?next=%2Fcb")
    expect(first).to_contain_text(f"This request carried {len(sent['hops'][0]['parameters'])} parameters")
    first.get_by_text("This request carried").click()
    expect(first).to_contain_text("VerificationStatussuccess")
    expect(second).to_contain_text(f"GET {sent['hops'][1]['url']}")
    expect(second).to_contain_text(f"This request carried {len(parse_qs('next=%2Fcb'))} parameter")
    second.get_by_text("This request carried").click()
    expect(second.locator("dl")).to_have_text("next/cb")


def test_request_without_parameters_is_labeled(phone_page: PhonePage, account: Visited) -> None:
    def answer(received: Received) -> Answer:
        return Answer(302, {"Location": "/login"}) if received.target == "/cb" else Answer(200)

    with CallbackReceiver(answer) as app:
        sid = account.validate(NUMBER, StatusCallback=f"{app.url}/cb")["call_sid"]
        account.wait_for("callback.delivered", sid)
    phone_page.row(WRITTEN).click()
    attempt = phone_page.trace.locator(".attempt")

    expect(attempt.get_by_text("the request to /login contained no parameters")).to_be_visible()
    attempt.locator("> summary").click()
    expect(phone_page.trace.locator(".hops > li").last).to_contain_text("This request carried no parameters.")


def test_failed_attempt_shows_its_error_before_it_is_expanded(phone_page: PhonePage, account: Visited) -> None:
    account.validate(NUMBER, StatusCallback=NOWHERE)
    phone_page.row(WRITTEN).click()

    expect(phone_page.trace.get_by_text("connection refused by 127.0.0.1:9: nothing listens there")).to_have_count(2)
    expect(phone_page.trace.get_by_text("nothing listens there").first).to_be_visible()
