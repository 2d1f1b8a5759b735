"""Fixtures of the system tests: browsers with the phone page, and a server with interception."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from playwright.sync_api import Browser, Page

from support.clients.interception import InterceptingServer
from support.pages.chromium import chromium, new_context
from support.pages.phone_page import PhonePage, Visited
from support.servers.server import ServerProcess


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Run a browser for the module."""
    with chromium() as running:
        yield running


@pytest.fixture(scope="session")
def page_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Run a server with a proxy, fast automatic phones, and long prompt timeouts."""
    with ServerProcess(
        cwd=tmp_path_factory.mktemp("page"),
        covered=False,
        ring_seconds=0.05,
        key_seconds=0.05,
        prompt_timeout_seconds=60,
        intercept=True,
        intercept_port=0,
    ) as running:
        yield running


@pytest.fixture
def account(page_server: ServerProcess) -> Iterator[Visited]:
    """Create an account for one test."""
    with closing(Visited.new(page_server)) as made:
        yield made


@pytest.fixture(scope="module")
def tab(browser: Browser) -> Iterator[Page]:
    """Open a tab for the module: opening one takes longer than most tests."""
    with closing(new_context(browser)) as context:
        yield context.new_page()


@pytest.fixture
def phone_page(tab: Page, account: Visited) -> Iterator[PhonePage]:
    """Open the page with the test's account. At the end, the browser's console must have no errors."""
    with closing(PhonePage(tab, account)) as opened:
        opened.open()
        yield opened
    assert opened.complaints == []


@pytest.fixture(scope="session")
def intercepting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InterceptingServer]:
    """Run a server with the proxy. Each test verifies different numbers on it."""
    with InterceptingServer(tmp_path_factory.mktemp("clients")) as running:
        yield running
