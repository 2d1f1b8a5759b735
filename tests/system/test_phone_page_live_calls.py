"""The live calls on the phone page: their order, digits, prompts and focus."""

import pytest
from playwright.sync_api import Locator, expect

from support.pages.phone_page import MANUAL, RING, PhonePage, Visited

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.xdist_group("browser")]

OTHER, OTHER_WRITTEN = "+14155550123", "+1 415-555-0123"
VERIFIED, SILENT = "+14158675309", "+15005550012"
FORMAT_ELAPSED = "async ms => (await import('/phone/time_formats.js')).formatElapsed(0, ms)"


def answered(account: Visited, page: PhonePage) -> dict[str, str]:
    """Call a phone and answer it through the control API, so that the focus does not move."""
    request = account.validate()
    expect(page.button("Answer")).to_be_visible()
    account.control("POST", f"/calls/{request['call_sid']}/answer")
    expect(page.page.get_by_role("group", name="Keypad")).to_be_visible()
    return request


def card(page: PhonePage, request: dict[str, str]) -> Locator:
    return page.page.locator(f"[data-call='{request['call_sid']}']")


def script(account: Visited, number: str) -> list[str]:
    found = account.control("GET", f"/phones/{number}/script")["script"]
    return [entry["behavior"] for entry in found]


def test_every_manual_phone_is_shown(phone_page: PhonePage, account: Visited) -> None:
    account.control("PUT", "/phones/default", {"behavior": "enter-code", "ring_seconds": 0, "key_seconds": 60})
    automatic = [account.validate(f"+1415555012{last}") for last in range(5)]
    for request in automatic:
        account.wait_for("call.ringing", request["call_sid"])
    account.control("PUT", "/phones/default", {"behavior": "manual"})
    for last in range(5):
        request = account.validate(f"+1415555013{last}")

    expect(phone_page.page.get_by_role("article")).to_have_count(5)
    expect(card(phone_page, request).get_by_role("button", name="Answer")).to_be_visible()
    expect(card(phone_page, automatic[0])).to_have_count(0)
    expect(phone_page.page.get_by_text("and 5 more, listed below")).to_be_visible()


def test_live_phones_are_shown_before_ended_ones(phone_page: PhonePage, account: Visited) -> None:
    account.control("PUT", "/phones/default", {"behavior": "manual"})
    requests = [account.validate(f"+1415555012{last}") for last in range(4)]
    for request in requests:
        card(phone_page, request).get_by_role("button", name="Reject").click()
        expect(card(phone_page, request)).to_contain_text("Call ended")

    latest = account.validate(MANUAL)

    expect(card(phone_page, latest).get_by_role("button", name="Answer")).to_be_visible()
    expect(phone_page.page.get_by_role("article")).to_have_count(4)


def test_phone_keeps_its_position_when_another_is_answered_or_ends(phone_page: PhonePage, account: Visited) -> None:
    account.control("PUT", "/phones/default", {"behavior": "no-answer"})
    numbers = ("+1 500-555-0018", "+1 415-555-0121", "+1 415-555-0122")
    requests = [account.validate(number) for number in ("+14155550121", "+14155550122", MANUAL)]
    cards = phone_page.page.get_by_role("article")
    expect(cards).to_have_count(3)

    account.control("POST", f"/calls/{requests[1]['call_sid']}/answer")
    expect(card(phone_page, requests[1])).to_have_attribute("data-state", "prompting")
    for position, number in enumerate(numbers):
        expect(cards.nth(position)).to_have_accessible_name(number)

    account.control("POST", f"/calls/{requests[0]['call_sid']}/reject")
    expect(card(phone_page, requests[0])).to_have_attribute("data-state", "busy")
    for position, number in enumerate(numbers):
        expect(cards.nth(position)).to_have_accessible_name(number)


def test_digits_of_a_timed_out_prompt_are_discarded(phone_page: PhonePage, account: Visited) -> None:
    account.control("PUT", "/clock", {"mode": "frozen"})
    code = answered(account, phone_page)["validation_code"]
    digits = phone_page.phone().locator(".digits")
    phone_page.page.keyboard.type("12345")
    expect(digits).to_have_accessible_name("Entered: 1 2 3 4 5")

    account.control("POST", "/clock/advance", {"seconds": 61})
    expect(phone_page.phone()).to_contain_text("2 attempts remaining")
    expect(digits).to_have_accessible_name("Nothing entered yet")
    phone_page.page.keyboard.type(code)

    expect(phone_page.phone().get_by_text("Verified")).to_be_visible()


def test_call_without_digits_shows_that_no_code_was_entered_in_time(phone_page: PhonePage, account: Visited) -> None:
    account.control("PUT", "/clock", {"mode": "frozen"})
    account.validate(SILENT)

    account.control("POST", "/clock/advance", {"seconds": 600})

    row = phone_page.row("+1 500-555-0012")
    expect(row).to_contain_text("No code in time")
    expect(row).not_to_contain_text("Wrong code")


def test_wrong_extension_is_shown_as_not_reached(phone_page: PhonePage, account: Visited) -> None:
    account.control("PUT", f"/phones/{OTHER}", {"behavior": "manual", "extension": "123"})
    account.validate(OTHER, Extension="999")
    phone = phone_page.phone(OTHER_WRITTEN)

    phone.get_by_role("button", name="Answer").click()
    expect(phone).to_contain_text("extension 999 was dialed: the phone was not reached")
    expect(phone).to_contain_text("This phone has the extension 123")
    expect(phone.get_by_role("group", name="Keypad")).to_have_count(0)
    expect(phone_page.row(OTHER_WRITTEN)).to_contain_text("At a switchboard")
    phone_page.page.keyboard.type("123456")
    phone.get_by_role("button", name="Hang up").click()

    expect(phone).to_contain_text("Call ended")
    expect(phone_page.page.get_by_role("alert").get_by_role("paragraph")).to_have_count(0)


def test_call_row_shows_a_wrong_extension_as_the_outcome(phone_page: PhonePage, account: Visited) -> None:
    account.control("PUT", f"/phones/{OTHER}", {"behavior": "enter-code", "extension": "123"})
    account.control("PUT", "/clock", {"mode": "frozen"})
    account.validate(OTHER)

    account.control("POST", "/clock/advance", {"seconds": 600})

    expect(phone_page.row(OTHER_WRITTEN)).to_contain_text("Wrong extension")


def test_rejected_request_restores_the_script_of_the_number(phone_page: PhonePage, account: Visited) -> None:
    account.control("POST", "/caller-ids", {"phone_number": VERIFIED})
    account.control("POST", f"/phones/{VERIFIED}/script", ["busy"])
    phone_page.show("Try it")

    phone_page.button("Send the request").click()

    expect(phone_page.page.get_by_role("heading", name="The last response 400")).to_be_visible()
    assert script(account, VERIFIED) == ["busy"]


def test_request_from_the_page_rings_despite_the_script_of_the_number(phone_page: PhonePage, account: Visited) -> None:
    account.control("POST", f"/phones/{VERIFIED}/script", ["busy"])
    phone_page.show("Try it")

    phone_page.button("Send the request").click()

    expect(phone_page.button("Answer")).to_be_focused()
    assert script(account, VERIFIED) == ["busy"]


def test_manual_phone_rings_despite_its_rule(phone_page: PhonePage, account: Visited) -> None:
    account.control("PUT", f"/phones/{MANUAL}", {"behavior": "busy"})

    phone_page.button(RING).click()

    expect(phone_page.button("Answer")).to_be_focused()


def test_double_click_rings_only_one_phone(phone_page: PhonePage, account: Visited) -> None:
    phone_page.button(RING).dblclick()

    expect(phone_page.button("Answer")).to_be_focused()
    assert len(account.control("GET", "/requests")["requests"]) == 1
    assert len(account.control("GET", "/calls")["calls"]) == 1


@pytest.mark.parametrize("ending", ["verified", "rejected", "hung up"])
def test_focus_moves_to_the_trace_link_and_the_heading_after_a_call(
    phone_page: PhonePage, account: Visited, ending: str
) -> None:
    account.validate(MANUAL)
    if ending == "rejected":
        phone_page.button("Reject").press("Enter")
    else:
        phone_page.answer()
        if ending == "verified":
            phone_page.page.keyboard.type(phone_page.shown_code())
        else:
            phone_page.button("Hang up").press("Enter")

    expect(phone_page.page.get_by_role("link", name="See the trace")).to_be_focused()
    phone_page.button("Dismiss").press("Enter")

    expect(phone_page.page.get_by_role("heading", name="No phone is ringing")).to_be_focused()


def test_focus_moves_to_the_heading_when_its_element_is_deleted(phone_page: PhonePage, account: Visited) -> None:
    account.control("POST", "/caller-ids", {"phone_number": VERIFIED})
    phone_page.show("Caller IDs")

    phone_page.button("Delete +1 415-867-5309").press("Enter")

    expect(phone_page.page.get_by_role("heading", name="Caller IDs")).to_be_focused()


def test_digits_typed_in_another_view_are_ignored(phone_page: PhonePage, account: Visited) -> None:
    request = answered(account, phone_page)
    phone_page.show("Requests")
    phone_page.page.evaluate("document.activeElement.blur()")

    phone_page.page.keyboard.type("123456")
    phone_page.show("Calls")

    expect(phone_page.phone().locator(".digits")).to_have_accessible_name("Nothing entered yet")
    assert account.call(request["call_sid"])["attempts_left"] == 3


def test_names_with_bidi_characters_are_isolated(phone_page: PhonePage, account: Visited) -> None:
    account.validate(MANUAL, FriendlyName="\u202eevil")

    expect(phone_page.phone().locator("bdi")).to_have_text(["One test", "\u202eevil"])


def test_phone_of_an_ended_call_is_not_shown_as_waiting(phone_page: PhonePage, account: Visited) -> None:
    account.validate(MANUAL)
    expect(phone_page.phone()).to_contain_text("This phone is waiting for you.")

    phone_page.button("Reject").click()

    expect(phone_page.phone()).to_contain_text("Call ended")
    expect(phone_page.phone()).not_to_contain_text("waiting for you")


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (-5, "+0.00 s"),
        (9_996, "+10.0 s"),
        (59_970, "+1 min 0 s"),
        (119_700, "+2 min 0 s"),
        (3_599_600, "+1 h 0 min"),
        (7_199_000, "+2 h 0 min"),
    ],
)
def test_duration_is_rounded_before_it_is_split_into_minutes_and_seconds(
    phone_page: PhonePage, ms: int, text: str
) -> None:
    assert phone_page.page.evaluate(FORMAT_ELAPSED, ms) == text
