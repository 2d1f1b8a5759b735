"""A plugin: the fixtures of tests that let calls live on a real in-memory database."""

from collections.abc import Iterator

import pytest

from ringback.storage.database import Database, open_database
from ringback.storage.schema import migrate
from ringback.storage.unit_of_work import UnitOfWork
from support.clocks import FakeClock
from support.outbox import Outbox
from support.simulation import Simulation, a_simulation


@pytest.fixture
def anyio_backend() -> str:
    """Run coroutine tests on asyncio."""
    return "asyncio"


@pytest.fixture(scope="session")
def migrated() -> Iterator[Database]:
    """Open the one database that the migrations made; others are copies of it."""
    database = open_database("sqlite://")
    migrate(database)
    yield database
    database.close()


@pytest.fixture
def simulation(migrated: Database) -> Iterator[Simulation]:
    """Open a new database with the default account, and a clock that stands still."""
    simulation = a_simulation(migrated)
    yield simulation
    simulation.database.close()


@pytest.fixture
def database(simulation: Simulation) -> Database:
    """Return a new in-memory database, made by the migrations."""
    return simulation.database


@pytest.fixture
def unit_of_work(simulation: Simulation) -> UnitOfWork:
    """Return the unit of work of a new in-memory database."""
    return simulation.unit_of_work


@pytest.fixture
def clock(simulation: Simulation) -> FakeClock:
    """Return the simulation's clock."""
    return simulation.clock


@pytest.fixture
def outbox(simulation: Simulation) -> Outbox:
    """Return an outbox of StatusCallbacks that are owed."""
    return Outbox(simulation)
