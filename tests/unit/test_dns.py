"""Host name resolution that hangs: it delays neither the resolution of other names nor the shutdown."""

import asyncio
import socket
import threading
from collections.abc import Iterator

import pytest

from ringback.callback_delivery.egress import EgressPolicy
from ringback.dns import connect, resolve
from support.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio

HANGS = "hangs.example.test"


@pytest.fixture
def silence(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make the resolution of one name hang until the end of the test."""
    over = threading.Event()
    original_getaddrinfo = socket.getaddrinfo

    def look_up(host: str, *arguments: int, **options: int) -> object:
        if host == HANGS:
            over.wait(2 * PATIENCE_SECONDS)
            raise socket.gaierror(socket.EAI_AGAIN, "no answer")
        return original_getaddrinfo(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    yield
    over.set()


async def test_listener_is_reached_by_its_host_name() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        _, writer = await connect("localhost", listener.getsockname()[1])
        writer.close()
        await writer.wait_closed()


async def test_unreachable_or_unknown_host_is_an_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(OSError, match=r"refused|Connect call failed"):
            await connect("127.0.0.1", taken.getsockname()[1])
    with pytest.raises(OSError, match=r".+"):
        await connect("nowhere.invalid", 80)


async def test_invalid_port_causes_an_error_immediately() -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        with pytest.raises(OSError, match="the port does not exist"):
            await resolve("127.0.0.1", 1 << 70)


@pytest.mark.usefixtures("silence")
async def test_hanging_name_resolutions_do_not_delay_others_and_can_be_cancelled() -> None:
    hanging = [asyncio.create_task(connect(HANGS, 443)) for _ in range(20)]
    await asyncio.sleep(0)

    async with asyncio.timeout(PATIENCE_SECONDS):
        await test_listener_is_reached_by_its_host_name()
        for one in hanging:
            one.cancel()
        left = await asyncio.gather(*hanging, return_exceptions=True)

    assert [type(error) for error in left] == [asyncio.CancelledError] * 20


@pytest.mark.usefixtures("silence")
async def test_callbacks_with_hanging_name_resolutions_do_not_delay_others() -> None:
    egress = EgressPolicy()
    hanging = [asyncio.create_task(egress.addresses(HANGS, 80)) for _ in range(20)]
    await asyncio.sleep(0)

    async with asyncio.timeout(PATIENCE_SECONDS):
        found = await egress.addresses("localhost", 80)
    for one in hanging:
        one.cancel()
    await asyncio.gather(*hanging, return_exceptions=True)

    assert "127.0.0.1" in found
