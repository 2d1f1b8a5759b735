"""Runs programs that contain code of the docs, without the machine's proxy settings."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from support.waiting import PROGRAM_SECONDS

REMOVED_SUFFIXES = ("_PROXY", "TWILIO_REGION", "TWILIO_EDGE")


def run_alone(
    command: list[str], folder: Path, variables: Mapping[str, str] | None = None, *, seconds: float = PROGRAM_SECONDS
) -> str:
    """Run a command without inherited proxy, region and edge settings, and return its output."""
    inherited = {name: value for name, value in os.environ.items() if not name.upper().endswith(REMOVED_SUFFIXES)}
    finished = subprocess.run(  # noqa: S603
        command,
        cwd=folder,
        env=inherited | dict(variables or {}),
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout
