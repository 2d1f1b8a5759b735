"""The fixture that runs the service on a free port."""

import threading
import time
from collections.abc import Iterator

import httpx
import pytest
import uvicorn

from verified_numbers.application import app


@pytest.fixture(scope="session")
def service() -> Iterator[httpx.Client]:
    """Run the service on an address that StatusCallbacks can reach, and yield an HTTP client for it."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.005)
    port = server.servers[0].sockets[0].getsockname()[1]
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30.0, trust_env=False) as client:
        yield client
    server.should_exit = True
    thread.join()
