"""A proxy without an application behind it.

A test module imports it by ``pytest_plugins = ["support.bare_proxy_fixtures"]``.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ringback.clock import SystemClock
from ringback.operations.refused_requests import RefusedRequests
from ringback.proxy import proxy as proxy_module
from ringback.proxy import tunnel as tunnel_module
from ringback.proxy.certificate_authority import open_authority
from ringback.proxy.proxy import Proxy
from ringback.proxy.tls_contexts import Certificates
from ringback.server.uvicorn_server import listen
from support.bare_proxy import LONG_SECONDS
from support.waiting import PATIENCE_SECONDS


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def refusals() -> RefusedRequests:
    return RefusedRequests(SystemClock().now)


@pytest.fixture
async def proxy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusals: RefusedRequests
) -> AsyncIterator[tuple[str, int]]:
    """Run a proxy without short timeouts and return its address. Check afterwards that no task of it still runs."""
    for name in ("HEAD_SECONDS", "CONNECT_SECONDS", "HANDSHAKE_SECONDS", "LINGER_SECONDS"):
        monkeypatch.setattr(proxy_module, name, LONG_SECONDS)
    monkeypatch.setattr(tunnel_module, "IDLE_SECONDS", LONG_SECONDS)
    now = SystemClock().now
    listener = listen("127.0.0.1", 0)
    running = Proxy(listener, Certificates(open_authority(tmp_path, now()), now), refusals)
    await running.start(lambda _: asyncio.Protocol())
    yield listener.getsockname()
    running.stop_accepting()
    await asyncio.wait_for(running.close(), PATIENCE_SECONDS)
    assert [task for task in asyncio.all_tasks() if "/ringback/proxy/" in code_of(task)] == []


def code_of(task: "asyncio.Task[object]") -> str:
    """Return the file whose code a task runs."""
    return str(getattr(task.get_coro(), "cr_code", ""))
