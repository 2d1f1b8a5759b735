"""Updates that end a validation call. Rules: docs/fidelity.md, Call."""

from typing import Any

import httpx
import pytest
from lxml import etree

from support.receivers.receiver import CallbackReceiver
from support.wire.api import SILENT_NUMBER, XML_DECLARATION, Api, draw_number, error_of, eventually
from support.wire.calls import (
    CALL_ELEMENTS,
    CALL_FIELDS,
    LONGEST_DELAY,
    UNKNOWN_CALL_SID,
    call_path,
    ended,
    fetch_call,
    request_call,
)
from support.wire.rows import SeededAccounts

LONG_EXTENSION = "w" * 50
"""An extension with pauses that keep a call in progress for 25 seconds."""
OTHER_PARAMETERS = (
    *("Url", "Method", "FallbackUrl", "FallbackMethod", "Twiml", "StatusCallback", "StatusCallbackMethod", "TimeLimit"),
)


def update(api: Api, sid: str, suffix: str = ".json", **form: Any) -> httpx.Response:
    return api.request("POST", call_path(api, sid, suffix), data=form)


def in_progress(api: Api, **form: Any) -> str:
    """Return the SID of a call that stays in progress."""
    sid = request_call(api, Extension=LONG_EXTENSION, **form)
    eventually(lambda: fetch_call(api, sid)["status"] == "in-progress")
    return sid


@pytest.mark.parametrize("status", ["canceled", "completed"])
def test_queued_call_ended_by_a_client_is_canceled(api: Api, status: str) -> None:
    sid = request_call(api, CallDelay=LONGEST_DELAY)

    answer = update(api, sid, Status=status)

    call = answer.json()
    assert (answer.status_code, list(call), call["sid"]) == (200, CALL_FIELDS, sid)
    assert (call["status"], call["start_time"], call["end_time"], call["duration"]) == ("canceled", None, None, None)
    assert fetch_call(api, sid) == call


def test_call_in_progress_can_be_completed_but_not_canceled(api: Api) -> None:
    sid = in_progress(api)

    canceled, completed = update(api, sid, Status="canceled"), update(api, sid, Status="completed")

    assert (canceled.status_code, canceled.json()["status"]) == (200, "in-progress")
    assert (completed.status_code, completed.json()["status"]) == (200, "completed")
    assert completed.json()["duration"].isdecimal()
    assert fetch_call(api, sid) == completed.json()


@pytest.mark.parametrize("suffix", ["", ".json", ".csv"])
@pytest.mark.parametrize("status", ["canceled", "completed"])
def test_ended_call_cannot_be_updated(seeded: SeededAccounts, status: str, suffix: str) -> None:
    before = ended(seeded.stranger, request_call(seeded.stranger, "+15005550016"))

    answer = update(seeded.stranger, before["sid"], suffix, Status=status)

    error = error_of(answer)
    assert (error.status, error.code, error.message) == (400, 21220, "Call is not in-progress. Cannot redirect.")
    assert fetch_call(seeded.stranger, before["sid"]) == before


@pytest.mark.parametrize("form", [{}, *({"Status": text} for text in ("", "cancelled", "Completed", "busy", "queued"))])
def test_call_update_accepts_only_the_statuses_canceled_and_completed(api: Api, form: dict[str, str]) -> None:
    sid = request_call(api, CallDelay=LONGEST_DELAY)

    answer = update(api, sid, **form)

    assert (answer.status_code, error_of(answer).code) == (400, 20001)
    shown = " ".join(["Invalid Status", *filter(None, form.values())])
    assert error_of(answer).message == f"{shown}: must be canceled or completed"
    assert fetch_call(api, sid)["status"] == "queued"


@pytest.mark.parametrize("name", OTHER_PARAMETERS)
def test_call_update_error_names_the_unsupported_parameters(api: Api, name: str) -> None:
    sid = request_call(api, CallDelay=LONGEST_DELAY)

    answer = update(api, sid, Status="completed", **{name: "1"})

    assert (answer.status_code, error_of(answer).code) == (400, 20001)
    assert f" {name}, " in error_of(answer).message
    assert fetch_call(api, sid)["status"] == "queued"


def test_call_of_another_account_cannot_be_ended(api: Api, anonymous_api: Api, seeded: SeededAccounts) -> None:
    sid = request_call(seeded.stranger, SILENT_NUMBER, CallDelay=LONGEST_DELAY)

    answers = [
        update(api, sid, Status="canceled"),
        update(api, UNKNOWN_CALL_SID, Status="canceled"),
        anonymous_api.request("POST", call_path(seeded.stranger, sid), data={"Status": "canceled"}),
    ]

    assert [(answer.status_code, error_of(answer).code) for answer in answers] == [
        (404, 20404),
        (404, 20404),
        (401, 20003),
    ]
    assert fetch_call(seeded.stranger, sid)["status"] == "queued"


@pytest.mark.parametrize("suffix", ["", ".xml"])
def test_call_update_can_return_xml(api: Api, suffix: str) -> None:
    answer = update(api, request_call(api, CallDelay=LONGEST_DELAY), suffix, Status="canceled")

    [call] = etree.fromstring(answer.content)
    assert answer.content.startswith(XML_DECLARATION + b"<TwilioResponse><Call><Sid>")
    assert [element.tag for element in call] == CALL_ELEMENTS
    assert call.findtext("Status") == "canceled"


def test_call_ended_by_a_client_has_the_verification_status_failed(api: Api) -> None:
    number = draw_number()
    with CallbackReceiver() as receiver:
        sid = request_call(api, number, CallDelay=LONGEST_DELAY, StatusCallback=receiver.url)
        update(api, sid, Status="completed")
        [received] = receiver.wait_for(1)

    told = {name: received.form[name] for name in ("CallSid", "CallStatus", "VerificationStatus", "CallDuration")}
    assert told == {"CallSid": sid, "CallStatus": "canceled", "VerificationStatus": "failed", "CallDuration": "0"}
    assert api.find(number) is None


def test_number_of_a_call_ended_by_a_client_can_be_verified(api: Api) -> None:
    number = draw_number()
    update(api, request_call(api, number, CallDelay=LONGEST_DELAY), Status="canceled")

    [caller_id] = api.verify(number)

    assert caller_id["phone_number"] == number


def test_calls_ended_by_clients_are_listed_as_canceled(api: Api) -> None:
    number = draw_number()
    sid = request_call(api, number, CallDelay=LONGEST_DELAY)
    update(api, sid, Status="canceled")

    listed = api.request(
        "GET", call_path(api, "").removesuffix("/.json") + ".json", params={"To": number, "Status": "canceled"}
    )

    assert [call["sid"] for call in listed.json()["calls"]] == [sid]
