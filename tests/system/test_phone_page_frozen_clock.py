"""The phone page of an account whose clock is frozen or set to another time."""

import re

import pytest
from playwright.sync_api import Locator, expect

from support.pages.phone_page import MANUAL, PhonePage, Visited

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.xdist_group("browser")]

NUMBER, WRITTEN = "+442079460958", "+44 20 7946 0958"
TO_NEXT = re.compile("^Advance to the next event")


def frozen_time(page: PhonePage) -> Locator:
    return page.page.get_by_role("region", name="Frozen time")


def ring(account: Visited, **clock: str) -> str:
    """Freeze the clock, and call a phone that answers after thirty seconds."""
    account.control("PUT", "/clock", {"mode": "frozen", **clock})
    account.control("PUT", f"/phones/{NUMBER}", {"behavior": "enter-code", "ring_seconds": 30})
    sid: str = account.validate(NUMBER)["call_sid"]
    account.wait_for("call.ringing", sid)
    return sid


def test_ringing_phone_shows_that_the_clock_is_frozen(phone_page: PhonePage, account: Visited) -> None:
    ring(account)

    expect(phone_page.phone(WRITTEN)).to_contain_text(
        "This phone acts automatically (enter-code), but time is frozen: it does nothing until the clock is advanced."
    )
    expect(phone_page.page.get_by_role("main")).not_to_contain_text("You can act first")
    expect(frozen_time(phone_page)).to_contain_text("Time is frozen")


def test_clock_is_advanced_to_the_next_event(phone_page: PhonePage, account: Visited) -> None:
    sid = ring(account)
    to_next = frozen_time(phone_page).get_by_role("button", name=TO_NEXT)
    expect(to_next).to_have_text("Advance to the next event (in 30.0 s)")

    to_next.click()
    expect(phone_page.phone(WRITTEN)).to_contain_text("Please enter the six-digit code")
    expect(to_next).to_have_text("Advance to the next event (in 0.05 s)")
    to_next.click()

    expect(phone_page.phone(WRITTEN)).to_contain_text("Verified")
    assert account.call(sid)["verification_status"] == "success"
    expect(frozen_time(phone_page)).to_be_hidden()


def test_clock_is_advanced_to_an_event_years_away(phone_page: PhonePage, account: Visited) -> None:
    ring(account)
    account.control("PUT", "/clock", {"mode": "frozen", "now": "2000-01-01T00:00:00Z"})
    to_next = frozen_time(phone_page).get_by_role("button", name=TO_NEXT)
    expect(to_next).to_have_text(re.compile(r"in [0-9]{4,} days"))

    to_next.click()

    expect(phone_page.phone(WRITTEN)).to_contain_text("Please enter the six-digit code")


def test_clock_is_advanced_by_ten_seconds(phone_page: PhonePage, account: Visited) -> None:
    ring(account)

    frozen_time(phone_page).get_by_role("button", name="Advance 10 seconds").click()

    expect(frozen_time(phone_page).get_by_role("button", name=TO_NEXT)).to_contain_text("(in 20.0 s)")


def test_frozen_clock_is_started_with_a_button(phone_page: PhonePage, account: Visited) -> None:
    account.control("PUT", "/clock", {"mode": "frozen"})
    account.validate(NUMBER, CallDelay="1")

    frozen_time(phone_page).get_by_role("button", name="Run the clock").click()

    expect(phone_page.row(WRITTEN)).to_contain_text("Verified")
    assert account.control("GET", "/clock")["mode"] == "running"


def test_queued_call_on_a_frozen_clock_shows_its_next_event(phone_page: PhonePage, account: Visited) -> None:
    account.control("PUT", "/clock", {"mode": "frozen"})
    account.validate(NUMBER, CallDelay="60")

    expect(phone_page.page.get_by_role("heading", name="A call waits for the clock")).to_be_visible()
    expect(phone_page.phone(WRITTEN)).to_contain_text(
        "It rings 60 seconds after the request, by the account's clock, which is frozen."
    )
    phone_page.row(WRITTEN).click()
    expect(phone_page.trace).to_contain_text("The call is in progress, but time is frozen")
    frozen_time(phone_page).get_by_role("button", name=TO_NEXT).click()

    expect(phone_page.page.get_by_role("heading", name="A phone is ringing")).to_be_visible()


@pytest.mark.parametrize(("now", "where"), [("2001-01-01T00:00:00Z", "behind"), ("2099-01-01T00:00:00Z", "ahead of")])
def test_frozen_clock_is_compared_with_the_machines_time(
    phone_page: PhonePage, account: Visited, now: str, where: str
) -> None:
    ring(account, now=now)

    expect(frozen_time(phone_page)).to_contain_text(re.compile(rf"\d+ days {where} this machine's clock"))
    frozen_time(phone_page).get_by_role("button", name=TO_NEXT).click()
    expect(phone_page.phone(WRITTEN)).to_contain_text("Please enter the six-digit code")


def test_running_clock_that_was_set_back_shows_when_the_next_event_is_due(
    phone_page: PhonePage, account: Visited
) -> None:
    ring(account)
    now = account.control("GET", "/clock")["now"]
    earlier = f"{int(now[:4]) - 1}{now[4:10]}T00:00:00Z".replace("-02-29", "-02-28")
    account.control("PUT", "/clock", {"mode": "running", "now": earlier})

    late = phone_page.page.get_by_role("region", name="Distant event")
    expect(late).to_contain_text(re.compile(r"The next event is due in \d+ days\."))
    late.get_by_role("button", name=TO_NEXT).click()

    expect(phone_page.row(WRITTEN)).to_contain_text("Verified")


def test_manual_phone_on_a_frozen_clock_is_labeled(phone_page: PhonePage, account: Visited) -> None:
    account.control("PUT", "/clock", {"mode": "frozen"})
    account.validate(MANUAL)

    expect(phone_page.phone()).to_contain_text("This phone is waiting for you.")
    phone_page.answer()
    phone_page.page.keyboard.type(phone_page.shown_code())

    expect(phone_page.phone().get_by_text("Verified")).to_be_visible()


def test_clock_view_offers_the_next_event(phone_page: PhonePage, account: Visited) -> None:
    phone_page.show("Clock")
    expect(phone_page.page.get_by_role("main")).to_contain_text("No event is pending.")
    ring(account)

    phone_page.button("Advance to the next event (in 30.0 s)").click()

    expect(phone_page.page.get_by_text("Advanced to the next event")).to_be_visible()
