"""Fuzz tests of the Twilio API in every representation: responses must match Twilio's OpenAPI description."""

import copy
import json
import os
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import httpx
import pytest

import support
from support.sampling import WHOLE
from support.servers.seeds import many_caller_ids
from support.servers.server import END_OF_LOG, ServerProcess, caller_ids_path
from support.waiting import PATIENCE_SECONDS

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "twilio_shaped",
)
RUN_SECONDS = 900
"""Time limit of a fuzzer run."""
OPTIONS = {
    "--checks": ",".join(CHECKS),
    "--phases": "examples,coverage,fuzzing",
    "--max-examples": "10" if WHOLE else "3",
    "--seed": "20261126",
    "--request-timeout": str(PATIENCE_SECONDS),
    "--generation-database": "none",
}
SAMPLED_EVERY = 4
"""One in SAMPLED_EVERY pairs of path and representation is fuzzed, unless RINGBACK_TEST_WHOLE is set."""
CONFIGURATION = """
[phases.coverage]
unexpected-methods = ["patch"]
"""
GEO_BLOCKED_NUMBER = "+15005550019"
"""A reserved number whose calls have a notification."""
XML, JSON, CSV = "application/xml", "application/json", "text/csv"
FORMS = {"": (XML, XML), ".xml": (XML, XML), ".json": (JSON, JSON), ".csv": (CSV, XML)}
"""Content types of successful and error responses by the path's suffix."""

pytestmark = pytest.mark.slow


def in_each_form(document: dict[str, Any]) -> dict[str, Any]:
    """Return the Twilio API's OpenAPI description with each path under each suffix, in that suffix's representation."""
    paths = {}
    for path, operations in document["paths"].items():
        for suffix, kinds in FORMS.items():
            if path.startswith("/2010-04-01/"):
                paths[path + suffix] = {name: only(one, suffix, kinds) for name, one in operations.items()}
    return {**document, "paths": paths}


def only(operation: dict[str, Any], suffix: str, kinds: tuple[str, str]) -> dict[str, Any]:
    said = copy.deepcopy(operation)
    said["operationId"] += suffix
    for status, answer in said["responses"].items():
        kind = kinds[int(status) >= httpx.codes.BAD_REQUEST]
        if "content" in answer:
            answer["content"] = {kind: answer["content"][kind]}
    return said


def fuzz(
    url: str, document: dict[str, Any], sids: dict[str, str], folder: Path
) -> tuple[str, int, list[tuple[str, int]]]:
    """Fuzz the operations of a description. Return the report, the exit status, and each operation with its status."""
    (folder / "schemathesis.toml").write_text(CONFIGURATION, encoding="utf-8")
    (folder / "openapi.json").write_text(json.dumps(document), encoding="utf-8")
    answers = folder / "answers"
    environment = {
        "SCHEMATHESIS_HOOKS": "support.fuzzing.twilio_hooks",
        "PYTHONPATH": str(Path(support.__file__).parents[1]),
        "FUZZ_ANSWERS": str(answers),
        "NO_PROXY": "*",
        **sids,
    }
    finished = subprocess.run(  # noqa: S603
        [
            Path(sysconfig.get_path("scripts")) / "schemathesis",
            *("run", "openapi.json", "--url", url, "--no-color", "--continue-on-failure"),
            *(word for option in OPTIONS.items() for word in option),
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
    return finished.stdout, finished.returncode, [(operation, int(status)) for operation, status in lines]


def test_twilio_api_follows_its_openapi_description(tmp_path: Path) -> None:
    seed = tmp_path / "numbers.toml"
    seed.write_text(many_caller_ids(5), encoding="utf-8")
    with ServerProcess(cwd=tmp_path, covered=False, seed=seed) as server:
        document = in_each_form(
            httpx.get(f"{server.base_url}/openapi.json", trust_env=False, timeout=PATIENCE_SECONDS).json()
        )
        chosen = sorted(document["paths"])[:: 1 if WHOLE else SAMPLED_EVERY]
        document["paths"] = {path: document["paths"][path] for path in chosen}
        with server.client() as http:
            caller_id = http.get(f"{caller_ids_path()}.json").json()["outgoing_caller_ids"][0]["sid"]
            call = http.post(f"{caller_ids_path()}.json", data={"PhoneNumber": GEO_BLOCKED_NUMBER}).json()["call_sid"]

        sids = {"FUZZ_CALLER_ID": caller_id, "FUZZ_CALL": call}
        report, status, answered = fuzz(server.base_url, document, sids, tmp_path)

    print(len(answered), "answers")  # noqa: T201
    assert status == 0, report
    assert {operation.split(" ")[1] for operation, _ in answered} >= set(chosen)
    assert {status for _, status in answered} >= {200, 400, 401, 404}
    assert [line for line in server.log if line.get("level") not in {"info", "warning"} and line != END_OF_LOG] == []
