"""Requests a second: hello and ringback's requests in turn, round by round, so that each is fairly compared."""

import base64
import json
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from urllib.request import Request, urlopen

from benchmarks import servers
from benchmarks.load import BenchmarkFailed, Measurement, measure
from benchmarks.servers import Server

ACCOUNT_SID = "AC00000000000000000000000000000001"
AUTH_TOKEN = "ringbackringbackringbackringback"  # noqa: S105 - the documented default
AUTHORIZATION = f"Basic {base64.b64encode(f'{ACCOUNT_SID}:{AUTH_TOKEN}'.encode()).decode()}"
LIST_PATH = f"/2010-04-01/Accounts/{ACCOUNT_SID}/OutgoingCallerIds"

SEEDED_CALLER_IDS = 60
SEEDED_NUMBERS_FROM = "+1650200"
FIRST_NUMBER = 2_000_000
NUMBERS_PER_SECOND = 20_000
"""More than can be asked for in a second, so that no number is asked for twice."""
SETTLE_SECONDS = 60.0
POLL_SECONDS = 0.1
PENDING = "SELECT EXISTS (SELECT 1 FROM validation_calls WHERE due_at IS NOT NULL)"

HELLO = "hello"
TARGETS = {"GET instance": 0.10, "GET list of 50": 0.065, "POST": 0.05}
"""The least share of hello that each is to reach."""


@dataclass(frozen=True, slots=True)
class Rates:
    """All rounds' measurements by request, and what the server held in memory after the last."""

    rounds: dict[str, list[Measurement]]
    resident_megabytes: float

    def requests_per_second(self, name: str) -> float:
        return median(measured.requests_per_second for measured in self.rounds[name])

    def p50_ms(self, name: str) -> float:
        return median(measured.p50_ms for measured in self.rounds[name])

    def p99_ms(self, name: str) -> float:
        return median(measured.p99_ms for measured in self.rounds[name])

    def shares(self, name: str) -> list[float]:
        """Return what `name` reached of hello, round by round."""
        pairs = zip(self.rounds[name], self.rounds[HELLO], strict=True)
        return [measured.requests_per_second / hello.requests_per_second for measured, hello in pairs]


def measure_rates(folder: Path, *, rounds: int, seconds: int, say: Callable[[str], None]) -> Rates:
    """Measure all four requests `rounds` times, `seconds` each, after a second of each to warm up."""
    seed = folder / "seed.toml"
    seed.write_text(_seed(), encoding="utf-8")
    measured: dict[str, list[Measurement]] = {name: [] for name in (HELLO, *TARGETS)}
    with servers.hello() as hello, servers.ringback(folder, "rates.db", f"--seed={seed}") as server:
        for number in range(rounds + 1):
            seconds_each = seconds if number else 1
            done = _round(hello, server, seconds_each, FIRST_NUMBER + number * seconds * NUMBERS_PER_SECOND)
            _wait_until_settled(folder / "rates.db")
            if number:
                say(f"round {number}: " + ", ".join(f"{name} {one.requests_per_second:,.0f}/s" for name, one in done))
                for name, one in done:
                    measured[name].append(one)
        return Rates(measured, server.resident_megabytes)


def _round(hello: Server, server: Server, seconds: int, first_number: int) -> list[tuple[str, Measurement]]:
    listed = f"{server.url}{LIST_PATH}.json"
    instance = f"{server.url}{LIST_PATH}/{_first_sid(listed)}.json"
    return [
        (HELLO, measure(f"{hello.url}/", seconds)),
        ("GET instance", measure(instance, seconds, authorization=AUTHORIZATION)),
        ("GET list of 50", measure(listed, seconds, authorization=AUTHORIZATION)),
        ("POST", measure(listed, seconds, authorization=AUTHORIZATION, first_number=first_number)),
    ]


def _first_sid(url: str) -> str:
    with urlopen(Request(url, headers={"Authorization": AUTHORIZATION})) as answer:  # noqa: S310 - our own server
        return str(json.load(answer)["outgoing_caller_ids"][0]["sid"])


def _wait_until_settled(database: Path) -> None:
    """Wait until every call that was asked for has ended, so that none is rung in the next round."""
    deadline = time.monotonic() + SETTLE_SECONDS
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        while connection.execute(PENDING).fetchone()[0]:
            if time.monotonic() > deadline:
                raise BenchmarkFailed(f"calls are still pending after {SETTLE_SECONDS:.0f} s")
            time.sleep(POLL_SECONDS)


def _seed() -> str:
    lines = ["[[accounts]]", f'sid = "{ACCOUNT_SID}"', ""]
    for position in range(SEEDED_CALLER_IDS):
        lines += ["[[accounts.caller_ids]]", f'phone_number = "{SEEDED_NUMBERS_FROM}{position:04d}"', ""]
    return "\n".join(lines)
