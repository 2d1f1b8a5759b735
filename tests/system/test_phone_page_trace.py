"""The phone page: the trace of a verification, with its StatusCallback, and the escaping of external text."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Dialog, expect

from support.pages.phone_page import MANUAL, PhonePage, Visited
from support.receivers.receiver import Answer, CallbackReceiver

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.xdist_group("browser")]

NUMBER, WRITTEN = "+442079460958", "+44 20 7946 0958"
HTML = "<img src=x onerror=alert(1)>"


@pytest.fixture
def no_dialog(phone_page: PhonePage) -> Iterator[None]:
    """Fail if a script opens a dialog."""
    opened: list[str] = []

    def dismiss(dialog: Dialog) -> None:
        opened.append(dialog.message)
        dialog.dismiss()

    phone_page.page.on("dialog", dismiss)
    yield
    phone_page.page.remove_listener("dialog", dismiss)
    assert opened == []


def verified(account: Visited, page: PhonePage, **parameters: str) -> str:
    """Verify a number with an automatic phone, wait for its StatusCallback, and open its trace."""
    sid: str = account.validate(NUMBER, **parameters)["call_sid"]
    account.wait_for("callback.delivered" if "StatusCallback" in parameters else "call.ended", sid)
    page.row(WRITTEN).click()
    return sid


def test_trace_shows_every_step_from_the_request_to_the_callback(phone_page: PhonePage, account: Visited) -> None:
    sid = verified(account, phone_page, FriendlyName="Front desk", StatusCallback=account.inbox("app"))

    titles = phone_page.trace.locator(".title")
    expect(titles.filter(has_text="StatusCallback delivered 1 attempt")).to_be_visible()
    call = account.call(sid)
    code = call["validation_code"]
    assert [title.partition(", ")[0] for title in titles.all_inner_texts()] == [
        "API request: verify this number 200",
        "Queued: the number is called immediately",
        "The phone is ringing",
        "Answered: the prompt asks for the code",
        f"{code} entered: the correct code",
        "Call ended: completed",
        "Caller ID created",
        "StatusCallback delivered 1 attempt",
    ]
    expect(phone_page.trace.get_by_role("code").filter(has_text=call["outgoing_caller_id_sid"])).to_be_visible()
    assert all(time.startswith("+") for time in phone_page.trace.locator(".step > .time").all_inner_texts())


def test_request_of_a_trace_expands_to_its_parameters(phone_page: PhonePage, account: Visited) -> None:
    verified(account, phone_page, FriendlyName="Front desk")

    phone_page.trace.get_by_text("/OutgoingCallerIds.json").click()

    expect(phone_page.trace.locator(".step.request")).to_contain_text("FriendlyNameFront desk")


def test_callback_expands_to_its_request_and_response(phone_page: PhonePage, account: Visited) -> None:
    sid = verified(account, phone_page, StatusCallback=account.inbox("app"))

    attempt = phone_page.trace.locator(".attempt")
    attempt.locator("summary").click()

    [sent] = account.control("GET", f"/calls/{sid}/callbacks")["callbacks"]
    for shown in ("signature valid", "Valid for the URL and the parameters", "204 without a body"):
        expect(attempt).to_contain_text(shown)
    filled = {name: value for name, value in sent["parameters"].items() if value}
    for name, value in [*sent["headers"].items(), *filled.items()]:
        expect(attempt).to_contain_text(f"{name}{value}")
    empty = [name for name in sent["parameters"] if name not in filled]
    expect(attempt).to_contain_text(f"{len(empty)} empty parameters: {', '.join(empty)}")
    assert attempt.inner_text().count(account.inbox("app")) == 1


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_trace_shows_the_signature_and_that_it_is_valid(phone_page: PhonePage, account: Visited, method: str) -> None:
    with CallbackReceiver() as app:
        sid = verified(account, phone_page, StatusCallback=f"{app.url}/done", StatusCallbackMethod=method)
    attempt = phone_page.trace.locator(".attempt")
    attempt.locator("summary").click()

    [sent] = account.control("GET", f"/calls/{sid}/callbacks")["callbacks"]
    signed = "".join(name + value for name, value in sorted(sent["parameters"].items()))
    for shown in (
        "signature valid",
        f"X-Twilio-Signature{sent['headers']['X-Twilio-Signature']}",
        f"sorted by name: {signed}" if method == "POST" else "only the URL, including its query",
        "A receiver behind a proxy may see a different URL",
    ):
        expect(attempt).to_contain_text(shown)


@pytest.mark.parametrize(
    ("lost", "told", "shown"),
    [
        (
            "**/callbacks",
            "The journal of the StatusCallback cannot be read: out of order",
            "API request: verify this number 200",
        ),
        ("**/requests?*", "The request journal cannot be read: out of order", "StatusCallback delivered"),
    ],
)
def test_failed_request_does_not_hide_other_data(
    phone_page: PhonePage, account: Visited, lost: str, told: str, shown: str
) -> None:
    refusal = {"status": 500, "json": {"error": "out of order", "hint": ""}}
    phone_page.page.route(lost, lambda route: route.fulfill(**refusal))

    try:
        verified(account, phone_page, StatusCallback=account.inbox("app"))

        expect(phone_page.trace).to_contain_text(told)
        expect(phone_page.trace).to_contain_text(shown)
    finally:
        phone_page.page.unroute(lost)


def test_name_with_bidi_characters_does_not_reverse_the_text(phone_page: PhonePage, account: Visited) -> None:
    verified(account, phone_page, FriendlyName="\u202eמשרד 12")

    expect(phone_page.trace.locator("bdi").first).to_have_text("\u202eמשרד 12")


def test_invalid_signature_is_shown(phone_page: PhonePage, account: Visited) -> None:
    account.control("POST", "/faults", {"operation": "status-callback", "effect": {"signature": "bad"}})

    verified(account, phone_page, StatusCallback=account.inbox("app"))

    expect(phone_page.trace.locator(".attempt")).to_contain_text("signature invalid")
    expect(phone_page.trace.locator(".attempt")).to_contain_text(
        "it was signed with an auth token that belongs to no account"
    )


def test_callback_is_sent_again(phone_page: PhonePage, account: Visited) -> None:
    verified(account, phone_page, StatusCallback=account.inbox("app"))

    phone_page.button("Send again").click()

    expect(phone_page.trace).to_contain_text("StatusCallback delivered 2 attempts")
    expect(phone_page.trace.get_by_text("signature valid")).to_have_count(2)
    assert len(account.control("GET", "/inbox/app/messages")["messages"]) == 2


def test_failed_verification_shows_its_reason_and_no_caller_id(phone_page: PhonePage, account: Visited) -> None:
    sid = account.validate("+15005550011", StatusCallback="http://127.0.0.1:9/nowhere")["call_sid"]
    account.wait_for("callback.failed", sid)

    phone_page.row("500-555-0011").click()

    expect(phone_page.trace).to_contain_text("a wrong code, the last attempt")
    expect(phone_page.trace).to_contain_text("No caller ID was created")
    expect(phone_page.trace).to_contain_text("StatusCallback failed 2 attempts")
    expect(phone_page.trace.get_by_text("no answer")).to_have_count(2)
    expect(phone_page.trace.get_by_text("did not reach a receiver")).to_have_count(2)


def test_trace_is_updated_during_the_call(phone_page: PhonePage, account: Visited) -> None:
    request = account.validate(MANUAL)
    sid = request["call_sid"]
    phone_page.row().click()
    expect(phone_page.trace).to_contain_text("The call is in progress")

    account.control("POST", f"/calls/{sid}/answer")
    account.control("POST", f"/calls/{sid}/digits", {"digits": request["validation_code"]})

    expect(phone_page.trace).to_contain_text("Call ended: completed, verification success")
    expect(phone_page.trace).to_contain_text("No StatusCallback was requested")


@pytest.mark.usefixtures("no_dialog")
def test_external_text_is_escaped(phone_page: PhonePage, account: Visited) -> None:
    page = f"<h1>Gone</h1><script>alert(2)</script>{HTML}"
    with CallbackReceiver(lambda _: Answer(404, {"Content-Type": "text/html"}, page.encode())) as app:
        account.control("PUT", "/phones/default", {"behavior": "enter-code", "ring_seconds": 1})
        sid = account.validate(NUMBER, FriendlyName=HTML, StatusCallback=f"{app.url}/page")["call_sid"]
        expect(phone_page.phone(WRITTEN)).to_contain_text(HTML)
        account.wait_for("callback.failed", sid)
        phone_page.row(WRITTEN).click()
        phone_page.trace.locator(".attempt summary").first.click()

        expect(phone_page.trace.get_by_role("heading", name="Answer")).to_be_visible()
        expect(phone_page.trace.locator("pre")).to_have_text(page)
        expect(phone_page.row(WRITTEN)).to_contain_text(HTML)
        for view in ("Caller IDs", "Requests"):
            phone_page.show(view)
            expect(phone_page.page.get_by_role("main")).to_contain_text(HTML if view == "Caller IDs" else NUMBER)
        assert phone_page.page.locator("img").count() == 0
