"""Tunnels to IP addresses through the proxy: forwarded and refused requests."""

import asyncio
from contextlib import closing

import pytest

from ringback.domain.twilio_hosts import normalize_host
from ringback.operations.refused_requests import RefusedRequests
from ringback.proxy.proxy import ESTABLISHED
from support.http.bare_proxy import connect, conversation, origin
from support.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio


def hello(name: bytes, extra_bytes: int = 0) -> bytes:
    """Return a ClientHello with an unknown extension before the name, split into records of the maximum length."""
    server_name = b"\0" + vector(name, 2)
    extensions = b"\xff\x01" + vector(bytes(extra_bytes), 2) + b"\0\0" + vector(vector(server_name, 2), 2)
    body = b"\3\3" + bytes(32) + vector(b"", 1) + vector(b"\x13\1", 2) + vector(b"\0", 1) + vector(extensions, 2)
    message = b"\1" + vector(body, 3)
    pieces = (message[place : place + 16_384] for place in range(0, len(message), 16_384))
    return b"".join(b"\x16\3\1" + vector(piece, 2) for piece in pieces)


def vector(content: bytes, width: int) -> bytes:
    return len(content).to_bytes(width) + content


@pytest.mark.parametrize("extra_bytes", [0, 65_480])
async def test_tunnel_whose_sni_is_a_twilio_host_is_not_forwarded(proxy: tuple[str, int], extra_bytes: int) -> None:
    got = bytearray()

    async with origin(got, b"never") as port:
        said = hello(b"api.twilio.com", extra_bytes)
        answer = await conversation(proxy, connect(f"127.0.0.1:{port}") + said)

    assert answer == ESTABLISHED
    assert got == b""


async def test_refused_sni_is_listed_escaped_and_shortened(proxy: tuple[str, int], refusals: RefusedRequests) -> None:
    async with origin(bytearray(), b"never") as port:
        said = hello(b"\x1b[2J\n" + b"x" * 9_000 + b".twilio.com")
        await conversation(proxy, connect(f"127.0.0.1:{port}") + said)
        await conversation(proxy, connect(f"127.0.0.1:{port}") + hello(b"a\n\x9b.twilio.com"))

    newest, before = refusals.newest(2)
    assert newest.host == "a%0A%C2%9B.twilio.com"
    assert len(before.host) == 253


async def test_protocol_that_starts_like_tls_is_forwarded_immediately(proxy: tuple[str, int]) -> None:
    got = bytearray()

    async with origin(got, b"ping", b"pong") as port:
        head = connect(f"127.0.0.1:{port}")
        answer = await conversation(proxy, head, b"\x16\0\0\1\0\1ping")

    assert answer == ESTABLISHED + b"pong"


@pytest.mark.parametrize("field", ["Host: api.twilio.com", "HOST:Messaging.Twilio.COM.:80 ", "Host : twilio.com"])
@pytest.mark.parametrize("pieces", [1, 3])
async def test_tunnel_whose_plain_request_is_for_a_twilio_host_is_refused_and_listed(
    proxy: tuple[str, int], refusals: RefusedRequests, field: str, pieces: int
) -> None:
    got = bytearray()
    head = [b"POST /Messages.json HTTP/1.1\r\n", f"A: b\r\n{field}\r\n".encode(), b"\r\n"]

    async with origin(got, b"never") as port:
        reader, writer = await asyncio.open_connection(*proxy)
        with closing(writer):
            writer.write(connect(f"127.0.0.1:{port}"))
            async with asyncio.timeout(PATIENCE_SECONDS):
                assert await reader.readexactly(len(ESTABLISHED)) == ESTABLISHED
                for piece in head if pieces == 3 else [b"".join(head)]:
                    writer.write(piece)
                    for _ in range(3):  # the proxy reads each piece separately
                        await asyncio.sleep(0)
                assert await reader.read() == b""

    assert got == b""
    [refused] = refusals.newest(9)
    assert (refused.host, refused.method) == (normalize_host(field.partition(":")[2]), "CONNECT")
    assert f"127.0.0.1:{port}" in refused.message


async def test_tunnel_with_a_long_plain_head_is_not_forwarded(proxy: tuple[str, int]) -> None:
    got = bytearray()

    async with origin(got, b"never") as port:
        said = b"GET / HTTP/1.1\r\nA: " + b"x" * 70_000 + b"\r\nHost: api.twilio.com\r\n\r\n"
        answer = await conversation(proxy, connect(f"127.0.0.1:{port}") + said)

    assert answer == ESTABLISHED
    assert got == b""


@pytest.mark.parametrize(
    "said",
    [
        b"GET / HTTP/1.1\r\nHost: app.test\r\n\r\n",
        b"GET / HTTP/1.0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: app.test\r\n\r\n\r\nHost: api.twilio.com\r\n\r\n",
        b"GET key\r\n",
        b"EHLO app.test\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
    ids=["HTTP/1.1", "HTTP/1.0", "body", "Redis", "SMTP", "HTTP/2"],
)
async def test_tunnel_to_another_host_is_forwarded_unmodified(
    proxy: tuple[str, int], refusals: RefusedRequests, said: bytes
) -> None:
    got = bytearray()

    async with origin(got, said, b"pong") as port:
        answer = await conversation(proxy, connect(f"127.0.0.1:{port}") + said)

    assert answer == ESTABLISHED + b"pong"
    assert got == said
    assert refusals.newest(1) == []


async def test_incomplete_plain_head_in_a_tunnel_is_forwarded_when_the_client_stops_sending(
    proxy: tuple[str, int],
) -> None:
    got = bytearray()
    said = b"GET / HTTP/1.1\r\nHost: app.test\r\n"

    async with origin(got, said, b"pong") as port:
        answer = await conversation(proxy, connect(f"127.0.0.1:{port}") + said, ends=True)

    assert answer == ESTABLISHED + b"pong"
