"""Clients that stop sending or reading are disconnected after a timeout. Rules: docs/fidelity.md, errors."""

import asyncio

import pytest
from starlette.types import Receive, Scope, Send

from support.http.conversation import Recorder, RecordingTransport, answer, connected

SHORT_SECONDS = 0.05
SEVERAL_LOOKS = 5
HEAD = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n"
WHOLE = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ringback.server.http_protocol.REQUEST_SECONDS", SHORT_SECONDS)


async def until_disconnected(*pieces: bytes) -> RecordingTransport:
    """Send each piece after the previous ones were answered, and wait until the connection is closed."""
    async with connected(Recorder()) as (protocol, transport):
        for answers, piece in enumerate(pieces):
            await transport.until_answered(answers)
            protocol.data_received(piece)
        await transport.until(lambda: transport.has_ended)
    return transport


@pytest.mark.parametrize("begin", [b"G", b"GET / HTTP/1.1\r\nHos", HEAD, HEAD + b"12345"])
@pytest.mark.parametrize("before", [b"", WHOLE])
def test_incomplete_request_gets_a_408(begin: bytes, before: bytes) -> None:
    transport = asyncio.run(until_disconnected(before + begin))

    *_, last = transport.written.split(b"HTTP/1.1 ")
    assert transport.written.count(b"HTTP/1.1 ") == (2 if before else 1)
    assert last.startswith(b"408 Request Timeout\r\n")
    assert b"<Code>20408</Code>" in last
    assert b"connection: close" in last


@pytest.mark.parametrize("sent", [b"", b"\r\n\r\n"])
def test_connection_without_a_request_is_closed_without_a_response(sent: bytes) -> None:
    assert asyncio.run(until_disconnected(sent)).written == b""


def test_connection_that_receives_only_empty_lines_is_closed() -> None:
    transport = asyncio.run(until_disconnected(WHOLE, b"\r\n"))

    assert transport.written.count(b"HTTP/1.1 ") == 1


def test_missing_body_of_an_answered_request_closes_the_connection() -> None:
    async def talk() -> bytes:
        async def app(_: Scope, __: Receive, send: Send) -> None:
            await answer(send)

        async with connected(app) as (protocol, transport):
            protocol.data_received(HEAD)
            await transport.until(lambda: transport.has_ended)
            return transport.written

    assert asyncio.run(talk()).count(b"HTTP/1.1 ") == 1


async def still_open(*pieces: bytes) -> bool:
    """Return whether a connection is still open after several timeout checks, if its application never answers."""
    never = asyncio.Event()

    async def app(_: Scope, __: Receive, ___: Send) -> None:
        await never.wait()

    async with connected(app) as (protocol, transport):
        for piece in pieces:
            protocol.data_received(piece)
        await transport.until(lambda: transport.looks > SEVERAL_LOOKS)
        return not transport.has_ended


@pytest.mark.parametrize(
    "pieces",
    [
        (WHOLE,),
        (WHOLE, b"GET /next HTTP/1.1\r\nHost"),
        (WHOLE, WHOLE, HEAD),
        (HEAD.replace(b"10", b"1000000"), b"x" * 100_000),
        (HEAD.replace(b"Host: x", b"Expect: 100-continue"),),
    ],
    ids=["whole", "next begun", "body of a later one", "reading paused", "told to wait"],
)
def test_client_that_waits_for_the_server_is_not_disconnected(pieces: tuple[bytes, ...]) -> None:
    assert asyncio.run(still_open(*pieces))


def test_client_that_keeps_sending_requests_is_not_disconnected() -> None:
    async def talk() -> int:
        async with connected(Recorder()) as (protocol, transport):
            for count in range(1, SEVERAL_LOOKS):
                protocol.data_received(WHOLE[:5])
                await transport.until_checked()
                protocol.data_received(WHOLE[5:])
                await transport.until_answered(count)
            return transport.written.count(b" 200 OK")

    assert asyncio.run(talk()) == SEVERAL_LOOKS - 1


@pytest.mark.parametrize("closes", [False, True], ids=["open", "closing"])
def test_client_that_does_not_read_its_response_is_disconnected(*, closes: bool) -> None:
    async def talk() -> bool:
        async with connected(Recorder()) as (protocol, transport):
            transport.is_stuck = True
            protocol.data_received(WHOLE)
            await transport.until_answered(1)
            if closes:
                transport.close()
            else:
                protocol.pause_writing()
            await transport.until(lambda: transport.is_aborted)
            return transport.is_aborted

    assert asyncio.run(talk())


def test_rest_of_a_timed_out_request_is_not_read() -> None:
    async def talk() -> list[tuple[str, str, bytes]]:
        app = Recorder()
        async with connected(app) as (protocol, transport):
            protocol.data_received(WHOLE[:-4])
            await transport.until(lambda: transport.has_ended)
            protocol.data_received(WHOLE[-4:])
            await asyncio.sleep(0)
        return app.requests

    assert asyncio.run(talk()) == []


def test_client_that_stops_reading_in_the_middle_of_a_response_is_disconnected() -> None:
    async def talk() -> bool:
        async def app(_: Scope, __: Receive, send: Send) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
            await send({"type": "http.response.body", "body": b"a", "more_body": True})
            protocol.pause_writing()
            await send({"type": "http.response.body", "body": b"b"})

        async with connected(app) as (protocol, transport):
            transport.is_stuck = True
            protocol.data_received(WHOLE)
            await transport.until(lambda: transport.is_aborted)
            return transport.is_aborted

    assert asyncio.run(talk())


def test_connection_is_kept_alive_after_a_late_response() -> None:
    async def talk() -> bool:
        may_answer = asyncio.Event()

        async def app(_: Scope, __: Receive, send: Send) -> None:
            await may_answer.wait()
            await answer(send)

        async with connected(app) as (protocol, transport):
            protocol.data_received(WHOLE)
            await transport.until(lambda: transport.looks > SEVERAL_LOOKS)
            may_answer.set()
            await transport.until_answered(1)
            await transport.until(lambda: transport.looks > 3 * SEVERAL_LOOKS)
            return not transport.has_ended

    assert asyncio.run(talk())


def test_connection_stays_open_after_the_end_of_a_late_body() -> None:
    async def talk() -> bool:
        async def app(_: Scope, __: Receive, send: Send) -> None:
            await answer(send)

        async with connected(app) as (protocol, transport):
            protocol.data_received(HEAD)
            await transport.until_answered(1)
            await transport.until_checked()
            protocol.data_received(b"0123456789")
            await transport.until_checked()
            return not transport.has_ended

    assert asyncio.run(talk())
