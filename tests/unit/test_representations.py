"""Documents in JSON, XML and CSV, and the suffixes that choose one of them."""

import csv
import io
import json
from typing import Any

import pytest
from lxml import etree

from ringback.domain.caller_ids import ValidationCodeFormat
from ringback.domain.calls import ValidationAnswer
from ringback.domain.errors import not_found
from ringback.domain.paging import Page, PageLinks, PageRequest
from ringback.twilio_api.caller_ids import caller_id_document, caller_id_page_document
from ringback.twilio_api.documents import Document, error_document
from ringback.twilio_api.representations import CSV, JSON, XML, Representation, for_errors, split_suffix
from ringback.twilio_api.validation_requests import validation_request_document
from support.domain_values import ACCOUNT_SID, CALL_SID, CALLER_ID_SID, NUMBER, a_caller_id

LIST = f"/2010-04-01/Accounts/{ACCOUNT_SID}/OutgoingCallerIds"
DATE = "Tue, 27 Jul 2010 20:21:11 +0000"
LINKS = PageLinks(uri=f"{LIST}?a=1&b=2", first=f"{LIST}?Page=0", previous=None, next=f"{LIST}?Page=1")
DECLARATION = "<?xml version='1.0' encoding='UTF-8'?>\n"


def a_page(**changes: Any) -> Document:
    page = Page(PageRequest(0, 50), [a_caller_id(**changes)], None, None)
    return caller_id_page_document(page, LINKS, LIST, ".json")


def an_empty_page() -> Document:
    return caller_id_page_document(Page(PageRequest(3, 7), [], None, None), LINKS, LIST, "")


def an_answer(
    friendly_name: str | None = None, code: str = "012345", form: ValidationCodeFormat = "string"
) -> Document:
    answer = ValidationAnswer(ACCOUNT_SID, NUMBER, friendly_name, code, CALL_SID)
    return validation_request_document(answer, form)


def test_caller_id_in_json_has_seven_fields_in_order() -> None:
    body = JSON.serialize(caller_id_document(a_caller_id(), ".json"))

    assert list(json.loads(body).items()) == [
        ("sid", CALLER_ID_SID),
        ("account_sid", ACCOUNT_SID),
        ("friendly_name", "(415) 867-5309"),
        ("phone_number", NUMBER),
        ("date_created", DATE),
        ("date_updated", DATE),
        ("uri", f"{LIST}/{CALLER_ID_SID}.json"),
    ]


def test_caller_id_in_xml_is_compact_and_in_order() -> None:
    body = XML.serialize(caller_id_document(a_caller_id(friendly_name="<b>&\u00e9\u4e2d"), ""))

    assert body.decode() == (
        f"{DECLARATION}<TwilioResponse><OutgoingCallerId><Sid>{CALLER_ID_SID}</Sid><AccountSid>{ACCOUNT_SID}</AccountSid>"
        f"<FriendlyName>&lt;b&gt;&amp;\u00e9\u4e2d</FriendlyName><PhoneNumber>{NUMBER}</PhoneNumber>"
        f"<DateCreated>{DATE}</DateCreated><DateUpdated>{DATE}</DateUpdated>"
        f"<Uri>{LIST}/{CALLER_ID_SID}</Uri></OutgoingCallerId></TwilioResponse>"
    )


@pytest.mark.parametrize("name", ["\r\n\t", " a ", "]]>", "\u2028", "\U0001f4de", '"quoted", comma', "line\nbreak"])
def test_friendly_name_is_unchanged_in_each_representation(name: str) -> None:
    record = caller_id_document(a_caller_id(friendly_name=name), "")

    in_json, in_xml, in_csv = JSON.serialize(record), XML.serialize(record), CSV.serialize(record)

    assert json.loads(in_json)["friendly_name"] == name
    assert etree.fromstring(in_xml).findtext(".//FriendlyName") == name
    assert list(csv.reader(io.StringIO(in_csv.decode(), newline="")))[1][2] == name


def test_page_in_json_has_exactly_nine_keys_in_order() -> None:
    told = json.loads(JSON.serialize(a_page()))

    assert list(told.items())[:-1] == [
        ("page", 0),
        ("page_size", 50),
        ("start", 0),
        ("end", 0),
        ("uri", LINKS.uri),
        ("first_page_uri", LINKS.first),
        ("previous_page_uri", None),
        ("next_page_uri", LINKS.next),
    ]
    assert list(told)[-1] == "outgoing_caller_ids"
    assert told["outgoing_caller_ids"] == [json.loads(JSON.serialize(caller_id_document(a_caller_id(), ".json")))]


def test_page_in_xml_has_its_links_as_attributes() -> None:
    root = etree.fromstring(XML.serialize(a_page()))

    [page] = root
    assert (root.tag, page.tag, [item.tag for item in page]) == (
        "TwilioResponse",
        "OutgoingCallerIds",
        ["OutgoingCallerId"],
    )
    assert list(page.attrib.items()) == [
        ("page", "0"),
        ("pagesize", "50"),
        ("uri", LINKS.uri),
        ("firstpageuri", LINKS.first),
        ("previouspageuri", ""),
        ("nextpageuri", LINKS.next),
    ]


def test_empty_page_can_be_represented_in_json_xml_and_csv() -> None:
    in_json, in_xml, in_csv = (form.serialize(an_empty_page()) for form in (JSON, XML, CSV))

    told = json.loads(in_json)
    assert (told["outgoing_caller_ids"], told["start"], told["end"], told["page"]) == ([], 0, 0, 3)
    assert b"</OutgoingCallerIds>" not in in_xml
    assert in_csv == b"Sid,AccountSid,FriendlyName,PhoneNumber,DateCreated,DateUpdated,Uri\r\n"


def test_page_in_csv_has_a_row_for_each_resource() -> None:
    rows = list(csv.reader(io.StringIO(CSV.serialize(a_page()).decode(), newline="")))

    assert rows == [
        ["Sid", "AccountSid", "FriendlyName", "PhoneNumber", "DateCreated", "DateUpdated", "Uri"],
        [CALLER_ID_SID, ACCOUNT_SID, "(415) 867-5309", NUMBER, DATE, DATE, f"{LIST}/{CALLER_ID_SID}.json"],
    ]


def test_validation_request_has_five_fields_and_its_code_is_a_string() -> None:
    assert list(json.loads(JSON.serialize(an_answer())).items()) == [
        ("account_sid", ACCOUNT_SID),
        ("phone_number", NUMBER),
        ("friendly_name", None),
        ("validation_code", "012345"),
        ("call_sid", CALL_SID),
    ]


def test_validation_request_without_a_name_has_an_empty_element_in_xml() -> None:
    body = XML.serialize(an_answer())

    assert b"<ValidationRequest><AccountSid>" in body
    assert b"<FriendlyName/><ValidationCode>012345</ValidationCode>" in body


def test_validation_request_without_a_name_has_an_empty_cell_in_csv() -> None:
    header, row = CSV.serialize(an_answer()).decode().splitlines()

    assert header == "AccountSid,PhoneNumber,FriendlyName,ValidationCode,CallSid"
    assert row == f"{ACCOUNT_SID},{NUMBER},,012345,{CALL_SID}"


def test_validation_code_can_be_an_integer_as_on_the_product_page() -> None:
    assert json.loads(JSON.serialize(an_answer("Home", "123456", "integer")))["validation_code"] == 123456


def test_error_has_four_fields_in_json_and_in_xml() -> None:
    error = error_document(not_found("/x"))

    more_info = "https://www.twilio.com/docs/errors/20404"
    message = "The requested resource /x was not found"
    assert list(json.loads(JSON.serialize(error)).items()) == [
        ("code", 20404),
        ("message", message),
        ("more_info", more_info),
        ("status", 404),
    ]
    assert XML.serialize(error).decode() == (
        f"{DECLARATION}<TwilioResponse><RestException><Code>20404</Code><Message>{message}</Message>"
        f"<MoreInfo>{more_info}</MoreInfo><Status>404</Status></RestException></TwilioResponse>"
    )


@pytest.mark.parametrize(
    ("path", "inner", "representation"),
    [
        ("/a/b", "/a/b", XML),
        ("/a/b.xml", "/a/b", XML),
        ("/a/b.json", "/a/b", JSON),
        ("/a/b.csv", "/a/b", CSV),
        ("/a.json/b", "/a.json/b", XML),
        ("/a/b.JSON", "/a/b.JSON", None),
        ("/a/b.html", "/a/b.html", None),
        ("/a/b.", "/a/b.", None),
        ("/a/b.json.xml", "/a/b.json", XML),
        ("/a/b.json/", "/a/b.json/", XML),
    ],
)
def test_path_suffix_selects_the_representation(path: str, inner: str, representation: Representation | None) -> None:
    assert split_suffix(path) == (inner, representation)


def test_errors_have_the_requested_representation_or_xml() -> None:
    assert [for_errors(form) for form in (JSON, XML, CSV, None)] == [JSON, XML, XML, XML]
