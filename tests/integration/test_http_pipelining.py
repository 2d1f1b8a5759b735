"""Pipelined requests, which are answered in order, errors included. Rules: docs/fidelity.md, errors."""

import asyncio

import pytest
from starlette.types import Receive, Scope, Send

from ringback.server.http_protocol import MAX_FRAMING_BYTES, MAX_WAITING_REQUESTS
from support.http.conversation import Recorder, answer, connected, converse

VALID_REQUEST = b"GET /good HTTP/1.1\r\nHost: x\r\n\r\n"
TINY = b"GET / HTTP/1.1\r\n\r\n"
CHUNKED = b"POST /chunked HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
PIECES = pytest.mark.parametrize("size", [1, 10, 10**9], ids=["byte by byte", "in pieces", "at once"])
NO_HEAD, NO_BODY = b"nonsense\r\n\r\n", CHUNKED + b"zz\r\n"
BROKEN = pytest.mark.parametrize("broken", [NO_HEAD, NO_BODY], ids=["in the head", "in the body"])


def statuses(written: bytes) -> list[bytes]:
    return [answer.split(b" ", 1)[0] for answer in written.split(b"HTTP/1.1 ")[1:]]


@PIECES
@BROKEN
@pytest.mark.parametrize("before", [0, 1, 3])
def test_malformed_request_is_answered_after_earlier_requests(size: int, broken: bytes, before: int) -> None:
    data = VALID_REQUEST * before + broken + VALID_REQUEST

    requests, transport = asyncio.run(
        converse([data[start : start + size] for start in range(0, len(data), size)], before + 1)
    )

    assert requests == [("GET", "/good", b"")] * before
    assert statuses(transport.written) == [b"200"] * before + [b"400"]
    assert transport.has_ended


@BROKEN
def test_slow_request_is_answered_before_a_malformed_one_that_follows(broken: bytes) -> None:
    async def talk() -> bytes:
        may_answer = asyncio.Event()

        async def app(_: Scope, __: Receive, send: Send) -> None:
            await may_answer.wait()
            await answer(send)

        async with connected(app) as (protocol, transport):
            protocol.data_received(VALID_REQUEST + broken)
            protocol.data_received(VALID_REQUEST)
            await asyncio.sleep(0)
            assert transport.written == b""
            assert transport.is_paused
            may_answer.set()
            await transport.until(lambda: transport.has_ended)
            assert not transport.is_paused  # otherwise data that the client still sends would reset the connection
            return transport.written

    assert statuses(asyncio.run(talk())) == [b"200", b"400"]


def test_request_answered_before_its_malformed_body_arrives_gets_only_one_response() -> None:
    async def talk() -> bytes:
        async def app(_: Scope, __: Receive, send: Send) -> None:
            await answer(send)

        async with connected(app) as (protocol, transport):
            protocol.data_received(CHUNKED)
            await transport.until_answered(1)
            protocol.data_received(b"zz\r\n")
            assert transport.has_ended
            return transport.written

    assert statuses(asyncio.run(talk())) == [b"200"]


def test_request_with_connection_close_is_the_last_to_be_answered() -> None:
    data = VALID_REQUEST.replace(b"Host", b"Connection: close\r\nHost") + b"nonsense\r\n\r\n"

    _, transport = asyncio.run(converse([data], 1))

    assert statuses(transport.written) == [b"200"]
    assert transport.has_ended


def test_thousands_of_pipelined_requests_are_answered_with_few_of_them_in_memory() -> None:
    async def talk() -> tuple[int, int]:
        app = Recorder()
        async with connected(app) as (protocol, transport):
            protocol.data_received(TINY * 5_000)
            most = len(protocol.pipeline)
            assert transport.is_paused
            await transport.until_answered(5_000)
            assert not transport.is_paused
            return most, len(app.requests)

    most, answered = asyncio.run(talk())

    assert most < MAX_WAITING_REQUESTS + 1_000
    assert answered == 5_000


def test_reading_stays_paused_while_pipelined_requests_wait() -> None:
    async def talk() -> None:
        app = Recorder()
        async with connected(app) as (protocol, transport):
            protocol.data_received(VALID_REQUEST * 3)
            protocol.cycle.flow.resume_reading()  # as is done by each response, and by each read of a body
            assert transport.is_paused
            await transport.until_answered(3)
            assert not transport.is_paused

    asyncio.run(talk())


@pytest.mark.parametrize("piece", [b"X: y\r\n" * 1000, b"y" * 10_000], ids=["many fields", "one field"])
@pytest.mark.parametrize("begin", [b"0\r\nX: y\r\nX: ", b"1;"], ids=["trailers", "extension"])
def test_chunked_framing_of_a_body_is_limited_in_size(begin: bytes, piece: bytes) -> None:
    if begin == b"1;":
        piece = b"y" * len(piece)
    pieces = [CHUNKED + begin, *([piece] * (MAX_FRAMING_BYTES // len(piece) + 10))]

    requests, transport = asyncio.run(converse(pieces, 1))

    assert requests == []
    assert statuses(transport.written) == [b"400"]
    assert b"the framing of the body is larger than 262144 bytes" in transport.written


def test_small_chunks_and_a_long_body_are_not_counted_as_framing() -> None:
    chunks = b"".join(b"%x\r\n%b\r\n" % (size, b"x" * size) for size in range(1, 500))
    long = b"POST / HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 1_000_000
    data = CHUNKED + chunks + b"0\r\nX: y\r\n\r\n" + long

    requests, _ = asyncio.run(converse([data[at : at + 5_000] for at in range(0, len(data), 5_000)], 2))

    assert [len(body) for _, _, body in requests] == [sum(range(1, 500)), 1_000_000]


def test_trailers_are_not_header_fields() -> None:
    async def talk() -> list[list[tuple[bytes, bytes]]]:
        app = Recorder()
        async with connected(app) as (protocol, transport):
            protocol.data_received(CHUNKED + b"0\r\nAuthorization: Basic eDp4\r\n\r\n" + VALID_REQUEST)
            await transport.until_answered(2)
        return app.headers

    first, second = asyncio.run(talk())

    assert first == [(b"host", b"x"), (b"transfer-encoding", b"chunked")]
    assert second == [(b"host", b"x")]
