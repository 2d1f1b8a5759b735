"""The phone page: labels of calls that an application ended or geo permissions blocked."""

import pytest
from playwright.sync_api import expect

from support.pages.phone_page import MANUAL, PhonePage, Visited

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.xdist_group("browser")]

LABEL = """async (calls) => {
  const { describeTimelineEntry, outcome } = await import("/phone/labels.js");
  return calls.map((call) => [outcome(call)[1], describeTimelineEntry(call.timeline.at(-2), call)[1]]);
}"""
BLOCKED = "+15005550019"


def end(account: Visited, sid: str, status: str) -> None:
    path = f"/2010-04-01/Accounts/{account.sid}/Calls/{sid}.json"
    answer = account.http.post(path, data={"Status": status}, auth=(account.sid, account.auth_token))
    assert answer.status_code == 200, answer.text


def test_calls_ended_by_an_application_or_geo_permissions_are_labeled(phone_page: PhonePage, account: Visited) -> None:
    waiting = account.validate("+14158675309", CallDelay="60")["call_sid"]
    answered = account.validate()["call_sid"]
    account.wait_for("call.ringing", answered)
    account.control("POST", f"/calls/{answered}/answer")
    blocked = account.validate(BLOCKED)["call_sid"]
    account.wait_for("call.ended", blocked)

    end(account, waiting, "canceled")
    end(account, answered, "completed")

    labels = phone_page.page.evaluate(LABEL, [account.call(sid) for sid in (waiting, answered, blocked)])
    assert labels == [
        ["Canceled", "Canceled by the application"],
        ["Ended by the application", "Ended by the application"],
        ["Country blocked", "Not called: geo permissions block its country"],
    ]
    expect(phone_page.page.get_by_text("Country blocked").first).to_be_visible()
    assert account.call(answered)["phone_number"] == MANUAL
