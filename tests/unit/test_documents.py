"""The documents of accounts and calls, in each representation."""

import csv
import io
import json
from collections.abc import Mapping

from lxml import etree

from ringback.domain.accounts import Account, AccountStatus
from ringback.domain.calls import CallState
from ringback.domain.paging import Page, PageLinks, PageRequest
from ringback.domain.policies import AccountType
from ringback.domain.sids import AccountSid
from ringback.domain.timestamps import after
from ringback.twilio_api.accounts import account_document
from ringback.twilio_api.calls import COLUMNS, call_document, call_page_document
from ringback.twilio_api.documents import Record
from ringback.twilio_api.representations import CSV, JSON, XML
from ringback.twilio_api.routes import ROUTES
from support.domain_values import ACCOUNT_SID, AUTH_TOKEN, CALL_SID, T0, a_call
from support.wire.openapi import field_names

PATH = f"/2010-04-01/Accounts/{ACCOUNT_SID}"
PARENT_SID = AccountSid("AC" + "9" * 32)
AN_ACCOUNT = Account(ACCOUNT_SID, AUTH_TOKEN, "Acme", None, AccountStatus.ACTIVE, None, T0, after(T0, 1))
LINKS = PageLinks(uri=f"{PATH}/Calls", first=f"{PATH}/Calls?Page=0", previous=None, next=None)


def test_account_has_the_fields_of_the_openapi_description_in_order() -> None:
    assert json.loads(JSON.serialize(account_document(AN_ACCOUNT, AccountType.FULL, ".json"))) == {
        "auth_token": AUTH_TOKEN,
        "date_created": "Tue, 27 Jul 2010 20:21:11 +0000",
        "date_updated": "Tue, 27 Jul 2010 20:21:12 +0000",
        "friendly_name": "Acme",
        "owner_account_sid": ACCOUNT_SID,
        "sid": ACCOUNT_SID,
        "status": "active",
        "subresource_uris": {
            "calls": f"{PATH}/Calls.json",
            "incoming_phone_numbers": f"{PATH}/IncomingPhoneNumbers.json",
            "outgoing_caller_ids": f"{PATH}/OutgoingCallerIds.json",
        },
        "type": "Full",
        "uri": f"{PATH}.json",
    }
    assert list(account_document(AN_ACCOUNT, AccountType.FULL, "").fields) == field_names("api.v2010.account")


def test_owner_of_a_subaccount_is_its_parent() -> None:
    fields = account_document(AN_ACCOUNT._replace(parent_sid=PARENT_SID), AccountType.FULL, "").fields

    assert fields["owner_account_sid"] == PARENT_SID


def test_trial_account_has_the_type_trial() -> None:
    assert account_document(AN_ACCOUNT, AccountType.TRIAL, "").fields["type"] == "Trial"


def test_nested_fields_are_nested_elements_in_xml() -> None:
    body = XML.serialize(account_document(AN_ACCOUNT, AccountType.FULL, ""))

    assert (
        f"<SubresourceUris><Calls>{PATH}/Calls</Calls>"
        f"<IncomingPhoneNumbers>{PATH}/IncomingPhoneNumbers</IncomingPhoneNumbers>"
        f"<OutgoingCallerIds>{PATH}/OutgoingCallerIds</OutgoingCallerIds></SubresourceUris><Type>Full</Type>"
    ) in body.decode()


def test_field_without_nested_fields_is_an_empty_element_in_xml() -> None:
    record = Record("Thing", {"before": "x", "nested": {}, "after": None})

    assert XML.serialize(record).endswith(b"<Thing><Before>x</Before><Nested/><After/></Thing></TwilioResponse>")
    assert JSON.serialize(record) == b'{"before":"x","nested":{},"after":null}'


def test_nested_fields_are_omitted_in_csv() -> None:
    record = Record("Thing", {"before": "x", "nested": {"a": "1"}, "after": None})

    assert list(csv.reader(io.StringIO(CSV.serialize(record).decode()))) == [["Before", "After"], ["x", ""]]


def test_call_has_the_fields_of_the_openapi_description_in_order() -> None:
    fields = call_document(a_call(), ".json").fields

    assert list(fields) == field_names("api.v2010.account.call")
    assert (*COLUMNS, "subresource_uris") == tuple(fields)


def test_duration_of_a_completed_call_is_in_whole_seconds() -> None:
    call = a_call(
        state=CallState.COMPLETED, ringing_at=after(T0, 1), answered_at=after(T0, 4.5), ended_at=after(T0, 7.25)
    )

    fields = call_document(call, "").fields

    assert [fields[name] for name in ("status", "duration", "start_time", "end_time")] == [
        "completed",
        "2",
        "Tue, 27 Jul 2010 20:21:12 +0000",
        "Tue, 27 Jul 2010 20:21:18 +0000",
    ]


def test_detailed_call_state_is_shown_as_a_twilio_status() -> None:
    shown = [
        call_document(a_call(state=state), "").fields["status"]
        for state in (CallState.DIALING_EXTENSION, CallState.PROMPTING)
    ]

    assert shown == ["in-progress", "in-progress"]


def test_page_of_calls_can_be_represented_in_json_xml_and_csv() -> None:
    page = Page(PageRequest(), [a_call()], None, None)

    in_json, in_xml, in_csv = (
        form.serialize(call_page_document(page, LINKS, f"{PATH}/Calls", form.uri_suffix)) for form in (JSON, XML, CSV)
    )

    [call] = json.loads(in_json)["calls"]
    assert call["uri"] == f"{PATH}/Calls/{CALL_SID}.json"
    assert etree.fromstring(in_xml).findtext("Calls/Call/Uri") == f"{PATH}/Calls/{CALL_SID}"
    assert [row[0] for row in csv.reader(io.StringIO(in_csv.decode()))] == ["Sid", CALL_SID]


def test_subresources_of_an_account_have_routes() -> None:
    uris = account_document(AN_ACCOUNT, AccountType.FULL, "").fields["subresource_uris"]
    paths = {route.path.replace("{AccountSid}", ACCOUNT_SID) for route in ROUTES if "{AccountSid}" in route.path}
    lists = {path for path in paths if "{" not in path} - {PATH}

    assert isinstance(uris, Mapping)
    assert set(uris.values()) == lists, (
        "SUBRESOURCES in twilio_api/accounts.py: a list's operation is list-NAME in domain/operations.py, "
        "and its path in twilio_api/routes.py ends with that name in CamelCase"
    )


def test_subresources_of_a_call_have_routes() -> None:
    call = a_call()
    uris = call_document(call, "").fields["subresource_uris"]
    filled = {route.path.format(AccountSid=call.account_sid, CallSid=call.sid, Sid="{Sid}") for route in ROUTES}
    path = f"{PATH}/Calls/{call.sid}/"

    assert isinstance(uris, Mapping)
    assert set(uris.values()) == {uri for uri in filled if uri.startswith(path) and "{Sid}" not in uri}, (
        "SUBRESOURCES in twilio_api/calls.py: a list's operation is list-call-NAME in domain/operations.py, "
        "and its path in twilio_api/routes.py ends with that name in CamelCase"
    )
