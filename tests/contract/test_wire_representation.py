"""Representations in JSON, XML and CSV, which the path's suffix selects. Rules: docs/fidelity.md, representation."""

import csv
import io
import json

import pytest
from lxml import etree

from support.wire.api import ELEMENTS, SILENT_NUMBER, UNKNOWN_SID, XML_DECLARATION, Api, CallerId, error_of
from support.wire.sockets import RawConnection

CONTENT_TYPES = {"": "application/xml", ".xml": "application/xml", ".json": "application/json", ".csv": "text/csv"}
ERROR_TYPES = CONTENT_TYPES | {".csv": "application/xml"}
UNKNOWN_SUFFIXES = [".JSON", ".Json", ".XML", ".yaml", ".html", ".jsonp", ".json.xml", ".xml.json", ".json.", ".", ".j"]


@pytest.mark.parametrize("suffix", CONTENT_TYPES)
def test_suffix_selects_the_representation_of_a_list(api: Api, suffix: str) -> None:
    answer = api.list(suffix, PageSize=1)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == CONTENT_TYPES[suffix]


@pytest.mark.parametrize("suffix", CONTENT_TYPES)
def test_suffix_selects_the_representation_of_a_caller_id(api: Api, caller_id: CallerId, suffix: str) -> None:
    answer = api.fetch(caller_id, suffix)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == CONTENT_TYPES[suffix]


@pytest.mark.parametrize("suffix", CONTENT_TYPES)
def test_suffix_selects_the_representation_of_a_validation_request(api: Api, suffix: str) -> None:
    answer = api.validate(SILENT_NUMBER, suffix)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == CONTENT_TYPES[suffix]


@pytest.mark.parametrize("suffix", CONTENT_TYPES)
@pytest.mark.parametrize(
    "accept",
    [
        "application/json",
        "application/xml",
        "text/html, */*;q=0.1",
        "text/csv",
        "application/json, application/xml, text/json, text/x-json, text/javascript, text/xml",
        "nonsense",
    ],
)
def test_accept_header_is_ignored(api: Api, suffix: str, accept: str) -> None:
    answer = api.request("GET", f"{api.path}{suffix}?PageSize=1", headers={"Accept": accept})

    assert answer.status_code == 200
    assert answer.headers["content-type"] == CONTENT_TYPES[suffix]


@pytest.mark.parametrize("suffix", CONTENT_TYPES)
def test_accept_header_may_be_missing(api: Api, suffix: str) -> None:
    with RawConnection(api) as connection:
        answer = connection.ask("GET", f"{api.path}{suffix}?PageSize=1")

    assert answer.status == 200
    assert answer.header("content-type") == CONTENT_TYPES[suffix]


@pytest.mark.parametrize("end", ["%0A", "%0D", "%0D%0A", "%00", "%20", "%C2%A0", "%E2%80%A8"])
@pytest.mark.parametrize("resource", ["", "/OutgoingCallerIds", "/Calls"])
@pytest.mark.parametrize("suffix", ["", ".json"])
def test_path_with_a_trailing_control_character_is_not_found(api: Api, resource: str, suffix: str, end: str) -> None:
    account = api.path.removesuffix("/OutgoingCallerIds")
    paths = [f"{account}{resource}{suffix}{end}"] + ([f"{account}{resource}{end}{suffix}"] if resource else [])

    answers = [api.request(method, path) for method in ("GET", "POST") for path in paths]

    expected = (404, 20404) if resource or suffix else (401, 20003)  # the character is part of the account's SID
    assert {(answer.status_code, error_of(answer).code) for answer in answers} == {expected}


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_sid_with_a_trailing_line_feed_is_not_found(api: Api, caller_id: CallerId, method: str) -> None:
    path = api.instance_path(caller_id, "")

    answers = [api.request(method, f"{path}{end}") for end in ("%0A", "%0A.json", ".json%0A")]

    assert {answer.status_code for answer in answers} == {404}
    assert api.fetch(caller_id).json() == caller_id


@pytest.mark.parametrize("suffix", UNKNOWN_SUFFIXES)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_unknown_suffix_is_not_found(api: Api, caller_id: CallerId, method: str, suffix: str) -> None:
    answers = [api.request(method, path + suffix) for path in (api.path, api.instance_path(caller_id, ""))]

    assert [(answer.status_code, error_of(answer).code) for answer in answers] == [(404, 20404)] * 2


@pytest.mark.parametrize("suffix", ["/", ".json/", "/.json", ".xml/", "/?PageSize=1"])
def test_path_with_a_trailing_slash_is_not_found_instead_of_redirected(
    api: Api, caller_id: CallerId, suffix: str
) -> None:
    answers = [api.request("GET", path + suffix) for path in (api.path, api.instance_path(caller_id, ""))]

    assert [(answer.status_code, error_of(answer).code) for answer in answers] == [(404, 20404)] * 2


@pytest.mark.parametrize(
    ("written", "changed"),
    [("OutgoingCallerIds", "outgoingcallerids"), ("OutgoingCallerIds", "OutgoingCallerids"), ("Accounts", "accounts")],
)
def test_path_is_case_sensitive(api: Api, written: str, changed: str) -> None:
    answer = api.request("GET", f"{api.path}.json".replace(written, changed))

    assert (answer.status_code, error_of(answer).code) == (404, 20404)


@pytest.mark.parametrize(
    ("written", "changed"),
    [
        ("/OutgoingCallerIds/", "/OutgoingCallerIds%2F"),
        ("/OutgoingCallerIds/", "/OutgoingCallerIds%2f"),
        (".json", "%2Ejson"),
        (".json", "%2ejson"),
        (".json", "%252Ejson"),
    ],
)
def test_escaped_slash_or_dot_is_not_a_separator(api: Api, caller_id: CallerId, written: str, changed: str) -> None:
    path = api.instance_path(caller_id).replace(written, changed)

    with RawConnection(api) as connection:
        known = connection.ask("GET", path)
        stranger = connection.ask("GET", path, authenticated=False)

    assert (known.status, known.error.code) == (404, 20404)
    assert known.error.message == f"The requested resource {path} was not found"
    assert (stranger.status, stranger.error.code) == (401, 20003)


@pytest.mark.parametrize("authenticated", [True, False])
def test_account_sid_next_to_an_escaped_slash_is_not_recognized(api: Api, *, authenticated: bool) -> None:
    before, behind = (
        f"{api.path}.json".replace("/Accounts/", "/Accounts%2F"),
        f"{api.path}.json".replace("/OutgoingCallerIds", "%2FOutgoingCallerIds"),
    )

    with RawConnection(api) as connection:
        answers = [connection.ask("GET", path, authenticated=authenticated) for path in (before, behind)]

    assert [(answer.status, answer.error.code) for answer in answers] == [(404, 20404), (401, 20003)]


def test_escaped_letter_in_a_path_is_equivalent_to_the_letter(api: Api, caller_id: CallerId) -> None:
    path = api.instance_path(caller_id).replace("/AC", "/%41%43").replace("OutgoingCallerIds", "Outgoing%43allerIds")

    with RawConnection(api) as connection:
        connection.send(connection.request_bytes("GET", path))
        answer = connection.read_answer()

    assert answer.status == 200


def test_sid_is_case_sensitive(api: Api, caller_id: CallerId) -> None:
    sids = [caller_id["sid"].lower(), caller_id["sid"].upper(), caller_id["sid"][:2] + caller_id["sid"][2:].upper()]

    answers = [api.fetch(sid) for sid in sids if sid != caller_id["sid"]]

    assert [(answer.status_code, error_of(answer).code) for answer in answers] == [(404, 20404)] * len(answers)


@pytest.mark.parametrize("suffix", ERROR_TYPES)
def test_errors_have_the_requested_representation_except_that_csv_requests_get_xml(
    api: Api, anonymous_api: Api, suffix: str
) -> None:
    answers = [
        api.fetch(UNKNOWN_SID, suffix),
        api.validate("", suffix),
        api.request("PUT", f"{api.path}{suffix}"),
        api.request("GET", f"{api.path}{suffix}?PageToken=nonsense"),
        anonymous_api.list(suffix),
    ]

    assert [answer.status_code for answer in answers] == [404, 400, 405, 400, 401]
    assert {answer.headers["content-type"] for answer in answers} == {ERROR_TYPES[suffix]}


@pytest.mark.parametrize("suffix", [".yaml", ".JSON", "/", ".json/"])
def test_errors_for_an_unknown_suffix_are_xml(api: Api, suffix: str) -> None:
    answer = api.request("GET", api.path + suffix)

    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/xml")


def test_json_is_encoded_as_utf_8(api: Api, caller_id: CallerId) -> None:
    api.update(caller_id, FriendlyName="Büro 東京 🦄")

    answer = api.fetch(caller_id)

    assert json.loads(answer.content.decode("utf-8"))["friendly_name"] == "Büro 東京 🦄"


def test_xml_is_compact_and_declared_as_utf_8(api: Api, caller_id: CallerId) -> None:
    api.update(caller_id, FriendlyName="Büro <東京> & 'Söhne' \"🦄\"")

    answer = api.fetch(caller_id, "")

    assert answer.content.startswith(XML_DECLARATION + b"<TwilioResponse><OutgoingCallerId><Sid>PN")
    assert answer.content.endswith(b"</Uri></OutgoingCallerId></TwilioResponse>")
    assert b"\n" not in answer.content[len(XML_DECLARATION) :]
    assert b"> <" not in answer.content
    element = etree.fromstring(answer.content)[0]
    assert element.findtext("FriendlyName") == "Büro <東京> & 'Söhne' \"🦄\""


@pytest.mark.parametrize("name", ['with, comma and "quotes"', "two\nlines", "Büro 🦄", "'=1+1"])
def test_csv_has_a_header_and_one_row_for_each_resource(api: Api, caller_id: CallerId, name: str) -> None:
    updated = api.update(caller_id, FriendlyName=name).json()
    uri = updated["uri"].removesuffix(".json")
    row = [*(updated[key] for key in updated if key != "uri"), uri]

    answers = [api.fetch(caller_id, ".csv"), api.list(".csv", PhoneNumber=caller_id["phone_number"])]

    for answer in answers:
        assert answer.content.splitlines()[0] == b"Sid,AccountSid,FriendlyName,PhoneNumber,DateCreated,DateUpdated,Uri"
        assert list(csv.reader(io.StringIO(answer.text, newline=""))) == [ELEMENTS, row]
