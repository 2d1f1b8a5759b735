"""Fuzz tests of the control API: responses must match its OpenAPI description."""

import os
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import httpx
import pytest

import support
from support.sampling import WHOLE
from support.servers.server import ServerProcess
from support.waiting import PATIENCE_SECONDS

ENDLESS = "/accounts/{account_sid}/events/stream"
"""Path of the event stream. It has a separate test, because the fuzzer would wait for the end of the stream."""
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "positive_data_acceptance",
)
RUN_SECONDS = 900
"""Time limit of the fuzzer."""
OPTIONS = {
    "--checks": ",".join(CHECKS),
    "--phases": "examples,coverage,fuzzing",
    "--max-examples": "2",
    "--seed": "20261124",
    "--request-timeout": str(PATIENCE_SECONDS),
    "--generation-database": "none",
}

SAMPLED_EVERY = 4
"""One in SAMPLED_EVERY paths is fuzzed, unless RINGBACK_TEST_WHOLE is set."""
CONFIGURATION = """
[phases.coverage]
unexpected-methods = ["patch"]
"""
"""Configuration that makes the fuzzer try only one of the methods that a path does not support."""

pytestmark = pytest.mark.slow


def _fuzz(url: str, paths: list[str], folder: Path) -> tuple[subprocess.CompletedProcess[str], set[str]]:
    """Fuzz paths of the control API at a URL. Return the fuzzer's result and the operations that succeeded."""
    answers = folder / "answers"
    (folder / "schemathesis.toml").write_text(CONFIGURATION, encoding="utf-8")
    environment = {
        "SCHEMATHESIS_HOOKS": "support.fuzzing.control_hooks",
        "PYTHONPATH": str(Path(support.__file__).parents[1]),
        "CONTROL_URL": url,
        "FUZZ_ANSWERS": str(answers),
        "NO_PROXY": "*",
    }
    finished = subprocess.run(  # noqa: S603
        [
            Path(sysconfig.get_path("scripts")) / "schemathesis",
            "run",
            f"{url}/openapi.json",
            *("--url", url, "--no-color", "--continue-on-failure"),
            *(word for option in OPTIONS.items() for word in option),
            *(word for path in paths for word in ("--include-path", path)),
        ],
        env=os.environ | environment,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
        check=False,
    )
    lines = [line.rsplit(" ", 1) for line in answers.read_text(encoding="utf-8").splitlines()]
    return finished, {operation for operation, status in lines if status.startswith("2")}


def test_control_api_matches_its_openapi_description(tmp_path: Path) -> None:
    with ServerProcess(cwd=tmp_path) as server:
        url = f"{server.base_url}/_ringback"
        paths: dict[str, dict[str, Any]] = httpx.get(
            f"{url}/openapi.json", trust_env=False, timeout=PATIENCE_SECONDS
        ).json()["paths"]
        ending = sorted(paths.keys() - {ENDLESS})
        chosen = ending if WHOLE else ending[::SAMPLED_EVERY]

        finished, succeeded = _fuzz(url, chosen, tmp_path)

    operations = {f"{method.upper()} {path}" for path in chosen for method in paths[path]}
    assert finished.returncode == 0, finished.stdout
    assert succeeded >= operations
    assert [line for line in server.log if line.get("level") in {"error", "critical"}] == []


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ({"after": "-1"}, {}),
        ({"after": "9" * 30}, {}),
        ({"after": "nan"}, {}),
        ({"type": "call.dropped"}, {}),
        ({"call_sid": "C" * 35}, {}),
        ({}, {"Last-Event-ID": "x"}),
        ({}, {"Last-Event-ID": "-1"}),
    ],
)
def test_stream_with_invalid_parameters_is_rejected(
    quick_server: ServerProcess, query: dict[str, str], headers: dict[str, str]
) -> None:
    with quick_server.client() as http:
        account = http.post("/_ringback/accounts").json()["sid"]

        answer = http.get(f"/_ringback/accounts/{account}/events/stream", params=query, headers=headers)

    assert answer.status_code == 422
    assert set(answer.json()) == {"error", "hint"}
