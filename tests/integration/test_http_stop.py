"""Connections while the server stops."""

import asyncio

import pytest

from support.http.conversation import Recorder, connected

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def written_when_stopped_after(before: bytes, after: bytes) -> bytes:
    """Stop a connection when `before` is answered, send `after`, and return what the server wrote until it closed."""
    async with connected(Recorder()) as (protocol, transport):
        protocol.data_received(before)
        await transport.until_answered(before.count(REQUEST))
        protocol.shutdown()
        protocol.data_received(after)
        await transport.until(lambda: transport.has_ended)
        return transport.written


@pytest.mark.parametrize("before", [b"", REQUEST])
def test_request_that_arrives_on_an_idle_connection_during_shutdown_is_answered(before: bytes) -> None:
    written = asyncio.run(written_when_stopped_after(before, REQUEST))

    *_, last = written.split(b"HTTP/1.1 ")
    assert written.count(b"HTTP/1.1 200 ") == before.count(REQUEST) + 1
    assert b"connection: close" in last


def test_connection_is_closed_after_the_first_of_the_requests_pipelined_during_shutdown() -> None:
    written = asyncio.run(written_when_stopped_after(REQUEST, REQUEST * 2))

    assert written.count(b"HTTP/1.1 200 ") == 2
    assert written.count(b"connection: close") == 1


@pytest.mark.parametrize("before", [b"", REQUEST])
def test_idle_connection_is_closed_during_shutdown(before: bytes) -> None:
    written = asyncio.run(written_when_stopped_after(before, b""))

    assert written.count(b"HTTP/1.1 ") == before.count(REQUEST)
