"""Heads of requests to the proxy: parsing, rejection and forwarding."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.proxy.request_head import MAX_REASON_CHARACTERS, InvalidRequest, ProxyRequest, parse_head


def head(*lines: str) -> bytes:
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


@pytest.mark.parametrize(
    ("line", "host", "port"),
    [
        ("CONNECT api.twilio.com:443 HTTP/1.1", "api.twilio.com", 443),
        ("CONNECT API.Twilio.COM.:443 HTTP/1.0", "api.twilio.com", 443),
        ("CONNECT [::1]:65535 HTTP/1.1", "::1", 65535),
        ("CONNECT 127.0.0.1:1 HTTP/1.1", "127.0.0.1", 1),
    ],
)
def test_connect_method_requests_a_tunnel(line: str, host: str, port: int) -> None:
    request = parse_head(head(line, "Proxy-Authorization: Basic eDp5", "Host: elsewhere.test"))

    assert request == ProxyRequest(host, port)
    assert request.is_tunnel


def test_connect_request_of_http_1_0_needs_no_host_header() -> None:
    assert parse_head(head("CONNECT app.test:443 HTTP/1.0")) == ProxyRequest("app.test", 443)


def test_absolute_url_is_forwarded_in_origin_form() -> None:
    request = parse_head(
        head(
            "POST http://App.test:8080/a/b?c=d HTTP/1.1",
            "Host: twilio.com",
            "Proxy-Connection: keep-alive",
            "Proxy-Authorization: Basic secret",
            "Connection: X-Hop, keep-alive",
            "X-Hop: 1",
            "Keep-Alive: 5",
            "Content-Length: 12",
            "X-Kept: a:b",
        )
    )

    assert (request.host, request.port, request.body_bytes) == ("app.test", 8080, 12)
    assert request.head == head(
        "POST /a/b?c=d HTTP/1.1",
        "Host: App.test:8080",
        "Content-Length: 12",
        "X-Kept: a:b",
        "Connection: close",
    )


@pytest.mark.parametrize(
    ("url", "target"), [("http://app.test", "/"), ("HTTP://app.test?x", "/?x"), ("http://app.test/", "/")]
)
def test_url_without_a_path_requests_the_root(url: str, target: str) -> None:
    request = parse_head(head(f"GET {url} HTTP/1.1", "Host: app.test"))

    assert request == ProxyRequest(
        "app.test", 80, head(f"GET {target} HTTP/1.1", "Host: app.test", "Connection: close"), 0
    )


@pytest.mark.parametrize(
    ("url", "target", "port"),
    [
        ("http://app.test/a#b", "/a", 80),
        ("http://app.test/a?c#b?d/e#f", "/a?c", 80),
        ("http://app.test?c#b", "/?c", 80),
        ("http://app.test#b", "/", 80),
        ("http://app.test:8080#b", "/", 8080),
    ],
)
def test_fragment_of_a_url_is_not_forwarded(url: str, target: str, port: int) -> None:
    request = parse_head(head(f"GET {url} HTTP/1.1", "Host: app.test"))

    assert request.head.startswith(f"GET {target} HTTP/1.1\r\n".encode())
    assert (request.host, request.port) == ("app.test", port)


def test_fragment_of_a_redirected_client_is_not_forwarded() -> None:
    request = parse_head(head("GET /v1#b HTTP/1.1", "Host: api.twilio.com"))

    assert request.head.startswith(b"GET /v1 HTTP/1.1\r\n")


def test_one_empty_line_before_the_request_line_is_ignored() -> None:
    rest = head("GET http://app.test/ HTTP/1.1", "Host: app.test")

    assert parse_head(b"\r\n" + rest) == parse_head(rest)
    with pytest.raises(InvalidRequest):
        parse_head(b"\r\n\r\n" + rest)


def test_http_1_0_request_is_forwarded_as_http_1_0() -> None:
    request = parse_head(head("GET http://app.test/ HTTP/1.0"))

    assert request.head.startswith(b"GET / HTTP/1.0\r\n")


def test_any_method_that_is_a_token_is_forwarded() -> None:
    request = parse_head(head("VERSION-CONTROL http://app.test/ HTTP/1.1", "Host: app.test"))

    assert request.head.startswith(b"VERSION-CONTROL / HTTP/1.1\r\n")


def test_chunked_request_body_has_no_length() -> None:
    request = parse_head(
        head(
            "POST http://app.test/ HTTP/1.1",
            "Host: app.test",
            "Transfer-Encoding: chunked",
            "Connection: transfer-encoding",
        )
    )

    assert request.body_bytes is None
    assert b"\r\nTransfer-Encoding: chunked\r\n" in request.head


def test_request_line_of_a_redirected_client_is_completed_with_its_host_header() -> None:
    request = parse_head(head("POST /v1?x HTTP/1.1", "Host: API.twilio.com", "Content-Length: 2"))

    assert (request.host, request.port, request.body_bytes) == ("api.twilio.com", 80, 2)
    assert request.head == head("POST /v1?x HTTP/1.1", "Host: API.twilio.com", "Content-Length: 2", "Connection: close")


def test_https_url_of_twilio_is_accepted_over_plain_http() -> None:
    request = parse_head(head("GET https://api.twilio.com/v1 HTTP/1.1", "Host: api.twilio.com"))

    assert (request.host, request.port, request.is_tunnel) == ("api.twilio.com", 443, False)
    assert request.head == head("GET /v1 HTTP/1.1", "Host: api.twilio.com", "Connection: close")


@pytest.mark.parametrize(
    "lines",
    [
        ("GET / HTTP/1.1",),
        ("GET / HTTP/1.0",),
        ("GET / HTTP/1.1", "Host: app.test"),
        ("GET / HTTP/1.1", "Host: twilio.com.app.test"),
        ("GET / HTTP/1.1", "Host: api.twilio.com", "Host: api.twilio.com"),
        ("GET / HTTP/1.1", "Host: user@api.twilio.com"),
        ("GET / HTTP/1.1", "Host: api.twilio.com/x?y=.twilio.com"),
        ("GET http://app.test/ HTTP/1.1",),
        ("GET http://app.test/ HTTP/1.1", "Host: app.test", "Host: app.test"),
        ("CONNECT app.test:443 HTTP/1.1",),
    ],
)
def test_missing_or_ambiguous_host_is_rejected(lines: tuple[str, ...]) -> None:
    with pytest.raises(InvalidRequest):
        parse_head(head(*lines))


@pytest.mark.parametrize(
    "lines",
    [
        ("GET https://app.test/ HTTP/1.1",),
        ("GET http://user:secret@app.test/ HTTP/1.1",),
        ("GET http://a%2etest/ HTTP/1.1",),
        ("GET http://app.test/ä HTTP/1.1",),
        ("GET http://app.test:99999/ HTTP/1.1",),
        ("GET http://app.test/ HTTP/2.0",),
        ("GET  http://app.test/ HTTP/1.1",),
        ("CONNECT app.test HTTP/1.1",),
        ("CONNECT app.test:0 HTTP/1.1",),
        ("CONNECT app.test:65536 HTTP/1.1",),
        ("CONNECT user@app.test:443 HTTP/1.1",),
        ("CONNECT http://app.test:443 HTTP/1.1",),
        ("connect app.test:443 HTTP/1.1",),
        ("",),
        ("GET http://app.test/ HTTP/1.1", " folded"),
        ("GET http://app.test/ HTTP/1.1", "A: x", "\tfolded"),
        ("GET http://app.test/ HTTP/1.1", "no colon"),
        ("GET http://app.test/ HTTP/1.1", "Space : x"),
        ("GET http://app.test/ HTTP/1.1", "A: x\nB: messaging.twilio.com"),
        ("GET http://app.test/ HTTP/1.1", "A: x\n\nGET http://messaging.twilio.com/ HTTP/1.1"),
        ("GET http://app.test/ HTTP/1.1", "A: x\rB: y"),
        ("GET http://app.test/ HTTP/1.1", "A: x\0"),
        ("GET http://app.test/ HTTP/1.1", "Content-Length: 1", "Content-Length: 1"),
        ("GET http://app.test/ HTTP/1.1", "Content-Length: 1", "Transfer-Encoding: chunked"),
        ("GET http://app.test/ HTTP/1.1", "Transfer-Encoding: chunked", "A: b", "content-length: 1"),
        ("GET http://app.test/ HTTP/1.1", "Transfer-Encoding: gzip, chunked"),
        ("GET http://app.test/ HTTP/1.1", "Transfer-Encoding: gzip"),
        ("GET http://app.test/ HTTP/1.1", "Content-Length: -1"),
        ("GET http://app.test/ HTTP/1.1", "Content-Length: 1, 1"),
        ("GET http://app.test/ HTTP/1.1", f"Content-Length: {10**30}"),
    ],
)
def test_ambiguous_or_malformed_head_is_rejected(lines: tuple[str, ...]) -> None:
    with pytest.raises(InvalidRequest):
        parse_head(head(lines[0], "Host: app.test", *lines[1:]))


def test_rejection_reason_does_not_repeat_a_long_line() -> None:
    with pytest.raises(InvalidRequest) as rejected:
        parse_head(head("GET http://app.test/ HTTP/1.1", "Host: app.test", "x" * 60_000))

    assert len(str(rejected.value)) < 2 * MAX_REASON_CHARACTERS


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (("GET http://app.test/ HTTP/1.1", "A: b", "no \"colon'\xff\x1b"), "header line: no%20\"colon'%FF%1B"),
        (("GET  http://app.test/ HTTP/1.1",), "request line: GET%20%20http://app.test/%20HTTP/1.1"),
    ],
)
def test_rejection_reason_shows_the_invalid_line_in_printable_characters(lines: tuple[str, ...], reason: str) -> None:
    with pytest.raises(InvalidRequest) as rejected:
        parse_head(head(*lines))

    assert str(rejected.value) == f"the head is not valid HTTP: illegal {reason}"


@given(st.binary(max_size=200))
def test_random_request_heads_are_parsed_or_rejected(noise: bytes) -> None:
    for start in (b"", b"CONNECT ", b"GET http://", b"GET http://app.test/ HTTP/1.1\r\nHost: app.test\r\n"):
        try:
            request = parse_head(start + noise + b"\r\n\r\n")
        except InvalidRequest:
            continue
        assert 0 < request.port < 2**16
        assert request.head.count(b"\r\n\r\n") == (0 if request.is_tunnel else 1)
