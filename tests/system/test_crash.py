"""Servers killed by SIGKILL at random times under load: after a restart no call or callback is lost or duplicated.

``make crash`` runs a hundred rounds and prints the counts.
"""

import os
import secrets
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from support.crashes.world import Deployment, World, on_postgresql, on_sqlite, world
from support.sampling import WHOLE

ROUNDS_VARIABLE, SEED_VARIABLE = "RINGBACK_TEST_CRASH_ROUNDS", "RINGBACK_TEST_CRASH_SEED"
ROUNDS = int(os.environ.get(ROUNDS_VARIABLE) or (12 if WHOLE else 3))
MAX_DELAY_SECONDS = 0.6
KILLED_STARTS_SHARE = 0.15
"""Share of rounds in which a server is also killed during its startup."""
MAX_START_DELAY_SECONDS = 0.7


def crash_round(crashing: World) -> None:
    if not crashing.fleet.is_complete and crashing.dice.random() < KILLED_STARTS_SHARE:
        crashing.fleet.kill_while_starting(crashing.dice.uniform(0.1, MAX_START_DELAY_SECONDS))
    crashing.round(MAX_DELAY_SECONDS, crashing.fleet.kill)


@pytest.mark.parametrize(
    "deployment",
    [on_sqlite, pytest.param(on_postgresql, marks=[pytest.mark.postgresql, pytest.mark.slow])],
    ids=["sqlite", "postgresql"],
)
def test_server_killed_at_a_random_time_neither_loses_nor_duplicates_calls(
    tmp_path: Path, deployment: Callable[[Path], AbstractContextManager[Deployment]]
) -> None:
    seed = os.environ.get(SEED_VARIABLE) or str(secrets.randbits(32))
    print(f"\nthese moments again: {SEED_VARIABLE}={seed}", flush=True)  # noqa: T201

    with deployment(tmp_path) as deployed, world(deployed, seed) as crashing:
        for _ in range(ROUNDS):
            crash_round(crashing)
        report = crashing.settled()

    print(report.table(rounds=ROUNDS, kills=crashing.fleet.ends))  # noqa: T201
    assert crashing.fleet.failures == []
    assert report.complaints == []
    assert (report.lost, report.doubled) == (0, 0)
    assert report.answered >= ROUNDS
