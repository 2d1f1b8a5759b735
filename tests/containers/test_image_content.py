"""The contents of the image, and the layer that is replaced after a change to the source."""

import json
import re
import time
from pathlib import Path, PurePosixPath

import pytest

from support.docker.checkout import Checkout
from support.docker.client import Docker

pytestmark = [pytest.mark.docker, pytest.mark.xdist_group("browser")]

BUILD_TOOLS = {"cargo", "cc", "gcc", "hatchling", "ld", "make", "rustc"}
FOREIGN = re.compile(r"/opt/ringback/lib/[^/]+/site-packages/(hatchling|pip|setuptools|wheel)/")
UNUSED = re.compile(r"/(carrierdata|geodata|idlelib|test|tests|tkinter)/.*\.pyc$")
NOT_COMPILED = """
import os, sys
import alembic.command, psycopg, ringback.app, ringback.commands.serve, ringback.commands.health_check
import ringback.control_api.application, ringback.proxy.listeners, sqlalchemy.dialects.postgresql.psycopg
files = [module.__cached__ for module in sys.modules.values() if getattr(module, "__cached__", None)]
print(len(files), *[file for file in files if not os.path.exists(file)])
"""
CHANGED = "ringback-changed"


def test_image_contains_no_build_tools_and_no_unused_bytecode(docker: Docker, image: str) -> None:
    listed = docker(
        "run", "--rm", "--user=0", "--entrypoint=find", image, "/", "-xdev", "-not", "-type", "d"
    ).splitlines()

    assert {PurePosixPath(file).name for file in listed} & BUILD_TOOLS == set()
    assert [file for file in listed if FOREIGN.match(file) or UNUSED.search(file)] == []


def test_image_contains_the_bytecode_of_every_module_that_a_server_imports(docker: Docker, image: str) -> None:
    number, *missing = docker("run", "--rm", "--entrypoint=python", image, "-c", NOT_COMPILED).split()

    assert int(number) > 500
    assert missing == []


@pytest.mark.usefixtures("image")
def test_build_after_a_change_to_the_source_replaces_only_the_last_layer(docker: Docker, tmp_path: Path) -> None:
    other = Checkout(docker, tmp_path / "changed")
    before, after = changed_layers(docker, other), changed_layers(docker, other)

    assert before[:-1] == after[:-1]
    assert before[-1] != after[-1]


def changed_layers(docker: Docker, checkout: Checkout) -> list[str]:
    """Append a line to a module, build the image, and return the digests of its layers."""
    with (checkout.folder / "src/ringback/dns.py").open("a", encoding="utf-8") as module:
        module.write(f"# {time.time_ns()}\n")
    checkout.sh(f"docker build --tag {CHANGED} .")
    try:
        found: list[str] = json.loads(docker("image", "inspect", "--format", "{{json .RootFS.Layers}}", CHANGED))
    finally:
        docker("image", "rm", "--force", CHANGED)
    return found
