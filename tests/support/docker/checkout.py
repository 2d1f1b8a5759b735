"""A copy of this checkout, in which tests run the commands of the docs with unused ports."""

import random
import re
import socket
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from support.docker.client import LIMIT_SECONDS, Docker
from support.packaging.packages import copy_checkout

PARTS = (
    ".dockerignore", "Dockerfile", "LICENSE", "README.md", "compose.yaml", "constraints.txt", "deploy", "examples",
    "migrations", "pyproject.toml", "src",
)  # fmt: skip
PUBLISHED_PORTS = (8000, 8010, 8011, 8020, 8110)
"""Ports of 127.0.0.1 that compose files publish and that the docs name."""
RESERVED_PORTS = range(20_000, 32_000)
"""Ports below the range of ephemeral ports (ip_local_port_range), so that Linux does not give them to other tests."""

_NAMED = re.compile(r"(--name |--volume |docker (?:exec|logs|rm|stop|volume rm) )ringback\b")


class Checkout:
    """A copy of the checkout whose compose files publish unused ports. `variables` make docker use the engine."""

    def __init__(self, docker: Docker, folder: Path) -> None:
        self.folder = copy_checkout(folder, PARTS)
        self.variables = {**docker.environment, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
        self._ports = dict(zip(PUBLISHED_PORTS, unused_ports(), strict=False))
        for file in (self.folder / "compose.yaml", *self.folder.glob("examples/*/compose*.yaml")):
            file.write_text(self.with_ports(file.read_text(encoding="utf-8")), encoding="utf-8")

    def url(self, port: int) -> str:
        """Return the address at which a port of the compose files is published."""
        return f"http://127.0.0.1:{self._ports[port]}"

    def project(self, within: str = ".") -> str:
        """Return the compose project name for a folder of this copy. It differs from that of the original checkout."""
        words = [self.folder.name, *Path(within).parts[-1:]]
        return re.sub(r"[^a-z0-9_-]", "-", "-".join(words).lower())

    def port(self, port: int) -> int:
        return self._ports[port]

    def with_ports(self, text: str) -> str:
        """Replace the published ports in a text with those of this copy."""
        for port, free in self._ports.items():
            text = text.replace(f"127.0.0.1:{port}", f"127.0.0.1:{free}").replace(
                f"_PORT:-{port}}}", f"_PORT:-{free}}}"
            )
        return text

    def with_own_names(self, code: str) -> str:
        """Rename the container and the volume `ringback` in docker commands to the name of this copy."""
        return _NAMED.sub(rf"\1{self.folder.name}", code)

    def sh(self, code: str, *, within: str = ".", environment: Mapping[str, str] | None = None) -> str:
        """Run the commands of a documented session in a folder of the copy, and return their output.

        A failure shows everything that they printed.
        """
        finished = subprocess.run(  # noqa: S603
            ["sh", "-euc", self.with_ports(code)],  # noqa: S607
            cwd=self.folder / within,
            env={**self.variables, "COMPOSE_PROJECT_NAME": self.project(within), **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=LIMIT_SECONDS,
        )
        assert finished.returncode == 0, f"{code}\n{finished.stdout}{finished.stderr}"
        return finished.stdout


def unused_ports() -> Iterator[int]:
    """Yield the ports of RESERVED_PORTS that are not in use, in random order."""
    for port in random.sample(RESERVED_PORTS, len(RESERVED_PORTS)):
        with socket.socket() as listener:
            if listener.connect_ex(("127.0.0.1", port)) == 0:
                continue
        yield port
