"""A server with interception stops as quickly as one without."""

import socket
import ssl
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ringback.proxy.proxy import ESTABLISHED
from ringback.server.uvicorn_server import listen
from support.clients.interception import InterceptingServer
from support.http.bare_proxy import connect
from support.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.slow

PROGRAM = """
import sys
from ringback.__main__ import main
from ringback.proxy import proxy
proxy.DEFAULT_LIMITS = proxy.ProxyLimits(head_seconds=3600, handshake_seconds=3600)
sys.exit(main())
"""
PATIENT = [sys.executable, "-c", PROGRAM, "serve"]
"""Command that starts a server whose proxy timeouts are too long to close connections during shutdown."""


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """Yield a listening socket whose clients get no response."""
    with closing(listen("127.0.0.1", 0)) as listener:
        listener.listen()
        yield listener


def test_server_with_open_tunnels_stops_promptly(tmp_path: Path, silent: socket.socket) -> None:
    port = silent.getsockname()[1]
    with InterceptingServer(tmp_path, command=PATIENT) as server:
        tunnels = []
        for target in (f"127.0.0.1:{port}", "api.twilio.com:443", "api.twilio.com:80"):
            tunnel = socket.create_connection(server.proxy_address, timeout=PATIENCE_SECONDS)
            tunnel.sendall(connect(target))
            assert tunnel.recv(1000) == ESTABLISHED
            tunnels.append(tunnel)
        tunnels.append(socket.create_connection(server.tls_address, timeout=PATIENCE_SECONDS))
        status = server.stop()
        for tunnel in tunnels:
            tunnel.close()

    assert status == 0
    assert [line for line in server.log if line.get("level") in {"error", "critical"} or "Traceback" in str(line)] == []


def test_server_with_idle_tls_connections_stops_promptly(tmp_path: Path) -> None:
    with InterceptingServer(tmp_path, command=PATIENT) as server:
        context = ssl.create_default_context(cafile=server.trust / "authority.pem")
        tunnel = socket.create_connection(server.proxy_address, timeout=PATIENCE_SECONDS)
        tunnel.sendall(connect("api.twilio.com:443"))
        assert tunnel.recv(1000) == ESTABLISHED
        direct = socket.create_connection(server.tls_address, timeout=PATIENCE_SECONDS)
        clients = [context.wrap_socket(plain, server_hostname="api.twilio.com") for plain in (tunnel, direct)]
        for client in clients:
            client.sendall(b"GET /livez HTTP/1.1\r\nHost: api.twilio.com\r\n\r\n")
            assert client.recv(1000).startswith(b"HTTP/1.1 404 ")
        status = server.stop()
        for client in clients:
            client.close()

    assert status == 0
    assert [line for line in server.log if line.get("level") in {"error", "critical"} or "Traceback" in str(line)] == []
