"""A plugin: the fixtures of tests that let calls live on real databases."""

from collections.abc import Iterator

import pytest

from ringback.storage.database import Database
from ringback.storage.unit_of_work import UnitOfWork
from support.clocks import FakeClock
from support.outbox import Outbox
from support.simulation import Simulation, a_simulation
from support.templates import POSTGRESQL, SQLITE, Template, template


@pytest.fixture
def anyio_backend() -> str:
    """Run coroutine tests on asyncio."""
    return "asyncio"


@pytest.fixture(scope="session", params=[SQLITE, POSTGRESQL])
def migrated(request: pytest.FixtureRequest) -> Iterator[Template]:
    """Make the one database of a kind that the migrations made; the tests have copies of it.

    A test about one kind alone says so by ``@only(SQLITE)``.
    """
    with template(request.param) as made:
        yield made


@pytest.fixture
def simulation(migrated: Template) -> Iterator[Simulation]:
    """Open a new database with the default account, and a clock that stands still."""
    simulation = a_simulation(migrated)
    yield simulation
    simulation.database.close()


@pytest.fixture
def database(simulation: Simulation) -> Database:
    """Return a new database, made by the migrations."""
    return simulation.database


@pytest.fixture
def unit_of_work(simulation: Simulation) -> UnitOfWork:
    """Return the unit of work of a new database."""
    return simulation.unit_of_work


@pytest.fixture
def clock(simulation: Simulation) -> FakeClock:
    """Return the simulation's clock."""
    return simulation.clock


@pytest.fixture
def outbox(simulation: Simulation) -> Outbox:
    """Return an outbox of pending StatusCallbacks."""
    return Outbox(simulation)
