"""Views of the phone page: phones, caller IDs, requests, inboxes, faults and clock."""

import json
import re
import shlex
import subprocess

import phonenumbers
import pytest
from playwright.sync_api import Locator, expect

from support.pages.phone_page import MANUAL, PhonePage, Visited
from support.waiting import PROGRAM_SECONDS

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.xdist_group("browser")]

NUMBER, WRITTEN = "+442079460958", "+44 20 7946 0958"

KINDS = ("FIXED_LINE", "MOBILE", "TOLL_FREE", "PREMIUM_RATE", "SHARED_COST", "PERSONAL_NUMBER", "VOIP", "PAGER", "UAN")

WRITE = """async (numbers) => {
  const { countryOf, readNumberingPlan, formatNumber } = await import("/phone/phone_numbers.js");
  await readNumberingPlan();
  return numbers.map((number) => [formatNumber(number), countryOf(number)]);
}"""
NAME = """(regions) => regions.map((region) => new Intl.DisplayNames(["en"], { type: "region" }).of(region))"""


def rows(page: PhonePage, name: str) -> Locator:
    return page.page.get_by_role("region", name=name).locator("tbody tr")


def test_numbers_are_formatted_like_libphonenumber(phone_page: PhonePage) -> None:
    found = [phonenumbers.example_number(region) for region in sorted(phonenumbers.SUPPORTED_REGIONS)]
    examples = [number for number in found if number]
    numbers = [phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) for number in examples]
    regions = [phonenumbers.region_code_for_number(number) for number in examples]

    shown = phone_page.page.evaluate(WRITE, numbers)

    names = phone_page.page.evaluate(NAME, regions)
    expected = [phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL) for number in examples]
    assert len(examples) > 200
    assert [written for written, _ in shown] == expected
    assert [country for _, country in shown] == names


def test_numbers_of_every_kind_are_formatted_like_libphonenumber(phone_page: PhonePage) -> None:
    kinds = [getattr(phonenumbers.PhoneNumberType, name) for name in KINDS]
    regions = sorted(phonenumbers.SUPPORTED_REGIONS)
    found = [phonenumbers.example_number_for_type(region, kind) for region in regions for kind in kinds]
    examples = [number for number in found if number]
    numbers = [phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) for number in examples]

    shown = phone_page.page.evaluate(WRITE, numbers)

    expected = [phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL) for number in examples]
    assert len(examples) > 1_000
    assert [written for written, _ in shown] == expected


def test_try_it_view_request_rings_a_phone(phone_page: PhonePage, account: Visited) -> None:
    phone_page.show("Try it")
    page = phone_page.page
    page.get_by_label("Phone number").fill(NUMBER)
    page.get_by_label("Friendly name").fill('O\'Hara "Front"')
    page.get_by_text("More parameters").click()
    page.get_by_label("StatusCallbackMethod").select_option("GET")

    phone_page.button("Send the request").click()

    expect(phone_page.button("Answer")).to_be_focused()
    [call] = account.control("GET", "/calls")["calls"]
    assert (call["phone_number"], call["friendly_name"]) == (NUMBER, 'O\'Hara "Front"')
    assert call["status_callback"] == account.inbox("phone-page")
    assert call["status_callback_method"] == "GET"


def test_refused_message_request_is_announced_and_listed(phone_page: PhonePage, account: Visited) -> None:
    phone_page.show("Clock")
    path = account.send_message()

    alert = phone_page.page.get_by_role("alert").filter(has_text=f"Refused: POST api.twilio.com{path}")
    expect(alert).to_contain_text("omit this request in tests of your application")
    phone_page.page.get_by_role("link", name=re.compile(r"^\d+ refused$")).click()
    with phone_page.page.expect_request(lambda request: request.url.endswith("/refused?limit=1")):
        pass  # without new refused requests, the page polls only the newest one
    newest = phone_page.page.get_by_role("main").get_by_role("listitem").first
    expect(newest).to_contain_text(f"POST api.twilio.com{path}")
    expect(newest).to_contain_text(
        "ringback emulates only caller IDs, their calls, accounts, owned numbers and tokens, and refused this POST"
    )


def test_ringing_phone_is_announced_in_every_view(phone_page: PhonePage, account: Visited) -> None:
    phone_page.show("Faults")
    account.validate(MANUAL)

    phone_page.page.get_by_role("link", name="A phone is ringing", exact=True).click()

    expect(phone_page.button("Answer")).to_be_visible()
    expect(phone_page.page.get_by_role("link", name="A phone is ringing", exact=True)).to_be_hidden()


def test_rejected_request_shows_the_response(phone_page: PhonePage) -> None:
    phone_page.show("Try it")
    phone_page.page.get_by_label("Phone number").fill("12")
    phone_page.page.get_by_label("Ring until I answer").uncheck()

    phone_page.button("Send the request").click()

    expect(phone_page.page.get_by_label("The last response", exact=True)).to_contain_text("21211")


def test_snippets_for_curl_python_and_node_send_the_request(phone_page: PhonePage, account: Visited) -> None:
    phone_page.show("Try it")
    phone_page.page.get_by_label("Phone number").fill(NUMBER)
    phone_page.page.get_by_label("Friendly name").fill('O\'Hara $HOME "Front"')
    curl = phone_page.page.get_by_label("The request in curl").inner_text()
    phone_page.button("Python").click()
    python = phone_page.page.get_by_label("The request in Python").inner_text()
    phone_page.button("Node").click()
    node = phone_page.page.get_by_label("The request in Node").inner_text()

    words = shlex.split(curl.replace("\\\n", " "))
    answer = subprocess.run([*words, "-sS"], capture_output=True, text=True, check=True, timeout=PROGRAM_SECONDS)  # noqa: S603

    request = json.loads(answer.stdout)
    assert (request["phone_number"], request["friendly_name"]) == (NUMBER, 'O\'Hara $HOME "Front"')
    assert account.call(request["call_sid"])["status_callback"] == account.inbox("phone-page")
    compile(python, "python", "exec")
    for line in (f'phone_number="{NUMBER}"', 'friendly_name="O\'Hara $HOME \\"Front\\""', account.auth_token):
        assert line in python
    for line in (f'phoneNumber: "{NUMBER}"', 'friendlyName: "O\'Hara $HOME \\"Front\\""', account.auth_token):
        assert line in node


def test_caller_id_is_created_and_deleted(phone_page: PhonePage, account: Visited) -> None:
    phone_page.show("Caller IDs")
    form = phone_page.page.get_by_role("form", name="Verify a number without a call")
    form.get_by_label("Phone number").fill(NUMBER)
    form.get_by_role("button").click()

    expect(rows(phone_page, "Caller IDs")).to_contain_text([WRITTEN])
    expect(rows(phone_page, "Caller IDs")).to_contain_text(["United Kingdom"])
    assert len(account.control("GET", "/caller-ids")["caller_ids"]) == 1
    phone_page.button(f"Delete {WRITTEN}").click()
    expect(phone_page.page.get_by_text("This account has no caller IDs yet.")).to_be_visible()
    assert account.control("GET", "/caller-ids") == {"caller_ids": []}


def test_new_caller_id_appears(phone_page: PhonePage, account: Visited) -> None:
    phone_page.show("Caller IDs")
    expect(phone_page.page.get_by_text("This account has no caller IDs yet.")).to_be_visible()

    account.control("POST", "/caller-ids", {"phone_number": NUMBER})

    expect(rows(phone_page, "Caller IDs")).to_contain_text([WRITTEN])


def test_error_is_shown_with_its_hint(phone_page: PhonePage) -> None:
    phone_page.show("Caller IDs")
    form = phone_page.page.get_by_role("form", name="Verify a number without a call")
    form.get_by_label("Phone number").fill("12")
    form.get_by_role("button").click()

    expect(phone_page.page.get_by_role("alert").filter(has_text="not a valid phone number")).to_contain_text(
        "+14158675309"
    )
    phone_page.button("Dismiss this message").click()
    expect(phone_page.page.get_by_role("alert").filter(has_text="not a valid phone number")).to_have_count(0)


def test_rule_is_saved_and_deleted(phone_page: PhonePage, account: Visited) -> None:
    phone_page.show("Phones")
    form = phone_page.page.get_by_role("form", name="A rule, for every call")
    form.get_by_label("Phone number").fill(NUMBER)
    form.get_by_label("Behavior").select_option("mistype-once")
    form.get_by_label("Seconds until it is answered").fill("0.5")
    phone_page.button("Save the rule").click()

    row = rows(phone_page, "Phones with a rule").filter(has_text=WRITTEN)
    expect(row).to_contain_text("mistype-once")
    phone = account.control("GET", f"/phones/{NUMBER}")
    assert (phone["behavior"], phone["ring_seconds"], phone["source"]) == ("mistype-once", 0.5, "rule")
    phone_page.button(f"Delete rule of {WRITTEN}").click()
    expect(row).to_have_count(0)
    assert account.control("GET", "/phones") == {"phones": [], "scripts": []}


def test_script_is_queued(phone_page: PhonePage, account: Visited) -> None:
    phone_page.show("Phones")
    form = phone_page.page.get_by_role("form", name="A script, for the next calls")
    form.get_by_label("Phone number").fill(NUMBER)
    for behavior in ("busy", "manual"):
        form.get_by_label("Behavior in the next call").select_option(behavior)
        phone_page.button("Add to the script").click()
    expect(form.get_by_role("listitem")).to_have_text(["busy", "manual"])
    phone_page.button("Queue the script").click()

    expect(rows(phone_page, "Phones with a rule").filter(has_text=WRITTEN)).to_contain_text("busy, manual")
    script = account.control("GET", f"/phones/{NUMBER}/script")["script"]
    assert [entry["behavior"] for entry in script] == ["busy", "manual"]


def test_requests_are_listed_with_their_parameters(phone_page: PhonePage, account: Visited) -> None:
    account.validate(NUMBER, FriendlyName="Front desk")

    phone_page.show("Requests")

    summary = phone_page.page.get_by_text("create-validation-request")
    expect(summary).to_be_visible()
    summary.click()
    expect(phone_page.page.get_by_role("main")).to_contain_text("FriendlyNameFront desk")


def test_inbox_shows_messages_with_verdicts_and_deletes_them(phone_page: PhonePage, account: Visited) -> None:
    account.wait_for("callback.delivered", account.validate(NUMBER, StatusCallback=account.inbox("app"))["call_sid"])
    account.http.post(account.inbox("app"), data={"a": "<b>bold</b>"})

    phone_page.show("Inbox")
    phone_page.page.get_by_label("Another inbox (any name)").fill("app")
    phone_page.button("Open").click()

    expect(phone_page.page.locator(".attempt summary .badge")).to_have_text(["signature invalid", "signature valid"])
    phone_page.page.locator(".attempt summary").first.click()
    expect(phone_page.page.get_by_text("<b>bold</b>")).to_be_visible()
    phone_page.button("Delete the messages").click()
    expect(phone_page.page.get_by_text("This inbox has no messages. Use its URL as StatusCallback.")).to_be_visible()
    assert account.control("GET", "/inbox/app/messages") == {"messages": []}


def test_inbox_with_an_undecodable_name_does_not_break_views(phone_page: PhonePage, account: Visited) -> None:
    for name in ("%E0%A4%A", "b%C3%BCro"):
        account.validate(NUMBER, StatusCallback=account.inbox(name))
    expect(phone_page.row(WRITTEN)).to_have_count(2)

    phone_page.show("Inbox")

    names = phone_page.page.get_by_role("region", name="Inboxes").locator(".entry .number")
    expect(names.filter(has_text="phone-page")).to_have_count(1)
    expect(names.filter(has_text="büro")).to_have_count(1)


def test_fault_is_created_triggered_and_deleted(phone_page: PhonePage, account: Visited) -> None:
    phone_page.show("Faults")
    page = phone_page.page
    page.get_by_label("What").select_option(label="answered 503, unavailable")
    page.get_by_label("How often").select_option("2")
    phone_page.button("Create the fault").click()
    expect(rows(phone_page, "Faults")).to_contain_text(["create-validation-request"])

    path = f"/2010-04-01/Accounts/{account.sid}/OutgoingCallerIds.json"
    response = account.http.post(path, data={"PhoneNumber": NUMBER}, auth=(account.sid, account.auth_token))

    assert response.status_code == 503
    expect(rows(phone_page, "Faults")).to_contain_text(["1 of 1"])
    phone_page.button("Delete all faults").click()
    expect(page.get_by_text("This account has no faults.")).to_be_visible()
    assert account.control("GET", "/faults") == {"faults": []}


def test_faults_view_offers_other_effects_for_callbacks(phone_page: PhonePage, account: Visited) -> None:
    phone_page.show("Faults")
    phone_page.page.get_by_label("Where").select_option("status-callback")
    phone_page.page.get_by_label("What").select_option(label="sent twice")
    phone_page.button("Create the fault").click()

    expect(rows(phone_page, "Faults")).to_contain_text(["duplicate 2"])
    [fault] = account.control("GET", "/faults")["faults"]
    assert (fault["operation"], fault["effect"]) == ("status-callback", {"duplicate": 2})


def test_clock_is_frozen_advanced_set_and_run(phone_page: PhonePage, account: Visited) -> None:
    phone_page.show("Clock")
    page = phone_page.page
    phone_page.button("Freeze the clock").click()
    expect(page.get_by_role("banner")).to_contain_text("frozen")
    sid = account.validate(NUMBER, CallDelay="60")["call_sid"]
    phone_page.button("10 minutes").click()
    expect(page.get_by_text("Advanced by 10 minutes")).to_be_visible()
    assert account.call(sid)["status"] == "completed"

    page.get_by_label("Date and time, in your time zone").fill("2030-06-01T12:00:00")
    phone_page.button("Set").click()
    expect(page.locator(".big-time")).to_contain_text("1 Jun 2030, 12:00:00")
    assert account.control("GET", "/clock")["now"].startswith("2030-06-01")
    phone_page.button("Run the clock").click()
    expect(page.get_by_role("banner")).not_to_contain_text("frozen")
    assert account.control("GET", "/clock")["mode"] == "running"


def test_account_is_reset_after_confirmation(phone_page: PhonePage, account: Visited) -> None:
    account.validate(MANUAL)
    phone_page.show("Account")
    expect(phone_page.page.get_by_role("main")).to_contain_text(account.auth_token)

    phone_page.button("Reset this account …").click()
    phone_page.button("No").click()
    assert len(account.control("GET", "/calls")["calls"]) == 1
    phone_page.button("Reset this account …").click()
    phone_page.button("Reset this account: yes").click()

    expect(phone_page.page.get_by_text("The reset is complete")).to_be_visible()
    assert account.control("GET", "/calls") == {"calls": []}
    phone_page.show("Calls")
    expect(phone_page.button("Ring a phone you answer yourself")).to_be_visible()


def test_account_is_created_and_another_one_selected(phone_page: PhonePage, account: Visited) -> None:
    account.validate(MANUAL)
    phone_page.show("Account")
    phone_page.page.get_by_label("New account name").fill("A second one")
    phone_page.button("Create an account").click()
    expect(phone_page.page.get_by_role("main")).to_contain_text("NameA second one")
    phone_page.show("Calls")
    expect(phone_page.button("Answer")).to_have_count(0)

    phone_page.page.get_by_role("combobox", name="Account").select_option(account.sid)

    expect(phone_page.button("Answer")).to_be_visible()
    expect(phone_page.page).to_have_url(re.compile(f"account={account.sid}"))
