"""Other people's test suites: pytest run in a process and a folder of its own."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from support.waiting import PROGRAM_SECONDS

ASTRAY = {
    "HTTP_PROXY": "http://127.0.0.1:9",
    "http_proxy": "http://127.0.0.1:9",
    "TWILIO_EDGE": "dublin",
    "TWILIO_REGION": "ie1",
    "RINGBACK_PORT": "no port",
}
"""What an environment may have that leads a client, or a server, elsewhere."""

NOT_AT_THE_MATTER = ("-p", "no:cacheprovider", "-p", "no:schemathesis", "-p", "no:hypothesispytest")
"""Plugins that happen to be installed here, and take longer to import than the suites take to run."""


@dataclass(frozen=True)
class Finished:
    """How a suite ended: the numbers of its tests, pytest's own account of its seconds, and what it printed."""

    status: int
    tests: int
    failed: int
    seconds: float
    out: str


def suite_command(*arguments: str) -> list[str]:
    """Return the command that runs pytest in the working directory, with warnings as errors."""
    return [sys.executable, "-m", "pytest", "-q", "-W", "error", *NOT_AT_THE_MATTER, *arguments]


def suite_environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return this process's environment without settings of pytest and ringback, with misleading ones instead."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "RINGBACK_", "COVERAGE_"))
    }
    return {**kept, **ASTRAY, **(more or {})}


def run_suite(
    folder: Path, modules: Mapping[str, str], *arguments: str, environment: Mapping[str, str] | None = None
) -> Finished:
    """Write these modules into a folder and run pytest there, warnings being errors."""
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
