"""Rounds of load in which a server is killed, and checks of the final state."""

import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ringback.operations.callbacks import LEASE_SECONDS
from support.crashes.checks import Inspector, by_call
from support.crashes.clients import Tenant, http_client
from support.crashes.fleet import Fleet
from support.crashes.report import Report
from support.databases.postgresql import migrated_database
from support.receivers.receiver import Answer, CallbackReceiver, Received
from support.waiting import PATIENCE_SECONDS, eventually

CLIENTS = 3
RECEIVING_SECONDS = 0.02
"""Response time of the receiver. It is long enough that some kills interrupt a delivery."""
BACKLOG = 1024
PHONES = {"ring_seconds": 0.15, "key_seconds": 0.1, "ring_timeout_seconds": 0.4, "prompt_timeout_seconds": 0.2}


@dataclass(frozen=True)
class Deployment:
    """A database, and the number of servers that share it.

    `settle_seconds` limits the wait until all calls have settled.
    """

    database_url: str
    replicas: int = 1
    settle_seconds: float = 2 * PATIENCE_SECONDS


@contextmanager
def on_sqlite(folder: Path) -> Iterator[Deployment]:
    """Yield a deployment of one server on a SQLite file."""
    yield Deployment(f"sqlite:///{folder / 'crash.db'}")


@contextmanager
def on_postgresql(_: Path) -> Iterator[Deployment]:
    """Yield a deployment of two servers on one migrated PostgreSQL database."""
    with migrated_database() as url:
        yield Deployment(url, replicas=2, settle_seconds=2 * PATIENCE_SECONDS + LEASE_SECONDS)


@dataclass
class World:
    """Servers, their clients, and the receiver of all callbacks."""

    deployment: Deployment
    fleet: Fleet
    receiver: CallbackReceiver
    dice: random.Random
    tenants: list[Tenant] = field(default_factory=list)

    def open_tenants(self, number: int) -> list[Tenant]:
        """Create accounts for `number` new clients."""
        with http_client(self.fleet.urls[0]) as http:
            opened = [Tenant.opened(http, str(self.dice.random())) for _ in range(number)]
        self.tenants += opened
        return opened

    @contextmanager
    def load(self, over: threading.Event) -> Iterator[list[Tenant]]:
        """Run new clients that send validation requests until `over` is set or the block ends."""
        clients = self.open_tenants(CLIENTS)
        with ThreadPoolExecutor(CLIENTS) as pool:
            running = [
                pool.submit(client.request_until, over, lambda: self.fleet.urls, self.receiver.url)
                for client in clients
            ]
            try:
                yield clients
            finally:
                over.set()
            for one in running:
                one.result()

    def round(self, latest_seconds: float, end: Callable[[int], Any]) -> Any:
        """Run clients, and call `end` for a random server after a random time of at most `latest_seconds`.

        If other servers are running, the clients continue to use those for a random time.
        """
        over = threading.Event()
        self.fleet.start()
        with self.load(over) as clients:
            eventually(lambda: any(client.answered or client.refused for client in clients), what="load")
            # The server must end at a different time in each round.
            over.wait(self.dice.uniform(0, latest_seconds))
            ended = end(self.dice.randrange(self.deployment.replicas))
            if self.fleet.urls:
                over.wait(self.dice.uniform(0, latest_seconds))
        return ended

    def settled(self) -> Report:
        """Wait until all calls have settled, and return the report."""
        report = Report()
        self.fleet.start()
        with http_client(self.fleet.urls[0]) as http:
            inspectors = [Inspector(http, tenant, report) for tenant in self.tenants]
            for inspector in inspectors:
                inspector.settle(self.deployment.settle_seconds)
            deliveries = by_call(self.receiver.received)
            for inspector in inspectors:
                inspector.inspect(deliveries)
        return report


class CrowdedReceiver(CallbackReceiver):
    """A receiver with a long accept queue that ignores connections closed in the middle of a request."""

    def __init__(self) -> None:
        super().__init__(slowly)
        self._server.socket.listen(BACKLOG)
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]


def slowly(_: Received) -> Answer:
    # A bounded sleep simulates a slow receiver.
    threading.Event().wait(RECEIVING_SECONDS)
    return Answer()


@contextmanager
def world(deployment: Deployment, seed: str) -> Iterator[World]:
    """Yield a world whose random choices are determined by the seed."""
    fleet = Fleet(deployment.replicas, database_url=deployment.database_url, **PHONES)
    with CrowdedReceiver() as receiver, fleet:
        yield World(deployment, fleet, receiver, random.Random(seed))  # noqa: S311
