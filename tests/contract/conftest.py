"""Fixtures of the contract tests: the server under test, its accounts, and caller IDs.

Without ``--base-url`` the fixtures start a server with tests/contract/seed.toml and short durations.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.databases.postgresql import migrated_database
from support.databases.templates import BOTH, POSTGRESQL
from support.servers.server import ServerProcess
from support.wire.api import Api, CallerId, draw_name, draw_number
from support.wire.calls import LONGEST_DELAY, SUPERSEDED, Called, ended, request_call
from support.wire.rows import LISTED_NUMBERS, CallerIdPool, ListedCallerIds, SeededAccounts, delete_drawn_numbers

SEED_FILE = Path(__file__).parent.parent / "contract" / "seed.toml"
SETTINGS: dict[str, Any] = {
    "seed": SEED_FILE,
    "ring_seconds": 0.05,
    "key_seconds": 0.05,
    "ring_timeout_seconds": 0.3,
    "prompt_timeout_seconds": 0.2,
}
NEEDS_SEED = "needs the seed file's accounts: start the server with `ringback serve --seed tests/contract/seed.toml`"
NEEDS_OWN_SERVER = "needs a server with %s, so it runs only without --base-url"
SEEDED_NAMES = ("parent", "sub", "suspended-sub", "stranger", "empty", "suspended", "closed", "trial", "truncating")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the PostgreSQL variants of the tests if ``--base-url`` is given, so that each test runs once."""
    if config.getoption("--base-url"):
        repeated = [item for item in items if item.get_closest_marker("repeated")]
        config.hook.pytest_deselected(items=repeated)
        items[:] = [item for item in items if item not in repeated]


@pytest.fixture(scope="session", params=BOTH)
def contract_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the base URL of the server under test. Without ``--base-url``, the server runs on SQLite or PostgreSQL."""
    given = request.config.getoption("--base-url")
    if given:
        yield given.rstrip("/")
        return
    with ExitStack() as stack:
        settings: dict[str, Any] = {}
        if request.param == POSTGRESQL:
            settings = {"database_url": stack.enter_context(migrated_database())}
        server = ServerProcess(cwd=tmp_path_factory.mktemp("server"), **SETTINGS, **settings)
        yield stack.enter_context(server).base_url


@pytest.fixture(scope="session")
def api(contract_url: str, request: pytest.FixtureRequest) -> Iterator[Api]:
    """Yield a client for the default account, which may already have caller IDs."""
    with Api(contract_url) as client:
        yield client
        if request.config.getoption("--base-url"):
            delete_drawn_numbers(client)


@pytest.fixture(scope="session")
def anonymous_api(contract_url: str) -> Iterator[Api]:
    """Yield a client that requests the paths of the default account without credentials."""
    with Api(contract_url, password=None) as client:
        yield client


@pytest.fixture(scope="session")
def seeded(contract_url: str) -> Iterator[SeededAccounts]:
    """Return clients of the seed file's accounts, or skip the test if the server lacks these accounts."""
    with ExitStack() as opened:
        clients = [
            opened.enter_context(Api(contract_url, f"ACc{number:031d}", f"contract-{name}-token"))
            for number, name in enumerate(SEEDED_NAMES, 1)
        ]
        accounts = SeededAccounts(*clients)
        if accounts.parent.list().status_code == httpx.codes.UNAUTHORIZED:
            pytest.skip(NEEDS_SEED)
        yield accounts


@pytest.fixture(scope="session")
def caller_id_pool(api: Api) -> CallerIdPool:
    return CallerIdPool(api)


@pytest.fixture
def caller_id(caller_id_pool: CallerIdPool) -> CallerId:
    """Return a new caller ID that no other test uses."""
    return caller_id_pool.take()


@pytest.fixture(scope="session")
def listed(api: Api) -> ListedCallerIds:
    """Verify 120 numbers for the tests of lists, all with the same FriendlyName.

    Half of the calls start a second later.
    """
    name = draw_name()
    numbers = [draw_number() for _ in range(LISTED_NUMBERS)]
    for place, number in enumerate(numbers):
        api.validate(number, FriendlyName=name, CallDelay=place % 2)
    return ListedCallerIds(name, list(api.wait_until_verified(*numbers)))


@pytest.fixture
def own_server_only(request: pytest.FixtureRequest) -> None:
    """Skip a test that needs a server with particular settings if ``--base-url`` is given."""
    if request.config.getoption("--base-url"):
        pytest.skip(NEEDS_OWN_SERVER % "other settings")


@pytest.fixture(scope="session")
def called(api: Api) -> Called:
    """Make five calls to a number that no other test calls, and return them."""
    number = draw_number()
    sids = [request_call(api, number, CallDelay=LONGEST_DELAY) for _ in range(SUPERSEDED)]
    sids.append(request_call(api, number))
    return Called(number, sids[::-1], ended(api, sids[-1]))
