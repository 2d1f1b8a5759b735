"""Requests to upgrade to HTTP/2, as Java's HttpClient sends them first: the server responds in HTTP/1.1."""

from typing import Any

import pytest

from support.wire.api import SILENT_NUMBER, Api
from support.wire.sockets import RawAnswer, RawConnection

BODY = f"PhoneNumber={SILENT_NUMBER.replace('+', '%2B')}&FriendlyName=Java".encode()
CHUNKED_BODY = b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)
H2C: dict[str, Any] = {
    "Connection": "Upgrade, HTTP2-Settings",
    "Upgrade": "h2c",
    "HTTP2_Settings": "AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA",
}


def post(connection: RawConnection, api: Api, **headers: Any) -> bytes:
    return connection.request_bytes("POST", f"{api.path}.json", BODY, **H2C, **headers)


def chunked_post(connection: RawConnection, api: Api) -> bytes:
    form_type = "application/x-www-form-urlencoded"
    head = connection.request_bytes(
        "POST", f"{api.path}.json", Content_Type=form_type, Transfer_Encoding="chunked", **H2C
    )
    return head + CHUNKED_BODY


def assert_body_was_read(answer: RawAnswer) -> None:
    assert answer.status == 200
    assert b"Java" in answer.body
    assert answer.header("connection") is None
    assert answer.header("upgrade") is None


@pytest.mark.parametrize("request_of", [post, chunked_post])
def test_upgrade_to_http_2_is_ignored_and_the_body_is_read(api: Api, request_of: Any) -> None:
    with RawConnection(api) as connection:
        connection.send(request_of(connection, api))
        answer = connection.read_answer("POST")

    assert_body_was_read(answer)


def test_upgrade_request_with_a_late_body_is_read(api: Api) -> None:
    with RawConnection(api) as connection:
        connection.send(post(connection, api, Expect="100-continue")[: -len(BODY)])
        interim = connection.read_answer()
        connection.send(BODY)
        answer = connection.read_answer("POST")

    assert interim.status == 100
    assert_body_was_read(answer)


def test_upgrade_request_keeps_the_connection_open(api: Api) -> None:
    with RawConnection(api) as connection:
        answers = [connection.ask("POST", f"{api.path}.json", BODY, **H2C) for _ in range(3)]
        last = connection.ask("GET", f"{api.path}.json?PageSize=1")

    for answer in answers:
        assert_body_was_read(answer)
    assert last.status == 200


def test_requests_pipelined_after_upgrade_requests_are_answered(api: Api) -> None:
    with RawConnection(api) as connection:
        following = connection.request_bytes("GET", f"{api.path}.csv?PageSize=1")
        connection.send(post(connection, api) + chunked_post(connection, api) + following)
        answers = [connection.read_answer("POST"), connection.read_answer("POST"), connection.read_answer()]

    assert_body_was_read(answers[0])
    assert_body_was_read(answers[1])
    assert (answers[2].status, answers[2].header("content-type")) == (200, "text/csv")
