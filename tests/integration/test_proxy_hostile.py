"""Hostile, slow and malformed clients of the proxy."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import closing, suppress
from unittest.mock import AsyncMock, Mock

import pytest
import structlog

from ringback.proxy.proxy import ESTABLISHED
from ringback.proxy.tunnel import chunked_body
from ringback.server.uvicorn_server import listen
from support.http.bare_proxy import NO_CONTENT, SHORT_SECONDS, connect, conversation, limited, origin
from support.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n", b"400 Bad Request"),
        (b"CONNECT a.test:443 HTTP/1.1\r\n\r\n", b"400 Bad Request"),
        (
            b"GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\nA: " + b"x" * 70_000 + b"\r\n\r\n",
            b"431 Request Header Fields Too Large",
        ),
        (b"x" * 200_000, b"431 Request Header Fields Too Large"),
        (connect("a..test:443"), b"502 Bad Gateway"),
        (connect("a" * 250 + ":443"), b"502 Bad Gateway"),
    ],
    ids=["origin", "no host field", "long field", "no line", "empty label", "long label"],
)
async def test_malformed_request_gets_a_short_error(proxy: tuple[str, int], said: bytes, status: bytes) -> None:
    answer = await conversation(proxy, said)

    check_refusal(answer, status)


@limited(head_seconds=SHORT_SECONDS)
@pytest.mark.parametrize(
    "said",
    [b"CONNECT api.twilio.com:443 HTTP/1.1\r\nA: b", b"\x16\x03\x01\x02\x00\x01\r\n\r\n", b""],
    ids=["head without end", "unfinished tls", "silence"],
)
async def test_incomplete_head_gets_a_408(proxy: tuple[str, int], said: bytes) -> None:
    answer = await conversation(proxy, said)

    check_refusal(answer, b"408 Request Timeout")


async def test_empty_line_before_a_request_is_ignored(proxy: tuple[str, int]) -> None:
    async with origin(bytearray(), b"\r\n\r\n") as port:
        head = f"GET http://127.0.0.1:{port}/ HTTP/1.1\r\nHost: x\r\n\r\n".encode()
        answer = await conversation(proxy, b"\r\n" + head)

    assert answer.startswith(b"HTTP/1.1 204 ")


def check_refusal(answer: bytes, status: bytes) -> None:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 " + status + b"\r\n")
    assert body.startswith(b'{"error":"')
    assert b"Traceback" not in answer


async def test_client_may_disconnect_immediately(proxy: tuple[str, int]) -> None:
    assert await conversation(proxy, ends=True) == b""
    assert await conversation(proxy, b"CONNECT api", ends=True) == b""


@limited(handshake_seconds=SHORT_SECONDS)
async def test_silent_client_in_a_twilio_tunnel_is_disconnected(proxy: tuple[str, int]) -> None:
    answer = await conversation(proxy, connect("api.twilio.com:443"))

    assert answer == ESTABLISHED


async def test_client_without_tls_in_a_twilio_tunnel_is_disconnected(proxy: tuple[str, int]) -> None:
    answer = await conversation(proxy, connect("api.twilio.com:443"), b"GET / HTTP/1.1\r\n\r\n" * 9)

    assert b"Traceback" not in answer


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """Yield a listening socket whose clients get no response."""
    with closing(listen("127.0.0.1", 0)) as listener:
        listener.listen()
        yield listener


@limited(idle_seconds=SHORT_SECONDS)
async def test_idle_tunnel_is_closed(proxy: tuple[str, int], silent: socket.socket) -> None:
    port = silent.getsockname()[1]

    answer = await conversation(proxy, connect(f"127.0.0.1:{port}"))

    assert answer == ESTABLISHED


async def test_bytes_after_a_body_are_not_forwarded(proxy: tuple[str, int]) -> None:
    got = bytearray()

    async with origin(got, b"body") as port:
        first = f"POST http://127.0.0.1:{port}/ HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody".encode()
        answer = await conversation(proxy, first + b"POST http://api.twilio.com/Messages HTTP/1.1\r\nHost: x\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 204 ")
    assert got.endswith(b"Connection: close\r\n\r\nbody")


@pytest.mark.parametrize(
    ("answer", "passed_on"),
    [
        (NO_CONTENT, b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"),
        (
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nA: b\r\n\r\nbody",
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nConnection: close\r\nA: b\r\n\r\nbody",
        ),
        (
            b"HTTP/1.1 200 OK\r\nconnection: x\r\nA: b\r\nkeep-alive: a,\r\n b\r\nKeep-Alives: c\r\n\r\nConnection: d",
            b"HTTP/1.1 200 OK\r\nConnection: close\r\nA: b\r\nKeep-Alives: c\r\n\r\nConnection: d",
        ),
        (b"no head", b"no head"),
        (b"x" * 200_000, b"x" * 200_000),
        (b"", b""),
    ],
    ids=["no field", "interim", "connection fields", "no head", "no end", "nothing"],
)
async def test_response_to_a_plain_request_has_connection_close(
    proxy: tuple[str, int], answer: bytes, passed_on: bytes
) -> None:
    async with origin(bytearray(), b"\r\n\r\n", answer) as port:
        said = await conversation(proxy, f"GET http://127.0.0.1:{port}/ HTTP/1.1\r\nHost: x\r\n\r\n".encode())

    assert said == passed_on


async def test_chunked_body_is_forwarded_as_it_arrives(proxy: tuple[str, int]) -> None:
    got = bytearray()

    async with origin(got, b"0\r\n\r\n") as port:
        head = f"POST http://127.0.0.1:{port}/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        answer = await conversation(proxy, head, b"4\r\nbody\r\n", b"0\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 204 ")
    assert got.endswith(b"\r\n\r\n4\r\nbody\r\n0\r\n\r\n")


async def test_bytes_after_a_chunked_body_are_not_forwarded(proxy: tuple[str, int]) -> None:
    got = bytearray()
    body = b"4;a=b\r\nbody\r\n0\r\nTrailer: x\r\n\r\n"

    async with origin(got, b"x\r\n\r\n") as port:
        head = f"POST http://127.0.0.1:{port}/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        answer = await conversation(
            proxy, head + body + b"POST http://api.twilio.com/Messages HTTP/1.1\r\nHost: x\r\n\r\n"
        )

    assert answer.startswith(b"HTTP/1.1 204 ")
    assert got.endswith(b"\r\n\r\n" + body)


async def test_trailers_wait_for_a_slow_receiver() -> None:
    reader = asyncio.StreamReader()
    reader.feed_data(b"0\r\n" + b"A: b\r\n" * 50 + b"\r\n")
    writer = Mock(drain=AsyncMock())

    await chunked_body(reader, writer, Mock())

    assert writer.drain.await_count > 50


CHUNKED = "POST http://127.0.0.1:{}/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"x\r\n", "the size of a chunk is not a number"),
        (b"4" * 20 + b"\r\n", "the size of a chunk is not a number"),
        (b"\r\n", "the size of a chunk is not a number"),
        (b"4\r\nbody!!!\r\n", "a chunk is longer than its stated size"),
        (b"5\nhello\r\n0\r\n\r\n", "a line of the chunked body does not end with CRLF"),
        (b"5;a\nhello\r\n0\r\n\r\n", "a line of the chunked body does not end with CRLF"),
        (b"0\r\nA: b\n\r\n", "a line of the chunked body does not end with CRLF"),
        (b"4" * 140_000, "a line of the chunked body is too long"),
    ],
    ids=[
        "no number",
        "long number",
        "no size",
        "long chunk",
        "bare LF",
        "LF in extension",
        "LF in trailer",
        "long line",
    ],
)
async def test_malformed_chunked_body_gets_a_400_and_a_log_line(
    proxy: tuple[str, int], body: bytes, reason: str
) -> None:
    with structlog.testing.capture_logs() as lines:
        async with origin(bytearray(), b"never") as port:
            answer = await conversation(proxy, CHUNKED.format(port).encode() + body)

    check_refusal(answer, b"400 Bad Request")
    assert reason.encode() in answer
    assert [(line["event"], line["host"], line["reason"]) for line in lines] == [
        ("malformed request body", "127.0.0.1", reason)
    ]


async def test_malformed_chunked_body_after_a_response_has_begun_ends_the_connection(proxy: tuple[str, int]) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer):
            writer.write(b"HTTP/1.1 200 OK\r\n\r\nbegun")
            with suppress(OSError):
                await reader.read(-1)

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        reader, writer = await asyncio.open_connection(*proxy)
        with closing(writer):
            writer.write(CHUNKED.format(server.sockets[0].getsockname()[1]).encode())
            async with asyncio.timeout(PATIENCE_SECONDS):
                begun = await reader.readuntil(b"begun")
                writer.write(b"x\r\n")
                rest = await reader.read()

    assert begun == b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nbegun"
    assert rest == b""


async def test_incomplete_chunked_body_ends_the_request(proxy: tuple[str, int]) -> None:
    async with origin(bytearray(), b"never") as port:
        answer = await conversation(proxy, CHUNKED.format(port).encode() + b"4\r\nbo", ends=True)

    assert answer == b""


@limited(connections=2)
async def test_client_above_the_connection_limit_gets_a_503(proxy: tuple[str, int]) -> None:
    waiting = [await asyncio.open_connection(*proxy) for _ in range(2)]

    answer = await conversation(proxy)
    for _, writer in waiting:
        writer.close()

    assert answer.startswith(b"HTTP/1.1 503 ")


@limited(handshake_seconds=SHORT_SECONDS, idle_seconds=SHORT_SECONDS)  # no application answers in this test
async def test_twilio_host_is_never_resolved(proxy: tuple[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    resolved_names: list[str] = []

    def recorded(host: str, *_: object, **__: object) -> object:
        resolved_names.append(host)
        raise socket.gaierror(socket.EAI_NONAME, "the tests resolve nothing")

    monkeypatch.setattr(socket, "getaddrinfo", recorded)
    for host in ("api.twilio.com", "messaging.twilio.com", "twilio.com", "WWW.Twilio.Com.", "example.test"):
        await conversation(proxy, connect(f"{host}:443"))
        await conversation(proxy, f"GET http://{host}/ HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())

    assert resolved_names == ["example.test", "example.test"]
