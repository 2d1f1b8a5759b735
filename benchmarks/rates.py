"""Requests per second of hello, ringback and Prism, measured in turn, round by round."""

from contextlib import ExitStack
from statistics import median
from typing import NamedTuple

from benchmarks import servers
from benchmarks.client import (
    AUTHORIZATION,
    FIRST_NUMBER,
    LIST_PATH,
    NUMBERS_PER_SECOND,
    PENDING_CALL,
    get,
    wait_while,
)
from benchmarks.fill import seed_file
from benchmarks.load import Measurement, Measurements, measure
from benchmarks.prism import prism, prism_missing
from benchmarks.sections import Bench, Section, at_least, at_most, span
from benchmarks.servers import Server

SEEDED_CALLER_IDS = 60
MEMORY_TARGET_MB = 110.0

HELLO = "hello"
GET, LIST, POST = "GET instance", "GET list of 50", "POST, and its call"
POST_ALONE = "POST, its call a minute away"
DELAY_SECONDS = 60
TARGETS = {GET: 0.14, LIST: 0.09, POST_ALONE: 0.07, POST: 0.07}
"""Minimum rate of each request as a share of hello's rate."""
WORDS = """Medians of {rounds} rounds of {seconds} s each, 16 connections. POSTs are measured twice: alone, on a
separate server that is stopped before their calls are due; and while the same server advances the calls of earlier
POSTs, in three steps each. {prism} After the last round ringback used
{megabytes:.0f} MB of memory ({verdict})."""
PRISM_WORDS = """Prism is the usual mock server for an OpenAPI document, here under the best conditions: it serves only
the five paths that ringback implements, checks no credentials, stores and logs nothing, and its list has one entry."""


class Target(NamedTuple):
    """A measured server, the suffix of its request names in the table, and the path of one of its caller IDs."""

    server: Server
    mark: str
    instance_path: str


def measure_rates(bench: Bench) -> Section:
    """Measure each server's requests round by round, after a second of warm-up each."""
    missing = prism_missing()
    if missing:
        bench.say(f"without Prism: {missing}")
    seed = seed_file(bench.folder, SEEDED_CALLER_IDS)
    with ExitStack() as stack:
        hello = stack.enter_context(servers.hello())
        server = stack.enter_context(servers.ringback(bench.folder, "rates.db", f"--seed={seed}"))
        sid = get(f"{server.url}{LIST_PATH}.json")["outgoing_caller_ids"][0]["sid"]
        targets = [Target(server, "", f"{LIST_PATH}/{sid}.json")]
        if not missing:
            targets.append(Target(stack.enter_context(prism()), ", Prism", f"{LIST_PATH}/{sid}.json"))
        measured = _rounds(bench, hello, targets)
        return _section(bench, measured, missing, server.resident_megabytes)


def _rounds(bench: Bench, hello: Server, targets: list[Target]) -> dict[str, Measurements]:
    rounds = []
    for number in range(bench.rounds + 1):
        seconds = bench.seconds if number else 1
        done = _round(hello, targets, seconds, FIRST_NUMBER + number * bench.seconds * NUMBERS_PER_SECOND)
        done[POST_ALONE] = _new_server_posts(bench, number, seconds)
        wait_while(bench.folder / "rates.db", PENDING_CALL)  # so that no call rings during the next round
        if number:
            rounds.append(done)
            told = (f"{name} {one.requests_per_second:,.0f}/s" for name, one in done.items())
            bench.say(f"round {number}: {', '.join(told)}")
    return {name: Measurements([done[name] for done in rounds]) for name in rounds[0]}


def _round(hello: Server, targets: list[Target], seconds: int, first_number: int) -> dict[str, Measurement]:
    done = {HELLO: measure(f"{hello.url}/", seconds)}
    for name, is_post in ((GET, False), (LIST, False), (POST, True)):
        for server, mark, instance_path in targets:
            path = instance_path if name == GET else f"{LIST_PATH}.json"
            number = first_number if is_post else None
            done[name + mark] = measure(server.url + path, seconds, authorization=AUTHORIZATION, first_number=number)
    return done


def _new_server_posts(bench: Bench, number: int, seconds: int) -> Measurement:
    """Measure POSTs to a new server, after a second of warm-up."""
    with servers.ringback(bench.folder, f"posts-{number}.db") as server:
        for first_number, duration in ((FIRST_NUMBER, 1), (FIRST_NUMBER + NUMBERS_PER_SECOND, seconds)):
            done = measure(
                f"{server.url}{LIST_PATH}.json",
                duration,
                authorization=AUTHORIZATION,
                first_number=first_number,
                call_delay_seconds=DELAY_SECONDS,
            )
    return done


def _section(bench: Bench, measured: dict[str, Measurements], missing: str | None, megabytes: float) -> Section:
    verdict = at_most(megabytes, MEMORY_TARGET_MB, "at most {:.0f} MB")
    prism_words = f"Prism was not measured: {missing}." if missing else PRISM_WORDS
    rows = [_cells(name, one, measured[HELLO]) for name, one in measured.items()]
    return Section(
        "Requests",
        WORDS.format(
            rounds=bench.rounds, seconds=bench.seconds, prism=prism_words, megabytes=megabytes, verdict=verdict
        ),
        ("request", "requests/s", "p50", "p99", "share of hello", "least to most", "target"),
        rows,
    )


def _cells(name: str, measured: Measurements, hello: Measurements) -> list[str]:
    shares = measured.shares_of(hello)
    return [
        name,
        f"{measured.requests_per_second:,.0f}",
        f"{measured.p50_ms:.2f} ms",
        f"{measured.p99_ms:.2f} ms",
        f"{median(shares):.3f}",
        span(shares, "{:.3f}"),
        at_least(median(shares), TARGETS[name], "{:.3f}") if name in TARGETS else "",
    ]
