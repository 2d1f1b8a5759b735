"""What the proxy forwards in a tunnel to an address, and what it refuses."""

import pytest

from ringback.operations.refused_requests import RefusedRequests
from ringback.proxy.proxy import ESTABLISHED
from support.bare_proxy import connect, conversation, origin

pytest_plugins = ["support.bare_proxy_fixtures"]
pytestmark = pytest.mark.anyio


def hello(name: bytes, extra_bytes: int = 0) -> bytes:
    """Return a ClientHello with a name after an unknown extension, in records of the maximum length."""
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


async def test_protocol_that_starts_like_tls_is_forwarded_at_once(proxy: tuple[str, int]) -> None:
    got = bytearray()

    async with origin(got, b"ping", b"pong") as port:
        head = connect(f"127.0.0.1:{port}")
        answer = await conversation(proxy, head, b"\x16\0\0\1\0\1ping")

    assert answer == ESTABLISHED + b"pong"
