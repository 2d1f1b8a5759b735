"""Debian's Chromium, headless, controlled by Playwright."""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright

from support.clients.node import FOLDER
from support.waiting import PATIENCE_SECONDS

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
AXE = FOLDER / "node_modules" / "axe-core" / "axe.min.js"
OFFLINE_OPTIONS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
"""Options that prevent Chromium from sending requests to other hosts."""
WAIT_MS = 3 * PATIENCE_SECONDS * 1000
"""Time limit of waits in a page. The first page of a browser takes 50 seconds on a very busy machine."""

expect.set_options(timeout=WAIT_MS)

TIMERS = """
const { setTimeout, setInterval } = window;
window.setTimeout = (work, ms, ...rest) => setTimeout(work, ms >= 4_000 ? 100 * ms : ms, ...rest);
window.setInterval = (work, ...rest) => setInterval(() => window.polls === false || work(), ...rest);
"""
"""JavaScript that lengthens long timeouts, so that tests on slow machines see messages that the page soon hides.

Setting ``window.polls`` to false disables polling: the page then shows only changes that events report."""

Scheme = Literal["light", "dark"]
WIDE, NARROW = (1440, 900), (360, 740)

needs_axe = pytest.mark.skipif(
    not AXE.is_file(), reason="axe-core is not installed by npm: run `make tests/system/node/node_modules/.installed`"
)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Yield a browser. No other event loop can run in this thread at the same time."""
    as_root = ["--no-sandbox"] if sys.platform == "linux" and os.getuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*OFFLINE_OPTIONS, *as_root])
        try:
            yield browser
        finally:
            browser.close()


def new_context(browser: Browser, size: tuple[int, int] = WIDE, scheme: Scheme = "light") -> BrowserContext:
    """Open a browser context without cookies and storage. Actions in its pages time out after WAIT_MS.

    A narrow context supports touch.
    """
    width, height = size
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, has_touch=size == NARROW
    )
    context.set_default_timeout(WAIT_MS)
    context.add_init_script(TIMERS)
    return context
