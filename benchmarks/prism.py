"""Prism, a mock server for OpenAPI documents, installed on first use and run in its fastest configuration."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.servers import HOST, Server, free_port, running

NODE = Path(__file__).with_name("node")
"""The folder of Prism's package file. Git ignores the installed packages in it."""
PROGRAM = NODE / "node_modules" / ".bin" / "prism"
DOCUMENT = Path(__file__).parents[1] / "tests" / "contract" / "twilio-oai-subset.json"
INSTALL_SECONDS = 300
ANY_LIST = "/2010-04-01/Accounts/AC00000000000000000000000000000000/OutgoingCallerIds.json"


def prism_missing() -> str | None:
    """Install Prism if necessary. Return the reason why it cannot be measured, or None."""
    if PROGRAM.exists():
        return None
    if shutil.which("npm") is None:
        return "npm is not installed"
    command = ["npm", "install", f"--prefix={NODE}", "--no-audit", "--no-fund", "--no-package-lock", "--silent"]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=INSTALL_SECONDS)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        return "npm could not install it"
    return None if PROGRAM.exists() else "npm did not install it"


@contextmanager
def prism() -> Iterator[Server]:
    """Run Prism, without a log, on the part of Twilio's OpenAPI document that ringback implements."""
    port = free_port()
    command = [str(PROGRAM), "mock", f"--host={HOST}", f"--port={port}", "--verboseLevel=silent", str(DOCUMENT)]
    with running(command, port, ANY_LIST, NODE) as server:
        yield server
