"""compose.yaml as the docs describe it: one server, and README's session."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.code_blocks import docs_page, readme_block
from support.docker.checkout import Checkout
from support.docker.client import Docker
from support.docker.container import client, probe, verified_numbers, verify
from support.servers.server import free_port

pytestmark = [pytest.mark.docker, pytest.mark.xdist_group("docker")]

NUMBERS = ["+14158675309", "+14158675310"]


@pytest.fixture(scope="module")
def server(checkout: Checkout, image: str) -> Iterator[str]:  # noqa: ARG001 - built once, before compose finds it
    """Run the documented command, and return the address of the server."""
    try:
        checkout.sh(readme_block("compose-start", page=docs_page("operations")))
        yield checkout.url(8010)
    finally:
        checkout.sh("docker compose down --volumes")


def test_compose_starts_a_server_that_runs_the_session_of_the_readme(checkout: Checkout, server: str) -> None:
    printed = checkout.sh(readme_block("base-url-session"))

    request, listed = (json.loads(line) for line in printed.splitlines())
    assert request["phone_number"] == NUMBERS[1]
    assert NUMBERS[1] in [caller_id["phone_number"] for caller_id in listed["outgoing_caller_ids"]]
    assert probe(f"{server}/readyz")


def test_compose_server_keeps_its_data_when_its_container_is_replaced(checkout: Checkout, server: str) -> None:
    with client(server) as http:
        before = verified_numbers(http)

        checkout.sh("docker compose up --force-recreate --wait")

        assert verified_numbers(http) == before


@pytest.mark.usefixtures("image")
def test_compose_file_of_the_quick_start_runs_a_server(checkout: Checkout, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    file = readme_block("compose-file", page=docs_page("quick-start"), base_url=url)
    (tmp_path / "compose.yaml").write_text(
        file.replace("127.0.0.1:8010", url.removeprefix("http://")), encoding="utf-8"
    )
    try:
        checkout.sh("docker compose up --wait", within=str(tmp_path))
        with client(url) as http:
            verify(http, NUMBERS[0])
    finally:
        checkout.sh("docker compose down --volumes", within=str(tmp_path))


def test_compose_down_leaves_no_container_volume_or_network(docker: Docker, checkout: Checkout, server: str) -> None:
    checkout.sh("docker compose down --volumes")
    remaining = [
        docker(kind, "ls", "--quiet", "--filter", f"label=com.docker.compose.project={checkout.folder.name}")
        for kind in ("container", "volume", "network")
    ]

    checkout.sh(readme_block("compose-start", page=docs_page("operations")))

    assert remaining == ["", "", ""]
    assert probe(f"{server}/readyz")
