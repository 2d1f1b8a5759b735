"""Two replicas behind Caddy, configured by deploy/Caddyfile as in the profile `replicas` of compose.yaml."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from support.code_blocks import ROOT
from support.databases.postgresql import migrated_database
from support.receivers.receiver import Answer, CallbackReceiver, Received
from support.servers.seeds import number_at
from support.servers.server import ACCOUNT_SID, AUTH_TOKEN, ServerProcess, caller_ids_path, free_port
from support.waiting import PATIENCE_SECONDS, eventually

pytestmark = [pytest.mark.slow, pytest.mark.skipif(shutil.which("caddy") is None, reason="caddy is not installed")]

LIST = f"{caller_ids_path()}.json"
QUICK: dict[str, Any] = {"ring_seconds": 0.1, "key_seconds": 0.1}
NUMBERS = 20


@pytest.fixture
def servers() -> Iterator[list[ServerProcess]]:
    with (
        migrated_database() as url,
        ServerProcess(database_url=url, **QUICK) as one,
        ServerProcess(database_url=url, **QUICK) as other,
    ):
        yield [one, other]


@pytest.fixture
def front(servers: list[ServerProcess], tmp_path: Path) -> Iterator[httpx.Client]:
    with reverse_proxy([server.base_url for server in servers], tmp_path) as http:
        eventually(lambda: _is_ready(http), what="the front")
        yield http


@contextmanager
def reverse_proxy(replicas: list[str], folder: Path) -> Iterator[httpx.Client]:
    """Run Caddy in front of servers, and yield a client for it."""
    port = free_port()
    addresses = " ".join(url.removeprefix("http://") for url in replicas)
    environment = {"FRONT_PORT": str(port), "REPLICAS": addresses, "HOME": str(folder), "XDG_DATA_HOME": str(folder)}
    caddy = subprocess.Popen(  # noqa: S603
        ["caddy", "run", "--config", ROOT / "deploy" / "Caddyfile", "--adapter", "caddyfile"],  # noqa: S607
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    owner = (ACCOUNT_SID, AUTH_TOKEN)
    try:
        with httpx.Client(
            base_url=f"http://127.0.0.1:{port}", auth=owner, timeout=PATIENCE_SECONDS, trust_env=False
        ) as http:
            yield http
    finally:
        caddy.terminate()
        caddy.wait(PATIENCE_SECONDS)


def _is_ready(http: httpx.Client) -> bool:
    try:
        return http.get("/readyz").is_success
    except httpx.TransportError:
        return False


def verified(http: httpx.Client) -> set[str]:
    return {caller_id["phone_number"] for caller_id in http.get(LIST).raise_for_status().json()["outgoing_caller_ids"]}


def test_reverse_proxy_reaches_both_servers_and_adds_no_headers(
    front: httpx.Client, servers: list[ServerProcess]
) -> None:
    numbers = {number_at(position) for position in range(NUMBERS)}
    for number in numbers:
        answer = front.post(LIST, data={"PhoneNumber": number})
        assert answer.status_code == httpx.codes.OK
        assert {"server", "via", "alt-svc"}.isdisjoint(answer.headers)

    eventually(lambda: verified(front) == numbers, what="all verified")
    for server in servers:
        assert [line for line in server.log if line.get("operation") == "create-validation-request"] != []


def test_event_passes_through_the_reverse_proxy_immediately(front: httpx.Client) -> None:
    events = f"/_ringback/accounts/{ACCOUNT_SID}/events/stream?type=call.queued"
    with front.stream("GET", events) as stream:
        asked = front.post(LIST, data={"PhoneNumber": number_at(100)}).json()

        found = next(line for line in stream.iter_lines() if line.startswith("data:"))

    assert asked["call_sid"] in found


def test_surviving_server_takes_over_all_work(front: httpx.Client, servers: list[ServerProcess]) -> None:
    numbers = {number_at(position) for position in range(NUMBERS)}
    for number in numbers:
        front.post(LIST, data={"PhoneNumber": number, "CallDelay": "1"}).raise_for_status()

    servers[0].kill()
    answers = [front.get(LIST).status_code for _ in range(NUMBERS)]

    assert set(answers) == {httpx.codes.OK}
    eventually(lambda: verified(front) == numbers, what="all verified")


def test_reverse_proxy_passes_on_the_503_of_a_replica_that_is_not_ready(tmp_path: Path) -> None:
    unavailable = Answer(503, {"Content-Type": "application/json"}, b'{"code": 20503}')

    def answer(request: Received) -> Answer:
        return Answer(200) if request.target == "/livez" else unavailable

    with CallbackReceiver(answer) as replica, reverse_proxy([replica.url], tmp_path) as http:
        replica.wait_for(2, where=lambda request: request.target in {"/livez", "/readyz"})
        answered = http.post(LIST, data={"PhoneNumber": number_at(0)})

    assert (answered.status_code, answered.content) == (503, unavailable.body)


def test_compose_profile_starts_the_proxied_servers_after_the_migration() -> None:
    services = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]
    replicas = [name for name in services if name.startswith("ringback-")]

    assert [name for name in services if "profiles" not in services[name]] == ["ringback"]
    assert {services[name]["depends_on"]["migrate"]["condition"] for name in replicas} == {
        "service_completed_successfully"
    }
    assert services["migrate"]["command"] == ["migrate"]
    assert all(f"{name}:8010" in (ROOT / "deploy" / "Caddyfile").read_text(encoding="utf-8") for name in replicas)
