"""Notifications for calls blocked by geo permissions, and for other calls. Rules: docs/fidelity.md, Notification."""

import csv
import io
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest
from lxml import etree

from support.wire.api import UNREACHABLE_NUMBER, Api, error_of
from support.wire.calls import LONGEST_DELAY, UNKNOWN_CALL_SID, Call, call_path, ended, request_call
from support.wire.openapi import field_names
from support.wire.rows import SeededAccounts

GEO_BLOCKED_NUMBER = "+15005550019"
TEXT = (
    "No International Permission. To call this phone number you must enable the Low Risk permission for US at "
    "https://www.twilio.com/console/voice/calls/geo-permissions/low-risk?countryIsoCode=US"
)
FIELDS = field_names("api.v2010.account.call.call_notification")
INSTANCE_FIELDS = field_names("api.v2010.account.call.call_notification-instance")
SUFFIXES = {"": "application/xml", ".xml": "application/xml", ".json": "application/json", ".csv": "text/csv"}


@pytest.fixture(scope="module")
def blocked(seeded: SeededAccounts) -> Call:
    """Return a call that geo permissions blocked. The call belongs to an account that only these tests use."""
    return ended(seeded.stranger, request_call(seeded.stranger, GEO_BLOCKED_NUMBER))


@pytest.fixture
def owner(seeded: SeededAccounts) -> Api:
    return seeded.stranger


def element_names(fields: list[str]) -> list[str]:
    return ["".join(word.capitalize() for word in name.split("_")) for name in fields]


def path_of(api: Api, call_sid: str, sid: str = "", suffix: str = ".json") -> str:
    return f"{call_path(api, call_sid, '')}/Notifications{'/' if sid else ''}{sid}{suffix}"


def listed(api: Api, call_sid: str, **query: Any) -> list[dict[str, Any]]:
    answer = api.request("GET", path_of(api, call_sid), params=query)
    assert answer.status_code == httpx.codes.OK, answer.text
    rows: list[dict[str, Any]] = answer.json()["notifications"]
    return rows


def test_geo_blocked_call_is_failed_and_has_no_duration(blocked: Call) -> None:
    assert (blocked["status"], blocked["duration"]) == ("failed", None)
    assert blocked["subresource_uris"] == {
        "notifications": blocked["uri"].removesuffix(".json") + "/Notifications.json"
    }


def test_geo_blocked_call_has_one_notification(owner: Api, blocked: Call) -> None:
    path = path_of(owner, blocked["sid"], suffix="")

    page = owner.request("GET", f"{path}.json").json()

    [notification] = page.pop("notifications")
    sid, date = notification["sid"], notification["date_created"]
    assert list(notification) == FIELDS
    assert notification == {
        "account_sid": owner.account_sid,
        "api_version": "2008-08-01",
        "call_sid": blocked["sid"],
        "date_created": date,
        "date_updated": date,
        "error_code": "13227",
        "log": "1",
        "message_date": date,
        "message_text": TEXT,
        "more_info": "https://www.twilio.com/docs/errors/13227",
        "request_method": None,
        "request_url": "",
        "sid": sid,
        "uri": f"{path}/{sid}.json",
    }
    assert date == blocked["date_updated"]
    assert page == {
        "page": 0,
        "page_size": 50,
        "start": 0,
        "end": 0,
        "uri": f"{path}.json",
        "first_page_uri": f"{path}.json?Page=0&PageSize=50",
        "previous_page_uri": None,
        "next_page_uri": None,
    }


def test_fetched_notification_has_three_more_fields_than_a_listed_one(owner: Api, blocked: Call) -> None:
    [notification] = listed(owner, blocked["sid"])

    fetched = owner.request("GET", notification["uri"]).json()

    assert list(fetched) == INSTANCE_FIELDS
    assert fetched == notification | {"request_variables": "", "response_body": "", "response_headers": ""}


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_suffix_selects_the_representation_of_notifications(owner: Api, blocked: Call, suffix: str) -> None:
    [notification] = listed(owner, blocked["sid"])

    answers = [owner.request("GET", path_of(owner, blocked["sid"], sid, suffix)) for sid in ("", notification["sid"])]

    assert [(answer.status_code, answer.headers["content-type"]) for answer in answers] == [(200, SUFFIXES[suffix])] * 2


def test_notifications_in_xml_have_an_element_for_each_field(owner: Api, blocked: Call) -> None:
    path = path_of(owner, blocked["sid"], suffix="")
    [row] = listed(owner, blocked["sid"])

    [page] = etree.fromstring(owner.request("GET", path).content)
    [fetched] = etree.fromstring(owner.request("GET", f"{path}/{row['sid']}").content)

    [notification] = page
    assert (page.tag, page.get("uri"), notification.tag) == ("Notifications", path, "Notification")
    assert [element.tag for element in notification] == element_names(FIELDS)
    assert [element.tag for element in fetched] == element_names(INSTANCE_FIELDS)
    assert (fetched.findtext("MessageText"), fetched.findtext("Uri")) == (TEXT, f"{path}/{row['sid']}")


def test_notifications_in_csv_have_one_row_each(owner: Api, blocked: Call) -> None:
    answer = owner.request("GET", path_of(owner, blocked["sid"], suffix=".csv"))

    header, row = csv.reader(io.StringIO(answer.text))
    assert header == element_names(FIELDS)
    assert dict(zip(header, row, strict=True))["ErrorCode"] == "13227"


def test_calls_that_are_not_geo_blocked_have_no_notifications(owner: Api) -> None:
    waiting, unreachable = request_call(owner, CallDelay=LONGEST_DELAY), request_call(owner, UNREACHABLE_NUMBER)
    ended(owner, unreachable)

    assert [listed(owner, sid) for sid in (waiting, unreachable)] == [[], []]


@pytest.mark.parametrize(("level", "count"), [("0", 0), ("1", 1), ("warning", 0)])
def test_log_filter_selects_notifications_by_level(owner: Api, blocked: Call, level: str, count: int) -> None:
    assert len(listed(owner, blocked["sid"], Log=level)) == count


def test_message_date_filter_selects_notifications_by_day(owner: Api, blocked: Call) -> None:
    moment = parsedate_to_datetime(blocked["date_updated"])
    day, next_day = f"{moment:%Y-%m-%d}", f"{moment + timedelta(days=1):%Y-%m-%d}"

    def count(**query: str) -> int:
        return len(listed(owner, blocked["sid"], **query))

    assert [count(MessageDate=date) for date in (day, next_day, "someday")] == [1, 0, 0]
    assert [count(**{"MessageDate>": date}) for date in (day, next_day)] == [1, 0]
    assert [count(**{"MessageDate<": date}) for date in (day, next_day)] == [0, 1]


def test_pages_of_notifications_can_be_requested_by_number_and_token(owner: Api, blocked: Call) -> None:
    path = path_of(owner, blocked["sid"])

    beyond = owner.request("GET", f"{path}?Page=1&PageSize=1&Log=1").json()
    malformed = owner.request("GET", f"{path}?PageToken=x")

    assert (beyond["notifications"], beyond["page"], beyond["next_page_uri"]) == ([], 1, None)
    assert beyond["previous_page_uri"] == f"{path}?Log=1&PageSize=1&Page=0"
    assert (malformed.status_code, error_of(malformed).code) == (400, 21481)


@pytest.mark.parametrize("suffix", ["", ".json", ".csv"])
def test_unknown_notification_is_not_found(
    api: Api, owner: Api, anonymous_api: Api, blocked: Call, suffix: str
) -> None:
    sid = listed(owner, blocked["sid"])[0]["sid"]
    answers = [
        owner.request("GET", path_of(owner, UNKNOWN_CALL_SID, suffix=suffix)),
        owner.request("GET", path_of(owner, UNKNOWN_CALL_SID, sid, suffix)),
        owner.request("GET", path_of(owner, blocked["sid"], "NO" + "0" * 32, suffix)),
        api.request("GET", path_of(api, blocked["sid"], sid, suffix)),
        anonymous_api.request("GET", path_of(owner, blocked["sid"], sid, suffix)),
    ]

    assert [(answer.status_code, error_of(answer).code) for answer in answers] == [(404, 20404)] * 4 + [(401, 20003)]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_notifications_are_read_only(owner: Api, blocked: Call, method: str) -> None:
    sid = listed(owner, blocked["sid"])[0]["sid"]

    for path in (path_of(owner, blocked["sid"]), path_of(owner, blocked["sid"], sid)):
        answer = owner.request(method, path)
        assert (answer.status_code, error_of(answer).code) == (405, 20004)
        assert answer.headers["allow"] == "GET, HEAD, OPTIONS"
