"""A server with the standard streams that a test chooses, observed only over HTTP."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families

from support.servers.seeds import number_at
from support.servers.server import ACCOUNT_SID, AUTH_TOKEN, caller_ids_path, free_port
from support.waiting import PATIENCE_SECONDS, eventually

COMMAND = [sys.executable, "-m", "ringback", "serve"]
LIST = f"{caller_ids_path()}.json"


@dataclass
class RunningServer:
    """A running server that a test observes only over HTTP."""

    process: "subprocess.Popen[bytes]"
    http: httpx.Client

    def is_ready(self) -> bool:
        try:
            return self.http.get("/readyz").is_success
        except httpx.TransportError:
            assert self.process.poll() is None, "the server has ended"
            return False

    def validate(self, count: int, first: int = 0) -> set[str]:
        """Send `count` validation requests, and return the numbers."""
        numbers = {number_at(first + position) for position in range(count)}
        for number in numbers:
            self.http.post(LIST, data={"PhoneNumber": number}).raise_for_status()
        return numbers

    def verified(self) -> set[str]:
        answer = self.http.get(LIST, params={"PageSize": 1000}).raise_for_status()
        return {caller_id["phone_number"] for caller_id in answer.json()["outgoing_caller_ids"]}

    def wait_until_verified(self, numbers: set[str]) -> None:
        eventually(lambda: self.verified() >= numbers, what="all numbers verified", seconds=PATIENCE_SECONDS)

    def dropped_lines(self) -> float:
        text = self.http.get("/metrics").raise_for_status().text
        samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
        [dropped] = [sample.value for sample in samples if sample.name == "ringback_log_lines_dropped_total"]
        return dropped

    def stop(self) -> int:
        """Stop the server with SIGTERM, and return its exit status."""
        self.process.terminate()
        return self.process.wait(PATIENCE_SECONDS)


@contextmanager
def running_server(
    folder: Path,
    *,
    stdout: int = subprocess.DEVNULL,
    stderr: int = subprocess.DEVNULL,
    command: Sequence[str] = COMMAND,
    **settings: object,
) -> Iterator[RunningServer]:
    """Run `ringback serve` on a free port with these streams, and kill it afterwards unless the test has stopped it."""
    inherited = {name: value for name, value in os.environ.items() if not name.upper().startswith("RINGBACK_")}
    port = free_port()
    chosen = {"port": port, "database_url": "sqlite://", "ring_seconds": 0, "key_seconds": 0, "log_format": "json"}
    own = {f"RINGBACK_{name.upper()}": str(value) for name, value in (chosen | settings).items()}
    process = subprocess.Popen(  # noqa: S603
        command,
        env=inherited | own,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        start_new_session=True,
    )
    url = f"http://127.0.0.1:{port}"
    with httpx.Client(base_url=url, auth=(ACCOUNT_SID, AUTH_TOKEN), timeout=30.0, trust_env=False) as http:
        server = RunningServer(process, http)
        try:
            eventually(server.is_ready, what="the server is ready", seconds=60)
            yield server
        finally:
            process.kill()
            process.wait(PATIENCE_SECONDS)
