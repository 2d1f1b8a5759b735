"""A TCP proxy to PostgreSQL that simulates network and server failures."""

import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

from sqlalchemy.engine import URL

PIECE_BYTES = 65_536


class SeverableProxy:
    """A TCP proxy on 127.0.0.1 for the server that a URL names. After `cut` it refuses connections."""

    def __init__(self, server: URL) -> None:
        self._server = server
        self._listener = self._listening(0)
        self.port = self._listener.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._passes = threading.Event()
        self._passes.set()

    @property
    def url(self) -> str:
        """The URL of the database through the proxy."""
        url = self._server.set(host="127.0.0.1", port=self.port, query={})
        return url.render_as_string(hide_password=False)

    def _listening(self, port: int) -> socket.socket:
        listener = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self._accept, args=[listener], daemon=True).start()
        return listener

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                server = self._connected()
                self._open |= {client, server}
                for source, target in ((client, server), (server, client)):
                    threading.Thread(target=self._forward, args=[source, target], daemon=True).start()

    def _connected(self) -> socket.socket:
        folder = self._server.query.get("host")
        if folder:
            connection = socket.socket(socket.AF_UNIX)
            connection.connect(f"{folder}/.s.PGSQL.{self._server.port or 5432}")
            return connection
        return socket.create_connection((self._server.host or "127.0.0.1", self._server.port or 5432))

    def _forward(self, source: socket.socket, target: socket.socket) -> None:
        with source, suppress(OSError):
            while data := source.recv(PIECE_BYTES):
                self._passes.wait()
                target.sendall(data)
        with suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)

    def hang(self) -> None:
        """Stop forwarding without closing the connections."""
        self._passes.clear()

    def resume(self) -> None:
        """Continue to forward after `hang`."""
        self._passes.set()

    def refuse(self) -> None:
        """Refuse new connections."""
        with self._listener, suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)

    def cut(self) -> None:
        """Close all connections, and refuse new ones."""
        self.refuse()
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._open.clear()
        self._passes.set()

    def restore(self) -> None:
        """Accept and forward connections again, at the same address."""
        self._listener = self._listening(self.port)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.cut()
