"""Fixtures for the container tests: the Docker engine, a copy of the checkout, and the image.

All tests here are in the xdist group of the browser tests, so that they never run at the same time: when Docker adds or
removes a network interface, Chromium aborts its requests (ERR_NETWORK_CHANGED).
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from support.code_blocks import docs_page, readme_block
from support.docker.checkout import Checkout
from support.docker.client import Docker, copy_config
from support.docker.engine import running_engine
from support.docker.programs import EngineUnavailable


@pytest.fixture(scope="session")
def docker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Docker]:
    """Run a Docker engine, or use the one that RINGBACK_TEST_DOCKER_HOST names."""
    if host := os.environ.get("RINGBACK_TEST_DOCKER_HOST"):
        config = tmp_path_factory.mktemp("docker-config")
        copy_config(Path(os.environ.get("DOCKER_CONFIG", "~/.docker")).expanduser(), config)
        yield Docker(host, config)
        return
    folder = Path(tempfile.mkdtemp(prefix="ringback-docker-"))  # the path of a socket must be short
    with ExitStack() as stack:
        try:
            docker = stack.enter_context(running_engine(folder))
        except EngineUnavailable as reason:
            pytest.skip(str(reason))
        yield docker


@pytest.fixture(scope="session")
def checkout(docker: Docker, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """Copy the checkout once for all tests. A test that changes files must make a separate copy."""
    return Checkout(docker, tmp_path_factory.mktemp("docker") / "ringback-tests")


@pytest.fixture(scope="session")
def image(checkout: Checkout) -> str:
    """Build the image with the documented command, and return its name."""
    checkout.sh(readme_block("image-build", page=docs_page("quick-start")).replace("PATH", "."))
    return "ringback"
