"""Programs that are run around the lines of a page, away from what the machine's environment has set."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from support.waiting import PROGRAM_SECONDS

AWAY = ("_PROXY", "TWILIO_REGION", "TWILIO_EDGE")


def run_alone(
    command: list[str], folder: Path, variables: Mapping[str, str] | None = None, *, seconds: float = PROGRAM_SECONDS
) -> str:
    """Return what a command prints, within so many seconds; no proxy, region or edge is set but in `variables`."""
    inherited = {name: value for name, value in os.environ.items() if not name.upper().endswith(AWAY)}
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
