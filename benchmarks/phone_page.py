"""The phone page: latency of events, smoothness of scrolling, and duration of the test suite of docs/testing.md."""

import time
from contextlib import closing
from pathlib import Path
from statistics import median

from playwright.sync_api import Page

from benchmarks import servers
from benchmarks.load import BenchmarkFailed
from benchmarks.sections import Bench, Section, at_most, percentile, span
from support.code_blocks import docs_page, readme_block
from support.packaging.suites import run_suite
from support.pages.chromium import CHROMIUM, chromium, new_context
from support.pages.phone_page import PhonePage, Visited
from support.servers.server import ServerProcess

EVENTS, EVENT_TARGET_MS = 9, 200.0
MANY, FRAME_PERCENT, FRAME_TARGET_MS = 500, 90, 50.0
SUITES, SUITE_TESTS, SUITE_TARGET_MS = 3, 8, 2_000.0
WATCH_FOR_PHONES = """() => {
  window.seen = new Map();
  new MutationObserver(() => requestAnimationFrame(() => requestAnimationFrame(() => {
    for (const phone of document.querySelectorAll("article")) {
      if (!window.seen.has(phone.dataset.call)) window.seen.set(phone.dataset.call, Date.now());
    }
  }))).observe(document.getElementById("main"), { childList: true, subtree: true });
}"""
"""Records when each phone was painted: in the second animation frame after it was added."""
SCROLL = """async () => {
  const list = document.querySelector(".verifications");
  const frames = [];
  let last = performance.now();
  for (let frame = 0; frame < 60; frame += 1) {
    list.scrollTop += 300;
    await new Promise(requestAnimationFrame);
    frames.push(performance.now() - last);
    last = performance.now();
  }
  return frames;
}"""
WORDS = f"""The time from a validation request until its phone is painted in Chromium; the duration of frames while a
list of {MANY} verifications scrolls; and the duration of the {SUITE_TESTS} tests of outcomes in docs/testing.md on
a running server."""


def measure_phone_page(bench: Bench) -> Section:
    """Measure ringing phones, scrolling in a long list, and the test suite."""
    if CHROMIUM is None:
        raise BenchmarkFailed("chromium is not installed: apt-get install chromium")
    with ServerProcess(covered=False) as server, chromium() as browser, closing(new_context(browser)) as context:
        with closing(Visited.new(server)) as account:
            events_ms = _events(context.new_page(), account)
        with closing(Visited.new(server)) as account:
            frames_ms = _frames(context.new_page(), account)
    with servers.ringback(bench.folder, "suite.db") as running:
        suites_ms = [_suite(bench.folder, running.url) for _ in range(SUITES)]
    frame_ms = percentile(frames_ms, FRAME_PERCENT)
    rows = [
        _cells("time until an event is on the screen", median(events_ms), events_ms, EVENT_TARGET_MS),
        _cells(f"duration of a frame, p{FRAME_PERCENT}", frame_ms, frames_ms, FRAME_TARGET_MS),
        _cells("duration of the suite of outcomes", median(suites_ms), suites_ms, SUITE_TARGET_MS),
    ]
    return Section("Phone page and test suite", WORDS, ("", "measured", "least to most", "target"), rows)


def _cells(name: str, measured_ms: float, all_ms: list[float], target_ms: float) -> list[str]:
    form = "{:,.0f} ms"
    return [name, form.format(measured_ms), span(all_ms, form), at_most(measured_ms, target_ms, form)]


def _events(page: Page, account: Visited) -> list[float]:
    account.control("PUT", "/phones/default", {"behavior": "manual"})
    PhonePage(page, account).open()
    page.evaluate(WATCH_FOR_PHONES)
    late_ms = []
    for last in range(EVENTS):
        began = time.time() * 1000
        sid = account.validate(f"+1415555012{last}")["call_sid"]
        late_ms.append(page.wait_for_function("sid => window.seen.get(sid)", arg=sid).json_value() - began)
        account.control("POST", f"/calls/{sid}/reject")
    return late_ms


def _frames(page: Page, account: Visited) -> list[float]:
    account.control("PUT", "/phones/default", {"behavior": "busy"})
    for number in range(MANY):
        account.validate(f"+1415{2_000_000 + number}")
    PhonePage(page, account).open()
    page.wait_for_function(f"() => document.querySelectorAll('.verifications li').length === {MANY}")
    frames_ms: list[float] = page.evaluate(SCROLL)
    return frames_ms


def _suite(folder: Path, url: str) -> float:
    modules = {"test_outcomes.py": readme_block("pytest-outcomes", page=docs_page("testing"))}
    finished = run_suite(folder, modules, "--ringback-url", url)
    if (finished.status, finished.tests, finished.failed) != (0, SUITE_TESTS, 0):
        raise BenchmarkFailed(f"the suite of outcomes failed: {finished.out}")
    return finished.seconds * 1000
