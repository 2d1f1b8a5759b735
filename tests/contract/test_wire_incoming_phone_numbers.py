"""Numbers that an account owns at Twilio. Rules: docs/fidelity.md, IncomingPhoneNumber."""

import csv
import io
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from lxml import etree

from support.wire.api import UNKNOWN_SID, Api, error_of
from support.wire.calls import account_path
from support.wire.openapi import field_names
from support.wire.rows import SeededAccounts

DESK, PLAIN, FOREIGN = "+15105556060", "+15105556161", "+442079460000"
NEWEST_FIRST = [FOREIGN, PLAIN, DESK]
SUFFIXES = {"": "application/xml", ".xml": "application/xml", ".json": "application/json", ".csv": "text/csv"}


def path_of(api: Api) -> str:
    return f"{account_path(api)}/IncomingPhoneNumbers"


def page_of(api: Api, **query: str) -> dict[str, Any]:
    answer = api.request("GET", f"{path_of(api)}.json", params=query)
    assert answer.status_code == httpx.codes.OK
    page: dict[str, Any] = answer.json()
    return page


def listed(api: Api, **query: str) -> list[str]:
    return [row["phone_number"] for row in page_of(api, **query)["incoming_phone_numbers"]]


def test_incoming_phone_number_has_the_fields_of_the_openapi_description_in_order(seeded: SeededAccounts) -> None:
    [number] = page_of(seeded.parent, PhoneNumber=PLAIN)["incoming_phone_numbers"]

    assert list(number) == field_names("api.v2010.account.incoming_phone_number")
    assert number["sid"].startswith("PN")
    expected = {
        "account_sid": seeded.parent.account_sid,
        "phone_number": PLAIN,
        "friendly_name": "(510) 555-6161",
        "date_created": "Wed, 29 Feb 2012 12:00:00 +0000",
        "date_updated": "Wed, 29 Feb 2012 12:00:00 +0000",
        "uri": f"{path_of(seeded.parent)}/{number['sid']}.json",
        "capabilities": {"voice": True, "sms": True, "mms": True, "fax": False},
        "beta": False,
        "origin": "twilio",
        "status": "in-use",
        "trunk_sid": None,
    }
    assert {name: number[name] for name in expected} == expected


def test_list_of_incoming_phone_numbers_of_a_new_account_is_empty(seeded: SeededAccounts) -> None:
    page = page_of(seeded.empty)

    assert (page["incoming_phone_numbers"], page["start"], page["end"]) == ([], 0, 0)
    assert (page["next_page_uri"], page["previous_page_uri"]) == (None, None)


def test_incoming_phone_numbers_are_listed_newest_first_and_can_be_fetched(seeded: SeededAccounts) -> None:
    rows = page_of(seeded.parent)["incoming_phone_numbers"]

    assert [row["phone_number"] for row in rows] == NEWEST_FIRST
    assert [seeded.parent.request("GET", row["uri"]).json() for row in rows] == rows


def test_incoming_phone_number_of_another_account_is_not_found(seeded: SeededAccounts) -> None:
    [number] = page_of(seeded.parent, PhoneNumber=PLAIN)["incoming_phone_numbers"]

    for api, sid in ((seeded.sub, number["sid"]), (seeded.parent, UNKNOWN_SID)):
        error = error_of(api.request("GET", f"{path_of(api)}/{sid}.json"))
        assert (error.status, error.code) == (404, 20404)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"PhoneNumber": DESK}, [DESK]),
        ({"PhoneNumber": "510555"}, [PLAIN, DESK]),
        ({"PhoneNumber": "(510) 555-6060"}, [DESK]),
        ({"PhoneNumber": "+1510555**6*"}, NEWEST_FIRST[1:]),
        ({"PhoneNumber": "5105556*6"}, [PLAIN, DESK]),
        ({"PhoneNumber": "+44"}, [FOREIGN]),
        ({"PhoneNumber": "999"}, []),
        ({"PhoneNumber": "desk"}, []),
        ({"FriendlyName": "desk"}, [FOREIGN, DESK]),
        ({"FriendlyName": "Desk"}, []),
        ({"FriendlyName": "desk", "PhoneNumber": "555"}, [DESK]),
        ({"Beta": "false"}, NEWEST_FIRST),
        ({"Origin": "twilio"}, NEWEST_FIRST),
        ({"Origin": "hosted"}, []),
    ],
)
def test_incoming_phone_numbers_are_filtered(
    seeded: SeededAccounts, query: dict[str, str], expected: list[str]
) -> None:
    assert listed(seeded.parent, **query) == expected


def test_page_uris_of_incoming_phone_numbers_contain_the_filters(seeded: SeededAccounts) -> None:
    parent = seeded.parent
    first = page_of(parent, PageSize="1", PhoneNumber="+", Beta="true", FriendlyName="desk")
    filters = f"FriendlyName=desk&Beta=true&PhoneNumber={quote('+')}"

    assert first["first_page_uri"] == f"{path_of(parent)}.json?{filters}&Page=0&PageSize=1"
    assert first["incoming_phone_numbers"] == []
    pages = parent.pages(parent.request("GET", f"{path_of(parent)}.json", params={"PageSize": "1"}))
    assert [row["phone_number"] for page in pages for row in page.json()["incoming_phone_numbers"]] == NEWEST_FIRST


def test_incoming_phone_number_in_xml_has_its_capabilities_as_elements(seeded: SeededAccounts) -> None:
    parent = seeded.parent
    answer = parent.request("GET", path_of(parent), params={"PhoneNumber": PLAIN})

    [[number]] = etree.fromstring(answer.content)
    capabilities = number.find("Capabilities")
    assert number.tag == "IncomingPhoneNumber"
    assert capabilities is not None
    shown = [(element.tag, element.text) for element in capabilities]
    assert shown == [("Voice", "true"), ("SMS", "true"), ("MMS", "true"), ("Fax", "false")]
    assert [number.findtext(tag) for tag in ("Beta", "SmsUrl", "TrunkSid")] == ["false", "", ""]
    assert number.findtext("Uri") == f"{path_of(parent)}/{number.findtext('Sid')}"


def test_incoming_phone_numbers_in_csv_have_one_row_each_without_capabilities(seeded: SeededAccounts) -> None:
    parent = seeded.parent
    header, *rows = csv.reader(io.StringIO(parent.request("GET", f"{path_of(parent)}.csv").text))

    assert "Capabilities" not in header
    assert [row[header.index("PhoneNumber")] for row in rows] == NEWEST_FIRST
    assert {row[header.index("Beta")] for row in rows} == {"false"}


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_suffix_selects_the_representation_of_incoming_phone_numbers(seeded: SeededAccounts, suffix: str) -> None:
    [number] = page_of(seeded.parent, PhoneNumber=PLAIN)["incoming_phone_numbers"]

    for path in (path_of(seeded.parent), f"{path_of(seeded.parent)}/{number['sid']}"):
        answer = seeded.parent.request("GET", path + suffix)
        assert (answer.status_code, answer.headers["content-type"]) == (200, SUFFIXES[suffix])


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_incoming_phone_numbers_are_read_only(seeded: SeededAccounts, method: str) -> None:
    parent = seeded.parent
    [number] = page_of(parent, PhoneNumber=PLAIN)["incoming_phone_numbers"]

    for path in (f"{path_of(parent)}.json", number["uri"]):
        error = error_of(parent.request(method, path, data={"PhoneNumber": PLAIN}))
        assert (error.status, error.code) == (405, 20004)
    assert listed(parent) == NEWEST_FIRST


def test_validation_request_for_a_number_that_the_account_owns_gets_21449(seeded: SeededAccounts) -> None:
    error = error_of(seeded.parent.validate("(510) 555-6060"))

    assert (error.status, error.code) == (400, 21449)
    assert error.message == "Number already can be used for outgoing calls and messages"


def test_number_that_another_account_owns_can_be_verified(seeded: SeededAccounts) -> None:
    assert seeded.stranger.validate(FOREIGN, CallDelay=60).status_code == httpx.codes.OK
