"""Runs the service of examples/verified-numbers, unmodified, and sends requests to it."""

import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from support.clients.unmodified_apps import UnmodifiedPrograms
from support.code_blocks import ROOT
from support.servers.server import STOP_SECONDS, free_port
from support.waiting import PATIENCE_SECONDS, PROGRAM_SECONDS, eventually

FOLDER = ROOT / "examples/verified-numbers"
APPLICATION = "verified_numbers.application:app"
PYTEST = ("-m", "pytest", "-W", "error", "-p", "no:cacheprovider", "-p", "no:schemathesis", "-p", "no:hypothesispytest")


class ExampleService:
    """The example service, started by a shell that first executes `lines`.

    The host names in `names` resolve to 127.0.0.1, each with its own port, as service names do in a container network.
    """

    def __init__(self, lines: str, folder: Path, names: Mapping[str, int] | None = None) -> None:
        self._unchanged = UnmodifiedPrograms(lines, folder)
        self._names = names
        self._process: subprocess.Popen[bytes] | None = None
        self._port = free_port()
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self._port}", timeout=PATIENCE_SECONDS, trust_env=False)

    def verified(self, user: str, phone_number: str) -> dict[str, Any]:
        """Start a verification of a number, wait until it has an outcome, and return the verification."""
        begun = self.http.post("/verifications", json={"user": user, "phone_number": phone_number})
        path = f"/verifications/{begun.raise_for_status().json()['id']}"

        def ended() -> dict[str, Any] | None:
            shown: dict[str, Any] = self.http.get(path).raise_for_status().json()
            return None if shown["outcome"] == "calling" else shown

        return eventually(ended, what=f"the outcome for {phone_number}")

    @property
    def resolved_names(self) -> set[str]:
        """The host names and addresses that the service resolved."""
        return self._unchanged.resolved_names

    def __enter__(self) -> Self:
        serve = ["-m", "uvicorn", APPLICATION, "--port", str(self._port), "--log-level", "warning"]
        self._process = self._unchanged.start_python(*serve, folder=FOLDER, names=self._names)
        eventually(self._is_up, what="the service")
        return self

    def _is_up(self) -> bool:
        try:
            return self.http.get("/openapi.json").is_success
        except httpx.TransportError:
            return False

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._process is not None
        self.http.close()
        self._process.terminate()
        self._process.communicate(timeout=STOP_SECONDS)


def run_own_tests(lines: str, folder: Path) -> str:
    """Run the service's tests in a shell that first executes `lines`, and return pytest's output."""
    suite = UnmodifiedPrograms(lines, folder).start_python(*PYTEST, "-q", folder=FOLDER)
    out, _ = suite.communicate(timeout=PROGRAM_SECONDS)
    return out.decode()


def exported(variables: Mapping[str, str]) -> str:
    """Return shell lines that export these variables."""
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in variables.items())
