"""Runs wrk and parses its output."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

CONNECTIONS = 16
SCRIPT = Path(__file__).with_name("load.lua")
GRACE_SECONDS = 20.0
"""How long wrk may exceed its configured duration before it is considered stuck."""
HOW_TO_INSTALL = "wrk is not installed: apt-get install wrk"


class BenchmarkFailed(Exception):
    """A measurement that is not meaningful, with the reason as its message."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """The result of one run of wrk."""

    requests_per_second: float
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class Measurements:
    """The results of several runs of wrk, one per round."""

    rounds: Sequence[Measurement]

    @property
    def requests_per_second(self) -> float:
        return median(measured.requests_per_second for measured in self.rounds)

    @property
    def p50_ms(self) -> float:
        return median(measured.p50_ms for measured in self.rounds)

    @property
    def p99_ms(self) -> float:
        return median(measured.p99_ms for measured in self.rounds)

    def shares_of(self, other: "Measurements") -> list[float]:
        """Return, for each round, these requests per second divided by those of `other`."""
        pairs = zip(self.rounds, other.rounds, strict=True)
        return [one.requests_per_second / another.requests_per_second for one, another in pairs]


def wrk_version() -> str:
    """Return wrk's name and version. Raises BenchmarkFailed if it is not installed."""
    if shutil.which("wrk") is None:
        raise BenchmarkFailed(HOW_TO_INSTALL)
    spoken = subprocess.run(["wrk", "-v"], capture_output=True, text=True, check=False, timeout=GRACE_SECONDS)
    return " ".join((spoken.stdout or spoken.stderr).split()[:2])


def measure(
    url: str,
    seconds: int,
    *,
    authorization: str = "",
    first_number: int | None = None,
    call_delay_seconds: int | None = None,
    connections: int = CONNECTIONS,
) -> Measurement:
    """Send requests to `url` continuously, over persistent connections, and return the result.

    With `first_number`, each request is a POST, and its call is due immediately or after `call_delay_seconds`. Raises
    BenchmarkFailed unless every response was successful.
    """
    environment = dict(os.environ)
    if authorization:
        environment["AUTHORIZATION"] = authorization
    if first_number is not None:
        environment["FIRST_NUMBER"] = str(first_number)
    if call_delay_seconds is not None:
        environment["CALL_DELAY"] = str(call_delay_seconds)
    command = [
        "wrk",
        "--threads=1",
        f"--connections={connections}",
        f"--duration={seconds}s",
        f"--script={SCRIPT}",
        url,
    ]
    spoken = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=True, timeout=seconds + GRACE_SECONDS
    )
    told = json.loads(spoken.stdout.splitlines()[-1])
    if told["refused"] or told["broken"] or not told["requests"]:
        raise BenchmarkFailed(
            f"{url}: of {told['requests']} requests {told['refused']} refused, {told['broken']} broken"
        )
    return Measurement(
        told["requests"] / told["microseconds"] * 1_000_000, told["p50_us"] / 1000, told["p99_us"] / 1000
    )


def measure_in_turn(
    urls: Mapping[str, str], *, rounds: int, seconds: int, authorization: str, connections: int = CONNECTIONS
) -> dict[str, Measurements]:
    """Send GETs to each of the `urls` in turn, round by round, after a second of warm-up each."""
    measured: dict[str, list[Measurement]] = {name: [] for name in urls}
    for number in range(rounds + 1):
        for name, url in urls.items():
            one = measure(url, seconds if number else 1, authorization=authorization, connections=connections)
            if number:
                measured[name].append(one)
    return {name: Measurements(found) for name, found in measured.items()}
