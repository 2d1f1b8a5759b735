"""A wrapper for the program docker."""

import json
import os
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import IO

from support.docker.programs import PATH

_NOT_INHERITED = ("DOCKER_", "COMPOSE_", "RINGBACK_")
"""Prefixes of variables that select another engine, or that compose files pass on as settings."""
LIMIT_SECONDS = 600.0
"""Time limit of a command. A build downloads packages."""


_CREDENTIALS = ("auths", "credHelpers", "credsStore")


class DockerError(Exception):
    """A docker command failed. The message contains the command and its standard error."""


class Docker:
    """A Docker client for the engine at `host`. Its configuration and plugins are in the folder `config`."""

    def __init__(self, host: str, config: Path) -> None:
        self.host = host
        self.plugins = config / "cli-plugins"
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(_NOT_INHERITED)},
            "DOCKER_HOST": host,
            "DOCKER_CONFIG": str(config),
            "DOCKER_BUILDKIT": "1",
            "PATH": PATH,
        }

    def __call__(
        self,
        *arguments: str,
        stdin: IO[bytes] | None = None,
        folder: Path | None = None,
        with_errors: bool = False,
    ) -> str:
        """Run docker with these arguments, and return its output. Raises DockerError if docker fails.

        `with_errors` appends its standard error to the output.
        """
        finished = subprocess.run(  # noqa: S603
            ["docker", *arguments],  # noqa: S607
            env=self.environment,
            cwd=folder,
            stdin=stdin or subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=LIMIT_SECONDS,
        )
        if finished.returncode != 0:
            raise DockerError(f"docker {' '.join(arguments)}: {finished.stderr[-4000:]}")
        return finished.stdout + (finished.stderr if with_errors else "")

    def has_image(self, name: str) -> bool:
        return self("image", "ls", "--quiet", name).strip() != ""

    def has_compose(self) -> bool:
        return (self.plugins / "docker-compose").exists()


def copy_config(source: Path, into: Path) -> None:
    """Copy docker's configuration without credentials, so that a test that logs in does not change the original."""
    with suppress(OSError):
        config = json.loads((source / "config.json").read_text(encoding="utf-8"))
        kept = {name: value for name, value in config.items() if name not in _CREDENTIALS}
        (into / "config.json").write_text(json.dumps(kept), encoding="utf-8")
    if (source / "cli-plugins").is_dir():
        (into / "cli-plugins").symlink_to(source.absolute() / "cli-plugins")
