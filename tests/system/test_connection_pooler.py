"""Two replicas that connect to PostgreSQL through PgBouncer in transaction mode."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import count, islice
from typing import Any

import httpx
import pytest
from sqlalchemy.engine import URL

from support.databases.pgbouncer import PgBouncer, pgbouncer_before
from support.databases.postgresql import new_database, postgresql_server
from support.servers.command import Command
from support.servers.seeds import number_at
from support.servers.server import ACCOUNT_SID, ServerProcess, caller_ids_path
from support.waiting import PATIENCE_SECONDS, eventually

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("pgbouncer")]

LIST = f"{caller_ids_path()}.json"
REQUESTS, CLIENTS = 500, 8
_positions = count()
QUICK: dict[str, Any] = {"ring_seconds": 0.05, "key_seconds": 0.05}


@pytest.fixture(scope="module")
def direct_url() -> Iterator[URL]:
    with new_database(postgresql_server()) as url:
        yield url


@pytest.fixture(scope="module")
def pooler(direct_url: URL) -> Iterator[PgBouncer]:
    with pgbouncer_before(direct_url) as running:
        yield running


@pytest.fixture
def pooled_url(pooler: PgBouncer, command: Command) -> str:
    """Return the URL of a database that was migrated through the pooler."""
    url = text(pooler.url)
    assert command("migrate", "--database-url", url).status == 0
    return url


def new_numbers(how_many: int) -> list[str]:
    """Return unused numbers: all tests share one database."""
    return [number_at(position) for position in islice(_positions, how_many)]


def text(url: URL) -> str:
    return url.render_as_string(hide_password=False)


@pytest.fixture
def replicas(pooled_url: str) -> Iterator[list[ServerProcess]]:
    with ExitStack() as stack:
        yield [stack.enter_context(ServerProcess(database_url=pooled_url, covered=False, **QUICK)) for _ in range(2)]


def verified(http: httpx.Client) -> set[str]:
    answer = http.get(LIST, params={"PageSize": 1000}).raise_for_status()
    return {caller_id["phone_number"] for caller_id in answer.json()["outgoing_caller_ids"]}


def ask_all(replicas: list[ServerProcess], numbers: list[str]) -> dict[str, int]:
    """Send validation requests to the replicas in turn, over several connections, and return the status per number."""

    def ask(client: int) -> dict[str, int]:
        with replicas[client % len(replicas)].client() as http:
            http.timeout = httpx.Timeout(PATIENCE_SECONDS)
            return {
                number: http.post(LIST, data={"PhoneNumber": number}).status_code for number in numbers[client::CLIENTS]
            }

    with ThreadPoolExecutor(CLIENTS) as pool:
        return {number: status for answers in pool.map(ask, range(CLIENTS)) for number, status in answers.items()}


def test_validation_requests_to_two_replicas_are_all_verified(replicas: list[ServerProcess]) -> None:
    numbers = new_numbers(REQUESTS)

    statuses = ask_all(replicas, numbers)

    assert set(statuses.values()) == {200}
    for replica in replicas:
        with replica.client() as http:
            http.timeout = httpx.Timeout(PATIENCE_SECONDS)
            eventually(lambda: verified(http) >= set(numbers), what="all verified", seconds=2 * PATIENCE_SECONDS)
        assert [line for line in replica.log if line.get("level") in ("error", "critical") or "exception" in line] == []


def test_pooler_is_recognized_and_logged_once(replicas: list[ServerProcess]) -> None:
    for replica in replicas:
        replica.wait_for_log(lambda line: "connection pooler" in str(line["event"]), PATIENCE_SECONDS)
        lines = [line for line in replica.log if "connection pooler" in str(line["event"])]
        assert [line["hint"] for line in lines] == [
            "set database_listen_url to the URL of a direct connection to PostgreSQL"
        ]


def test_pooler_restart_causes_only_503_responses_and_loses_no_accepted_call(
    replicas: list[ServerProcess], pooler: PgBouncer
) -> None:
    numbers = new_numbers(300)

    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(ask_all, replicas, numbers)
        for _ in range(3):
            pooler.stop()
            pooler.start()
        statuses = asking.result()

    assert set(statuses.values()) <= {200, 503}
    answered = {number for number, status in statuses.items() if status == 200}
    for replica in replicas:
        with replica.client() as http:
            eventually(lambda: http.get("/readyz").is_success, what="ready", seconds=PATIENCE_SECONDS)
            eventually(lambda: verified(http) >= answered, what="all verified", seconds=PATIENCE_SECONDS)


def test_event_at_one_replica_ends_a_wait_at_another_by_polling(replicas: list[ServerProcess]) -> None:
    one, other = replicas
    path = f"/_ringback/accounts/{ACCOUNT_SID}/events"
    [number] = new_numbers(1)

    with other.client() as waiting, one.client() as asking, ThreadPoolExecutor(1) as pool:
        waiting.timeout = httpx.Timeout(PATIENCE_SECONDS)
        last = waiting.get(path).raise_for_status().json()["events"][-1:]
        after = {"after": last[0]["id"]} if last else {}
        heard = pool.submit(waiting.get, path, params={**after, "wait": 20})
        asking.post(LIST, data={"PhoneNumber": number}).raise_for_status()
        events = heard.result().raise_for_status().json()["events"]

    assert events


def test_session_settings_do_not_leak_to_other_users_of_the_pooler(
    replicas: list[ServerProcess], pooler: PgBouncer
) -> None:
    ask_all(replicas, new_numbers(40))

    for _ in range(20):
        with pooler.connect() as connection:
            [found] = connection.execute("SHOW lock_timeout").fetchall()
            assert found == ("0",)


@pytest.mark.parametrize("threshold", ["0", "5", "none"])
def test_url_option_controls_prepared_statements(pooler: PgBouncer, pooled_url: str, threshold: str) -> None:
    url = text(pooler.url.update_query_dict({"prepare_threshold": threshold}))

    with ServerProcess(database_url=url, covered=False, **QUICK) as server:
        statuses = ask_all([server], new_numbers(40))

    assert pooled_url
    assert set(statuses.values()) == {200}
