"""Runs the tests of the HTTP protocol with the lowest version of uvicorn that pyproject.toml allows."""

import sys
from pathlib import Path

import pytest

from ringback.server.uvicorn_internals import LOWEST_VERSION
from support.clients.programs import run_alone

ROOT = Path(__file__).parents[2]
INSTALLED = Path(sys.prefix) / "lowest-uvicorn"
SMOKE_SUITE = (
    "tests/unit/test_uvicorn_internals.py",
    "tests/integration/test_http_timeouts.py",
    "tests/integration/test_http_pipelining.py",
    "tests/integration/test_http_protocol.py",
    "tests/contract/test_wire_connections.py",
    "tests/contract/test_wire_head_size.py",
    "tests/contract/test_wire_upgrade.py",
)

pytestmark = pytest.mark.slow


@pytest.mark.skipif(
    not INSTALLED.is_dir(), reason="the lowest uvicorn is not installed: run `make .venv/.installed-lowest`"
)
def test_lowest_supported_uvicorn_passes_the_http_protocol_tests() -> None:
    environment = {"PYTHONPATH": str(INSTALLED)}
    version = run_alone([sys.executable, "-c", "import uvicorn; print(uvicorn.__version__)"], ROOT, environment)

    output = run_alone(
        [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", *SMOKE_SUITE], ROOT, environment
    )

    assert version.strip().startswith(f"{LOWEST_VERSION}.")
    assert " passed in " in output
