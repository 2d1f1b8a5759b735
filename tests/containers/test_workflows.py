"""The docker commands of the workflows in docs/ci.md, run with a registry on this machine."""

import shlex
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from support.docker.checkout import Checkout
from support.docker.client import Docker
from support.docker.container import Container, probe
from support.docker.programs import PATH
from support.packaging.compose import documents
from support.servers.server import ACCOUNT_SID, AUTH_TOKEN, STOP_SECONDS, caller_ids_path, free_port
from support.waiting import PATIENCE_SECONDS, eventually

pytestmark = [pytest.mark.docker, pytest.mark.xdist_group("browser")]

GITHUB_REGISTRY = "ghcr.io/OWNER"
"""The registry and the repository owner in the docs."""


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run an image registry, and yield its address, followed by the name of an owner."""
    folder = tmp_path_factory.mktemp("registry")
    address = f"127.0.0.1:{free_port()}"
    settings = {
        "version": 0.1,
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
        "http": {"addr": address},
    }
    (folder / "config.yml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    with (folder / "log").open("w") as log:
        running = subprocess.Popen(  # noqa: S603
            ["docker-registry", "serve", folder / "config.yml"],  # noqa: S607
            env={"PATH": PATH},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    eventually(lambda: probe(f"http://{address}/v2/"), what="the registry")
    yield f"{address}/owner"
    running.terminate()
    running.wait(STOP_SECONDS)


def workflow(name: str) -> dict[str, Any]:
    """Return the job with this name from the workflows in docs/ci.md."""
    jobs = [page.get("jobs", {}) for place, page in documents() if place.startswith("docs/ci.md")]
    [job] = [named[name] for named in jobs if name in named and "docker" in str(named[name])]
    found: dict[str, Any] = job
    return found


def commands(job: dict[str, Any]) -> str:
    """Return the shell commands of those steps of a job that run docker."""
    return "\n".join(step["run"] for step in job["steps"] if "docker " in step.get("run", ""))


@pytest.fixture(scope="module")
def pushed(docker: Docker, checkout: Checkout, image: str, registry: str) -> Iterator[str]:  # noqa: ARG001 - its layers are reused
    """Push the image with the commands of its workflow, remove the local image, and yield its name in the registry."""
    address, _, _ = registry.partition("/")
    code = commands(workflow("image")).replace(GITHUB_REGISTRY, registry).replace("ghcr.io", address)
    checkout.sh(code.replace("${{ github.token }}", "token").replace("${{ github.actor }}", "actor"))
    name = f"{registry}/ringback:main"
    docker("image", "rm", name)
    yield name
    docker("image", "rm", name)


def test_pushed_image_runs_as_a_service_container(
    docker: Docker, checkout: Checkout, pushed: str, tmp_path: Path
) -> None:
    job = workflow("tests")
    service = job["services"]["ringback"]
    variables = [word for name, value in service["env"].items() for word in ("--env", f"{name}={value}")]
    options = [*variables, *shlex.split(service["options"]), "--publish", "127.0.0.1::8011"]
    assert service["image"] == f"{GITHUB_REGISTRY}/ringback:main"

    with Container(docker, pushed, *options) as container:
        copy = commands(job).replace("${{ job.services.ringback.id }}", container.id)
        checkout.sh(copy, within=str(tmp_path))
        proxy = f"http://{docker('port', container.id, '8011').split()[0]}"
        trust = ssl.create_default_context(cafile=tmp_path / "trust/authority.pem")
        with httpx.Client(proxy=proxy, verify=trust, auth=(ACCOUNT_SID, AUTH_TOKEN), timeout=PATIENCE_SECONDS) as http:
            answer = http.get(f"https://api.local.twilio.com{caller_ids_path()}.json")

    assert answer.status_code == httpx.codes.OK
    assert (tmp_path / "trust/node-redirect.cjs").is_file()
