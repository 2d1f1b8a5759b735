"""HTTP connections from old and new helper libraries: challenges, keep-alive, Expect, pipelining, and HTTP/1.0.

Rules: docs/fidelity.md, helper libraries.
"""

import base64
from typing import Any

import pytest

from support.wire.api import Api, CallerId, error_of, records
from support.wire.sockets import RawConnection, parse_answer

FORM_TYPE = "application/x-www-form-urlencoded"
BODY = b"PhoneNumber=%2B15005550018&FriendlyName=twice"


def test_authentication_challenge_keeps_the_connection_open_for_the_repeated_post(api: Api) -> None:
    with RawConnection(api) as connection:
        challenge = connection.ask("POST", f"{api.path}.json", BODY, authenticated=False)
        answer = connection.ask("POST", f"{api.path}.json", BODY)

    assert (challenge.status, challenge.error.code) == (401, 20003)
    assert challenge.header("connection") is None
    assert answer.status == 200
    assert b'"friendly_name":"twice"' in answer.body.replace(b": ", b":")


def test_challenged_post_with_a_late_body_can_be_repeated_on_the_same_connection(api: Api) -> None:
    with RawConnection(api) as connection:
        request = connection.request_bytes("POST", f"{api.path}.json", BODY, authenticated=False)
        connection.send(request[: -len(BODY)])
        challenge = connection.read_answer("POST")
        connection.send(BODY)
        answer = connection.ask("POST", f"{api.path}.json", BODY)

    assert (challenge.status, answer.status) == (401, 200)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_requests_can_be_repeated_with_credentials_after_a_challenge(
    api: Api, caller_id: CallerId, method: str
) -> None:
    path = api.instance_path(caller_id)
    with RawConnection(api) as connection:
        statuses = [
            connection.ask(method, path, b"", authenticated=authenticated).status
            for authenticated in (False, False, True)
        ]

    assert statuses == [401, 401, 204 if method == "DELETE" else 200]


def test_connection_close_header_is_echoed_and_the_connection_is_closed(api: Api) -> None:
    for method, target, status in (
        ("GET", f"{api.path}.json?PageSize=1", 200),
        ("POST", f"{api.path}.json", 400),
        ("GET", "/nowhere", 404),
        ("OPTIONS", f"{api.path}.json", 204),
    ):
        with RawConnection(api) as connection:
            answer = connection.ask(method, target, Connection="close")

            assert answer.status == status
            assert answer.header("connection") == "close"
            assert connection.is_closed()


def test_connection_stays_open_by_default(api: Api) -> None:
    with RawConnection(api) as connection:
        answers = [connection.ask("GET", f"{api.path}.json?PageSize=1") for _ in range(20)]
        answers.append(connection.ask("GET", f"{api.path}.json?PageSize=1", Connection="keep-alive"))
        answers.append(connection.ask("GET", "/nowhere"))
        answers.append(connection.ask("PATCH", f"{api.path}.json"))
        answers.append(connection.ask("GET", f"{api.path}.json?PageSize=1"))

    assert [answer.status for answer in answers] == [*([200] * 21), 404, 405, 200]
    assert "close" not in [answer.header("connection") for answer in answers]


@pytest.mark.parametrize(
    ("method", "suffix", "status"),
    [("GET", ".json", 200), ("GET", "", 200), ("GET", ".yaml", 404), ("PATCH", ".json", 405), ("POST", ".json", 400)],
)
def test_head_and_body_of_a_response_are_sent_in_one_write(
    api: Api, caller_id: CallerId, method: str, suffix: str, status: int
) -> None:
    number = caller_id["phone_number"].replace("+", "%2B")

    with RawConnection(api) as connection:
        for _ in range(20):
            connection.send(connection.request_bytes(method, f"{api.path}{suffix}?PhoneNumber={number}"))
            head, _, body = connection.receive_once().partition(b"\r\n\r\n")
            answer = parse_answer(head, body)
            assert answer.status == status
            assert len(body) == int(answer.header("content-length") or -1)
            assert len(body) > 0


def test_authentication_challenge_is_sent_in_one_write(api: Api) -> None:
    with RawConnection(api) as connection:
        for _ in range(40):
            connection.send(connection.request_bytes("POST", f"{api.path}.json", BODY, authenticated=False))
            head, _, body = connection.receive_once().partition(b"\r\n\r\n")
            assert len(body) == int(parse_answer(head).header("content-length") or -1)


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "api.twilio.com"},
        {"Host": "api.ashburn.us1.twilio.com:443"},
        {"Accept_Encoding": "utf-8"},
        {"Accept_Encoding": "gzip, compress, deflate, br"},
        {"Accept_Encoding": "gzip;q=1.0,deflate;q=0.6,identity;q=0.3"},
        {"Accept_Charset": "utf-8"},
        {"Content_Type": FORM_TYPE},
        {"Content_Type": f"{FORM_TYPE}; charset=UTF-8"},
        {"Content_Length": "0"},
        {"Content_Type": f"{FORM_TYPE}; charset=UTF-8", "Content_Length": "0"},
        {"User_Agent": "twilio-java/3.4.2", "X_Twilio_Client": "java-3.4.2"},
        {"Accept": "application/json, text/plain, */*"},
        {"User_Agent": ""},
    ],
    ids=str,
)
def test_unusual_headers_of_helper_libraries_are_accepted(
    api: Api, caller_id: CallerId, headers: dict[str, Any]
) -> None:
    number = caller_id["phone_number"].replace("+", "%2B")

    with RawConnection(api) as connection:
        listed = connection.ask("GET", f"{api.path}.json?PhoneNumber={number}", **headers)
        fetched = connection.ask("GET", api.instance_path(caller_id), **headers)
        deleted = connection.ask("DELETE", api.instance_path(caller_id), **headers)

    assert [answer.status for answer in (listed, fetched, deleted)] == [200, 200, 204]
    assert listed.header("content-encoding") is None
    assert fetched.header("content-type") == "application/json"


def test_client_that_expects_100_continue_receives_it(api: Api) -> None:
    with RawConnection(api) as connection:
        request = connection.request_bytes("POST", f"{api.path}.json", BODY, Expect="100-continue")
        connection.send(request[: -len(BODY)])
        interim = connection.read_answer()
        connection.send(BODY)
        answer = connection.read_answer("POST")

    assert (interim.status, interim.headers) == (100, [])
    assert answer.status == 200


def test_client_that_expects_100_continue_for_a_large_body_is_refused(api: Api) -> None:
    with RawConnection(api) as connection:
        request = connection.request_bytes(
            "POST", f"{api.path}.json", b"", Expect="100-continue", Content_Length=str(1024 * 1024 + 1)
        )
        connection.send(request)
        answer = connection.read_answer("POST")

    assert (answer.status, answer.error.status) == (413, 413)


def test_pipelined_requests_are_answered_in_order(api: Api, caller_id: CallerId) -> None:
    with RawConnection(api) as connection:
        paths = [api.instance_path(caller_id), "/nowhere", f"{api.path}.json?PageSize=1"]
        connection.send(b"".join(connection.request_bytes("GET", path) for path in paths))
        answers = [connection.read_answer() for _ in paths]

    assert [answer.status for answer in answers] == [200, 404, 200]


def test_http_1_0_connection_is_closed_after_the_response(api: Api) -> None:
    credentials = base64.b64encode(f"{api.account_sid}:{api.auth_token}".encode()).decode()

    with RawConnection(api) as connection:
        connection.send(f"GET {api.path}.json HTTP/1.0\r\nAuthorization: Basic {credentials}\r\n\r\n".encode())
        answer = connection.read_answer()

        assert answer.status == 200
        assert connection.is_closed()


def test_empty_page_past_the_end_stops_clients_that_count_pages(api: Api, caller_id: CallerId) -> None:
    number, page = caller_id["phone_number"], 0
    met: list[CallerId] = []
    while rows := records(api.list(PhoneNumber=number, Page=page, PageSize=50)):
        met += rows
        page += 1

    assert (met, page) == ([caller_id], 1)


def test_errors_never_have_code_20006(api: Api) -> None:
    answers = [api.list(Page=99, PageSize=1000), api.list(Page=2**70), api.list(PageToken="x", Page=99)]

    assert [answer.status_code for answer in answers] == [200, 200, 400]
    assert error_of(answers[2]).code == 21481
