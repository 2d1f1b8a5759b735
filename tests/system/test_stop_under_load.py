"""SIGTERM under load, with ringing calls, open requests and pending callbacks: none are lost."""

import secrets
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from support.crashes.clients import http_client
from support.crashes.world import Deployment, World, on_postgresql, on_sqlite, world
from support.sampling import WHOLE
from support.servers.seeds import number_at

STOPS = 5 if WHOLE else 1
RINGING = 50
MAX_DELAY_SECONDS = 0.5

pytestmark = pytest.mark.slow


def create_ringing_calls(stopping: World) -> None:
    """Create fifty ringing calls in one account, in addition to the load."""
    stopping.fleet.start()
    [tenant] = stopping.open_tenants(1)
    url = stopping.fleet.urls[0]
    with http_client() as http:
        for position in range(RINGING):
            tenant.ask(http, url, number_at(position), stopping.receiver.url)


@pytest.mark.parametrize("deployment", [on_sqlite, on_postgresql], ids=["sqlite", "postgresql"])
def test_server_stopped_under_load_exits_promptly_and_loses_nothing(
    tmp_path: Path, deployment: Callable[[Path], AbstractContextManager[Deployment]]
) -> None:
    seed = str(secrets.randbits(32))
    statuses: list[int] = []

    with deployment(tmp_path) as deployed, world(deployed, seed) as stopping:
        for _ in range(STOPS):
            create_ringing_calls(stopping)
            statuses.append(stopping.round(MAX_DELAY_SECONDS, stopping.fleet.stop))
        report = stopping.settled()

    print(f"seed {seed}", report.table(stops=STOPS), sep="\n")  # noqa: T201
    assert statuses == [0] * STOPS
    assert stopping.fleet.failures == []
    assert report.complaints == []
    assert (report.lost, report.doubled, report.duplicates) == (0, 0, 0)
    assert report.answered >= STOPS * RINGING
