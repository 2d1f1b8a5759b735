"""Tests of the compose files in docs/docker.md and the quick start: one server, its settings, and README's session."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.code_blocks import docs_page, readme_block
from support.docker.checkout import Checkout
from support.docker.client import Docker
from support.docker.container import client, verified_numbers, verify
from support.servers.seeds import many_caller_ids, number_at
from support.servers.server import free_port

pytestmark = [pytest.mark.docker, pytest.mark.xdist_group("browser"), pytest.mark.usefixtures("image")]

NUMBER, NUMBER_OF_README, KEPT_NUMBER = "+14158675309", "+14158675310", "+14158675312"
PAGE = docs_page("docker")


def lines(name: str) -> tuple[str, str]:
    """Split a documented session into the commands that start a server, and the last command, which removes it."""
    *start, end = readme_block(name, page=PAGE).splitlines()
    return "\n".join(start), end


@pytest.fixture(scope="module")
def project(checkout: Checkout) -> Iterator[str]:
    """Yield the documented commands that start a server, and remove the server after the module."""
    start, end = lines("compose-session")
    yield start
    checkout.sh(end)


@pytest.fixture
def server(checkout: Checkout, project: str) -> str:
    """Start the server unless it is running, and return its address."""
    checkout.sh(project)
    return checkout.url(8010)


@pytest.fixture
def other_checkout(docker: Docker, tmp_path: Path) -> Checkout:
    """Copy the checkout again, as a separate compose project."""
    return Checkout(docker, tmp_path / "ringback-other")


@pytest.mark.usefixtures("server")
def test_compose_server_runs_the_session_of_the_readme(checkout: Checkout) -> None:
    printed = checkout.sh(readme_block("base-url-session"))

    request, listed = (json.loads(line) for line in printed.splitlines())
    assert request["phone_number"] == NUMBER_OF_README
    assert NUMBER_OF_README in [caller_id["phone_number"] for caller_id in listed["outgoing_caller_ids"]]


def test_compose_server_keeps_its_data_when_its_container_is_replaced(checkout: Checkout, server: str) -> None:
    with client(server) as http:
        verify(http, KEPT_NUMBER)
        before = verified_numbers(http)

        checkout.sh("docker compose up --force-recreate --wait")

        assert verified_numbers(http) == before


@pytest.mark.usefixtures("server")
def test_compose_down_leaves_no_container_volume_or_network(docker: Docker, checkout: Checkout) -> None:
    _, end = lines("compose-session")

    checkout.sh(end)

    project = f"label=com.docker.compose.project={checkout.folder.name}"
    for kind in ("container", "volume", "network"):
        assert docker(kind, "ls", "--quiet", "--filter", project) == "", kind


def test_variables_of_the_shell_and_of_env_file_are_settings_of_the_compose_server(other_checkout: Checkout) -> None:
    start, end = lines("compose-settings")
    (other_checkout.folder / ".env").write_text("RINGBACK_KEY_SECONDS=0.5\n", encoding="utf-8")
    try:
        other_checkout.sh(start.replace("RINGBACK_PORT=8110", f"RINGBACK_PORT={other_checkout.port(8110)}"))

        assert other_checkout.sh("docker compose exec -T ringback printenv RINGBACK_RING_SECONDS") == "0\n"
        assert other_checkout.sh("docker compose exec -T ringback printenv RINGBACK_KEY_SECONDS") == "0.5\n"
    finally:
        other_checkout.sh(end)


def test_override_file_adds_a_seed_to_the_compose_server(other_checkout: Checkout) -> None:
    start, end = lines("compose-session")
    override = readme_block("compose-override", page=PAGE)
    (other_checkout.folder / "compose.override.yaml").write_text(override, encoding="utf-8")
    (other_checkout.folder / "seed.toml").write_text(many_caller_ids(1), encoding="utf-8")
    try:
        other_checkout.sh(start)

        with client(other_checkout.url(8010)) as http:
            assert verified_numbers(http) == [number_at(0)]
    finally:
        other_checkout.sh(end)


def test_compose_file_of_the_quick_start_runs_a_server(checkout: Checkout, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    file = readme_block("compose-file", page=docs_page("quick-start"))
    published = file.replace("127.0.0.1:8010", url.removeprefix("http://"))
    (tmp_path / "compose.yaml").write_text(published, encoding="utf-8")
    try:
        checkout.sh("docker compose up --wait", within=str(tmp_path))
        with client(url) as http:
            verify(http, NUMBER)
    finally:
        checkout.sh("docker compose down --volumes", within=str(tmp_path))


def test_docker_run_session_leaves_no_container_or_volume(docker: Docker, other_checkout: Checkout) -> None:
    session = other_checkout.with_own_names(readme_block("run-session", page=PAGE))

    other_checkout.sh(session)  # with ports that differ from those of the compose server

    named = f"name=^{other_checkout.folder.name}$"
    assert docker("ps", "--all", "--quiet", "--filter", named) == ""
    assert docker("volume", "ls", "--quiet", "--filter", named) == ""


def test_docker_run_session_ends_if_the_server_does_not_start(docker: Docker, other_checkout: Checkout) -> None:
    session = other_checkout.with_own_names(readme_block("run-session", page=PAGE))
    try:
        with pytest.raises(AssertionError, match="curl: "):
            other_checkout.sh(session.replace("--detach", "--detach --env RINGBACK_RING_SECONDS=never"))
    finally:
        docker("rm", "--force", "--volumes", other_checkout.folder.name)
        docker("volume", "rm", "--force", other_checkout.folder.name)
