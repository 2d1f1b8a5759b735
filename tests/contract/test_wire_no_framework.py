"""Invalid requests of all kinds: none gets an error or redirect from the framework. Rules: docs/fidelity.md, errors."""

from typing import Any

import pytest

from support.wire.api import UNKNOWN_SID, Api, check_answer
from support.wire.sockets import RawConnection

METHODS = ["GET", "POST", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND", "HEAD"]
OUTSIDE_PATHS = [
    "/2010-04-01",
    "/2010-04-01/",
    "/2010-04-01/Accounts/",
    "/2010-04-01/Accounts.yaml",
    "/2008-08-01/Accounts",
    "/2010-04-01/accounts/{account}/OutgoingCallerIds.json",
    "//2010-04-01/Accounts/{account}/OutgoingCallerIds.json",
    "/2010-04-01//Accounts/{account}/OutgoingCallerIds.json",
    "/favicon.ico",
    "/robots.txt",
    "/redoc",
    "/docs/",
    "/docs/oauth2-redirect",
    "/openapi.json/",
    "/livez/",
    "/%00",
    "/%ff",
    "/..",
    "/v1/Services",
    "/a&b'c",
    "/a.b/c.d",
]
ACCOUNT_PATHS = [
    "/OutgoingCallerIds.html",
    "/OutgoingCallerIds/",
    "/OutgoingCallerIds//",
    "/OutgoingCallerIds/{sid}/",
    "/OutgoingCallerIds/{sid}/Calls.json",
    "/OutgoingCallerIds/{sid}.json/x",
    "/OutgoingCallerIds%2F.json",
    "/OutgoingCallerIds/..%2f..",
    "/OutgoingCallerIds/../OutgoingCallerIds.json",
    "/OutgoingCallerIds;a=b.json",
    "/OutgoingCallerIds%00.json",
    "/OutgoingCallerIds%20.json",
    "/OutgoingCallerId.json",
    "/outgoingcallerids",
    "//OutgoingCallerIds.json",
    "/IncomingPhoneNumbers/",
    "/Messages.json",
    "/Calls/",
    "/Calls.html",
    "/calls.json",
    "/Calls/{sid}/",
    "/Calls/{sid}/Recordings.json",
    "/Call.json",
    "/",
]
MALFORMED = [
    b"nonsense\r\n\r\n",
    b"GET\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"FETCH / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"\x00\xff\xfe\r\n\r\n",
]


@pytest.mark.parametrize("path", OUTSIDE_PATHS)
@pytest.mark.parametrize("authenticated", [True, False])
def test_unknown_path_gets_a_twilio_error(api: Api, path: str, *, authenticated: bool) -> None:
    target = path.format(account=api.account_sid)

    with RawConnection(api) as connection:
        answers = {
            method: connection.ask(method, target, body=b"a=b", authenticated=authenticated) for method in METHODS
        }

    assert {answer.status for answer in answers.values()} == {404}
    assert {answers[method].error.code for method in METHODS if method != "HEAD"} == {20404}


@pytest.mark.parametrize("path", ACCOUNT_PATHS)
def test_unknown_path_of_an_account_gets_a_twilio_error(api: Api, path: str) -> None:
    target = f"/2010-04-01/Accounts/{api.account_sid}{path.format(sid=UNKNOWN_SID)}"

    with RawConnection(api) as connection:
        answers = {method: connection.ask(method, target, body=b"a=b") for method in METHODS}

    assert {answer.status for answer in answers.values()} == {404}
    assert {answers[method].error.code for method in METHODS if method != "HEAD"} == {20404}


@pytest.mark.parametrize("path", ["/OutgoingCallerIds", "/OutgoingCallerIds.json", "/OutgoingCallerIds/{sid}.csv"])
@pytest.mark.parametrize("method", ["PATCH", "PROPFIND", "TRACE", "LOCK", "MKCOL", "SEARCH", "REPORT", "NOTIFY"])
def test_unusual_method_is_not_allowed(api: Api, path: str, method: str) -> None:
    target = f"/2010-04-01/Accounts/{api.account_sid}{path.format(sid=UNKNOWN_SID)}"

    with RawConnection(api) as connection:
        answer = connection.ask(method, target)

    assert (answer.status, answer.error.code) == (405, 20004)


@pytest.mark.parametrize("target", ["*", "http://api.twilio.com/nowhere.json", "/%", "/%zz.json", "/nowhere?a=%"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_unusual_request_target_gets_a_twilio_error(api: Api, target: str, method: str) -> None:
    with RawConnection(api) as connection:
        answer = connection.ask(method, target)

    assert (answer.error.status, answer.error.code) in {(400, 20400), (404, 20404)}


@pytest.mark.parametrize("data", MALFORMED, ids=[str(number) for number in range(len(MALFORMED))])
def test_malformed_http_gets_a_twilio_400(api: Api, data: bytes) -> None:
    with RawConnection(api) as connection:
        connection.send(data)
        answer = connection.read_answer()
        closed = connection.is_closed()

    check_answer("GET", "/", answer.status, answer.header("content-type"), answer.body)
    assert answer.status == 400
    assert answer.header("connection") == "close"
    assert closed


@pytest.mark.parametrize("headers", [1, 300])
def test_request_head_of_any_length_gets_no_framework_error(api: Api, headers: int) -> None:
    many: dict[str, Any] = {f"X_Padding_{number}": "x" * 1000 for number in range(headers)}

    with RawConnection(api) as connection:
        connection.send(connection.request_bytes("GET", f"{api.path}.json?PageSize=1", **many))
        answer = connection.read_answer()

    check_answer("GET", f"{api.path}.json", answer.status, answer.header("content-type"), answer.body)


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/docs", "/openapi.json", "/_ringback/nothing", "/"])
def test_paths_outside_the_twilio_api_get_no_framework_error(api: Api, path: str) -> None:
    with RawConnection(api) as connection:
        connection.send(connection.request_bytes("PATCH", path, Host="localhost"))
        answer = connection.read_answer()

    assert answer.status in (404, 405)
    assert b'"detail"' not in answer.body
    assert b"<html" not in answer.body.lower()
