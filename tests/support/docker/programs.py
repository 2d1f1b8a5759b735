"""The programs that the engine needs, and how to install them."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PACKAGES = {
    "dockerd": "docker.io",
    "docker": "docker-cli",
    "iptables": "iptables",
    "debootstrap": "debootstrap",
    "docker-registry": "docker-registry",
}
"""The Debian package of each program. Up to Debian 12, docker.io also contains the program docker."""
PATH = os.pathsep.join(["/usr/bin", "/usr/sbin", "/sbin", os.environ.get("PATH", "")])
"""Search path for programs, starting with Debian's folders."""
_POLICY = Path("/usr/sbin/policy-rc.d")
_FORBIDDEN_BY_POLICY = 101
"""Exit status with which policy-rc.d prevents packages from starting their services."""


class EngineUnavailable(Exception):
    """The engine cannot run on this machine. The message is the reason."""


def run(*command: str | Path) -> str:
    """Run a program and return its output. If it fails, raise EngineUnavailable with its standard error."""
    finished = subprocess.run(  # noqa: S603
        [str(word) for word in command],
        env={**os.environ, "PATH": PATH, "DEBIAN_FRONTEND": "noninteractive"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if finished.returncode != 0:
        raise EngineUnavailable(f"{' '.join(map(str, command[:3]))} failed: {finished.stderr.strip()[-2000:]}")
    return finished.stdout


def missing() -> list[str]:
    """Return the programs that are not installed."""
    return [name for name in PACKAGES if shutil.which(name, path=PATH) is None]


def install() -> None:
    """Install the packages of the missing programs, as root. Their services are not started."""
    if not missing():
        return
    run("apt-get", "update", "--quiet")
    with _no_services():
        for name in list(PACKAGES):
            if name in missing():
                run("apt-get", "install", "--quiet", "--yes", "--no-install-recommends", PACKAGES[name])


@contextmanager
def _no_services() -> Iterator[None]:
    """Prevent packages from starting services, unless this machine already has a policy."""
    if _POLICY.exists():
        yield
        return
    _POLICY.write_text(f"#!/bin/sh\nexit {_FORBIDDEN_BY_POLICY}\n", encoding="utf-8")
    _POLICY.chmod(0o755)
    try:
        yield
    finally:
        _POLICY.unlink()
