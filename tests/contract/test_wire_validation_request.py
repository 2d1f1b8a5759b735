"""The validation request (POST on the list): how parameters are read, and the response.

Rules: docs/fidelity.md, validation request.
"""

import re
from typing import Any

import pytest
from lxml import etree

from support.wire.api import (
    SILENT_NUMBER,
    XML_DECLARATION,
    Api,
    CallerId,
    draw_name,
    draw_number,
    error_of,
    eventually,
)
from support.wire.rows import SeededAccounts
from support.wire.sockets import RawConnection

KEYS = ["account_sid", "phone_number", "friendly_name", "validation_code", "call_sid"]
ELEMENTS = ["AccountSid", "PhoneNumber", "FriendlyName", "ValidationCode", "CallSid"]


def test_validation_response_in_json_has_five_fields_in_order(api: Api) -> None:
    number = draw_number()

    fields = api.validate(number, FriendlyName="My Home Phone Number").json()

    assert list(fields) == KEYS
    assert fields["account_sid"] == api.account_sid
    assert fields["phone_number"] == number
    assert fields["friendly_name"] == "My Home Phone Number"
    assert re.fullmatch("CA[0-9a-f]{32}", fields["call_sid"])


def test_validation_code_is_a_string_of_six_digits(api: Api) -> None:
    codes = [api.validate(SILENT_NUMBER).json()["validation_code"] for _ in range(250)]

    assert all(re.fullmatch("[0-9]{6}", code) for code in codes)
    assert any(code.startswith("0") for code in codes), "no leading zero in 250 codes: a chance of 4 in 10^12"
    assert len(set(codes)) > 240


@pytest.mark.parametrize("suffix", ["", ".xml"])
def test_validation_response_in_xml_has_five_elements_in_order(api: Api, suffix: str) -> None:
    answer = api.validate(SILENT_NUMBER, suffix, FriendlyName="My Home Phone Number")

    [element] = etree.fromstring(answer.content)
    assert answer.content.startswith(XML_DECLARATION + b"<TwilioResponse><ValidationRequest><AccountSid>AC")
    assert element.tag == "ValidationRequest"
    assert [child.tag for child in element] == ELEMENTS
    texts = [child.text or "" for child in element]
    assert texts[:3] == [api.account_sid, SILENT_NUMBER, "My Home Phone Number"]
    assert re.fullmatch("[0-9]{6}", texts[3])
    assert re.fullmatch("CA[0-9a-f]{32}", texts[4])


def test_missing_friendly_name_is_null_in_json_and_an_empty_element_in_xml(api: Api) -> None:
    in_json, in_xml = api.validate(SILENT_NUMBER), api.validate(SILENT_NUMBER, "")

    assert in_json.json()["friendly_name"] is None
    assert b"<FriendlyName/>" in in_xml.content


@pytest.mark.parametrize("form", ["{0}", "({1}) {2}-{3}"])
def test_verified_number_is_refused(api: Api, caller_id: CallerId, form: str) -> None:
    number = caller_id["phone_number"]

    answer = api.validate(form.format(number, number[2:5], number[5:8], number[8:]))

    error = error_of(answer)
    assert (error.status, error.code, error.message) == (400, 21450, "Phone number is already verified.")


def test_number_of_a_deleted_caller_id_can_be_verified_again(api: Api, caller_id: CallerId) -> None:
    api.delete(caller_id)

    [again] = api.verify(caller_id["phone_number"])

    assert again["sid"] != caller_id["sid"]


def test_number_can_be_verified_in_another_account(api: Api, seeded: SeededAccounts, caller_id: CallerId) -> None:
    number = caller_id["phone_number"]

    answer = seeded.stranger.validate(number)

    assert answer.status_code == 200
    theirs = eventually(lambda: seeded.stranger.find(number))
    assert theirs["account_sid"] == seeded.stranger.account_sid
    assert api.find(number) == caller_id
    seeded.stranger.delete(theirs)


def test_form_parameter_names_are_case_sensitive_and_unknown_ones_are_ignored(api: Api) -> None:
    answer = api.validate(SILENT_NUMBER, friendlyname="a", FRIENDLYNAME="b", callDelay="99", Whatever="c", Page="x")

    assert answer.status_code == 200
    assert answer.json()["friendly_name"] is None


def test_last_value_of_a_repeated_form_parameter_is_used(api: Api) -> None:
    answer = api.post_form(
        f"PhoneNumber=nonsense&CallDelay=99&PhoneNumber={SILENT_NUMBER.replace('+', '%2B')}&CallDelay=9"
    )

    assert answer.status_code == 200
    assert answer.json()["phone_number"] == SILENT_NUMBER


@pytest.mark.parametrize("encoded", ["%2B15005550018", "%2b15005550018", "+1+500+555+0018", "%2B1%20500 555+0018"])
def test_percent_encoded_number_is_decoded(api: Api, encoded: str) -> None:
    answer = api.post_form(f"PhoneNumber={encoded}&FriendlyName=My+Home%20Phone")

    assert answer.json()["phone_number"] == SILENT_NUMBER
    assert answer.json()["friendly_name"] == "My Home Phone"


@pytest.mark.parametrize(
    ("content_type", "is_form"),
    [
        ("application/x-www-form-urlencoded", True),
        ("application/x-www-form-urlencoded; charset=UTF-8", True),
        ("application/x-www-form-urlencoded;charset=utf-8", True),
        ("Application/X-WWW-Form-URLencoded", True),
        ("application/json", False),
        ("multipart/mixed; boundary=x", False),
        ("text/plain", False),
        ("", False),
        (None, False),
    ],
)
def test_parameters_in_a_body_that_is_not_a_form_are_ignored(
    api: Api, content_type: str | None, *, is_form: bool
) -> None:
    headers: dict[str, Any] = {} if content_type is None else {"Content_Type": content_type}
    body = b"PhoneNumber=%2B15005550018"

    with RawConnection(api) as connection:
        head = connection.request_bytes("POST", f"{api.path}.json", Content_Length=str(len(body)), **headers)
        connection.send(head + body)
        answer = connection.read_answer("POST")

    if is_form:
        assert answer.status == 200
    else:
        assert (answer.status, answer.error.code) == (400, 21201)


def test_parameters_of_a_multipart_form_are_read(api: Api) -> None:
    fields = {"PhoneNumber": (None, SILENT_NUMBER), "FriendlyName": (None, "Zo\u00eb & Co")}

    answer = api.request("POST", f"{api.path}.json", files={**fields, "File": ("file.txt", b"\xff")})

    assert answer.status_code == 200
    assert (answer.json()["phone_number"], answer.json()["friendly_name"]) == (SILENT_NUMBER, "Zo\u00eb & Co")


def test_malformed_multipart_form_is_a_bad_request(api: Api) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=x"}

    answer = api.request("POST", f"{api.path}.json", content=b"--x\r\nPhoneNumber=1", headers=headers)

    assert (answer.status_code, error_of(answer).code) == (400, 20400)
    assert error_of(answer).message == "Bad Request: the multipart body is malformed"


def test_parameters_in_the_query_of_a_post_are_ignored(api: Api) -> None:
    answer = api.request("POST", f"{api.path}.json?PhoneNumber=%2B15005550018")

    assert (answer.status_code, error_of(answer).code) == (400, 21201)


@pytest.mark.parametrize("parameters", [{"PhoneNumber": "+14158675309"}, {"PhoneNumber": "+15105554040"}, {}])
def test_trial_account_gets_10002_for_every_post(seeded: SeededAccounts, parameters: dict[str, str]) -> None:
    answers = [
        seeded.trial.request("POST", f"{seeded.trial.path}{suffix}", data=parameters) for suffix in ("", ".json")
    ]

    assert {(error.status, error.code) for error in map(error_of, answers)} == {(400, 10002)}
    assert {error.message for error in map(error_of, answers)} == {
        "Sorry! Placing verification calls is not supported on trial accounts. Please upgrade to a full account first"
    }


def test_trial_account_can_list_and_update_its_caller_ids(seeded: SeededAccounts) -> None:
    [caller_id] = seeded.trial.list().json()["outgoing_caller_ids"]
    name = draw_name()

    updated = seeded.trial.update(caller_id, FriendlyName=name)

    assert updated.json()["friendly_name"] == seeded.trial.fetch(caller_id).json()["friendly_name"] == name
    assert (
        seeded.trial.request("GET", f"/2010-04-01/Accounts/{seeded.trial.account_sid}.json").json()["type"] == "Trial"
    )


def test_long_friendly_name_is_truncated_if_the_policy_requires_it(seeded: SeededAccounts) -> None:
    name = draw_name() + "\U0001f4de" * 64

    requested = seeded.truncating.validate(SILENT_NUMBER, FriendlyName=name)
    [caller_id] = seeded.truncating.list().json()["outgoing_caller_ids"]
    updated = seeded.truncating.update(caller_id, FriendlyName=name)

    assert requested.json()["friendly_name"] == updated.json()["friendly_name"] == name[:64]
