"""Parsing of requests that arrive in pieces of any size. Rules: docs/fidelity.md, errors and helper libraries."""

import asyncio
import gc
import weakref

import pytest

from ringback.server.http_protocol import MAX_HEAD_BYTES, TwilioHttpProtocol
from support.http.conversation import Recorder, connected, converse

VALID_REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"

BODY = b"PhoneNumber=%2B15005550018"
H2C = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABk\r\n"
UPGRADES = b"".join(
    [
        b"POST /one HTTP/1.1\r\nHost: x\r\n" + H2C + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY,
        b"POST /two HTTP/1.1\r\nHost: x\r\n"
        + H2C
        + b"Transfer-Encoding: chunked\r\n\r\n3\r\na=b\r\n2\r\n&c\r\n0\r\n\r\n",
        b"GET /three HTTP/1.1\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nHost: x\r\n\r\n",
        b"GET /four HTTP/1.1\r\nHost: x\r\n\r\n",
    ]
)


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


def head_of(size: int, *, padding: str) -> bytes:
    """Return a GET request whose head has `size` bytes. The padding is in the URL, in one header, or in many."""
    target, fields = b"/", b"Host: x\r\n"
    rest = size - len(b"GET / HTTP/1.1\r\n" + fields + b"\r\n")
    if padding == "URL":
        target += b"x" * rest
    elif padding == "one field":
        fields += b"X: " + b"x" * (rest - 5) + b"\r\n"
    else:
        count, left = divmod(rest, 100)
        fields += (b"X: " + b"x" * 95 + b"\r\n") * (count - 1) + b"X: " + b"x" * (95 + left) + b"\r\n"
    return b"GET " + target + b" HTTP/1.1\r\n" + fields + b"\r\n"


PADDINGS = pytest.mark.parametrize("padding", ["URL", "one field", "many fields"])
PIECES = pytest.mark.parametrize("size", [1_000, 10**9], ids=["in pieces", "at once"])


@pytest.mark.parametrize("size", [1, 7, 100, 10**9])
def test_upgrade_request_is_ignored(size: int, caplog: pytest.LogCaptureFixture) -> None:
    requests, transport = asyncio.run(converse(cut(UPGRADES, size), 4))

    assert requests == [
        ("POST", "/one", BODY),
        ("POST", "/two", b"a=b&c"),
        ("GET", "/three", b""),
        ("GET", "/four", b""),
    ]
    assert transport.written.count(b"HTTP/1.1 200 OK\r\n") == 4
    assert b"upgrade" not in transport.written.lower()
    assert not transport.has_ended
    assert caplog.messages == []


def test_upgrade_request_does_not_keep_alive_a_connection_that_must_be_closed() -> None:
    data = b"GET / HTTP/1.1\r\nConnection: close, Upgrade\r\nUpgrade: h2c\r\nHost: x\r\n\r\n"

    _, transport = asyncio.run(converse([data], 1))

    assert b"connection: close" in transport.written
    assert transport.has_ended


@PADDINGS
@PIECES
def test_request_head_exactly_at_the_size_limit_is_accepted(padding: str, size: int) -> None:
    head = head_of(MAX_HEAD_BYTES, padding=padding)

    requests, transport = asyncio.run(converse(cut(head + head, size), 2))

    assert len(head) == MAX_HEAD_BYTES
    assert len(requests) == 2
    assert transport.written.count(b" 200 OK") == 2


@PADDINGS
@PIECES
def test_request_head_one_byte_above_the_size_limit_is_rejected(padding: str, size: int) -> None:
    requests, transport = asyncio.run(converse(cut(head_of(MAX_HEAD_BYTES + 1, padding=padding), size), 1))

    assert requests == []
    assert b"Bad Request: request line and header fields are larger than 65536 bytes" in transport.written
    assert transport.has_ended


@PIECES
@pytest.mark.parametrize("begin", [b"GET /", b"GET / HTTP/1.1\r\nX: ", b"GET / HTTP/1.1\r\nX"])
def test_endless_request_head_is_rejected_before_it_ends(begin: bytes, size: int) -> None:
    data = begin + b"x" * (MAX_HEAD_BYTES * 3 // 2)

    _, transport = asyncio.run(converse(cut(data, size), 1))

    assert transport.written.startswith(b"HTTP/1.1 400 ")
    assert transport.has_ended


@PIECES
def test_body_and_earlier_request_do_not_count_toward_the_head_size(size: int) -> None:
    post = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n" + b"x" * 200_000
    data = post + head_of(MAX_HEAD_BYTES, padding="one field") + post

    requests, _ = asyncio.run(converse(cut(data, size), 3))

    assert [len(body) for _, _, body in requests] == [200_000, 0, 200_000]


def test_bytes_after_a_rejected_request_are_not_read() -> None:
    requests, transport = asyncio.run(converse([b"nonsense\r\n\r\n", UPGRADES], 1))

    assert requests == []
    assert transport.written.count(b"HTTP/1.1 ") == 1


def test_connect_request_is_rejected() -> None:
    for target in (b"api.twilio.com:443", b"/2010-04-01/Accounts"):
        requests, transport = asyncio.run(converse([b"CONNECT " + target + b" HTTP/1.1\r\nHost: x\r\n\r\n"], 1))

        assert requests == []
        assert transport.written.startswith(b"HTTP/1.1 400 ")


def test_keep_alive_timer_stops_when_the_next_request_starts() -> None:
    async def talk() -> bool:
        async with connected(Recorder()) as (protocol, transport):
            protocol.data_received(VALID_REQUEST)
            await transport.until_answered(1)
            timer = protocol.timeout_keep_alive_task
            assert timer is not None
            assert not timer.cancelled()
            protocol.data_received(VALID_REQUEST[:5])
            return timer.cancelled()

    assert asyncio.run(talk())


def test_lost_connection_is_freed_without_the_garbage_collector() -> None:
    async def talk() -> "weakref.ref[TwilioHttpProtocol]":
        async with connected(Recorder()) as (protocol, _):
            protocol.data_received(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12345")
            return weakref.ref(protocol)

    gc.disable()
    try:
        assert asyncio.run(talk())() is None
    finally:
        gc.enable()
