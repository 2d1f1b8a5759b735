"""A long list as XML compared with JSON."""

from statistics import median

from benchmarks import servers
from benchmarks.client import AUTHORIZATION, LIST_PATH
from benchmarks.fill import seed_file
from benchmarks.load import Measurements, measure_in_turn
from benchmarks.sections import Bench, Section, at_least, span

LENGTH = 1_000
TARGET = 0.25
"""Minimum rate of XML as a share of JSON's rate."""
JSON, XML = "JSON", "XML"


def measure_formats(bench: Bench) -> Section:
    """Measure a list of a thousand rows in both formats, in turn."""
    seed = seed_file(bench.folder, LENGTH)
    with servers.ringback(bench.folder, "formats.db", f"--seed={seed}") as server:
        urls = {
            JSON: f"{server.url}{LIST_PATH}.json?PageSize={LENGTH}",
            XML: f"{server.url}{LIST_PATH}?PageSize={LENGTH}",
        }
        measured = measure_in_turn(urls, rounds=bench.rounds, seconds=1, authorization=AUTHORIZATION)
    return Section(
        "A list of 1,000",
        f"Medians of {bench.rounds} rounds of 1 s each, 16 connections.",
        ("form", "requests/s", "share of JSON", "least to most", "target"),
        [_cells(name, one, measured[JSON]) for name, one in measured.items()],
    )


def _cells(name: str, measured: Measurements, json: Measurements) -> list[str]:
    shares = measured.shares_of(json)
    target = at_least(median(shares), TARGET, "{:.2f}") if name == XML else ""
    return [name, f"{measured.requests_per_second:,.0f}", f"{median(shares):.2f}", span(shares, "{:.2f}"), target]
