"""Starts and stops a Docker engine whose files are all in one folder."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from support.docker import base_images
from support.docker.client import Docker, DockerError
from support.docker.programs import PATH, EngineUnavailable, missing, run
from support.waiting import eventually

START_SECONDS = 120.0
STOP_SECONDS = 60.0
LOG_LINES = 5


class Engine:
    """A Docker engine whose files are all in `folder`. The images remain there for the next start."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.docker = Docker(f"unix://{self.folder}/docker.sock", self.folder / "config")
        self._process_id = self.folder / "docker.pid"
        self._log = self.folder / "log"
        self._daemon: subprocess.Popen[bytes] | None = None

    def start(self) -> Docker:
        """Start the engine and provide the base images. After a failure, stop it and raise EngineUnavailable."""
        _check_machine()
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            self._start_daemon()
            base_images.provide(self.docker, self.folder)
        except BaseException as error:
            reason = f"no Docker engine: {error}{self._stop_after_failure()}"
            if isinstance(error, DockerError | EngineUnavailable):
                raise EngineUnavailable(reason) from error
            raise
        return self.docker

    def _stop_after_failure(self) -> str:
        """Stop the engine. Return a clause for the error message if that fails, otherwise an empty string."""
        try:
            self.stop()
        except (AssertionError, EngineUnavailable, OSError, subprocess.SubprocessError) as error:
            return f"; it was not stopped completely: {error}"
        return ""

    def stop(self) -> None:
        """Remove the containers and their networks, stop the engine, and unmount the file systems that are left."""
        self._remove_containers()
        if (process_id := self._running_daemon()) is not None:
            with suppress(ProcessLookupError):
                os.kill(process_id, signal.SIGTERM)
            eventually(lambda: not is_running(process_id), what="dockerd has ended", seconds=STOP_SECONDS)
        if self._daemon is not None:
            self._daemon.wait(STOP_SECONDS)
        for mounted in reversed(_mounted_below(self.folder)):
            run("umount", mounted)

    def _remove_containers(self) -> None:
        with suppress(DockerError):
            if containers := self.docker("ps", "--all", "--quiet").split():
                self.docker("rm", "--force", "--volumes", *containers)
            self.docker("network", "prune", "--force")

    def _running_daemon(self) -> int | None:
        """Return the process ID of the running daemon, even if another process started it, or None.

        The PID file may be outdated, and its process ID may belong to another program.
        """
        if self._daemon is not None:
            return self._daemon.pid if self._daemon.poll() is None else None
        with suppress(OSError, ValueError):
            process_id = int(self._process_id.read_text())
            words = Path(f"/proc/{process_id}/cmdline").read_bytes().decode(errors="replace").split("\0")
            if f"--pidfile={self._process_id}" in words and is_running(process_id):
                return process_id
        return None

    def _start_daemon(self) -> None:
        daemon = ["dockerd", f"--host={self.docker.host}", f"--data-root={self.folder}/data"]
        daemon += [
            f"--exec-root={self.folder}/exec",
            f"--pidfile={self._process_id}",
            f"--config-file={self._config()}",
        ]
        with self._log.open("wb") as log:
            self._daemon = process = subprocess.Popen(  # noqa: S603
                daemon,
                env={**os.environ, "PATH": f"{self._firewall()}{os.pathsep}{PATH}"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        eventually(lambda: process.poll() is not None or self._answers(), what="dockerd answers", seconds=START_SECONDS)
        if process.poll() is not None:
            lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_LINES:]
            raise EngineUnavailable("dockerd does not start: " + " / ".join(lines))

    def _config(self) -> Path:
        """Return the path of an empty configuration file, so that the daemon ignores that of this machine."""
        file = self.folder / "daemon.json"
        file.write_text("{}\n", encoding="utf-8")
        return file

    def _firewall(self) -> Path:
        """Return a folder for the daemon's PATH.

        It contains the legacy iptables if the kernel does not support nftables.
        """
        programs = self.folder / "bin"
        programs.mkdir(exist_ok=True)
        legacy = shutil.which("iptables-legacy", path=PATH)
        try:
            run("iptables", "--table", "nat", "--list-rules")
        except EngineUnavailable:
            if legacy and not (programs / "iptables").exists():
                (programs / "iptables").symlink_to(legacy)
        return programs

    def _answers(self) -> bool:
        try:
            self.docker("version")
        except DockerError:
            return False
        return True


@contextmanager
def running_engine(folder: Path) -> Iterator[Docker]:
    """Run an engine in a new folder, and remove both afterwards. The folder is kept if anything is mounted in it."""
    engine = Engine(folder)
    try:
        docker = engine.start()
    except BaseException:
        if not _mounted_below(folder.absolute()):
            shutil.rmtree(folder, ignore_errors=True)
        raise
    try:
        yield docker
    finally:
        engine.stop()
        shutil.rmtree(folder)


def _check_machine() -> None:
    if os.geteuid() != 0:
        raise EngineUnavailable("no Docker engine: it needs root")
    if lacking := missing():
        names = ", ".join(lacking)
        raise EngineUnavailable(f"no Docker engine: not installed: {names} (python -m support.docker install)")
    for process in Path("/proc").glob("[0-9]*/comm"):
        with suppress(OSError):
            if process.read_text().strip() == "dockerd" and is_running(int(process.parent.name)):
                raise EngineUnavailable(
                    f"no second Docker engine: process {process.parent.name} is one, and they would share a network"
                    " bridge. Stop it, or set RINGBACK_TEST_DOCKER_HOST to use it."
                )


def _mounted_below(folder: Path) -> list[str]:
    """Return the mount points below a folder, in the order in which they were mounted."""
    lines = Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
    return [place for place in (line.split()[1] for line in lines) if place.startswith(f"{folder}/")]


def is_running(process_id: int) -> bool:
    """Return whether a process is running. A zombie, which its parent has not reaped yet, is not running."""
    with suppress(OSError):
        return Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False
