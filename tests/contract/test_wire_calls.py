"""The Call resource of a validation call, fetched by its CallSid. Rules: docs/fidelity.md, Call."""

import csv
import io
from email.utils import parsedate_to_datetime

import pytest
from lxml import etree

from support.wire.api import (
    SILENT_NUMBER,
    UNKNOWN_SID,
    UNREACHABLE_NUMBER,
    XML_DECLARATION,
    Api,
    draw_foreign_number,
    draw_number,
    error_of,
    eventually,
)
from support.wire.calls import (
    CALL_ELEMENTS,
    CALL_FIELDS,
    LONGEST_DELAY,
    UNKNOWN_CALL_SID,
    Call,
    call_path,
    ended,
    fetch_call,
    request_call,
)
from support.wire.rows import SeededAccounts
from support.wire.sockets import RawConnection

SUFFIXES = {"": "application/xml", ".xml": "application/xml", ".json": "application/json", ".csv": "text/csv"}
COURSE = ["queued", "ringing", "in-progress", "completed"]


@pytest.fixture(scope="module")
def completed(api: Api) -> Call:
    """Return a call that has successfully verified its number."""
    return ended(api, request_call(api))


def test_call_is_shown_in_each_status_from_queued_to_completed(api: Api) -> None:
    number = draw_number()
    waiting = request_call(api, number, CallDelay=LONGEST_DELAY)
    seen = [fetch_call(api, waiting)["status"]]
    dialed = request_call(api, number)

    def look() -> bool:
        seen.append(fetch_call(api, dialed)["status"])
        return "completed" in seen

    eventually(look)
    assert seen[0] == "queued"
    assert seen == sorted(seen, key=COURSE.index)


def test_completed_call_has_the_fields_of_the_openapi_description_in_order(api: Api) -> None:
    number = draw_number()

    call = ended(api, request_call(api, number))

    shown = f"({number[2:5]}) {number[5:8]}-{number[8:]}"
    assert list(call) == CALL_FIELDS
    assert call == {
        "sid": call["sid"],
        "date_created": call["date_created"],
        "date_updated": call["end_time"],
        "parent_call_sid": None,
        "account_sid": api.account_sid,
        "to": number,
        "to_formatted": shown,
        "from": "+14157234000",
        "from_formatted": "(415) 723-4000",
        "phone_number_sid": None,
        "status": "completed",
        "start_time": call["start_time"],
        "end_time": call["end_time"],
        "duration": call["duration"],
        "price": None,
        "price_unit": "USD",
        "direction": "outbound-api",
        "answered_by": None,
        "api_version": "2010-04-01",
        "forwarded_from": None,
        "group_sid": None,
        "caller_name": "",
        "queue_time": "0",
        "trunk_sid": None,
        "uri": call_path(api, call["sid"]),
        "subresource_uris": {"notifications": f"{call_path(api, call['sid'], '')}/Notifications.json"},
    }


def test_completed_call_has_a_start_an_end_and_a_duration(completed: Call) -> None:
    created, started, ended_at = (
        parsedate_to_datetime(completed[name]) for name in ("date_created", "start_time", "end_time")
    )

    assert created <= started <= ended_at
    assert completed["duration"].isdecimal()
    assert int(completed["duration"]) <= (ended_at - started).total_seconds() + 1


def test_queued_call_has_no_times(api: Api) -> None:
    call = fetch_call(api, request_call(api, CallDelay=LONGEST_DELAY))

    assert (call["status"], call["date_updated"]) == ("queued", call["date_created"])
    assert (call["start_time"], call["end_time"], call["duration"]) == (None, None, None)


def test_foreign_number_of_a_call_is_formatted_as_e164(api: Api) -> None:
    number = draw_foreign_number()

    call = fetch_call(api, request_call(api, number))

    assert (call["to"], call["to_formatted"]) == (number, number)


@pytest.mark.parametrize(
    ("number", "status"),
    [
        ("+15005550014", "busy"),
        ("+15005550015", "no-answer"),
        (UNREACHABLE_NUMBER, "failed"),
    ],
)
def test_call_that_does_not_complete_has_a_start_but_no_end_and_no_duration(
    seeded: SeededAccounts, number: str, status: str
) -> None:
    call = ended(seeded.stranger, request_call(seeded.stranger, number))

    assert call["status"] == status
    assert call["start_time"] is not None
    assert (call["end_time"], call["duration"]) == (None, None)


def test_call_superseded_before_dialing_is_failed_and_has_no_start(api: Api) -> None:
    number = draw_number()
    older = request_call(api, number, CallDelay=LONGEST_DELAY)

    request_call(api, number)

    call = fetch_call(api, older)
    assert (call["status"], call["start_time"], call["end_time"]) == ("failed", None, None)


@pytest.mark.parametrize("suffix", ["", ".xml"])
def test_call_in_xml_has_an_element_for_each_field(api: Api, completed: Call, suffix: str) -> None:
    answer = api.request("GET", call_path(api, completed["sid"], suffix))

    [call] = etree.fromstring(answer.content)
    shown = {name: call.findtext(element) for name, element in zip(CALL_FIELDS, CALL_ELEMENTS, strict=True)}
    in_json = {name: value or "" for name, value in completed.items()} | {"subresource_uris": ""}
    assert answer.content.startswith(XML_DECLARATION + b"<TwilioResponse><Call><Sid>")
    assert [element.tag for element in call] == CALL_ELEMENTS
    assert shown == in_json | {"uri": call_path(api, completed["sid"], "")}
    assert b"<Price/>" in answer.content
    path = call_path(api, completed["sid"], "")
    subresources = f"<SubresourceUris><Notifications>{path}/Notifications</Notifications></SubresourceUris>"
    assert answer.text.endswith(f"{subresources}</Call></TwilioResponse>")


def test_call_in_csv_is_one_row_without_its_subresources(api: Api, completed: Call) -> None:
    answer = api.request("GET", call_path(api, completed["sid"], ".csv"))

    header, row = csv.reader(io.StringIO(answer.text))
    cells = dict(zip(header, row, strict=True))
    assert header == CALL_ELEMENTS[:-1]
    assert (cells["Sid"], cells["Status"], cells["Price"]) == (completed["sid"], "completed", "")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_suffix_selects_the_representation_of_a_call(api: Api, completed: Call, suffix: str) -> None:
    answer = api.request("GET", call_path(api, completed["sid"], suffix))

    assert (answer.status_code, answer.headers["content-type"]) == (200, SUFFIXES[suffix])


@pytest.mark.parametrize("suffix", ["", ".json", ".csv"])
@pytest.mark.parametrize("sid", [UNKNOWN_CALL_SID, UNKNOWN_SID, "CA1", "%00", "x" * 1000, "\u00e9"])
def test_unknown_call_is_not_found(api: Api, sid: str, suffix: str) -> None:
    answer = api.request("GET", call_path(api, sid, suffix))

    assert (answer.status_code, error_of(answer).code) == (404, 20404)


def test_call_sid_is_case_sensitive(api: Api, completed: Call) -> None:
    answer = api.request("GET", call_path(api, "CA" + completed["sid"][2:].upper() + "A"))

    assert (answer.status_code, error_of(answer).code) == (404, 20404)


def test_call_of_an_unrelated_account_is_not_found(api: Api, seeded: SeededAccounts) -> None:
    sid = request_call(seeded.stranger, SILENT_NUMBER)

    answers = [api.request("GET", call_path(api, sid)), seeded.stranger.request("GET", call_path(seeded.stranger, sid))]

    assert [answer.status_code for answer in answers] == [404, 200]
    assert error_of(answers[0]).message == f"The requested resource {call_path(api, sid)} was not found"


def test_parent_can_fetch_the_calls_of_its_subaccount(seeded: SeededAccounts) -> None:
    form = {"PhoneNumber": SILENT_NUMBER}
    sid = seeded.parent.request("POST", f"{seeded.sub.path}.json", data=form).json()["call_sid"]

    answer = seeded.parent.request("GET", call_path(seeded.sub, sid))
    on_its_own_path = seeded.parent.request("GET", call_path(seeded.parent, sid))

    assert (answer.status_code, answer.json()["account_sid"]) == (200, seeded.sub.account_sid)
    assert on_its_own_path.status_code == 404


def test_call_requires_credentials(anonymous_api: Api, completed: Call) -> None:
    answer = anonymous_api.request("GET", call_path(anonymous_api, completed["sid"]))

    assert (answer.status_code, error_of(answer).code) == (401, 20003)


@pytest.mark.parametrize("suffix", ["", ".json", ".csv"])
@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("exists", [True, False])
def test_call_allows_only_get_and_post(api: Api, completed: Call, method: str, suffix: str, *, exists: bool) -> None:
    sid = completed["sid"] if exists else UNKNOWN_CALL_SID

    answer = api.request(method, call_path(api, sid, suffix), data={"Status": "completed"})

    error = error_of(answer)
    assert (error.status, error.code, error.message) == (405, 20004, "Method not allowed")
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS, POST"
    assert fetch_call(api, completed["sid"]) == completed


@pytest.mark.parametrize("suffix", ["", ".json", ".csv"])
@pytest.mark.parametrize("exists", [True, False])
def test_head_request_for_a_call_gets_the_headers_of_get_without_a_body(
    api: Api, completed: Call, suffix: str, *, exists: bool
) -> None:
    target = call_path(api, completed["sid"] if exists else UNKNOWN_CALL_SID, suffix)

    with RawConnection(api) as connection:
        head, get = (connection.ask(method, target) for method in ("HEAD", "GET"))

    shown = [(answer.status, answer.header("content-type"), answer.header("content-length")) for answer in (head, get)]
    assert shown[0] == shown[1]
    assert head.body == b""
    assert get.header("content-length") == str(len(get.body))
