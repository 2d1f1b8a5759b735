"""Latencies of a client that sends requests one after another."""

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
from benchmarks.sections import Bench, Section, at_most

HELLO, GET, POST = "hello", "GET instance", "POST"
P50_TARGETS_MS = {GET: 0.3, POST: 0.5}
P99_TARGET = 4.0
"""Maximum ratio of a request's 99th percentile to its median."""
WORDS = """Medians of {rounds} rounds of {seconds} s each. During the POSTs, the same process advances the calls of
earlier ones. The ratio of p99 to p50 of hello shows how much timing on this machine varies."""


def measure_one_connection(bench: Bench) -> Section:
    """Measure hello, a GET and POSTs in turn, over a single connection."""
    rounds: list[dict[str, Measurement]] = []
    seed = seed_file(bench.folder, 60)
    with servers.hello() as hello, servers.ringback(bench.folder, "one.db", f"--seed={seed}") as server:
        listed = f"{server.url}{LIST_PATH}.json"
        instance = f"{server.url}{LIST_PATH}/{get(listed)['outgoing_caller_ids'][0]['sid']}.json"
        for number in range(bench.rounds + 1):
            seconds = bench.seconds if number else 1
            first_number = FIRST_NUMBER + number * bench.seconds * NUMBERS_PER_SECOND
            done = {
                HELLO: measure(f"{hello.url}/", seconds, connections=1),
                GET: measure(instance, seconds, authorization=AUTHORIZATION, connections=1),
                POST: measure(listed, seconds, authorization=AUTHORIZATION, first_number=first_number, connections=1),
            }
            wait_while(bench.folder / "one.db", PENDING_CALL)
            rounds += [done] if number else []
    measured = {name: Measurements([done[name] for done in rounds]) for name in (HELLO, GET, POST)}
    return Section(
        "One connection",
        WORDS.format(rounds=bench.rounds, seconds=bench.seconds),
        ("request", "p50", "p99", "p99 / p50", "targets"),
        [_cells(name, one) for name, one in measured.items()],
    )


def _cells(name: str, measured: Measurements) -> list[str]:
    ratio = measured.p99_ms / measured.p50_ms
    targets = ""
    if name in P50_TARGETS_MS:
        p50 = at_most(measured.p50_ms, P50_TARGETS_MS[name], "p50 {:.1f} ms")
        targets = f"{p50}; {at_most(ratio, P99_TARGET, '{:.0f} times')}"
    return [name, f"{measured.p50_ms:.3f} ms", f"{measured.p99_ms:.3f} ms", f"{ratio:.1f}", targets]
