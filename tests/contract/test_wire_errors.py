"""Error bodies, byte for byte, and the requests that cause errors. Rules: docs/fidelity.md, errors."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from support.servers.server import ServerProcess
from support.wire.api import UNKNOWN_SID, XML_DECLARATION, Api, CallerId, error_of
from support.wire.sockets import RawConnection

MEBIBYTE = 1024 * 1024
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def test_error_in_json_has_four_fields_in_order(api: Api) -> None:
    path = api.instance_path(UNKNOWN_SID)

    answer = api.request("GET", path)

    assert answer.status_code == 404
    assert list(json.loads(answer.content).items()) == [
        ("code", 20404),
        ("message", f"The requested resource {path} was not found"),
        ("more_info", "https://www.twilio.com/docs/errors/20404"),
        ("status", 404),
    ]


def test_error_in_xml_is_a_rest_exception(api: Api) -> None:
    path = api.instance_path(UNKNOWN_SID, "")

    answer = api.request("GET", path)

    message = f"The requested resource {path} was not found"
    assert answer.status_code == 404
    assert (
        answer.content
        == XML_DECLARATION
        + (
            f"<TwilioResponse><RestException><Code>20404</Code><Message>{message}</Message>"
            "<MoreInfo>https://www.twilio.com/docs/errors/20404</MoreInfo><Status>404</Status>"
            "</RestException></TwilioResponse>"
        ).encode()
    )


@pytest.mark.parametrize("suffix", ["", ".xml", ".json", ".csv", ".yaml"])
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_message_of_a_404_contains_the_path_with_its_suffix_but_without_its_query(
    api: Api, method: str, suffix: str
) -> None:
    path = api.instance_path(UNKNOWN_SID, suffix)

    answer = api.request(method, f"{path}?Page=1&a=b")

    assert answer.status_code == 404
    assert error_of(answer).message == f"The requested resource {path} was not found"


@pytest.mark.parametrize(
    "sid", ["PN123", "PN" + "g" * 32, "AC" + "0" * 32, "nonsense", "%00", "%2e%2e", "PN%20", "a.b"]
)
def test_malformed_sid_is_not_found(api: Api, sid: str) -> None:
    answers = [api.request(method, f"{api.path}/{sid}.json") for method in ("GET", "POST", "PUT", "DELETE")]

    assert [(answer.status_code, error_of(answer).code) for answer in answers] == [(404, 20404)] * 4


@pytest.mark.parametrize("path", ["/%ff.json", "/PN%c3%28.json", "/%ed%a0%80", "%ff.json", "%fe"])
def test_path_with_invalid_utf_8_is_not_found(api: Api, path: str) -> None:
    with RawConnection(api) as connection:
        answers = [connection.ask(method, api.path + path) for method in ("GET", "POST", "DELETE")]

    assert [(answer.status, answer.error.code) for answer in answers] == [(404, 20404)] * 3


def test_account_sid_with_invalid_utf_8_is_refused_like_an_unrelated_account(api: Api) -> None:
    with RawConnection(api) as connection:
        answer = connection.ask("GET", "/2010-04-01/Accounts/%ff/OutgoingCallerIds.json")

    assert (answer.status, answer.error.code) == (401, 20003)


@pytest.mark.parametrize("name", ["PhoneNumber", "FriendlyName", "Page", "anything"])
def test_query_with_invalid_utf_8_is_a_bad_request(api: Api, name: str) -> None:
    with RawConnection(api) as connection:
        answer = connection.ask("GET", f"{api.path}.json?{name}=%ff%fe")

    assert answer.status == 400
    assert answer.error.status == 400


@pytest.mark.parametrize("value", [b"%ff%fe", b"\xff\xfe", b"%ed%a0%80", b"%c3"])
def test_body_with_invalid_utf_8_is_a_bad_request(api: Api, caller_id: CallerId, value: bytes) -> None:
    paths = [f"{api.path}.json", api.instance_path(caller_id)]

    with RawConnection(api) as connection:
        answers = [connection.ask("POST", path, b"FriendlyName=" + value) for path in paths]

    assert [answer.status for answer in answers] == [400, 400]
    assert api.fetch(caller_id).json() == caller_id


@pytest.mark.parametrize("extra_bytes", [1, MEBIBYTE])
def test_body_larger_than_one_mebibyte_is_refused(api: Api, caller_id: CallerId, extra_bytes: int) -> None:
    body = b"FriendlyName=".ljust(MEBIBYTE + extra_bytes, b"x")

    answers = [
        api.request(method, path, content=body, headers=FORM)
        for method, path in (("POST", f"{api.path}.json"), ("POST", api.path), ("PUT", api.instance_path(caller_id)))
    ]

    assert [(answer.status_code, error_of(answer).status) for answer in answers] == [(413, 413)] * 3


def test_chunked_body_larger_than_one_mebibyte_is_refused(api: Api) -> None:
    chunks = (b"x" * 65_536 for _ in range(17))

    answer = api.request("POST", f"{api.path}.json", content=chunks, headers=FORM)

    assert (answer.status_code, error_of(answer).status) == (413, 413)


def test_body_of_exactly_one_mebibyte_is_accepted(api: Api, caller_id: CallerId) -> None:
    body = b"FriendlyName=".ljust(MEBIBYTE, b"x")

    answer = api.request("POST", api.instance_path(caller_id), content=body, headers=FORM)

    assert (answer.status_code, error_of(answer).code) == (400, 20002)


@pytest.mark.parametrize("suffix", ["", ".json"])
@pytest.mark.usefixtures("own_server_only")
def test_bug_in_the_server_causes_a_twilio_500(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / "ringback.db"

    with ServerProcess(cwd=tmp_path, database_url=f"sqlite:///{file}") as server, Api(server.base_url) as api:
        with closing(sqlite3.connect(file, isolation_level=None)) as database:
            database.execute("UPDATE accounts SET auth_token = x'00'")
        answer = api.list(suffix)

    error = error_of(answer)
    assert (error.status, error.code) == (500, 20500)
    assert "sqlite" not in answer.text.lower()
