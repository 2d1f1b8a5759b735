"""A million caller IDs in one account: latency of distant pages and of filters."""

import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import quote

from benchmarks import servers
from benchmarks.client import AUTHORIZATION, LIST_PATH, get
from benchmarks.fill import multiply, seed_file, sid
from benchmarks.load import BenchmarkFailed, Measurements, measure_in_turn
from benchmarks.sections import Bench, Section, at_most

CALLER_IDS = 1_000_000
DEEP_ROW = 900_000
PAGE_SIZE = 50
SEARCHED_ROW = 654_321
FIRST_CREATED = 1_700_000_000_000_000
SECONDS = 1
FIRST_PAGE, DEEP_PAGE = "first page of 50", "page at row 900,000, by token"
INSTANCE, BY_NUMBER, BY_NAME = "GET instance", "filter by PhoneNumber", "filter by FriendlyName"
TARGETS = {DEEP_PAGE: (FIRST_PAGE, 1.3), BY_NUMBER: (INSTANCE, 1.5), BY_NAME: (INSTANCE, 1.5)}
"""For each of these requests: the request that it is compared with, and the maximum ratio of their latencies."""
WORDS = """Medians of {rounds} rounds of {seconds} s each, one connection; times are p50. The caller IDs were written in
{fill_seconds:.0f} s to a file of {megabytes:,.0f} MB; all numbers, names and SIDs are distinct."""


def measure_scale(bench: Bench) -> Section:
    """Fill a database, then measure pages and filters in turn."""
    began = time.monotonic()
    database = _filled(bench.folder)
    fill_seconds = time.monotonic() - began
    bench.say(f"{CALLER_IDS:,} caller IDs written in {fill_seconds:.0f} s")
    with servers.ringback(bench.folder, database.name) as server:
        urls = _urls(server.url)
        measured = measure_in_turn(
            urls, rounds=bench.rounds, seconds=SECONDS, authorization=AUTHORIZATION, connections=1
        )
    megabytes = database.stat().st_size / 1_000_000
    words = WORDS.format(rounds=bench.rounds, seconds=SECONDS, fill_seconds=fill_seconds, megabytes=megabytes)
    rows = [_cells(name, measured) for name in urls]
    return Section("A million caller IDs", words, ("request", "p50", "p99", "compared", "target"), rows)


def _filled(folder: Path) -> Path:
    with servers.ringback(folder, "scale.db", f"--seed={seed_file(folder, 1)}"):
        pass  # creates the schema, and one caller ID to copy
    database = folder / "scale.db"
    multiply(database, "outgoing_caller_ids", _copies())
    return database


def _copies() -> Iterator[dict[str, Any]]:
    for number in range(1, CALLER_IDS):
        created = FIRST_CREATED + number * 1_000_000
        yield {
            "sid": sid("PN", number),
            "phone_number": _phone_number(number),
            "friendly_name": _name(number),
            "date_created": created,
            "date_updated": created,
        }


def _phone_number(number: int) -> str:
    return f"+1415{2_000_000 + number}"


def _name(number: int) -> str:
    return f"Line {number * 7_368_787 % 10_000_019:08d}"


def _urls(server_url: str) -> dict[str, str]:
    """Return the URLs of the requests after checking their responses."""
    listed = f"{server_url}{LIST_PATH}.json"
    before = get(f"{listed}?PageSize={PAGE_SIZE}&Page={DEEP_ROW // PAGE_SIZE - 1}")
    urls = {
        FIRST_PAGE: f"{listed}?PageSize={PAGE_SIZE}",
        DEEP_PAGE: server_url + before["next_page_uri"],
        INSTANCE: f"{server_url}{LIST_PATH}/{sid('PN', SEARCHED_ROW)}.json",
        BY_NUMBER: f"{listed}?PhoneNumber={quote(_phone_number(SEARCHED_ROW))}",
        BY_NAME: f"{listed}?FriendlyName={quote(_name(SEARCHED_ROW))}",
    }
    lengths = {name: len(get(url).get("outgoing_caller_ids", [])) for name, url in urls.items()}
    if lengths != {FIRST_PAGE: PAGE_SIZE, DEEP_PAGE: PAGE_SIZE, INSTANCE: 0, BY_NUMBER: 1, BY_NAME: 1}:
        raise BenchmarkFailed(f"lists of unexpected length: {lengths}")
    if "PageToken=" not in urls[DEEP_PAGE]:
        raise BenchmarkFailed("the deep page has no token")
    return urls


def _cells(name: str, measured: dict[str, Measurements]) -> list[str]:
    one = measured[name]
    cells = [name, f"{one.p50_ms:.3f} ms", f"{one.p99_ms:.3f} ms"]
    if name not in TARGETS:
        return [*cells, "", ""]
    other, most = TARGETS[name]
    pairs = zip(one.rounds, measured[other].rounds, strict=True)
    ratio = median(this.p50_ms / that.p50_ms for this, that in pairs)
    return [*cells, f"{ratio:.2f} times {other}", at_most(ratio, most, "{:.1f} times")]
