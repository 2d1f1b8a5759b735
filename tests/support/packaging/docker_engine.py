"""A stub of those parts of the Docker Engine's API that Testcontainers uses. It runs the image's command as a process.

Tests run Testcontainers and Docker's client library without an engine. The stub translates container ports, container
paths and the name of the host machine.
"""

import io
import json
import os
import re
import struct
import subprocess
import sys
import tarfile
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from support.packaging.image import command, environment
from support.servers.server import STOP_SECONDS, free_port

IMAGE = "ringback"
HOST_MACHINE = "host.docker.internal"
STANDARD_ERROR = 2
VERSION = {"ApiVersion": "1.48", "MinAPIVersion": "1.24", "Version": "28.0"}
NO_CONTENT = (204, b"")


@dataclass
class Container:
    """A container: the settings in its create request, and the process that runs in its place after the start."""

    id: str
    name: str
    wanted: dict[str, Any]
    folder: Path
    port: int = field(default_factory=free_port)
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def status(self) -> str:
        if self.process is None:
            return "created"
        return "running" if self.process.poll() is None else "exited"

    @property
    def is_gone(self) -> bool:
        """Whether the engine has removed the container because it exited."""
        return bool(self.wanted["HostConfig"].get("AutoRemove")) and self.status == "exited"

    def start(self) -> None:
        """Run the image's command, with paths and host names translated for this machine."""
        given = self.wanted.get("Cmd") or command("CMD")
        arguments = [self._translated(argument) for argument in given]
        variables = environment() | dict(pair.split("=", 1) for pair in self.wanted.get("Env") or [])
        own = {name: value for name, value in variables.items() if name.startswith("RINGBACK_")}
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith(("RINGBACK_", "COVERAGE_"))
        }
        with (self.folder / "log").open("wb") as log:
            self.process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-m", *command("ENTRYPOINT"), *arguments],
                env=inherited | own | {"RINGBACK_HOST": "127.0.0.1", "RINGBACK_PORT": str(self.port)},
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )

    def _translated(self, argument: str) -> str:
        if f"{HOST_MACHINE}:host-gateway" in (self.wanted["HostConfig"].get("ExtraHosts") or []):
            argument = argument.replace(HOST_MACHINE, "127.0.0.1")
        return re.sub(r"^(--seed=)/", rf"\1{self.folder}/", argument)

    def described(self) -> dict[str, Any]:
        bindings = {port: [{"HostIp": "", "HostPort": str(self.port)}] for port in self.wanted["ExposedPorts"]}
        return {
            "Id": self.id,
            "Name": f"/{self.name}",
            "State": {"Status": self.status},
            "Config": {"Tty": False, "Image": self.wanted["Image"], "Labels": self.wanted.get("Labels")},
            "NetworkSettings": {"Ports": bindings if self.status == "running" else {}},
        }

    def log(self) -> bytes:
        """Return the log in the engine's multiplexed stream format."""
        written = (self.folder / "log").read_bytes() if self.process else b""
        return struct.pack(">BxxxL", STANDARD_ERROR, len(written)) + written

    def remove(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(STOP_SECONDS)


def _error(status: int, message: str) -> tuple[int, bytes]:
    return status, json.dumps({"message": message}).encode()


class DockerEngine:
    """A server on a free port of 127.0.0.1. `containers` are all created ones, `removed` the deleted ones.

    `refusal` is the engine's message if it cannot start a container, and `pull_error` its message for a missing image.
    """

    def __init__(self, folder: Path) -> None:
        self.containers: dict[str, Container] = {}
        self.removed: set[str] = set()
        self.refusal: str | None = None
        self.pull_error = "pull access denied for this image, repository does not exist"
        self._folder = folder
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http.daemon_threads = True
        self.url = f"tcp://127.0.0.1:{self._http.server_port}"

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        """Return the status and body of a response. Unknown requests get a 404 with a message, as from the engine."""
        match [method, *re.sub(r"^/v[0-9.]+", "", path).strip("/").split("/")]:
            case ["GET", "version"]:
                return 200, json.dumps(VERSION).encode()
            case [_, "images", *what]:
                return self._of_images(method, what)
            case ["POST", "containers", "create"]:
                return 201, json.dumps({"Id": self._create(json.loads(body)), "Warnings": []}).encode()
            case ["POST", "containers", _, "start"] if self.refusal:
                return _error(500, self.refusal)
            case [_, "containers", known, *what] if known in self.containers and not self.containers[known].is_gone:
                return self._of_container(self.containers[known], method, what, body)
        return _error(404, f"there is no {path} here")

    def _of_images(self, method: str, what: list[str]) -> tuple[int, bytes]:
        match [method, *what]:
            case ["GET", name, "json"] if name == IMAGE:
                return 200, json.dumps({"Id": "sha256:0", "RepoTags": [f"{IMAGE}:latest"]}).encode()
            case ["GET", name, "json"]:
                return _error(404, f"No such image: {name}:latest")
        return _error(500, self.pull_error)

    def _create(self, wanted: dict[str, Any]) -> str:
        made = f"{len(self.containers):064x}"
        folder = self._folder / made[-4:]
        folder.mkdir()
        self.containers[made] = Container(made, f"container{len(self.containers)}", wanted, folder)
        return made

    def _of_container(self, container: Container, method: str, what: list[str], body: bytes) -> tuple[int, bytes]:
        match [method, *what]:
            case ["GET", "json"]:
                return 200, json.dumps(container.described()).encode()
            case ["GET", "logs"]:
                return 200, container.log()
            case ["PUT", "archive"]:
                with tarfile.open(fileobj=io.BytesIO(body)) as archive:
                    archive.extractall(container.folder, filter="data")
                return 200, b""
            case ["POST", "start"]:
                container.start()
                return NO_CONTENT
            case ["DELETE"]:
                container.remove()
                self.removed.add(container.id)
                return NO_CONTENT
        return 404, b""

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        engine = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, content = engine.answer(self.command, urlsplit(self.path).path, body)
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815

            def log_message(self, *_: object) -> None:
                """Disable the log."""

        return Handler

    def __enter__(self) -> Self:
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._http.shutdown()
        self._http.server_close()
        for container in self.containers.values():
            container.remove()
