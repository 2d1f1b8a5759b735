"""Response headers. Rules: docs/fidelity.md, headers."""

import re

import pytest

from support.wire.api import SILENT_NUMBER, UNKNOWN_SID, Api, CallerId, eventually
from support.wire.sockets import RawAnswer, RawConnection

CONSTANT = {
    "x-home-region": "us1",
    "x-api-domain": "api.twilio.com",
    "access-control-allow-origin": "*",
    "access-control-allow-methods": "GET, POST, DELETE, OPTIONS",
    "access-control-allow-headers": (
        "Accept, Authorization, Content-Type, If-Match, If-Modified-Since, If-None-Match, If-Unmodified-Since, "
        "Idempotency-Key"
    ),
    "x-powered-by": "AT-5000",
    "x-shenanigans": "none",
    "access-control-expose-headers": "ETag",
    "access-control-allow-credentials": "true",
}
VARIABLE_HEADERS = {"twilio-request-id", "twilio-request-duration", "twilio-concurrent-requests", "date"}
BODY_HEADERS = {"content-type", "content-length"}
MEBIBYTE = 1024 * 1024

# For each named request: method, path, body, response status, and the response headers that only some responses have.
EXCHANGES: dict[str, tuple[str, str, bytes | None, int, set[str]]] = {
    "list in JSON": ("GET", "{path}.json?PageSize=1", None, 200, BODY_HEADERS),
    "list in XML": ("GET", "{path}?PageSize=1", None, 200, BODY_HEADERS),
    "list in CSV": ("GET", "{path}.csv?PageSize=1", None, 200, BODY_HEADERS),
    "validation request": ("POST", "{path}.json", b"PhoneNumber=%2B15005550018", 200, BODY_HEADERS),
    "caller ID": ("GET", "{path}/{sid}.json", None, 200, BODY_HEADERS),
    "update": ("PUT", "{path}/{sid}.json", b"FriendlyName=a", 200, BODY_HEADERS),
    "deletion": ("DELETE", "{path}/{sid}.json", None, 204, set()),
    "options": ("OPTIONS", "{path}.json", None, 204, set()),
    "head": ("HEAD", "{path}.json?PageSize=1", None, 200, BODY_HEADERS),
    "bad request": ("POST", "{path}.json", b"", 400, BODY_HEADERS),
    "not found": ("GET", "{path}/" + UNKNOWN_SID, None, 404, BODY_HEADERS),
    "unknown path": ("GET", "/nowhere", None, 404, BODY_HEADERS),
    "method not allowed": ("PATCH", "{path}.json", None, 405, BODY_HEADERS | {"allow"}),
    "body too large": ("POST", "{path}.json", b"x" * (MEBIBYTE + 1), 413, BODY_HEADERS),
}


def assert_request_headers(answer: RawAnswer) -> None:
    assert re.fullmatch("RQ[0-9a-f]{32}", answer.header("twilio-request-id") or "")
    assert re.fullmatch(r"[0-9]+\.[0-9]{3}", answer.header("twilio-request-duration") or "")
    assert re.fullmatch("[1-9][0-9]*", answer.header("twilio-concurrent-requests") or "")


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_responses_have_exactly_the_documented_headers(api: Api, caller_id: CallerId, exchange: str) -> None:
    method, target, body, status, more = EXCHANGES[exchange]

    with RawConnection(api) as connection:
        answer = connection.ask(method, target.format(path=api.path, sid=caller_id["sid"]), body)

    assert answer.status == status
    assert {name: answer.header(name) for name in CONSTANT} == CONSTANT
    assert_request_headers(answer)
    assert sorted(name for name, _ in answer.headers) == sorted({*CONSTANT, *VARIABLE_HEADERS, *more})


def test_authentication_challenge_has_a_www_authenticate_header(api: Api) -> None:
    with RawConnection(api) as connection:
        answer = connection.ask("GET", f"{api.path}.json", authenticated=False)

    assert answer.header("www-authenticate") == 'Basic realm="Twilio API"'
    assert {name: answer.header(name) for name in CONSTANT} == CONSTANT
    assert_request_headers(answer)
    names = sorted(name for name, _ in answer.headers)
    assert names == sorted({*CONSTANT, *VARIABLE_HEADERS, *BODY_HEADERS, "www-authenticate"})


def test_malformed_http_gets_a_response_with_the_documented_headers(api: Api) -> None:
    with RawConnection(api) as connection:
        connection.send(b"nonsense\r\n\r\n")
        answer = connection.read_answer()

    assert answer.status == 400
    assert {name: answer.header(name) for name in CONSTANT} == CONSTANT
    assert answer.header("server") is None
    assert_request_headers(answer)


def test_request_ids_are_unique(api: Api) -> None:
    ids = {api.list(PageSize=1).headers["twilio-request-id"] for _ in range(20)}

    assert len(ids) == 20


def test_duration_header_gives_the_duration_of_the_request_in_seconds(api: Api) -> None:
    body = b"PhoneNumber=%2B15005550018"

    with RawConnection(api) as connection:
        request = connection.request_bytes("POST", f"{api.path}.json", body, Expect="100-continue")
        connection.send(request[: -len(body)])
        interim = connection.read_answer()  # the timeout for the body starts here
        waited = sum(float(api.list(PageSize=1).headers["twilio-request-duration"]) for _ in range(20))
        waited += api.list(PageSize=1).elapsed.total_seconds()
        connection.send(body)
        slow = connection.read_answer("POST")

    assert (interim.status, slow.status) == (100, 200)
    assert waited <= float(slow.header("twilio-request-duration") or 0) + 0.02


def test_concurrent_requests_header_counts_the_requests_in_progress(api: Api) -> None:
    with RawConnection(api) as first, RawConnection(api) as second:
        for connection in (first, second):
            request = connection.request_bytes("POST", f"{api.path}.json", b"PhoneNumber=")
            connection.send(request[:-1])

        def counted() -> bool:
            return int(api.list(PageSize=1).headers["twilio-concurrent-requests"]) >= 3

        assert eventually(counted)


def test_response_headers_do_not_name_the_framework(api: Api, caller_id: CallerId) -> None:
    answers = [api.fetch(caller_id), api.validate(SILENT_NUMBER), api.fetch(UNKNOWN_SID), api.delete(caller_id)]

    for answer in answers:
        text = str(answer.headers).lower()
        assert "server" not in answer.headers
        assert not [name for name in ("uvicorn", "fastapi", "starlette", "python", "ringback") if name in text]
