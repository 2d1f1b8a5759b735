"""A proxy alone, whose patience is short.

A test module asks for it by ``pytest_plugins = ["support.bare_proxy_fixtures"]``.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ringback.interception import proxy as proxy_module
from ringback.interception import relay as relay_module
from ringback.interception.authority import open_authority
from ringback.interception.certificates import Certificates
from ringback.interception.proxy import Proxy
from ringback.refusals import Refusals
from ringback.server import listen
from ringback.simulator.clock import SystemClock
from support.bare_proxy import STOPPED_WITHIN_SECONDS

SHORT_SECONDS = 0.2


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def refusals() -> Refusals:
    return Refusals(SystemClock().now)


@pytest.fixture
async def proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusals: Refusals) -> AsyncIterator[tuple[str, int]]:
    """Run a proxy whose patience is short, and give its address; afterwards nothing of it is left."""
    for module, name in (
        *((proxy_module, name) for name in ("HEAD_SECONDS", "CONNECT_SECONDS", "HANDSHAKE_SECONDS", "LINGER_SECONDS")),
        (relay_module, "IDLE_SECONDS"),
    ):
        monkeypatch.setattr(module, name, SHORT_SECONDS)
    now = SystemClock().now
    listener = listen("127.0.0.1", 0)
    running = Proxy(listener, Certificates(open_authority(tmp_path, now()), now), refusals)
    await running.start(lambda _: asyncio.Protocol())
    yield listener.getsockname()
    running.stop_accepting()
    await asyncio.wait_for(running.close(), STOPPED_WITHIN_SECONDS)
    assert [task for task in asyncio.all_tasks() if "/interception/" in code_of(task)] == []


def code_of(task: "asyncio.Task[object]") -> str:
    """Return the file whose code a task runs."""
    return str(getattr(task.get_coro(), "cr_code", ""))
