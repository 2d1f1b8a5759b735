"""Tests of the compose files in examples, with the commands in their README."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.code_blocks import ROOT, docs_page, readme_block
from support.docker.checkout import Checkout
from support.docker.container import probe
from support.servers.server import ACCOUNT_SID, AUTH_TOKEN, STOP_SECONDS
from support.waiting import PATIENCE_SECONDS, PROGRAM_SECONDS, eventually

pytestmark = [pytest.mark.docker, pytest.mark.xdist_group("browser")]

PAGE = ROOT / "examples/compose/README.md"
FOLDER = "examples/compose"
LIST_NUMBERS = f"""
from twilio.rest import Client
print(Client("{ACCOUNT_SID}", "{AUTH_TOKEN}").outgoing_caller_ids.list())
"""


def documents(printed: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the two JSON documents that the documented session prints: the verification, and the list of numbers."""
    answers = printed.splitlines()[-1]  # the output of the build precedes them
    first, end = json.JSONDecoder().raw_decode(answers)
    return first, json.loads(answers[end:])


@contextmanager
def down(checkout: Checkout, file: str, *, within: str = FOLDER) -> Iterator[None]:
    """Remove the containers and volumes of a compose file at the end, even if a step fails."""
    try:
        yield
    finally:
        checkout.sh(f"docker compose --file {file} down --volumes", within=within)


@pytest.mark.parametrize("file", ["compose.yaml", "compose.by-name.yaml"])
@pytest.mark.usefixtures("image")
def test_service_in_a_container_verifies_a_number(checkout: Checkout, file: str) -> None:
    variables = {"COMPOSE_FILE": file}
    session = readme_block("compose-session", page=PAGE)
    with down(checkout, file):
        printed = checkout.sh(session, within=FOLDER, environment=variables)

    begun, numbers = documents(printed)
    assert begun["outcome"] == "calling"
    assert [number["phone_number"] for number in numbers] == [begun["phone_number"]]


@pytest.mark.usefixtures("image")
def test_service_on_the_host_verifies_a_number(checkout: Checkout, tmp_path: Path) -> None:
    *commands, serve = readme_block("host-session", page=PAGE).splitlines()
    assert serve.startswith("uvicorn ")
    programs = f'PATH="{Path(sys.executable).parent}:$PATH"'
    address = f"http://127.0.0.1:{checkout.port(8000)}"
    code = checkout.with_ports("\n".join([programs, *commands, f"exec {serve} --port {checkout.port(8000)}"]))

    with down(checkout, "compose.host.yaml"), (tmp_path / "log").open("w") as log:
        service = subprocess.Popen(  # noqa: S603
            ["sh", "-euc", code],  # noqa: S607
            cwd=checkout.folder / FOLDER,
            env={**checkout.variables, "COMPOSE_PROJECT_NAME": checkout.project(FOLDER)},
            stdout=log,
            stderr=log,
        )
        try:
            eventually(
                lambda: service.poll() is not None or probe(f"{address}/numbers"),
                what="the service",
                seconds=PROGRAM_SECONDS,
            )
            assert service.poll() is None, (tmp_path / "log").read_text()
            with httpx.Client(base_url=address, timeout=PATIENCE_SECONDS, trust_env=False) as http:
                begun = http.post("/verifications", json={"user": "Ada", "phone_number": "+14158675309"}).json()
                shown = eventually(lambda: ended(http, begun["id"]), what="the outcome")
        finally:
            service.send_signal(signal.SIGINT)
            service.wait(STOP_SECONDS)

    assert shown["outcome"] == "verified"


def ended(http: httpx.Client, identifier: str) -> dict[str, Any] | None:
    shown: dict[str, Any] = http.get(f"/verifications/{identifier}").raise_for_status().json()
    return None if shown["outcome"] == "calling" else shown


@pytest.mark.usefixtures("image")
def test_compose_file_of_the_interception_page_serves_by_name(checkout: Checkout, tmp_path: Path) -> None:
    app = f"{checkout.folder.name}-app"
    file = readme_block("compose-by-name", page=docs_page("interception")).replace("your-app", app)
    (tmp_path / "compose.yaml").write_text(file, encoding="utf-8")
    checkout.sh(f"docker build --tag {app} examples/verified-numbers")

    with down(checkout, "compose.yaml", within=str(tmp_path)):
        printed = checkout.sh(f"docker compose run --rm -T app python -c '{LIST_NUMBERS}'", within=str(tmp_path))

    assert printed == "[]\n"
