"""Runs users' test suites: pytest in a separate process and folder."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from support.waiting import PROGRAM_SECONDS

MISLEADING_VARIABLES = {
    "HTTP_PROXY": "http://127.0.0.1:9",
    "http_proxy": "http://127.0.0.1:9",
    "TWILIO_EDGE": "dublin",
    "TWILIO_REGION": "ie1",
    "RINGBACK_PORT": "no port",
}
"""Environment variables that would misdirect a client or a server."""

DISABLED_PLUGINS = ("-p", "no:cacheprovider", "-p", "no:schemathesis", "-p", "no:hypothesispytest")
"""Options that disable plugins which are slow to import."""


@dataclass(frozen=True)
class Finished:
    """The result of a suite: exit status, number of tests and failures, pytest's duration, and the output."""

    status: int
    tests: int
    failed: int
    seconds: float
    out: str


def suite_command(*arguments: str) -> list[str]:
    """Return the command that runs pytest in the working directory, with warnings as errors."""
    return [sys.executable, "-m", "pytest", "-q", "-W", "error", *DISABLED_PLUGINS, *arguments]


def suite_environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return this process's environment without the variables of pytest and ringback, but with MISLEADING_VARIABLES."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "RINGBACK_", "COVERAGE_"))
    }
    return {**kept, **MISLEADING_VARIABLES, **(more or {})}


def run_suite(
    folder: Path, modules: Mapping[str, str], *arguments: str, environment: Mapping[str, str] | None = None
) -> Finished:
    """Write modules into a folder and run pytest there, with warnings as errors."""
    for name, source in modules.items():
        (folder / name).write_text(source, encoding="utf-8")
    report = folder / "report.xml"
    finished = subprocess.run(  # noqa: S603
        suite_command(f"--junitxml={report}", *arguments),
        cwd=folder,
        env=suite_environment(environment),
        capture_output=True,
        text=True,
        check=False,
        timeout=PROGRAM_SECONDS,
    )
    out = finished.stdout + finished.stderr
    if not report.exists():
        return Finished(finished.returncode, 0, 0, 0.0, out)
    suite = next(ET.parse(report).iter("testsuite"))  # noqa: S314 - pytest wrote it
    failed = int(suite.attrib["failures"]) + int(suite.attrib["errors"])
    return Finished(finished.returncode, int(suite.attrib["tests"]), failed, float(suite.attrib["time"]), out)
