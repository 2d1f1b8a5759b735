"""The OutgoingCallerId resource: its seven fields, and updates to them. Rules: docs/fidelity.md, OutgoingCallerId."""

import re
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

import pytest
from lxml import etree

from support.wire.api import (
    ELEMENTS,
    FIELDS,
    Api,
    CallerId,
    draw_foreign_number,
    draw_number,
    error_of,
    eventually,
    records,
)
from support.wire.rows import SeededAccounts
from support.wire.sockets import RawConnection

MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Jul", "Sep", "Oct", "Nov", "Dec"]
UNICORNS = "\N{UNICORN FACE}" * 64


def test_caller_id_json_has_seven_fields_in_order(api: Api, caller_id: CallerId) -> None:
    fields = api.fetch(caller_id).json()

    assert list(fields) == FIELDS
    assert re.fullmatch("PN[0-9a-f]{32}", fields["sid"])
    assert fields["account_sid"] == api.account_sid
    assert re.fullmatch(r"\+1[0-9]{10}", fields["phone_number"])
    assert fields["uri"] == f"/2010-04-01/Accounts/{api.account_sid}/OutgoingCallerIds/{fields['sid']}.json"


def test_caller_id_xml_has_seven_elements_in_the_documented_order(api: Api, caller_id: CallerId) -> None:
    [element] = etree.fromstring(api.fetch(caller_id, "").content)

    assert element.tag == "OutgoingCallerId"
    assert [child.tag for child in element] == ELEMENTS
    expected = [*(caller_id[name] for name in FIELDS[:-1]), caller_id["uri"].removesuffix(".json")]
    assert [child.text for child in element] == expected


def test_uris_in_xml_have_no_suffix_even_if_the_request_had_one(api: Api, caller_id: CallerId) -> None:
    root = etree.fromstring(api.fetch(caller_id, ".xml").content)

    assert root.findtext("OutgoingCallerId/Uri") == caller_id["uri"].removesuffix(".json")


def test_american_number_has_a_formatted_default_name(caller_id: CallerId) -> None:
    number = caller_id["phone_number"]

    assert caller_id["friendly_name"] == f"({number[2:5]}) {number[5:8]}-{number[8:]}"


def test_default_name_of_a_foreign_number_is_the_number(api: Api) -> None:
    number = draw_foreign_number()

    [verified] = api.verify(number)

    assert (verified["phone_number"], verified["friendly_name"]) == (number, number)


def test_caller_id_dates_are_the_time_of_verification_in_rfc_2822_and_utc(api: Api) -> None:
    before = datetime.now(UTC).replace(microsecond=0)

    [verified] = api.verify(draw_number())

    created = parsedate_to_datetime(verified["date_created"])
    assert before <= created <= datetime.now(UTC)
    assert verified["date_created"] == format_datetime(created)
    assert verified["date_updated"] == verified["date_created"]


def test_caller_id_dates_have_english_names_and_a_two_digit_day(seeded: SeededAccounts) -> None:
    rows = records(seeded.parent.list())

    assert [row["date_created"].split()[2] for row in reversed(rows)] == MONTHS
    assert rows[-1]["date_created"] == "Mon, 05 Jan 2009 00:11:24 +0000"
    assert rows[4]["date_created"] == "Sat, 31 Jul 2010 23:00:00 +0000"
    assert rows[5]["date_created"] == "Tue, 27 Jul 2010 20:21:11 +0000"


def test_caller_id_equals_the_example_on_the_product_page(seeded: SeededAccounts) -> None:
    [row] = records(seeded.parent.list(PhoneNumber="+15105555555"))

    assert row == {
        "sid": row["sid"],
        "account_sid": seeded.parent.account_sid,
        "friendly_name": "(510) 555-5555",
        "phone_number": "+15105555555",
        "date_created": "Tue, 27 Jul 2010 20:21:11 +0000",
        "date_updated": "Tue, 27 Jul 2010 20:21:11 +0000",
        "uri": f"{seeded.parent.path}/{row['sid']}.json",
    }


@pytest.mark.parametrize("suffix", ["", ".json"])
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_update_returns_the_updated_caller_id(api: Api, caller_id: CallerId, method: str, suffix: str) -> None:
    answer = api.request(method, api.instance_path(caller_id, suffix), data={"FriendlyName": "My Second Line"})

    now = api.fetch(caller_id, suffix)
    assert answer.status_code == 200
    assert answer.content == now.content
    assert api.fetch(caller_id).json() == caller_id | {
        "friendly_name": "My Second Line",
        "date_updated": api.fetch(caller_id).json()["date_updated"],
    }


@pytest.mark.parametrize("name", ["My Second Line", None], ids=["another name", "the same name"])
def test_update_changes_date_updated_but_not_date_created(api: Api, caller_id: CallerId, name: str | None) -> None:
    given = name or caller_id["friendly_name"]

    def moved() -> CallerId | None:
        updated: CallerId = api.update(caller_id, FriendlyName=given).json()
        return updated if updated["date_updated"] != caller_id["date_updated"] else None

    updated = eventually(moved)

    before, after = (parsedate_to_datetime(row["date_updated"]) for row in (caller_id, updated))
    assert before < after <= datetime.now(UTC)
    assert updated["date_created"] == caller_id["date_created"]


def test_update_sets_date_updated_to_the_current_time(seeded: SeededAccounts) -> None:
    [old] = records(seeded.stranger.list(PhoneNumber="+15105555555"))
    before = datetime.now(UTC).replace(microsecond=0)

    updated = seeded.stranger.update(old, FriendlyName="stranger").json()

    assert before <= parsedate_to_datetime(updated["date_updated"]) <= datetime.now(UTC)
    assert updated["date_created"] == "Tue, 27 Jul 2010 20:21:11 +0000"


@pytest.mark.parametrize("form", [{}, {"friendlyname": "a"}, {"friendly_name": "a"}, {"PhoneNumber": "+14155551212"}])
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_update_without_a_friendly_name_changes_nothing(
    api: Api, caller_id: CallerId, method: str, form: dict[str, str]
) -> None:
    def a_second_has_passed() -> bool:
        now = parsedate_to_datetime(api.fetch(caller_id).headers["date"])
        return now > parsedate_to_datetime(caller_id["date_updated"])

    eventually(a_second_has_passed)

    answer = api.request(method, api.instance_path(caller_id), data=form)

    assert answer.status_code == 200
    assert answer.json() == caller_id
    assert api.fetch(caller_id).json() == caller_id


@pytest.mark.parametrize("length", [0, 65, 66, 1000])
@pytest.mark.parametrize("character", ["a", "\N{UNICORN FACE}"])
def test_friendly_name_must_have_1_to_64_characters(api: Api, caller_id: CallerId, character: str, length: int) -> None:
    answer = api.update(caller_id, FriendlyName=character * length)

    assert (answer.status_code, error_of(answer).code) == (400, 20002)
    assert api.fetch(caller_id).json() == caller_id


@pytest.mark.parametrize("name", ["a", "a" * 64, UNICORNS, "é" * 64, " ", " a  b ", "a\tb\nc\rd", "\x7f\x85", "<&>\"'"])
def test_friendly_name_is_stored_unchanged(api: Api, caller_id: CallerId, name: str) -> None:
    answer = api.update(caller_id, FriendlyName=name)

    assert answer.status_code == 200
    assert api.fetch(caller_id).json()["friendly_name"] == name
    assert etree.fromstring(api.fetch(caller_id, "").content).findtext("*/FriendlyName") == name


@pytest.mark.parametrize("character", ["\x00", "\x01", "\x08", "\x0b", "\x0c", "\x1f", "\ufffe", "\uffff"])
def test_friendly_name_with_characters_invalid_in_xml_is_refused(api: Api, caller_id: CallerId, character: str) -> None:
    answers = [
        api.update(caller_id, FriendlyName=f"a{character}b"),
        api.validate(draw_number(), FriendlyName=f"a{character}b"),
    ]

    assert [(answer.status_code, error_of(answer).code) for answer in answers] == [(400, 20002)] * 2
    assert api.fetch(caller_id).json() == caller_id


@pytest.mark.parametrize(
    "encoded", ["My+Second%20Line", "My%20Second+Line", "My Second Line", "M%79+Second+%4cine", "M%79+Second+%4Cine"]
)
def test_form_body_may_encode_spaces_and_letters_in_any_way(api: Api, caller_id: CallerId, encoded: str) -> None:
    answer = api.post_form(f"FriendlyName={encoded}", api.instance_path(caller_id))

    assert answer.json()["friendly_name"] == "My Second Line"


def test_last_value_of_a_repeated_update_parameter_is_used(api: Api, caller_id: CallerId) -> None:
    answer = api.post_form("FriendlyName=&FriendlyName=first&FriendlyName=last", api.instance_path(caller_id))

    assert answer.json()["friendly_name"] == "last"


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_multipart_form_updates_a_caller_id(api: Api, caller_id: CallerId, method: str) -> None:
    answer = api.request(method, api.instance_path(caller_id), files={"FriendlyName": (None, "My Second Line")})

    assert answer.json()["friendly_name"] == "My Second Line"
    assert api.fetch(caller_id).json()["friendly_name"] == "My Second Line"


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "multipart/mixed; boundary=x", None])
def test_body_that_is_not_a_form_updates_nothing(api: Api, caller_id: CallerId, content_type: str | None) -> None:
    body = b"FriendlyName=unread"

    with RawConnection(api) as connection:
        request = connection.request_bytes("POST", api.instance_path(caller_id), body)
        line = b"Content-Type: application/x-www-form-urlencoded\r\n"
        other = f"Content-Type: {content_type}\r\n".encode() if content_type else b""
        assert line in request
        connection.send(request.replace(line, other))
        answer = connection.read_answer()

    assert answer.status == 200
    assert api.fetch(caller_id).json() == caller_id
