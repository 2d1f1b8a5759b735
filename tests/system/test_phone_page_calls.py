"""The phone page: calls are answered, rejected and hung up, and digits are entered, with mouse and keyboard."""

import re

import pytest
from playwright.sync_api import expect

from support.pages.phone_page import MANUAL, RING, PhonePage, Visited

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

AUTOMATIC, AUTOMATIC_WRITTEN = "+442079460958", "+44 20 7946 0958"


def ringing(account: Visited, page: PhonePage, number: str = MANUAL, **parameters: str) -> dict[str, str]:
    request = account.validate(number, **parameters)
    expect(page.button("Answer")).to_be_visible()
    return request


def test_new_user_verifies_a_number_in_two_clicks_and_six_keys(
    phone_page: PhonePage,
) -> None:
    expect(phone_page.page.get_by_text("ringback simulates Twilio and the phone")).to_be_visible()

    phone_page.button(RING).click()
    phone_page.answer()
    for key in phone_page.shown_code():
        phone_page.phone().get_by_role("button", name=key, exact=True).click()

    expect(phone_page.phone().get_by_text("Verified")).to_be_visible()
    [verified] = phone_page.account.control("GET", "/caller-ids")["caller_ids"]
    assert verified["phone_number"] == MANUAL


def test_number_can_be_verified_with_the_keyboard_alone(phone_page: PhonePage) -> None:
    keyboard = phone_page.page.keyboard
    button = phone_page.button(RING)
    for _ in range(20):
        if button.evaluate("button => button === document.activeElement"):
            break
        keyboard.press("Tab")

    keyboard.press("Enter")
    expect(phone_page.button("Answer")).to_be_focused()
    keyboard.press("Enter")
    expect(phone_page.page.get_by_role("group", name="Keypad")).to_be_focused()
    keyboard.type(phone_page.shown_code())

    expect(phone_page.phone().get_by_text("Verified")).to_be_visible()


def test_second_manual_phone_has_another_number(phone_page: PhonePage, account: Visited) -> None:
    account.control("POST", "/caller-ids", {"phone_number": MANUAL})

    phone_page.button(RING).click()

    expect(phone_page.button("Answer")).to_be_focused()
    [call] = account.control("GET", "/calls?status=ringing")["calls"]
    assert call["phone_number"].startswith("+1415555")


def test_ringing_phone_shows_account_number_country_and_code(phone_page: PhonePage, account: Visited) -> None:
    request = ringing(account, phone_page, FriendlyName="Front desk")

    phone = phone_page.phone()
    expect(phone).to_contain_text("Account One test asks to verify")
    expect(phone).to_contain_text("Front desk · United States")
    expect(phone.get_by_text("Incoming call")).to_be_visible()
    assert phone_page.shown_code() == request["validation_code"]
    expect(phone_page.page).to_have_title(re.compile(r"^\(1\) ringing"))


def test_wrong_code_uses_up_an_attempt_and_the_correct_code_is_accepted(
    phone_page: PhonePage, account: Visited
) -> None:
    code = ringing(account, phone_page)["validation_code"]
    wrong = "".join(str(9 - int(digit)) for digit in code)

    phone_page.answer()
    expect(phone_page.phone()).to_contain_text("3 attempts remaining")
    phone_page.page.keyboard.type(wrong)
    expect(phone_page.phone()).to_contain_text("Wrong code. Please enter the six digits again.")
    expect(phone_page.phone()).to_contain_text("2 attempts remaining")
    expect(phone_page.page.get_by_role("status")).to_have_text("Wrong code. 2 attempts remaining.")
    phone_page.page.keyboard.type(code)

    expect(phone_page.phone().get_by_text("Verified")).to_be_visible()
    expect(phone_page.page.get_by_role("status")).to_contain_text("Verified")


def test_three_wrong_codes_end_the_call(phone_page: PhonePage, account: Visited) -> None:
    ringing(account, phone_page)

    phone_page.answer()
    for left in ("2 attempts remaining", "1 attempt remaining", "Not verified: wrong code"):
        phone_page.page.keyboard.type("*#*#*#")
        expect(phone_page.phone()).to_contain_text(left)

    expect(phone_page.row()).to_contain_text("Wrong code")


def test_expired_code_is_shown_as_expired(phone_page: PhonePage, account: Visited) -> None:
    account.control("PUT", "/policy", {"code_lifetime_seconds": 1, "code_attempts": 1})
    account.control("PUT", "/clock", {"mode": "frozen"})
    request = ringing(account, phone_page)

    phone_page.answer()
    account.control("POST", "/clock/advance", {"seconds": 2})
    phone_page.page.keyboard.type(request["validation_code"])

    expect(phone_page.phone()).to_contain_text("Not verified: the code has expired")
    expect(phone_page.row()).to_contain_text("The code has expired")


def test_backspace_deletes_a_digit_before_the_code_is_complete(phone_page: PhonePage, account: Visited) -> None:
    code = ringing(account, phone_page)["validation_code"]
    keyed = phone_page.phone().locator(".digits")

    phone_page.answer()
    phone_page.page.keyboard.type(f"{code[0]}*")
    expect(keyed).to_have_accessible_name(f"Entered: {code[0]} *")
    phone_page.page.keyboard.press("Backspace")
    expect(keyed).to_have_accessible_name(f"Entered: {code[0]}")
    phone_page.page.keyboard.type("5")
    phone_page.button("Delete the last digit").click()
    phone_page.phone().get_by_role("group", name="Keypad").focus()
    phone_page.page.keyboard.type(code[1:])

    expect(phone_page.phone().get_by_text("Verified")).to_be_visible()


def test_enter_key_sends_the_entered_digits_and_the_phone_waits_for_more(
    phone_page: PhonePage, account: Visited
) -> None:
    request = ringing(account, phone_page)
    code, sid = request["validation_code"], request["call_sid"]

    phone_page.answer()
    phone_page.page.keyboard.type(code[:2])
    phone_page.page.keyboard.press("Enter")
    expect(phone_page.phone()).to_contain_text(f"{code[:2]} entered, waiting for more")
    assert account.call(sid)["attempts_left"] == 3
    phone_page.page.keyboard.type(code[2:])

    expect(phone_page.phone().get_by_text("Verified")).to_be_visible()


def test_w_key_enters_a_pause_between_digits(phone_page: PhonePage, account: Visited) -> None:
    account.control("PUT", "/clock", {"mode": "frozen"})
    request = ringing(account, phone_page)
    code, sid = request["validation_code"], request["call_sid"]

    phone_page.answer()
    phone_page.page.keyboard.type(f"{code[:2]}ww")
    expect(phone_page.phone().locator(".digits")).to_have_accessible_name(f"Entered: {code[0]} {code[1]} pause pause")
    expect(phone_page.phone()).to_contain_text("2 pauses of 0.5 s entered")
    phone_page.page.keyboard.type(code[2:])
    expect(phone_page.phone().locator(".digits")).to_have_accessible_name("Nothing entered yet")
    assert account.call(sid)["verification_status"] is None
    account.control("POST", "/clock/advance", {"seconds": 1})

    expect(phone_page.phone().get_by_text("Verified")).to_be_visible()


def test_hang_up_ends_the_call(phone_page: PhonePage, account: Visited) -> None:
    sid = ringing(account, phone_page)["call_sid"]

    phone_page.answer()
    phone_page.button("Hang up").click()

    expect(phone_page.phone()).to_contain_text("Not verified: hung up")
    assert account.call(sid)["status"] == "completed"


def test_reject_button_ends_the_call_as_busy(phone_page: PhonePage, account: Visited) -> None:
    sid = ringing(account, phone_page)["call_sid"]

    phone_page.button("Reject").click()

    expect(phone_page.phone()).to_contain_text("Not verified: busy")
    assert account.call(sid)["status"] == "busy"


def test_phone_of_an_ended_call_can_be_dismissed(phone_page: PhonePage, account: Visited) -> None:
    ringing(account, phone_page)
    phone_page.button("Reject").click()

    phone_page.button("Dismiss").click()

    expect(phone_page.phone()).to_have_count(0)
    expect(phone_page.page.get_by_role("heading", name="No phone is ringing")).to_be_visible()


def test_automatic_phone_is_shown_until_its_call_ends(phone_page: PhonePage, account: Visited) -> None:
    account.control("PUT", "/clock", {"mode": "frozen"})  # keeps the call ringing until the page shows it
    account.validate(AUTOMATIC)

    expect(phone_page.phone(AUTOMATIC_WRITTEN)).to_contain_text("United Kingdom")
    account.control("POST", "/clock/advance", {"seconds": 60})
    expect(phone_page.phone(AUTOMATIC_WRITTEN).get_by_text("Verified")).to_be_visible()
    expect(phone_page.row(AUTOMATIC_WRITTEN)).to_contain_text("Verified")


def test_actions_of_other_clients_are_shown(phone_page: PhonePage, account: Visited) -> None:
    sid = ringing(account, phone_page)["call_sid"]

    account.control("POST", f"/calls/{sid}/answer")
    expect(phone_page.phone()).to_contain_text("“Please enter the six-digit code.”")
    account.control("POST", f"/calls/{sid}/digits", {"digits": "12"})
    expect(phone_page.phone().locator(".digits")).to_have_accessible_name("Entered: 1 2")


def test_prompt_timeout_is_shown(phone_page: PhonePage, account: Visited) -> None:
    sid = ringing(account, phone_page)["call_sid"]
    account.control("POST", f"/calls/{sid}/answer")

    account.control("PUT", "/clock", {"mode": "frozen"})
    account.control("POST", "/clock/advance", {"seconds": 61})

    expect(phone_page.phone()).to_contain_text("No code in time. Please enter the six digits again.")
    expect(phone_page.phone()).to_contain_text("2 attempts remaining")


def test_phone_rings_while_the_clock_is_frozen(phone_page: PhonePage, account: Visited) -> None:
    account.control("PUT", "/clock", {"mode": "frozen"})

    phone_page.button(RING).click()
    phone_page.answer()
    phone_page.page.keyboard.type(phone_page.shown_code())

    expect(phone_page.phone().get_by_text("Verified")).to_be_visible()


def test_extension_is_shown_while_it_is_dialed(phone_page: PhonePage, account: Visited) -> None:
    account.control("PUT", f"/phones/{MANUAL}", {"behavior": "manual", "extension": "12"})
    ringing(account, phone_page, Extension="ww12")

    phone_page.button("Answer").click()

    expect(phone_page.phone()).to_contain_text("Extension ww12 is dialed")
    expect(phone_page.phone()).to_contain_text("“Please enter the six-digit code.”")


def test_manual_phones_are_shown_before_others(phone_page: PhonePage, account: Visited) -> None:
    account.control("PUT", "/phones/default", {"behavior": "no-answer"})
    for last in range(6):
        account.validate(f"+1415555012{last}")
    account.validate(MANUAL)

    expect(phone_page.page.get_by_role("article")).to_have_count(4)
    expect(phone_page.page.get_by_role("article").first).to_have_accessible_name("+1 500-555-0018")
    expect(phone_page.page.get_by_text("and 3 more, listed below")).to_be_visible()
