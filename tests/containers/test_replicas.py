"""The profile `replicas` of compose.yaml: requests while one of two replicas stops or is killed."""

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import httpx
import pytest

from support.code_blocks import docs_page, readme_block
from support.docker.checkout import Checkout
from support.docker.container import client, verified_numbers
from support.sampling import WHOLE
from support.servers.server import caller_ids_path
from support.waiting import eventually

pytestmark = [pytest.mark.docker, pytest.mark.xdist_group("browser")]

ROUNDS = 2 if WHOLE else 1
REPLICAS = ("ringback-a", "ringback-b")
POSTS = 100
STOPPED_AFTER = 20
SEPARATOR = "next replica"
READ_METRICS = f"""
from urllib.request import urlopen
for name in {REPLICAS}:
    try:
        print(urlopen("http://" + name + ":8010/metrics", timeout=4).read().decode())
    except OSError:
        pass
    if name != "{REPLICAS[-1]}":
        print("{SEPARATOR}")
""".replace("'", '"')
"""A program that prints the metrics of both replicas."""
CLIENTS = 4
"""Number of clients that send requests at the same time."""


@pytest.fixture(scope="module")
def started(checkout: Checkout, image: str) -> Iterator[str]:  # noqa: ARG001 - built once, before compose finds it
    """Run the documented session. Yield the load balancer's address before the last command, which removes it."""
    *start, end = readme_block("replicas-session", page=docs_page("docker")).splitlines()
    try:
        checkout.sh("\n".join(start))
        yield checkout.url(8020)
    finally:
        checkout.sh(end)


@pytest.fixture
def front(checkout: Checkout, started: str) -> str:
    """Start replicas that a test has stopped, and wait until the load balancer sends requests to both."""
    checkout.sh("docker compose --profile replicas start ringback-a ringback-b")
    eventually(lambda: sends_to_both(checkout, started), what="the load balancer sends requests to both replicas")
    return started


def sends_to_both(checkout: Checkout, front: str) -> bool:
    before = answered(checkout)
    with client(front) as http:
        statuses = {http.get(f"{caller_ids_path()}.json").status_code for _ in range(4)}
    after = answered(checkout)
    return statuses == {httpx.codes.OK} and all(more > less for less, more in zip(before, after, strict=True))


def answered(checkout: Checkout) -> list[float]:
    """Return the number of requests that each replica has answered, or 0 for a replica that does not respond."""
    return [
        sum(float(line.split()[-1]) for line in metrics.splitlines() if line.startswith("ringback_requests_total"))
        for metrics in checkout.sh(f"docker compose exec -T {REPLICAS[0]} python -c '{READ_METRICS}'").split(SEPARATOR)
    ]


def health_of_postgresql(checkout: Checkout) -> str:
    return checkout.sh(
        "docker inspect --format '{{.State.Health.Status}}' $(docker compose ps --all --quiet postgres)"
    ).strip()


@dataclass
class Traffic:
    """POSTs from several clients without retries.

    `answers` maps each number to the status of the response, or to None if there was no response.
    """

    front: str
    first: int
    answers: dict[str, int | None] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _is_over: threading.Event = field(default_factory=threading.Event)

    def send(self) -> None:
        """Send requests for new numbers until `during` has run its command and POSTS requests have been sent."""
        with client(self.front) as http:
            while (number := self._next()) is not None:
                try:
                    status = http.post(f"{caller_ids_path()}.json", data={"PhoneNumber": number}).status_code
                except httpx.TransportError:
                    status = None
                with self._lock:
                    self.answers[number] = status

    def _next(self) -> str | None:
        with self._lock:
            if self._is_over.is_set() and len(self.answers) >= POSTS:
                return None
            self.first += 1
            return f"+1415{2_000_000 + self.first}"

    def during(self, checkout: Checkout, command: str) -> "Traffic":
        """Send requests before, during and after a command, which is started after STOPPED_AFTER responses."""
        with ThreadPoolExecutor(CLIENTS) as pool:
            sending = [pool.submit(self.send) for _ in range(CLIENTS)]
            try:
                eventually(lambda: len(self.answers) >= STOPPED_AFTER, what="the first answers")
                checkout.sh(command)
            finally:
                self._is_over.set()
            for sender in sending:
                sender.result(timeout=None)
        return self

    @property
    def refused(self) -> dict[str, int | None]:
        return {number: status for number, status in self.answers.items() if status != httpx.codes.OK}


def lost_or_doubled(front: str, traffic: Traffic) -> dict[str, int]:
    """Wait until all accepted numbers are verified, and return those that are not listed exactly once."""
    accepted = traffic.answers.keys() - traffic.refused.keys()
    with client(front) as http:
        eventually(lambda: accepted <= set(verified_numbers(http)), what="all numbers are verified")
        found = Counter(verified_numbers(http))
    return {number: found[number] for number in traffic.answers if found[number] != 1 and number in accepted}


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_replica_stopped_under_load_refuses_no_request(checkout: Checkout, front: str, round_: int) -> None:
    traffic = Traffic(front, first=20_000 * round_).during(checkout, "docker compose stop ringback-a")

    assert traffic.refused == {}
    assert len(traffic.answers) >= POSTS
    assert lost_or_doubled(front, traffic) == {}


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_replica_killed_under_load_refuses_only_requests_in_progress(
    checkout: Checkout, front: str, round_: int
) -> None:
    traffic = Traffic(front, first=10_000 * (2 * round_ + 1)).during(checkout, "docker compose kill ringback-b")

    assert len(traffic.refused) <= CLIENTS
    assert len(traffic.answers) >= POSTS
    assert lost_or_doubled(front, traffic) == {}


@pytest.mark.parametrize(("away", "back"), [("stop", "start"), ("pause", "unpause")])
def test_requests_get_503_while_postgresql_is_stopped_or_paused(
    checkout: Checkout, front: str, away: str, back: str
) -> None:
    with client(front) as http:
        checkout.sh(f"docker compose {away} postgres")
        try:
            refused = http.get(f"{caller_ids_path()}.json")
            readiness = http.get("/readyz").status_code
        finally:
            checkout.sh(f"docker compose {back} postgres")
        eventually(lambda: health_of_postgresql(checkout) == "healthy", what="Docker finds PostgreSQL healthy")
        eventually(lambda: http.get(f"{caller_ids_path()}.json").is_success, what="PostgreSQL is used again")
        eventually(lambda: http.get("/readyz").is_success, what="the replicas are ready")

    assert (refused.status_code, refused.json()["code"]) == (503, 20503)
    assert readiness == 503
