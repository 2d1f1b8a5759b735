"""The server that all tests share which bring unchanged applications here; it is one `xdist_group`'s.

A test module asks for it by ``pytest_plugins = ["support.interception_fixtures"]``.
"""

from collections.abc import Iterator

import pytest

from support.interception import InterceptingServer


@pytest.fixture(scope="session")
def intercepting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InterceptingServer]:
    """Run a server with the proxy; every test verifies numbers of its own on it."""
    with InterceptingServer(tmp_path_factory.mktemp("clients")) as running:
        yield running
