"""Receivers that violate HTTP or stall, on raw sockets."""

import re
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

BACKLOG = 1024
CHUNK = b"x" * 65_536
LARGE_BYTES = 100 * 1024 * 1024
DRIP_EVERY_SECONDS = 0.2
RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER value that makes closing a socket reset its connection."""

Behavior = Callable[["HostileReceiver", socket.socket], None]


class HostileReceiver:
    """A server on a free port of 127.0.0.1 that runs `behavior` for each connection, in a separate thread.

    `heads` holds the head of each complete request.
    """

    def __init__(self, behavior: Behavior) -> None:
        self._behavior = behavior
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=BACKLOG)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.heads: list[bytes] = []
        self.over = threading.Event()

    def _accept(self) -> None:
        while not self.over.is_set():
            with suppress(OSError):
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            self.heads.append(_read_request(connection))
            self._behavior(self, connection)

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.over.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


def _read_request(connection: socket.socket) -> bytes:
    """Read a complete request, and return its head. Closing a connection with unread bytes would reset it."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += _receive(connection)
    head, body = received.split(b"\r\n\r\n", 1)
    length = re.search(rb"\r\ncontent-length: *(\d+)", head.lower())
    missing = int(length[1]) - len(body) if length else 0
    while missing > 0:
        missing -= len(_receive(connection))
    return head


def _receive(connection: socket.socket) -> bytes:
    received = connection.recv(65_536)
    if not received:
        raise ConnectionAbortedError
    return received


def hang(receiver: HostileReceiver, _: socket.socket) -> None:
    receiver.over.wait(60)


def reset(_: HostileReceiver, connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)


def close(_: HostileReceiver, __: socket.socket) -> None:
    """Close the connection without a response."""


def reset_during_response(_: HostileReceiver, connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)


def drip_the_head(receiver: HostileReceiver, connection: socket.socket) -> None:
    _drip(receiver, connection, b"HTTP/1.1 200 OK\r\nX-Padding: " + CHUNK)


def drip_the_body(receiver: HostileReceiver, connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 65536\r\n\r\n")
    _drip(receiver, connection, CHUNK)


def _drip(receiver: HostileReceiver, connection: socket.socket, data: bytes) -> None:
    for position in range(len(data)):
        connection.sendall(data[position : position + 1])
        if receiver.over.wait(DRIP_EVERY_SECONDS):
            return


def redirect_endlessly(receiver: HostileReceiver, connection: socket.socket) -> None:
    connection.sendall(f"HTTP/1.1 307 Again\r\nLocation: {receiver.url}/\r\nContent-Length: 0\r\n\r\n".encode())


def send_a_large_body(receiver: HostileReceiver, connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % LARGE_BYTES)
    _flood(receiver, connection, CHUNK)


def send_chunks_forever(receiver: HostileReceiver, connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    _flood(receiver, connection, b"%x\r\n%b\r\n" % (len(CHUNK), CHUNK))


def send_tiny_chunks(receiver: HostileReceiver, connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    _flood(receiver, connection, b"1\r\nx\r\n" * 1000)


def pad_chunks(receiver: HostileReceiver, connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    _flood(receiver, connection, b"1;" + b"x" * 1000 + b"\r\nx\r\n")


def send_a_large_head(receiver: HostileReceiver, connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    _flood(receiver, connection, b"X-Padding: " + b"x" * 1000 + b"\r\n")


def send_one_large_line(receiver: HostileReceiver, connection: socket.socket) -> None:
    _flood(receiver, connection, CHUNK)


def send_continue_forever(receiver: HostileReceiver, connection: socket.socket) -> None:
    _flood(receiver, connection, b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)


def _flood(receiver: HostileReceiver, connection: socket.socket, data: bytes) -> None:
    for _ in range(LARGE_BYTES // len(data)):
        if receiver.over.is_set():
            return
        connection.sendall(data)
